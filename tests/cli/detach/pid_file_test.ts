import { assertEquals, assertRejects } from "@std/assert";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { AlreadyRuns, elapsedMs, ownerOf, takePidFile } from "../../../src/cli/detach/pid_file.ts";
import { inFolder } from "../../support/folder.ts";

Deno.test("takePidFile() writes the number whole, and release() takes only its own away", () =>
  inFolder(async (folder) => {
    const path = join(folder, "deeper/a.pid");
    const taken = await takePidFile(path);
    assertEquals(await readFile(path, "utf8"), `${process.pid}\n`);
    assertEquals(await readdir(join(folder, "deeper")), ["a.pid"]);
    await writeFile(path, "1\n");
    await taken.release();
    assertEquals(await readFile(path, "utf8"), "1\n");
  }));

Deno.test("takePidFile() leaves the file of a process that lives", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.pid");
    await writeFile(path, `${process.pid}\n`);
    const error = await assertRejects(() => takePidFile(path, 999_999_999), AlreadyRuns);
    assertEquals(error.pid, process.pid);
    assertEquals([await readFile(path, "utf8"), await readdir(folder)], [`${process.pid}\n`, ["a.pid"]]);
  }));

Deno.test("takePidFile() lets one of many have a file that was left behind", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.pid");
    await writeFile(path, "999999999\n");
    const taken = await Promise.allSettled([takePidFile(path), takePidFile(path, process.ppid)]);
    assertEquals(taken.filter(({ status }) => status === "fulfilled").length, 1);
    assertEquals(await readdir(folder), ["a.pid"]);
  }));

Deno.test("ownerOf() is nobody where a younger process has the number", () =>
  inFolder(async (folder) => {
    const path = join(folder, "a.pid");
    await writeFile(path, `${process.pid}\n`);
    assertEquals(await ownerOf(path), process.pid);
    const longAgo = new Date(Date.now() - 90 * 86_400_000);
    await utimes(path, longAgo, longAgo);
    assertEquals(await ownerOf(path), null);
  }));

Deno.test("elapsedMs() reads what ps says", () => {
  for (const [text, ms] of [[" 00:07\n", 7_000], ["01:02:03", 3_723_000], ["2-00:00:01", 172_801_000], ["", null], ["x", null]] as const) {
    assertEquals(elapsedMs(text), ms, text);
  }
});
