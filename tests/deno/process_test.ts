import { assertEquals } from "@std/assert";
import { processAdapter } from "../../src/runtime/children/process.ts";
import { Recorder } from "../runtime/children/recorder.ts";

function start(command: string, ...args: string[]): Recorder {
  const recorder = new Recorder();
  processAdapter({ command, args }, { signal: "SIGTERM", killTree: true }).start(recorder);
  return recorder;
}

function failed(category: string, message: string): unknown {
  return { kind: "failed", failure: { kind: "error", category, message } };
}

Deno.test("processAdapter() notices a death by a signal that the runtime does not know", async () => {
  const keepAlive = setInterval(() => {}, 1_000);
  const recorder = start("sh", "-c", "echo last words; kill -36 $$");
  assertEquals(await recorder.exit(), failed("signal", "ended by a signal that the runtime does not know"));
  assertEquals(recorder.lines, ["stdout: last words"]);
  clearInterval(keepAlive);
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
