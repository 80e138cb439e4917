/** The state of a tree as it goes out: texts of children are kept, and written anew only for those that changed. */
import { toJson } from "../base/mod.ts";
import { type ChildSnapshot, flatten, insidesOf, type Tree, type TreeSnapshot } from "../runtime/mod.ts";
import type { Records } from "./records.ts";
import { runtimeRecord, runtimeRow } from "./rows.ts";
import { topologyOf } from "./topology.ts";
import type { WireTime } from "./wire_time.ts";

/** JSON in pieces: what was written before stays in bytes. */
export type Pieces = readonly (string | Uint8Array)[];

/** What a state is made of. */
export interface StateSource {
  readonly tree: Tree;
  readonly time: WireTime;
  readonly records: Records;
  readonly configVersion: string;
  /** What the target says of itself, which may change. */
  readonly target: () => object;
}

/** How many events and lines of output a state has; what is older is counted. */
const MOST_RECENT = 128;

/** A child as it was when its texts were written. */
interface Written {
  readonly child: ChildSnapshot;
  readonly phase: TreeSnapshot["phase"];
  readonly row: string;
  readonly record: string;
}

/** Keeps the texts of one tree. */
export class StateView {
  readonly #source: StateSource;
  #written: Written[] = [];
  /** Topology and rows of all children. */
  #body: Uint8Array = new Uint8Array(0);
  #topology = "";
  #recent = new Uint8Array(0);
  /** What there was when the body was written, and when the recent events and lines were. */
  #changes = -1;
  #memberships = -1;
  #epochMs = NaN;
  #told = "";

  constructor(source: StateSource) {
    this.#source = source;
  }

  /** A `DashboardState`, true at this moment. */
  pieces(): Pieces {
    const { tree, time, configVersion, target } = this.#source;
    const { events, changes, memberships } = insidesOf(tree);
    const { epochMs } = time;
    const isSameCalendar = epochMs === this.#epochMs;
    // Every time in them is another.
    if (!isSameCalendar) this.#written = [];
    this.#epochMs = epochMs;
    // A failure counts less as time passes; nothing else changes by itself.
    const isSame = isSameCalendar && changes === this.#changes && memberships === this.#memberships;
    if (!isSame || this.#written.some(({ child }) => child.limitUsed > 0)) this.#update(tree.snapshot());
    this.#changes = changes;
    this.#updateRecent();
    const head = toJson({
      generated_at_unix_nanos: time.now(),
      state_generation: events.lastSeq,
      config_version: configVersion,
      target: target(),
    });
    return [`${head.slice(0, -1)},`, this.#body, this.#recent];
  }

  /** The last events and lines of output, written anew when there are others. */
  #updateRecent(): void {
    const { tree, records } = this.#source;
    const { events, logs } = insidesOf(tree);
    const told = `${events.lastSeq} ${logs.lastSeq}`;
    if (told === this.#told) return;
    this.#told = told;
    const [recentEvents, recentLogs] = [events.recent(MOST_RECENT), logs.recent(MOST_RECENT)];
    const recent = toJson({
      recent_events: recentEvents.map((event) => records.event(event)),
      recent_logs: recentLogs.map((record) => records.log(record)),
      dropped_event_count: events.lastSeq - recentEvents.length,
      dropped_log_count: logs.lastSeq - recentLogs.length,
    });
    this.#recent = new TextEncoder().encode(`,${recent.slice(1)}`);
  }

  #update(snapshot: TreeSnapshot): void {
    const before = this.#written;
    const { memberships } = insidesOf(this.#source.tree);
    const children = flatten(snapshot.children);
    // A child comes and goes in two steps, between which others may have their turn.
    const isSameTree = memberships === this.#memberships && children.length === before.length;
    if (isSameTree && children.every((child, index) => isCurrent(before[index]!, child, snapshot))) return;
    this.#memberships = memberships;
    const byPath = new Map(isSameTree ? [] : before.map((written) => [written.child.path, written]));
    this.#written = children.map((child, index) => {
      const written = isSameTree ? before[index] : byPath.get(child.path);
      return written !== undefined && isCurrent(written, child, snapshot) ? written : this.#write(child, snapshot);
    });
    if (!isSameTree) this.#topology = toJson(topologyOf(this.#source.tree, snapshot.children));
    const rows = this.#written.map(({ row }) => row).join();
    const records = this.#written.map(({ record }) => record).join();
    this.#body = new TextEncoder().encode(
      `"topology":${this.#topology},"runtime_state":[${rows}],"child_runtime_records":[${records}]`,
    );
  }

  #write(child: ChildSnapshot, snapshot: TreeSnapshot): Written {
    const { time } = this.#source;
    return { child, phase: snapshot.phase, row: toJson(runtimeRow(child, snapshot)), record: toJson(runtimeRecord(child, time)) };
  }
}

/** Whether everything is still so of which the texts of a child are made; written out, because it is asked of every child for every state. */
function isCurrent({ child: was, phase }: Written, is: ChildSnapshot, tree: TreeSnapshot): boolean {
  return phase === tree.phase && was.phase === is.phase && was.operation === is.operation && was.sinceMs === is.sinceMs &&
    was.generation === is.generation && was.attempt === is.attempt && was.limitUsed === is.limitUsed && was.limit === is.limit &&
    was.limitWindowMs === is.limitWindowMs && was.health === is.health && was.lastHeartbeatAtMs === is.lastHeartbeatAtMs &&
    was.stopCause === is.stopCause && was.lastExit === is.lastExit && was.lastDecision === is.lastDecision;
}
