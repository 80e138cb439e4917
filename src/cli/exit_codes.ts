/** The exit codes of the command, in one place: commands end with them, the help and the man page show them. */

/** What a command that looks, asks or makes something ends with. */
export const EXIT = { clean: 0, problems: 1, unusable: 2, interrupted: 130 } as const;

/** One line of the table. */
export interface ExitCode {
  readonly code: number;
  /** What it means where a command says nothing else. */
  readonly means: string;
  /** What it means after `run`. */
  readonly afterRun: string;
}

/** Every exit code. */
export const EXIT_CODES: readonly ExitCode[] = [
  { code: EXIT.clean, means: "done, or nothing is wrong", afterRun: "the tree was shut down" },
  {
    code: EXIT.problems,
    means: "something is wrong, refused, or not as it was asked for",
    afterRun: "the file has violations, or the tree was never ready in time",
  },
  {
    code: EXIT.unusable,
    means: "nothing can be said or done: wrong usage, a file that cannot be read, no run that answers",
    afterRun: "wrong usage, a file that cannot be read, or something that was asked for cannot be had, so that nothing runs",
  },
  { code: 70, means: "", afterRun: "a supervisor at the root gave up; policy.escalation.exit_code gives another number" },
  { code: EXIT.interrupted, means: "Ctrl-C, at a question or while something is followed", afterRun: "" },
  { code: 137, means: "", afterRun: "the watchdog ended a program whose loop was blocked" },
];
