/** What a client may say, read with care: it comes from a browser, or from whoever else has got in. */
import { refuseJson } from "../base/mod.ts";
import { COMMAND_KINDS, EXTENSION_KINDS } from "../protocol/mod.ts";
import type { Cursor } from "./resumption.ts";
import type { RelayError } from "./wire.ts";

/** The first message of a client. */
export interface ClientHello {
  readonly type: "client_hello";
  readonly storeId: string;
  /** Where events and lines go on, by target. */
  readonly cursor: ReadonlyMap<string, Cursor>;
}

/** A command for a target. */
export interface ClientCommand {
  readonly type: "command";
  readonly commandId: string;
  readonly correlationId: string | null;
  readonly targetId: string;
  readonly command: string;
  readonly target: { readonly child_path: string | null; readonly child_manifest: string | null };
  readonly reason: string;
  readonly confirmed: boolean;
  /** Whether the client says who asks, which only the relay may. */
  readonly claimsRequester: boolean;
  /** What commands of our own have beside that: `template`, `count`, `dry_run`. */
  readonly more: Readonly<Record<string, unknown>>;
}

/** A question that changes nothing, put to a target. */
export interface ClientRequest {
  readonly type: "request";
  readonly requestId: string;
  readonly targetId: string;
  readonly method: string;
  readonly params: object | null;
}

/** Which events and lines of output a client wants. */
export interface Filter {
  readonly target_ids?: readonly string[];
  readonly child_paths?: readonly string[];
  readonly lifecycle_states?: readonly string[];
  readonly event_types?: readonly string[];
  readonly severities?: readonly string[];
  readonly sequence_min?: number;
  readonly correlation_id?: string;
}

/** What a client says. */
export type ClientMessage = ClientHello | ClientCommand | ClientRequest | {
  readonly type: "log_event_filter_conditions";
  readonly filter: Filter;
};

/** Longest id of a command, name of a target, path of a child, and reason, in characters: all of them are recorded. */
const LONGEST_ID = 128;
const LONGEST_TARGET = 256;
const LONGEST_PATH = 2_048;
const LONGEST_REASON = 4_096;

/** Deepest nesting of what is read. */
const DEEPEST = 32;

/** Whether a command is one of our own, which a target tells as an extension. */
export function isOwnCommand(command: string): boolean {
  return EXTENSION_KINDS.some((kind) => kind === command);
}

/** Reads a message, or says what is wrong with it. */
export function readMessage(text: string): ClientMessage | RelayError {
  if (refuseJson(text, DEEPEST) !== null) return refuse("invalid_message_json", "is nested too deep, or has a member twice");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse("invalid_message_json", "is no JSON");
  }
  if (!isObject(value)) return refuse("unsupported_message_type", "is no object");
  switch (value["type"]) {
    case "client_hello":
      return readHello(value);
    case "command": {
      const command = readCommand(value);
      return isRelayError(command) ? { ...command, ...aboutOf(value) } : command;
    }
    case "request":
      return readRequest(value);
    case "log_event_filter_conditions":
      return readFilter(value);
    default:
      return refuse("unsupported_message_type", "has no type that is known");
  }
}

type Raw = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether this says what is wrong. */
export function isRelayError(message: ClientMessage | RelayError): message is RelayError {
  return "code" in message;
}

function refuse(code: string, why: string, stage = "session_decode"): RelayError {
  return { code, stage, targetId: null, message: `the message ${why}`, retryable: false };
}

const HELLO_KEYS: ReadonlySet<string> = new Set(["type", "client_store_id", "resume_cursor"]);

function readHello(value: Raw): ClientHello | RelayError {
  const unknown = Object.keys(value).find((key) => !HELLO_KEYS.has(key));
  if (unknown !== undefined) return refuse("unsupported_field", `has the unknown member "${unknown.slice(0, 64)}"`);
  const { client_store_id: storeId, resume_cursor: cursor = {} } = value;
  if (typeof storeId !== "string" || !isObject(cursor)) {
    return refuse("invalid_message_schema", "needs client_store_id as a text, and resume_cursor as an object");
  }
  if (storeId.trim() === "" || storeId.length > 256) {
    return refuse("invalid_message_schema", "has a client_store_id that is blank or too long", "session");
  }
  const found = readCursor(cursor);
  return found === null
    ? refuse("invalid_message_schema", "has a resume_cursor that is in disorder")
    : { type: "client_hello", storeId, cursor: found };
}

/** Most targets of which a client says up to where it knows them. */
const MOST_PLACES = 4_096;

function readCursor({ events = {}, logs = {} }: Raw): ClientHello["cursor"] | null {
  const found = new Map<string, Cursor>();
  for (const [stream, places] of [["event", events], ["log", logs]] as const) {
    if (!isObject(places) || Object.keys(places).length > MOST_PLACES) return null;
    for (const [targetId, entry] of Object.entries(places)) {
      if (!isObject(entry)) return null;
      const { stream_epoch: epoch, sequence } = entry;
      if ((typeof epoch !== "string" && typeof epoch !== "number") || typeof sequence !== "number") return null;
      found.set(targetId, { ...found.get(targetId), [stream]: { epoch: String(epoch), sequence } });
    }
  }
  return found;
}

function readCommand(value: Raw): ClientCommand | RelayError {
  const {
    command_id: commandId,
    correlation_id: correlationId = null,
    target_id: targetId,
    command,
    target = {},
    reason,
    confirmed,
    requested_by: requester = null,
  } = value;
  const isWrong = typeof commandId !== "string" || typeof targetId !== "string" || typeof command !== "string" ||
    typeof reason !== "string" ||
    typeof confirmed !== "boolean" || !isObject(target) || (correlationId !== null && typeof correlationId !== "string");
  if (isWrong) return refuse("invalid_message_schema", "is a command that lacks something, or has it in another form");
  const { child_path: childPath = null, child_manifest: childManifest = null } = target;
  if (!isTextOrNull(childPath) || !isTextOrNull(childManifest)) return refuse("invalid_message_schema", "has a target that is in disorder");
  for (
    const [name, text, longest] of [
      ["command_id", commandId, LONGEST_ID],
      ["correlation_id", correlationId, LONGEST_ID],
      ["target_id", targetId, LONGEST_TARGET],
      ["child_path", childPath, LONGEST_PATH],
      ["reason", reason, LONGEST_REASON],
    ] as const
  ) {
    if ((text ?? "").length > longest) return refuse("invalid_message_schema", `has a ${name} of more than ${longest} characters`);
  }
  if (!isOwnCommand(command) && !COMMAND_KINDS.some((kind) => kind === command)) {
    return refuse("invalid_message_schema", `names the unknown command "${command.slice(0, 64)}"`);
  }
  const more = Object.fromEntries(
    ["template", "count", "dry_run"].filter((key) => value[key] !== undefined).map((key) => [key, value[key]]),
  );
  const own = { child_path: childPath, child_manifest: childManifest };
  return {
    type: "command",
    commandId,
    correlationId,
    targetId,
    command,
    target: own,
    reason,
    confirmed,
    claimsRequester: requester !== null,
    more,
  };
}

/** Whoever waits for the answer to a command knows it by these, also where the command cannot be read. */
function aboutOf({ command_id: commandId, correlation_id: correlationId, target_id: targetId }: Raw): Partial<RelayError> {
  const isId = (id: unknown): id is string => typeof id === "string" && id.length <= LONGEST_ID;
  return isId(commandId)
    ? { commandId, correlationId: isId(correlationId) ? correlationId : null, targetId: isId(targetId) ? targetId : null }
    : {};
}

function isTextOrNull(value: unknown): value is string | null {
  return value === null || typeof value === "string";
}

function readRequest({ request_id: requestId, target_id: targetId, method, params = null }: Raw): ClientRequest | RelayError {
  if (
    typeof requestId !== "string" || requestId.length > LONGEST_ID || typeof targetId !== "string" ||
    targetId.length > LONGEST_TARGET || typeof method !== "string" ||
    (params !== null && !isObject(params))
  ) {
    return refuse("invalid_message_schema", "is a request that lacks something, or has it in another form");
  }
  return { type: "request", requestId, targetId, method, params };
}

/** Most words in one condition. */
const MOST_WORDS = 256;

function readFilter(
  { type: _, ...conditions }: Raw,
): { readonly type: "log_event_filter_conditions"; readonly filter: Filter } | RelayError {
  const lists = ["target_ids", "child_paths", "lifecycle_states", "event_types", "severities"];
  const isFine = lists.every((key) => conditions[key] === undefined || isWords(conditions[key])) &&
    (conditions["sequence_min"] === undefined || typeof conditions["sequence_min"] === "number") &&
    (conditions["correlation_id"] === undefined || conditions["correlation_id"] === null ||
      typeof conditions["correlation_id"] === "string");
  if (!isFine) return refuse("invalid_message_schema", "has conditions that are in disorder");
  return {
    type: "log_event_filter_conditions",
    filter: Object.fromEntries(Object.entries(conditions).filter(([, value]) => value !== null)),
  };
}

function isWords(value: unknown): boolean {
  return Array.isArray(value) && value.length <= MOST_WORDS && value.every((word) => typeof word === "string");
}

/** Whether an event or a line is wanted; what is neither is. */
export function isWanted(filter: Filter | null, targetId: string, record: unknown): boolean {
  if (filter === null || !isObject(record)) return true;
  if (!includes(filter.target_ids, targetId)) return false;
  const { child_paths: paths, lifecycle_states: states, event_types: types, severities, sequence_min: least, correlation_id: correlation } =
    filter;
  // An event has these in its payload, a line in its fields.
  const more = isObject(record["payload"]) ? record["payload"] : isObject(record["fields"]) ? record["fields"] : {};
  const path = textOf(record["target_path"]) ?? textOf(more["target_path"]) ?? "/";
  return includes(severities, textOf(record["severity"])) && includes(states, textOf(more["lifecycle_state"])) &&
    (record["event_type"] === undefined || includes(types, textOf(record["event_type"]))) &&
    (paths === undefined || paths.length === 0 ||
      paths.some((wanted) => path === wanted || path.startsWith(wanted.endsWith("/") ? wanted : `${wanted}/`))) &&
    (least === undefined || Number(record["sequence"] ?? 0) >= least) &&
    (correlation === undefined || correlation === "" || record["correlation_id"] === correlation);
}

/** Whether a word is one of these, or anything is wanted. */
export function includes(words: readonly string[] | undefined, word: string | undefined): boolean {
  return words === undefined || words.length === 0 || (word !== undefined && words.includes(word));
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
