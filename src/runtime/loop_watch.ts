/** Whether the loop that supervises gets its turn: how late its timers are, and how long what is posted to it waits. */
import process from "node:process";
import type { Clock } from "../base/mod.ts";
import type { MailboxReading } from "./mailbox.ts";

/** How the supervisor itself is, as it was when it last looked. */
export interface SupervisorHealth {
  /** When it looked, in milliseconds on the tree's monotonic clock: a loop that hangs does not look fresh. */
  readonly observedAtMs: number;
  /** How much later than wanted it came to look, in milliseconds: so long nothing else of the program was done. */
  readonly loopLagMs: number;
  /** The longest such lag of the last minute, in milliseconds. */
  readonly loopLagMaxMs: number;
  /** How many messages wait to be handled. */
  readonly mailboxDepth: number;
  /** The most that waited at a time in the last minute. */
  readonly mailboxPeak: number;
  /** How long a message waits until it is handled, in milliseconds; grows while the present one still waits. */
  readonly queueWaitMs: number;
  /** For how long in all the whole program stood still, in milliseconds: a suspended machine, or a process that was stopped. It is no lag. */
  readonly standstillMs: number;
  /** What the program's objects take, in bytes. */
  readonly heapUsedBytes: number;
  /** What the program takes of the machine's memory, in bytes. */
  readonly residentBytes: number;
}

/** What is told when the supervisor does not get its turn. */
export interface StarvationFacts {
  readonly type: "fairness_probe_starvation";
  /** How long a message waited, or waits already, in milliseconds. */
  readonly waitMs: number;
  /** How late the loop was, in milliseconds. */
  readonly lagMs: number;
  /** How many messages wait. */
  readonly depth: number;
}

/** What the program has used up. */
export interface Resources {
  /** Time of processors since the program began, of all its threads together, in milliseconds. */
  readonly cpuMs: number;
  readonly heapUsedBytes: number;
  readonly residentBytes: number;
}

/** What {@linkcode LoopWatch} works with. */
export interface LoopWatchOptions {
  readonly clock: Pick<Clock, "now" | "setTimer">;
  readonly mailbox: MailboxReading;
  readonly tell: (facts: StarvationFacts) => void;
  /** How often to look, in milliseconds. @default {1_000} */
  readonly intervalMs?: number;
  /** A lag or a wait that is longer is told, in milliseconds. @default {1_000} */
  readonly starvedAfterMs?: number;
  /** What the program has used up. @default {what the runtime says} */
  readonly resources?: () => Resources;
}

/** Starvation is told once in so many milliseconds at most. */
const TOLD_EVERY_MS = 10_000;

/** A lag above this may be a program that stood still. */
const STANDSTILL_MS = 5_000;

/** A program that used less of a processor than this part of the lag did not run in it. */
const CPU_OF_A_BLOCKED_LOOP = 0.1;

/** A message that waits longer than this waits for a supervisor that will not come back. */
const STUCK_AFTER_MS = 30_000;

/** Whether the supervisor has handled nothing for so long that only a restart of the program helps. */
export function isStuck({ queueWaitMs }: SupervisorHealth): boolean {
  return queueWaitMs >= STUCK_AFTER_MS;
}

/**
 * Looks once a second whether the loop gets its turn.
 *
 * It measures the loop and nobody's exits: a child that is well and never ends is never suspected.
 */
export class LoopWatch {
  readonly #clock: LoopWatchOptions["clock"];
  readonly #mailbox: MailboxReading;
  readonly #tell: LoopWatchOptions["tell"];
  readonly #intervalMs: number;
  readonly #starvedAfterMs: number;
  readonly #resources: () => Resources;
  readonly #lag = new MaxOfMinute();
  readonly #peak = new MaxOfMinute();
  #cancelTimer: (() => void) | null = null;
  #dueMs = 0;
  #lookedAtMs = 0;
  #cpuMs = 0;
  /** How much of a processor the program used before the present look: 1 is one of them all the time. */
  #cpuRate = 0;
  /** When the present probe was sent, `null` where none is under way: the answer to one that was given up is nothing. */
  #probedAtMs: number | null = null;
  #queueWaitMs = 0;
  #toldAtMs = -Infinity;
  #reading: SupervisorHealth;

  constructor({ clock, mailbox, tell, intervalMs = 1_000, starvedAfterMs = 1_000, resources = resourcesOfProcess }: LoopWatchOptions) {
    this.#clock = clock;
    this.#mailbox = mailbox;
    this.#tell = tell;
    this.#intervalMs = intervalMs;
    this.#starvedAfterMs = starvedAfterMs;
    this.#resources = resources;
    const { cpuMs, ...memory } = resources();
    this.#cpuMs = cpuMs;
    this.#reading = {
      observedAtMs: clock.now(),
      loopLagMs: 0,
      loopLagMaxMs: 0,
      mailboxDepth: mailbox.depth,
      mailboxPeak: mailbox.peak,
      queueWaitMs: 0,
      standstillMs: 0,
      ...memory,
    };
  }

  /** How it was at the last look. */
  get reading(): SupervisorHealth {
    return this.#reading;
  }

  /** Looks from now on; harmless when repeated. */
  start(): void {
    if (this.#cancelTimer !== null) return;
    this.#lookedAtMs = this.#clock.now();
    this.#cpuMs = this.#resources().cpuMs;
    this.#cpuRate = 0;
    this.#setTimer(this.#lookedAtMs);
    this.#sendProbe(this.#lookedAtMs);
  }

  /** Looks no more; harmless when repeated. */
  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#dropProbe();
  }

  #setTimer(nowMs: number): void {
    this.#dueMs = nowMs + this.#intervalMs;
    this.#cancelTimer = this.#clock.setTimer(this.#look, this.#intervalMs);
  }

  readonly #look = (): void => {
    const nowMs = this.#clock.now();
    const { cpuMs, ...memory } = this.#resources();
    const lateMs = Math.max(0, nowMs - this.#dueMs);
    const stoodStill = this.#stoodStill(lateMs, cpuMs);
    this.#cpuRate = (cpuMs - this.#cpuMs) / Math.max(1, nowMs - this.#lookedAtMs);
    this.#cpuMs = cpuMs;
    this.#lookedAtMs = nowMs;
    // What waited meanwhile waited for the machine, not for the loop.
    if (stoodStill) this.#dropProbe();
    const lagMs = stoodStill ? 0 : lateMs;
    this.#lag.note(lagMs, nowMs);
    const { depth, peak } = this.#mailbox;
    this.#peak.note(peak, nowMs);
    this.#mailbox.resetPeak();
    const waitMs = this.#waitAt(nowMs);
    this.#reading = {
      observedAtMs: nowMs,
      loopLagMs: lagMs,
      loopLagMaxMs: this.#lag.at(nowMs),
      mailboxDepth: depth,
      mailboxPeak: this.#peak.at(nowMs),
      queueWaitMs: waitMs,
      standstillMs: this.#reading.standstillMs + (stoodStill ? lateMs : 0),
      ...memory,
    };
    this.#setTimer(nowMs);
    if (lagMs > this.#starvedAfterMs || waitMs > this.#starvedAfterMs) this.#tellStarvation(nowMs);
  };

  /**
   * Whether the program did not run at all while it was late.
   *
   * A loop that is blocked uses a processor, a program that stands still uses none. Those that wait for something in one call for so long use none either,
   * and are taken for the second; what is used in the time between two looks anyway, by threads perhaps, is no sign of the first.
   */
  #stoodStill(lateMs: number, cpuMs: number): boolean {
    if (lateMs <= STANDSTILL_MS) return false;
    const usedMs = cpuMs - this.#cpuMs - this.#cpuRate * this.#intervalMs;
    return usedMs < CPU_OF_A_BLOCKED_LOOP * lateMs;
  }

  /** How long the present probe waits; where there is none, a new one is sent, and until that is back the last one counts. */
  #waitAt(nowMs: number): number {
    if (this.#probedAtMs !== null) return nowMs - this.#probedAtMs;
    const lastMs = this.#queueWaitMs;
    this.#sendProbe(nowMs);
    return this.#probedAtMs === null ? this.#queueWaitMs : lastMs;
  }

  #sendProbe(nowMs: number): void {
    this.#probedAtMs = nowMs;
    this.#mailbox.probe(() => {
      if (this.#probedAtMs === null) return;
      const handledAtMs = this.#clock.now();
      this.#queueWaitMs = handledAtMs - this.#probedAtMs;
      this.#probedAtMs = null;
      if (this.#queueWaitMs === this.#reading.queueWaitMs) return;
      // At once: the next look may find nothing of it any more.
      this.#reading = { ...this.#reading, queueWaitMs: this.#queueWaitMs };
      if (this.#queueWaitMs > this.#starvedAfterMs) this.#tellStarvation(handledAtMs);
    });
  }

  #dropProbe(): void {
    this.#probedAtMs = null;
    this.#queueWaitMs = 0;
  }

  #tellStarvation(nowMs: number): void {
    if (nowMs - this.#toldAtMs < TOLD_EVERY_MS) return;
    this.#toldAtMs = nowMs;
    const { queueWaitMs, loopLagMs, mailboxDepth } = this.#reading;
    this.#tell({
      type: "fairness_probe_starvation",
      waitMs: Math.round(queueWaitMs),
      lagMs: Math.round(loopLagMs),
      depth: mailboxDepth,
    });
  }
}

/** A minute is kept in so many parts, the oldest of which is forgotten at a time. */
const PARTS = 6;
const PART_MS = 60_000 / PARTS;

/** The largest of some numbers of the last minute, to the part. */
class MaxOfMinute {
  readonly #parts = new Float64Array(PARTS);
  #newest = 0;

  note(value: number, nowMs: number): void {
    this.#forgetUntil(nowMs);
    const part = this.#newest % PARTS;
    if (value > this.#parts[part]!) this.#parts[part] = value;
  }

  at(nowMs: number): number {
    this.#forgetUntil(nowMs);
    return Math.max(...this.#parts);
  }

  #forgetUntil(nowMs: number): void {
    const newest = Math.floor(nowMs / PART_MS);
    if (newest - this.#newest >= PARTS) this.#parts.fill(0);
    else while (this.#newest < newest) this.#parts[++this.#newest % PARTS] = 0;
    this.#newest = newest;
  }
}

function resourcesOfProcess(): Resources {
  const { user, system } = process.cpuUsage();
  const { heapUsed, rss } = process.memoryUsage();
  return { cpuMs: (user + system) / 1_000, heapUsedBytes: heapUsed, residentBytes: rss };
}
