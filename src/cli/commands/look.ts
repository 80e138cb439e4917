/** Commands that look at a run: `status`, `tree`, `describe`, `why`, `critical-chain` and `is-ready`. */
import { didYouMean, lastName } from "../../base/mod.ts";
import type { ChildDescription, Client, TreeStatus } from "../../client/mod.ts";
import { type CommandIo, EXIT, refuse, SILENT } from "../io.ts";
import { plainJson } from "../plain_json.ts";
import { type ChildStory, describeText, whyText } from "../render/child.ts";
import { criticalChain, criticalChainText, startupsIn } from "../render/critical_chain.ts";
import { statusText } from "../render/status.ts";
import { treeText } from "../render/tree.ts";
import { type TargetArgs, withTarget } from "../target.ts";

/** Arguments of all of them. */
export interface LookArgs extends TargetArgs {
  /** Whether to print JSON. */
  readonly json: boolean;
}

/** Arguments of those that look at one child. */
export interface ChildArgs extends LookArgs {
  /** Path or name of the child. */
  readonly child: string;
}

/** A number of last lines, and of last events, that people read at one glance. */
const LAST_LINES = 10;
const LAST_EVENTS = 5;

/** How the tree is; returns 0 when it is ready, 1 when not, 2 when no run answers. */
export async function status(args: LookArgs, io: CommandIo): Promise<number> {
  return await withTarget(args, io, async (client, socket) => {
    const found = await client.status({ usage: true });
    io.stdout(args.json ? plainJson({ socket, ...found }) : statusText(found, socket, io));
    return readyCode(found);
  });
}

/** Draws the tree; returns as `status` does. */
export async function tree(args: LookArgs, io: CommandIo): Promise<number> {
  return await withTarget(args, io, async (client) => {
    const found = await client.status();
    io.stdout(args.json ? plainJson(found) : treeText(found, io));
    return readyCode(found);
  });
}

function readyCode({ tree: { ready, phase } }: TreeStatus): number {
  return ready && phase === "running" ? EXIT.clean : EXIT.problems;
}

/** Everything about one child; returns 0, 1 when there is no such child, 2 when no run answers. */
export async function describe(args: ChildArgs, io: CommandIo): Promise<number> {
  return await tell(args, io, describeText);
}

/** Why a child is as it is; returns as `describe` does. */
export async function why(args: ChildArgs, io: CommandIo): Promise<number> {
  return await tell(args, io, whyText);
}

async function tell(args: ChildArgs, io: CommandIo, render: (story: ChildStory, io: CommandIo) => string): Promise<number> {
  return await withTarget(args, io, async (client) => {
    const found = await client.status({ usage: true });
    const child = childOf(found, args.child);
    if (typeof child === "string") return refuse(io, child, EXIT.problems);
    const story = await storyOf(client, found, child);
    const { events, logs } = story;
    io.stdout(args.json ? plainJson({ child, events, logs }) : render(story, io));
    return EXIT.clean;
  });
}

async function storyOf(client: Client, found: TreeStatus, child: ChildDescription): Promise<ChildStory> {
  const path = child.childPath;
  const [events, logs] = await Promise.all([
    client.recentEvents({ path, limit: LAST_EVENTS }),
    client.recentLogs({ path, limit: LAST_LINES }),
  ]);
  return { status: found, child, events, logs };
}

/** The child of a path, or of a name that only one has; else why not. */
export function childOf({ children }: Pick<TreeStatus, "children">, asked: string): ChildDescription | string {
  const exact = children.find(({ childPath }) => childPath === asked || childPath === `/${asked}`);
  if (exact !== undefined) return exact;
  const named = children.filter(({ childPath }) => lastName(childPath) === asked);
  if (named.length === 1) return named[0]!;
  if (named.length > 1) return `several children are called "${asked}": name one of ${named.map(({ childPath }) => childPath).join(", ")}`;
  const names = children.flatMap(({ childPath }) => [childPath, lastName(childPath)]);
  return `there is no child "${asked}". ${didYouMean(asked, names) ?? "reeve tree shows who is there"}`;
}

/** Arguments of {@linkcode criticalChainOf}. */
export interface CriticalChainArgs extends LookArgs {
  /** The child with which the chain ends; the one that was ready last where absent. */
  readonly child?: string | undefined;
}

/** Events that tell of a start. */
const STARTS = ["child_starting", "child_ready", "child_succeeded"];
const MOST_EVENTS = 10_000;

/** What made the start slow; returns 0, 1 when that is not known, 2 when no run answers. */
export async function criticalChainOf(args: CriticalChainArgs, io: CommandIo): Promise<number> {
  return await withTarget(args, io, async (client) => {
    const found = await client.status();
    const child = args.child === undefined ? undefined : childOf(found, args.child);
    if (typeof child === "string") return refuse(io, child, EXIT.problems);
    const events = await client.recentEvents({ types: STARTS, limit: MOST_EVENTS });
    const chain = criticalChain(found.children, startupsIn(found, events), child?.childPath);
    io.stdout(args.json ? plainJson({ chain }) : criticalChainText(chain, io));
    return chain.length > 0 ? EXIT.clean : EXIT.problems;
  });
}

/** Arguments of {@linkcode isReady}. */
export interface IsReadyArgs extends TargetArgs {
  /** A child; the whole tree where absent. */
  readonly child?: string | undefined;
  /** Whether to say nothing. */
  readonly quiet: boolean;
}

/** Whether the tree or a child is ready, for the health checks of containers; returns 0 when it is, 1 when not, 2 when no run answers. */
export async function isReady(args: IsReadyArgs, io: CommandIo): Promise<number> {
  const spoken = args.quiet ? SILENT : io;
  return await withTarget(args, spoken, async (client) => {
    const found = await client.status();
    const child = args.child === undefined ? undefined : childOf(found, args.child);
    if (typeof child === "string") return refuse(spoken, child, EXIT.problems);
    const ready = child === undefined ? readyCode(found) === EXIT.clean : child.phase === "ready";
    const name = child?.childPath ?? found.tree.name;
    spoken.stdout(`${name} is ${ready ? "ready" : "not ready"}\n`);
    return ready ? EXIT.clean : EXIT.problems;
  });
}
