/** Slow readers: when they are warned of, and what happens then; what is read is slowed for nobody. */
import type { EventFacts, Subscriber, Without } from "../event/mod.ts";
import { type BackpressureOptions, DEFAULTS } from "../spec/mod.ts";

/** What is said of a slow reader. */
export type LagFacts = Extract<EventFacts, { readonly type: "subscriber_lagged" | "backpressure_alert" | "backpressure_degradation" }>;

/** When a reader is slow, and what happens then. */
export interface LagLimits {
  /** How full of what it has not read yet the journal is when that is told, and when something happens, in percent. */
  readonly warnThresholdPct: number;
  readonly criticalThresholdPct: number;
  /** For so many milliseconds the same is not told again. */
  readonly windowMs: number;
  /** How much of what waits such a reader still gets: 1 is all of it, as long as the journal has it. */
  readonly sampleRatio: number;
}

/** What watches the readers of one stream. */
export interface LagWatch extends LagLimits {
  readonly stream: "events" | "logs";
  now(): number;
  tell(facts: LagFacts): void;
}

/** The options with their defaults. */
export function lagLimits(options: BackpressureOptions = {}): LagLimits {
  const { strategy, warnThresholdPct, criticalThresholdPct, windowSecs, sampleRatio } = options;
  return {
    warnThresholdPct: warnThresholdPct ?? DEFAULTS.warnThresholdPct,
    criticalThresholdPct: criticalThresholdPct ?? DEFAULTS.criticalThresholdPct,
    windowMs: 1_000 * (windowSecs ?? DEFAULTS.backpressureWindowSecs),
    sampleRatio: strategy === "sample_and_audit" ? sampleRatio ?? DEFAULTS.sampleRatio : 1,
  };
}

/** What one reader has been told of. */
export class Lag {
  readonly #watch: LagWatch;
  readonly #subscriber: string;
  #warnedAtMs = -Infinity;
  #missed = 0;
  #missedToldAtMs = -Infinity;
  /** The most that waited while the reader gets only a part. */
  #peakPct: number | null = null;

  constructor(watch: LagWatch, subscriber: string) {
    this.#watch = watch;
    this.#subscriber = subscriber;
  }

  /** So much of the journal waits for the reader; returns which part of that it is to skip. */
  look(waitingPct: number): number {
    const { warnThresholdPct, criticalThresholdPct, windowMs, sampleRatio, now } = this.#watch;
    this.#tellMissed();
    if (waitingPct < warnThresholdPct) {
      this.#recover();
      return 0;
    }
    const nowMs = now();
    if (nowMs - this.#warnedAtMs >= windowMs) {
      this.#warnedAtMs = nowMs;
      this.#tell({ type: "backpressure_alert", waitingPct, thresholdPct: warnThresholdPct });
    }
    if (waitingPct < criticalThresholdPct || sampleRatio >= 1) return 0;
    if (this.#peakPct === null) this.#tellDegradation(waitingPct, false);
    this.#peakPct = Math.max(this.#peakPct ?? 0, waitingPct);
    return 1 - sampleRatio;
  }

  /** So many items never got to the reader. */
  missed(count: number): void {
    this.#missed += count;
    this.#tellMissed();
  }

  #tellMissed(): void {
    const nowMs = this.#watch.now();
    if (this.#missed === 0 || nowMs - this.#missedToldAtMs < this.#watch.windowMs) return;
    this.#missedToldAtMs = nowMs;
    this.#tell({ type: "subscriber_lagged", missed: this.#missed });
    this.#missed = 0;
  }

  #recover(): void {
    if (this.#peakPct === null) return;
    this.#tellDegradation(this.#peakPct, true);
    this.#peakPct = null;
  }

  #tellDegradation(peakPct: number, recovered: boolean): void {
    this.#tell({ type: "backpressure_degradation", sampleRatio: this.#watch.sampleRatio, peakPct, recovered });
  }

  #tell(facts: Without<LagFacts, Subscriber>): void {
    this.#watch.tell({ ...facts, stream: this.#watch.stream, subscriber: this.#subscriber });
  }
}
