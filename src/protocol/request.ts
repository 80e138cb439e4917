/** What a client asks: one line of JSON, looked at before it is believed. */
import { cleanText, isMethod, type Method, refuseJson } from "../base/mod.ts";
import { type WireError, wireError } from "./errors.ts";

/** A request that can be answered. */
export interface WireRequest {
  /** The client's own number for it, which the answer carries. */
  readonly requestId: string;
  readonly method: Method;
  readonly params: unknown;
}

/** What stands for the id of a line that has none that can be read. */
export const NO_REQUEST_ID = "invalid-request";

/** A line that cannot be answered as it wants. */
export interface RefusedLine {
  readonly requestId: string;
  readonly error: WireError;
}

/** The id at the beginning of a line that is not parsed. */
const LEADING_ID = /^\s*\{\s*"request_id"\s*:\s*("(?:[^"\\]|\\.){0,256}")/;

/** The id of a line that is refused unread, where it stands at the beginning. */
export function readableId(line: string): string | null {
  try {
    const id: unknown = JSON.parse(LEADING_ID.exec(line.slice(0, 1_024))?.[1] ?? "null");
    return typeof id === "string" && id.isWellFormed() ? id : null;
  } catch {
    return null;
  }
}

const DEEPEST = 127;

/** What a number has that does not fit: a great exponent, or so many digits that a small one is enough. */
const HUGE = /\d[eE]\+?\d{3}|(?<!\d)\d{200}/;

/** A request without parameters as clients write it most often: nothing in it can be doubled, deep or huge. */
const USUAL = /^\{"request_id":"([^"\\\p{Cc}\p{Cs}]*)","method":"([^"\\\p{Cc}\p{Cs}]*)","params":null\}$/u;

/** Reads a line. */
export function parseRequest(line: string): WireRequest | RefusedLine {
  const [, usualId, usualMethod] = USUAL.exec(line) ?? [];
  if (usualId !== undefined && isMethod(usualMethod)) return { requestId: usualId, method: usualMethod, params: null };
  const value = parse(line);
  if (typeof value === "string") return refuse(value);
  const { request_id: requestId, method, params = null } = value;
  for (const [name, found] of [["request_id", requestId], ["method", method]] as const) {
    if (found === undefined) return refuse(`missing field \`${name}\``);
    if (typeof found !== "string") return refuse(`invalid type: ${kindOf(found)}, expected a string as \`${name}\``);
    if (!found.isWellFormed()) return refuse(`\`${name}\` has half of a character`);
  }
  const id = String(requestId);
  if (!isMethod(method)) {
    const shown = cleanText(String(method), 128);
    return { requestId: id, error: wireError("unsupported_method", `unsupported dashboard IPC method ${shown}`) };
  }
  return { requestId: id, method, params };
}

type Fields = { readonly [name: string]: unknown };

/** The members of a line, or what is wrong with it. */
function parse(line: string): Fields | string {
  const refusal = isPlain(line) ? null : refuseJson(line, DEEPEST);
  if (refusal !== null) return refusal;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    return error instanceof Error ? error.message : "no JSON";
  }
  if (!isFields(value)) return `invalid type: ${kindOf(value)}, expected an object`;
  if (HUGE.test(line) && !isFinite(value)) return "number out of range";
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const MEMBERS = ['"request_id"', '"method"', '"params"'];

/**
 * Whether a line is too short to be too deep, and is one object that has each of its members once at most, so that there is nothing to look
 * for: of three members two are those that must be there.
 */
function isPlain(line: string): boolean {
  return line.length <= 2 * DEEPEST && !line.includes("\\") && line.split(":", MEMBERS.length + 2).length <= MEMBERS.length + 1 &&
    [...MEMBERS, "{"].every((name) => line.indexOf(name) === line.lastIndexOf(name));
}

function isFinite(value: unknown): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  return typeof value !== "object" || value === null || Object.values(value).every(isFinite);
}

function refuse(why: string): RefusedLine {
  return { requestId: NO_REQUEST_ID, error: wireError("invalid_json", `failed to parse IPC JSON request: ${cleanText(why, 256)}`) };
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}
