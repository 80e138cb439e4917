/**
 * Kills real children at random and looks at what is left: `deno task chaos --seconds 60`.
 *
 * Fails when a child runs twice, is left behind, or does not come back, and when descriptors or memory grow.
 */
import { parseArgs } from "node:util";
import { child, supervise } from "../mod.ts";

const { values } = parseArgs({ args: Deno.args, options: { seconds: { type: "string", default: "20" } } });
const seconds = Number(values.seconds);
const PROCESSES = 20;
const WORKERS = 2;
/** Tells our processes from others, by what they are called with. */
const TOKEN = `reeve_chaos_${Deno.pid}`;
const QUICK = { backoff: { initialMs: 20, maxMs: 100 } } as const;

/** The process ids of our children by name, as the system knows them. */
async function running(): Promise<Map<string, number[]>> {
  const { stdout } = await new Deno.Command("ps", { args: ["-eo", "pid=,args="], stdout: "piped" }).output();
  const found = new Map<string, number[]>();
  for (const line of new TextDecoder().decode(stdout).split("\n")) {
    const [, pid, name] = line.match(new RegExp(`^\\s*(\\d+) \\S*sh -c .*${TOKEN} (p\\d+)$`)) ?? [];
    if (pid !== undefined && name !== undefined) found.set(name, [...found.get(name) ?? [], Number(pid)]);
  }
  return found;
}

/** How long, in milliseconds, a copy of a shell may take to become another program, and a child to be there again. */
const [COPIED_MS, BACK_MS] = [2_000, 15_000];

/** Looks until there is nothing to complain about; fails with the complaint when that takes too long. */
async function settled(complaint: () => Promise<string>, patienceMs: number): Promise<void> {
  for (const giveUpAtMs = performance.now() + patienceMs;; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const text = await complaint();
    if (text === "") return;
    if (performance.now() > giveUpAtMs) fail(text);
  }
}

/** A shell that forks looks like two of it until the copy becomes another program; what is still there later really runs twice. */
async function confirm(twice: readonly (readonly [string, readonly number[]])[]): Promise<void> {
  await settled(async () => {
    const found = await running();
    return twice.flatMap(([name, pids]) => {
      const still = pids.filter((pid) => found.get(name)?.includes(pid) === true);
      return still.length > 1 ? [`${name} runs ${still.length} times: ${still.join(", ")}`] : [];
    }).join("; ");
  }, COPIED_MS);
}

/** Says who of all that were killed is not there again. */
async function missing(): Promise<string> {
  const alive = await running();
  const down = tree.snapshot().children.filter(({ phase, kind }) => kind === "process" && phase !== "ready");
  if (alive.size === PROCESSES && down.length === 0) return "";
  return `${alive.size} of ${PROCESSES} processes run, down are ${down.map(({ path }) => path).join(", ")}`;
}

function descriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

function memory(): number {
  return Deno.memoryUsage().rss / 2 ** 20;
}

function fail(message: string): never {
  console.error(`chaos: ${message}\n0 passed, 1 failed`);
  Deno.exit(1);
}

const tree = await supervise({
  children: [
    ...Array.from(
      { length: PROCESSES },
      (_, index) =>
        child.process(`p${index}`, { command: "sh", args: ["-c", `while sleep 1; do :; done; exit; ${TOKEN} p${index}`], ...QUICK }),
    ),
    ...Array.from({ length: WORKERS }, (_, index) => child.worker(`w${index}`, new URL("./chaos_worker.ts", import.meta.url), QUICK)),
  ],
});
await tree.ready();
let kills = 0;

/** Kills at random for a time, then lets everything come back, and says what the program holds. */
async function misfortune(durationSecs: number): Promise<{ readonly descriptors: number; readonly memory: number }> {
  const endMs = performance.now() + durationSecs * 1_000;
  while (performance.now() < endMs) {
    const found = await running();
    const twice = [...found].filter(([, pids]) => pids.length > 1);
    if (twice.length > 0) await confirm(twice);
    for (const pid of [...found.values()].flat().filter(() => Math.random() < 0.3)) {
      try {
        Deno.kill(pid, "SIGKILL");
        kills++;
      } catch {
        // It was gone already.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * 200));
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await settled(missing, BACK_MS);
  return { descriptors: descriptors(), memory: memory() };
}

// What the first restarts load stays; from then on nothing may grow.
const before = await misfortune(seconds / 3);
const after = await misfortune(2 * seconds / 3);
const restarts = tree.snapshot().children.reduce((sum, { restartsTotal }) => sum + restartsTotal, 0);
const report = await tree.shutdown();
const left = await running();
if (left.size > 0 || report.abandoned.length > 0) fail(`left behind: ${[...left.keys(), ...report.abandoned].join(", ")}`);
const grown = { descriptors: after.descriptors - before.descriptors, memory: after.memory - before.memory };
console.log(
  `${kills} kills, ${restarts} restarts in ${seconds} s; descriptors ${before.descriptors} → ${after.descriptors}, ` +
    `memory ${before.memory.toFixed(0)} → ${after.memory.toFixed(0)} MiB; nobody twice, nobody left behind`,
);
if (grown.descriptors > 10) fail(`${grown.descriptors} descriptors were left open`);
if (grown.memory > 100) fail(`memory grew by ${grown.memory.toFixed(0)} MiB`);
console.log("1 passed, 0 failed");
