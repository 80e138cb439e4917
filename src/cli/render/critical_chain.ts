/** What made the start slow: the chain of children of which each had to wait for the one before. */
import type { ChildDescription, DescribedEvent, TreeStatus } from "../../client/mod.ts";
import { cleanText, parentPath } from "../../base/mod.ts";
import { duration } from "../../event/mod.ts";
import { type CommandIo, paint } from "../io.ts";
import { msBetween } from "./words.ts";

/** When a child was first started, and when it was ready, in milliseconds since the tree began. */
export interface Startup {
  readonly path: string;
  readonly startedMs: number;
  readonly readyMs: number;
}

/** Reads the first start of each child out of the events of a run. */
export function startupsIn({ tree }: TreeStatus, events: readonly DescribedEvent[]): Map<string, Startup> {
  const started = new Map<string, number>();
  const found = new Map<string, Startup>();
  for (const { event: { eventType, targetPath: path, occurredAtUnixNanos } } of events) {
    const atMs = msBetween(tree.startedAtUnixNanos, occurredAtUnixNanos);
    if (eventType === "ChildStarting" && !started.has(path)) started.set(path, atMs);
    const startedMs = started.get(path);
    if ((eventType === "ChildReady" || eventType === "ChildSucceeded") && startedMs !== undefined && !found.has(path)) {
      found.set(path, { path, startedMs, readyMs: atMs });
    }
  }
  return found;
}

/** The chain that ends with a child, or with the one that was ready last: who was ready last among those that each had to wait for comes before it. */
export function criticalChain(children: readonly ChildDescription[], startups: ReadonlyMap<string, Startup>, end?: string): Startup[] {
  const byPath = new Map(children.map((child) => [child.childPath, child]));
  const last = end === undefined ? latest([...startups.values()].filter(({ path }) => byPath.has(path))) : startups.get(end);
  const chain: Startup[] = [];
  for (let next = last; next !== undefined && !chain.includes(next);) {
    chain.push(next);
    next = before(next, byPath, startups);
  }
  return chain;
}

function before(
  { path, startedMs }: Startup,
  all: ReadonlyMap<string, ChildDescription>,
  startups: ReadonlyMap<string, Startup>,
): Startup | undefined {
  const child = all.get(path);
  if (child === undefined) return undefined;
  // A supervisor is ready with the last of its children, which is what it waited for.
  const inner = child.children.flatMap((below) => startups.get(below) ?? []).filter((below) => below.startedMs >= startedMs);
  return latest(inner) ?? heldUpBy(child, all, startups);
}

/** Who was ready last of those that a child comes after; one that comes after nobody had to wait for its supervisor. */
function heldUpBy(
  { childPath, dependencies, bindsTo, wants }: ChildDescription,
  all: ReadonlyMap<string, ChildDescription>,
  startups: ReadonlyMap<string, Startup>,
): Startup | undefined {
  const parent = parentPath(childPath);
  const siblings = [...dependencies, ...bindsTo, ...wants].map((name) => parent === "/" ? `/${name}` : `${parent}/${name}`);
  const supervisor = all.get(parent);
  return latest(siblings.flatMap((path) => startups.get(path) ?? [])) ??
    (supervisor === undefined ? undefined : heldUpBy(supervisor, all, startups));
}

function latest(all: readonly Startup[]): Startup | undefined {
  return all.reduce<Startup | undefined>((found, one) => found === undefined || one.readyMs > found.readyMs ? one : found, undefined);
}

/** Draws a chain, what was ready last first. */
export function criticalChainText(chain: readonly Startup[], io: CommandIo): string {
  const [last] = chain;
  if (last === undefined) return "nothing was ready yet, or the events of the start are not remembered any more\n";
  const lines = chain.map(({ path, startedMs, readyMs }, depth) => {
    const took = paint(io, readyMs - startedMs >= SLOW_MS ? "red" : "dim", `+${duration(readyMs - startedMs)}`);
    return `${depth === 0 ? "" : `${"  ".repeat(depth - 1)}└─`}${cleanText(path, 128)}  @${duration(startedMs)} ${took}\n`;
  });
  return `The time at which a child was started is after "@", the time until it was ready after "+".\n\n${lines.join("")}`;
}

const SLOW_MS = 1_000;
