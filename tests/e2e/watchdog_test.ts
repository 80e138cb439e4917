/** A program whose loop is blocked is ended from a thread; all others are left alone. */
import { assertEquals, assertGreater, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import process from "node:process";
import { ReeveError } from "../../mod.ts";
import { startWatchdog } from "../../src/runtime/watchdog.ts";
import { outcomeOf, start } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { moduleUrl, programArgs } from "../support/runtime.ts";

/** A program with a watchdog, `spin` and `pause`. */
function watchedProgram(options: string, body: string): string {
  return `import { startWatchdog } from "${moduleUrl("src/runtime/watchdog")}";
import process from "node:process";
const spin = (ms) => { for (const endsAtMs = performance.now() + ms; performance.now() < endsAtMs;); };
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const watchdog = await startWatchdog(${options});
${body}
`;
}

/** Deno before 2.9 wants this for a signal to oneself. */
const FLAGS = ["--allow-run"];

const UNIX = process.platform !== "win32";

Deno.test({
  name: "startWatchdog() ends a program that is in an endless loop, and says why",
  ignore: !UNIX,
  async fn(): Promise<void> {
    const startedAtMs = Date.now();
    const { code, output } = await outcomeOf(watchedProgram("{ timeoutMs: 1_000 }", "setTimeout(() => { while (true); }, 200);"), ...FLAGS);
    assertMatch(output, /^reeve: the loop of the program has been blocked for \d\.\d s, its watchdog ends the process\n$/);
    assertEquals(code, 128 + 9);
    assertGreater(Date.now() - startedAtMs, 1_000);
  },
});

Deno.test({
  name: "startWatchdog() ends a program that waits for something in one call that never comes",
  ignore: !UNIX,
  async fn(): Promise<void> {
    const wait = "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);";
    assertEquals((await outcomeOf(watchedProgram("{ timeoutMs: 500 }", wait), ...FLAGS)).code, 128 + 9);
  },
});

Deno.test("startWatchdog() does nothing about blocks that are shorter than its limit, one after the other", async () => {
  const body = `for (let turn = 0; turn < 4; turn++) {
  await pause(37 * turn + 1);
  spin(700);
}
console.log("lived");`;
  assertEquals(await outcomeOf(watchedProgram("{ timeoutMs: 2_000 }", body), ...FLAGS), { code: 0, output: "lived\n" });
});

Deno.test("startWatchdog() reports alone where that is wanted, once, and says when the loop goes on", async () => {
  const { code, output } = await outcomeOf(
    watchedProgram('{ timeoutMs: 800, onStall: "report" }', "spin(3_000); await pause(3_000);"),
    ...FLAGS,
  );
  assertMatch(
    output,
    /^reeve: the loop of the program has been blocked for \d\.\d s\nreeve: the loop of the program goes on, it was blocked for about \d\.\d s\n$/,
  );
  assertEquals(code, 0);
});

Deno.test("startWatchdog() does not keep the program alive", async () => {
  assertEquals(await outcomeOf(watchedProgram("{ timeoutMs: 60_000 }", ""), ...FLAGS), { code: 0, output: "" });
});

Deno.test("a watchdog that was closed watches no more, and says nothing of it", async () => {
  const body = `await watchdog.close();
await watchdog[Symbol.asyncDispose]();
spin(1_500);
console.log("lived");`;
  assertEquals(await outcomeOf(watchedProgram("{ timeoutMs: 300 }", body), ...FLAGS), { code: 0, output: "lived\n" });
});

Deno.test({
  name: "a process that was stopped and goes on was not blocked",
  ignore: !UNIX,
  async fn(): Promise<void> {
    const body = `process.on("SIGTERM", () => {
  console.log("lived");
  process.exit(0);
});
console.log("pid", process.pid);
await pause(60_000);`;
    await withFolder({ "main.mjs": watchedProgram("{ timeoutMs: 500 }", body) }, async (folder) => {
      const program = start(programArgs(join(folder, "main.mjs"), FLAGS));
      await program.until("pid");
      const pid = Number(/pid (\d+)/.exec(program.output())?.[1]);
      for (let turn = 0; turn < 2; turn++) {
        process.kill(pid, "SIGSTOP");
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        process.kill(pid, "SIGCONT");
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
      program.signal("SIGTERM");
      assertEquals(await program.ended, 0, program.output());
      assertStringIncludes(program.output(), "lived");
    });
  },
});

Deno.test({
  name: "startWatchdog() without a permission does what it promises, or names the flag",
  ignore: !UNIX,
  async fn(): Promise<void> {
    const { code, output } = await outcomeOf(watchedProgram("{ timeoutMs: 500 }", "while (true);"));
    if (code !== 1) assertEquals(code, 128 + 9, output);
    else {assertMatch(
        output,
        /Cannot watch the loop of the program: Requires run access.*\. Add --allow-run to the command, or report alone\n/,
      );}
    const reported = await outcomeOf(watchedProgram('{ timeoutMs: 300, onStall: "report" }', "spin(5_000);"));
    assertEquals(reported.code, 0);
    assertMatch(reported.output, /^reeve: the loop of the program has been blocked for/);
  },
});

Deno.test("startWatchdog() refuses a limit that is none, and starts no thread", async () => {
  for (const timeoutMs of [0, 99, -1, NaN, Infinity, 2 ** 31]) {
    const error = await assertRejects(() => startWatchdog({ timeoutMs }), ReeveError);
    assertEquals([error.code, error.message.includes(`${timeoutMs}`)], ["watchdog_not_started", true]);
  }
});
