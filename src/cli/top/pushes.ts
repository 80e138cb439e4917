/** What the model becomes by what the target pushes. */
import type {
  ChildDescription,
  ConnectionState,
  DescribedEvent,
  EventPush,
  LogPush,
  TargetLogRecord,
  TreeDescription,
} from "../../client/mod.ts";
import { isChild, isTree, isUsage } from "./intake.ts";
import type { Model, Restarts, Story } from "./model.ts";
import { added, type Entry } from "./pane.ts";
import { structureOf, withTotals } from "./rows.ts";
import { withoutColors } from "./text.ts";

/** What comes from the target. */
export type Arrival =
  | { readonly type: "pushes"; readonly pushes: readonly Push[] }
  | { readonly type: "tree"; readonly tree: TreeDescription; readonly nowMs: number }
  | { readonly type: "recent"; readonly events: readonly DescribedEvent[]; readonly logs: readonly TargetLogRecord[] }
  | {
    readonly type: "story";
    readonly path: string;
    readonly events: readonly DescribedEvent[];
    readonly logs: readonly TargetLogRecord[];
  }
  | { readonly type: "connection"; readonly state: ConnectionState; readonly reason: string; readonly nowMs: number }
  | { readonly type: "retry"; readonly atMs: number }
  | { readonly type: "outcome"; readonly text: string; readonly style: "red" | "green" | "yellow" };

/** A push of either stream; interruptions say of which. */
export type Push = { readonly from: "events"; readonly push: EventPush } | { readonly from: "logs"; readonly push: LogPush };

/** Restarts are counted in stretches of half a minute. */
export const STRETCH_MS = 30_000;
/** How many of them are shown. */
export const STRETCHES = 10;

/** Last events and lines of a story, as `reeve describe` shows them. */
export const STORY_EVENTS = 5;
export const STORY_LOGS = 10;

/** Takes what came. */
export function arrived(model: Model, arrival: Arrival): Model {
  switch (arrival.type) {
    case "pushes":
      return withPushes(model, arrival.pushes);
    case "tree":
      if (!isTree(arrival.tree)) return model;
      return { ...model, tree: arrival.tree, aheadMs: Number(arrival.tree.atUnixNanos / 1_000_000n) - arrival.nowMs };
    case "recent":
      return {
        ...model,
        events: added(model.events, arrival.events.map(eventEntry)),
        logs: added(model.logs, arrival.logs.map(logEntry)),
        restarts: restartsIn(model.restarts, arrival.events),
      };
    case "story": {
      const { screen } = model;
      if (!("path" in screen) || screen.path !== arrival.path) return model;
      return { ...model, screen: { ...screen, events: arrival.events, logs: arrival.logs } };
    }
    case "connection":
      return withConnection(model, arrival);
    case "retry":
      return { ...model, connection: { ...model.connection, retryAtMs: arrival.atMs } };
    case "outcome":
      return { ...model, said: { text: arrival.text, style: arrival.style } };
  }
}

function withConnection(
  model: Model,
  { state, reason, nowMs }: { readonly state: ConnectionState; readonly reason: string; readonly nowMs: number },
): Model {
  if (state === "connected") {
    return { ...model, connection: { state, reason, lostAtMs: null, retryAtMs: null } };
  }
  const lostAtMs = model.connection.lostAtMs ?? nowMs;
  return { ...model, isWhole: false, connection: { ...model.connection, state, reason, lostAtMs } };
}

/** All pushes of a moment together: what is large is copied once. */
function withPushes(model: Model, pushes: readonly Push[]): Model {
  const batch = new Batch(model);
  for (const push of pushes) batch.take(push);
  return batch.model();
}

class Batch {
  readonly #before: Model;
  readonly #atMs: number;
  /** Copies, as soon as something in them is to change. */
  #children: Map<string, ChildDescription> | null = null;
  #restarts: Map<string, Restarts> | null = null;
  #usage: Pick<Model, "usage" | "unmeasured"> | null = null;
  #isWhole: boolean;
  /** Whether others are there than before. */
  #hasOthers = false;
  readonly #events: Omit<Entry, "id">[] = [];
  readonly #logs: Omit<Entry, "id">[] = [];
  readonly #described: DescribedEvent[] = [];
  readonly #records: TargetLogRecord[] = [];

  constructor(before: Model) {
    this.#before = before;
    this.#isWhole = before.isWhole;
    this.#atMs = before.nowMs + before.aheadMs;
  }

  take({ from, push }: Push): void {
    switch (push.type) {
      case "event": {
        const { event, description = event.eventType } = push;
        this.#described.push({ event, description });
        this.#events.push(eventEntry({ event, description }));
        break;
      }
      case "log":
        this.#records.push(push.log);
        this.#logs.push(logEntry(push.log));
        break;
      case "state_delta":
        this.#takeStates(push.delta);
        break;
      case "usage":
        this.#usage = { usage: withTotals(push.children.filter(isUsage)), unmeasured: push.unmeasured };
        break;
      case "caught_up":
        break;
      default:
        this.#interrupted(from, push);
    }
  }

  model(): Model {
    const before = this.#before;
    const children = this.#children ?? before.children;
    return {
      ...before,
      ...this.#usage,
      children,
      isWhole: this.#isWhole,
      structure: this.#hasOthers ? structureOf(children) : before.structure,
      restarts: this.#restarts ?? before.restarts,
      events: added(before.events, this.#events),
      logs: added(before.logs, this.#logs),
      screen: "path" in before.screen ? this.#goneOn(before.screen) : before.screen,
    };
  }

  #takeStates({ whole, children, removed }: Extract<EventPush, { type: "state_delta" }>["delta"]): void {
    const before = this.#children ?? this.#before.children;
    const found = (children ?? []).filter(isChild);
    if (found.length < (children?.length ?? 0)) this.#events.push(note("children came that lack what they must have", this.#atMs));
    const now = whole || this.#children === null ? new Map(whole ? [] : before) : this.#children;
    for (const child of found) {
      const old = before.get(child.childPath);
      if (old === undefined || old.children.length !== child.children.length || old.children.join() !== child.children.join()) {
        this.#hasOthers = true;
      }
      if (old !== undefined && child.restartsTotal > old.restartsTotal) {
        count(this.#ownRestarts(), child.childPath, this.#atMs, child.restartsTotal - old.restartsTotal);
      }
      now.set(child.childPath, child);
    }
    for (const path of removed) {
      if (now.delete(path)) this.#hasOthers = true;
      if (this.#before.restarts.has(path)) this.#ownRestarts().delete(path);
    }
    if (whole) [this.#hasOthers, this.#isWhole] = [true, true];
    this.#children = now;
  }

  #ownRestarts(): Map<string, Restarts> {
    return this.#restarts ??= new Map(this.#before.restarts);
  }

  #interrupted(from: "events" | "logs", { type, message }: { readonly type: "gap" | "restarted"; readonly message: string }): void {
    (from === "events" ? this.#events : this.#logs).push(note(message, this.#atMs));
    if (type !== "restarted" || from !== "events") return;
    this.#restarts = new Map();
    this.#isWhole = false;
  }

  /** What is told of a child while somebody reads about it. */
  #goneOn(story: Story): Story {
    const events = this.#described.filter(({ event }) => isBelow(event.targetPath, story.path));
    const logs = this.#records.filter(({ fields }) => isBelow(pathOf(fields), story.path));
    if (events.length + logs.length === 0) return story;
    return { ...story, events: [...story.events, ...events].slice(-STORY_EVENTS), logs: [...story.logs, ...logs].slice(-STORY_LOGS) };
  }
}

/** Adds restarts to their stretch of time, and drops what is too old to be shown. */
export function count(restarts: Map<string, Restarts>, path: string, atMs: number, more: number): void {
  const stretch = Math.floor(atMs / STRETCH_MS);
  const own = restarts.get(path) ?? [];
  const last = own.at(-1);
  // A clock that was set back must not bring them into disorder.
  const place = Math.max(stretch, last?.[0] ?? stretch);
  const kept = own.filter(([when]) => when > place - STRETCHES);
  restarts.set(path, last?.[0] === place ? [...kept.slice(0, -1), [place, last[1] + more]] : [...kept, [place, more]]);
}

function restartsIn(before: ReadonlyMap<string, Restarts>, events: readonly DescribedEvent[]): ReadonlyMap<string, Restarts> {
  const restarts = new Map(before);
  for (const { event } of events) {
    if (event.eventType === "ChildRestarting") count(restarts, event.targetPath, msOf(event.occurredAtUnixNanos), 1);
  }
  return restarts;
}

function eventEntry({ event: { targetPath, severity, occurredAtUnixNanos }, description }: DescribedEvent): Omit<Entry, "id"> {
  return { atMs: msOf(occurredAtUnixNanos), path: targetPath, text: String(description), severity: String(severity) };
}

function logEntry({ fields, message, severity, occurredAtUnixNanos }: TargetLogRecord): Omit<Entry, "id"> {
  return { atMs: msOf(occurredAtUnixNanos), path: pathOf(fields), text: withoutColors(message), severity: String(severity) };
}

/** What is said of a stream, not of a child. */
function note(text: string, atMs: number): Omit<Entry, "id"> {
  return { atMs, path: "", text, severity: "warning" };
}

function msOf(nanos: bigint): number {
  return Number(nanos / 1_000_000n);
}

function pathOf(fields: unknown): string {
  const path: unknown = typeof fields === "object" && fields !== null ? Reflect.get(fields, "target_path") : undefined;
  return typeof path === "string" ? path : "";
}

function isBelow(path: string, above: string): boolean {
  return path === above || path.startsWith(`${above}/`);
}
