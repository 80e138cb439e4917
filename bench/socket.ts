/**
 * Measures the dashboard's socket: `deno task bench:socket`, with `--quick` for a short run.
 *
 * The server and its client are processes of their own; beside the tree there is a bare echo server of the same runtime, asked by the same client in turn with it.
 * The whole security pipeline is on, but for the limit of the rate. Node is measured when the package has been built (`deno task build:npm --no-test`).
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import process from "node:process";
import { file, nextLine, type Runtime, runtimes, taken, withServer } from "./serving.ts";

interface Figures {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

const quick = process.argv.includes("--quick");
const MILLISECONDS = quick ? 500 : 3_000;
const ROUNDS = quick ? 1 : 3;

async function ask(socket: string, method: string, connections: number, depth: number): Promise<Figures> {
  const args = [file("bench/socket_client.js"), socket, method, connections, depth, MILLISECONDS].map(String);
  return JSON.parse(await nextLine(spawn("node", args), "{"));
}

/** The middle one of several rounds, by requests per second. */
function middle(rounds: readonly Figures[]): Figures {
  return [...rounds].sort((a, b) => a.perSecond - b.perSecond)[rounds.length >> 1]!;
}

function report(name: string, { perSecond, p50, p99 }: Figures, more = ""): void {
  const rate = perSecond >= 100 ? Math.round(perSecond).toLocaleString("en") : perSecond.toFixed(1);
  console.log(`${name.padEnd(52)} ${rate.padStart(9)}/s   p50 ${p50.toFixed(3)} ms   p99 ${p99.toFixed(3)} ms${more}`);
}

async function measure(runtime: Runtime): Promise<void> {
  await withServer(runtime, 5, async ({ server, tree, echo }) => {
    for (const [name, connections, depth] of [["one at a time", 1, 1], ["32 at a time", 1, 32], ["16 connections", 16, 1]] as const) {
      const ours: Figures[] = [];
      const bare: Figures[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        bare.push(await ask(echo, "hello", connections, depth));
        ours.push(await ask(tree, "hello", connections, depth));
      }
      const share = Math.round(100 * middle(ours).perSecond / middle(bare).perSecond);
      report(`${runtime}: bare echo, ${name}`, middle(bare));
      report(`${runtime}: hello, ${name}`, middle(ours), `   ${share} % of the echo`);
    }
    report(`${runtime}: state, 5 children`, await ask(tree, "state", 1, 1));
    await subscribers(runtime, tree, server);
    await million(runtime, tree, server);
  });
  for (const children of [1_000, 10_000]) {
    await withServer(
      runtime,
      children,
      async ({ tree }) => report(`${runtime}: state, ${children} children`, await ask(tree, "state", 1, 1)),
    );
  }
}

/** A hundred subscribers, to each of whom two thousand lines a second are pushed. */
async function subscribers(runtime: string, tree: string, server: ChildProcessWithoutNullStreams): Promise<void> {
  const lines = quick ? 1_000 : 10_000;
  const readers = spawn("node", [file("bench/subscribers.js"), tree, "100", String(lines)]);
  await nextLine(readers, "ready");
  const figures = nextLine(readers, "{");
  server.stdin.write(`${lines}\n`);
  const { perSecond, missed } = JSON.parse(await figures);
  console.log(
    `${`${runtime}: lines pushed to each of 100 subscribers`.padEnd(52)} ${
      String(Math.round(perSecond)).padStart(9)
    }/s   ${missed} missed or double`,
  );
}

/** Memory again and again, over a million requests and more. */
async function million(runtime: string, tree: string, server: ChildProcessWithoutNullStreams): Promise<void> {
  const sizes: string[] = [];
  let count = 0;
  while (count < (quick ? 100_000 : 1_000_000) || sizes.length < 5) {
    const { perSecond } = await ask(tree, "hello", 4, 32);
    count += Math.round(perSecond * MILLISECONDS / 1_000);
    sizes.push((await taken(server)).memory.toFixed(0));
  }
  console.log(`${runtime}: memory in MiB over ${count.toLocaleString("en")} requests: ${sizes.join(" ")}`);
}

for (const runtime of runtimes()) await measure(runtime);
