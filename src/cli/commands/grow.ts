/** Commands that change who is in a tree: `add`, `scale` and `start-template`. */
import { readFile } from "node:fs/promises";
import { cleanText, lastName, parentPath, thrownMessage } from "../../base/mod.ts";
import type { ChildDescription, Client, CommandOutcome, CommandRequest } from "../../client/mod.ts";
import { askFor, type AskingArgs, isBlank, isMeant, memberOf, reasonOf, refusalOf, textsOf } from "../asking.ts";
import { type CommandIo, EXIT, refuse } from "../io.ts";
import { plainJson } from "../plain_json.ts";
import { withProgress } from "../progress.ts";
import { supervisorOf } from "../selection.ts";
import { withTarget } from "../target.ts";
import { momentNow, tellVerdicts, untilReady, type Verdict } from "../until_ready.ts";
import { LONGEST_MS } from "./control.ts";

/** What all of them share. */
interface GrowArgs extends AskingArgs {
  /** The supervisor that gets the child; the root where absent. */
  readonly to?: string | undefined;
}

interface WaitingArgs extends GrowArgs {
  /** For how many seconds to wait until it is ready; not at all where absent. */
  readonly waitSecs?: number | undefined;
}

/** Arguments of {@linkcode add}. */
export interface AddArgs extends WaitingArgs {
  /** A file with the declaration of one child, `-` for standard input. */
  readonly manifest: string;
}

/** Largest declaration in bytes, as the target takes it. */
const LARGEST = 65_536;

/** Adds a child; returns 0, 1 when it was refused or did not get ready, 2 when nothing was asked. */
export async function add(args: AddArgs, io: CommandIo): Promise<number> {
  if (isBlank(args, io)) return EXIT.unusable;
  const childManifest = await textOf(args.manifest, io);
  if (childManifest === null) return EXIT.unusable;
  return await withTarget(
    args,
    io,
    async (client) =>
      await newChild(
        "add",
        client,
        args,
        async (to, reason) => await askFor(client, "add_child", { childManifest, to, reason, confirmed: true }),
        io,
      ),
  );
}

async function textOf(file: string, io: CommandIo): Promise<string | null> {
  const name = file === "-" ? "standard input" : file;
  try {
    const text = file !== "-" ? await readFile(file, "utf8") : await io.input?.(LARGEST) ?? "";
    if (text.trim() !== "" && text.length <= LARGEST) return text;
    refuse(
      io,
      `${name} ${text.trim() === "" ? "is empty" : "is too long"}: it must have the declaration of one child in YAML`,
      EXIT.unusable,
    );
  } catch (error) {
    refuse(io, `cannot read ${name}: ${thrownMessage(error)}`, EXIT.unusable);
  }
  return null;
}

/** Arguments of {@linkcode startTemplate}. */
export interface TemplateArgs extends WaitingArgs {
  readonly template: string;
  /** JSON that is given to the copy. */
  readonly args?: string | undefined;
}

/** Starts a copy of a template; returns as {@linkcode add} does. */
export async function startTemplate(args: TemplateArgs, io: CommandIo): Promise<number> {
  if (isBlank(args, io)) return EXIT.unusable;
  const given = jsonOf(args.args);
  if (given === null) return refuse(io, `--args must be JSON such as '{"user": 7}' or '"text"'. Nothing was asked`, EXIT.unusable);
  return await withTarget(
    args,
    io,
    async (client) =>
      await newChild(
        "start-template",
        client,
        args,
        async (to, reason) => await askFor(client, "start_template", { childPath: to, template: args.template, args: given.value, reason }),
        io,
      ),
  );
}

function jsonOf(text: string | undefined): { readonly value: unknown } | null {
  try {
    return { value: text === undefined ? undefined : JSON.parse(text) };
  } catch {
    return null;
  }
}

/** Asks for a child that is not there yet, and tells which one came. */
async function newChild(
  command: "add" | "start-template",
  client: Client,
  { to: asked = "/", reason: given, waitSecs, json }: WaitingArgs,
  ask: (to: string, reason: string) => Promise<CommandOutcome>,
  io: CommandIo,
): Promise<number> {
  const place = supervisorOf(await client.status(), asked, false);
  if ("problem" in place) return refuse(io, place.problem, EXIT.problems);
  const reason = await reasonOf({ reason: given }, io);
  const at = momentNow();
  const outcome = await ask(place.path, reason);
  const message = outcome.accepted ? null : refusalOf(outcome, templateHint(outcome));
  const added = textsOf(memberOf(outcome.stateDelta, "added"));
  if (message !== null) refuse(io, message, EXIT.problems);
  else if (!json) io.stdout(`${cleanText(added.join(", "), 1_024)} is added\n`);
  const verdicts = waitSecs === undefined || message !== null
    ? new Map<string, Verdict>()
    : await untilReady(client, added.map((path) => ({ path, before: -1, at })), { seconds: waitSecs, io });
  tellVerdicts(verdicts, io);
  const [verdict] = verdicts.values();
  if (json) {
    const waited = verdict === undefined ? {} : { ready: verdict.ready, why: verdict.why, lastLines: verdict.lines };
    const told = message === null ? "done" : "refused";
    io.stdout(plainJson({ command, reason, to: place.path, outcome: told, message, added, ...waited }));
  } else if (verdict?.ready === true) io.stdout(`${cleanText(added.join(), 256)} ${verdict.why}\n`);
  return message === null && verdict?.ready !== false ? EXIT.clean : EXIT.problems;
}

function templateHint({ error }: CommandOutcome): string | undefined {
  return error?.message.startsWith("Cannot find template") === true
    ? "Templates are declared in the file that runs, under templates"
    : undefined;
}

/** Arguments of {@linkcode scale}. */
export interface ScaleArgs extends GrowArgs {
  /** A template, or a child with copies; its path too. */
  readonly name: string;
  readonly count: number;
  /** Whether it was said beforehand that it is meant. */
  readonly yes: boolean;
}

/** Makes it so many copies; returns 0, 1 when it was refused, 2 when nothing was asked. */
export async function scale(args: ScaleArgs, io: CommandIo): Promise<number> {
  if (isBlank(args, io)) return EXIT.unusable;
  const name = lastName(args.name);
  if (name !== args.name && args.to !== undefined) {
    return refuse(io, `${args.name} says where it is already: leave --to out. Nothing was asked`, EXIT.unusable);
  }
  return await withTarget(args, io, async (client) => {
    const { tree, children } = await client.status();
    const place = supervisorOf({ children }, args.to ?? (name === args.name ? "/" : parentPath(args.name)), true);
    if ("problem" in place) return refuse(io, place.problem, EXIT.problems);
    const copies = copiesOf(children, place.path, name);
    const goes = copies.length - args.count;
    const what = `${goes} of ${copies.length} copies of "${name}" in "${tree.name}" ${goes === 1 ? "is" : "are"} stopped and removed`;
    if (goes > 0 && !await isMeant({ what, name, yes: args.yes }, io)) return EXIT.unusable;
    const reason = await reasonOf(args, io);
    const request = { childPath: place.path, template: name, count: args.count, reason, confirmed: true, timeoutMs: LONGEST_MS };
    const outcome = await withProgress(io, () => `scaling ${name} to ${args.count}`, scaled(client, request));
    return tellScaled(
      { name, to: place.path, before: copies.length, hint: hintFor(children, place.path, name), reason },
      outcome,
      args,
      io,
    );
  });
}

async function scaled(client: Client, request: Omit<CommandRequest, "requestedBy">): Promise<CommandOutcome> {
  return await askFor(client, "scale", request);
}

/** The copies that a template has under a supervisor, or a child has. */
function copiesOf(children: readonly ChildDescription[], to: string, name: string): string[] {
  const own = pathIn(to, name);
  return children.filter(({ childPath, operation }) => {
    const [template, number] = lastName(childPath).split(":");
    const parent = parentPath(childPath);
    return template === name && number !== undefined && operation !== "removed" && (parent === to || parent === own);
  }).map(({ childPath }) => childPath);
}

function pathIn(supervisor: string, name: string): string {
  return `${supervisor === "/" ? "" : supervisor}/${name}`;
}

/** What to do where a child is called so that has no copies. */
function hintFor(children: readonly ChildDescription[], to: string, name: string): string | undefined {
  const path = pathIn(to, name);
  const isSingle = children.some(({ childPath }) => childPath === path) && copiesOf(children, to, name).length === 0;
  if (isSingle) return `${path} is one child without copies: give it "instances: 1" in the file that runs, then reeve reload`;
  const elsewhere = children.find((child) =>
    lastName(child.childPath) === name && copiesOf(children, parentPath(child.childPath), name).length > 0
  );
  return elsewhere === undefined ? undefined : `There is ${elsewhere.childPath}: name that`;
}

interface Scaled {
  readonly name: string;
  readonly to: string;
  readonly before: number;
  readonly hint: string | undefined;
  readonly reason: string;
}

function tellScaled(
  { name, to, before, hint, reason }: Scaled,
  outcome: CommandOutcome,
  { count, json }: ScaleArgs,
  io: CommandIo,
): number {
  const [added, removed] = ["added", "removed"].map((key) => textsOf(memberOf(outcome.stateDelta, key))) as [string[], string[]];
  const isFound = outcome.error?.message.startsWith("Cannot find template") !== true;
  const message = outcome.accepted ? null : refusalOf(outcome, isFound ? undefined : hint ?? templateHint(outcome));
  if (message !== null) refuse(io, message, EXIT.problems);
  if (json) {
    const told = message !== null ? "refused" : added.length + removed.length === 0 ? "unchanged" : "done";
    io.stdout(plainJson({ command: "scale", reason, name, to, outcome: told, message, before, count, added, removed }));
  } else if (message === null) {
    for (const path of added) io.stdout(`${cleanText(path, 256)} is added\n`);
    for (const path of removed) io.stdout(`${cleanText(path, 256)} is removed\n`);
    io.stdout(
      `${cleanText(name, 64)} has ${count} ${count === 1 ? "copy" : "copies"}${added.length + removed.length === 0 ? " already" : ""}\n`,
    );
  }
  return message === null ? EXIT.clean : EXIT.problems;
}
