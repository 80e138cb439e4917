/** Whether what a target says has the shape that is promised: enough of it to rely on. */
import type { CommandOutcome, DashboardState, EventPush, Hello, LogPush } from "./types.ts";

/** Kinds of members. */
const KINDS = {
  text: (value: unknown) => typeof value === "string",
  number: (value: unknown) => typeof value === "number",
  truth: (value: unknown) => typeof value === "boolean",
  time: (value: unknown) => typeof value === "bigint",
  object: (value: unknown) => typeof value === "object" && value !== null,
  list: (value: unknown) => Array.isArray(value),
} as const;

/** Whether members are of these kinds; what else there is, the target may have. */
function has(value: unknown, members: Readonly<Record<string, keyof typeof KINDS>>): value is object {
  return typeof value === "object" && value !== null &&
    Object.entries(members).every(([name, kind]) => KINDS[kind](Reflect.get(value, name)));
}

/** The answer to `hello`. */
export function isHello(value: unknown): value is Hello {
  return has(value, { protocolVersion: "text", registration: "object" }) &&
    has(Reflect.get(value, "registration"), { targetId: "text" });
}

/** The answer to `state`. */
export function isState(value: unknown): value is DashboardState {
  return has(value, {
    target: "object",
    topology: "object",
    runtimeState: "list",
    childRuntimeRecords: "list",
    recentEvents: "list",
    generatedAtUnixNanos: "time",
  }) &&
    has(Reflect.get(value, "target"), { targetId: "text" });
}

/** The result of a command. */
export function isOutcome(value: unknown): value is CommandOutcome {
  return has(value, { accepted: "truth", status: "text", commandId: "text", completedAtUnixNanos: "time" });
}

/** What comes to a reader of events. */
export function isEventPush(push: object): push is EventPush {
  const type: unknown = Reflect.get(push, "type");
  if (type === "state_delta") {
    return has(Reflect.get(push, "delta"), { runtimeState: "list", childRuntimeRecords: "list", removed: "list" });
  }
  return type === "event" &&
    has(Reflect.get(push, "event"), { sequence: "number", eventType: "text", targetPath: "text", occurredAtUnixNanos: "time" });
}

/** What comes to a reader of lines. */
export function isLogPush(push: object): push is LogPush {
  return Reflect.get(push, "type") === "log" && has(Reflect.get(push, "log"), { message: "text", occurredAtUnixNanos: "time" });
}
