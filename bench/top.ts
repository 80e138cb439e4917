/**
 * Measures what one picture of `reeve top` costs: `deno task bench:top`.
 *
 * A picture is what comes in fifty milliseconds (twenty children that changed, as many events), the lines, and what is written of them. The first picture of a
 * run with ten thousand children is measured between processes: what all of them are, without and with the rows of the reference, and `reeve top --once`.
 */
import { spawn } from "node:child_process";
import { type ChildDescription, connect, type EventPush } from "../src/client/mod.ts";
import { Painter } from "../src/cli/top/painter.ts";
import { view } from "../src/cli/top/view.ts";
import { programOf, type Runtime, runtimes, type Serving, taken, withServer } from "./serving.ts";
import { described, event, key, line, NOON_MS, Play, pushed, states, TREE, usage } from "../tests/cli/top/models.ts";

const SIZE = { columns: 120, rows: 40, color: true } as const;
const PICTURES = 400;
const ROUNDS = 5;

/** Supervisors with a hundred children each. */
function childrenOf(count: number): ChildDescription[] {
  return Array.from({ length: count / 100 }, (_, group) => {
    const path = `/group-${group}`;
    const own = Array.from({ length: 99 }, (_, index) => described(`${path}/child-${index}`));
    return [described(path, { kind: "supervisor", pid: null, children: own.map(({ childPath }) => childPath) }), ...own];
  }).flat();
}

interface Figures {
  readonly middle: number;
  readonly worst: number;
}

function figuresOf(times: readonly number[]): Figures {
  const sorted = [...times].sort((a, b) => a - b);
  return { middle: sorted[sorted.length >> 1] ?? 0, worst: sorted[Math.floor(sorted.length * 0.99)] ?? 0 };
}

function changes(all: readonly ChildDescription[], picture: number): EventPush[] {
  const changed = Array.from({ length: 20 }, (_, index) => all[(picture * 20 + index) % all.length]!);
  return [
    states(changed.map((child) => ({ ...child, restartsTotal: picture + 1, attempt: picture + 2 }))),
    ...changed.map(({ childPath }) => event(childPath, "ready after 3 ms", { seconds: picture / 20 })),
  ];
}

function measure(count: number, name: string, keys: readonly string[]): void {
  const all = childrenOf(count);
  const play = new Play(SIZE.columns, SIZE.rows);
  play.take({ type: "tree", tree: TREE, nowMs: NOON_MS }, pushed(states(all, { whole: true })));
  play.take(
    pushed(usage(Object.fromEntries(all.map(({ childPath }, index) => [childPath, { cpuPercent: index % 50, memoryBytes: index }])))),
  );
  play.press(...keys);
  const painter = new Painter();
  const [updates, pictures, bytes]: [number[], number[], number[]] = [[], [], []];
  for (let picture = 0; picture < PICTURES; picture++) {
    const arrivals = pushed(...changes(all, picture));
    const begun = performance.now();
    play.take({ type: "tick", nowMs: NOON_MS + picture * 50 }, arrivals, line("/group-0/child-1", `line ${picture}`, picture));
    play.take(key("down"));
    const updated = performance.now();
    const text = painter.paint(view(play.model, SIZE), SIZE.columns);
    pictures.push(performance.now() - updated);
    updates.push(updated - begun);
    bytes.push(text.length);
  }
  const tell = ({ middle, worst }: Figures): string => `${middle.toFixed(2)} ms, ${worst.toFixed(2)} ms`;
  console.log(
    `${name.padEnd(44)} view and diff ${tell(figuresOf(pictures)).padEnd(20)} update ${tell(figuresOf(updates)).padEnd(20)} written ${
      Math.round(figuresOf(bytes).middle)
    } B`,
  );
}

console.log("the middle of all pictures, and the 99th of a hundred");
for (const count of [1_000, 10_000]) {
  measure(count, `${count} children`, []);
  measure(count, `${count} children, filtered by state`, ["/", ..."ready", "enter"]);
  measure(count, `${count} children, by restarts`, ["o", "o", "o", "o"]);
  measure(count, `${count} children, all folded`, ["-"]);
}

/** How long it takes from connecting until all children are there, and what of it the server works. */
async function wholeTree({ server, tree }: Serving, rows: boolean): Promise<string> {
  const times: number[] = [];
  const { cpu } = await taken(server);
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    await using client = await connect(tree);
    for await (const push of client.events({ states: true, details: true, rows, described: true })) if (push.type === "state_delta") break;
    times.push(performance.now() - begun);
  }
  const worked = ((await taken(server)).cpu - cpu) / ROUNDS;
  return `${figuresOf(times).middle.toFixed(0)} ms, of which the run works ${worked.toFixed(0)} ms`;
}

async function once(runtime: Runtime, tree: string): Promise<string> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begun = performance.now();
    const [command, ...args] = programOf(runtime, "src/cli/bin");
    await new Promise((resolve) => spawn(command, [...args, "top", "--once", "--socket", tree], { stdio: "ignore" }).once("exit", resolve));
    times.push(performance.now() - begun);
  }
  return `${figuresOf(times).middle.toFixed(0)} ms`;
}

for (const runtime of runtimes()) {
  await withServer(runtime, 10_000, async (serving) => {
    await wholeTree(serving, false);
    console.log(`${runtime}: 10000 children with rows`.padEnd(44), await wholeTree(serving, true));
    console.log(`${runtime}: 10000 children without`.padEnd(44), await wholeTree(serving, false));
    console.log(`${runtime}: 10000 children, reeve top --once`.padEnd(44), await once(runtime, serving.tree));
  });
}
