/** What a client is held to. */

/** What a session is held to. */
export interface SessionLimits {
  /** Messages in a second. @default {200} */
  readonly messagesPerSecond: number;
  /** Time in milliseconds until a client must have said its first word. @default {10000} */
  readonly helloMs: number;
  /** Time in milliseconds without a word after which it ends. @default {null} */
  readonly idleMs: number | null;
  /** Longest message in bytes. @default {65536} */
  readonly frameBytes: number;
  /** A client that has so many bytes waiting gets no more events and lines until it has read; how many it missed is told. @default {4194304} */
  readonly waitingBytes: number;
}

/** What counts where nothing else is said. */
export const SESSION_LIMITS: SessionLimits = {
  messagesPerSecond: 200,
  helloMs: 10_000,
  idleMs: null,
  frameBytes: 64 * 1024,
  waitingBytes: 4 * 1024 * 1024,
};
