import { assert, assertEquals } from "@std/assert";
import { spawn } from "node:child_process";
import process from "node:process";
import {
  parsePs,
  parseStat,
  Processes,
  type ProcessRow,
  ProcessTable,
  systemProcesses,
} from "../../../src/runtime/children/process_table.ts";

function row(pid: number, ppid: number, pgid = pid): ProcessRow {
  return { pid, ppid, pgid, start: `s${pid}`, isZombie: false, residentKb: 100, cpuMs: 0, mark: null };
}

// --- what the system writes --------------------------------------------------------------------------------------------------------------

const REST = "S 1 42 42 0 -1 4194304 213 0 0 0 7 5 0 0 20 0 1 0 461412 2990080 421 18446744073709551615";

Deno.test("parseStat() reads number, parent, group, start, memory and time", () => {
  assertEquals(parseStat(`77 (sh) ${REST}`, 4), {
    pid: 77,
    ppid: 1,
    pgid: 42,
    start: "461412",
    isZombie: false,
    residentKb: 1684,
    cpuMs: 120,
    mark: null,
  });
  assertEquals(parseStat(`77 (sh) ${REST.replace("S", "Z")}`, 4)?.isZombie, true);
});

Deno.test("parseStat() is not misled by a name that looks like the rest of a line", () => {
  assertEquals(parseStat(`77 (a) Z 9 9 9) ${REST}`, 4), parseStat(`77 (sh) ${REST}`, 4));
  assertEquals(parseStat(`77 (a\nb) ${REST}`, 4), parseStat(`77 (sh) ${REST}`, 4));
});

Deno.test("parseStat() finds nothing in what is no such line", () => {
  for (const text of ["", "77", "77 (sh) S 1", "(sh)", `0 (sh) ${REST}`, `x (sh) ${REST}`]) assertEquals(parseStat(text, 4), null, text);
});

Deno.test("parsePs() reads lines, and leaves out what is none", () => {
  const text =
    "    1     0     1 Ss    9000 1-02:03:04 Sat Nov  8 14:37:23 2025\n  20     1    20 Z+       0 3:04.05 Sat Nov 18 14:37:23 2025  \nps: oops\n\n";
  assertEquals(parsePs(text), [
    { pid: 1, ppid: 0, pgid: 1, start: "Sat Nov  8 14:37:23 2025", isZombie: false, residentKb: 9000, cpuMs: 93_784_000, mark: null },
    { pid: 20, ppid: 1, pgid: 20, start: "Sat Nov 18 14:37:23 2025", isZombie: true, residentKb: 0, cpuMs: 184_050, mark: null },
  ]);
});

// --- one look ----------------------------------------------------------------------------------------------------------------------------

Deno.test("Processes knows descendants of any depth, and survives a table that goes round in circles", () => {
  const look = new Processes([row(1, 0), row(10, 1), row(11, 10), row(12, 11), row(20, 1), row(30, 31), row(31, 30)]);
  assertEquals([...look.withDescendants([10])].sort(), [10, 11, 12]);
  assertEquals([...look.withDescendants([30])].sort(), [30, 31]);
  assertEquals([...look.withDescendants([99])], []);
});

Deno.test("Processes.marked() knows those with just this mark", () => {
  const look = new Processes([{ ...row(10, 1), mark: "a" }, { ...row(11, 1), mark: "ab" }, { ...row(12, 1), mark: "a" }, row(13, 1)]);
  assertEquals([look.marked("a"), look.marked("ab"), look.marked("b")], [[10, 12], [11], []]);
});

Deno.test("Processes.isAlive() is false for another start, for a zombie and for nobody", () => {
  const look = new Processes([row(10, 1), { ...row(11, 1), isZombie: true }]);
  assertEquals(look.isAlive({ pid: 10, start: "s10" }), true);
  assertEquals(look.isAlive({ pid: 10, start: "later" }), false);
  assertEquals(look.isAlive({ pid: 11, start: "s11" }), false);
  assertEquals(look.isAlive({ pid: 12, start: "s12" }), false);
});

Deno.test("ProcessTable.look() begins after it was asked, and is shared by all who ask meanwhile", async () => {
  const finish: (() => void)[] = [];
  const table = new ProcessTable({ read: () => new Promise((resolve) => finish.push(() => resolve([]))) });
  const first = table.look();
  const others = Array.from({ length: 500 }, () => table.look());
  assertEquals(finish.length, 1);
  finish[0]!();
  await first;
  await Promise.resolve();
  assertEquals(finish.length, 2, "those who asked while one look was under way get a new one");
  finish[1]!();
  assertEquals(new Set(await Promise.all(others)).size, 1);
  const last = table.look();
  assertEquals(finish.length, 3);
  finish[2]!();
  await last;
});

Deno.test("ProcessTable.look() says why nothing can be seen", async () => {
  assertEquals(await new ProcessTable({ reason: "not permitted" }).look(), { reason: "not permitted" });
  const broken = new ProcessTable({ read: () => Promise.reject(new Error("ps is gone")) });
  assertEquals(await broken.look(), { reason: "ps is gone" });
  assertEquals(await broken.look(), { reason: "ps is gone" });
});

Deno.test({
  name: "systemProcesses() sees this program with its child, and how much memory it uses",
  ignore: process.platform === "win32",
  async fn(): Promise<void> {
    const child = spawn("sleep", ["60"], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    try {
      const look = await systemProcesses().look();
      assert(look instanceof Processes);
      assertEquals(look.get(child.pid!)?.ppid, process.pid);
      assert(look.withDescendants([process.pid]).has(child.pid!));
      const told = look.get(process.pid)!.residentKb;
      const used = process.memoryUsage().rss / 1024;
      assert(told > used / 2 && told < used * 2, `${told} KiB, but ${used} KiB by its own account`);
      assertEquals((await systemProcesses().look() as Processes).get(child.pid!)?.start, look.get(child.pid!)?.start);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
  },
});
