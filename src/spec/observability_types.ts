/** What a user declares of what can be seen: output, events, metrics, and what happens to those who read too slowly. */

/** What is kept of a child's output. */
export interface LogOptions {
  /** How many of the last lines go with a failure. @default {50} */
  readonly tailLines?: number;
  /** Whether what it writes to standard output is kept. @default {true} */
  readonly stdout?: boolean;
  /** Whether what it writes to standard error is kept. @default {true} */
  readonly stderr?: boolean;
  /** File for its output, only for its owner; in its folder lie the older ones. @default {none} */
  readonly file?: string;
  /** A line as it is, or an object of JSON that tells when, of whom and which attempt. @default {"text"} */
  readonly format?: "text" | "json";
  /** Size in bytes at which the file becomes `PATH.1`, and a new one begins. @default {10485760} */
  readonly maxBytes?: number;
  /** Age in seconds at which a new file begins, whatever its size; `null` is any. @default {null} */
  readonly maxAgeSecs?: number | null;
  /** How many old files are kept. @default {5} */
  readonly keep?: number;
  /** Whether old files are compressed with gzip. @default {false} */
  readonly compress?: boolean;
}

/** When what is written is forced to the disk: each time, about once in a second, or when the system likes; none of it matters while the machine runs. */
export type FsyncPolicy = "always" | "interval" | "never";

/** A file with every event, a line of JSON each, only for its owner; one file serves one tree. */
export interface JournalOptions {
  /** The file; in its folder lie the older ones. */
  readonly path: string;
  /** Size in bytes at which the file becomes `PATH.1`, and a new one begins. @default {67108864} */
  readonly maxBytes?: number;
  /** Age in seconds at which a new file begins, whatever its size; `null` is any. @default {null} */
  readonly maxAgeSecs?: number | null;
  /** How many old files are kept. @default {5} */
  readonly keep?: number;
  /** Whether old files are compressed with gzip. @default {true} */
  readonly compress?: boolean;
  /** When events are forced to the disk. @default {"interval"} */
  readonly fsync?: FsyncPolicy;
}

/** What the tree remembers and measures. */
export interface ObservabilityOptions {
  /** How many events are kept for readers that come late or lag. @default {4096} */
  readonly eventJournalCapacity?: number;
  /** How many events may wait for one reader; of more, it misses the oldest. @default {as many as are kept} */
  readonly eventQueueCapacity?: number;
  /** How many commands may wait for their answer; more are refused. @default {1024} */
  readonly commandQueueCapacity?: number;
  /** Where events are written to a file. @default {nowhere} */
  readonly journal?: JournalOptions;
  /** Whether metrics and traces are made, where the program has registered an OpenTelemetry SDK that takes them. @default {true} */
  readonly metricsEnabled?: boolean;
}

/** When a reader of events or of output is slow, and what happens then; children are slowed by no reader. */
export interface BackpressureOptions {
  /** Let it read on as long as the journal has what it wants, or give it a part only. @default {"alert_and_block"} */
  readonly strategy?: "alert_and_block" | "sample_and_audit";
  /** How full the journal is of what the reader has not read, in percent, when that is told. @default {80} */
  readonly warnThresholdPct?: number;
  /** The same, when the strategy begins. @default {95} */
  readonly criticalThresholdPct?: number;
  /** For so many seconds the same is not told again of the same reader. @default {30} */
  readonly windowSecs?: number;
  /** Which part of what waits a slow reader still gets with `sample_and_audit`. @default {0.5} */
  readonly sampleRatio?: number;
  /** How many records of the audit may wait to be written, those of commands aside, for which `audit.maxDeferQueue` counts. @default {1024} */
  readonly auditChannelCapacity?: number;
}
