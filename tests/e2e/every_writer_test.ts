/** Every file that is written, on a disk that is full for a while: all is told, nothing is doubled, and the children take no notice. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { fileAdditionLog, readJournal } from "../../mod.ts";
import { verifyAudit } from "../../src/observe/mod.ts";
import { readLedger } from "../../src/runtime/process_ledger.ts";
import { stateIn } from "../../src/runtime/state_file.ts";
import { isAlive } from "../support/command.ts";
import { inFolder } from "../support/folder.ts";
import { Program } from "../support/program.ts";
import { moduleUrl, reeveArgs } from "../support/runtime.ts";
import { NO_MOUNT, SmallDisk } from "../support/small_disk.ts";
import { TreeRun } from "../support/tree_run.ts";
import { until } from "../support/until.ts";

function test(name: string, kib: number, run: (disk: SmallDisk, beside: string) => Promise<void>): void {
  const lack = SmallDisk.lack();
  if (lack === NO_MOUNT) return;
  Deno.test({ name: lack === "" ? name : `${name} (${lack})`, ignore: lack !== "", fn: () => SmallDisk.use(kib, run) });
}

/** A tree that writes whatever can be written to one disk, and says what it is asked. */
function treeOn(disk: SmallDisk, beside: string, strategy: "fail_closed" | "defer_bounded"): string {
  return `
import process from "node:process";
import { createInterface } from "node:readline";
import { child, fileAdditionLog, supervise } from ${JSON.stringify(moduleUrl("mod"))};
const at = (name) => ${JSON.stringify(disk.folder)} + "/" + name;
// Long lines, so that no room is left in the last block of a file.
const loop = 'i=0; while :; do i=$((i+1)); printf "%d %0300d\\n" $i 0; echo $i >> "$1"; sleep 0.01; done';
const counter = (name, more = {}) => child.process(name, {
  command: "sh",
  args: ["-c", loop, "sh", ${JSON.stringify(beside)} + "/" + name],
  logs: { file: at(name + ".log"), maxBytes: 1e9 },
  backoff: { initialMs: 10, maxMs: 10, jitter: "none" },
  ...more,
});
const outcome = (promise) => promise.then(() => "done", (error) => String(error.code ?? error));
const told = [];
let additions = 0;
let tree;
try {
  tree = await supervise({
    name: "shop",
    children: [counter("steady"), counter("killed")],
    state: { path: at("state.json") },
    observability: { journal: { path: at("events.jsonl"), maxBytes: 1e9 } },
    audit: { backend: "file", filePath: at("audit.jsonl"), failureStrategy: "${strategy}", maxBytes: 1e9 },
  }, { additionLog: fileAdditionLog(at("additions.jsonl")) });
} catch (error) {
  console.log(error.code);
  process.exit(0);
}
(async () => {
  for await (const event of tree.events()) {
    if (event.type === "gap") told.push("gap");
    if (event.type === "sink_changed") told.push(event.sink + " " + (event.healthy ? "well" : "failing"));
  }
})();
const answers = {
  pids: () => tree.snapshot().children.map(({ pid }) => pid).join(),
  phases: () => tree.snapshot().children.map(({ phase }) => phase).join(),
  restart: () => outcome(tree.child("/killed").restart({ by: "ops", reason: "x".repeat(200) })),
  add: () => outcome(tree.add(counter("added" + ++additions))),
  paths: () => tree.snapshot().children.map(({ path }) => path).join(),
  told: () => JSON.stringify(told),
  async shutdown() {
    const { exitCode, unwritten, abandoned } = await tree.shutdown();
    return JSON.stringify({ exitCode, abandoned, unwritten: unwritten.map(({ sink, lost }) => sink + " " + (lost > 0)).sort(), told });
  },
};
console.log("begun");
for await (const line of createInterface({ input: process.stdin })) console.log(await answers[line]());
`;
}

interface Ended {
  readonly exitCode: number;
  readonly abandoned: readonly string[];
  readonly unwritten: readonly string[];
  readonly told: readonly string[];
}

async function running(
  disk: SmallDisk,
  beside: string,
  strategy: "fail_closed" | "defer_bounded",
  use: (program: Program) => Promise<void>,
): Promise<void> {
  const program = await Program.start(beside, "main", treeOn(disk, beside, strategy));
  try {
    await until(() => counted(beside, "steady") > 5, () => "nobody counts");
    await use(program);
  } finally {
    await program.end();
  }
}

/** Resolves when no child is on its way: one that is killed then has failed. */
async function atRest(program: Program): Promise<void> {
  await until(async () => /^ready(,ready)*$/.test(await program.ask("phases")), () => "the last restart does not end");
}

/** The process of the second child when it runs, and is another one than before. */
async function livingPid(program: Program, before: string): Promise<string> {
  let pid = "";
  await until(async () => {
    pid = (await program.ask("pids")).split(",")[1] ?? "";
    return pid !== "" && pid !== before && isAlive(Number(pid));
  }, () => "it is not started again");
  return pid;
}

/** How far a child has counted, in its own file where there is room. */
function counted(beside: string, name: string): number {
  try {
    return readFileSync(`${beside}/${name}`, "utf8").split("\n").length - 1;
  } catch {
    return 0;
  }
}

/** Each number is there once, in its place, or told as lost where it is missing. */
function assertCounted(disk: SmallDisk, last: number): void {
  const lines = readFileSync(disk.at("steady.log"), "utf8").split("\n");
  assertEquals(lines.pop(), "", "a line is not whole");
  let [expected, lost] = [1, 0];
  for (const line of lines) {
    const missing = Number(/^(\d+) lines? (?:was|were) lost: /.exec(line)?.[1] ?? 0);
    lost += missing;
    expected += missing;
    if (missing === 0) assertEquals(line, `${expected++} ${"0".repeat(300)}`);
  }
  assert(lost > 0, "nothing was lost, so that this proves nothing");
  // It may have been stopped after it printed, and before it wrote that down.
  assert(expected - 1 === last || expected - 2 === last, `${expected - 1} of ${last}`);
}

/** Every event is there once, or told as missing. */
async function assertJournal(disk: SmallDisk): Promise<void> {
  let next = 1;
  for await (const entry of readJournal(disk.at("events.jsonl"))) {
    assert(entry.kind !== "damaged", JSON.stringify(entry));
    assertEquals(entry.kind === "event" ? entry.event.seq : entry.from, next);
    next = (entry.kind === "event" ? entry.event.seq : entry.to) + 1;
  }
  assert(next > 10);
}

for (const strategy of ["fail_closed", "defer_bounded"] as const) {
  test(
    `a disk that is full for a while: every writer tells so and goes on, nothing is doubled, and the children run on (${strategy})`,
    1024,
    (disk, beside) =>
      running(disk, beside, strategy, async (program) => {
        const [steady = "", killed = ""] = (await program.ask("pids")).split(",");
        assertEquals(await program.ask("restart"), "done");
        disk.fill();
        // What is left in the last blocks of the files is soon written.
        let told: string[] = [];
        const isTold = async (...words: string[]): Promise<void> =>
          await until(
            async () => {
              told = JSON.parse(await program.ask("told"));
              return words.every((word) => told.includes(word));
              // Who writes tries again after 30 s at most.
            },
            () => `${words.join()} is not told, but ${told.join()}`,
            45_000,
          );
        await isTold("logs failing");
        const outcomes = new Set<string>();
        if (strategy === "fail_closed") {
          await until(async () => (await program.ask("restart")) === "audit_write_failed", () => "a command is done that is not recorded");
          // The last one that was done is over; nothing more was done, and nothing is.
          await atRest(program);
          const before = await program.ask("pids");
          for (let times = 0; times < 3; times++) outcomes.add(await program.ask("restart"));
          assertEquals([[...outcomes], await program.ask("pids")], [["audit_write_failed"], before]);
          assertEquals([await program.ask("add"), await program.ask("paths")], ["audit_write_failed", "/steady,/killed"]);
        } else {
          for (let times = 0; times < 20; times++) outcomes.add(await program.ask("restart"));
          assertEquals([...outcomes], ["done"]);
          // An addition is none that is not written down.
          const added: string[] = [];
          await until(async () => {
            added.push(await program.ask("add"));
            return added.at(-1) !== "done";
          }, () => "an addition is done that is not written down");
          const paths = ["/steady", "/killed", ...added.flatMap((outcome, index) => outcome === "done" ? [`/added${index + 1}`] : [])];
          assertEquals([added.at(-1), await program.ask("paths")], ["addition_not_recorded", paths.join()]);
        }
        // A process that fails while nothing can be written down comes back all the same.
        await atRest(program);
        const now = await livingPid(program, killed);
        process.kill(Number(now), "SIGKILL");
        await livingPid(program, now);
        await isTold("journal failing", "state failing", "audit failing");
        const reached = counted(beside, "steady");
        await until(() => counted(beside, "steady") > reached + 10, () => "a child stands still since its output cannot be written");
        assertEquals((await program.ask("pids")).split(",")[0], steady);

        disk.free();
        // Nobody needs to ask for anything.
        await isTold("journal well", "state well", "logs well", "audit well");
        const last = await livingPid(program, killed);
        assertEquals(await program.ask("restart"), "done");
        assertEquals(await program.ask("add"), "done");
        await livingPid(program, last);
        await atRest(program);
        const pids = (await program.ask("pids")).split(",").map(Number);
        // What was not written down while the disk was full is by now.
        await until(async () => {
          const { entries } = await readLedger(disk.at("state.json.processes"));
          return `${entries.map(({ pid }) => pid).sort()}` === `${[...pids].sort()}`;
        }, () => readFileSync(disk.at("state.json.processes"), "utf8"));

        const { exitCode, abandoned, unwritten }: Ended = JSON.parse(await program.ask("shutdown"));
        assertEquals([exitCode, abandoned, unwritten], [0, [], []]);
        assertCounted(disk, counted(beside, "steady"));
        await assertJournal(disk);
        const { problems } = await verifyAudit(disk.at("audit.jsonl"));
        assertEquals(problems, []);
        const saved = stateIn(readFileSync(disk.at("state.json"), "utf8"));
        assertEquals(saved.children.find(({ path }) => path === "/killed")?.failuresTotal, 1);
        assertEquals([await fileAdditionLog(disk.at("additions.jsonl")).pending(), pids.filter(isAlive)], [[], []]);
        assertEquals(readdirSync(disk.folder).filter((name) => /next|tmp|lock/.test(name)), []);
      }),
  );
}

test(
  "a disk that stays full: the tree ends in time, says what is missing, and leaves what was there whole",
  1024,
  (disk, beside) =>
    running(disk, beside, "defer_bounded", async (program) => {
      const pids = (await program.ask("pids")).split(",").map(Number);
      await until(() => stateIn(readFileSync(disk.at("state.json"), "utf8")).children.length === 2, () => "no state was written");
      disk.fill();
      await until(async () => (await program.ask("told")).includes("logs failing"), () => "nobody tells");
      for (let times = 0; times < 30; times++) assertEquals(await program.ask("restart"), "done");
      await until(async () => (await program.ask("told")).includes("state failing"), () => "nobody tells");
      const { exitCode, unwritten }: Ended = JSON.parse(await program.ask("shutdown"));
      assertEquals([exitCode, unwritten.filter((sink) => sink !== "logs true")], [0, ["audit true", "journal true", "state true"]]);
      // A note of what was lost may have found room in the last block.
      if (!unwritten.includes("logs true")) assertCounted(disk, counted(beside, "steady"));
      assertEquals(pids.filter(isAlive), []);
      assertEquals(stateIn(readFileSync(disk.at("state.json"), "utf8")).children.length, 2);
      assertEquals((await verifyAudit(disk.at("audit.jsonl"))).problems, []);
      // What is written in part must not take what others could have.
      assertEquals(readdirSync(disk.folder).filter((name) => /next|tmp/.test(name)), []);
      await program.end();

      // On the full disk nothing starts; with room, it goes on with what was there. What it took away at its end has left some.
      disk.fill();
      await assertRejects(() => Program.start(beside, "main", treeOn(disk, beside, "fail_closed")), Error, "not_opened");
      disk.free();
      await running(disk, beside, "fail_closed", async (again) => {
        const { exitCode, unwritten }: Ended = JSON.parse(await again.ask("shutdown"));
        assertEquals([exitCode, unwritten], [0, []]);
      });
    }),
);

Deno.test({
  name: "reeve run whose own output can be written nowhere keeps its children running, and stops them in order",
  ignore: process.platform !== "linux",
  fn: () =>
    inFolder(async (folder) => {
      const count = { command: "sh", args: ["-c", "while :; do echo line; echo line >> count; sleep 0.01; done"], cwd: "." };
      const deaf = ["sh", "-c", 'exec "$@" >/dev/full 2>/dev/full', "sh", process.execPath, ...reeveArgs([])];
      const run = TreeRun.start(folder, { children: [{ name: "a", run: { process: count } }] }, { reeve: deaf });
      try {
        await until(() => counted(folder, "count") > 5, () => "nobody counts");
        const reached = counted(folder, "count");
        await until(() => counted(folder, "count") > reached + 20, () => "it stands still");
        // It says so at the end, to whoever asks for the exit code.
        assertEquals([await run.stop(), run.processes()], [1, []]);
      } finally {
        await run.clear();
      }
    }),
});
