/** What a client missed while it was away: it is sent first, in order, and what comes meanwhile waits for it. */
import type { TargetLink } from "./target_link.ts";
import { sequenceOf, type WireMessage } from "./wire.ts";

/** Up to where a client knows a stream. */
export interface Place {
  /** The run to which the number belongs. */
  readonly epoch: string;
  readonly sequence: number;
}

/** Up to where a client knows a target. */
export interface Cursor {
  readonly event?: Place;
  readonly log?: Place;
}

/** Live messages that are held meanwhile. */
const MOST_HELD = 10_000;

/** Records that are asked for. */
const MOST_ASKED = 10_000;

/** Sends what is missing, once. */
export class Resumption {
  readonly #link: TargetLink | undefined;
  readonly #from: Cursor;
  readonly #send: (message: WireMessage) => void;
  readonly #held: WireMessage[] = [];
  #dropped = 0;

  constructor(link: TargetLink | undefined, from: Cursor, send: (message: WireMessage) => void) {
    this.#link = link;
    this.#from = from;
    this.#send = send;
  }

  /** Holds an event or a line that comes meanwhile, in place of the oldest where there are too many; all else goes on. */
  hold(message: WireMessage): boolean {
    if (message.type !== "event" && message.type !== "log") return false;
    this.#held.push(message);
    if (this.#held.length > MOST_HELD) {
      this.#held.shift();
      this.#dropped++;
    }
    return true;
  }

  /** Sends what the target remembers of both streams; resolves with what came meanwhile and was not among it. */
  async run(): Promise<readonly WireMessage[]> {
    const [event, log] = [await this.#resume("event", this.#from.event), await this.#resume("log", this.#from.log)];
    if (this.#dropped > 0) {
      this.#send({ type: "dropped_count", target_id: this.#link?.known.targetId, dropped_event_count: this.#dropped });
    }
    return this.#held.filter(({ type, ...message }) => !(sequenceOf(message[type]) <= (type === "event" ? event : log)));
  }

  /** The number of the last one that the client has now. */
  async #resume(stream: "event" | "log", place: Place | undefined): Promise<number> {
    const link = this.#link;
    if (place === undefined || link === undefined) return 0;
    const { known: { targetId }, epoch } = link;
    let last = place.sequence;
    if (epoch !== place.epoch) {
      this.#send({
        type: "restarted",
        target_id: targetId,
        message: "its numbers began anew: what was missed of those before is not known",
        stream,
      });
      last = 0;
    }
    for (const message of await link.recent(stream, MOST_ASKED).catch((): readonly WireMessage[] => [])) {
      const at = sequenceOf(message[stream]);
      if (!(at > last)) continue;
      const missing = at - last - 1;
      if (missing > 0 && last > 0) this.#send({ type: "dropped_count", target_id: targetId, dropped_event_count: missing, stream });
      last = at;
      this.#send(message);
    }
    return last;
  }
}
