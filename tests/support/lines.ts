/** A client that speaks lines over a Unix socket, and never waits for ever. */
import { connect, type Socket } from "node:net";

const PATIENCE_MS = 5_000;

/** One connection. */
export class LineClient {
  readonly #socket: Socket;
  readonly #lines: string[] = [];
  #rest = "";
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      const parts = (this.#rest + text).split("\n");
      this.#rest = parts.pop() ?? "";
      this.#lines.push(...parts);
      this.#wake();
    });
    for (const event of ["end", "close", "error"]) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  static open(path: string): Promise<LineClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path, allowHalfOpen: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new LineClient(socket));
      });
    });
  }

  send(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Sends a request. */
  ask(request: object): void {
    this.send(`${JSON.stringify(request)}\n`);
  }

  halfClose(): void {
    this.#socket.end();
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The next line, `null` at the end of the connection. */
  async line(): Promise<string | null> {
    await this.#until(() => this.#lines.length > 0 || this.#ended);
    return this.#lines.shift() ?? null;
  }

  /** The next line as JSON. */
  async json(): Promise<Record<string, unknown>> {
    const line = await this.line();
    if (line === null) throw new Error("the connection ended");
    return JSON.parse(line);
  }

  /** Resolves when the other side has closed. */
  async ended(): Promise<void> {
    await this.#until(() => this.#ended);
  }

  async #until(holds: () => boolean): Promise<void> {
    const giveUpAtMs = Date.now() + PATIENCE_MS;
    while (!holds()) {
      if (Date.now() > giveUpAtMs) throw new Error("nothing came");
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 200);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
