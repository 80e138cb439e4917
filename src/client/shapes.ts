/** Whether what a target says has the shape that is promised: enough of it to rely on. */
import type {
  CommandOutcome,
  DashboardState,
  DescribedEvent,
  EventPush,
  Hello,
  LogPush,
  TargetAuditRecord,
  TargetLogRecord,
} from "./types.ts";
import type { TreeStatus } from "./status_types.ts";

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
  if (!has(value, { protocolVersion: "text", registration: "object" })) return false;
  const { registration, server, capabilities = [], extensions = {} }: Record<string, unknown> = { ...value };
  return has(registration, { targetId: "text", supportedCommands: "list" }) &&
    isListOf(Reflect.get(registration, "supportedCommands"), isSupportedCommand) &&
    (server === undefined || has(server, { runId: "text" })) &&
    isListOf(capabilities, isText) && KINDS.object(extensions) && isListOf(Object.values(Object(extensions)), isText);
}

function isSupportedCommand(value: unknown): value is object {
  return has(value, { name: "text", timeoutSeconds: "number" });
}

function isText(value: unknown): value is string {
  return typeof value === "string";
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

/** The answer to `reeve.status`. */
export function isStatus(value: unknown): value is TreeStatus {
  if (!has(value, { targetId: "text", tree: "object", children: "list" })) return false;
  const children: unknown = Reflect.get(value, "children");
  return has(Reflect.get(value, "tree"), { name: "text", phase: "text", ready: "truth", startedAtUnixNanos: "time" }) &&
    Array.isArray(children) && children.every((child: unknown) => has(child, DESCRIPTION));
}

const DESCRIPTION = {
  childPath: "text",
  kind: "text",
  phase: "text",
  operation: "text",
  sinceUnixNanos: "time",
  restartLimit: "object",
} as const;

/** The result of a command. */
export function isOutcome(value: unknown): value is CommandOutcome {
  return has(value, { accepted: "truth", status: "text", commandId: "text", completedAtUnixNanos: "time" });
}

/** What comes to a reader of events. */
export function isEventPush(push: object): push is EventPush {
  const type: unknown = Reflect.get(push, "type");
  if (type === "state_delta") {
    const delta: unknown = Reflect.get(push, "delta");
    if (!has(delta, { runtimeState: "list", childRuntimeRecords: "list", removed: "list" })) return false;
    const { children = [], tree = {} }: Record<string, unknown> = { ...delta };
    return KINDS.list(children) && KINDS.object(tree);
  }
  if (type === "usage") return has(push, { children: "list" });
  return type === "event" && has(Reflect.get(push, "event"), EVENT);
}

const EVENT = { sequence: "number", eventType: "text", targetPath: "text", occurredAtUnixNanos: "time" } as const;
const LOG = { message: "text", occurredAtUnixNanos: "time" } as const;

/** An event with its sentence. */
export function isDescribedEvent(value: unknown): value is DescribedEvent {
  return has(value, { description: "text" }) && has(Reflect.get(value, "event"), EVENT);
}

/** A line of output. */
export function isLogRecord(value: unknown): value is TargetLogRecord {
  return has(value, LOG);
}

/** Whether a push that is passed on has the part that it is named after. */
export function isPassable({ type, event, log, delta, children }: Readonly<Record<string, unknown>>): boolean {
  switch (type) {
    case "event":
      return has(event, { sequence: "number" });
    case "log":
      return has(log, { message: "text" });
    case "state_delta":
      return KINDS.object(delta);
    case "usage":
      return KINDS.list(children);
    default:
      return false;
  }
}

/** A record of the audit. */
export function isAuditRecord(value: unknown): value is TargetAuditRecord {
  return has(value, { run: "text", sequence: "number", timestamp: "text", kind: "text", origin: "text", allowed: "truth" });
}

/** Whether this is a list of such. */
export function isListOf<T>(value: unknown, is: (entry: unknown) => entry is T): value is readonly T[] {
  return Array.isArray(value) && value.every(is);
}

/** What comes to a reader of lines. */
export function isLogPush(push: object): push is LogPush {
  return Reflect.get(push, "type") === "log" && has(Reflect.get(push, "log"), LOG);
}
