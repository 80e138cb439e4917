/** Finds children whose processes use more memory than they may: one look at all of them at a time, while anybody is watched. */
import type { Clock } from "../../base/mod.ts";
import { Processes, type ProcessTable, systemProcesses } from "./process_table.ts";

/** How to watch. */
export interface MemoryWatchOptions {
  /** Of the tree. */
  readonly clock: Pick<Clock, "setTimer">;
  /** Time between two looks in milliseconds. @default {5000} */
  readonly everyMs?: number;
  /** What is looked at. @default {the system} */
  readonly table?: ProcessTable;
}

/** Hears of the memory of one process. */
export interface MemoryListener {
  /** It uses too much; told once, with what to say of it. */
  exceeded(message: string): void;
  /** Memory cannot be measured, although it could when the tree was checked; told once, with why. */
  unmeasured(reason: string): void;
}

interface Watched {
  readonly pid: number;
  readonly limitMb: number;
  readonly listener: MemoryListener;
  isTold: boolean;
  /** Looks in a row that found too much. */
  above: number;
}

const EVERY_MS = 5_000;

/** A peak is no leak: so many looks in a row have to find too much. */
const ENOUGH = 2;

/** Watches the memory of processes with all their descendants and all members of their groups. */
export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  readonly #watched = new Set<Watched>();
  #cancelTimer: (() => void) | null = null;
  #isLooking = false;

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
  }

  /**
   * Watches the process of this number, which leads a group. The returned function ends that and is harmless when repeated.
   */
  add(pid: number, limitMb: number, listener: MemoryListener): () => void {
    const entry: Watched = { pid, limitMb, listener, isTold: false, above: 0 };
    this.#watched.add(entry);
    this.#plan();
    return () => {
      this.#watched.delete(entry);
      if (this.#watched.size > 0) return;
      this.#cancelTimer?.();
      this.#cancelTimer = null;
    };
  }

  #plan(): void {
    if (this.#cancelTimer !== null || this.#isLooking || this.#watched.size === 0) return;
    this.#cancelTimer = this.#options.clock.setTimer(() => void this.#look(), this.#options.everyMs ?? EVERY_MS);
  }

  async #look(): Promise<void> {
    const { table = systemProcesses() } = this.#options;
    this.#cancelTimer = null;
    this.#isLooking = true;
    const look = await table.look();
    this.#isLooking = false;
    for (const entry of [...this.#watched]) {
      if (look instanceof Processes) this.#judge(entry, look);
      else if (!entry.isTold) {
        entry.isTold = true;
        entry.listener.unmeasured(look.reason);
      }
    }
    this.#plan();
  }

  #judge(entry: Watched, look: Processes): void {
    // Somebody before may have led to its end.
    if (!this.#watched.has(entry)) return;
    const { usedMb, count } = memoryOf(entry.pid, look);
    entry.above = usedMb > entry.limitMb ? entry.above + 1 : 0;
    if (entry.above < ENOUGH) return;
    this.#watched.delete(entry);
    const processes = count === 1 ? "its process" : `its ${count} processes`;
    entry.listener.exceeded(`${processes} used ${Math.ceil(usedMb)} MiB of memory, more than its limit of ${entry.limitMb} MiB`);
  }
}

/** The memory that a process, its descendants and the members of its group have in use together, in MiB. */
export function memoryOf(pid: number, look: Processes): { readonly usedMb: number; readonly count: number } {
  const members = look.withDescendants([pid, ...look.group(pid)]);
  let kb = 0;
  for (const member of members) kb += look.get(member)?.residentKb ?? 0;
  return { usedMb: kb / 1024, count: members.size };
}
