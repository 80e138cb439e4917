/** One live attempt: what an adapter reports becomes messages of the tree. */
import {
  type ChildEnd,
  type ChildRequestKind,
  cleanText,
  type Clock,
  type CommandPermissions,
  reasonOf,
  type Redactor,
  requirePermission,
  RingBuffer,
  thrownMessage,
} from "../base/mod.ts";
import type { CommandMessage, CommandResult, Message } from "../core/mod.ts";
import type { Exit, Failure, ShutdownCause } from "../event/mod.ts";
import type { LineSink, LogRecord } from "../observe/mod.ts";
import type { ChildPolicy, ChildSpec, DecisionHistory, LogOptions, Verdict } from "../spec/mod.ts";
import { DEFAULTS } from "../spec/mod.ts";
import { LONGEST_CATEGORY } from "./children/failure.ts";
import type { AttemptContext, RunningChild } from "./children/types.ts";
import type { HeldSockets } from "./held_sockets.ts";
import type { Ledger, OpenKind } from "./ledger.ts";

/** What an attempt needs of the tree it belongs to. */
export interface AttemptHost {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly sockets: HeldSockets;
  /** Knows what must not be told; one for the whole tree, because children may print the secrets of others. */
  readonly redactor: Redactor;
  /** The file of a child's output; `null` where it has none. */
  lineSink(logs: LogOptions | undefined): LineSink | null;
  /** Grows with whatever may change how a child is, which not every message tells. */
  changes: number;
  post(message: Message): void;
  /** Takes a command of the child to itself; false when too many wait already. */
  command(command: Omit<CommandMessage, "type" | "id">, answer: (result: CommandResult) => void): boolean;
  /** An attempt began; probes may start. */
  began(attempt: Attempt): void;
  /** An attempt ended or was given up; probes must stop. */
  over(attempt: Attempt): void;
  log(record: Omit<LogRecord, "seq">): void;
  /** Tells a child how another one ends. */
  watch(watcher: string, child: string, signal: AbortSignal): AsyncIterableIterator<ChildEnd>;
  /** What went before, for the child's own decision. */
  historyOf(attempt: Attempt): DecisionHistory;
}

/** The place of an attempt in the tree. */
export interface AttemptIdentity {
  readonly node: number;
  readonly child: number;
  readonly stamp: number;
  readonly generation: number;
  readonly attempt: number;
  readonly path: string;
  readonly spec: ChildSpec;
  readonly policy: ChildPolicy;
}

const NO_ENVIRONMENT: ReadonlyMap<string, string> = new Map();
const NO_PERMISSIONS: CommandPermissions = {};

/** Longest line in characters for readers, tails and patterns; a file gets more of it. */
const LONGEST_LINE = 4_096;

/** Longest line in characters that is looked at. */
const LONGEST_IN_FILE = 64 * 1024;

/** Implements the adapter's side of an attempt. */
export class Attempt implements AttemptContext {
  readonly identity: AttemptIdentity;
  readonly #host: AttemptHost;
  #ended = false;
  /** Requests that wait for their answer or were granted: asking again and again must cost the tree nothing. */
  #requests: Set<ChildRequestKind> | null = null;
  #tail: RingBuffer<string> | null = null;
  /** What counts for its output. */
  #logs: LogOptions | undefined;
  /** `undefined` until the first line. */
  #sink: LineSink | null | undefined;
  #clock: Clock | null = null;
  /** Made when it is asked for: only processes have it. */
  #mark: string | null = null;
  /** The adapter's handle; `null` until the adapter has returned it. */
  handle: RunningChild | null = null;
  /** Last heartbeat on the tree's clock, 0 when there was none. */
  heartbeatAtMs = 0;
  /** Ends the probes of this attempt. */
  stopProbes: (() => void) | null = null;
  /** Looks at lines of output for readiness, as the child wrote them. */
  onLine: ((line: string) => void) | null = null;

  constructor(identity: AttemptIdentity, host: AttemptHost) {
    this.identity = identity;
    this.#host = host;
    this.#logs = identity.spec.logs;
  }

  get path(): string {
    return this.identity.path;
  }

  get name(): string {
    return this.identity.spec.name;
  }

  get generation(): number {
    return this.identity.generation;
  }

  get attempt(): number {
    return this.identity.attempt;
  }

  get args(): unknown {
    return this.identity.spec.args ?? null;
  }

  get environment(): ReadonlyMap<string, string> {
    const { environment } = this.identity.spec;
    return environment === undefined ? NO_ENVIRONMENT : new Map(environment.map(({ name, value }) => [name, value]));
  }

  get mark(): string {
    return this.#mark ??= crypto.randomUUID();
  }

  get permissions(): CommandPermissions {
    return this.identity.spec.commandPermissions ?? NO_PERMISSIONS;
  }

  get clock(): Clock {
    return this.#clock ??= this.#host.ledger.clockOf(this.path, this.#host.clock);
  }

  get redactor(): Redactor {
    return this.#host.redactor;
  }

  get sink(): LineSink | null {
    return this.#sink === undefined ? this.#sink = this.#host.lineSink(this.#logs) : this.#sink;
  }

  get sockets(): HeldSockets {
    return this.#host.sockets;
  }

  launch<T extends { readonly pid?: number }>(spawn: () => T): T {
    const notStarted = this.#host.ledger.processes?.starting(this);
    let pid: number | undefined;
    try {
      const started = spawn();
      pid = started.pid;
      return started;
    } finally {
      if (pid === undefined) notStarted?.();
    }
  }

  opened(kind: OpenKind, detail: string, isThere?: () => boolean, pid?: number): () => void {
    const { ledger } = this.#host;
    const strike = pid === undefined ? undefined : ledger.processes?.opened(pid, this);
    const close = ledger.open(this.path, kind, this.redactor.cleanCut(detail), isThere);
    return () => {
      close();
      strike?.();
    };
  }

  /** The last lines of output, oldest first. */
  get tail(): readonly string[] {
    return this.#tail?.toArray() ?? [];
  }

  running(earlyLines: readonly string[] = []): void {
    if (this.#ended) return;
    const { node, child, stamp } = this.identity;
    this.#host.post({ type: "running", node, child, stamp });
    this.#host.began(this);
    for (const line of earlyLines) this.onLine?.(cleanText(line, LONGEST_LINE));
  }

  ready(isReady: boolean): void {
    if (this.#ended) return;
    const { node, child, stamp } = this.identity;
    this.#host.post({ type: "ready", node, child, stamp, ready: isReady });
  }

  heartbeat(atMs: number): void {
    this.heartbeatAtMs = atMs;
    this.#host.changes++;
  }

  /** Other options count for its output from the next line on. */
  reviseLogs(logs: LogOptions | undefined): void {
    const before = this.tail;
    this.#logs = logs;
    this.#sink = undefined;
    this.#tail = null;
    if (before.length === 0) return;
    this.#tail = new RingBuffer(logs?.tailLines ?? DEFAULTS.tailLines);
    for (const line of before) this.#tail.push(line);
  }

  output(stream: LogRecord["stream"], line: string): void {
    if (this.#ended) return;
    if (stream === "log" || this.#logs?.[stream] !== false) this.#record(stream, line);
    this.onLine?.(cleanText(line, LONGEST_LINE));
  }

  /** Nothing of a line is told before the secrets are out. */
  #record(stream: LogRecord["stream"], text: string): void {
    const { path, generation, attempt } = this.identity;
    const whole = cleanText(this.#redacted(text), Infinity);
    const line = whole.length > LONGEST_LINE ? cleanText(whole, LONGEST_LINE) : whole;
    this.#tail ??= new RingBuffer(this.#logs?.tailLines ?? DEFAULTS.tailLines);
    this.#tail.push(line);
    const record = { atMs: this.#host.clock.now(), path, generation, attempt, stream, line };
    this.#host.log(record);
    this.sink?.write(whole === line ? record : { ...record, line: whole });
  }

  /** What is cut is cut before a secret, never within one. */
  #redacted(text: string): string {
    const { redactor } = this;
    if (text.length <= LONGEST_IN_FILE) return redactor.clean(text);
    const start = text.slice(0, LONGEST_IN_FILE);
    return `${redactor.clean(start.slice(0, start.length - redactor.unfinished(start)))}…`;
  }

  request(kind: ChildRequestKind, reason: unknown): void {
    requirePermission(kind, this.path, this.permissions);
    this.#requests ??= new Set();
    if (this.#ended || this.#requests.has(kind)) return;
    this.#requests.add(kind);
    const who = { by: cleanText(this.path, 256), reason: this.redactor.cleanCut(reasonOf(reason)) };
    if (kind === "restart") return this.#requestRestart(who);
    const cause: ShutdownCause = { kind: "shutdown", requestedBy: who.by, reason: who.reason };
    this.#host.post({ type: "stop", node: 0, stamp: 0, cause, forced: false });
  }

  #requestRestart(who: { readonly by: string; readonly reason: string }): void {
    const { node, child } = this.identity;
    const isTaken = this.#host.command({ node, child, path: this.path, command: "restart", isOwn: true, ...who }, ({ outcome }) => {
      // What was refused may be right later; the event of the command says that it was.
      if (outcome === "refused") this.#requests?.delete("restart");
    });
    if (isTaken) return;
    this.#requests?.delete("restart");
    this.#say("Cannot request a restart: too many commands wait for their answer");
  }

  watch(child: string, signal: AbortSignal): AsyncIterableIterator<ChildEnd> {
    return this.#host.watch(this.path, child, signal);
  }

  exited(exit: Exit): void {
    const { node, child, stamp } = this.identity;
    const told = redactedExit(exit, this.redactor);
    this.#ended = true;
    this.#host.over(this);
    const verdict = "failure" in told ? this.#decide(told.failure) : undefined;
    this.#host.post({ type: "exited", node, child, stamp, exit: this.#tail === null ? told : withLastLines(told, this.tail), verdict });
  }

  /** Asks the child's own function; whatever that does, it is no reason for anything else to go wrong. */
  #decide(failure: Failure): Verdict | undefined {
    const { decide } = this.identity.spec;
    if (decide === undefined) return undefined;
    const { kind, category, message, exitCode, signal } = failure;
    try {
      const verdict: unknown = decide({ path: this.path, kind, category, message, exitCode, signal }, this.#host.historyOf(this));
      const known = VERDICTS.find((word) => word === verdict);
      if (known !== undefined) return known;
      this.#say(
        `decide() returned ${typeof verdict === "string" ? `"${verdict}"` : `a value of type ${typeof verdict}`}, must be one of ${
          VERDICTS.join(", ")
        }; the restart policy decides`,
      );
    } catch (error) {
      this.#say(`decide() failed: ${thrownMessage(error)}; the restart policy decides`);
    }
    return undefined;
  }

  /** A line about the attempt that is not its own. */
  #say(line: string): void {
    const { path, generation, attempt } = this.identity;
    const record = {
      atMs: this.#host.clock.now(),
      path,
      generation,
      attempt,
      stream: "log",
      line: cleanText(this.redactor.cleanCut(line)),
    } as const;
    this.#host.log(record);
    this.sink?.write(record);
  }

  abandoned(): void {
    const { node, child, stamp } = this.identity;
    this.#ended = true;
    this.#host.over(this);
    this.#host.post({ type: "abandoned", node, child, stamp });
  }
}

/** The category of a failure whose own one must not be told. */
const REDACTED = "redacted";

const VERDICTS: readonly Verdict[] = ["policy", "restart", "stop", "escalate"];

function withLastLines(exit: Exit, lastLines: readonly string[]): Exit {
  return "failure" in exit ? { ...exit, failure: { ...exit.failure, lastLines } } : exit;
}

function redactedExit(exit: Exit, redactor: Redactor): Exit {
  if (!("failure" in exit)) return exit;
  const { failure } = exit;
  const message = redactor.cleanCut(failure.message);
  const category = failure.kind === "panic" ? redactedLabel(failure.category, redactor) : failure.category;
  if (message === failure.message && category === failure.category) return exit;
  return { ...exit, failure: { ...failure, message, category } };
}

/** What a thrown value calls itself may be a secret, or the beginning of one where it was cut. */
function redactedLabel(label: string, redactor: Redactor): string {
  const text = label.length < LONGEST_CATEGORY ? label : `${label}…`;
  return redactor.cleanCut(text) === text ? label : REDACTED;
}
