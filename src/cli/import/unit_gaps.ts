/** Why a directive of systemd has no equivalent, and what to do instead. */

/** Why, and what instead. */
export interface Reason {
  readonly why: string;
  readonly instead: string;
}

const IN_THE_UNIT = "set it in the unit of the supervisor (reeve install), where it counts for all children";

const REASONS: readonly (readonly [pattern: RegExp, reason: Reason])[] = [
  [
    /^(?:Protect|Private|Restrict|NoNewPrivileges|CapabilityBoundingSet|AmbientCapabilities|SystemCall|ReadOnly|ReadWrite|Inaccessible|Exec(?:Paths|SearchPath)|NoExec|LockPersonality|MemoryDenyWriteExecute|DynamicUser|(?:Runtime|State|Cache|Logs|Configuration)Directory|Root|Bind(?:ReadOnly)?Paths|TemporaryFileSystem|UMask|SecureBits|KeyringMode|ProcSubset|Device|IPAddress|NetworkNamespace|RemoveIPC|Delegate|PAMName|LoadCredential|SetCredential|MountFlags|SELinux|AppArmor|Smack)/,
    { why: "Reeve puts no walls around a child", instead: IN_THE_UNIT },
  ],
  [
    /^(?:Nice|IO|CPU|OOM|Limit|Memory|Tasks|Slice|Block|StartupCPU|StartupIO|Timer|Coredump|NUMA|AllowedCPUs|ManagedOOM)/,
    { why: "Reeve does not limit or weigh this for a child", instead: IN_THE_UNIT },
  ],
  [/^(?:Condition|Assert)/, {
    why: "Reeve has no conditions",
    instead: "test it in hooks.before_start, whose failure keeps the child from starting",
  }],
  [
    /^On(?:Failure|Success)/,
    { why: "the end of one child starts no other", instead: 'use hooks.after_exit, or look for the event "child_failed"' },
  ],
  [/^(?:Conflicts|PropagatesStopTo|StopPropagatedFrom|JoinsNamespaceOf|PropagatesReloadTo|ReloadPropagatedFrom|Upholds|Requisite)/, {
    why: "Reeve has no such relation between children",
    instead: "see whether dependencies, wants or binds_to means the same to you",
  }],
  [/^PartOf/, { why: "Reeve passes no stop or restart on in this way", instead: "binds_to stops the child when the other one goes down" }],
  [
    /^(?:Sockets|FileDescriptor|BusName|USBFunction|Accept)/,
    { why: "says how sockets come to it, which Reeve declares in another way", instead: "write them into run.process.listen" },
  ],
  [/^NotifyAccess/, {
    why: "Reeve does not listen to sd_notify of its children",
    instead: "choose a readiness mode: http, tcp, exec or log_line",
  }],
  [/^ExecReload/, { why: "Reeve sends no reload to a child", instead: "restart the child, or signal its process" }],
  [/^ExecCondition/, { why: "Reeve skips no start", instead: "test it in hooks.before_start, whose failure is a failure of the child" }],
  [/^(?:PIDFile|GuessMainPID|RemainAfterExit)/, {
    why: "Reeve watches the process that it started, and no other",
    instead: "let the program stay in the foreground",
  }],
  [/^(?:Syslog|Log|StandardInput|StandardOutput|StandardError|TTY)/, {
    why: "Reeve takes the output itself, and gives no input",
    instead: "see the keys under logs",
  }],
  [
    /^(?:RestartForceExitStatus|RestartMode|RestartKillSignal|ExitType|FailureAction|SuccessAction|StartLimitAction|JobTimeout|RuntimeMax|RuntimeRandomized|TimeoutAbort|TimeoutStartFailureMode|TimeoutStopFailureMode|RebootArgument|FinalKillSignal|WatchdogSignal|OOMPolicy)/,
    {
      why: "Reeve has no such rule for the end of a child",
      instead: "see restart_policy, limit, timeouts and stop",
    },
  ],
  [/^UnsetEnvironment/, {
    why: "children have the environment of the supervisor",
    instead: "take the variable out there, or start by env -u",
  }],
  [/^(?:Alias|Also|DefaultInstance|RequiredBy|UpheldBy)/, {
    why: "children of a file have no other names and are not enabled one by one",
    instead: "say it in the dependencies of the children",
  }],
];

const UNKNOWN: Reason = { why: "Reeve has nothing that is the same", instead: "see docs/reference/configuration.md for what there is" };

/** The reason for a directive. */
export function reasonFor(key: string): Reason {
  return REASONS.find(([pattern]) => pattern.test(key))?.[1] ?? UNKNOWN;
}

/** Exit codes that systemd has names for, as far as programs use them. */
export const EXIT_NAMES: Readonly<Record<string, number>> = {
  SUCCESS: 0,
  FAILURE: 1,
  INVALIDARGUMENT: 2,
  NOTIMPLEMENTED: 3,
  NOPERMISSION: 4,
  NOTINSTALLED: 5,
  NOTCONFIGURED: 6,
  NOTRUNNING: 7,
  USAGE: 64,
  DATAERR: 65,
  NOINPUT: 66,
  NOUSER: 67,
  NOHOST: 68,
  UNAVAILABLE: 69,
  SOFTWARE: 70,
  OSERR: 71,
  OSFILE: 72,
  CANTCREAT: 73,
  IOERR: 74,
  TEMPFAIL: 75,
  PROTOCOL: 76,
  NOPERM: 77,
  CONFIG: 78,
};

/** Units that come before everything that a supervisor does. */
export const EARLY_UNITS: ReadonlySet<string> = new Set([
  "network.target",
  "network-online.target",
  "basic.target",
  "sysinit.target",
  "local-fs.target",
  "remote-fs.target",
  "time-sync.target",
  "nss-lookup.target",
  "syslog.target",
  "multi-user.target",
  "default.target",
  "graphical.target",
]);
