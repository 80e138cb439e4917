/** Waits until children are ready after what was asked of them, or says why they are not. */
import { cleanText, ReeveError } from "../base/mod.ts";
import type { ChildDescription, Client, Nanos } from "../client/mod.ts";
import type { CommandIo } from "./io.ts";
import { withProgress } from "./progress.ts";
import { age, lookOf, soon } from "./render/words.ts";

/** A child of which something was asked. */
export interface Asked {
  readonly path: string;
  /** The incarnation before the one that is waited for; `null` where the present one is. */
  readonly before: number | null;
  /** When it was asked, before the answer, by the clock on the wall, which is that of the target too. */
  readonly at: Nanos;
}

/** This moment, as {@linkcode Asked} has it. */
export function momentNow(): Nanos {
  return BigInt(Date.now()) * 1_000_000n;
}

/** What became of it. */
export interface Verdict {
  readonly ready: boolean;
  /** In a few words. */
  readonly why: string;
  /** Its last lines, where it is not ready. */
  readonly lines: readonly string[];
}

/** So many last lines are told. */
const LAST_LINES = 10;

/** Waits for so many seconds at most. */
export async function untilReady(
  client: Client,
  asked: readonly Asked[],
  { seconds, io }: { readonly seconds: number; readonly io: CommandIo },
): Promise<ReadonlyMap<string, Verdict>> {
  const waiting = new Waiting(asked);
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), 1_000 * seconds);
  try {
    await withProgress(io, () => waiting.text, watch(client, waiting, over.signal));
    waiting.end(`is not ready after ${seconds < 60 ? `${seconds} s` : age(1_000 * seconds)}`);
  } catch (error) {
    if (!(error instanceof ReeveError)) throw error;
    waiting.end(`is not known to be ready: ${error.message}`);
    return waiting.verdicts;
  } finally {
    clearTimeout(timer);
  }
  const told = asked.map(async ({ path, at }) => {
    const verdict = waiting.verdicts.get(path)!;
    return [path, await withLines(client, { path, at }, verdict).catch(() => verdict)] as const;
  });
  return new Map(await Promise.all(told));
}

async function watch(client: Client, waiting: Waiting, signal: AbortSignal): Promise<void> {
  const [only, ...others] = waiting.paths;
  const path = others.length === 0 ? only : undefined;
  // Of events none is needed, but those there are of this type are few.
  const pushes = client.events({ states: true, details: true, rows: false, types: ["child_removed"], path, signal });
  for await (const push of pushes) {
    if (push.type === "state_delta") waiting.see(push.delta.children ?? [], push.delta.removed, push.delta.whole);
    else if (push.type === "gap") waiting.see((await client.status()).children, [], true);
    if (waiting.isOver) return;
  }
}

/** How the children are that are waited for, and those below them. */
class Waiting {
  readonly verdicts = new Map<string, Verdict>();
  readonly #asked: readonly Asked[];
  readonly #children = new Map<string, ChildDescription>();
  /** Failures of a child when it was first seen. */
  readonly #failures = new Map<string, number>();

  constructor(asked: readonly Asked[]) {
    this.#asked = asked;
  }

  get paths(): readonly string[] {
    return this.#asked.map(({ path }) => path);
  }

  get isOver(): boolean {
    return this.#asked.every(({ path }) => this.verdicts.has(path));
  }

  /** Who is waited for, in a few words. */
  get text(): string {
    const [first, ...others] = this.paths.filter((path) => !this.verdicts.has(path));
    const child = this.#children.get(first ?? "");
    const state = child === undefined ? "" : ` (${lookOf(child).word})`;
    return `waiting for ${first ?? "an answer"}${state}${others.length === 0 ? "" : ` and ${others.length} more`}`;
  }

  see(changed: readonly ChildDescription[], removed: readonly string[], whole: boolean): void {
    if (whole) this.#children.clear();
    for (const path of removed) this.#children.delete(path);
    for (const child of changed) {
      this.#children.set(child.childPath, child);
      if (!this.#failures.has(child.childPath)) this.#failures.set(child.childPath, child.failuresTotal);
    }
    for (const asked of this.#asked) {
      if (this.verdicts.has(asked.path)) continue;
      const verdict = this.#verdictOf(asked);
      if (verdict !== null) this.verdicts.set(asked.path, verdict);
    }
  }

  /** Nobody waits any more. */
  end(why: string): void {
    for (const path of this.paths) {
      if (this.verdicts.has(path)) continue;
      const child = this.#children.get(path);
      const waitsFor = child === undefined || child.waitingFor.length === 0 ? "" : ` for ${child.waitingFor.join(", ")}`;
      const state = child === undefined ? "" : ` (${lookOf(child).word}${waitsFor})`;
      this.verdicts.set(path, notReady(`${why}${state}`));
    }
  }

  #verdictOf({ path, before, at }: Asked): Verdict | null {
    const child = this.#children.get(path);
    if (child === undefined) return { ready: false, why: GONE, lines: [] };
    const isDown = child.phase === "stopped" || child.phase === "failed";
    if (child.operation !== "active") return notReady(`is ${child.operation}`);
    if (before !== null && child.generation <= before) return isDown ? notReady(staysDown(child, at)) : null;
    if (child.phase === "ready") return { ready: true, why: "is ready", lines: [] };
    if (lookOf(child).word === "done") return { ready: true, why: "is done", lines: [] };
    // A new incarnation begins without what went wrong before.
    const hasFailed = before === null
      ? child.failuresTotal > (this.#failures.get(path) ?? 0)
      : child.restartLimit.used > 0 || child.consecutiveRestarts > 0;
    if (isDown || hasFailed) return notReady(failure(child, at), child);
    // Those below begin anew with a supervisor that does, before it runs; of one that runs on, what went wrong before is past.
    const since = before === null ? at : child.phase === "running" ? 0n : null;
    if (since === null) return null;
    const below = [...this.#children.values()].find((other) => other.childPath.startsWith(`${path}/`) && isFailing(other, since));
    return below === undefined ? null : notReady(`is not ready: ${below.childPath} ${failure(below, at)}`, below);
  }
}

/** Why there is no child any more is seen from what happened. */
const GONE = "is gone";

function notReady(why: string, failed?: ChildDescription): Verdict {
  return { ready: false, why, lines: failed?.lastOutput.slice(-LAST_LINES) ?? [] };
}

function isFailing({ phase, lastExit, sinceUnixNanos }: ChildDescription, since: Nanos): boolean {
  return (phase === "failed" || phase === "backoff") && lastExit !== null && sinceUnixNanos >= since;
}

function failure({ phase, lastExit, nextStartUnixNanos: next, sinceUnixNanos }: ChildDescription, at: Nanos): string {
  const now = sinceUnixNanos > at ? sinceUnixNanos : at;
  return `${lastExit ?? `is ${phase}`}${next === undefined ? "" : `; it starts again ${soon(next, now)}`}`;
}

/** It is not held any more, and yet nothing begins. */
function staysDown({ nextStartUnixNanos: next, childPath }: ChildDescription, at: Nanos): string {
  return next === undefined ? `does not start by itself: reeve start ${childPath}` : `starts when it is time, ${soon(next, at)}`;
}

const ENDS = ["child_succeeded", "child_failed", "child_stopped"];

/** What is known of it besides: how one ended that is gone, and what it said last. */
async function withLines(client: Client, { path, at }: Pick<Asked, "path" | "at">, verdict: Verdict): Promise<Verdict> {
  if (verdict.ready) return verdict;
  if (verdict.why === GONE) {
    const last = (await client.recentEvents({ path, types: ENDS, limit: 1 })).at(-1);
    if (last?.event.eventType === "ChildSucceeded") return { ready: true, why: "is done, and gone", lines: [] };
    if (last !== undefined) return { ...verdict, why: `${GONE}: ${last.description}`, lines: await linesOf(client, path, at) };
  }
  return verdict.lines.length > 0 ? verdict : { ...verdict, lines: await linesOf(client, path, at) };
}

/** What it said since it was asked. */
async function linesOf(client: Client, path: string, at: Nanos): Promise<string[]> {
  const logs = await client.recentLogs({ path, limit: LAST_LINES });
  return logs.filter(({ occurredAtUnixNanos }) => occurredAtUnixNanos >= at).map(({ message }) => message);
}

/** Says why children are not ready, with their last lines. */
export function tellVerdicts(verdicts: ReadonlyMap<string, Verdict>, io: CommandIo): void {
  for (const [path, { ready, why, lines }] of verdicts) {
    if (ready) continue;
    io.stderr(`reeve: ${cleanText(`${path} ${why}`)}\n${lines.map((line) => `  │ ${cleanText(line)}\n`).join("")}`);
  }
}
