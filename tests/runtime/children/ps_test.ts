import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import process from "node:process";
import { runPs } from "../../../src/runtime/children/ps.ts";

function test(name: string, run: () => Promise<void>): void {
  Deno.test({ name, ignore: process.platform === "win32", fn: run });
}

test("runPs() tells of a process, and nothing of one that is not there", async () => {
  assertMatch(await runPs("-o", "pid=", "-p", `${process.pid}`), new RegExp(`^\\s*${process.pid}\\s*$`));
  assertEquals((await runPs("-o", "pid=", "-p", "2147483647")).trim(), "");
});

test("runPs() rejects with what ps complains of", async () => {
  await assertRejects(() => runPs("-o", "no-such-column="), Error, "no-such-column");
});

test("runPs() does not cut lines, whatever the terminal is said to be", async () => {
  const before = process.env["COLUMNS"];
  process.env["COLUMNS"] = "10";
  try {
    assertEquals((await runPs("-o", "pid=,ppid=,pgid=,lstart=", "-p", `${process.pid}`)).trim().length > 20, true);
  } finally {
    if (before === undefined) delete process.env["COLUMNS"];
    else process.env["COLUMNS"] = before;
  }
});
