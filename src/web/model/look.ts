/** How a child looks: a mark, a word and a tone; nothing is told by colour alone. */
import type { Child } from "./child.ts";

/** How loud something is. */
export type Tone = "ok" | "busy" | "warn" | "bad" | "dim";

/** A mark, the key of a word, and a tone. */
export interface Look {
  readonly mark: string;
  readonly word: string;
  readonly tone: Tone;
}

const LOOKS: Readonly<Record<string, Look>> = {
  declared: { mark: "○", word: "declared", tone: "dim" },
  waiting: { mark: "…", word: "waiting", tone: "busy" },
  backoff: { mark: "↻", word: "backoff", tone: "warn" },
  queued: { mark: "↻", word: "queued", tone: "warn" },
  starting: { mark: "▸", word: "starting", tone: "busy" },
  running: { mark: "◐", word: "running", tone: "busy" },
  ready: { mark: "●", word: "ready", tone: "ok" },
  draining: { mark: "◑", word: "draining", tone: "busy" },
  stopping: { mark: "◑", word: "stopping", tone: "busy" },
  killing: { mark: "◑", word: "killing", tone: "bad" },
  abandoned: { mark: "✗", word: "abandoned", tone: "bad" },
  stopped: { mark: "○", word: "stopped", tone: "dim" },
  failed: { mark: "✗", word: "failed", tone: "bad" },
};

const HELD: Readonly<Record<string, Look>> = {
  paused: { mark: "‖", word: "paused", tone: "warn" },
  quarantined: { mark: "⊘", word: "quarantined", tone: "bad" },
  removed: { mark: "○", word: "removed", tone: "dim" },
};

/** How a child is. One that is held looks like that when nothing of it runs any more. */
export function lookOf(child: Pick<Child, "phase" | "operation" | "lastExit" | "nextStart">): Look {
  const isDown = child.phase === "stopped" || child.phase === "declared" || child.phase === "failed";
  const held = Object.hasOwn(HELD, child.operation) ? HELD[child.operation] : undefined;
  if (held !== undefined && isDown) return held;
  if (child.phase === "stopped" && child.nextStart !== null) return { mark: "◷", word: "scheduled", tone: "dim" };
  if (child.phase === "stopped" && isSuccess(child.lastExit)) return { mark: "✓", word: "done", tone: "ok" };
  const known = Object.hasOwn(LOOKS, child.phase) ? LOOKS[child.phase] : undefined;
  return known ?? { mark: "?", word: child.phase, tone: "busy" };
}

function isSuccess(exit: string | null): boolean {
  return exit === "finished";
}

/** What is wrong with a child now: how bad, and the keys of the reasons; `null` where nothing is. */
export interface Problem {
  readonly level: "bad" | "warn";
  readonly reasons: readonly string[];
}

/** Says what is wrong with a child now. */
export function problemOf(child: Child): Problem | null {
  const { tone, word } = lookOf(child);
  const reasons: string[] = [];
  if (tone === "bad" || word === "backoff" || word === "queued" || word === "paused") reasons.push(`state.${word}`);
  if (child.health === "unhealthy") reasons.push("health.unhealthy");
  if (child.health === "stale" || child.isStale) reasons.push("health.stale");
  if (child.fuse.state !== "closed") reasons.push(`fuse.${child.fuse.state}`);
  if (child.limit?.exhausted === true && child.restarts > 0) reasons.push("limit.exhausted");
  reasons.push(...child.lints.map((lint) => `lint.${lint}`));
  if (reasons.length === 0) return null;
  const isBad = tone === "bad" || child.health === "unhealthy" || (child.severity === "critical" && word === "backoff");
  return { level: isBad ? "bad" : "warn", reasons };
}

/** How many children are how. */
export interface Counts {
  readonly total: number;
  readonly ready: number;
  readonly notReady: number;
  readonly failed: number;
  readonly problems: number;
  readonly restarts: number;
}

/** What follows from all children of something, until they change. */
interface Summary {
  readonly version: number;
  readonly counts: Counts;
  readonly problems: readonly Child[];
}

/** Something that has children, and tells when they change. */
export interface Keeper {
  readonly children: ReadonlyMap<string, Child>;
  readonly version: number;
}

const summaries = new WeakMap<Keeper, Summary>();

/** How the children of something are, and which of them have a problem. */
export function summaryOf(keeper: Keeper): Summary {
  const known = summaries.get(keeper);
  if (known !== undefined && known.version === keeper.version) return known;
  const made = { version: keeper.version, ...summed(keeper.children.values()) };
  summaries.set(keeper, made);
  return made;
}

function summed(children: Iterable<Child>): Pick<Summary, "counts" | "problems"> {
  let [total, ready, notReady, failed, restarts] = [0, 0, 0, 0, 0];
  const problems: Child[] = [];
  for (const child of children) {
    const { tone } = lookOf(child);
    total += 1;
    restarts += child.restarts;
    if (tone === "ok") ready += 1;
    else if (tone === "bad") failed += 1;
    else notReady += 1;
    if (problemOf(child) !== null) problems.push(child);
  }
  return { counts: { total, ready, notReady, failed, problems: problems.length, restarts }, problems };
}
