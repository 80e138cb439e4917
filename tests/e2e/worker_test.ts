import { assert, assertEquals } from "@std/assert";
import { child, supervise } from "../../mod.ts";
import { platform } from "../../src/platform/mod.ts";
import { systemClock } from "../../src/runtime/mod.ts";
import { workerAdapter } from "../../src/runtime/children/worker.ts";
import type { RunningChild } from "../../src/runtime/children/types.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { moduleUrl } from "../support/runtime.ts";
import { until } from "../support/until.ts";
import { Recorder, type RecorderOptions } from "../runtime/children/recorder.ts";

/** What the adapter does for itself does not keep the program alive; in a tree something else does. */
async function withWorker(
  file: string,
  options: RecorderOptions,
  run: (recorder: Recorder, child: RunningChild) => Promise<void>,
): Promise<void> {
  const keepAlive = setInterval(() => {}, 1_000);
  try {
    // A thread that is slow to answer is none that does not answer.
    const recorder = new Recorder({ clock: new VirtualClock(), ...options });
    await run(recorder, workerAdapter(moduleUrl(`tests/fixtures/workers/${file}`)).start(recorder));
  } finally {
    clearInterval(keepAlive);
  }
}

function failure(kind: "failed" | "panicked", category: string, message: string): unknown {
  return { kind, failure: { kind: kind === "failed" ? "error" : "panic", category, message } };
}

// --- how a worker ends -------------------------------------------------------------------------------------------------------------------

Deno.test("workerAdapter() runs the function of the file with its context and reports success", () =>
  withWorker("echo", { args: { size: 3 }, environment: [["MODE", "fast"]], clock: systemClock() }, async (recorder) => {
    assertEquals(await recorder.exit(), { kind: "succeeded" });
    assertEquals(recorder.reports, ["running", "ready true", "exited succeeded"]);
    assertEquals(recorder.lines, ["log: first", "log: second", 'log: ["/tree/child","child",2,7,{"size":3},"fast"]']);
    assertEquals(recorder.heartbeats.length, 1);
    const age = recorder.clock.now() - recorder.heartbeats[0]!;
    assert(age >= 0 && age < 5_000, `the heartbeat is ${age} ms old`);
  }));

Deno.test("workerAdapter() ends when the worker has put away what it used", () =>
  withWorker("defers", {}, async (recorder) => {
    assertEquals(await recorder.exit(), { kind: "succeeded" });
    assertEquals(recorder.lines, ["log: works", "log: closed", "log: deferred"]);
  }));

Deno.test("workerAdapter() ends when the sub-tasks of the worker have ended, before it puts away", async () => {
  const lines = ["log: sub-task stopped", "log: put away"];
  await withWorker("spawns", {}, async (recorder) => {
    assertEquals([await recorder.exit(), recorder.lines], [{ kind: "succeeded" }, lines]);
  });
  await withWorker("spawns", { args: "fails" }, async (recorder) => {
    assertEquals([await recorder.exit(), recorder.lines], [failure("panicked", "RangeError", "too far"), lines]);
  });
});

Deno.test("workerAdapter() hands on what a worker asks for; what it may not ask for throws in the worker", () =>
  withWorker("requests", { permissions: { allowRestart: true } }, async (recorder) => {
    const text = 'Cannot request a shutdown from "/tree/child": it may not. Set commandPermissions: { allowShutdown: true } on the child';
    assertEquals(await recorder.exit(), failure("panicked", "ReeveError", text));
    assertEquals(recorder.reports, ["running", "requests restart: new\\ncertificate", "exited panicked"]);
  }));

Deno.test("workerAdapter() reports what a worker says of its own failure", () =>
  withWorker("fatal", {}, async (recorder) => {
    assertEquals(await recorder.exit(), {
      kind: "panicked",
      failure: { kind: "fatal_config", category: "fatal_config", message: "STORE_DSN is no URL" },
    });
  }));

Deno.test("workerAdapter() reports how a worker fails", async () => {
  const cases: readonly (readonly [string, unknown, unknown])[] = [
    ["throws", null, failure("panicked", "RangeError", "too far")],
    ["exits", 3, { kind: "failed", failure: { kind: "error", category: "exit_code", message: "exited with code 3", exitCode: 3 } }],
    ["exits", 0, { kind: "succeeded", exitCode: 0 }],
    ["cancels_itself", null, { kind: "cancelled" }],
    [
      "forgets_to_serve",
      null,
      failure(
        "failed",
        "worker_handshake_missing",
        "The worker ended without a report: its file must call serveWorker of @reeve/supervisor/worker",
      ),
    ],
    [
      "old_version",
      null,
      failure("failed", "worker_version", "Cannot use the worker: its messages have version 0, must be 1. Use one version of the package"),
    ],
  ];
  for (const [file, args, expected] of cases) {
    await withWorker(file, { args }, async (recorder) => assertEquals(await recorder.exit(), expected, file));
  }
  // What the runtime says about a missing file depends on whether it checks types.
  await withWorker("never_written", {}, async (recorder) => assertEquals((await recorder.exit()).kind, "panicked"));
});

Deno.test("workerAdapter() reports an error outside of the function", () =>
  withWorker("dies_outside", {}, async (recorder) => {
    assertEquals(await recorder.exit(), failure("panicked", "TypeError", "outside of the function"));
  }));

Deno.test("workerAdapter() fails when the arguments cannot be sent", () =>
  withWorker("echo", { args: () => {} }, async (recorder) => {
    const exit = await recorder.exit();
    assert(exit.kind === "failed" && exit.failure.category === "start_failed");
  }));

Deno.test("workerAdapter() trusts no message", () =>
  withWorker("rude", { clock: systemClock() }, async (recorder) => {
    assertEquals(await recorder.exit(), failure("panicked", "Error", "gave no reason"));
    assertEquals(recorder.reports, ["running", "exited panicked"]);
    const refused =
      'log: Cannot request a shutdown from "/tree/child": it may not. Set commandPermissions: { allowShutdown: true } on the child';
    assertEquals(recorder.lines, ["log: a line", refused]);
    assertEquals(recorder.heartbeats.length, 5);
    for (const atMs of recorder.heartbeats) assert(atMs <= recorder.clock.now());
  }));

for (const apartMs of [-3_600_000, 0, 3_600_000]) {
  Deno.test(`heartbeats of a worker are as old as they are where the calendar was set by ${apartMs / 3_600_000} h before it began`, () =>
    withWorker("other_calendar", { args: { apartMs }, clock: systemClock() }, async (recorder) => {
      assertEquals(await recorder.exit(), { kind: "succeeded" });
      const ages = recorder.heartbeats.map((atMs) => recorder.clock.now() - atMs);
      assertEquals(ages.map((age) => age < 0 ? "to come" : age < 10_000 ? "new" : age < 80_000 ? "a minute old" : age), [
        "new",
        "new",
        "a minute old",
      ]);
    }));
}

// --- stopping ----------------------------------------------------------------------------------------------------------------------------

Deno.test("cancel() aborts the signal of a worker and waits for its end", () =>
  withWorker("until_stopped", {}, async (recorder, child) => {
    await recorder.until(() => recorder.reports.includes("ready true"));
    child.cancel();
    child.cancel();
    assertEquals(await recorder.exit(), { kind: "cancelled" });
    assertEquals(recorder.lines, ["log: cleaning up"]);
  }));

Deno.test("cancel() reaches a worker that has not said hello yet", () =>
  withWorker("until_stopped", {}, async (recorder, child) => {
    child.cancel();
    await recorder.until(() => recorder.reports.includes("running"));
    // The listener comes too late to hear of the abort: forcing ends what asking did not.
    child.kill();
    const { kind } = await recorder.exit();
    assertEquals(kind, "killed");
  }));

Deno.test("kill() ends a worker that ignores the stop but is not busy", () =>
  withWorker("stubborn", {}, async (recorder, child) => {
    await recorder.until(() => recorder.reports.includes("ready true"));
    child.cancel();
    child.kill();
    assertEquals(await recorder.exit(), { kind: "killed" });
    assertEquals(recorder.reports, ["running", "ready true", "exited killed"]);
  }));

Deno.test("kill() never says that a busy thread is gone while it still writes", async () => {
  const numbers = new Int32Array(new SharedArrayBuffer(8));
  await withWorker("busy", { args: numbers.buffer, clock: systemClock() }, async (recorder, child) => {
    await recorder.until(() => recorder.reports.includes("ready true"));
    while (Atomics.load(numbers, 1) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    child.cancel();
    child.kill();
    await recorder.until(() => recorder.reports.length > 2);
    const before = Atomics.load(numbers, 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (platform.terminateStopsBusyThreads) {
      assertEquals(recorder.reports, ["running", "ready true", "exited killed"]);
      assertEquals(Atomics.load(numbers, 1), before);
    } else {
      assertEquals(recorder.reports, ["running", "ready true", "abandoned"]);
      await until(() => Atomics.load(numbers, 1) > before, () => "it does not write any more");
    }
    // Once it is no longer busy, its end is told.
    Atomics.store(numbers, 0, 1);
    await recorder.exit();
  });
});

Deno.test("workerAdapter() gives up a worker that never calls serveWorker", async () => {
  const clock = new VirtualClock();
  await withWorker("never_serves", { clock }, async (recorder) => {
    await clock.advance(10_000);
    if (platform.terminateStopsBusyThreads) {
      const exit = await recorder.exit();
      assert(exit.kind === "failed" && exit.failure.category === "worker_handshake_timeout");
      return;
    }
    // Nobody can tell whether it is busy.
    await clock.advance(500);
    assertEquals(recorder.reports, ["abandoned"]);
    assertEquals(recorder.lines, [
      "log: The worker did not report within 10000 ms: its file must call serveWorker of @reeve/supervisor/worker",
    ]);
  });
});

// --- watching others ---------------------------------------------------------------------------------------------------------------------

Deno.test("a worker hears how a sibling ends, one by one, and that there is none; its watches end with its attempt", async () => {
  let attempts = 0;
  const fail = (): void => {
    if (++attempts < 3) throw new Error("no");
  };
  const tree = await supervise({
    children: [
      child.worker("watcher", moduleUrl("tests/fixtures/workers/watches"), {
        readiness: { mode: "explicit" },
        restartPolicy: "temporary",
      }),
      child.task("db", fail, { dependencies: ["watcher"], restartPolicy: "transient", backoff: { initialMs: 1, maxMs: 1 } }),
    ],
  });
  const lines: string[] = [];
  const stop = new AbortController();
  const reading = (async () => {
    for await (const item of tree.logs({ signal: stop.signal })) if ("line" in item && item.path === "/watcher") lines.push(item.line);
  })();
  for await (const event of tree.events()) if (event.type === "child_succeeded" && event.path === "/watcher") break;
  const { reconcile } = await tree.shutdown();
  stop.abort();
  await reading;
  assertEquals(lines, [
    "/db failed true",
    "/db failed true",
    "after return: true",
    '/dc not_found: there is no such child. Did you mean "/db"?',
    "the watch ended with the attempt",
  ]);
  assertEquals(reconcile.left, []);
});
