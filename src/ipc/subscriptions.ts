/** What is pushed to a client: events, lines of output, and how children are when they have changed. */
import { cleanText, type Clock, didYouMean, pascalCase, pause, toJson } from "../base/mod.ts";
import { EVENT_TYPES, type GapMarker, severityOf, type SupervisorEvent } from "../event/mod.ts";
import type { Bus, LogRecord } from "../observe/mod.ts";
import { type WireError, wireError, wireName } from "../protocol/mod.ts";
import { flatten, insidesOf, type Tree } from "../runtime/mod.ts";
import { describeChildren, describeTree, wireUsage } from "./description.ts";
import { type Records, toldOf } from "./records.ts";
import { runtimeRecord, runtimeRow } from "./rows.ts";
import type { WireTime } from "./wire_time.ts";

/** What a client wants to be pushed. */
export interface Wanted {
  /** The sequence number after which the stream goes on; "now" for what comes from now on. */
  readonly since: number | "now";
  /** So many of what is remembered come first; `null` where none of it is wanted. */
  readonly recent: number | null;
  /** Whether the answer is to tell that number. */
  readonly tellsSince: boolean;
  readonly types: ReadonlySet<string> | null;
  readonly severities: ReadonlySet<string> | null;
  /** Children, with those below them. */
  readonly paths: readonly string[] | null;
  /** Whether children that changed are pushed too. */
  readonly states: boolean;
  /** Whether everything that is known of these is, and of the tree. */
  readonly details: boolean;
  /** Whether the rows of the reference are. */
  readonly rows: boolean;
  /** Whether each event comes with its sentence. */
  readonly described: boolean;
  /** How often it is pushed what processes take, in milliseconds; `null` where it is not. */
  readonly usageMs: number | null;
}

/** Where pushes come from. */
export interface PushSource {
  readonly tree: Tree;
  readonly clock: Clock;
  readonly targetId: string;
  readonly time: WireTime;
  readonly records: Records;
}

/** How often it may be measured what processes take. */
const SHORTEST_USAGE_MS = 500;
const LONGEST_USAGE_MS = 3_600_000;

/** Most records that are remembered and come at once. */
export const MOST_RECENT = 10_000;

/** Most words in one filter. */
const MOST_WORDS = 256;

/** Longest name of a type or severity, and longest path, in characters. */
const LONGEST_WORD = 128;
const LONGEST_PATH = 4_096;

const TYPES: ReadonlySet<string> = new Set(EVENT_TYPES.map(pascalCase));
const SEVERITIES: ReadonlySet<string> = new Set(EVENT_TYPES.map(severityOf));

/** Reads what a client wants out of its parameters. */
export function readWanted(fields: ReadonlyMap<string, unknown>, targetId: string): Wanted | WireError {
  const invalid = (why: string): WireError => wireError("invalid_subscription", why, targetId);
  const tellsSince = fields.get("since_sequence") !== undefined;
  const {
    since = "now",
    types,
    severities,
    path,
    paths,
    recent = null,
    states = false,
    details = false,
    rows = true,
    described = false,
    usageMs = null,
  } = {
    since: fields.get("since_sequence"),
    types: fields.get("types"),
    severities: fields.get("severities"),
    path: fields.get("path") ?? undefined,
    paths: fields.get("paths"),
    recent: fields.get("recent"),
    states: fields.get("states"),
    details: fields.get("details"),
    rows: fields.get("rows"),
    described: fields.get("described"),
    usageMs: fields.get("usage_ms"),
  };
  if (since !== "now" && !isCount(since)) {
    return invalid('since_sequence must be a whole number, 0 or more, or "now"');
  }
  if (!isWords(types) || !isWords(severities)) return invalid(`types and severities must be lists of at most ${MOST_WORDS} texts`);
  const unknown = types?.find((type) => !TYPES.has(pascalCase(type))) ?? severities?.find((severity) => !SEVERITIES.has(severity));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, [...EVENT_TYPES, ...TYPES, ...SEVERITIES]);
    return invalid(`types and severities: there is none called "${cleanText(unknown, 128)}"${hint === undefined ? "" : `. ${hint}`}`);
  }
  if (path !== undefined && typeof path !== "string") return invalid("path must be a text");
  if (!isWords(paths, LONGEST_PATH)) return invalid(`paths must be a list of at most ${MOST_WORDS} texts`);
  if (recent !== null && !isCount(recent)) return invalid("recent must be a whole number, 0 or more");
  if (typeof states !== "boolean" || typeof details !== "boolean" || typeof rows !== "boolean" || typeof described !== "boolean") {
    return invalid("states, details, rows and described must be true or false");
  }
  if (usageMs !== null && !(typeof usageMs === "number" && usageMs >= SHORTEST_USAGE_MS && usageMs <= LONGEST_USAGE_MS)) {
    return invalid(`usage_ms must be a number from ${SHORTEST_USAGE_MS} to ${LONGEST_USAGE_MS}`);
  }
  return {
    since,
    recent: recent === null ? null : Math.min(recent, MOST_RECENT),
    tellsSince,
    // Both spellings of an event's type are taken.
    types: types === undefined ? null : new Set(types.map(pascalCase)),
    severities: severities === undefined ? null : new Set(severities),
    paths: path === undefined && paths === undefined ? null : [...path === undefined ? [] : [path], ...paths ?? []],
    states,
    details,
    rows,
    described,
    usageMs,
  };
}

/** Tells the events that a client wants from others. */
export function isWantedEvent({ types, severities, paths }: Wanted): (event: SupervisorEvent) => boolean {
  return (event) =>
    (types === null || types.has(wireName(event.type))) && (severities === null || severities.has(severityOf(event.type))) &&
    isBelow(event.path, paths);
}

/** Tells the lines of output that a client wants from others. */
export function isWantedLog({ severities, paths }: Wanted): (record: LogRecord) => boolean {
  return (record) =>
    isBelow(record.path, paths) && (severities === null || severities.has(record.stream === "stderr" ? "warning" : "info"));
}

/** What is pushed: whole lines, as many at a time as there are. */
export type Pushes = AsyncIterable<readonly string[]>;

/** Most lines that are made at a time. */
const MOST_AT_ONCE = 64;

/** A stream, and the number after which it goes on. */
export interface Begun {
  readonly since: number | "now";
  readonly pushes: Pushes;
}

/** Events as they happen, and what was dropped because the client was too slow. */
export function pushedEvents({ tree, targetId, records }: PushSource, wanted: Wanted, signal: AbortSignal): Begun {
  const head = `{"type":"event","target_id":${toJson(targetId)},"event":`;
  return begin(insidesOf(tree).events, wanted, {
    filter: isWantedEvent(wanted),
    lineFor: (event) => `${head}${records.event(event).text}${wanted.described ? `,${toJson(toldOf(event)).slice(1)}` : "}"}\n`,
    subscriber: "events.subscribe",
    what: "events",
    targetId,
    signal,
  });
}

/** Lines of output in the same way. */
export function pushedLogs({ tree, targetId, records }: PushSource, wanted: Wanted, signal: AbortSignal): Begun {
  const head = `{"type":"log","target_id":${toJson(targetId)},"log":`;
  return begin(insidesOf(tree).logs, wanted, {
    filter: isWantedLog(wanted),
    lineFor: (record) => `${head}${records.log(record).text}}\n`,
    subscriber: "logs.tail",
    what: "logs",
    targetId,
    signal,
  });
}

/** How items become lines. */
interface Pushing<T> {
  readonly filter: (item: T) => boolean;
  readonly lineFor: (item: T) => string;
  readonly subscriber: string;
  readonly what: "events" | "logs";
  readonly targetId: string;
  readonly signal: AbortSignal;
}

/** What is remembered is taken in the same turn in which it is decided from where the stream goes on: no gap, no double. */
function begin<T extends { readonly seq: number }>(bus: Bus<T>, { since, recent, tellsSince }: Wanted, pushing: Pushing<T>): Begun {
  const past = since === "now" && recent !== null ? lastOf(bus.recent(Infinity), pushing.filter, recent) : null;
  const from = since === "now" && (past !== null || tellsSince) ? bus.lastSeq : since;
  const [first] = past ?? [];
  return { since: first === undefined ? from : first.seq - 1, pushes: pushesOf(bus, from, past, pushing) };
}

async function* pushesOf<T extends { readonly seq: number }>(
  bus: Bus<T>,
  since: number | "now",
  past: readonly T[] | null,
  { filter, lineFor, subscriber, what, targetId, signal }: Pushing<T>,
): Pushes {
  for (let index = 0; past !== null && index < past.length && !signal.aborted; index += MOST_AT_ONCE) {
    yield past.slice(index, index + MOST_AT_ONCE).map(lineFor);
  }
  if (past !== null) yield [lineOf({ type: "caught_up", target_id: targetId })];
  for await (const batch of bus.readBatches({ since, filter, signal, subscriber }, MOST_AT_ONCE)) {
    yield batch.map((item) => "seq" in item ? lineFor(item) : lagged(targetId, item, what));
  }
}

/** How children are, all of them first and then those that changed, each as it is now; the tree where it is otherwise than it was told. */
export async function* pushedStates({ tree, targetId, time }: PushSource, { paths, details, rows }: Wanted, signal: AbortSignal): Pushes {
  let told = "";
  let toldEpochMs = NaN;
  for await (const change of tree.watch({ signal })) {
    const { epochMs } = time;
    // Where the calendar was set, every time that was told is another.
    const isSet = epochMs !== toldEpochMs && !change.whole;
    toldEpochMs = epochMs;
    const whole = change.whole || isSet;
    const children = (isSet ? flatten(tree.snapshot().children) : change.changed).filter((child) => isBelow(child.path, paths));
    const now = toJson([change.phase, change.ready, insidesOf(tree).configVersion()]);
    const isOther = whole || now !== told;
    told = now;
    yield [lineOf({
      type: "state_delta",
      target_id: targetId,
      delta: {
        child_runtime_records: rows ? children.map((child) => runtimeRecord(child, time)) : undefined,
        removed: change.removed.filter((gone) => isBelow(gone, paths)),
        runtime_state: rows ? children.map((child) => runtimeRow(child, change)) : undefined,
        sequence: change.seq,
        whole,
        children: details ? describeChildren(tree, children, time) : undefined,
        tree: details && isOther ? describeTree(tree, change, time) : undefined,
      },
    })];
  }
}

/** What processes take, again and again. */
export async function* pushedUsage({ tree, targetId, clock }: PushSource, { paths, usageMs }: Wanted, signal: AbortSignal): Pushes {
  while (!signal.aborted && usageMs !== null) {
    const { children, reason } = await insidesOf(tree).usage();
    const wanted = [...children].filter(([own]) => isBelow(own, paths));
    const used = wanted.map(([own, usage]) => ({ child_path: own, ...wireUsage(usage) }));
    yield [lineOf({ type: "usage", target_id: targetId, children: used, unmeasured: reason })];
    await pause(usageMs, signal, clock);
  }
}

function lagged(targetId: string, { from, to }: GapMarker, what: "events" | "logs"): string {
  return lineOf({
    type: "error",
    error: {
      code: "subscriber_lagged",
      stage: "subscription",
      target_id: targetId,
      message: `${to - from + 1} ${what} were dropped`,
      retryable: true,
    },
  });
}

function lineOf(push: object): string {
  return `${toJson(push)}\n`;
}

function isBelow(path: string, wanted: readonly string[] | null): boolean {
  return wanted === null || wanted.some((one) => one === "/" || path === one || path.startsWith(`${one}/`));
}

/** The last ones that fit, so many at most, oldest first. */
export function lastOf<T>(all: readonly T[], fits: (one: T) => boolean, most: number): T[] {
  const found: T[] = [];
  for (let index = all.length - 1; index >= 0 && found.length < most; index--) if (fits(all[index]!)) found.push(all[index]!);
  return found.reverse();
}

/** Whether this is a number of things. */
export function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isWords(value: unknown, longest = LONGEST_WORD): value is readonly string[] | undefined {
  return value === undefined ||
    Array.isArray(value) && value.length <= MOST_WORDS && value.every((word) => typeof word === "string" && word.length <= longest);
}
