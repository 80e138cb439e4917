import { assert, assertEquals, assertMatch } from "@std/assert";
import { pathToFileURL } from "node:url";
import { processAdapter } from "../../src/runtime/children/process.ts";
import { workerAdapter } from "../../src/runtime/children/worker.ts";
import { withFolder } from "../support/folder.ts";
import { Recorder } from "../runtime/children/recorder.ts";
import { keptAlive } from "../support/alive.ts";

function start(command: string, ...args: string[]): Recorder {
  const recorder = new Recorder();
  processAdapter({ command, args }, { signal: "SIGTERM", killTree: true }).start(recorder);
  return recorder;
}

function failed(category: string, message: string): unknown {
  return { kind: "failed", failure: { kind: "error", category, message } };
}

Deno.test({
  name: "processAdapter() notices a death by a signal that the runtime does not know",
  // Deno before 2.9 never closes its own handle of such a process.
  sanitizeResources: false,
  fn: () =>
    keptAlive(async () => {
      const recorder = start("sh", "-c", "echo last words; kill -36 $$");
      assertEquals(await recorder.exit(), failed("signal", "ended by a signal that the runtime does not know"));
      assertEquals(recorder.lines, ["stdout: last words"]);
    }),
});

for (const [permission, flag] of [["run", "--allow-run"], ["env", "--allow-env"]] as const) {
  Deno.test({
    name: `processAdapter() names ${flag} when that permission is missing`,
    permissions: { run: true, env: true, read: true, [permission]: false },
    async fn(): Promise<void> {
      const exit = await start("sh").exit();
      assertEquals(exit, failed("start_failed", `Cannot run "sh": the runtime does not permit it. Add ${flag} to the command`));
    },
  });
}

Deno.test("workerAdapter() of Deno does not mislead when a module is missing that the worker imports", async () => {
  const keepAlive = setInterval(() => {}, 1_000);
  await withFolder({ "worker.mjs": 'import "./not_there.mjs";\n' }, async (folder) => {
    const recorder = new Recorder();
    workerAdapter(pathToFileURL(`${folder}/worker.mjs`).href).start(recorder);
    const exit = await recorder.exit();
    assert(exit.kind === "panicked");
    // Where it checks types, it says no more than that it could not.
    assertMatch(
      exit.failure.message,
      /worker\.mjs'\. Deno names the file that was to be run, even where what is missing|^Type checking failed\./,
    );
  });
  clearInterval(keepAlive);
});
