/** How one child is told of the ends of another. */
import { type ChildEnd, didYouMean, parentPath } from "../base/mod.ts";
import { childPath, type ChildSlot, type NodeState } from "../core/mod.ts";
import { describe, describeExit, type SupervisorEvent } from "../event/mod.ts";
import type { Bus } from "../observe/mod.ts";

/** Where a watcher looks. */
export interface WatchSource {
  readonly nodes: readonly NodeState[];
  readonly events: Bus<SupervisorEvent>;
}

/** Names every end of a child from now on, first the one that it is in now; ends with the child's removal, or when the signal aborts. */
export function watchEnds(source: WatchSource, watcher: string, child: string, signal: AbortSignal): AsyncIterableIterator<ChildEnd> {
  const path = child.startsWith("/") ? child : childPath(parentPath(watcher), child);
  const { nodes, events } = source;
  const slot = slotAt(nodes, path);
  if (slot === undefined) return only(notFound(nodes, path));
  const reader = events.read({
    capacity: Infinity,
    since: "now",
    filter: (event) => event.path === path && KINDS.has(event.type),
    signal,
    subscriber: watcher,
  });
  return follow(path, reader, lastEnd(slot));
}

async function* follow(
  path: string,
  reader: ReturnType<Bus<SupervisorEvent>["read"]>,
  first: ChildEnd | null,
): AsyncIterableIterator<ChildEnd> {
  if (first !== null) yield first;
  for await (const event of reader) {
    yield event.type === "gap" ? missed(path, event.to - event.from + 1) : endOf(event);
    if (event.type === "child_removed") return;
  }
}

async function* only(end: ChildEnd): AsyncIterableIterator<ChildEnd> {
  yield end;
}

/** Events that tell of an end, with what it is called. */
const KINDS: ReadonlyMap<string, ChildEnd["kind"]> = new Map([
  ["child_succeeded", "succeeded"],
  ["child_failed", "failed"],
  ["child_stopped", "stopped"],
  ["child_shutdown", "stopped"],
  ["child_abandoned", "abandoned"],
  ["child_removed", "removed"],
]);

function endOf(event: SupervisorEvent): ChildEnd {
  const { path } = event;
  const attempt = "attempt" in event ? event.attempt : 0;
  const generation = "generation" in event ? event.generation : 0;
  const kind = KINDS.get(event.type)!;
  const returns = "decision" in event && typeof event.decision === "object" && event.decision.action === "restart";
  return { path, generation, attempt, kind, message: describe(event), returns };
}

/** How a child ended that is down now; `null` for one that is alive, or never was. */
function lastEnd({ plan: { path }, stamp, phase, generation, attempt, lastExit, lastDecision }: ChildSlot): ChildEnd | null {
  if (phase === "abandoned") return { path, generation, attempt, kind: "abandoned", message: "left behind", returns: false };
  if (stamp !== 0 || lastExit === null) return null;
  const kind = lastExit.kind === "succeeded" ? "succeeded" : "failure" in lastExit ? "failed" : "stopped";
  return { path, generation, attempt, kind, message: describeExit(lastExit), returns: lastDecision?.action === "restart" };
}

function missed(path: string, count: number): ChildEnd {
  return { path, generation: 0, attempt: 0, kind: "missed", message: `${count} events were missed, look at the child`, returns: false };
}

function notFound(nodes: readonly NodeState[], path: string): ChildEnd {
  const message = ["there is no such child", didYouMean(path, pathsBelow(nodes, 0))].filter(Boolean).join(". ");
  return { path, generation: 0, attempt: 0, kind: "not_found", message, returns: false };
}

function slotAt(nodes: readonly NodeState[], path: string, node = 0): ChildSlot | undefined {
  const { order, slots } = nodes[node]!;
  for (const child of order) {
    const slot = slots[child]!;
    if (slot.plan.path === path) return slot;
    if (slot.plan.node !== -1 && path.startsWith(`${slot.plan.path}/`)) return slotAt(nodes, path, slot.plan.node);
  }
  return undefined;
}

function pathsBelow(nodes: readonly NodeState[], node: number): string[] {
  const { order, slots } = nodes[node]!;
  return order.flatMap((child) => {
    const { path, node: inner } = slots[child]!.plan;
    return inner === -1 ? [path] : [path, ...pathsBelow(nodes, inner)];
  });
}
