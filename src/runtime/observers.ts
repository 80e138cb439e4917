/** Everything that sees what a tree tells: its streams, what counts and measures, and what writes to files. */
import { Calendar, type Clock, Redactor } from "../base/mod.ts";
import type { EventFacts, SinkKind, SupervisorEvent } from "../event/mod.ts";
import {
  type AuditTrail,
  Bus,
  type Diagnostics,
  type DiagnosticsMaker,
  type Journal,
  lagLimits,
  type LagWatch,
  loadDiagnostics,
  loadTelemetry,
  LogFiles,
  type LogRecord,
  openJournal,
  RunRecorder,
  type Telemetry,
  type TelemetryMaker,
  type TelemetrySource,
} from "../observe/mod.ts";
import { type ChildSpec, DEFAULTS, type JournalOptions, type TreeSpec } from "../spec/mod.ts";
import { openAudit } from "./open_audit.ts";
import type { TreeState } from "./restored.ts";
import { TreeAudit } from "./tree_audit.ts";

/** How many lines of output are remembered for readers that come late or lag. */
const LOG_CAPACITY = 1_024;

/** What is there before the tree is. */
export interface Opened {
  readonly runId: string;
  readonly trail: AuditTrail | null;
  readonly telemetry: TelemetryMaker | null;
  readonly diagnostics: DiagnosticsMaker | null;
  /** What outlives the program; absent where nothing does. */
  readonly state?: TreeState | null;
}

/** What the observers need of their tree. */
export interface ObserversHost extends Pick<TelemetrySource, "children" | "supervisor"> {
  readonly name: string;
  configVersion(): string;
  readonly clock: Clock;
  /** Makes an event of the tree itself; told of what happens to a file of its own. */
  tell(facts: EventFacts): void;
}

/** What is not in a file, although it should be. */
export interface Unwritten {
  /** What should be there. */
  readonly sink: SinkKind;
  /** Why it is not. */
  readonly reason: string;
  /** How many events, records or lines. */
  readonly lost: number;
}

/** What is told of a file that is written. */
type SinkHealth = Pick<SupervisorEvent & { readonly type: "sink_changed" }, "healthy" | "reason" | "lost">;

/** Opens what a tree needs from the start; rejects with `audit_not_opened`. */
export async function openObservers(spec: TreeSpec): Promise<Opened> {
  const runId = crypto.randomUUID().replaceAll("-", "");
  return {
    runId,
    trail: await openAudit(spec, runId),
    telemetry: spec.observability?.metricsEnabled === false ? null : await loadTelemetry(),
    diagnostics: loadDiagnostics(),
  };
}

/** Those of one tree. */
export class Observers {
  readonly events: Bus<SupervisorEvent>;
  readonly logs: Bus<LogRecord>;
  readonly recorder = new RunRecorder();
  readonly redactor = new Redactor();
  readonly audit: TreeAudit;
  readonly trail: AuditTrail | null;
  readonly runId: string;
  /** The same for everybody who writes times. */
  readonly calendar: Calendar;
  readonly telemetry: Telemetry | null;
  readonly #spec: TreeSpec;
  readonly #host: ObserversHost;
  readonly #diagnostics: Diagnostics | null;
  readonly #files: LogFiles;
  readonly #state: TreeState | null;
  readonly #unwritten = new Map<string, Unwritten>();
  #journal: Journal | null = null;
  #isClosed = false;

  constructor(spec: TreeSpec, { runId, trail, telemetry, diagnostics, state = null }: Opened, host: ObserversHost) {
    const { observability = {}, backpressure, audit } = spec;
    const { clock } = host;
    this.#spec = spec;
    this.#host = host;
    this.calendar = new Calendar(clock);
    this.runId = runId;
    this.trail = trail;
    this.#state = state;
    this.audit = new TreeAudit(trail, audit?.backend === "file");
    this.telemetry = telemetry?.({ ...host, wallAt: (atMs) => this.calendar.at(atMs) }) ?? null;
    this.#diagnostics = diagnostics?.({
      tree: host.name,
      run: runId,
      configVersion: () => host.configVersion(),
      wallAt: (atMs) => this.calendar.at(atMs),
      wallNow: () => clock.wallNow(),
    }) ?? null;
    const watch = (stream: LagWatch["stream"]): LagWatch => ({
      ...lagLimits(backpressure),
      stream,
      now: () => clock.now(),
      tell: (facts) => host.tell(facts),
    });
    const capacity = observability.eventJournalCapacity ?? DEFAULTS.eventJournalCapacity;
    this.events = new Bus<SupervisorEvent>(capacity, watch("events"), (event) => this.#note(event), observability.eventQueueCapacity);
    this.logs = new Bus<LogRecord>(LOG_CAPACITY, watch("logs"), (record) => {
      this.calendar.look(record.atMs);
      this.#diagnostics?.output(record);
    });
    this.#files = new LogFiles({
      clock,
      tell: ({ path, reason, ...change }) => this.#tellSink("logs", { ...change, reason: `${path}: ${reason}` }, path),
    });
    trail?.tellTo((change) => this.#tellSink("audit", change));
    this.keepSecrets(spec.children);
    this.keepSecrets(spec.templates ?? []);
  }

  /** How many events are published before others get their turn: less than are remembered, so that a prompt reader misses nothing. */
  get eventsPerSlice(): number {
    const { eventJournalCapacity = DEFAULTS.eventJournalCapacity, eventQueueCapacity = Infinity } = this.#spec.observability ?? {};
    return Math.max(1, Math.floor(Math.min(eventJournalCapacity, eventQueueCapacity) / 2));
  }

  /** Where the output of children is written beside its stream. */
  get logFiles(): Pick<LogFiles, "sinkOf" | "revise"> {
    return this.#files;
  }

  /** No child says these aloud from now on. */
  keepSecrets(children: readonly ChildSpec[]): void {
    for (const { environment = [], run } of children) {
      this.redactor.add(environment.filter(({ secret }) => secret === true).map(({ value }) => value));
      if (run.kind === "supervisor") this.keepSecrets(run.children);
    }
  }

  /** Begins to write what happens, and ends what an earlier run left behind; rejects with `journal_not_opened`. */
  async begin(): Promise<void> {
    const journal = this.#spec.observability?.journal;
    if (journal !== undefined) await this.#openJournal(journal);
    await this.#state?.begin({ events: this.events, tell: (change) => this.#tellSink("state", change) });
  }

  async #openJournal(journal: JournalOptions): Promise<void> {
    this.#journal = await openJournal(journal, {
      bus: this.events,
      runId: this.runId,
      tree: this.#host.name,
      wallAt: (atMs) => this.calendar.at(atMs),
      clock: this.#host.clock,
      tell: (change) => this.#tellSink("journal", change),
    });
  }

  /** Nothing is told any more; resolves with what could not be written when everything else is. `null` where nothing is written at all. */
  close(): Promise<readonly Unwritten[]> | null {
    this.#isClosed = true;
    this.audit.ended();
    this.events.close();
    this.logs.close();
    this.telemetry?.end();
    const trail = this.#spec.audit?.backend === "file" ? this.trail : null;
    const state = this.#state?.close().then((missing) => missing !== null && this.#unwritten.set("state", missing));
    const closing = [this.#journal?.close(), state, trail?.close(), this.#files.isEmpty ? undefined : this.#files.close()];
    const open = closing.filter((promise) => promise !== undefined);
    if (open.length === 0) return null;
    return Promise.allSettled(open).then(() => {
      for (const [sink, file] of [["journal", this.#journal], ["audit", trail]] as const) {
        if (file !== null && file.unwritten > 0) this.#unwritten.set(sink, { sink, reason: file.failure ?? "", lost: file.unwritten });
      }
      return [...this.#unwritten.values()];
    });
  }

  /** Of what happens to a file after the end, the report tells. */
  #tellSink(sink: SinkKind, { healthy, reason, lost }: SinkHealth, key: string = sink): void {
    if (healthy || lost === 0) this.#unwritten.delete(key);
    else this.#unwritten.set(key, { sink, reason, lost });
    if (!this.#isClosed) this.#host.tell({ type: "sink_changed", sink, healthy, reason, lost });
  }

  #note(event: SupervisorEvent): void {
    this.calendar.look(event.atMs);
    this.recorder.note(event);
    this.audit.note(event);
    this.telemetry?.note(event);
    this.#diagnostics?.event(event);
  }
}
