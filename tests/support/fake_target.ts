/** A target that says what a test wants. */
import { createServer, type Server, type Socket } from "node:net";

/** A request as it came. */
export interface Asked {
  readonly method: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** How it answers; a string is the code of an error, `null` is no answer at all. */
export type Answering = (asked: Asked) => object | string | null;

/** A target on a socket of its own. */
export class FakeTarget {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Connections that are subscribed, by method. */
  readonly #subscribed = new Map<string, Set<Socket>>();
  readonly asked: Asked[] = [];
  answer: Answering;

  private constructor(answer: Answering) {
    this.answer = answer;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async listen(path: string, answer: Answering): Promise<FakeTarget> {
    const target = new FakeTarget(answer);
    await new Promise<void>((resolve) => target.#server.listen(path, resolve));
    return target;
  }

  /** How many are connected to it. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Whether it is subscribed to both streams. */
  get isFollowed(): boolean {
    return this.#subscribed.has("events.subscribe") && this.#subscribed.has("logs.tail");
  }

  /** Pushes a message to whoever follows that kind. */
  push(message: { readonly type: string }): void {
    const line = `${JSON.stringify(message)}\n`;
    const method = message.type === "log" ? "logs.tail" : "events.subscribe";
    for (const socket of this.#subscribed.get(method) ?? []) socket.write(line);
  }

  /** Sends a line to whoever follows a kind, whatever is in it. */
  pushLine(method: string, line: string): void {
    for (const socket of this.#subscribed.get(method) ?? []) socket.write(`${line}\n`);
  }

  /** Cuts all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.cut();
    await closed;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      for (const [method, sockets] of this.#subscribed) if (sockets.delete(socket) && sockets.size === 0) this.#subscribed.delete(method);
    });
    let text = "";
    socket.on("data", (data) => {
      text += String(data);
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      for (const line of lines) this.#take(socket, line);
    });
  }

  #take(socket: Socket, line: string): void {
    const { request_id: requestId, method, params } = JSON.parse(line);
    const asked = { method, params: { ...params } };
    this.asked.push(asked);
    const answer = this.answer(asked);
    if (answer === null) return;
    if ((method === "events.subscribe" || method === "logs.tail") && typeof answer === "object") {
      this.#subscribed.set(method, (this.#subscribed.get(method) ?? new Set()).add(socket));
    }
    const error = { code: answer, stage: "test", target_id: null, message: "no", retryable: false };
    socket.write(
      `${JSON.stringify({ request_id: requestId, ...typeof answer === "string" ? { ok: false, error } : { ok: true, result: answer } })}\n`,
    );
  }
}

/** A target that knows its name and does what it is told. */
export function obedient(targetId: string): Answering {
  return ({ method, params }) => {
    if (method === "hello") return "unsupported_method";
    if (method === "state") return { type: "state", target_id: targetId, state: { target: { target_id: targetId }, state_generation: 1 } };
    if (method === "events.subscribe" || method === "logs.tail") {
      return { type: "subscription", target_id: targetId, subscription: method === "logs.tail" ? "logs" : "events" };
    }
    const { command_id: commandId } = params;
    const result = { command_id: commandId, target_id: targetId, accepted: true, status: "completed", error: null, state_delta: null };
    return { type: "command_result", target_id: targetId, result };
  };
}

/** What one of Reeve says of itself; members in place of those. */
export function helloOf(targetId: string, more: object = {}): object {
  return {
    type: "hello",
    protocol_version: "dashboard-ipc.v1",
    registration: { target_id: targetId, display_name: targetId, supported_commands: [] },
    ...more,
  };
}
