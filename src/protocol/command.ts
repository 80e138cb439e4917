/** The parameters of a command. */
import { validationError, type WireError, wireError } from "./errors.ts";

/** A command of the socket. */
export type CommandKind =
  | "restart_child"
  | "pause_child"
  | "resume_child"
  | "quarantine_child"
  | "remove_child"
  | "add_child"
  | "shutdown_tree";

/** Every command, in the order in which a target tells them. */
export const COMMAND_KINDS: readonly CommandKind[] = Object.freeze([
  "restart_child",
  "pause_child",
  "resume_child",
  "quarantine_child",
  "remove_child",
  "add_child",
  "shutdown_tree",
]);

/** A command of our own. */
export type ExtensionKind =
  | "start_child"
  | "terminate_child"
  | "release_child"
  | "reset_fuse"
  | "start_template"
  | "scale"
  | "rolling_restart"
  | "reload";

/** Every command of our own. */
export const EXTENSION_KINDS: readonly ExtensionKind[] = [
  "start_child",
  "terminate_child",
  "release_child",
  "reset_fuse",
  "start_template",
  "scale",
  "rolling_restart",
  "reload",
];

/** What is asked, by whom and why. */
export interface WireCommand {
  readonly commandId: string;
  readonly kind: CommandKind | ExtensionKind;
  readonly childPath: string | null;
  readonly childManifest: string | null;
  /** Name of the template of which copies are made. */
  readonly template: string | null;
  /** How many copies there are to be. */
  readonly count: number | null;
  /** Whether to say only what would be done. */
  readonly dryRun: boolean;
  /** Path of the supervisor that gets the child which is added; `null` where nothing is said of it, and it is the root. */
  readonly to: string | null;
  /** What the copy of a template is given; `undefined` for what the template says. */
  readonly args: unknown;
  /** Whether everything is forced at once. */
  readonly force: boolean;
  readonly reason: string;
  readonly requestedBy: string;
}

/** Commands that must be confirmed. */
const DANGEROUS: ReadonlySet<string> = new Set(["remove_child", "add_child", "shutdown_tree", "scale", "reload"]);

/** What some commands have beside the rest, and which; elsewhere it would be passed over without a word. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  template: ["start_template", "scale"],
  count: ["scale"],
  dry_run: ["reload"],
  to: ["add_child"],
  args: ["start_template"],
  force: ["shutdown_tree"],
};

/** Whether a command is one that must be confirmed. */
export function isDangerous(command: string): boolean {
  return DANGEROUS.has(command);
}

/** Whether a command may not be done unless it is confirmed; a reload that is only tried changes nothing. */
export function needsConfirmation(command: string, dryRun: unknown): boolean {
  return isDangerous(command) && !(command === "reload" && dryRun === true);
}

/** The first option that a command does not have. */
export function foreignOption(command: string, given: Iterable<string>): string | undefined {
  return [...given].find((name) => Object.hasOwn(OPTIONS, name) && OPTIONS[name]?.includes(command) === false);
}

/** Most copies that can be asked for. */
const MOST_COPIES = 10_000;

const FIELDS: readonly (readonly [string, (value: unknown) => string | null])[] = [
  ["command_id", isText],
  ["target_id", isText],
  ["command", (value) => COMMAND_KINDS.some((kind) => kind === value) ? null : "must be a command"],
  ["target", isTarget],
  ["reason", isText],
  ["requested_by", isText],
  ["confirmed", (value) => typeof value === "boolean" ? null : "must be true or false"],
  ["requested_at_unix_nanos", isNanos],
];

/** Reads the parameters of a command; `method` and `command` must name the same one. */
export function parseCommand(method: string, params: unknown, targetId: string): WireCommand | WireError {
  if (typeof params !== "object" || params === null || Array.isArray(params)) return malformed("must be an object");
  const fields = new Map<string, unknown>(Object.entries(params));
  const extension = EXTENSION_KINDS.find((known) => method === `reeve.${known}`);
  for (const [name, check] of FIELDS) {
    // The method says it alone where the reference has no such command.
    if (name === "command" && extension !== undefined) continue;
    if (!fields.has(name)) return malformed(`missing field \`${name}\``);
    const why = check(fields.get(name));
    if (why !== null) return malformed(`\`${name}\` ${why}`);
  }
  const kind = extension ?? COMMAND_KINDS.find((known) => known === fields.get("command"))!;
  if (extension === undefined && method !== `command.${kind}`) {
    return malformed(`\`command\` is ${kind}, must agree with the method ${method}`);
  }
  const foreign = foreignOption(kind, fields.keys());
  if (foreign !== undefined) return malformed(`${kind} has no \`${foreign}\``);
  const [template, count] = [fields.get("template"), fields.get("count")];
  if (kind === "start_template" || kind === "scale") {
    const why = isText(template);
    if (why !== null) return malformed(`\`template\` ${why}`);
  }
  const dryRun = fields.get("dry_run");
  if (dryRun !== undefined && typeof dryRun !== "boolean") return malformed("`dry_run` must be true or false");
  const [to, force] = [fields.get("to"), fields.get("force")];
  if (to !== undefined && isText(to) !== null) return malformed("`to` must be a string");
  if (force !== undefined && typeof force !== "boolean") return malformed("`force` must be true or false");
  if (kind === "scale" && !isCount(count)) return malformed(`\`count\` must be a whole number from 0 to ${MOST_COPIES}`);
  const [reason, requestedBy, askedOf] = ["reason", "requested_by", "target_id"].map((name) => String(fields.get(name)));
  if (reason!.trim() === "") return validationError("command_validate", "reason is blank", askedOf!);
  if (requestedBy!.trim() === "") return validationError("command_validate", "requested_by is blank", askedOf!);
  if (needsConfirmation(kind, dryRun) && fields.get("confirmed") !== true) {
    return validationError("command_validate", "dangerous command requires confirmation", askedOf!);
  }
  if (askedOf !== targetId) return validationError("command_validate", `this target is "${targetId}"`, targetId);
  const target = fields.get("target");
  const [childPath, childManifest] = ["child_path", "child_manifest"].map((name) => textIn(target, name));
  return {
    commandId: String(fields.get("command_id")),
    kind,
    childPath: childPath ?? null,
    childManifest: childManifest ?? null,
    template: typeof template === "string" ? template : null,
    count: typeof count === "number" ? count : null,
    dryRun: dryRun === true,
    to: typeof to === "string" ? to : null,
    args: fields.get("args"),
    force: force === true,
    reason: reason!,
    requestedBy: requestedBy!,
  };
}

function malformed(why: string): WireError {
  return wireError("invalid_command_params", `failed to parse command params: ${why}`);
}

function isText(value: unknown): string | null {
  return typeof value === "string" && value.isWellFormed() ? null : "must be a string";
}

function isCount(value: unknown): boolean {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MOST_COPIES;
}

function isNanos(value: unknown): string | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** 128
    ? null
    : "must be a whole number, 0 or more";
}

function isTarget(value: unknown): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "must be an object";
  const isFine = ["child_path", "child_manifest"].every((name) => {
    const found: unknown = Reflect.get(value, name);
    return found === undefined || found === null || isText(found) === null;
  });
  return isFine ? null : "must have texts as child_path and child_manifest";
}

function textIn(target: unknown, name: string): string | null {
  const found: unknown = typeof target === "object" && target !== null ? Reflect.get(target, name) : null;
  return typeof found === "string" ? found : null;
}
