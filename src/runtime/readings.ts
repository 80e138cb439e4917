/** How children are when metrics are collected. */
import type { ChildReading } from "../observe/mod.ts";
import type { Place } from "./members.ts";
import { snapshotChild, type SnapshotSource } from "./snapshot.ts";

/** Reads every child. */
export function* readChildren(source: SnapshotSource, places: Iterable<Place>): Iterable<ChildReading> {
  for (const { node, child } of places) {
    const { path, phase, limit, limitUsed, stopCause } = snapshotChild(source, node, child, true);
    const { startedAtMs } = source.nodes[node]!.slots[child]!;
    yield {
      path,
      phase,
      uptimeMs: source.attemptOf(node, child) === undefined ? null : source.now - startedAtMs,
      restartsLeft: Math.max(0, limit - limitUsed),
      isFenced: stopCause === "restart",
    };
  }
}
