/** A client that speaks lines over a Unix socket, and never waits for ever. */
import { connect } from "node:net";
import { type ByteConnection, platform } from "../../src/platform/mod.ts";

const PATIENCE_MS = 15_000;

/** A connection that can end in one direction alone. */
type Wire = Pick<ByteConnection, "receive" | "write" | "close"> & { readonly halfClose?: () => void };

/** One connection. */
export class LineClient {
  readonly #wire: Wire;
  readonly #lines: string[] = [];
  readonly #decoder = new TextDecoder();
  #rest = "";
  #writing: Promise<unknown> = Promise.resolve();
  #ended = false;
  #wake: () => void = () => {};

  private constructor(wire: Wire) {
    this.#wire = wire;
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    wire.receive((block) => {
      const parts = (this.#rest + this.#decoder.decode(block, { stream: true })).split("\n");
      this.#rest = parts.pop() ?? "";
      this.#lines.push(...parts);
      this.#wake();
      return true;
    }).then(end, end);
  }

  /** Connects as the package does. */
  static async open(path: string): Promise<LineClient> {
    return new LineClient(await platform.connectUnix(path));
  }

  /** Connects so that the client can stop writing and go on reading; only in a `socketTest`. */
  static async openHalf(path: string): Promise<LineClient> {
    const socket = connect({ path, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.once("connect", () => resolve());
    });
    return new LineClient({
      receive: (take) =>
        new Promise((resolve) => {
          socket.on("data", take);
          for (const event of ["end", "close", "error"]) socket.on(event, () => resolve());
        }),
      write: (data) => void socket.write(data),
      close: () => void socket.destroy(),
      halfClose: () => void socket.end(),
    });
  }

  send(bytes: string | Uint8Array): void {
    // Who is cut off while it writes sees that by the end of what it reads.
    this.#writing = this.#writing.then(() => this.#wire.write(bytes)).catch(() => {});
  }

  /** Sends a request. */
  ask(request: object): void {
    this.send(`${JSON.stringify(request)}\n`);
  }

  halfClose(): void {
    this.#writing.then(() => this.#wire.halfClose!());
  }

  close(): void {
    this.#wire.close();
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
