/** What a user declares of processes: how they run, what goes before and after, and what they may use. */

/** A program that runs before or after something. */
export interface HookProgram {
  /** Command, looked up in `PATH` unless it contains a slash. */
  readonly command: string;
  /** Arguments. @default {[]} */
  readonly args?: readonly string[];
  /** Longest time in milliseconds; a program that takes longer is killed, and has failed. @default {10000} */
  readonly timeoutMs?: number;
}

/** A socket that the supervisor opens, and keeps while the process starts anew, so that nobody who connects is turned away. */
export type ListenOptions =
  & {
    /** Its name in `LISTEN_FDNAMES`; letters, digits and `_ . -`. @default {"unknown"} */
    readonly name?: string;
  }
  & (
    | {
      /** Port of a TCP socket. */
      readonly port: number;
      /** Address of this machine as a number, such as `0.0.0.0` or `::1`. @default {"127.0.0.1"} */
      readonly host?: string;
    }
    | {
      /** Path of a Unix socket; one that nobody listens on any more is replaced. */
      readonly path: string;
      /** Its mode as octal digits. @default {"0600"} */
      readonly permissions?: string;
    }
    | {
      /** Name of a socket that the service manager gave to the supervisor (`FileDescriptorName=` of systemd). */
      readonly inherited: string;
    }
  );

/** Programs around the attempts of a process; each gets the environment of the child, and what it prints is output of the child. */
export interface HookOptions {
  /** Runs before each start, within `timeouts.startMs`; where it fails, the attempt has failed. */
  readonly beforeStart?: HookProgram;
  /** Runs after each start, before the child counts as ready; where it fails, the attempt has failed. */
  readonly afterStart?: HookProgram;
  /** Runs before the child is asked to stop, within `stop.timeoutMs`; its failure is told, and nothing else follows. */
  readonly beforeStop?: HookProgram;
  /** Runs after each end, with the exit code or the signal in `REEVE_EXIT_CODE` or `REEVE_EXIT_SIGNAL`; its failure is told, and nothing else follows. */
  readonly afterExit?: HookProgram;
}

/** What a process may use; what cannot be limited here is refused before anything starts. */
export interface ResourceLimits {
  /** Memory of the process and all its descendants in MiB; above it the child is restarted. @default {unlimited} */
  readonly maxMemoryMb?: number | null;
  /** Share of one processor in percent; needs a cgroup that may be written. @default {unlimited} */
  readonly maxCpuPercent?: number | null;
  /** Open files of each process. @default {that of the supervisor} */
  readonly maxFileDescriptors?: number | null;
}

/** A signal that follows when the one before did not end the process. */
export interface SignalStep {
  /** The signal. */
  readonly signal: string;
  /** How long after the child was asked to stop, in milliseconds. */
  readonly afterMs: number;
}

/** Restarts a child when files change; for development. */
export interface WatchOptions {
  /** Files and folders, folders with all that is in them. */
  readonly paths: readonly string[];
  /** Names and patterns such as `*.tmp` or `dist/**` of what does not count, beside `.git` and `node_modules`. @default {[]} */
  readonly ignore?: readonly string[];
  /** Quiet time in milliseconds before the restart. @default {200} */
  readonly debounceMs?: number;
}

/** Starts a child at times instead of at once; only for jobs, which end by themselves. */
export interface ScheduleOptions {
  /** When, as five or six fields of cron; this or `everyMs`. */
  readonly cron?: string;
  /** Time zone of `cron`, such as `Europe/Berlin`. @default {that of the machine} */
  readonly timeZone?: string;
  /** How often in milliseconds, counted from start to start; this or `cron`. */
  readonly everyMs?: number;
  /** Random delay in milliseconds before each start, up to this. @default {0} */
  readonly jitterMs?: number;
  /** What happens when it is time and the job still runs: leave it out, start it as soon as it has ended, or stop what runs. @default {"skip"} */
  readonly overlap?: "skip" | "queue" | "replace";
  /** What happens to times that passed while nothing ran: nothing, or one start at once. @default {"skip"} */
  readonly missed?: "skip" | "run_once";
  /** Whether it also starts with the tree. @default {false} */
  readonly atStart?: boolean;
}

/** Where it is kept what must outlive the program. */
export interface StateFileOptions {
  /** The file, only for its owner; one file serves one tree. */
  readonly path: string;
  /** What becomes of processes that a killed supervisor left behind. @default {"stop"} */
  readonly leftovers?: "stop" | "leave";
}
