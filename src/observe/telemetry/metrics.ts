/** Metrics of a tree: counters and histograms out of its events, gauges out of how its children are when somebody collects. */
import type { Attributes, BatchObservableCallback, Counter, Histogram, Meter, ObservableGauge } from "@opentelemetry/api";
import { cleanText, lastName, parentPath } from "../../base/mod.ts";
import type { EventType, SupervisorEvent } from "../../event/mod.ts";

/** How a child is when metrics are collected. */
export interface ChildReading {
  readonly path: string;
  readonly phase: string;
  /** How long its attempt has run, in milliseconds; `null` without one. */
  readonly uptimeMs: number | null;
  /** Failures that its limit still allows. */
  readonly restartsLeft: number;
  /** Whether a restart waits for the old attempt to go. */
  readonly isFenced: boolean;
}

/** What gauges are read from. */
export interface MetricsSource {
  children(): Iterable<ChildReading>;
}

/** Longest value of a label. */
const LONGEST = 96;

/** What is counted. */
const COUNTERS = {
  supervisor_restart_total: "Restarts of children",
  supervisor_child_failure_total: "Failures of children",
  supervisor_meltdown_total: "Restarts that an open fuse put off",
  supervisor_runtime_control_loop_exit_total: "Trees that have ended",
  supervisor_shutdown_late_reports_total: "Children that ended after they were passed over",
  supervisor_shutdown_child_outcomes_total: "How children ended in shutdowns",
  supervisor_shutdown_abort_total: "Children that were forced in shutdowns",
  supervisor_event_lag_total: "What readers missed because they were too slow",
  supervisor_child_control_command_total: "Commands to children",
  supervisor_child_runtime_heartbeat_stale_total: "Heartbeats that were missing",
  supervisor_child_runtime_operation_transitions_total: "Changes of what operators want of children",
  supervisor_child_restart_fence_total: "Steps of restarts that were asked for",
} as const;

/** What is measured, in seconds. */
const HISTOGRAMS = {
  supervisor_backoff_seconds: "Delays before restarts",
  supervisor_shutdown_duration_seconds: "How long supervisors took to stop",
} as const;

/** What is so when somebody collects. */
const GAUGES = {
  supervisor_child_state: "1 for the state that a child is in",
  supervisor_child_uptime_seconds: "How long the attempt of a child has run",
  supervisor_child_runtime_restart_limit_remaining: "Failures that the limit of a child still allows",
  supervisor_child_restart_pending_total: "Restarts that wait until the old attempt is gone",
  supervisor_runtime_control_plane_alive: "1 while the loop of the tree runs",
} as const;

/** What every metric tells, by its name. */
export const METRICS: Readonly<Record<string, string>> = { ...COUNTERS, ...HISTOGRAMS, ...GAUGES };

/** The results of a restart's fence. */
const FENCE_RESULTS: Readonly<Partial<Record<EventType, string>>> = {
  child_restart_fence_entered: "entered",
  child_restart_fence_abort_requested: "abort_requested",
  child_restart_fence_released: "released",
  child_restart_conflict: "already_pending",
};

/** The instruments of one tree. */
export class Metrics {
  readonly #meter: Meter;
  /** By path: what a child has been told to be. What is not told to be over stands for ever. */
  readonly #seen = new Map<string, Set<string>>();
  #hasEnded = false;
  readonly #counters = new Map<string, Counter>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #gauges: readonly ObservableGauge[];
  readonly #observe: BatchObservableCallback;

  constructor(meter: Meter, source: MetricsSource) {
    this.#meter = meter;
    const gauge = (name: keyof typeof GAUGES, unit = ""): ObservableGauge =>
      meter.createObservableGauge(name, { description: GAUGES[name], unit });
    const state = gauge("supervisor_child_state");
    const uptime = gauge("supervisor_child_uptime_seconds", "s");
    const left = gauge("supervisor_child_runtime_restart_limit_remaining");
    const pending = gauge("supervisor_child_restart_pending_total");
    const alive = gauge("supervisor_runtime_control_plane_alive");
    this.#gauges = [state, uptime, left, pending, alive];
    this.#observe = (result) => {
      let fenced = 0;
      const gone = new Map(this.#seen);
      for (const { path, phase, uptimeMs, restartsLeft, isFenced } of this.#hasEnded ? [] : source.children()) {
        const labels = labelsOf(path);
        const phases = this.#seen.get(path) ?? new Set();
        this.#seen.set(path, phases.add(phase));
        gone.delete(path);
        for (const seen of phases) result.observe(state, seen === phase ? 1 : 0, { ...labels, state: seen });
        result.observe(uptime, (uptimeMs ?? 0) / 1_000, labels);
        if (Number.isFinite(restartsLeft)) result.observe(left, restartsLeft, labels);
        if (isFenced) fenced++;
      }
      for (const [path, phases] of gone) {
        const labels = labelsOf(path);
        for (const seen of phases) result.observe(state, 0, { ...labels, state: seen });
        result.observe(uptime, 0, labels);
        this.#seen.delete(path);
      }
      result.observe(pending, fenced);
      result.observe(alive, this.#hasEnded ? 0 : 1, { supervisor_path: "/" });
      if (this.#hasEnded) meter.removeBatchObservableCallback(this.#observe, [...this.#gauges]);
    };
    meter.addBatchObservableCallback(this.#observe, [...this.#gauges]);
  }

  note(event: SupervisorEvent): void {
    const labels = labelsOf(event.path);
    switch (event.type) {
      case "child_restarting":
        return this.#count("supervisor_restart_total", { ...labels, reason: event.cause });
      case "child_failed":
        return this.#count("supervisor_child_failure_total", {
          ...labels,
          failure_category: "failure" in event.exit ? value(event.exit.failure.category) : event.exit.kind,
          decision: event.decision.action,
          reason: event.decision.reason,
        });
      case "backoff_scheduled":
        return this.#record("supervisor_backoff_seconds", event.delayMs, labels);
      case "meltdown":
        return this.#count("supervisor_meltdown_total", { ...labels, reason: event.reason });
      case "shutdown_completed": {
        const own = { supervisor_path: value(event.path) };
        this.#record("supervisor_shutdown_duration_seconds", event.tookMs, {
          ...own,
          result: String(event.exitCode),
        });
        if (event.path !== "/") return;
        return this.#count("supervisor_runtime_control_loop_exit_total", { ...own, state: "completed" });
      }
      case "child_shutdown":
        if (event.status === "late_report") {
          this.#count("supervisor_shutdown_late_reports_total", labels);
        }
        return this.#count("supervisor_shutdown_child_outcomes_total", {
          ...labels,
          status: event.status,
        });
      case "child_killing":
        if (event.cause !== "shutdown") return;
        return this.#count("supervisor_shutdown_abort_total", { ...labels, reason: "timeout" });
      case "subscriber_lagged":
        return this.#count("supervisor_event_lag_total", {}, event.missed);
      case "child_control_command_completed":
        return this.#count("supervisor_child_control_command_total", {
          command: event.command,
          result: event.result,
        });
      case "child_heartbeat_stale":
        return this.#count("supervisor_child_runtime_heartbeat_stale_total", {});
      case "child_control_operation_changed":
        return this.#count("supervisor_child_runtime_operation_transitions_total", {
          from: event.from,
          to: event.to,
        });
      case "child_restart_fence_entered":
      case "child_restart_fence_abort_requested":
      case "child_restart_fence_released":
      case "child_restart_conflict":
        return this.#count("supervisor_child_restart_fence_total", {
          ...labels,
          result: FENCE_RESULTS[event.type],
        });
    }
  }

  /** Whoever collects next is told that nothing is there any more. */
  end(): void {
    this.#hasEnded = true;
  }

  #count(name: keyof typeof COUNTERS, labels: Attributes, by = 1): void {
    const counter = this.#counters.get(name) ?? this.#meter.createCounter(name, { description: COUNTERS[name] });
    this.#counters.set(name, counter);
    counter.add(by, labels);
  }

  #record(name: keyof typeof HISTOGRAMS, durationMs: number, labels: Attributes): void {
    const histogram = this.#histograms.get(name) ?? this.#meter.createHistogram(name, { description: HISTOGRAMS[name], unit: "s" });
    this.#histograms.set(name, histogram);
    histogram.record(durationMs / 1_000, labels);
  }
}

/** The supervisor of a child, and its name there. */
function labelsOf(path: string): Attributes {
  return { supervisor_path: value(parentPath(path)), child_id: value(lastName(path)) };
}

function value(text: string): string {
  return cleanText(text, LONGEST);
}
