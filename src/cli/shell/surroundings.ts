/** What the command reads from its environment, and the files that it knows without being told: for the man page. */

/** Variables, and what each does. */
export const VARIABLES: readonly (readonly [name: string, means: string])[] = [
  ["REEVE_SOCKET", "The socket of the run that commands talk to, where no --file and no --socket is given"],
  [
    "XDG_RUNTIME_DIR",
    "The folder reeve in it has the sockets of runs whose file has no dashboard section; ~/.cache/reeve where it is not set",
  ],
  ["XDG_STATE_HOME", "The folder reeve in it has the logs of runs in the background; ~/.local/state/reeve where it is not set"],
  ["NO_COLOR", "Whatever its value is, nothing is coloured"],
  ["NOTIFY_SOCKET, WATCHDOG_USEC", "Set by systemd for a unit that waits to be told how the tree is"],
  ["OTEL_*", "Where metrics and traces go, as OpenTelemetry defines it"],
];

/** Files, and what each is. */
export const FILES: readonly (readonly [name: string, means: string])[] = [
  ["supervisor.yaml, supervisor.yml, reeve.yaml, reeve.yml", "The file of a tree, looked for in the folder in which commands are given"],
  ["$XDG_RUNTIME_DIR/reeve/NAME-PID.sock", "The socket of a run"],
  ["$XDG_RUNTIME_DIR/reeve/NAME.pid", "The number of the process of a run in the background"],
  [
    "~/.local/state/reeve/NAME.log",
    "What a run in the background says; older ones end in .1 to .5, and what its runtime says is in NAME.log.stderr",
  ],
];
