/** What a relay and its clients say to each other: one JSON object a frame, told apart by `type`. */
import { Buffer } from "node:buffer";
import { RawJson, toJson } from "../base/mod.ts";
import type { ClientCommand } from "./messages.ts";

/** A message to a client; members beside `type` as the reference has them. */
export interface WireMessage {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** How the connection to a target is. */
export type ConnectionWord = "registered" | "connecting" | "connected" | "reconnecting" | "disconnected" | "unavailable" | "expired";

/** A command that a target takes. */
export interface SupportedCommand {
  readonly name: string;
  readonly idempotent: boolean;
  readonly timeoutSeconds: number;
}

/** A row of `target_list`. */
export interface TargetRow {
  readonly targetId: string;
  readonly displayName: string;
  readonly registrationState: "active" | "expired" | "rejected";
  readonly connectionState: ConnectionWord;
  readonly supportedCommands: readonly SupportedCommand[];
  /** Methods of its own, with what they may do; missing in the reference. */
  readonly extensions: Readonly<Record<string, string>>;
  /** Tells the numbers of one run from those of another; `null` where the target does not. */
  readonly streamEpoch: string | null;
}

/** Longest nesting of what is written. */
const DEEPEST = 64;

/** Members whose own members are names that somebody chose. */
const CHOSEN: ReadonlySet<string> = new Set(["fields", "diagnostics", "extensions"]);

/** A value with names in camelCase, as the client of a target gives it, with those of the wire; times keep their nanoseconds and come as ISO text too. */
export function toWire(value: unknown, depth = 0): unknown {
  if (typeof value === "bigint") return new RawJson(String(value));
  if (typeof value !== "object" || value === null || depth > DEEPEST) return value;
  if (Array.isArray(value)) return value.map((entry) => toWire(entry, depth + 1));
  const found: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(value)) {
    const name = snakeCase(key);
    found[name] = CHOSEN.has(name) ? entry : toWire(entry, depth + 1);
    if (typeof entry === "bigint" && name.endsWith(NANOS)) found[name.slice(0, -NANOS.length)] = isoTime(entry);
  }
  return found;
}

const NANOS = "_unix_nanos";

/** Milliseconds that a date can have. */
const LONGEST_MS = 8.64e15;

function isoTime(nanos: bigint): string | null {
  const ms = Number(nanos / 1_000_000n);
  return Math.abs(ms) > LONGEST_MS ? null : new Date(ms).toISOString();
}

const names = new Map<string, string>();

function snakeCase(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  const made = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  if (names.size < 1_024) names.set(name, made);
  return made;
}

/** A message as it is written: as a text, and as it goes over a WebSocket. */
export class Frame {
  readonly text: string;
  #bytes: Uint8Array | null = null;

  constructor(text: string) {
    this.text = text;
  }

  /** A whole frame with a text in it; a server masks nothing, so that all clients can be given the same bytes. */
  get bytes(): Uint8Array {
    return this.#bytes ??= framed(this.text);
  }
}

/** The only fragment of a text. */
const WHOLE_TEXT = 0x81;

/** Above these the length takes two bytes, or eight. */
const SHORT = 125;
const MIDDLE = 0xffff;

function framed(text: string): Uint8Array {
  const length = Buffer.byteLength(text);
  const headLength = length <= SHORT ? 2 : length <= MIDDLE ? 4 : 10;
  const bytes = Buffer.allocUnsafe(headLength + length);
  bytes[0] = WHOLE_TEXT;
  if (headLength === 2) bytes[1] = length;
  else if (headLength === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeBigUInt64BE(BigInt(length), 2);
  }
  bytes.write(text, headLength);
  return bytes;
}

/** Frames of messages that go to many. */
const frames = new WeakMap<WireMessage, Frame>();

/** A frame; what goes to many is written once. */
export function frameOf(message: WireMessage): Frame {
  let frame = frames.get(message);
  if (frame === undefined) frames.set(message, frame = new Frame(toJson(message)));
  return frame;
}

/** The same message with the text that it has already. */
export function written(message: WireMessage, text: string): WireMessage {
  frames.set(message, new Frame(text));
  return message;
}

/** An error, as a message or inside one. */
export interface RelayError {
  readonly code: string;
  readonly stage: string;
  readonly targetId: string | null;
  readonly message: string;
  readonly retryable: boolean;
  /** The command that it concerns. */
  readonly commandId?: string;
  readonly correlationId?: string | null;
}

/** The message of an error. */
export function errorMessage({ code, stage, targetId, message, retryable, commandId, correlationId }: RelayError): WireMessage {
  return {
    type: "error",
    error: { code, stage, target_id: targetId, message, retryable },
    ...commandId === undefined ? {} : { command_id: commandId, correlation_id: correlationId ?? null },
  };
}

/** An error that says which command it is about. */
export function concerning(
  { targetId, commandId, correlationId }: ClientCommand,
  code: string,
  stage: string,
  message: string,
  retryable = false,
): RelayError {
  return { code, stage, targetId, message, retryable, commandId, correlationId };
}

const TIMES = /"(\w+)_unix_nanos"\s*:\s*(?:(\d+)|"(\d{1,39})")(?=\s*[,}])/g;

/** Most names that times have in a line; those of a target are some twenty. */
const MOST_NAMES = 64;

/** The line of a target with its times as ISO text too; `null` where something is named like that already, or too much may be. */
export function timedLine(line: string): string | null {
  const names = new Set<string>();
  const timed = line.replace(TIMES, (_, name: string, digits: string | undefined, quoted: string) => {
    names.add(name);
    const nanos = digits ?? String(BigInt(quoted));
    return `"${name}_unix_nanos":${nanos},"${name}":${toJson(isoTime(BigInt(nanos)))}`;
  });
  // Each name costs a look at the whole line, of which there may be a thousand children.
  return names.size <= MOST_NAMES && [...names].every((name) => !line.includes(`"${name}"`)) ? timed : null;
}

/** The client reads times as texts, because JavaScript has no numbers of that size without loss: on the wire they are numbers again. */
export function restoredNanos(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(restoredNanos);
  const found: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(value)) {
    if (key.endsWith("_unix_nanos") && typeof entry === "string" && /^\d{1,39}$/.test(entry)) {
      Object.assign(found, toWire({ [key]: BigInt(entry) }));
    } else found[key] = restoredNanos(entry);
  }
  return found;
}

/** The number of a record; NaN where it has none. */
export function sequenceOf(record: unknown): number {
  return Number(Object(record)["sequence"] ?? NaN);
}
