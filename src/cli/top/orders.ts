/** What can be asked of a child, and what must be said before it is. */
import type { ChildDescription, CommandKind, CommandOutcome, ExtensionKind } from "../../client/mod.ts";
import { cleanText, lastName, parentPath } from "../../base/mod.ts";
import { plural } from "../render/status.ts";
import { type Effect, type Model, only, type Said, type Step } from "./model.ts";
import { editorOf, type Prompt } from "./prompt.ts";

/** One thing that can be asked. */
export interface Verb {
  readonly kind: CommandKind | ExtensionKind;
  /** What it is called, before the child. */
  readonly word: string;
  /** Whether it is asked of the copies of a child, or of the whole tree. */
  readonly of: "child" | "copies" | "tree";
  /** Whether a name must be typed first. */
  readonly isDangerous: boolean;
}

/** What is about to be asked. */
export interface Order {
  readonly verb: Verb;
  /** Whom it is for; "/" is the tree. */
  readonly path: string;
  /** What must be typed where it is dangerous. */
  readonly name: string;
  /** How many copies there are. */
  readonly copies: number;
  readonly count: number | null;
  readonly reason: string;
}

/** What is recorded where nobody says why. */
export const DEFAULT_REASON = "asked for in reeve top";

/** How long copies may take that are replaced one after the other. */
const ROLLING_MS = 3_600_000;

/** Asks what must be known first. */
export function ordered(model: Model, verb: Verb): Step {
  const { selected, children, tree } = model;
  if (verb.of === "tree") {
    if (tree === null) return said(model, "the tree is not known yet", "yellow");
    return asked(model, { verb, path: "/", name: tree.name, copies: 0, count: null, reason: "" });
  }
  const child = selected === null ? undefined : children.get(selected);
  if (child === undefined) return said(model, `nobody is selected: ${verb.word} whom?`, "yellow");
  if (verb.of === "child") {
    return asked(model, { verb, path: child.childPath, name: lastName(child.childPath), copies: 0, count: null, reason: "" });
  }
  const set = setOf(child, children);
  if (set === undefined) return said(model, `${child.childPath} has no copies`, "yellow");
  return asked(model, { verb, ...set, count: null, reason: "" });
}

/** The child whose copies are meant: a set itself, or what one of its copies belongs to. */
function setOf(
  { childPath, children }: ChildDescription,
  all: ReadonlyMap<string, ChildDescription>,
): Pick<Order, "path" | "name" | "copies"> | undefined {
  const own = lastName(childPath);
  const copies = children.filter((path) => isCopy(path, own)).length;
  if (copies > 0) return { path: childPath, name: own, copies };
  const [, template] = /^(.+):\d+$/.exec(own) ?? [];
  if (template === undefined) return undefined;
  const parent = parentPath(childPath);
  const siblings = [...all.keys()].filter((path) => parentPath(path) === parent && isCopy(path, template)).length;
  // Copies of a template belong to the supervisor itself, those of a set to a supervisor of their own.
  return { path: lastName(parent) === template ? parent : below(parent, template), name: template, copies: siblings };
}

function isCopy(path: string, name: string): boolean {
  return lastName(path).startsWith(`${name}:`);
}

function below(parent: string, name: string): string {
  return parent === "/" ? `/${name}` : `${parent}/${name}`;
}

function asked(model: Model, order: Order): Step {
  const kind: Prompt["kind"] = order.verb.kind === "scale" && order.count === null ? "count" : "reason";
  const editor = editorOf(kind === "count" ? String(order.copies) : "");
  return only({ ...model, said: null, prompt: { kind, editor, order } });
}

/** What is asked in the prompt's line. */
export function questionOf({ kind, order: { verb, path, name } }: Extract<Prompt, { kind: "count" | "reason" | "name" }>): string {
  if (kind === "count") return `How many copies of ${path}? `;
  const what = verb.of === "tree" ? verb.word : `${verb.word} ${path}`;
  return kind === "reason" ? `Why ${what}? ` : `To ${what}, type its name (${name}): `;
}

/** The line was entered. */
export function entered(model: Model, { kind, editor, order }: Extract<Prompt, { kind: "count" | "reason" | "name" }>): Step {
  const text = editor.text.trim();
  if (kind === "count") {
    if (!/^\d{1,6}$/.test(text)) return said(model, `"${text}" is no number of copies`, "red");
    return asked(model, { ...order, count: Number(text) });
  }
  if (kind === "reason") {
    const next: Order = { ...order, reason: text === "" ? DEFAULT_REASON : text };
    const takesAway = order.count !== null && order.count < order.copies;
    if (!order.verb.isDangerous && !takesAway) return sent(model, next);
    return only({ ...model, prompt: { kind: "name", editor: editorOf(""), order: next } });
  }
  return text !== "" && text === order.name.trim() ? sent(model, order) : said(model, `"${text}" is not its name: nothing was done`, "red");
}

function sent(model: Model, { verb, path, name, count, reason }: Order): Step {
  const what = verb.of === "tree" ? verb.word : count === null ? `${verb.word} ${path}` : `${verb.word} ${path} to ${count}`;
  const parent = parentPath(path);
  const target = verb.kind === "scale"
    ? { template: name, count: count ?? 0, ...parent === "/" ? {} : { childPath: parent } }
    : verb.of === "tree"
    ? {}
    : { childPath: path };
  const request = {
    ...target,
    reason,
    ...verb.isDangerous || verb.kind === "scale" ? { confirmed: true } : {},
    ...verb.kind === "rolling_restart" ? { timeoutMs: ROLLING_MS } : {},
  };
  const effect: Effect = { type: "command", kind: verb.kind, what, request };
  return [{ ...model, prompt: null, said: { text: `… ${what}: asked`, style: "yellow" } }, [effect]];
}

function said(model: Model, text: string, style: Said["style"]): Step {
  return only({ ...model, prompt: null, said: { text, style } });
}

/** What became of a command, in words. */
export function outcomeOf(what: string, { accepted, error, stateDelta }: CommandOutcome): Said {
  if (!accepted) {
    const why = typeof error?.message === "string" ? cleanText(error.message, 512) : "no reason was given";
    return { text: `✗ ${what}: refused: ${why}`, style: "red" };
  }
  const outcome: unknown = stateDelta?.["outcome"];
  if (typeof outcome === "object" && outcome !== null && Reflect.get(outcome, "idempotent") === true) {
    return { text: `✓ ${what}: it was so already`, style: "green" };
  }
  const { restarted, added, removed, failed }: Readonly<Record<string, unknown>> = stateDelta ?? {};
  const told = ([["restarted", restarted], ["added", added], ["removed", removed], ["failed", failed]] as const).flatMap(([word, paths]) =>
    Array.isArray(paths) && paths.length > 0 ? [`${plural(paths.length, "copy", "copies")} ${word}`] : []
  );
  const isBad = Array.isArray(failed) && failed.length > 0;
  return { text: `${isBad ? "✗" : "✓"} ${what}: ${told.length === 0 ? "done" : told.join(", ")}`, style: isBad ? "red" : "green" };
}
