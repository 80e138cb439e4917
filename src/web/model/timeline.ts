/** Events, lines of output and audits of all targets in one order, of which the last are kept. */
import { humanised, visible } from "./clean.ts";
import { stateOfEvent, toldState } from "./lifecycle.ts";
import { rawOf, textOf, timeOf } from "./read.ts";

/** What a row is about. */
export type RowKind = "event" | "log" | "audit";

/** One row. */
export interface Row {
  /** Counts rows as they came. */
  readonly id: number;
  readonly kind: RowKind;
  readonly target: string;
  readonly sequence: number | null;
  /** When it was, in milliseconds. */
  readonly at: number;
  readonly path: string;
  readonly type: string;
  readonly severity: string;
  readonly text: string;
  /** The state of a child that begins with it; empty where none does. */
  readonly state: string;
  /** The id of what belongs together; empty where it has none. */
  readonly correlation: string;
  /** As it came, for whoever wants it whole. */
  readonly raw: unknown;
  /** By what it is ordered: its time, but never before what has a lower number in its stream. */
  readonly order: number;
  /** What is searched. */
  readonly haystack: string;
  /** By what it is told from others, of other runs too; `null` where it has neither number nor id. */
  readonly key: string | null;
}

/** What is wanted of the rows. */
export interface RowFilter {
  readonly target: string;
  readonly path: string;
  readonly state: string;
  readonly type: string;
  /** This, and what is graver. */
  readonly severity: string;
  /** The least sequence number. */
  readonly least: number | null;
  /** How the id of what belongs together begins. */
  readonly correlation: string;
  readonly kinds: readonly RowKind[];
  readonly text: string;
}

/** Everything is wanted. */
export const ALL_ROWS: RowFilter = {
  target: "",
  path: "",
  state: "",
  type: "",
  severity: "",
  least: null,
  correlation: "",
  kinds: [],
  text: "",
};

/** Most rows that are kept. */
export const MOST_ROWS = 20_000;

/** A raw record longer than that is not kept whole. */
const LONGEST_RAW = 16_384;

/** Severities, from what is least to what is most. */
export const SEVERITIES: readonly string[] = ["trace", "debug", "info", "warning", "error"];

/** Most names of types that are remembered. */
const MOST_TYPES = 200;

/** What a row says, and how what it is about is called, in the language of the page. */
export interface RowWords {
  readonly text: (row: Row) => string;
  readonly type: (row: Row) => string;
}

const AS_SENT: RowWords = { text: ({ text }) => text, type: ({ type }) => humanised(type) };

/** The rows, in order. */
export class Timeline {
  rows: Row[] = [];
  /** The types of events that were seen. */
  readonly types = new Set<string>();
  /** Rows that were let go because there were too many. */
  forgotten = 0;
  /** Changes with every change. */
  version = 0;
  readonly #most: number;
  readonly #seen = new Set<string>();
  /** By stream, the last number and its order. */
  readonly #last = new Map<string, { readonly sequence: number; readonly order: number }>();
  #next = 1;

  constructor(most = MOST_ROWS) {
    this.#most = most;
  }

  /** Adds an event as it came. */
  addEvent(target: string, value: unknown, description: unknown): Row | null {
    return this.#place(this.#eventRow(target, value, description));
  }

  /** Adds events that a target remembers, all at once. */
  addEvents(target: string, records: readonly unknown[]): void {
    this.#merge(records.map(rawOf).map(({ event, description }) => this.#eventRow(target, event, description)));
  }

  /** Adds a line of output as it came. */
  addLog(target: string, value: unknown): Row | null {
    return this.#place(this.#logRow(target, value));
  }

  /** Adds lines of output that a target remembers, all at once. */
  addLogs(target: string, records: readonly unknown[]): void {
    this.#merge(records.map((record) => this.#logRow(target, rawOf(record)["log"] ?? record)));
  }

  /** Adds a record of who asked for what. */
  addAudit(target: string, value: unknown): Row | null {
    const raw = rawOf(value);
    const result = textOf(raw["result"]) ?? "";
    const identity = rawOf(raw["identity"]);
    return this.#place(this.#row("audit", target, raw["audit_id"], timeOf(raw, "occurred_at"), {
      path: textOf(rawOf(raw["target"])["child_path"]) ?? "/",
      type: textOf(raw["command"]) ?? "command",
      severity: result === "failed" || result === "rejected" ? "warning" : "info",
      text: `${textOf(identity["principal"]) ?? "?"}: ${textOf(raw["reason"]) ?? ""} → ${result}${detailOf(raw)}`,
      state: "",
    }, value));
  }

  /** Numbers of streams of a target begin anew. */
  restart(target: string, kinds: readonly RowKind[]): void {
    for (const kind of kinds) this.#last.delete(`${target}\n${kind}`);
  }

  /** The number of the last row of a stream. */
  lastSequence(target: string, kind: RowKind): number | null {
    return this.#last.get(`${target}\n${kind}`)?.sequence ?? null;
  }

  /** Forgets all rows. */
  clear(): void {
    this.rows = [];
    this.version += 1;
  }

  #eventRow(target: string, value: unknown, description: unknown): Row | null {
    const raw = rawOf(value);
    const type = textOf(raw["event_type"]) ?? "event";
    const text = textOf(description) ?? transitionOf(raw) ?? "";
    if (this.types.size < MOST_TYPES) this.types.add(visible(type, 64));
    return this.#row("event", target, raw["sequence"], timeOf(raw, "occurred_at"), {
      path: textOf(raw["target_path"]) ?? "/",
      type,
      severity: textOf(raw["severity"]) ?? "info",
      text,
      state: stateOfEvent(raw, text),
    }, value);
  }

  #logRow(target: string, value: unknown): Row | null {
    const raw = rawOf(value);
    const fields = rawOf(raw["fields"]);
    return this.#row("log", target, raw["sequence"], timeOf(raw, "occurred_at"), {
      path: textOf(fields["target_path"]) ?? "/",
      type: textOf(fields["stream"]) ?? "log",
      severity: textOf(raw["severity"]) ?? "info",
      text: textOf(raw["message"]) ?? "",
      state: toldState(fields),
    }, value);
  }

  /** A row; `null` where it is there already. */
  #row(
    kind: RowKind,
    target: string,
    number: unknown,
    at: number | null,
    { path, type, severity, text, state }: Pick<Row, "path" | "type" | "severity" | "text" | "state">,
    value: unknown,
  ): Row | null {
    const sequence = typeof number === "number" ? number : null;
    const stream = `${target}\n${kind}`;
    // Another run has the same numbers, but not at the same time.
    const key = typeof number === "number" || typeof number === "string" ? `${stream}\n${number}\n${at}` : null;
    if (key !== null && this.#seen.has(key)) return null;
    if (key !== null) this.#seen.add(key);
    const last = this.#last.get(stream);
    const when = at ?? Date.now();
    const isNewest = sequence !== null && (last === undefined || sequence > last.sequence);
    const order = isNewest && last !== undefined ? Math.max(when, last.order) : when;
    if (isNewest) this.#last.set(stream, { sequence, order });
    const shown = visible(text);
    const correlation = visible(textOf(rawOf(value)["correlation_id"]) ?? "", 64);
    return {
      id: this.#next++,
      kind,
      target,
      sequence,
      at: when,
      path: visible(path, 512),
      type: visible(type, 64),
      severity: SEVERITIES.includes(severity) ? severity : "info",
      text: shown,
      state,
      correlation,
      raw: text.length > LONGEST_RAW ? { ...rawOf(value), message: shown } : value,
      order,
      haystack: `${path} ${type} ${shown} ${correlation}`.toLowerCase(),
      key,
    };
  }

  #place(row: Row | null): Row | null {
    if (row === null) return null;
    const { rows } = this;
    let at = rows.length;
    // Most rows come last.
    if (at > 0 && isAfter(rows[at - 1]!, row)) {
      let low = 0;
      while (low < at) {
        const middle = (low + at) >> 1;
        if (isAfter(rows[middle]!, row)) at = middle;
        else low = middle + 1;
      }
    }
    if (at === rows.length) rows.push(row);
    else rows.splice(at, 0, row);
    this.#changed();
    return row;
  }

  /** Many rows that belong among the others: each by itself would move all behind it. */
  #merge(made: readonly (Row | null)[]): void {
    const fresh = made.filter((row) => row !== null).sort(byOrder);
    const { rows } = this;
    const merged: Row[] = [];
    let at = 0;
    for (const row of fresh) {
      while (at < rows.length && !isAfter(rows[at]!, row)) merged.push(rows[at++]!);
      merged.push(row);
    }
    while (at < rows.length) merged.push(rows[at++]!);
    this.rows = merged;
    this.#changed();
  }

  #changed(): void {
    const { rows } = this;
    this.version += 1;
    // In one go, since to move all rows for each new one would be slow.
    if (rows.length > this.#most + Math.ceil(this.#most / 20)) {
      const gone = rows.splice(0, rows.length - this.#most);
      this.forgotten += gone.length;
      for (const { key } of gone) if (key !== null) this.#seen.delete(key);
    }
  }
}

function byOrder(one: Row, other: Row): number {
  return isAfter(one, other) ? 1 : isAfter(other, one) ? -1 : 0;
}

/** Whether a row comes after another: by time, and by number where both are of one stream. */
function isAfter(one: Row, other: Row): boolean {
  if (
    one.target === other.target && one.kind === other.kind && one.sequence !== null && other.sequence !== null && one.order === other.order
  ) {
    return one.sequence > other.sequence;
  }
  return one.order > other.order;
}

function transitionOf(raw: ReturnType<typeof rawOf>): string | null {
  const payload = rawOf(raw["payload"]);
  const [from, to] = [textOf(payload["previous_lifecycle_state"]), textOf(payload["lifecycle_state"])];
  return to === null ? null : `${from ?? "?"} → ${to}`;
}

function detailOf(raw: ReturnType<typeof rawOf>): string {
  const [detail, result] = [textOf(raw["detail"]), textOf(raw["result"])];
  return detail === null || detail === result ? "" : ` (${detail})`;
}

/** Whether everything is wanted. */
export function wantsAll({ target, path, state, type, severity, least, correlation, kinds, text }: RowFilter): boolean {
  return least === null && kinds.length === 0 && [target, path, state, type, severity, correlation, text].every((word) => word === "");
}

/** How many of the rarer filters are set. */
export function countRare({ path, state, type, least, correlation }: RowFilter): number {
  return [path, state, type, correlation].filter((word) => word !== "").length + (least === null ? 0 : 1);
}

/** Tells the rows that are wanted from others; what is searched is what was sent, and what shows of it. */
export function wanting(filter: RowFilter, words: RowWords = AS_SENT): (row: Row) => boolean {
  const { target, path, state, severity, least, kinds } = filter;
  const below = path === "/" ? "/" : `${path}/`;
  const lowest = SEVERITIES.indexOf(severity);
  const [type, correlation] = [filter.type.trim().toLowerCase(), filter.correlation.trim().toLowerCase()];
  const searched = filter.text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return (row) => {
    if (target !== "" && row.target !== target) return false;
    if (kinds.length > 0 && !kinds.includes(row.kind)) return false;
    if (path !== "" && row.path !== path && !row.path.startsWith(below)) return false;
    if (state !== "" && row.state !== state) return false;
    if (lowest > 0 && SEVERITIES.indexOf(row.severity) < lowest) return false;
    if (least !== null && (row.sequence === null || row.sequence < least)) return false;
    if (correlation !== "" && !row.correlation.toLowerCase().startsWith(correlation)) return false;
    if (type !== "" && !row.type.toLowerCase().includes(type) && !words.type(row).toLowerCase().includes(type)) return false;
    return searched.every((word) => row.haystack.includes(word) || words.text(row).toLowerCase().includes(word));
  };
}

/** Rows as lines of JSON, for a file. */
export function toNdjson(rows: readonly Row[]): string {
  return rows.map(({ kind, target, raw, text }) => `${JSON.stringify({ kind, target_id: target, description: text, record: raw })}\n`).join(
    "",
  );
}
