/** What children do in Node and not in Deno. */
import { assertEquals } from "@std/assert";
import { processAdapter } from "../../src/runtime/children/process.ts";
import { workerAdapter } from "../../src/runtime/children/worker.ts";
import { Recorder } from "../runtime/children/recorder.ts";
import { moduleUrl } from "../support/runtime.ts";

async function withKeepAlive(run: () => Promise<void>): Promise<void> {
  const keepAlive = setInterval(() => {}, 1_000);
  try {
    await run();
  } finally {
    clearInterval(keepAlive);
  }
}

Deno.test("workerAdapter() of Node captures what a worker prints", () =>
  withKeepAlive(async () => {
    const recorder = new Recorder();
    workerAdapter(moduleUrl("tests/fixtures/workers/prints")).start(recorder);
    await recorder.exit();
    assertEquals([...recorder.lines].sort(), ["stderr: to stderr", "stdout: to stdout"]);
  }));

// libuv knows the number of the signal, but Node drops numbers that have no name.
Deno.test("processAdapter() of Node cannot tell a death by a real-time signal from success", () =>
  withKeepAlive(async () => {
    const recorder = new Recorder();
    processAdapter({ command: "sh", args: ["-c", "kill -36 $$"] }, { signal: "SIGTERM", killTree: true }).start(recorder);
    assertEquals(await recorder.exit(), { kind: "succeeded", exitCode: 0 });
  }));
