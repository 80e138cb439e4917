/** Events and lines of output as the wire has them. */
import { lastName, RawJson, toJson } from "../base/mod.ts";
import { describe, severityOf, type SupervisorEvent } from "../event/mod.ts";
import type { LogRecord } from "../observe/mod.ts";
import { wireName } from "../protocol/mod.ts";
import type { WireTime } from "./wire_time.ts";

/** What records say of their target. */
export interface RecordSource {
  readonly targetId: string;
  readonly configVersion: string;
  readonly time: WireTime;
  /** Tells the numbers of one run from those of another: 16 hexadecimal digits or more. */
  readonly runId: string;
}

/** What is told of an event beside its record: its sentence, and how long it is until its child starts again, where that is known. */
export function toldOf(event: SupervisorEvent): { readonly description: string; readonly restart_delay_ms?: number } {
  const description = describe(event);
  if (event.type !== "child_failed" || event.decision.retryAtMs === null) return { description };
  return { description, restart_delay_ms: event.decision.delayMs };
}

/** Writes records, each once for all who read it. */
export class Records {
  readonly #source: RecordSource;
  readonly #events = new WeakMap<SupervisorEvent, RawJson>();
  readonly #logs = new WeakMap<LogRecord, RawJson>();

  constructor(source: RecordSource) {
    this.#source = source;
  }

  /** An `EventRecord`. */
  event(event: SupervisorEvent): RawJson {
    return this.#events.get(event) ?? keep(this.#events, event, eventRecord(this.#source, event));
  }

  /** A `LogRecord`. */
  log(record: LogRecord): RawJson {
    return this.#logs.get(record) ?? keep(this.#logs, record, logRecord(this.#source, record));
  }
}

function keep<K extends object>(texts: WeakMap<K, RawJson>, key: K, value: object): RawJson {
  const text = new RawJson(toJson(value));
  texts.set(key, text);
  return text;
}

function eventRecord({ targetId, configVersion, time, runId }: RecordSource, event: SupervisorEvent): object {
  const name = wireName(event.type);
  return {
    target_id: targetId,
    sequence: event.seq,
    correlation_id: correlationId(runId, event.correlation),
    event_type: name,
    severity: severityOf(event.type),
    target_path: event.path,
    child_id: event.path === "/" ? null : lastName(event.path),
    occurred_at_unix_nanos: time.happened(event.atMs),
    config_version: configVersion,
    payload: { event_type: name, policy: "policy" in event ? { decided: describe(event) } : null },
  };
}

function logRecord({ targetId, time }: RecordSource, { seq, atMs, path, attempt, stream, line }: LogRecord): object {
  return {
    target_id: targetId,
    sequence: seq,
    correlation_id: null,
    severity: stream === "stderr" ? "warning" : "info",
    message: line,
    fields: { target_path: path, attempt: String(attempt), stream },
    occurred_at_unix_nanos: time.happened(atMs),
  };
}

/** A UUID (version 8) out of the run and a counter. */
function correlationId(runId: string, correlation: number): string {
  const count = correlation.toString(16).padStart(15, "0");
  return `${runId.slice(0, 8)}-${runId.slice(8, 12)}-8${runId.slice(13, 16)}-8${count.slice(0, 3)}-${count.slice(3)}`;
}
