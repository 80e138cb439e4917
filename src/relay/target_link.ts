/** One target: a connection that all sessions share, and what comes over it. */
import type { Clock } from "../base/mod.ts";
import { type Client, connect, type ConnectionState, type Hello, type Message } from "../client/mod.ts";
import { delay } from "./delay.ts";
import { type Heard, type Stream, Streams } from "./streams.ts";
import { factsOf, helloOf, NO_FACTS, timeoutMsOf } from "./target_facts.ts";
import { type ConnectionWord, restoredNanos, type SupportedCommand, type TargetRow, type WireMessage } from "./wire.ts";

/** A target that is known, by registration or because its socket was found. */
export interface KnownTarget {
  readonly targetId: string;
  readonly displayName: string;
  /** Where it listens. */
  readonly path: string;
  /** What it takes; `null` where only it knows. */
  readonly supportedCommands: readonly SupportedCommand[] | null;
  /** To whom the socket must belong, where that is known; else it is that of the own user, or of root. */
  readonly ownerUid?: number | undefined;
}

/** Hears of a target. */
export interface TargetListener {
  /** What it says, for all who listen: `event`, `log`, `state_delta`, `usage`, `state`. */
  said(message: WireMessage): void;
  /** How the connection to it is, has changed. */
  changed(): void;
}

/** How a link works. */
export interface TargetLinkOptions {
  readonly clock: Clock;
  readonly listener: TargetListener;
  /** Longest time in milliseconds for an answer that is no command. @default {10000} */
  readonly timeoutMs?: number;
  /** How often it is asked what processes take, in milliseconds. @default {2000} */
  readonly usageMs?: number;
  /** How often it is asked whether it still answers, in milliseconds. @default {4000} */
  readonly probeMs?: number;
}

/** Pushes that are held until a fresh state has gone out; of more, the oldest are dropped and counted. */
const MOST_HELD = 4_096;

/** So many milliseconds at most a target is not connected yet because it does not let itself be followed. */
const BEGINNING_MS = 1_000;

/** No line of a target is longer, and none of its connections is read faster for long: others want to be heard too. */
const PACE = { maxLineBytes: 32 * 1024 * 1024, maxBytesPerSecond: 4 * 1024 * 1024 };

/** The link to one target; it is made again for as long as it is wanted. */
export class TargetLink {
  readonly known: KnownTarget;
  readonly #options: TargetLinkOptions;
  readonly #over = new AbortController();
  #client: Client | null = null;
  #facts = NO_FACTS;
  #connection: ConnectionWord = "registered";
  #reading: Promise<WireMessage> | null = null;
  /** What came while it was away. */
  #held: WireMessage[] | null = null;
  #cancelProbe: () => void = () => {};
  readonly #streams: Streams;
  /** Tells the numbers of one that tells no run. */
  #ownEpoch = crypto.randomUUID();

  /** With `heard` it goes on where another link to the same target was. */
  constructor(known: KnownTarget, options: TargetLinkOptions, heard?: Heard) {
    this.known = known;
    this.#options = options;
    this.#streams = new Streams(known.targetId, options.clock, this.#over.signal, (message) => this.#hand(message), heard);
  }

  /** How the target is told of. */
  get row(): TargetRow {
    const { targetId, displayName, supportedCommands } = this.known;
    return {
      targetId,
      displayName,
      registrationState: this.isExpired ? "expired" : "active",
      connectionState: this.#connection,
      supportedCommands: supportedCommands ?? this.#facts.commands,
      extensions: this.#facts.extensions,
      streamEpoch: this.epoch,
    };
  }

  /** Begins; resolves when it is connected, or could not be for the first time. */
  async begin(): Promise<void> {
    this.#enter("connecting");
    const { signal } = this.#over;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#connect();
        return;
      } catch {
        if (signal.aborted) return;
        this.#enter("unavailable");
        await delay(this.#options.clock, signal, failures);
      }
    }
  }

  /** Whether its lease is over. */
  get isExpired(): boolean {
    return this.#connection === "expired";
  }

  /** Its lease is over: it is let go, and told as expired. */
  expire(): void {
    this.#enter("expired");
    void this.close();
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.#over.abort();
    this.#cancelProbe();
    await this.#client?.close();
  }

  /** Up to where it was heard, for a link that follows. */
  get heard(): Heard {
    return this.#streams.heard;
  }

  /** The state of the target, as it goes to clients; who asks meanwhile gets the same. */
  state(): Promise<WireMessage> {
    return this.#reading ??= this.#readState().finally(() => this.#reading = null);
  }

  /** Asks the target for anything; rejects as the client does, and at once where nobody can answer. */
  async request(method: Parameters<Client["request"]>[0], params: unknown, timeoutMs?: number): Promise<Message> {
    if (this.#connection !== "connected") throw new TargetAwayError();
    return await this.#ask(method, params, timeoutMs);
  }

  /** How long a command may take, in milliseconds. */
  timeoutOf(command: string): number {
    return timeoutMsOf(this.row.supportedCommands, command);
  }

  /** Tells the numbers of one run of the target from those of another; `null` where it was never connected. */
  get epoch(): string | null {
    return this.#client === null ? null : this.#facts.runId ?? this.#ownEpoch;
  }

  /** The last messages of a stream, oldest first: as the target remembers them, or as they were heard. */
  async recent(stream: Stream, most: number): Promise<readonly WireMessage[]> {
    if (!this.#facts.remembers) return this.#streams.remembered(stream);
    await this.#streams.begun(stream);
    const { records } = await this.request(stream === "event" ? "reeve.events" : "reeve.logs", { limit: most });
    return Array.isArray(records) ? records.map((record) => this.#remembered(stream, record)) : [];
  }

  /** What it calls itself. */
  get targetId(): string {
    return this.#facts.targetId ?? this.known.targetId;
  }

  #remembered(stream: Stream, record: unknown): WireMessage {
    // An event has its sentence beside it.
    const { event, description }: Record<string, unknown> = stream === "event" ? { ...Object(record) } : { event: record };
    const sentence = typeof description === "string" ? { description } : {};
    return { type: stream, target_id: this.known.targetId, [stream]: restoredNanos(event), ...sentence };
  }

  async #ask(method: Parameters<Client["request"]>[0], params: unknown, timeoutMs = this.#timeoutMs): Promise<Message> {
    const client = this.#client;
    if (client === null) throw new TargetAwayError();
    return await client.request(method, params, { timeoutMs, signal: this.#over.signal });
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? 10_000;
  }

  async #readState(): Promise<WireMessage> {
    const { state } = await this.#ask("state", null);
    return { type: "state", target_id: this.known.targetId, state: restoredNanos(state) };
  }

  async #connect(): Promise<void> {
    const { ownerUid, path } = this.known;
    const client = await connect(path, {
      ...PACE,
      reconnect: true,
      signal: this.#over.signal,
      maxWaiting: 8_192,
      ...ownerUid === undefined ? {} : { ownerUid },
      onState: (state) => this.#onState(state),
    });
    try {
      this.#know(await helloOf(client, { timeoutMs: this.#timeoutMs }));
    } catch (error) {
      await client.close();
      throw error;
    }
    this.#client = client;
    this.#held = [];
    const more = this.#facts.hasDetails ? { details: true, described: true, usageMs: this.#options.usageMs ?? 2_000 } : {};
    void this.#streams.follow(client, "event", { states: true, ...more });
    void this.#streams.follow(client, "log", {});
    await this.#isHeard();
    this.#planProbe();
    // One that was lost meanwhile tells itself that it is back.
    if (this.#connection === "reconnecting" || this.#over.signal.aborted) return;
    this.#enter("connected");
    const state = await this.state().catch(() => null);
    // One that says nothing more is found out when it is asked whether it still answers.
    if (this.#connection === "connected") this.#tellAll(state);
  }

  /** Resolves when what happens is heard, so that whoever has a command for it hears what comes of it; or soon, as it may let nobody follow. */
  #isHeard(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.setTimer(resolve, BEGINNING_MS);
      void Promise.all([this.#streams.begun("event"), this.#streams.begun("log")]).then(() => {
        cancel();
        resolve();
      });
    });
  }

  #onState(state: ConnectionState): void {
    if (this.#client === null || this.#over.signal.aborted) return;
    if (state === "reconnecting") this.#isAway("reconnecting");
    else if (state === "connected" && this.#connection !== "connected") void this.#isBack();
  }

  #isAway(connection: "reconnecting" | "unavailable"): void {
    this.#held ??= [];
    this.#enter(connection);
  }

  async #isBack(): Promise<void> {
    const client = this.#client;
    if (client === null) return;
    try {
      this.#know(await helloOf(client, { timeoutMs: this.#timeoutMs }));
      // Whether the numbers of one that tells no run went on meanwhile, nobody knows.
      if (this.#facts.runId === null) {
        this.#ownEpoch = crypto.randomUUID();
        this.#streams.forget();
      }
      const state = await this.state();
      this.#enter("connected");
      this.#tellAll(state);
    } catch {
      // It does not answer, and is asked again; or it is gone again, of which its connection tells.
      if (this.#connection === "reconnecting") this.#enter("unavailable");
    }
  }

  #know(hello: Hello | null): void {
    this.#facts = factsOf(hello);
    this.#streams.runId = this.#facts.runId;
  }

  /** A state that is fresh goes out before anything that happened since. */
  #tellAll(state: WireMessage | null): void {
    const held = this.#held ?? [];
    this.#held = null;
    if (state !== null) this.#options.listener.said(state);
    for (const message of held) this.#hand(message);
  }

  /** One that takes questions and answers none is as good as gone, which no connection tells. */
  #planProbe(): void {
    this.#cancelProbe();
    if (this.#over.signal.aborted) return;
    const { probeMs = 4_000, clock } = this.#options;
    // Targets that came at once are not all asked at once.
    const delayMs = probeMs * (0.75 + Math.random() / 2);
    this.#cancelProbe = clock.setTimer(() => void this.#probe(probeMs).finally(() => this.#planProbe()), delayMs);
  }

  async #probe(probeMs: number): Promise<void> {
    const client = this.#client;
    if (client === null || this.#connection === "reconnecting") return;
    try {
      await helloOf(client, { timeoutMs: probeMs });
      if (this.#connection === "unavailable") await this.#isBack();
    } catch {
      if (this.#connection === "connected") this.#isAway("unavailable");
    }
  }

  #hand(message: WireMessage): void {
    if (this.#held === null) {
      if (!this.#facts.remembers) this.#streams.remember(message);
      return this.#options.listener.said(message);
    }
    this.#held.push(message);
    if (this.#held.length > MOST_HELD) this.#held.splice(0, 2, droppedOf(this.#held[0], this.known.targetId));
  }

  #enter(connection: ConnectionWord): void {
    if (this.#connection === connection || this.isExpired) return;
    this.#connection = connection;
    this.#options.listener.changed();
  }
}

/** Nothing was asked, because nobody could answer. */
export class TargetAwayError extends Error {
  constructor() {
    super("the target cannot be reached now");
  }
}

/** Two messages that were dropped, as one that counts them. */
function droppedOf(first: WireMessage | undefined, targetId: string): WireMessage {
  const before = Number(first?.type === "dropped_count" ? first["dropped_event_count"] : 1);
  return { type: "dropped_count", target_id: targetId, dropped_event_count: before + 1 };
}
