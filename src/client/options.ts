/** What can be said to a client beside what is asked. */
import type { ReconnectOptions } from "./backoff.ts";
import type { ConnectionState } from "./lifeline.ts";

/** Options of {@linkcode connect}. */
export interface ConnectOptions {
  /** Longest time in milliseconds to wait for an answer. @default {35000} */
  readonly timeoutMs?: number;
  /** Longest time in milliseconds to wait for a connection. @default {5000} */
  readonly connectTimeoutMs?: number;
  /** Most pushes of one subscription that wait for their reader; of more, the oldest are dropped and counted. @default {1024} */
  readonly maxWaiting?: number;
  /** Longest line in bytes; one that sends a longer one is left. @default {268435456} */
  readonly maxLineBytes?: number;
  /** Most bytes that are read in a second on the average of some seconds; what comes faster waits at the target. @default {no limit} */
  readonly maxBytesPerSecond?: number;
  /** Whether and how a lost connection is made again. @default {false} */
  readonly reconnect?: boolean | ReconnectOptions;
  /** Told when the connection for requests is made, lost and to be made again, or over; what it throws is ignored. */
  readonly onState?: (state: ConnectionState, reason: string) => void;
  /** Says where the target listens now, before each attempt to connect again; `null` where that is not known. @default {where it did} */
  readonly relocate?: (path: string) => Promise<string | null>;
  /** Told how many milliseconds it takes until a lost connection is tried again; what it throws is ignored. */
  readonly onRetry?: (delayMs: number) => void;
  /** The user to whom the socket must belong, and its folders may. @default {the own one, or root} */
  readonly ownerUid?: number;
  /** Closes the client when it aborts, also while it connects. */
  readonly signal?: AbortSignal;
}

/** Options of one request. */
export interface RequestOptions {
  /** Stops waiting when it aborts; the target may do what was asked all the same. */
  readonly signal?: AbortSignal;
  /** Longest time in milliseconds to wait for the answer. @default {that of the connection} */
  readonly timeoutMs?: number;
}

/** What is asked of a child or of the tree, by whom and why. */
export interface CommandRequest extends RequestOptions {
  /** The child's path. */
  readonly childPath?: string;
  /** The declaration of a child to be added. */
  readonly childManifest?: string;
  /** The template of which copies are made. */
  readonly template?: string;
  /** How many copies there are to be. */
  readonly count?: number;
  /** Path of the supervisor to which `add_child` adds; its answer then tells the path of the child. @default {the root} */
  readonly to?: string;
  /** What `start_template` gives to the copy: any JSON value. @default {that of the template} */
  readonly args?: unknown;
  /** Whether `shutdown_tree` forces everything at once. @default {false} */
  readonly force?: boolean;
  /** Whether `reload` only says what it would do. @default {false} */
  readonly dryRun?: boolean;
  /** Why. */
  readonly reason: string;
  /** Who asks. */
  readonly requestedBy: string;
  /** Whether a dangerous command is meant. @default {false} */
  readonly confirmed?: boolean;
}

/** Options of a subscription; filters count with targets that have the capability `subscriptions.filter`. */
export interface SubscribeOptions {
  /** Ends the stream when it aborts. */
  readonly signal?: AbortSignal;
  /** Goes on after this number instead of from now on. */
  readonly since?: number;
  /** The run to which that number belongs, as `hello` calls it: another one is read from its beginning, which is told. @default {the one that runs} */
  readonly run?: string;
  /** Begins with so many of the last ones that are remembered, 10000 at most, and a `caught_up` after them; needs the capability `subscriptions.recent`. */
  readonly recent?: number;
  /** Only what concerns this child and those below it. */
  readonly path?: string;
  /** Only what concerns these children and those below them. */
  readonly paths?: readonly string[];
  /** Only these: `error`, `warning`, `info`. */
  readonly severities?: readonly string[];
}

/** Options of a subscription to events. */
export interface EventOptions extends SubscribeOptions {
  /** Only these types, such as `child_failed`. */
  readonly types?: readonly string[];
  /** Whether children are pushed as well, all of them first and then those that changed. @default {false} */
  readonly states?: boolean;
  /** Whether everything that is known of these is pushed, see {@linkcode ChildDescription}, and of the tree where that changes. @default {false} */
  readonly details?: boolean;
  /** Whether the rows of the reference come with these; who reads the details needs none, and is told sooner without, by targets with the capability `subscriptions.rows`. @default {true} */
  readonly rows?: boolean;
  /** Whether each event comes with its sentence. @default {false} */
  readonly described?: boolean;
  /** How often it is pushed what processes take, in milliseconds. @default {never} */
  readonly usageMs?: number;
}

/** Which of the events or lines that are remembered are wanted. */
export interface RecentOptions extends RequestOptions {
  /** Only what concerns this child and those below it. */
  readonly path?: string;
  /** Only what concerns these children and those below them. */
  readonly paths?: readonly string[];
  /** Only these: `error`, `warning`, `info`. */
  readonly severities?: readonly string[];
  /** The last so many. @default {1000} */
  readonly limit?: number;
}

/** Which records of the audit are wanted. */
export interface AuditOptions extends RequestOptions {
  /** Only those after this number. @default {0} */
  readonly after?: number;
  /** The last so many, 10000 at most. @default {1000} */
  readonly limit?: number;
}
