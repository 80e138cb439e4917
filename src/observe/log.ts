/** What the children say: one record per line. */

/** One line of a child's output or log. */
export interface LogRecord {
  /** Counts the lines of the tree from 1, without holes. */
  readonly seq: number;
  /** Milliseconds on the tree's monotonic clock. */
  readonly atMs: number;
  /** Path of the child. */
  readonly path: string;
  /** Which incarnation of the child, by an operator or a new configuration. */
  readonly generation: number;
  /** Which attempt of the child. */
  readonly attempt: number;
  /** Where the line came from. */
  readonly stream: "stdout" | "stderr" | "log";
  /** The line, control characters made visible. */
  readonly line: string;
}
