/** Clients that mean harm, or are broken: a sane one is answered all along, and afterwards nothing is left of them. */
import { assert, assertEquals } from "@std/assert";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { DashboardOptions } from "../../src/ipc/mod.ts";
import { inFolder } from "../support/folder.ts";
import { LineClient } from "../support/lines.ts";
import { Program } from "../support/program.ts";
import { moduleUrl } from "../support/runtime.ts";
import { socketTest } from "../support/sockets.ts";
import { until } from "../support/until.ts";

/** Descriptors that a runtime opens for good when it first needs them. */
const OPENED_ONCE = 4;

/** What is known of the server. */
interface Facts {
  readonly connections: number;
  readonly descriptors: number;
}

interface Target {
  readonly path: string;
  facts(): Promise<Facts>;
}

/** Serves a tree and tells about itself when it is asked. */
const SERVER = (path: string, options: object): string => `
import process from "node:process";
import { child, supervise } from ${JSON.stringify(moduleUrl("mod"))};
import { serveDashboard } from ${JSON.stringify(moduleUrl("src/ipc/mod"))};
const idle = ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve));
const tree = await supervise({ children: ["api", "billing"].map((name) => child.task(name, idle)) });
const securityConfig = { rateLimit: { enabled: false } };
const dashboard = await serveDashboard(tree, { targetId: "t", path: ${JSON.stringify(path)}, securityConfig, ...${
  JSON.stringify(options)
} });
console.log("begun");
process.stdin.on("data", () => console.log(dashboard.connections));`;

/** Runs a crowd beside a sane client, who is asked all along; afterwards there are no more connections and descriptors than before. */
function test(name: string, crowd: (target: Target) => Promise<void>, options: Partial<DashboardOptions> = {}): void {
  socketTest(`hostile: ${name}`, () =>
    inFolder(async (folder) => {
      const path = join(folder, "t.sock");
      const server = await Program.start(folder, "server", SERVER(path, options));
      const facts = async (): Promise<Facts> => ({
        connections: Number(await server.ask("how many?")),
        descriptors: await server.descriptors(),
      });
      const sane = await LineClient.open(path);
      try {
        await settled(facts, ({ connections }) => connections === 1);
        const before = await facts();
        let isOver = false;
        await Promise.all([crowd({ path, facts }).finally(() => isOver = true), askAllAlong(sane, () => isOver)]);
        await settled(facts, ({ connections, descriptors }) => connections <= 1 && descriptors <= before.descriptors + OPENED_ONCE);
      } finally {
        sane.close();
        await server.end();
      }
    }));
}

async function askAllAlong(sane: LineClient, isOver: () => boolean): Promise<void> {
  for (let asked = 1; asked === 1 || !isOver(); asked++) {
    sane.ask({ request_id: `sane-${asked}`, method: asked % 10 === 0 ? "state" : "hello" });
    const answer = await sane.json();
    assertEquals([answer["request_id"], answer["ok"]], [`sane-${asked}`, true]);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits until the server says what it must. */
async function settled(facts: () => Promise<Facts>, holds: (facts: Facts) => boolean): Promise<void> {
  let now: Facts | null = null;
  await until(async () => holds(now = await facts()), () => `it stays at ${JSON.stringify(now)}`, 10_000);
}

/** A connection; where too many wait to be accepted, Node says so at once instead of waiting. */
async function opened(path: string): Promise<Socket> {
  while (true) {
    const socket = connect({ path, allowHalfOpen: true });
    const error = await new Promise<Error | null>((resolve) => {
      socket.once("connect", () => resolve(null));
      socket.once("error", resolve);
    });
    socket.on("error", () => {});
    if (error === null) return socket;
    if (!("code" in error) || error.code !== "EAGAIN") throw error;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Everything a socket says, to its end. */
function textOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (data) => text += data);
    for (const event of ["end", "close", "error"]) socket.on(event, () => resolve(text));
  });
}

const gone = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    socket.on("close", () => resolve());
    socket.destroy();
  });

const HELLO = '{"request_id":"h","method":"hello","params":null}\n';

test("a thousand connections at once are each answered, and the one too many is told", async ({ path, facts }) => {
  const sockets: Socket[] = [];
  for (let batch = 0; batch < 20; batch++) sockets.push(...await Promise.all(Array.from({ length: 50 }, () => opened(path))));
  await settled(facts, ({ connections }) => connections === 1_001);
  const late = await opened(path);
  sockets.push(late);
  const refused = await textOf(late);
  assert(refused.includes('"too_many_connections"') && refused.endsWith("}\n"), refused);
  const answers = sockets.filter((socket) => socket !== late).map((socket) =>
    new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))))
  );
  for (const socket of sockets) if (socket !== late) socket.write(HELLO);
  for (const answer of await Promise.all(answers)) assert(answer.startsWith('{"request_id":"h","ok":true'));
  await Promise.all(sockets.map(gone));
}, { maxConnections: 1_001 });

test("two thousand who connect and vanish leave nothing", async ({ path }) => {
  for (let round = 0; round < 40; round++) {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => opened(path)));
    for (const [index, socket] of sockets.entries()) {
      if (index % 3 === 0) socket.write(HELLO);
      if (index % 3 === 1) socket.write(HELLO.slice(0, 20));
    }
    await Promise.all(sockets.map(gone));
  }
});

test("half of a connection: what was asked is answered when the client stops writing, and who stops reading is let go", async ({ path }) => {
  const writers = await Promise.all(Array.from({ length: 20 }, () => opened(path)));
  const answers = writers.map(textOf);
  for (const socket of writers) socket.end(HELLO.repeat(3));
  for (const answer of await Promise.all(answers)) assertEquals(answer.split('"ok":true').length - 1, 3);
  const subscriber = await opened(path);
  const told = textOf(subscriber);
  subscriber.end('{"request_id":"s","method":"events.subscribe","params":{"session_established":true}}\n');
  assert((await told).startsWith('{"request_id":"s","ok":true'));
  await Promise.all([...writers, subscriber].map(gone));
});

/** Asks for ever more on ten connections, and then stands still: not even its runtime reads. */
const GREEDY = (path: string): string => `
import { connect } from "node:net";
for (let index = 0; index < 10; index++) {
  const socket = connect(${JSON.stringify(path)}, () => {
    for (let count = 0; count < 4_000; count++) socket.write(\`{"request_id":"g\${index}-\${count}","method":"state","params":null}\\n\`);
  });
  socket.on("error", () => {});
}
setTimeout(() => {
  console.log("begun");
  setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 10);
}, 100);`;

test("who never reads is bounded and cut off", ({ path, facts }) =>
  inFolder(async (folder) => {
    const greedy = await Program.start(folder, "greedy", GREEDY(path));
    await settled(facts, ({ connections }) => connections === 1);
    await greedy.end();
  }), { writeTimeoutMs: 300 });

test("who writes a byte at a time is answered when the line is whole, and ended when it never is", async ({ path }) => {
  const slow = await opened(path);
  const answer = new Promise<string>((resolve) => slow.once("data", (data) => resolve(String(data))));
  for (const character of HELLO) {
    slow.write(character);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  assert((await answer).startsWith('{"request_id":"h","ok":true'));
  slow.write("{");
  assert((await textOf(slow)).includes('"ipc_idle_timeout"'));
  await gone(slow);
}, { idleTimeoutMs: 5_000 });

test("a megabyte without an end is refused with one line, however it is cut", async ({ path }) => {
  const sizes = [1, 1_024, 65_535, 65_536, 65_537, 524_288, 1_048_575, 1_048_576];
  for (const size of sizes) {
    const socket = await opened(path);
    const told = textOf(socket);
    const bytes = new Uint8Array(1_048_577).fill(120);
    socket.write(bytes.subarray(0, size));
    await new Promise((resolve) => setTimeout(resolve, 2));
    socket.write(bytes.subarray(size));
    const lines = (await told).split("\n");
    assertEquals([lines.length, lines[1]], [2, ""]);
    assert(lines[0]!.includes('"frame_too_large"'), lines[0]!.slice(0, 200));
    await gone(socket);
  }
});
