/** The file in which it stands which processes were started. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { type LedgerOptions, ProcessLedger, readLedger } from "../../src/runtime/process_ledger.ts";
import { isSameStart, type ProcessReader, systemProcesses } from "../../src/runtime/process_reader.ts";
import { LEDGER } from "../fixtures/state/version_1.ts";
import { inFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";

const isPosix = process.platform !== "win32";

/** Group leaders that are there, so that they count. */
async function withProcesses(count: number, use: (pids: readonly number[]) => Promise<void>): Promise<void> {
  const processes = Array.from({ length: count }, () => spawn("sleep", ["60"], { detached: true, stdio: "ignore" }));
  try {
    await use(processes.map(({ pid = 0 }) => pid));
  } finally {
    for (const one of processes) {
      const gone = new Promise((resolve) => one.once("exit", resolve));
      one.kill("SIGKILL");
      await gone;
    }
  }
}

const MARK = "m".repeat(36);

function at(path: string, attempt: number): { path: string; attempt: number; mark: string } {
  return { path, attempt, mark: MARK };
}

function ledger(
  path: string,
  more: Partial<LedgerOptions> = {},
): ProcessLedger {
  const made = new ProcessLedger({ path, processes: systemProcesses(), entries: [], onFailure: () => {}, ...more });
  made.beginAnew();
  return made;
}

Deno.test("readLedger() reads version 1 as it is on disks today, a line that was cut off left out", () =>
  inFolder(async (folder) => {
    const path = join(folder, "state.json.processes");
    assertEquals(await readLedger(path), { entries: [], starting: [], damaged: 0 });
    writeFileSync(path, LEDGER);
    const { entries, damaged } = await readLedger(path);
    assertEquals(damaged, 0);
    assertEquals(entries.map(({ pid, start, path, attempt }) => [pid, start, path, attempt]), [
      [4711, "ticks:0b2f6c1e-7a4d-4f0e-9a55-6c1d2e3f4a5b:482922", "/web", 17],
      [4712, "date:Thu Oct 1 12:00:00 2026", "/db", 1],
    ]);
    writeFileSync(path, LEDGER.replace('"version":1', '"version":2'));
    await assertRejects(() => readLedger(path), Error, "was written by a newer version (2), must be at most 1");
  }));

Deno.test("readLedger() counts lines that say nothing, and takes no number that means more than one process", () =>
  inFolder(async (folder) => {
    const path = join(folder, "ledger");
    const line = (pid: unknown): string =>
      JSON.stringify({ version: 1, kind: "opened", pid, start: null, mark: "x".repeat(32), path: "/a", attempt: 1 });
    writeFileSync(
      path,
      ["nonsense", ...[-5, 0, 1, 1.5, "7", null].map(line), '{"version":1,"kind":"ended","pid":9}', line(77), ""].join("\n"),
    );
    const { entries, damaged } = await readLedger(path);
    assertEquals([entries.map(({ pid }) => pid), damaged], [[77], 8]);
  }));

Deno.test({
  name: "ProcessLedger has a process written down when opened() returns, and struck out when it has ended",
  ignore: !isPosix,
  fn: () =>
    inFolder((folder) =>
      withProcesses(2, async ([first = 0, second = 0]) => {
        const path = join(folder, "ledger");
        const made = ledger(path);
        const close = made.opened(first, at("/a", 1));
        made.opened(second, at("/b", 4));
        assertEquals((await readLedger(path)).entries.map(({ path, attempt, pid }) => [path, attempt, pid]), [["/a", 1, first], [
          "/b",
          4,
          second,
        ]]);
        assertEquals(statSync(path).mode & 0o777, 0o600);
        close();
        close();
        assertEquals((await readLedger(path)).entries.map(({ path }) => path), ["/b"]);
        made.close();
        assertEquals((await readLedger(path)).entries.map(({ path, mark }) => [path, mark]), [["/b", MARK]]);
      })
    ),
});

Deno.test({
  name: "ProcessLedger knows of a process before it was started: it was not, it was, or nobody knows",
  ignore: !isPosix,
  fn: () =>
    inFolder((folder) =>
      withProcesses(1, async ([pid = 0]) => {
        const path = join(folder, "ledger");
        const made = ledger(path);
        const mark = (name: string): string => name.repeat(36);
        made.starting({ path: "/not", attempt: 1, mark: mark("a") })();
        made.starting({ path: "/yes", attempt: 2, mark: mark("b") });
        made.opened(pid, { path: "/yes", attempt: 2, mark: mark("b") });
        const unknown = { path: "/unknown", attempt: 3, mark: mark("c") };
        made.starting(unknown);
        const found = await readLedger(path);
        assertEquals([found.entries.map(({ path }) => path), found.starting, found.damaged], [["/yes"], [unknown], 0]);
        made.close();

        // The next run knows as much until it has settled that.
        const next = ledger(path, { entries: found.entries, starting: found.starting });
        assertEquals((await readLedger(path)).starting, [unknown]);
        next.settle(unknown, [pid]);
        const settled = await readLedger(path);
        assertEquals([settled.entries.map(({ path, start }) => [path, start]), settled.starting], [[["/unknown", null]], []]);
        next.close();
      })
    ),
});

Deno.test({
  name: "ProcessLedger asks later for a start that cannot be read at once, for all that began meanwhile together",
  ignore: !isPosix,
  fn: () =>
    inFolder((folder) =>
      withProcesses(3, async (pids) => {
        const path = join(folder, "ledger");
        const asked: (readonly number[])[] = [];
        const processes: ProcessReader = {
          ...systemProcesses(),
          startNow: () => null,
          starts: (some) => {
            asked.push(some);
            return Promise.resolve(new Map(some.map((pid) => [pid, `date:${pid}`])));
          },
        };
        const made = ledger(path, { processes });
        for (const pid of pids) made.opened(pid, at("/a", 1));
        await until(async () => (await readLedger(path)).entries.every(({ start }) => start !== null), () => "no start was written");
        assertEquals((await readLedger(path)).entries.map(({ pid, start }) => start === `date:${pid}`), [true, true, true]);
        assert(asked.length <= 2, `${asked.length} times`);
        made.close();
      })
    ),
});

Deno.test({
  name: "ProcessLedger begins its file anew before it gets long, and takes along who is there",
  ignore: !isPosix,
  fn: () =>
    inFolder((folder) =>
      withProcesses(1, async ([pid = 0]) => {
        const path = join(folder, "ledger");
        const made = ledger(path);
        for (let attempt = 1; attempt <= 3_000; attempt++) made.opened(pid, at("/a", attempt))();
        made.opened(pid, at("/a", 3_001));
        assert(readFileSync(path, "utf8").split("\n").length < 2_100);
        assertEquals((await readLedger(path)).entries.map(({ attempt }) => attempt), [3_001]);
        made.close();
      })
    ),
});

Deno.test({
  name: "ProcessLedger tells of a failure, and has everything in the file when it is begun anew",
  ignore: !isPosix,
  fn: () =>
    inFolder((folder) =>
      withProcesses(2, async ([first = 0, second = 0]) => {
        const path = join(folder, "ledger");
        let failures = 0;
        const made = ledger(path, { onFailure: () => failures++ });
        made.opened(first, at("/a", 1));
        rmSync(path);
        mkdirSync(path);
        for (let attempt = 1; attempt <= 1_100 && failures === 0; attempt++) made.opened(second, at("/b", attempt))();
        assertEquals(failures, 1);
        made.opened(second, at("/b", 7));
        rmSync(path, { recursive: true });
        made.beginAnew();
        assertEquals((await readLedger(path)).entries.map(({ path, attempt }) => [path, attempt]), [["/a", 1], ["/b", 7]]);
        made.close();
      })
    ),
});

Deno.test({
  name: "systemProcesses() sees when a process began, its mark and its group in both ways, and knows who is gone",
  ignore: !isPosix,
  fn: async () => {
    const env = { ...process.env, REEVE_MARK: "t".repeat(32) };
    const one = spawn("sleep", ["60"], { detached: true, stdio: "ignore", env });
    await new Promise((resolve) => one.once("spawn", resolve));
    const { pid = 0 } = one;
    const reader = systemProcesses();
    for (const kind of ["ticks", "date"] as const) {
      // Until it has become the program, it is a copy of this one.
      await until(async () => {
        const seen = await reader.look(pid, kind);
        return typeof seen === "object" && seen.mark === env.REEVE_MARK;
      }, () => "its mark was not seen");
    }
    const start = reader.startNow(pid);
    const seen = await reader.look(pid, start === null ? "date" : "ticks");
    if (start !== null && typeof seen === "object") assertEquals(seen.start, start);
    const byPs = await reader.look(pid, "date");
    assert(typeof byPs === "object" && isSameStart(byPs.start ?? "", (await reader.starts([pid])).get(pid) ?? ""));
    assertEquals(await reader.members(pid), [pid]);
    const gone = new Promise((resolve) => one.once("exit", resolve));
    one.kill("SIGKILL");
    await gone;
    assertEquals([await reader.look(pid, "ticks"), await reader.look(pid, "date"), await reader.members(pid)], ["gone", "gone", []]);
  },
});
