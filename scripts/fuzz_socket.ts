/**
 * Sends hostile frames to a served tree while a sane client asks all along: `deno task fuzz:socket --frames 200000 --seed 1`.
 *
 * The server is a process of its own, so that its memory and descriptors are its own. Fails when it ends, when the sane client gets a wrong answer, when
 * descriptors stay, or when what it holds after a collection grows in the second half.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { LineClient } from "../tests/support/lines.ts";
import { hostileFrame } from "../tests/support/hostile_frames.ts";
import { until } from "../tests/support/until.ts";
import { seededRandom } from "../src/testing/mod.ts";

const SERVER = fileURLToPath(new URL("../tests/support/fuzzed_server.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../deno.json", import.meta.url));
const CONNECTIONS = 8;
const SAMPLES = 20;

function option(name: string, fallback: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? fallback : Number(process.argv[at + 1]);
}

const frames = option("frames", 200_000);
const seed = option("seed", Math.floor(Math.random() * 1e9));
/** Every hostile client has its own share, and its own numbers: what it sends follows from the seed, whatever the others do. */
const share = Math.ceil(frames / CONNECTIONS);
const folder = await mkdtemp(join(tmpdir(), "reeve-fuzz-"));
const path = join(folder, "t.sock");
const server = spawn(process.execPath, ["run", "-A", "--v8-flags=--expose-gc", "--config", CONFIG, SERVER, path]);
server.stderr.pipe(process.stderr);
const ended = new Promise<never>((_, reject) => server.once("exit", () => reject(new Error("the server has ended"))));
ended.catch(() => {});
try {
  await printed(server, "listening");
  // What the runtime opens once for all is opened first.
  await attack(seededRandom(seed), 200);
  await setTimeout(3_000);
  const before = await descriptors();
  const held = [await holds()];
  const sane = await LineClient.open(path);
  let asked = 0;
  let sent = 0;
  const attackers = Array.from({ length: CONNECTIONS }, async (_, index) => {
    const random = seededRandom(seed + index);
    for (let left = share; left > 0;) {
      const count = await attack(random, Math.min(left, 1 + Math.floor(random() * 200)));
      left -= count;
      sent += count;
    }
  });
  const over = Promise.all(attackers).then(() => true);
  while (!await Promise.race([over, ended, setTimeout(20, false)])) {
    for (const [method, shape] of [["hello", '"protocol_version":"dashboard-ipc.v1"'], ["state", '"child_path":"/api"']]) {
      const id = `sane-${++asked}`;
      sane.ask({ request_id: id, method });
      const line = await sane.line();
      if (line === null || !line.startsWith(`{"request_id":"${id}","ok":true`) || !line.includes(shape!)) {
        throw new Error(`the sane client asked ${method} and got ${line?.slice(0, 300)}`);
      }
    }
    if (sent >= held.length * frames / SAMPLES) held.push(await holds());
  }
  sane.close();
  let after = 0;
  await until(
    async () => (after = await descriptors()) <= before,
    () => `descriptors stay open: there were ${before}, there are ${after}`,
    10_000,
  );
  held.push(await holds());
  console.log(`${sent} frames, seed ${seed}: the sane client was answered ${asked} times`);
  console.log(`descriptors ${before} -> ${after}`);
  console.log(`held after a collection, in MiB: ${held.map(({ heap }) => heap).join(" ")}`);
  console.log(`resident, in MiB: ${held.map(({ resident }) => resident).join(" ")}`);
  const [half, last] = [held[held.length >> 1]!.heap, held.at(-1)!.heap];
  if (last > half * 1.1 + 2) throw new Error(`what is held grew from ${half} to ${last} MiB in the second half`);
} catch (error) {
  console.error(`Failed; again with: deno task fuzz:socket --frames ${frames} --seed ${seed}`);
  throw error;
} finally {
  server.kill("SIGKILL");
  await rm(folder, { recursive: true });
}

/** One hostile client; returns how many frames it sent: some end their connection. */
async function attack(random: () => number, count: number): Promise<number> {
  const socket = await opened();
  socket.on("error", () => {});
  const deed = random();
  if (deed < 0.7) socket.resume();
  let sent = 0;
  for (; sent < count && !socket.destroyed; sent++) {
    const frame = hostileFrame(random);
    const cut = random() < 0.2 ? Math.floor(random() * frame.length) : frame.length;
    socket.write(frame.subarray(0, cut));
    if (cut < frame.length) {
      if (random() < 0.3) await setTimeout(1);
      socket.write(frame.subarray(cut));
    }
    if (sent % 32 === 0) await setTimeout(0);
  }
  if (deed < 0.8) await new Promise<void>((resolve) => socket.end(resolve));
  socket.destroy();
  return sent;
}

function opened(): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => resolve(socket));
    socket.once("error", reject);
  });
}

function printed(program: ChildProcessWithoutNullStreams, beginning: string): Promise<string> {
  const line = new Promise<string>((resolve) => {
    const read = (data: unknown): void => {
      const text = String(data);
      if (!text.startsWith(beginning)) return;
      program.stdout.off("data", read);
      resolve(text);
    };
    program.stdout.on("data", read);
  });
  return Promise.race([line, ended]);
}

async function descriptors(): Promise<number> {
  return (await readdir(`/proc/${server.pid}/fd`)).length;
}

/** What the server holds after a collection, and what is resident, in MiB. */
async function holds(): Promise<{ readonly heap: number; readonly resident: number }> {
  const answer = printed(server, "holds");
  server.stdin.write("?\n");
  const [, heap, resident] = (await answer).split(" ").map(Number);
  return { heap: heap!, resident: resident! };
}
