/** The session with the relay: it is opened again and again for as long as the page is there. */
import { numberOf, type Raw, rawOf, textOf } from "./read.ts";
import type { Store } from "./store.ts";

/** What of a WebSocket is used. */
export interface SocketLike {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
}

/** How the connection to the relay is. */
export type LinkState = "connecting" | "open" | "waiting" | "refused";

/** What a session works with. */
export interface SessionOptions {
  readonly store: Store;
  readonly open: () => SocketLike;
  readonly setTimer: (task: () => void, ms: number) => () => void;
  readonly now: () => number;
  /** Which browser this is, for the relay. */
  readonly storeId: string;
  readonly random?: () => number;
  /** Whether the relay still lets us in; asked after a failure. */
  readonly isLetIn: () => Promise<boolean>;
  /** Something changed. */
  readonly changed: () => void;
  /** A command has an answer. */
  readonly answered: (commandId: string, answer: Raw, isError: boolean) => void;
}

/** First and longest delay before another attempt, in milliseconds. */
const [FIRST_MS, LONGEST_MS] = [500, 15_000];

/** Longest time until a question is answered. */
const PATIENCE_MS = 15_000;

/** A relay takes so many messages in a second: so many questions are asked at once, and others after so long, in milliseconds. */
const [AT_ONCE, PAUSE_MS] = [36, 250];

/** A target that did not say how it is, or what it remembers, is asked again after so long, in milliseconds. */
const AGAIN_MS = 5_000;

/** Longest part of the first message that says up to where streams are known: a relay takes messages of at most 64 KiB. */
const MOST_CURSOR_BYTES = 48 * 1024;

/** Messages after which there may be somebody to ask. */
const ASKS: ReadonlySet<string> = new Set(["target_list", "connection_state", "restarted"]);

/** Rows that are asked for of what a target remembers: of the one that is looked at, and at least and together of all. */
const [REMEMBERED, REMEMBERED_LEAST, REMEMBERED_TOGETHER] = [1_000, 20, 10_000];

/** The session with the relay. */
export class Session {
  state: LinkState = "connecting";
  /** When the next attempt begins. */
  nextAt: number | null = null;
  /** Attempts since it was open last. */
  attempts = 0;
  /** Since when it is open. */
  openSince: number | null = null;
  /** Sessions so far. */
  sessions = 0;
  /** Why the last one ended. */
  lastEnd: string | null = null;
  received = 0;
  readonly #options: SessionOptions;
  readonly #waiting = new Map<string, (answer: Raw) => void>();
  /** Targets that were asked since they were connected last. */
  readonly #asked = new Set<string>();
  /** Targets that are to be asked how they are, and what they remember. */
  #toAsk: { status: string[]; memory: string[] } = { status: [], memory: [] };
  /** Targets of which all that they remember was asked for. */
  readonly #recalled = new Set<string>();
  /** Targets that did not answer, and are asked again later. */
  readonly #again = new Set<string>();
  /** The target that is looked at. */
  #looked: string | null = null;
  #isAsking = false;
  #socket: SocketLike | null = null;
  #cancel: () => void = () => {};
  #count = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** Begins, or begins anew at once. */
  connect(): void {
    this.#cancel();
    this.#drop();
    this.state = "connecting";
    this.nextAt = null;
    this.attempts += 1;
    let socket: SocketLike;
    try {
      socket = this.#options.open();
    } catch (error) {
      return this.#ended(error instanceof Error ? error.message : String(error));
    }
    this.#socket = socket;
    socket.onmessage = ({ data }) => socket === this.#socket && this.#received(data);
    socket.onclose = ({ code, reason }) => socket === this.#socket && this.#ended(`${code}${reason === "" ? "" : ` ${reason}`}`);
    this.#options.changed();
  }

  /** Says something; returns whether that was possible. */
  send(message: Raw): boolean {
    if (this.state !== "open" || this.#socket === null) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Asks a target something; rejects with what it says. */
  request(target: string, method: string, params: Raw | null): Promise<unknown> {
    const id = `q${++this.#count}`;
    return new Promise((resolve, reject) => {
      const cancel = this.#options.setTimer(() => this.#waiting.get(id)?.({ ok: false, error: { message: "no answer" } }), PATIENCE_MS);
      this.#waiting.set(id, (answer) => {
        cancel();
        this.#waiting.delete(id);
        if (answer["ok"] === true) resolve(answer["result"]);
        else reject(new Error(textOf(rawOf(answer["error"])["message"]) ?? "it could not be answered"));
      });
      if (!this.send({ type: "request", request_id: id, target_id: target, method, params })) {
        this.#waiting.get(id)?.({ ok: false, error: { message: "there is no connection to the relay" } });
      }
    });
  }

  /** Somebody looks at a target: it is asked for everything that it remembers, once. */
  look(target: string | null): void {
    this.#looked = target;
    if (target === null || this.#recalled.has(target) || !this.#asked.has(target)) return;
    this.#askMemory(target, REMEMBERED);
  }

  #received(data: unknown): void {
    let message: Raw;
    try {
      message = rawOf(JSON.parse(String(data)));
    } catch {
      return this.#options.store.trouble({ code: "invalid_server_message", message: "what the relay said is no JSON" }, null);
    }
    this.received += 1;
    const { store } = this.#options;
    try {
      if (message["type"] === "server_hello") this.#hello();
      if (message["type"] === "response") this.#waiting.get(textOf(message["request_id"]) ?? "")?.(message);
      if (!store.apply(message)) {
        store.trouble({ code: "unknown_server_message", message: `the relay said "${String(message["type"]).slice(0, 64)}"` }, null);
      }
      // It is told of each stream.
      if (message["type"] === "restarted" && message["stream"] !== "log") this.#asked.delete(textOf(message["target_id"]) ?? "");
      if (ASKS.has(String(message["type"]))) this.#askAll();
      this.#answerOf(message);
    } catch (error) {
      store.trouble({ code: "invalid_server_message", message: error instanceof Error ? error.message : String(error) }, null);
    }
    this.#options.changed();
  }

  #answerOf(message: Raw): void {
    if (message["type"] === "command_result") {
      const result = rawOf(message["result"]);
      this.#options.answered(textOf(result["command_id"]) ?? "", result, false);
    }
    const commandId = textOf(message["command_id"]);
    if (message["type"] === "error" && commandId !== null) this.#options.answered(commandId, rawOf(message["error"]), true);
  }

  #hello(): void {
    const { storeId, now } = this.#options;
    this.state = "open";
    this.attempts = 0;
    this.sessions += 1;
    this.openSince = now();
    this.#asked.clear();
    this.#recalled.clear();
    this.#again.clear();
    this.#toAsk = { status: [], memory: [] };
    this.#socket?.send(JSON.stringify({ type: "client_hello", client_store_id: storeId, resume_cursor: this.#cursor() }));
  }

  /** Up to where each stream is known. What has no room is asked for like that of a target that is new. */
  #cursor(): Raw {
    const { targets, timeline } = this.#options.store;
    const looked = targets.get(this.#looked ?? "");
    const cursor: Record<"events" | "logs", Record<string, object>> = { events: {}, logs: {} };
    let room = MOST_CURSOR_BYTES;
    for (const { id, epoch } of new Set(looked === undefined ? targets.values() : [looked, ...targets.values()])) {
      for (const [name, kind] of [["events", "event"], ["logs", "log"]] as const) {
        const sequence = timeline.lastSequence(id, kind);
        if (epoch === null || sequence === null) continue;
        const place = { delivery_mode: "remote", filter_config_version: 0, stream_epoch: epoch, sequence };
        room -= new TextEncoder().encode(`${JSON.stringify(id)}:${JSON.stringify(place)},`).length;
        if (room >= 0) cursor[name][id] = place;
      }
    }
    return cursor;
  }

  /** First how all are, then what they remember; the one that is looked at goes before the others. */
  #askAll(): void {
    for (const { id, connection } of this.#options.store.targets.values()) {
      if (connection !== "connected") {
        this.#asked.delete(id);
        this.#recalled.delete(id);
      } else if (!this.#asked.has(id)) {
        this.#asked.add(id);
        for (const queue of Object.values(this.#toAsk)) queue.splice(id === this.#looked ? 0 : queue.length, 0, id);
      }
    }
    this.#askSome();
  }

  #askSome(): void {
    const { status, memory } = this.#toAsk;
    if (this.#isAsking || status.length + memory.length === 0) return;
    const asked = status.splice(0, AT_ONCE);
    for (const id of asked) this.#askStatus(id);
    // Each of these is two questions.
    for (const id of memory.splice(0, Math.floor((AT_ONCE - asked.length) / 2))) {
      this.#askMemory(id, id === this.#looked ? REMEMBERED : this.#share());
    }
    this.#isAsking = true;
    this.#options.setTimer(() => {
      this.#isAsking = false;
      this.#askSome();
    }, PAUSE_MS);
  }

  /** Of many targets each gives a part, so that the last rows of all have room. */
  #share(): number {
    const targets = Math.max(1, this.#options.store.targets.size);
    return Math.min(REMEMBERED, Math.max(REMEMBERED_LEAST, Math.floor(REMEMBERED_TOGETHER / targets)));
  }

  #askStatus(id: string): void {
    const { store } = this.#options;
    void this.#ask(id, "reeve.status", { usage: true }, (result) => store.applyStatus(id, result));
  }

  #askMemory(id: string, limit: number): void {
    const { store } = this.#options;
    if (limit === REMEMBERED) this.#recalled.add(id);
    void this.#ask(id, "reeve.events", { limit }, (result) => store.applyEvents(id, result));
    void this.#ask(id, "reeve.logs", { limit }, (result) => store.applyLogs(id, result));
  }

  /** Asks a target something that it may not know; where it does not answer, it is asked everything again later. */
  async #ask(id: string, method: string, params: Raw, take: (result: unknown) => void): Promise<void> {
    const { store, changed } = this.#options;
    if (store.targets.get(id)?.questions.has(method) !== true) return;
    try {
      take(await this.request(id, method, params));
    } catch (error) {
      store.trouble({ code: method, message: error instanceof Error ? error.message : String(error) }, id);
      if (this.state === "open") this.#planAgain(id);
    }
    changed();
  }

  /** However many questions of one target fail, it is asked again once. */
  #planAgain(id: string): void {
    if (this.#again.has(id)) return;
    this.#again.add(id);
    this.#options.setTimer(() => {
      if (!this.#again.delete(id)) return;
      this.#asked.delete(id);
      this.#recalled.delete(id);
      this.#askAll();
    }, AGAIN_MS);
  }

  #ended(why: string): void {
    this.#drop();
    this.lastEnd = why;
    this.openSince = null;
    const { random = Math.random, setTimer, now, isLetIn, changed } = this.#options;
    const delayMs = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(10, Math.max(0, this.attempts - 1))) * (0.8 + random() * 0.4);
    this.state = "waiting";
    this.nextAt = now() + delayMs;
    this.#cancel = setTimer(() => this.connect(), delayMs);
    void isLetIn().then((isIn) => {
      if (!isIn && this.state === "waiting") this.state = "refused";
      changed();
    }, () => {});
    changed();
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    for (const answer of [...this.#waiting.values()]) answer({ ok: false, error: { message: "the connection to the relay is gone" } });
    socket?.close();
  }
}

/** Seconds until a moment, as they are counted down; at least 0. */
export function secondsUntil(at: number | null, now: number): number {
  return at === null ? 0 : Math.max(0, Math.ceil((numberOf(at) ?? now) / 1_000 - now / 1_000));
}
