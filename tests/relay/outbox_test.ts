/** What waits for a client, and how it goes out. */
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { Duplex } from "node:stream";
import { setImmediate, setTimeout } from "node:timers/promises";
import { Outbox, Outgoing } from "../../src/relay/outbox.ts";
import { Frame, timedLine } from "../../src/relay/wire.ts";
import { assertGrowsByLength } from "../support/growth.ts";
import { until } from "../support/until.ts";

/** A socket whose other end reads when it is told to. */
class Reluctant extends Duplex {
  readonly writes: string[] = [];
  #next: (() => void) | null = null;
  isReading = true;

  override _read(): void {}

  /** Told of each write. */
  wrote = (): void => {};

  override _write(chunk: Uint8Array, _: unknown, done: () => void): void {
    this.writes.push(String(chunk));
    this.wrote();
    if (this.isReading) done();
    else this.#next = done;
  }

  read1(): void {
    this.isReading = true;
    this.#next?.();
  }
}

function frame(text: string, length = text.length): Uint8Array {
  return Buffer.from(text.padEnd(length, "."));
}

/** As long as a text can be that is told with one byte, with two, and with eight. */
const LENGTHS = [0, 1, 125, 126, 65_535, 65_536];

Deno.test("frame: a text of any length is a whole frame that is not masked", () => {
  for (const length of LENGTHS) {
    const bytes = Buffer.from(new Frame("é".repeat(length >> 1) + "a".repeat(length % 2)).bytes);
    assertEquals(bytes[0], 0x81);
    const short = Number(bytes[1]);
    const [told, head] = short < 126 ? [short, 2] : short === 126 ? [bytes.readUInt16BE(2), 4] : [Number(bytes.readBigUInt64BE(2)), 10];
    assertEquals([told, bytes.length - head], [length, length]);
  }
});

Deno.test("frame: times of a target's line come as texts too, whatever form they have; no other part of it is touched", () => {
  assertEquals(
    timedLine('{"a":{"occurred_at_unix_nanos":1795390397026123456},"at_unix_nanos" : "0017"}'),
    '{"a":{"occurred_at_unix_nanos":1795390397026123456,"occurred_at":"2026-11-22T23:33:17.026Z"},"at_unix_nanos":17,"at":"1970-01-01T00:00:00.000Z"}',
  );
  const quoted = '{"message":"{\\"at_unix_nanos\\":17}","at_unix_nanos":null,"b_unix_nanos":"1x","c_unix_nanos":1.5}';
  assertEquals(timedLine(quoted), quoted);
  // Who has both already keeps what it has.
  assertEquals(timedLine('{"at_unix_nanos":17,"at" :"now"}'), null);
  const many = Array.from({ length: 65 }, (_, index) => `"a${index}_unix_nanos":17`);
  assertEquals(timedLine(`{${many}}`), null);
});

Deno.test("outbox: what targets say is gathered into one write, and an answer does not wait for that", async () => {
  const socket = new Reluctant();
  const outbox = new Outbox(socket, new Outgoing());
  outbox.send(frame("event 1;"), false);
  outbox.send(frame("event 2;"), false);
  assertEquals([socket.writes, outbox.waitingBytes], [[], 16]);
  await until(() => socket.writes.length > 0, () => "nothing was written");
  assertEquals([socket.writes.splice(0), outbox.waitingBytes], [["event 1;event 2;"], 0]);
  outbox.send(frame("event 3;"), false);
  outbox.send(frame("answer 1;"), true);
  await setImmediate();
  // What goes out anyway takes along what there is.
  assertEquals(socket.writes, ["answer 1;event 3;"]);
  // There is nothing left to say when its time comes.
  await setTimeout(20);
  assertEquals(socket.writes.length, 1);
});

Deno.test("outbox: of a client that does not read, little is with the socket; an answer goes before all that waits, whole frames each", async () => {
  const socket = new Reluctant();
  socket.isReading = false;
  const outbox = new Outbox(socket, new Outgoing());
  const count = 2_000;
  for (let index = 0; index < count; index++) outbox.send(frame(`event ${index}`, 1_000), false);
  await until(() => socket.writes.length > 0, () => "nothing was written");
  assert(socket.writableLength <= 256 * 1024, `${socket.writableLength} bytes are with the socket`);
  assertEquals(outbox.waitingBytes, count * 1_000);
  outbox.send(frame("answer", 1_000), true);
  socket.read1();
  await until(() => outbox.waitingBytes === 0, () => `${outbox.waitingBytes} bytes wait`);
  const all = socket.writes.join("");
  const frames = Array.from({ length: count + 1 }, (_, index) => all.slice(1_000 * index, 1_000 * index + 1_000).replace(/\.+$/, ""));
  const at = frames.indexOf("answer");
  assert(at > 0 && at < 300, `the answer came as number ${at}`);
  frames.splice(at, 1);
  assertEquals(frames, Array.from({ length: count }, (_, index) => `event ${index}`));
});

Deno.test("outbox: many clients get the same bytes, and each turn of the loop has an end", async () => {
  const outgoing = new Outgoing();
  const sockets = Array.from({ length: 50 }, () => new Reluctant());
  const outboxes = sockets.map((socket) => new Outbox(socket, outgoing));
  const shared = frame("event", 20_000);
  let inTurn = 0;
  let mostInTurn = 0;
  for (const socket of sockets) {
    socket.wrote = () => {
      // What is written in the same turn is written before this.
      if (inTurn++ === 0) queueMicrotask(() => [mostInTurn, inTurn] = [Math.max(mostInTurn, inTurn), 0]);
    };
  }
  for (const outbox of outboxes) outbox.send(shared, false);
  await until(() => sockets.every(({ writes }) => writes.length === 1), () => "not all were written to");
  assert(mostInTurn > 1 && mostInTurn < 20, `${mostInTurn} were written to in one turn`);
});

Deno.test("outbox: at the end every answer is written, and what targets said only to a client that reads", async () => {
  for (const isReading of [true, false]) {
    const socket = new Reluctant();
    const outbox = new Outbox(socket, new Outgoing());
    socket.isReading = isReading;
    if (!isReading) {
      outbox.send(frame("long", 200_000), true);
      await setImmediate();
      socket.writes.length = 0;
    }
    outbox.send(frame("event;"), false);
    outbox.send(frame("answer;"), true);
    outbox.end();
    socket.read1();
    await setTimeout(20);
    assertEquals([socket.writes, outbox.waitingBytes], [[isReading ? "answer;event;" : "answer;"], 0]);
  }
});

Deno.test("frame: times in a line cost as much as the line is long", () => {
  const timed = (children: number) => (): void => {
    const line = `[${Array.from({ length: children }, () => '{"since_unix_nanos":1795390397026123456}')}]`;
    assertEquals(timedLine(line)?.includes('"since":"'), true);
  };
  return assertGrowsByLength(timed(1_000), timed(16_000), 16);
});
