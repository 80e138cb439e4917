/** One connection in virtual time: when it is ended, and what is not begun any more afterwards. */
import { assertEquals } from "@std/assert";
import { Connection } from "../../src/ipc/connection.ts";
import type { Pushes } from "../../src/ipc/subscriptions.ts";
import type { BlockTaker, ByteConnection } from "../../src/platform/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { type Piped, piped } from "./piped.ts";

/** The other end, held by a test. */
class Wire implements ByteConnection {
  readonly peer = null;
  readonly written: string[] = [];
  isClosed = false;
  /** Holds back what is written while it is set. */
  stuck: Promise<void> | null = null;
  #arrived: Uint8Array[] = [];
  #wake = (): void => {};

  send(...requests: (object | string)[]): void {
    const text = requests.map((request) => typeof request === "string" ? request : `${JSON.stringify(request)}\n`).join("");
    this.#arrived.push(new TextEncoder().encode(text));
    this.#wake();
  }

  async receive(take: BlockTaker): Promise<void> {
    while (!this.isClosed) {
      const block = this.#arrived.shift();
      if (block === undefined) await new Promise<void>((resolve) => this.#wake = resolve);
      else if (!await take(block)) return;
    }
  }

  async write(data: string | Uint8Array): Promise<void> {
    if (this.isClosed) throw new Error("closed");
    this.written.push(typeof data === "string" ? data : new TextDecoder().decode(data));
    await this.stuck;
  }

  close(): void {
    this.isClosed = true;
    this.#wake();
  }

  /** The codes of what came back. */
  get codes(): string[] {
    const lines = this.written.join("").split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line)).map(({ ok, error }) => ok ? "ok" : error.code);
  }
}

interface Held {
  readonly it: Piped;
  readonly clock: VirtualClock;
  readonly wire: Wire;
  readonly connection: Connection;
  /** Resolves when the connection is over. */
  readonly over: Promise<void>;
  /** Lets the command go on that is being carried out. */
  finish(): void;
}

const pause = (id: string): object => ({ request_id: id, method: "command.pause_child", params: {} });

function connected(idleTimeoutMs: number | null): Held {
  const clock = new VirtualClock();
  const it = piped({ rateLimit: { enabled: false } });
  let finish = (): void => {};
  it.hold = new Promise((resolve) => finish = resolve);
  const wire = new Wire();
  const limits = { clock, maxFrameBytes: 1_048_576, writeTimeoutMs: 10_000, idleTimeoutMs };
  const connection = new Connection(wire, it.pipeline, it.client(), limits, new AbortController());
  const over = connection.run();
  return { it, clock, wire, connection, over, finish: () => finish() };
}

/** Everything that needs no time. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("an idle connection is ended; one whose command takes its time is not idle", async () => {
  const { clock, wire, finish } = connected(5_000);
  wire.send(pause("a"));
  await settled();
  await clock.advance(20_000);
  assertEquals([wire.isClosed, ...wire.codes], [false]);
  finish();
  await settled();
  assertEquals(wire.codes, ["ok"]);
  await clock.advance(4_999);
  assertEquals(wire.isClosed, false, "the time begins with the answer");
  await clock.advance(5_001);
  await settled();
  assertEquals([wire.isClosed, ...wire.codes], [true, "ok", "ipc_idle_timeout"]);
  assertEquals(clock.timers, 0);
});

Deno.test("a line that does not end is given up after its time, however long the connection may be idle", async () => {
  const { clock, wire } = connected(3_600_000);
  wire.send('{"request_id":');
  await settled();
  await clock.advance(29_999);
  assertEquals(wire.isClosed, false);
  await clock.advance(1);
  await settled();
  assertEquals([wire.isClosed, ...wire.codes], [true, "ipc_idle_timeout"]);
  assertEquals(clock.timers, 0);
});

Deno.test("a connection is idle for its time and no longer, whenever its last line came", async () => {
  const { it, clock, wire } = connected(5_000);
  it.hold = null;
  await clock.advance(4_000);
  wire.send({ request_id: "h", method: "hello" });
  await settled();
  await clock.advance(4_999);
  assertEquals(wire.isClosed, false);
  await clock.advance(1);
  await settled();
  assertEquals([wire.isClosed, ...wire.codes], [true, "ok", "ipc_idle_timeout"]);
});

Deno.test("what is answered already does not wait for the command that comes after it", async () => {
  const { wire, finish } = connected(null);
  wire.send({ request_id: "h", method: "hello" }, pause("a"), { request_id: "i", method: "hello" });
  await settled();
  assertEquals(wire.codes, ["ok"]);
  finish();
  await settled();
  assertEquals(wire.codes, ["ok", "ok", "ok"]);
});

Deno.test("what was not begun when a connection is ended is never begun: nobody would get its answer", async () => {
  const { it, wire, connection, finish } = connected(null);
  wire.send(pause("a"), pause("b"), pause("c"));
  await settled();
  const ended = connection.end();
  finish();
  await ended;
  await settled();
  assertEquals([it.ran.length, ...wire.codes], [1, "ok"]);
});

Deno.test("what was not begun when a client is cut off is never begun", async () => {
  const { it, wire, connection, finish } = connected(null);
  wire.send(pause("a"), pause("b"));
  await settled();
  connection.close();
  finish();
  await settled();
  assertEquals(it.ran.length, 1);
});

Deno.test("a connection that is cut off is over, though what is being written is never taken", async () => {
  const { it, clock, wire, over } = connected(null);
  it.hold = null;
  wire.stuck = new Promise(() => {});
  it.streams = [(async function* (): Pushes {
    yield ["x".repeat(3 * 1024 * 1024)];
  })()];
  wire.send({ request_id: "s", method: "events.subscribe" }, { request_id: "t", method: "events.subscribe" });
  await settled();
  await clock.advance(10_000);
  await over;
  assertEquals([wire.isClosed, clock.timers], [true, 0]);
});

Deno.test("many subscriptions of a client that does not read make no more wait for it than one", async () => {
  const { it, wire } = connected(null);
  const LARGE = "x".repeat(1024 * 1024);
  async function* large(): Pushes {
    await null;
    yield [LARGE, LARGE];
  }
  it.streams = Array.from({ length: 10 }, large);
  let take = (): void => {};
  wire.stuck = new Promise((resolve) => take = resolve);
  wire.send({ request_id: "s", method: "events.subscribe" });
  await settled();
  wire.stuck = null;
  take();
  for (let turn = 0; turn < 20; turn++) await settled();
  const sizes = wire.written.map(({ length }) => length / LARGE.length);
  assertEquals(Math.round(sizes.reduce((sum, size) => sum + size, 0)), 20, "all of it came");
  assertEquals(Math.max(...sizes) < 2.1, true, `written at once: ${sizes.map((size) => size.toFixed(1))} MiB`);
});
