/** What a command must know before it asks a run for something: why, and whether it is meant. */
import { cleanText } from "../base/mod.ts";
import { type Client, type CommandOutcome, type CommandRequest, DashboardError } from "../client/mod.ts";
import type { CommandKind, ExtensionKind } from "../protocol/mod.ts";
import { type CommandIo, EXIT, refuse } from "./io.ts";
import { type TargetArgs, userName } from "./target.ts";

/** Arguments of every command that asks for something. */
export interface AskingArgs extends TargetArgs {
  /** Why, for the audit; a person is asked where it is absent. */
  readonly reason?: string | undefined;
  /** Whether to print JSON. */
  readonly json: boolean;
}

/** Why, where nobody says anything of it. */
const BY_HAND = "by hand";

/** Whether a reason was given that says nothing, which is told. */
export function isBlank({ reason }: Pick<AskingArgs, "reason">, io: CommandIo): boolean {
  if (reason === undefined || reason.trim() !== "") return false;
  refuse(io, `the reason is blank: say why, or leave --reason out for "${BY_HAND}". Nothing was asked`, EXIT.unusable);
  return true;
}

/** Why: as it was given, as whoever sits there says, or a word that says as much. */
export async function reasonOf({ reason }: Pick<AskingArgs, "reason">, io: CommandIo): Promise<string> {
  const said = reason ?? await io.ask(`Why? It is kept in the audit (${BY_HAND}): `) ?? "";
  return said.trim() === "" ? BY_HAND : said.trim();
}

/** Something that is not undone by the next command. */
export interface Danger {
  /** What it would do, as a sentence without its end. */
  readonly what: string;
  /** What the person types. */
  readonly name: string;
  /** Whether it was said beforehand that it is meant. */
  readonly yes: boolean;
}

/** Whether it is meant; says why not. */
export async function isMeant({ what, name, yes }: Danger, io: CommandIo): Promise<boolean> {
  if (yes) return true;
  const said = await io.ask(`${cleanText(what)}. Type ${cleanText(name, 256)} if that is meant: `);
  if (said?.trim() === name) return true;
  const why = said === null ? `${what}: nobody is here to say that it is meant, so say it with --yes` : `"${said.trim()}" is not "${name}"`;
  refuse(io, `${why}. Nothing was asked`, EXIT.unusable);
  return false;
}

/** Commands of one person may come faster than a socket takes them: so often, and after so many milliseconds, they are asked again. */
const MOST_TRIES = 100;
const AGAIN_MS = 100;

/** Asks for a command, in the name of whoever sits there. */
export async function askFor(
  client: Client,
  kind: CommandKind | ExtensionKind,
  request: Omit<CommandRequest, "requestedBy">,
): Promise<CommandOutcome> {
  for (let tries = 1;; tries++) {
    try {
      return await client.command(kind, { requestedBy: userName(), ...request });
    } catch (error) {
      if (!(error instanceof DashboardError) || error.wire.code !== "rate_limit_exceeded" || tries === MOST_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

/** A member of what came over a socket, through those above it. */
export function memberOf(value: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>((found, name) => typeof found === "object" && found !== null ? Reflect.get(found, name) : undefined, value);
}

/** The texts in a list that came over a socket. */
export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === "string") : [];
}

/** Why something was refused, as the target says it, with what to do about it. */
export function refusalOf({ error }: Pick<CommandOutcome, "error">, hint?: string): string {
  const { code = "", message = "the target does not say why" } = error ?? {};
  const next = hint ?? HINTS[code];
  // Line breaks came as they are shown.
  const text = message.replace(/(?:\\n\s*)+/g, "; ");
  return next === undefined ? text : `${text}${/[.?!]$/.test(text) ? "" : "."} ${next}`;
}

const ALLOWED = "List it in dashboard.security_config.allowlist.allowed_paths of the file that runs, which counts from the next start on";

const HINTS: Readonly<Record<string, string>> = { allowlist_empty: ALLOWED, allowlist_denied: ALLOWED };
