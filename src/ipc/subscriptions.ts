/** What is pushed to a client: events, lines of output, and how children are when they have changed. */
import { cleanText, didYouMean, pascalCase, toJson } from "../base/mod.ts";
import { EVENT_TYPES, type GapMarker, severityOf, type SupervisorEvent } from "../event/mod.ts";
import type { LogRecord } from "../observe/mod.ts";
import { type WireError, wireError, wireName } from "../protocol/mod.ts";
import { insidesOf, type Tree } from "../runtime/mod.ts";
import type { Records } from "./records.ts";
import { runtimeRecord, runtimeRow } from "./rows.ts";
import type { WireTime } from "./wire_time.ts";

/** What a client wants to be pushed. */
export interface Wanted {
  /** The sequence number after which the stream goes on; "now" for what comes from now on. */
  readonly since: number | "now";
  /** Whether the answer is to tell that number. */
  readonly tellsSince: boolean;
  readonly types: ReadonlySet<string> | null;
  readonly severities: ReadonlySet<string> | null;
  /** A child, with those below it. */
  readonly path: string | null;
  /** Whether children that changed are pushed too. */
  readonly states: boolean;
}

/** Where pushes come from. */
export interface PushSource {
  readonly tree: Tree;
  readonly targetId: string;
  readonly time: WireTime;
  readonly records: Records;
}

/** Most words in one filter. */
const MOST_WORDS = 256;

const TYPES: ReadonlySet<string> = new Set(EVENT_TYPES.map(pascalCase));
const SEVERITIES: ReadonlySet<string> = new Set(EVENT_TYPES.map(severityOf));

/** Reads what a client wants out of its parameters. */
export function readWanted(fields: ReadonlyMap<string, unknown>, targetId: string): Wanted | WireError {
  const invalid = (why: string): WireError => wireError("invalid_subscription", why, targetId);
  const tellsSince = fields.get("since_sequence") !== undefined;
  const { since = "now", types, severities, path = null, states = false } = {
    since: fields.get("since_sequence"),
    types: fields.get("types"),
    severities: fields.get("severities"),
    path: fields.get("path"),
    states: fields.get("states"),
  };
  if (since !== "now" && !(typeof since === "number" && Number.isSafeInteger(since) && since >= 0)) {
    return invalid('since_sequence must be a whole number, 0 or more, or "now"');
  }
  if (!isWords(types) || !isWords(severities)) return invalid(`types and severities must be lists of at most ${MOST_WORDS} texts`);
  const unknown = types?.find((type) => !TYPES.has(pascalCase(type))) ?? severities?.find((severity) => !SEVERITIES.has(severity));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, [...EVENT_TYPES, ...TYPES, ...SEVERITIES]);
    return invalid(`types and severities: there is none called "${cleanText(unknown, 128)}"${hint === undefined ? "" : `. ${hint}`}`);
  }
  if (path !== null && typeof path !== "string") return invalid("path must be a text");
  if (typeof states !== "boolean") return invalid("states must be true or false");
  return {
    since: since === "now" ? since : Number(since),
    tellsSince,
    // Both spellings of an event's type are taken.
    types: types === undefined ? null : new Set(types.map(pascalCase)),
    severities: severities === undefined ? null : new Set(severities),
    path,
    states,
  };
}

/** What is pushed: whole lines, as many at a time as there are. */
export type Pushes = AsyncIterable<readonly string[]>;

/** Most lines that are made at a time. */
const MOST_AT_ONCE = 64;

/** Events as they happen, and what was dropped because the client was too slow. */
export async function* pushedEvents({ tree, targetId, records }: PushSource, wanted: Wanted, signal: AbortSignal): Pushes {
  const filter = (event: SupervisorEvent): boolean =>
    (wanted.types === null || wanted.types.has(wireName(event.type))) &&
    (wanted.severities === null || wanted.severities.has(severityOf(event.type))) && isBelow(event.path, wanted.path);
  const head = `{"type":"event","target_id":${toJson(targetId)},"event":`;
  for await (
    const batch of insidesOf(tree).events.readBatches({ since: wanted.since, filter, signal, subscriber: "events.subscribe" }, MOST_AT_ONCE)
  ) {
    yield batch.map((event) => event.type === "gap" ? lagged(targetId, event, "events") : `${head}${records.event(event).text}}\n`);
  }
}

/** Lines of output in the same way. */
export async function* pushedLogs({ tree, targetId, records }: PushSource, wanted: Wanted, signal: AbortSignal): Pushes {
  const filter = ({ path, stream }: LogRecord): boolean =>
    isBelow(path, wanted.path) && (wanted.severities === null || wanted.severities.has(stream === "stderr" ? "warning" : "info"));
  const head = `{"type":"log","target_id":${toJson(targetId)},"log":`;
  for await (
    const batch of insidesOf(tree).logs.readBatches({ since: wanted.since, filter, signal, subscriber: "logs.tail" }, MOST_AT_ONCE)
  ) {
    yield batch.map((record) => "from" in record ? lagged(targetId, record, "logs") : `${head}${records.log(record).text}}\n`);
  }
}

/** How children are, all of them first and then those that changed, each as it is now. */
export async function* pushedStates({ tree, targetId, time }: PushSource, { path }: Wanted, signal: AbortSignal): Pushes {
  for await (const change of tree.watch({ signal })) {
    const children = change.changed.filter((child) => isBelow(child.path, path));
    yield [lineOf({
      type: "state_delta",
      target_id: targetId,
      delta: {
        child_runtime_records: children.map((child) => runtimeRecord(child, time)),
        removed: change.removed.filter((gone) => isBelow(gone, path)),
        runtime_state: children.map((child) => runtimeRow(child, change)),
        sequence: change.seq,
        whole: change.whole,
      },
    })];
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

function isBelow(path: string, wanted: string | null): boolean {
  return wanted === null || wanted === "/" || path === wanted || path.startsWith(`${wanted}/`);
}

function isWords(value: unknown): value is readonly string[] | undefined {
  return value === undefined ||
    Array.isArray(value) && value.length <= MOST_WORDS && value.every((word) => typeof word === "string" && word.length <= 128);
}
