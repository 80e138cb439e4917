/** The events and lines of one target: followed whatever happens, passed on, and told where something is missing. */
import type { Clock } from "../base/mod.ts";
import type { CaughtUp, Client, EventOptions, Interruption, RawPush } from "../client/mod.ts";
import { delay } from "./delay.ts";
import { Memory } from "./memory.ts";
import { restoredNanos, sequenceOf, timedLine, type WireMessage, written } from "./wire.ts";

/** A stream of a target, named after what comes in it. */
export type Stream = "event" | "log";

/** Up to where the streams of a run were heard. */
export interface Heard {
  readonly runId: string | null;
  readonly event: number;
  readonly log: number;
}

/** Both streams of one target. */
export class Streams {
  readonly #targetId: string;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #hand: (message: WireMessage) => void;
  /** Numbers that were seen last, to tell what is missing. */
  readonly #last: Record<Stream, number>;
  /** The run to which these numbers belong. */
  #lastRunId: string | null;
  /** Settled when the target has begun to tell what comes. */
  readonly #begun: Record<Stream, Promise<void>> = { event: Promise.resolve(), log: Promise.resolve() };
  readonly #memories = { event: new Memory(), log: new Memory() };
  /** The run that is heard now; `null` where the target does not tell it. */
  runId: string | null = null;

  /** They end with the signal. */
  constructor(
    targetId: string,
    clock: Clock,
    signal: AbortSignal,
    hand: (message: WireMessage) => void,
    heard: Heard = { runId: null, event: 0, log: 0 },
  ) {
    this.#targetId = targetId;
    this.#clock = clock;
    this.#signal = signal;
    this.#hand = hand;
    this.#last = { event: heard.event, log: heard.log };
    this.#lastRunId = heard.runId;
  }

  /** Up to where they were heard. */
  get heard(): Heard {
    return { runId: this.#lastRunId, ...this.#last };
  }

  /** Remembers an event or a line for a target that does not. */
  remember(message: WireMessage): void {
    if (message.type === "event" || message.type === "log") this.#memories[message.type].add(message);
  }

  /** Resolves when what comes in a stream is heard: whatever the target remembers then, nothing between is missed. */
  begun(stream: Stream): Promise<void> {
    return this.#begun[stream];
  }

  /** What is remembered of a stream, oldest first. */
  remembered(stream: Stream): readonly WireMessage[] {
    return this.#memories[stream].messages;
  }

  /** Remembers nothing any more. */
  forget(): void {
    for (const memory of Object.values(this.#memories)) memory.clear();
  }

  /** Follows a stream; one that is refused is asked for again, which is told. */
  async follow(client: Client, stream: Stream, options: EventOptions): Promise<void> {
    const signal = this.#signal;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        const pushes = client.raw(stream === "event" ? "events" : "logs", { ...options, ...this.#place(stream) });
        this.#begun[stream] = pushes.ready.catch(() => {});
        for await (const push of pushes) {
          failures = 0;
          this.#said(stream, push);
        }
        return;
      } catch {
        if (signal.aborted) return;
        const what = stream === "event" ? "events" : "lines";
        this.#tell({
          type: "dropped_count",
          dropped_event_count: 0,
          stream,
          message: `the target does not let its ${what} be followed now`,
        });
      }
      await delay(this.#clock, signal, failures);
    }
  }

  /** Where a stream goes on that was heard before. */
  #place(stream: Stream): Pick<EventOptions, "since" | "run"> {
    const [since, run] = [this.#last[stream], this.#lastRunId];
    return since === 0 || run === null ? {} : { since, run };
  }

  #said(stream: Stream, push: RawPush | CaughtUp | Interruption): void {
    switch (push.type) {
      case "raw":
        return this.#pass(push);
      case "restarted":
        this.#last[stream] = 0;
        return this.#tell({ type: "restarted", message: push.message, stream });
      case "gap":
        return this.#tell({ type: "dropped_count", dropped_event_count: 0, message: push.message, stream });
      case "caught_up":
        return;
    }
  }

  /** Passes on what came, as the text that it was where that can be. */
  #pass({ message, line }: RawPush): void {
    const { type, event, log } = message;
    if (event !== undefined) this.#missing("event", sequenceOf(event));
    if (log !== undefined) this.#missing("log", Number(Object(log)["sequence"] ?? this.#last.log + 1));
    const targetId = this.#targetId;
    const text = message["target_id"] === targetId ? timedLine(line) : null;
    const passed = { ...message, type: String(type), target_id: targetId };
    this.#hand(text === null ? { ...passed, ...Object(restoredNanos(message)), target_id: targetId } : written(passed, text));
  }

  /** Tells how many are missing between the last one and this one. */
  #missing(stream: Stream, sequence: number): void {
    const last = this.#last[stream];
    this.#last[stream] = sequence;
    this.#lastRunId = this.runId;
    if (last === 0 || sequence <= last + 1) return;
    this.#tell({ type: "dropped_count", dropped_event_count: sequence - last - 1, stream });
  }

  #tell({ type, ...members }: WireMessage): void {
    this.#hand({ type, target_id: this.#targetId, ...members });
  }
}
