/** A client of a relay, for tests: one frame after the other. */
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
// @ts-types="@types/ws"
import { type ClientOptions, WebSocket } from "ws";

/** A message of a relay. */
export type Frame = Readonly<Record<string, unknown>>;

/** One session. */
export class RelayClient {
  readonly #socket: WebSocket;
  /** What came and nobody asked for yet. */
  readonly frames: Frame[] = [];
  /** The code with which the connection was closed. */
  code: number | null = null;
  #wake: () => void = () => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => {
      this.frames.push(JSON.parse(String(data)));
      this.#wake();
    });
    socket.on("close", (code) => {
      this.code = code;
      this.#wake();
    });
    socket.on("error", () => {});
  }

  /** Opens a session; rejects with the status, or the error of TLS. */
  static open(url: string, options: ClientOptions = {}): Promise<RelayClient> {
    const socket = new WebSocket(url, { handshakeTimeout: 5_000, ...options });
    const client = new RelayClient(socket);
    return new Promise((resolve, reject) => {
      socket.once("open", () => resolve(client));
      socket.once("unexpected-response", (request, response) => {
        request.destroy();
        reject(new Error(`status ${response.statusCode}`));
      });
      socket.once("error", reject);
    });
  }

  send(message: object | string): void {
    this.#socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** Bytes that were not read stay where they are. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** The next message that is wanted; those before it are dropped. */
  async next(isWanted: string | ((frame: Frame) => boolean), patienceMs = 10_000): Promise<Frame> {
    const wanted = typeof isWanted === "string" ? (frame: Frame): boolean => frame["type"] === isWanted : isWanted;
    for (const giveUpAtMs = Date.now() + patienceMs;;) {
      for (let frame = this.frames.shift(); frame !== undefined; frame = this.frames.shift()) if (wanted(frame)) return frame;
      if (this.code !== null) throw new Error(`closed with ${this.code} before ${isWanted}`);
      await this.#moment(giveUpAtMs, String(isWanted));
    }
  }

  /** Says hello, and waits for the list. */
  async hello(members: object = {}): Promise<Frame> {
    await this.next("server_hello");
    this.send({ type: "client_hello", client_store_id: "store", resume_cursor: {}, ...members });
    return await this.next("target_list");
  }

  /** Waits for the end; resolves with its code. */
  async closed(patienceMs = 10_000): Promise<number> {
    for (const giveUpAtMs = Date.now() + patienceMs; this.code === null;) await this.#moment(giveUpAtMs, "the end");
    return this.code;
  }

  async close(): Promise<void> {
    if (this.code !== null) return;
    this.#socket.close(1000);
    await this.closed();
  }

  async #moment(giveUpAtMs: number, what: string): Promise<void> {
    const leftMs = giveUpAtMs - Date.now();
    if (leftMs <= 0) throw new Error(`there was no ${what}; what came: ${JSON.stringify(this.frames)}`);
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, leftMs);
    });
    clearTimeout(timer);
  }
}

/** Says a line at the registration socket; resolves with the answer, an empty text where there was none. */
export async function register(path: string, line: object | string): Promise<string> {
  const socket = connectSocket(path);
  let answer = "";
  socket.on("data", (data) => answer += String(data));
  socket.on("error", () => {});
  socket.on("connect", () => socket.write(`${typeof line === "string" ? line : JSON.stringify(line)}\n`));
  await once(socket, "close");
  return answer.trim();
}
