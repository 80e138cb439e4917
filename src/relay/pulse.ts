/** Whether a client still lives: it answers pings, or reads what waits for it. */
// @ts-types="@types/ws"
import type { WebSocket } from "ws";
import type { Outbox } from "./outbox.ts";

/** The pulse of one client. */
export class Pulse {
  readonly #socket: WebSocket;
  readonly #outbox: Outbox;
  #asked = 0;
  #answered = 0;

  constructor(socket: WebSocket, outbox: Outbox) {
    this.#socket = socket;
    this.#outbox = outbox;
    // An answer to what was not asked says nothing.
    socket.on("pong", (data) => {
      if (String(data) === String(this.#asked)) this.#answered = this.#asked;
    });
  }

  /** Cuts off a client that has neither answered nor read since the last time, and asks the others again. */
  feel(): void {
    const hasRead = this.#outbox.hasMoved();
    if (this.#answered !== this.#asked && !hasRead) return this.#socket.terminate();
    this.#answered = ++this.#asked - 1;
    this.#socket.ping(String(this.#asked));
  }
}
