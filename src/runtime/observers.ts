/** Everything that sees what a tree tells: its streams, what counts and measures, and what writes to files. */
import { type Clock, Redactor } from "../base/mod.ts";
import type { EventFacts, SupervisorEvent } from "../event/mod.ts";
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
  RotatingFile,
  RunRecorder,
  type Telemetry,
  type TelemetryMaker,
  type TelemetrySource,
} from "../observe/mod.ts";
import { type ChildSpec, DEFAULTS, type TreeSpec } from "../spec/mod.ts";
import { openAudit } from "./open_audit.ts";
import { TreeAudit } from "./tree_audit.ts";

/** How many lines of output are remembered for readers that come late or lag. */
const LOG_CAPACITY = 1_024;

/** What is there before the tree is. */
export interface Opened {
  readonly runId: string;
  readonly trail: AuditTrail | null;
  readonly telemetry: TelemetryMaker | null;
  readonly diagnostics: DiagnosticsMaker | null;
}

/** What the observers need of their tree. */
export interface ObserversHost extends Pick<TelemetrySource, "children" | "supervisor"> {
  readonly name: string;
  readonly configVersion: string;
  readonly clock: Clock;
  /** Makes an event of the tree itself; told of what happens to a file of its own. */
  tell(facts: EventFacts): void;
}

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
  readonly telemetry: Telemetry | null;
  readonly #spec: TreeSpec;
  readonly #host: ObserversHost;
  readonly #diagnostics: Diagnostics | null;
  readonly #files: LogFiles;
  readonly #epochMs: number;
  #journal: Journal | null = null;

  constructor(spec: TreeSpec, { runId, trail, telemetry, diagnostics }: Opened, host: ObserversHost) {
    const { observability = {}, backpressure, audit } = spec;
    const { clock } = host;
    this.#spec = spec;
    this.#host = host;
    this.#epochMs = clock.wallNow() - clock.now();
    this.runId = runId;
    this.trail = trail;
    this.audit = new TreeAudit(trail, audit?.backend === "file");
    this.telemetry = telemetry?.({ ...host, wallAt: (atMs) => this.wallAt(atMs) }) ?? null;
    this.#diagnostics = diagnostics?.({
      tree: host.name,
      run: runId,
      configVersion: () => host.configVersion,
      wallAt: (atMs) => this.wallAt(atMs),
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
    this.logs = new Bus<LogRecord>(
      LOG_CAPACITY,
      watch("logs"),
      diagnostics === null ? null : (record) => this.#diagnostics?.output(record),
    );
    this.#files = new LogFiles({
      clock,
      open: (file) => new RotatingFile(file),
      tell: ({ path, reason, ...facts }) => host.tell({ type: "sink_changed", sink: "logs", ...facts, reason: `${path}: ${reason}` }),
    });
    this.keepSecrets(spec.children);
    this.keepSecrets(spec.templates ?? []);
  }

  /** How many events are published before others get their turn: less than are remembered, so that a prompt reader misses nothing. */
  get eventsPerSlice(): number {
    const { eventJournalCapacity = DEFAULTS.eventJournalCapacity, eventQueueCapacity = Infinity } = this.#spec.observability ?? {};
    return Math.max(1, Math.floor(Math.min(eventJournalCapacity, eventQueueCapacity) / 2));
  }

  /** Milliseconds since the Unix epoch at a time of the tree's clock. */
  wallAt(atMs: number): number {
    return this.#epochMs + atMs;
  }

  /** Where a child's output is written beside its stream. */
  lineSink({ logs = {} }: ChildSpec): ReturnType<LogFiles["sinkOf"]> {
    return this.#files.sinkOf(logs);
  }

  /** No child says these aloud from now on. */
  keepSecrets(children: readonly ChildSpec[]): void {
    for (const { environment = [], run } of children) {
      this.redactor.add(environment.filter(({ secret }) => secret === true).map(({ value }) => value));
      if (run.kind === "supervisor") this.keepSecrets(run.children);
    }
  }

  /** Begins to write what happens; rejects with `journal_not_opened`. */
  async begin(): Promise<void> {
    const journal = this.#spec.observability?.journal;
    if (journal === undefined) return;
    this.#journal = await openJournal(journal, {
      bus: this.events,
      runId: this.runId,
      tree: this.#host.name,
      wallAt: (atMs) => this.wallAt(atMs),
      clock: this.#host.clock,
      tell: (facts) => this.#host.tell({ type: "sink_changed", sink: "journal", ...facts }),
    });
  }

  /** Nothing is told any more; resolves when what was told is written, or cannot be. `null` where nothing is written at all. */
  close(): Promise<unknown> | null {
    this.audit.ended();
    this.events.close();
    this.logs.close();
    this.telemetry?.end();
    const closing = [this.#journal?.close(), this.#files.close(), this.#spec.audit?.backend === "file" ? this.trail?.close() : undefined];
    const open = closing.filter((promise) => promise !== undefined);
    return open.length === 0 ? null : Promise.allSettled(open);
  }

  #note(event: SupervisorEvent): void {
    this.recorder.note(event);
    this.audit.note(event);
    this.telemetry?.note(event);
    this.#diagnostics?.event(event);
  }
}
