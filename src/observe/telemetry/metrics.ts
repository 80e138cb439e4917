/** Metrics of a tree: counters and histograms out of its events, gauges out of how its children are when somebody collects. */
import type {
  Attributes,
  BatchObservableCallback,
  BatchObservableResult,
  Counter,
  Histogram,
  Meter,
  ObservableGauge,
} from "@opentelemetry/api";
import { cleanText, lastName, parentPath } from "../../base/mod.ts";
import { type Decision, type EventType, failedExitIn, type SupervisorEvent } from "../../event/mod.ts";

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

/** How the loop and the program of a tree are when metrics are collected. */
export interface SupervisorReading {
  /** The longest that the loop was late in the last minute, in milliseconds. */
  readonly loopLagMaxMs: number;
  /** How many messages wait for the loop. */
  readonly mailboxDepth: number;
  /** How much of the heap the program uses, in bytes. */
  readonly heapUsedBytes: number;
  /** Version of the configuration: a number, or a hash of what it says. */
  readonly configVersion: string;
}

/** What gauges are read from. */
export interface MetricsSource {
  children(): Iterable<ChildReading>;
  supervisor(): SupervisorReading;
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
  supervisor_child_attempt_stale_report_total: "What was reported of attempts that were over",
  supervisor_loop_starved_total: "Times when the tree did not get to its work",
} as const;

/** What is measured, in seconds. */
const HISTOGRAMS = {
  supervisor_backoff_seconds: "Delays before restarts",
  supervisor_healthcheck_latency_seconds: "How long questions for health took",
  supervisor_shutdown_duration_seconds: "How long supervisors took to stop",
} as const;

/** Upper ends of what is counted together, in seconds; those that SDKs have by themselves are meant for milliseconds. */
const BOUNDARIES: Readonly<Record<keyof typeof HISTOGRAMS, number[]>> = {
  supervisor_backoff_seconds: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900],
  supervisor_healthcheck_latency_seconds: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
  supervisor_shutdown_duration_seconds: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
};

/** What is so when somebody collects. */
const GAUGES = {
  supervisor_child_state: "1 for the state that a child is in",
  supervisor_child_uptime_seconds: "How long the attempt of a child has run",
  supervisor_child_runtime_restart_limit_remaining: "Failures that the limit of a child still allows",
  supervisor_child_restart_pending_total: "Restarts that wait until the old attempt is gone",
  supervisor_runtime_control_plane_alive: "1 while the loop of the tree runs",
  supervisor_config_version: "A number that changes with the configuration",
  supervisor_loop_lag_seconds: "The longest that the loop was late in the last minute",
  supervisor_mailbox_depth: "Messages that wait for the loop of the tree",
  supervisor_heap_used_bytes: "How much of the heap the program uses",
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
  readonly #source: MetricsSource;
  /** By path: what a child has been told to be. What is not told to be over stands for ever. */
  readonly #seen = new Map<string, Set<string>>();
  #hasEnded = false;
  readonly #counters = new Map<string, Counter>();
  readonly #histograms = new Map<string, Histogram>();
  readonly #gauges: Readonly<Record<keyof typeof GAUGES, ObservableGauge>>;
  readonly #observe: BatchObservableCallback;

  constructor(meter: Meter, source: MetricsSource) {
    this.#meter = meter;
    this.#source = source;
    const gauge = (name: keyof typeof GAUGES, unit = ""): ObservableGauge =>
      meter.createObservableGauge(name, { description: GAUGES[name], unit });
    this.#gauges = {
      supervisor_child_state: gauge("supervisor_child_state"),
      supervisor_child_uptime_seconds: gauge("supervisor_child_uptime_seconds", "s"),
      supervisor_child_runtime_restart_limit_remaining: gauge("supervisor_child_runtime_restart_limit_remaining"),
      supervisor_child_restart_pending_total: gauge("supervisor_child_restart_pending_total"),
      supervisor_runtime_control_plane_alive: gauge("supervisor_runtime_control_plane_alive"),
      supervisor_config_version: gauge("supervisor_config_version"),
      supervisor_loop_lag_seconds: gauge("supervisor_loop_lag_seconds", "s"),
      supervisor_mailbox_depth: gauge("supervisor_mailbox_depth"),
      supervisor_heap_used_bytes: gauge("supervisor_heap_used_bytes", "By"),
    };
    const gauges = Object.values(this.#gauges);
    this.#observe = (result) => {
      this.#observeChildren(result);
      this.#observeSupervisor(result);
      if (this.#hasEnded) meter.removeBatchObservableCallback(this.#observe, gauges);
    };
    meter.addBatchObservableCallback(this.#observe, gauges);
  }

  note(event: SupervisorEvent): void {
    // Labels are made where something is counted: most events are not.
    switch (event.type) {
      case "child_restarting":
        return this.#count("supervisor_restart_total", { ...labelsOf(event.path), reason: event.cause });
      case "child_failed":
      case "child_stopped":
        return this.#countFailure(event, event.decision);
      case "backoff_scheduled":
        return this.#record("supervisor_backoff_seconds", event.delayMs, labelsOf(event.path));
      case "meltdown":
        return this.#count("supervisor_meltdown_total", { ...labelsOf(event.path), reason: event.reason });
      case "shutdown_completed": {
        const own = { supervisor_path: value(event.path) };
        this.#record("supervisor_shutdown_duration_seconds", event.tookMs, {
          ...own,
          result: String(event.exitCode),
        });
        if (event.path !== "/") return;
        return this.#count("supervisor_runtime_control_loop_exit_total", { ...own, state: "completed" });
      }
      case "child_shutdown": {
        this.#countFailure(event, { action: "stop", reason: "supervisor_stopping" });
        const labels = labelsOf(event.path);
        if (event.status === "late_report") {
          this.#count("supervisor_shutdown_late_reports_total", labels);
        }
        return this.#count("supervisor_shutdown_child_outcomes_total", {
          ...labels,
          status: event.status,
        });
      }
      case "child_killing":
        if (event.cause !== "shutdown") return;
        return this.#count("supervisor_shutdown_abort_total", { ...labelsOf(event.path), reason: "timeout" });
      case "subscriber_lagged":
        return this.#count("supervisor_event_lag_total", {}, event.missed);
      case "fairness_probe_starvation":
        return this.#count("supervisor_loop_starved_total", { supervisor_path: value(event.path) });
      case "child_attempt_stale_report":
        return this.#count("supervisor_child_attempt_stale_report_total", { handled_as: "ignored_for_state" });
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
          ...labelsOf(event.path),
          result: FENCE_RESULTS[event.type],
        });
    }
  }

  /** A question for the health of a child has been answered, or was not in time. */
  probed(path: string, tookMs: number): void {
    this.#record("supervisor_healthcheck_latency_seconds", tookMs, labelsOf(path));
  }

  /** Whoever collects next is told that nothing is there any more. */
  end(): void {
    this.#hasEnded = true;
  }

  /** Where the event tells a failure; one that happened while a child was being stopped counts too, as it does in snapshots and reports. */
  #countFailure(event: SupervisorEvent, { action, reason }: Pick<Decision, "action" | "reason">): void {
    const exit = failedExitIn(event);
    if (exit === null) return;
    this.#count("supervisor_child_failure_total", {
      ...labelsOf(event.path),
      failure_category: "failure" in exit ? value(exit.failure.category) : exit.kind,
      decision: action,
      reason,
    });
  }

  #count(name: keyof typeof COUNTERS, labels: Attributes, by = 1): void {
    const counter = this.#counters.get(name) ?? this.#meter.createCounter(name, { description: COUNTERS[name] });
    this.#counters.set(name, counter);
    counter.add(by, labels);
  }

  #record(name: keyof typeof HISTOGRAMS, durationMs: number, labels: Attributes): void {
    const histogram = this.#histograms.get(name) ?? this.#meter.createHistogram(name, {
      description: HISTOGRAMS[name],
      unit: "s",
      advice: { explicitBucketBoundaries: BOUNDARIES[name] },
    });
    this.#histograms.set(name, histogram);
    histogram.record(durationMs / 1_000, labels);
  }

  #observeChildren(result: BatchObservableResult): void {
    const gauges = this.#gauges;
    let fenced = 0;
    const gone = new Map(this.#seen);
    for (const { path, phase, uptimeMs, restartsLeft, isFenced } of this.#hasEnded ? [] : this.#source.children()) {
      const labels = labelsOf(path);
      const phases = this.#seen.get(path) ?? new Set();
      this.#seen.set(path, phases.add(phase));
      gone.delete(path);
      for (const seen of phases) result.observe(gauges.supervisor_child_state, seen === phase ? 1 : 0, { ...labels, state: seen });
      result.observe(gauges.supervisor_child_uptime_seconds, (uptimeMs ?? 0) / 1_000, labels);
      if (Number.isFinite(restartsLeft)) result.observe(gauges.supervisor_child_runtime_restart_limit_remaining, restartsLeft, labels);
      if (isFenced) fenced++;
    }
    for (const [path, phases] of gone) {
      const labels = labelsOf(path);
      for (const seen of phases) result.observe(gauges.supervisor_child_state, 0, { ...labels, state: seen });
      result.observe(gauges.supervisor_child_uptime_seconds, 0, labels);
      this.#seen.delete(path);
    }
    result.observe(gauges.supervisor_child_restart_pending_total, fenced);
  }

  #observeSupervisor(result: BatchObservableResult): void {
    const gauges = this.#gauges;
    const labels = { supervisor_path: "/" };
    result.observe(gauges.supervisor_runtime_control_plane_alive, this.#hasEnded ? 0 : 1, labels);
    const { loopLagMaxMs, mailboxDepth, heapUsedBytes, configVersion } = this.#hasEnded ? NOTHING : this.#source.supervisor();
    result.observe(gauges.supervisor_loop_lag_seconds, loopLagMaxMs / 1_000, labels);
    result.observe(gauges.supervisor_mailbox_depth, mailboxDepth, labels);
    result.observe(gauges.supervisor_heap_used_bytes, heapUsedBytes, labels);
    result.observe(gauges.supervisor_config_version, versionNumber(configVersion), labels);
  }
}

/** What is left of a tree that has ended. */
const NOTHING: SupervisorReading = { loopLagMaxMs: 0, mailboxDepth: 0, heapUsedBytes: 0, configVersion: "" };

/** A number as it is; of a hash the first twelve hexadecimal digits, which a metric takes without a loss. 0 for what is neither. */
function versionNumber(version: string): number {
  const digits = /[0-9a-f]{12}/i.exec(version)?.[0];
  const number = digits === undefined ? Number(version) : Number.parseInt(digits, 16);
  return Number.isFinite(number) ? number : 0;
}

/** The supervisor of a child, and its name there. */
function labelsOf(path: string): Attributes {
  return { supervisor_path: value(parentPath(path)), child_id: value(lastName(path)) };
}

function value(text: string): string {
  return cleanText(text, LONGEST);
}
