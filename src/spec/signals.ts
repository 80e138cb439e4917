/** Names of the signals that a process can be asked to stop with. */

/** Signals of POSIX; those that suspend a process are left out, because a suspended process never stops. */
export const SIGNALS: readonly string[] = Object.freeze([
  "SIGABRT",
  "SIGALRM",
  "SIGBUS",
  "SIGCHLD",
  "SIGCONT",
  "SIGFPE",
  "SIGHUP",
  "SIGILL",
  "SIGINT",
  "SIGIO",
  "SIGKILL",
  "SIGPIPE",
  "SIGPROF",
  "SIGQUIT",
  "SIGSEGV",
  "SIGSYS",
  "SIGTERM",
  "SIGTRAP",
  "SIGURG",
  "SIGUSR1",
  "SIGUSR2",
  "SIGVTALRM",
  "SIGWINCH",
  "SIGXCPU",
  "SIGXFSZ",
]);

/** Signals that suspend a process instead of ending it. */
export const SUSPENDING_SIGNALS: readonly string[] = Object.freeze(["SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU"]);
