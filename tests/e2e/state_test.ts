/** What survives a supervisor that is killed: its state, whole, and the processes that it left, which are ended before they are started again. */
import { assert, assertEquals } from "@std/assert";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { systemProcesses } from "../../src/runtime/process_reader.ts";
import { stateIn, writeState } from "../../src/runtime/state_file.ts";
import { isAlive, reeve } from "../support/command.ts";
import { inFolder } from "../support/folder.ts";
import { moduleUrl, programArgs } from "../support/runtime.ts";
import { until } from "../support/until.ts";

const isPosix = process.platform !== "win32";

function onPosix(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !isPosix, fn });
}

const MOD = JSON.stringify(moduleUrl("mod"));

/** A child of its own program that writes states as fast as it can. */
const WRITER = `
import { writeState } from ${JSON.stringify(moduleUrl("src/runtime/state_file"))};
const path = process.argv[2];
for (let atMs = 1; ; atMs++) {
  await writeState(path, { tree: "t", atMs, children: [], lastRuns: { ["/" + "x".repeat(200_000)]: atMs } });
  if (atMs === 1) console.log("begun");
}
`;

function startProgram(folder: string, text: string, ...args: readonly string[]): ChildProcess {
  const file = join(folder, "main.mjs");
  if (!existsSync(file)) writeFileSync(file, text);
  const flags = ["-A", "--no-check"];
  return spawn(process.execPath, [...programArgs(file, flags), ...args], { env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" } });
}

async function said(program: ChildProcess, word: string): Promise<void> {
  let text = "";
  program.stdout?.on("data", (data) => text += data);
  program.stderr?.on("data", (data) => text += data);
  await until(() => text.includes(word), () => text, 20_000);
}

async function killed(program: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => program.once("exit", resolve));
  program.kill("SIGKILL");
  await gone;
}

onPosix(
  "a program that is killed at any moment while it writes leaves the old state or the new one, thirty times",
  () =>
    inFolder(async (folder) => {
      const path = join(folder, "state.json");
      let lastMs = 0;
      let cut = 0;
      const program = `import process from "node:process";${WRITER}`;
      for (let round = 0; round < 30; round++) {
        const writer = startProgram(folder, program, path);
        await said(writer, "begun");
        // Each time a little later, so that it is in another step.
        const untilMs = performance.now() + (round * 7.3) % 23;
        while (performance.now() < untilMs) await new Promise((resolve) => setImmediate(resolve));
        await killed(writer);
        const { atMs, lastRuns } = stateIn(readFileSync(path, "utf8"));
        assertEquals(Object.values(lastRuns), [atMs]);
        lastMs = Math.max(lastMs, atMs);
        if (existsSync(`${path}.next`)) cut++;
      }
      assert(lastMs > 1 && cut > 0, `at most ${lastMs} states in a row, ${cut} of them cut off`);
    }),
);

/** A tree whose processes a test can see. */
function treeOf(folder: string, leftovers = "stop"): string {
  return `
import process from "node:process";
import { child, describe, supervise } from ${MOD};
// Nobody else ends them when this program is killed.
const alone = { stopOnParentDeath: false };
const tree = await supervise({
  name: "shop",
  state: { path: ${JSON.stringify(join(folder, "state.json"))}, leftovers: "${leftovers}" },
  children: [
    child.process("polite", { command: "sleep", args: ["300"], ...alone }),
    child.process("rude", { command: "trap '' TERM; sleep 300 & while :; do wait; done", shell: true, ...alone }),
    child.process("gone", { command: "sleep 300 & exit 0", shell: true, stop: { killTree: false }, restartPolicy: "temporary", ...alone }),
    child.task("held", ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve))),
  ],
});
if (process.argv[2] === "hold") await tree.child("/held").quarantine({ by: "ops", reason: "suspect" });
let isReady = false;
(async () => {
  for await (const event of tree.events()) {
    if (event.type === "leftover_process" || event.type === "state_restored") console.log(event.type, event.path, describe(event));
    if (event.type === "child_starting") console.log("starts", event.path, event.attempt);
    if (event.type === "supervisor_ready" && event.path === "/") console.log("ready", tree.child("/held").operation);
  }
})();
process.on("SIGTERM", async () => {
  await tree.shutdown();
  process.exit(0);
});
`;
}

interface LedgerLine {
  readonly kind: string;
  readonly pid: number;
  readonly path: string;
  readonly start: string | null;
  readonly mark: string;
}

function ledgerIn(folder: string): LedgerLine[] {
  return readFileSync(join(folder, "state.json.processes"), "utf8").trim().split("\n").filter((line) => line !== "").map((line) =>
    JSON.parse(line)
  );
}

/** Who is in the groups that were written down and still runs. */
async function alive(lines: readonly LedgerLine[]): Promise<string[]> {
  const reader = systemProcesses();
  const found = await Promise.all(lines.map(async ({ path, pid }) => ((await reader.members(pid)) ?? []).length > 0 ? [path] : []));
  return [...new Set(found.flat())].sort();
}

function killGroups(lines: readonly LedgerLine[]): void {
  for (const { pid } of lines) {
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It is gone, as it should be.
    }
  }
}

onPosix(
  "processes that a killed supervisor left are ended before its next run starts them again; holds and attempts go on",
  () =>
    inFolder(async (folder) => {
      const first = startProgram(folder, treeOf(folder), "hold");
      await said(first, "ready quarantined").catch(() => {});
      await until(() => ledgerIn(folder).filter(({ kind }) => kind === "opened").length === 3, () => JSON.stringify(ledgerIn(folder)));
      await until(
        () => stateIn(readFileSync(join(folder, "state.json"), "utf8")).children.some(({ operation }) => operation === "quarantined"),
        () => "",
      );
      await killed(first);
      const left = ledgerIn(folder);
      try {
        assertEquals(await alive(left), ["/gone", "/polite", "/rude"]);

        const second = startProgram(folder, treeOf(folder));
        let text = "";
        second.stdout?.on("data", (data) => text += data);
        await said(second, "ready quarantined");
        // Those that were left have ended, and those that run are others.
        assertEquals(await alive(left.filter(({ pid }) => !ledgerIn(folder).some((now) => now.pid === pid))), []);
        const lines = text.split("\n");
        for (const path of ["/polite", "/gone"]) {
          assert(lines.some((line) => line.startsWith(`leftover_process ${path}`) && line.endsWith("SIGTERM")), text);
        }
        assert(
          lines.some((line) => line.startsWith("leftover_process /rude") && line.endsWith("ended by SIGKILL")),
          text,
        );
        assert(
          lines.findIndex((line) => line.startsWith("starts")) > lines.findLastIndex((line) => line.startsWith("leftover_process")),
          text,
        );
        for (const line of ["starts /polite 2", "starts /rude 2", "starts /gone 2"]) assert(lines.includes(line), text);
        assert(!text.includes("starts /held"), text);
        const now = ledgerIn(folder);
        const ended = new Promise((resolve) => second.once("exit", resolve));
        second.kill("SIGTERM");
        await ended;
        assertEquals((await alive(now)).filter((path) => path !== "/gone"), []);
        killGroups(now);
      } finally {
        killGroups(left);
      }
    }),
);

onPosix("processes that are to be left are told of, and left", () =>
  inFolder(async (folder) => {
    const first = startProgram(folder, treeOf(folder, "leave"));
    await said(first, "ready");
    await killed(first);
    const left = ledgerIn(folder).filter(({ kind }) => kind === "opened");
    try {
      const second = startProgram(folder, treeOf(folder, "leave"));
      await said(second, "ready");
      await killed(second);
      assertEquals(await alive(left), ["/gone", "/polite", "/rude"]);
      // They stay in the ledger, beside those of the second run.
      assertEquals(ledgerIn(folder).filter(({ pid }) => left.some((one) => one.pid === pid)).length, left.length);
    } finally {
      killGroups([...left, ...ledgerIn(folder)]);
    }
  }));

onPosix(
  "a stranger that has got the number of a process is not touched, however it was written down when that began",
  () =>
    inFolder(async (folder) => {
      // By what a program may read where it is run, one of these ways is its own, and both can be looked at in most.
      const starts = [systemProcesses().startNow(process.pid)?.replace(/\d+$/, "1") ?? "ticks::1", "date:Thu Jan 1 00:00:00 2026"];
      const strangers = starts.map(() => spawn("sleep", ["60"], { detached: true, stdio: "ignore" }));
      await Promise.all(strangers.map((stranger) => new Promise((resolve) => stranger.once("spawn", resolve))));
      const pids = strangers.map(({ pid = 0 }) => pid);
      const lines = starts.map((start, index) =>
        JSON.stringify({ version: 1, kind: "opened", pid: pids[index], start, mark: "0".repeat(32), path: "/polite", attempt: 7 })
      );
      writeFileSync(join(folder, "state.json.processes"), `${lines.join("\n")}\n`, { mode: 0o600 });
      const program = startProgram(folder, treeOf(folder));
      await said(program, "ready");
      const now = ledgerIn(folder);
      await killed(program);
      killGroups(now.filter(({ pid }) => !pids.includes(pid)));
      assertEquals(pids.map(isAlive), [true, true]);
      // Who has only got the number is struck out.
      assert(now.some(({ kind, pid }) => kind === "ended" && pid === pids[1]), JSON.stringify(now));
      const gone = strangers.map((stranger) => new Promise((resolve) => stranger.once("exit", resolve)));
      for (const stranger of strangers) stranger.kill("SIGKILL");
      await Promise.all(gone);
    }),
);

onPosix(
  "a process that was just being started when its supervisor was killed is known by its mark, and ended",
  () =>
    inFolder(async (folder) => {
      const mark = "m".repeat(36);
      const left = spawn("sleep", ["300"], { detached: true, stdio: "ignore", env: { ...process.env, REEVE_MARK: mark } });
      const gone = new Promise((resolve) => left.once("exit", resolve));
      const line = { version: 1, kind: "starting", mark, path: "/polite", attempt: 7 };
      const none = { ...line, mark: "n".repeat(36), path: "/rude" };
      await writeState(join(folder, "state.json"), { tree: "shop", atMs: 0, children: [], lastRuns: {} });
      writeFileSync(join(folder, "state.json.processes"), `${JSON.stringify(line)}\n${JSON.stringify(none)}\n`, { mode: 0o600 });
      const program = startProgram(folder, treeOf(folder));
      let text = "";
      program.stdout?.on("data", (data) => text += data);
      await said(program, "ready");
      await gone;
      const now = ledgerIn(folder);
      await killed(program);
      killGroups(now);
      assertEquals(text.split("\n").filter((line) => line.startsWith("leftover_process")).length, 1, text);
      assert(/^leftover_process \/polite .*SIGTERM$/m.test(text) && text.includes("starts /polite 8"), text);
    }),
);

onPosix("reeve run refuses a state that another program uses, and takes it over when that was killed", () =>
  inFolder(async (folder) => {
    writeFileSync(
      join(folder, "one.yaml"),
      "state: { path: state.json }\nchildren: [{ name: a, run: { process: { command: sleep, args: ['300'], stop_on_parent_death: false } } }]\n",
    );
    const first = reeve(["run", "one.yaml"], { cwd: folder });
    await first.until("everything is ready");
    const second = reeve(["run", "one.yaml"], { cwd: folder });
    assertEquals(await second.ended, 2, second.output());
    assert(/process \d+ uses it/.test(second.output()), second.output());
    first.signal("SIGKILL");
    await first.ended;
    const third = reeve(["run", "one.yaml"], { cwd: folder });
    await third.until("everything is ready");
    assert(third.output().includes("which the last run left behind, was ended"), third.output());
    assert(third.output().includes("starting, attempt 2"), third.output());
    third.signal("SIGTERM");
    await third.ended;
    assertEquals(readdirSync(folder).sort(), ["one.yaml", "state.json", "state.json.processes"]);
    assertEquals(statSync(join(folder, "state.json.processes")).size, 0);
  }));

/** Where no file may be longer than 8 KiB, which stands for a disk that is full. */
const LIMITED = `trap '' XFSZ; ulimit -f 16; exec "$@"`;

onPosix("a disk that is full is told, stops nothing, and leaves the state before", () =>
  inFolder((folder) => {
    const path = join(folder, "state.json");
    const file = join(folder, "main.mjs");
    writeFileSync(
      file,
      `
import { child, supervise } from ${MOD};
const task = ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve));
const tree = await supervise({
  name: "shop",
  state: { path: ${JSON.stringify(path)} },
  children: Array.from({ length: 100 }, (_, index) => child.task("child" + index, task)),
});
await tree.ready();
for await (const event of tree.events()) if (event.type === "sink_changed") {
  console.log(event.sink, event.healthy, /EFBIG|[Ff]ile too large/.test(event.reason));
  break;
}
await tree.child("/child1").restart();
const { unwritten, exitCode } = await tree.shutdown();
console.log(exitCode, unwritten.map(({ sink, lost }) => sink + " " + (lost > 0)).join());
`,
    );
    const { stdout, stderr, status } = spawnSync(
      "sh",
      ["-c", LIMITED, "sh", process.execPath, ...programArgs(file, ["-A", "--no-check"])],
      {
        encoding: "utf8",
        env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
      },
    );
    assertEquals([status, stderr, stdout], [0, "", "state false true\n0 state true\n"]);
    assertEquals(stateIn(readFileSync(path, "utf8")).children, []);
    return Promise.resolve();
  }));
