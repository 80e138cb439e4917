/** What the processes of a tree take: measured when somebody asks, for all of them at once. */
import type { Clock } from "../base/mod.ts";
import { type Processes, type ProcessTable, systemProcesses } from "./children/process_table.ts";

/** What one child takes, with all its descendants and all members of its group. */
export interface ChildUsage {
  /** Share of one processor in percent, since it was measured last. */
  readonly cpuPercent: number;
  /** Memory that is in use, in bytes; what processes share counts for each. */
  readonly memoryBytes: number;
  /** How many processes that are. */
  readonly processes: number;
}

/** What was measured. */
export interface Usage {
  /** By path; only processes are in it. */
  readonly children: ReadonlyMap<string, ChildUsage>;
  /** Why nothing could be measured, `null` where it could. */
  readonly reason: string | null;
}

/** What is measured, and how. */
export interface UsageMeterOptions {
  /** The children that have a process now. */
  readonly processes: () => Iterable<readonly [path: string, pid: number]>;
  readonly clock: Pick<Clock, "now" | "setTimer">;
  /** What is looked at. @default {the system} */
  readonly table?: ProcessTable;
}

interface Sample {
  readonly pid: number;
  readonly start: string;
  readonly cpuMs: number;
}

/** A share of time needs two looks: so far apart at least, and at most. */
const SHORTEST_MS = 250;
const LONGEST_MS = 30_000;

/** Measures the processes of one tree. */
export class UsageMeter {
  readonly #options: UsageMeterOptions;
  #samples = new Map<string, Sample>();
  #atMs = -Infinity;
  #measuring: Promise<Usage> | null = null;

  constructor(options: UsageMeterOptions) {
    this.#options = options;
  }

  /** Measures; who asks meanwhile gets the same answer. Never rejects. */
  measure(): Promise<Usage> {
    return this.#measuring ??= this.#measure().finally(() => this.#measuring = null);
  }

  async #measure(): Promise<Usage> {
    const { clock, processes } = this.#options;
    if ([...processes()].length === 0) return { children: new Map(), reason: null };
    const ageMs = clock.now() - this.#atMs;
    if (ageMs > LONGEST_MS) {
      const first = await this.#look();
      if ("reason" in first) return { children: new Map(), reason: first.reason };
      this.#keep(first);
    }
    const waitMs = this.#atMs + SHORTEST_MS - clock.now();
    if (waitMs > 0) await new Promise<void>((resolve) => clock.setTimer(resolve, waitMs));
    const before = { samples: this.#samples, atMs: this.#atMs };
    const look = await this.#look();
    if ("reason" in look) return { children: new Map(), reason: look.reason };
    this.#keep(look);
    const tookMs = Math.max(1, this.#atMs - before.atMs);
    const children = new Map<string, ChildUsage>();
    for (const [path, pid] of processes()) {
      const members = membersOf(pid, look);
      if (members.size === 0) continue;
      const [was, is] = [before.samples.get(path), this.#samples.get(path)];
      // One that began meanwhile has taken all of its time since then.
      const usedMs = (is?.cpuMs ?? 0) - (was !== undefined && was.pid === is?.pid && was.start === is.start ? was.cpuMs : 0);
      let residentKb = 0;
      for (const member of members) residentKb += look.get(member)?.residentKb ?? 0;
      const cpuPercent = Math.round(1_000 * Math.max(0, usedMs) / tookMs) / 10;
      children.set(path, { cpuPercent, memoryBytes: residentKb * 1_024, processes: members.size });
    }
    return { children, reason: null };
  }

  #look(): Promise<Processes | { readonly reason: string }> {
    return (this.#options.table ?? systemProcesses()).look();
  }

  #keep(look: Processes): void {
    const samples = new Map<string, Sample>();
    for (const [path, pid] of this.#options.processes()) {
      const start = look.get(pid)?.start;
      if (start === undefined) continue;
      let cpuMs = 0;
      for (const member of membersOf(pid, look)) cpuMs += look.get(member)?.cpuMs ?? 0;
      samples.set(path, { pid, start, cpuMs });
    }
    this.#samples = samples;
    this.#atMs = this.#options.clock.now();
  }
}

function membersOf(pid: number, look: Processes): ReadonlySet<number> {
  return look.withDescendants([pid, ...look.group(pid)]);
}
