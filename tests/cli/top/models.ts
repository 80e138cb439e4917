/** Models for tests: children, pushes and keys as a run and a person would send them. */
import type { ChildDescription, ChildUsage, EventPush, TreeDescription } from "../../../src/client/mod.ts";
import type { Key } from "../../../src/cli/top/decoder.ts";
import { type Effect, emptyModel, type Model } from "../../../src/cli/top/model.ts";
import { type Incoming, update } from "../../../src/cli/top/update.ts";
import { view } from "../../../src/cli/top/view.ts";

/** Noon of a day, in milliseconds. */
export const NOON_MS = new Date(2026, 10, 28, 12).getTime();

/** The moment so many seconds after noon. */
export function nanos(seconds: number): bigint {
  return BigInt(NOON_MS + seconds * 1_000) * 1_000_000n;
}

/** A child that is ready since noon. */
export function described(childPath: string, changes: Partial<ChildDescription> = {}): ChildDescription {
  return {
    childPath,
    kind: "process",
    taskRole: null,
    severity: "critical",
    phase: "ready",
    operation: "active",
    managedChildState: "running",
    sinceUnixNanos: nanos(0),
    pid: 4711,
    generation: 0,
    attempt: 1,
    restartsTotal: 0,
    failuresTotal: 0,
    consecutiveRestarts: 0,
    restartLimit: { windowMillis: 60_000, limit: 10, used: 0, remaining: 10, exhausted: false, updatedAtUnixNanos: 0n },
    liveness: { heartbeatStale: false, readiness: "ready" },
    health: "unknown",
    group: null,
    fuse: { state: "closed", reason: null },
    lints: [],
    stopCause: null,
    waitingFor: [],
    lastExit: null,
    lastOutput: [],
    lastDecision: null,
    dependencies: [],
    wants: [],
    bindsTo: [],
    tags: [],
    children: [],
    usage: null,
    ...changes,
  };
}

/** A tree that is ready, started a minute before noon. */
export const TREE: TreeDescription = {
  name: "shop",
  phase: "running",
  ready: true,
  sequence: 1,
  atUnixNanos: nanos(0),
  startedAtUnixNanos: nanos(-60),
  configVersion: "1",
  version: "0.1.0",
  runtime: "deno 2.9.6",
  pid: 4242,
  failuresTotal: 0,
  restartsTotal: 0,
  loopLagMs: 0,
  loopLagMaxMs: 0,
  mailboxDepth: 0,
  heapUsedBytes: 0,
  residentBytes: 50_000_000,
  unmeasured: null,
};

/** A push of how children are. */
export function states(children: readonly ChildDescription[], { whole = false, removed = [] as readonly string[] } = {}): EventPush {
  return { type: "state_delta", delta: { sequence: 1, whole, runtimeState: [], childRuntimeRecords: [], removed, children } };
}

/** A push of what processes take. */
export function usage(all: Readonly<Record<string, Partial<ChildUsage>>>): EventPush {
  const children = Object.entries(all).map(([childPath, own]) => ({ childPath, cpuPercent: 0, memoryBytes: 0, processes: 1, ...own }));
  return { type: "usage", children, unmeasured: null };
}

/** A push of an event, so many seconds after noon. */
export function event(
  targetPath: string,
  description: string,
  { seconds = 0, severity = "info", eventType = "ChildReady" } = {},
): EventPush {
  return {
    type: "event",
    description,
    event: {
      targetId: "shop",
      sequence: 1,
      correlationId: "",
      eventType,
      severity,
      targetPath,
      childId: null,
      occurredAtUnixNanos: nanos(seconds),
      configVersion: "1",
      payload: { eventType, policy: null },
    },
  };
}

/** A line of output, so many seconds after noon. */
export function line(path: string, message: string, seconds = 0, severity = "info"): Incoming {
  return {
    type: "pushes",
    pushes: [{
      from: "logs",
      push: {
        type: "log",
        log: {
          targetId: "shop",
          sequence: 1,
          correlationId: null,
          severity,
          message,
          fields: { target_path: path, attempt: "1", stream: severity === "info" ? "stdout" : "stderr" },
          occurredAtUnixNanos: nanos(seconds),
        },
      },
    }],
  };
}

/** Pushes of the stream of events that come together. */
export function pushed(...pushes: readonly EventPush[]): Incoming {
  return { type: "pushes", pushes: pushes.map((push) => ({ from: "events", push })) };
}

/** A key by its name; one character writes itself. */
export function key(name: string): Key {
  return [...name].length === 1 ? { type: "key", name, text: name } : { type: "key", name };
}

/** A model to which things happen one after the other, and what it asks for. */
export class Play {
  model: Model;
  readonly effects: Effect[] = [];

  constructor(columns = 100, rows = 24) {
    this.model = emptyModel({ columns, rows, nowMs: NOON_MS });
  }

  take(...all: readonly Incoming[]): this {
    for (const incoming of all) {
      const [model, effects] = update(this.model, incoming);
      this.model = model;
      this.effects.push(...effects);
    }
    return this;
  }

  /** Goes on from another model. */
  with(model: Model): this {
    this.model = model;
    return this;
  }

  /** Presses keys: `"/"`, `"up"`, `"ctrl+c"`. */
  press(...names: readonly string[]): this {
    return this.take(...names.map(key));
  }

  /** Types a text, letter by letter. */
  type(text: string): this {
    return this.press(...text);
  }

  /** The screen, without spaces at the ends of lines. */
  screen(): string[] {
    const { columns, rows } = this.model;
    return view(this.model, { columns, rows, color: false }).map((text) => text.trimEnd());
  }
}

/** A shop: two processes, and a supervisor with two below it. */
export const SHOP: readonly ChildDescription[] = [
  described("/catalog", { pid: 100 }),
  described("/mailer", {
    kind: "task",
    pid: null,
    phase: "backoff",
    attempt: 3,
    restartsTotal: 2,
    failuresTotal: 3,
    lastExit: "exited with code 1",
    nextStartUnixNanos: nanos(30),
  }),
  described("/pollers", { kind: "supervisor", pid: null, children: ["/pollers/prices", "/pollers/reviews"] }),
  described("/pollers/prices", { pid: 102 }),
  described("/pollers/reviews", { pid: 103, operation: "paused", phase: "stopped" }),
];

/** The shop, twelve seconds after noon, with what its processes take and what happened. */
export function shop(columns = 100, rows = 24): Play {
  return new Play(columns, rows).take(
    { type: "tree", tree: TREE, nowMs: NOON_MS },
    pushed(
      states(SHOP, { whole: true }),
      usage({ "/catalog": { cpuPercent: 12.5, memoryBytes: 50 * 2 ** 20 }, "/pollers/prices": { cpuPercent: 1, memoryBytes: 2 ** 20 } }),
      event("/catalog", "ready after 1.6 s", { seconds: 1 }),
      event("/mailer", "failed: exited with code 1", { seconds: 2, severity: "error", eventType: "ChildFailed" }),
    ),
    line("/catalog", "listening", 1),
    line("/pollers/prices", "prices are up to date", 3),
    { type: "tick", nowMs: NOON_MS + 12_000 },
  );
}
