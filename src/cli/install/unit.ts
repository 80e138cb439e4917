/** The text of a unit of systemd for one file. */
import { cleanText } from "../../base/mod.ts";

/** What a unit says. */
export interface UnitOptions {
  /** What people are told. */
  readonly description: string;
  /** The words of the command, the program by its whole path. */
  readonly command: readonly string[];
  /** The folder in which it runs. */
  readonly folder: string;
  /** Name of the unit without `.service`. */
  readonly name: string;
  /** Time in milliseconds in which the tree stops by its own rules; `null` for ever. */
  readonly stopMs: number | null;
  /** Whether it is a unit of a user. */
  readonly user: boolean;
  /** Under which ids it runs, for a unit of the system; `null` is root. */
  readonly ids: { readonly uid: number; readonly gid: number } | null;
  /** `PATH` where the usual one does not have all commands. */
  readonly path: string | null;
  /** The signal on which the file is read anew; `null` where none does that. */
  readonly reloadSignal: string | null;
  /** The signal that asks the tree to stop. */
  readonly stopSignal: string;
  /** Whether a child has a share of a processor, which takes a cgroup that may be written. */
  readonly limitsCpu: boolean;
}

/** The first line of every unit that was made here. */
export const MARK = "# Made by reeve install: written anew by the next one, so that changes belong into a drop-in (systemctl edit).";

/** What is added to the budget of the tree, for the report and the end of the program. */
const STOP_MARGIN_MS = 10_000;

/** Writes the unit. */
export function unitText(options: UnitOptions): string {
  const { description, command, folder, name, stopMs, user, path, reloadSignal, stopSignal } = options;
  const stop = stopMs === null ? "infinity" : Math.ceil((stopMs + STOP_MARGIN_MS) / 1_000);
  const lines = [
    MARK,
    "[Unit]",
    `Description=${escapedPercent(cleanText(description, 200))}`,
    ...user ? [] : ["Wants=network-online.target", "After=network-online.target"],
    "StartLimitIntervalSec=10min",
    "StartLimitBurst=5",
    "",
    "[Service]",
    "Type=notify",
    "# systemd is told by the program systemd-notify, a process of the unit.",
    "NotifyAccess=all",
    `ExecStart=${command.map(quoted).join(" ")}`,
    ...reloadSignal === null ? [] : [`ExecReload=kill -${reloadSignal.replace(/^SIG/, "")} $MAINPID`],
    `WorkingDirectory=${escapedPercent(folder)}`,
    ...whose(options),
    ...path === null ? [] : [`Environment=${quoted(`PATH=${path}`)}`],
    ...user ? [] : [`RuntimeDirectory=${name}`, "RuntimeDirectoryMode=0700", `Environment=XDG_RUNTIME_DIR=/run/${name}`],
    "WatchdogSec=30",
    "# What the tree waits for, it says itself: systemctl status.",
    "TimeoutStartSec=infinity",
    ...stopSignal === "SIGTERM" ? [] : [`KillSignal=${stopSignal}`],
    "# The signal goes to the supervisor alone, which stops its children in order, within the budgets of the file.",
    "KillMode=mixed",
    `TimeoutStopSec=${stop}`,
    "Restart=on-failure",
    "RestartSec=2",
    "# Wrong usage does not become right by another try.",
    "RestartPreventExitStatus=2",
    "",
    ...hardening(options),
    "",
    "[Install]",
    `WantedBy=${user ? "default.target" : "multi-user.target"}`,
  ];
  return `${lines.join("\n")}\n`;
}

function whose({ user, ids }: UnitOptions): string[] {
  if (user) return [];
  return ids === null ? ["User=root"] : [`User=${ids.uid}`, `Group=${ids.gid}`];
}

/** What no usual child misses: children keep the network, the file system, devices and their programs; ProtectClock= would take the devices. */
function hardening({ user, limitsCpu }: UnitOptions): string[] {
  const everywhere = [
    "# Children cannot gain rights by setuid programs such as sudo; take it away where one must.",
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
  ];
  const groups = limitsCpu ? ["# For shares of a processor; systemd 254 or newer.", "Delegate=cpu", "DelegateSubgroup=reeve"] : [];
  if (user) return [...everywhere, ...groups];
  return [
    ...everywhere,
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectHostname=yes",
    ...limitsCpu ? groups : ["ProtectControlGroups=yes"],
  ];
}

function escapedPercent(text: string): string {
  return text.replaceAll("%", "%%");
}

/** A word of a command, so that systemd takes it as it is. */
function quoted(word: string): string {
  const escaped = escapedPercent(word).replaceAll("$", () => "$$");
  return /^[A-Za-z0-9_./:=@%$+,[\]-]+$/.test(escaped) ? escaped : `"${escaped.replace(/["\\]/g, "\\$&")}"`;
}
