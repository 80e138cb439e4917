/** One tree of many processes of the system: killed at random, declared anew in part, and stopped. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { type JournalEntry, readJournal } from "../../mod.ts";
import { stateIn } from "../../src/runtime/state_file.ts";
import { inFolder } from "./folder.ts";
import { isRunning, TreeRun, type TreeRunOptions } from "./tree_run.ts";
import { until } from "./until.ts";

/** What is done with how many. */
export interface ManyOptions extends Pick<TreeRunOptions, "reeve"> {
  readonly count: number;
  /** How many are killed at once. */
  readonly kills: number;
  /** How many a new file declares otherwise. */
  readonly changes: number;
}

/** What was measured. */
export interface ManyFigures {
  /** From the beginning of the tree until all were ready. */
  readonly readyMs: number;
  /** Resident memory of the supervisor, in MiB. */
  readonly memoryMib: number;
  readonly descriptors: number;
  /** From `kill -9` until the child was ready again, its delay of 20 ms in it, the quickest first. */
  readonly restartsMs: readonly number[];
  readonly reloadMs: number;
  readonly stopMs: number;
}

/** How much longer than a single one anything may take. */
const PATIENCE_MS = 120_000;

/** So many descriptors come and go with health checks. */
const FLEETING = 30;

/** Runs the tree; throws where something is lost, doubled, touched without need, or left. */
export function runMany(options: ManyOptions): Promise<ManyFigures> {
  return inFolder((folder) => withListener((port) => runIn(folder, port, options)));
}

async function runIn(folder: string, port: number, { count, kills, changes, reeve }: ManyOptions): Promise<ManyFigures> {
  mkdirSync(join(folder, "logs"));
  const names = Array.from({ length: count }, (_, index) => `p${index}`);
  const shuffled = [...names].sort(() => Math.random() - 0.5);
  const killed = shuffled.slice(0, kills);
  const changed = shuffled.slice(kills, kills + changes);
  const untouched = shuffled.slice(kills + changes);
  const spec = (says: (name: string) => string): object => ({
    state: { path: "state.json" },
    observability: { journal: { path: "events.jsonl" } },
    children: names.map((name, index) => declaration(name, index, port, says(name))),
  });

  const run = TreeRun.start(folder, spec(() => "a"), { reeve, limitMs: 5 * PATIENCE_MS, args: ["--no-output"] });
  try {
    await run.command.until("everything is ready");
    // A child is ready with a line that is on its way to the file.
    await until(() => everyUp(folder, names, 1), () => "not all say that they run", PATIENCE_MS);
    const before = pidsOf(folder, names);
    check(names.filter((name) => before.get(name)?.length !== 1), "do not run, or twice");
    const descriptors = descriptorsOf(run.command.pid);
    const memoryMib = memoryOf(run.command.pid);

    const killedAtMs = Date.now();
    for (const name of killed) process.kill(before.get(name)![0]!, "SIGKILL");
    await until(() => everyUp(folder, killed, 2), () => `not all that were killed came back\n${run.command.output()}`, PATIENCE_MS);
    await until(() => readyAgain(folder, killed).then(({ length }) => length === kills), () => "not all are ready again", PATIENCE_MS);
    const after = pidsOf(folder, names);
    check(killed.filter((name) => after.get(name)?.length !== 2), "were not restarted exactly once");
    check(
      [...changed, ...untouched].filter((name) => `${after.get(name)}` !== `${before.get(name)}`),
      "were restarted though nobody killed them",
    );

    const reloadedAtMs = performance.now();
    await run.reload(spec((name) => changed.includes(name) ? "b" : "a"));
    const reloadMs = performance.now() - reloadedAtMs;
    await until(() => everyUp(folder, changed, 2), () => "not all that were declared otherwise say so", PATIENCE_MS);
    const last = pidsOf(folder, names);
    check(changed.filter((name) => last.get(name)?.length !== 2), "were not started anew exactly once");
    check(
      [...killed, ...untouched].filter((name) => `${last.get(name)}` !== `${after.get(name)}`),
      "were touched by a file that left them as they were",
    );
    check(names.filter((name) => !isRunning(last.get(name)!.at(-1)!)), "do not run");
    check(names.filter((name) => last.get(name)!.slice(0, -1).some(isRunning)), "run twice");
    const most = descriptors + FLEETING;
    await until(() => descriptorsOf(run.command.pid) <= most, () => `${descriptorsOf(run.command.pid)} descriptors, were ${descriptors}`);

    const stoppedAtMs = performance.now();
    const code = await run.stop();
    const stopMs = performance.now() - stoppedAtMs;
    check(code === 0 ? [] : [`${code}`], `is the exit code\n${run.command.output()}`);
    check(run.processes().map(String), "are left behind");
    check(readdirSync(folder).filter((name) => name.includes("lock") || name.includes("next")), "are left in the folder");
    check(statSync(join(folder, "state.json.processes")).size === 0 ? [] : ["lines"], "are left in the ledger of processes");
    const { children } = stateIn(readFileSync(join(folder, "state.json"), "utf8"));
    const failures = new Map(children.map(({ path, failuresTotal }) => [path.slice(1), failuresTotal]));
    check(names.filter((name) => failures.get(name) !== (killed.includes(name) ? 1 : 0)), "have another number of failures in the state");
    const restartsMs = (await readyAgain(folder, killed)).map((readyAtMs) => readyAtMs - killedAtMs).sort((a, b) => a - b);
    return { readyMs: await readyTime(folder), memoryMib, descriptors, restartsMs, reloadMs, stopMs };
  } finally {
    await run.clear();
  }
}

/** Says which process it is each time it starts; every tenth is asked by a program how it is. */
function declaration(name: string, index: number, port: number, says: string): object {
  return {
    name,
    run: { process: { command: "sh", args: ["-c", 'echo "up $$"; exec sleep 3600'] } },
    environment: [{ name: "SAYS", value: says }],
    readiness: { mode: "log_line", pattern: "^up" },
    health_check: index % 10 === 0
      ? { mode: "exec", command: "true", check_interval_secs: 5 }
      : { mode: "tcp", port, check_interval_secs: 5 },
    backoff: { initial_ms: 20, jitter: "none" },
    logs: { file: `logs/${name}.log` },
  };
}

/** The processes that each child has had, by what they wrote themselves. */
function pidsOf(folder: string, names: readonly string[]): Map<string, number[]> {
  return new Map(names.map((name) => {
    const path = join(folder, "logs", `${name}.log`);
    const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
    return [name, lines.flatMap((line) => line.startsWith("up ") ? [Number(line.slice(3))] : [])];
  }));
}

function everyUp(folder: string, names: readonly string[], times: number): boolean {
  return [...pidsOf(folder, names).values()].every(({ length }) => length >= times);
}

async function entriesOf(folder: string): Promise<(JournalEntry & { kind: "event" })[]> {
  const found: (JournalEntry & { kind: "event" })[] = [];
  for await (const entry of readJournal(join(folder, "events.jsonl"))) if (entry.kind === "event") found.push(entry);
  return found;
}

/** When children were ready the second time. */
async function readyAgain(folder: string, names: readonly string[]): Promise<number[]> {
  const times = new Map<string, number[]>();
  for (const { event: { type, path }, timeMs } of await entriesOf(folder)) {
    if (type === "child_ready") times.set(path.slice(1), [...times.get(path.slice(1)) ?? [], timeMs]);
  }
  return names.flatMap((name) => times.get(name)?.[1] ?? []);
}

async function readyTime(folder: string): Promise<number> {
  const entries = await entriesOf(folder);
  const ready = entries.find(({ event: { type, path } }) => type === "supervisor_ready" && path === "/");
  return (ready?.timeMs ?? NaN) - (entries[0]?.timeMs ?? NaN);
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

function check(those: readonly string[], complaint: string): void {
  if (those.length > 0) throw new Error(`${those.slice(0, 20).join(", ")} ${complaint}`);
}

/** Somebody whom health checks reach. */
async function withListener<T>(use: (port: number) => Promise<T>): Promise<T> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    return await use(typeof address === "object" && address !== null ? address.port : 0);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
