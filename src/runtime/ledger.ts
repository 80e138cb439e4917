/** What a tree has open, and for whom, so that the end of the tree can be measured instead of assumed. */
import type { Clock } from "../base/mod.ts";

/** What can be open beside an attempt. */
export type OpenKind = "timer" | "process" | "socket";

/** Something that is still there. */
export interface Leftover {
  /** What it is. */
  readonly kind: "attempt" | OpenKind;
  /** Path of the child to which it belongs. */
  readonly owner: string;
  /** Which one it is, in words. */
  readonly detail: string;
}

/** Enters something that was opened; the returned function strikes it out, and is harmless when repeated. */
export type Opened = (kind: OpenKind, detail: string, isThere?: () => boolean, pid?: number) => () => void;

/** Writes processes down where the next run of the program finds those that this one leaves behind. */
export interface ProcessRecorder {
  /** A process is about to be started, within this turn; the returned function says that none was. */
  starting(attempt: { readonly path: string; readonly attempt: number; readonly mark: string }): () => void;
  /** A process leads a group from now on; the returned function says that nothing is left of it. */
  opened(pid: number, attempt: { readonly path: string; readonly attempt: number; readonly mark: string }): () => void;
}

/** Most entries; of more, the oldest are only counted. */
const MOST_ENTRIES = 4_096;

interface Entry extends Leftover {
  readonly isThere: () => boolean;
}

/** The account of one tree. */
export class Ledger {
  readonly #entries = new Set<Entry>();
  #forgotten = 0;
  /** Where processes are written down. */
  processes: ProcessRecorder | null = null;

  /** Enters something; `isThere` says whether it is still there, without asking as long as it was not struck out. */
  open(owner: string, kind: OpenKind, detail: string, isThere = (): boolean => true): () => void {
    if (this.#entries.size >= MOST_ENTRIES) this.#makeRoom();
    const entry: Entry = { kind, owner, detail, isThere };
    this.#entries.add(entry);
    return () => void this.#entries.delete(entry);
  }

  /** A clock whose timers are entered for an owner. */
  clockOf(owner: string, clock: Clock): Clock {
    return {
      now: () => clock.now(),
      wallNow: () => clock.wallNow(),
      microtask: (callback) => clock.microtask(callback),
      macrotask: (callback) => clock.macrotask(callback),
      setTimer: (callback, delayMs) => {
        const close = this.open(owner, "timer", `a timer of ${Math.round(delayMs)} ms`);
        const cancel = clock.setTimer(() => {
          close();
          callback();
        }, delayMs);
        return () => {
          close();
          cancel();
        };
      },
    };
  }

  /** What is still there, looked at now. */
  left(): Leftover[] {
    this.#forgetGone();
    return [...this.#entries].map(({ kind, owner, detail }) => ({ kind, owner, detail }));
  }

  /** Entries that were still there when there was no room for them any more. */
  get forgotten(): number {
    return this.#forgotten;
  }

  #forgetGone(): void {
    for (const entry of this.#entries) if (!entry.isThere()) this.#entries.delete(entry);
  }

  #makeRoom(): void {
    this.#forgetGone();
    const tooMany = [...this.#entries].slice(0, this.#entries.size - (MOST_ENTRIES >> 1));
    for (const entry of tooMany) this.#entries.delete(entry);
    this.#forgotten += tooMany.length;
  }
}
