import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Exit } from "../../../src/event/mod.ts";
import { taskAdapter } from "../../../src/runtime/children/task.ts";
import type { TaskContext, TaskFunction } from "../../../src/spec/mod.ts";
import { VirtualClock } from "../../../src/testing/mod.ts";
import { Recorder } from "./recorder.ts";

async function exitOf(task: TaskFunction): Promise<Exit> {
  const recorder = new Recorder();
  taskAdapter(task).start(recorder);
  const exit = await recorder.exit();
  assertEquals(recorder.reports, ["running", `exited ${exit.kind}`]);
  return exit;
}

function panic(category: string, message: string): Exit {
  return { kind: "panicked", failure: { kind: "panic", category, message } };
}

function newGate(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => resolve = done);
  return { promise, resolve };
}

function hostile(): never {
  throw new Error("the value fights back");
}

// --- how a task ends ---------------------------------------------------------------------------------------------------------------------

Deno.test("taskAdapter() reports success when the function returns, whatever it returns", async () => {
  const values: readonly (readonly [string, unknown])[] = [
    ["nothing", undefined],
    ["null", null],
    ["a number", 5],
    ["an object", {}],
    ["a function", () => {}],
    ["a promise", Promise.resolve(1)],
    ["a thenable", { then: (resolve: (value: number) => void) => resolve(1) }],
  ];
  for (const [what, value] of values) assertEquals(await exitOf(() => value), { kind: "succeeded" }, what);
});

Deno.test("taskAdapter() reports a panic alike when the function throws and when it rejects", async () => {
  const expected = panic("RangeError", "too far");
  const error = new RangeError("too far");
  assertEquals(
    await exitOf(() => {
      throw error;
    }),
    expected,
  );
  assertEquals(await exitOf(() => Promise.reject(error)), expected);
  assertEquals(await exitOf(() => ({ then: (_: unknown, reject: (error: unknown) => void) => reject(error) })), expected);
});

Deno.test("taskAdapter() survives whatever is thrown or returned", async () => {
  const getters = new Error("x");
  Object.defineProperty(getters, "name", { get: hostile });
  const proxy = new Proxy({}, { get: hostile, has: hostile, getPrototypeOf: hostile });
  const numbers = Object.assign(new Error("x"), { name: 5, message: 6 });
  const values: readonly (readonly [unknown, Exit])[] = [
    [undefined, panic("thrown_value", "threw undefined")],
    ["text", panic("thrown_value", "threw text")],
    [Symbol("s"), panic("thrown_value", "threw Symbol(s)")],
    [{ toString: hostile }, panic("thrown_value", "threw a value that cannot be shown")],
    [Object.create(null), panic("thrown_value", "threw a value that cannot be shown")],
    [getters, panic("thrown_value", "x")],
    [proxy, panic("thrown_value", "threw a value that cannot be shown")],
    [numbers, panic("5", "6")],
  ];
  for (const [value, expected] of values) {
    assertEquals(await exitOf(() => Promise.reject(value)), expected);
    assertEquals(
      await exitOf(() => {
        throw value;
      }),
      expected,
    );
  }
  assertEquals((await exitOf(() => proxy)).kind, "panicked");
});

Deno.test("taskAdapter() bounds and cleans what a failure says", async () => {
  const error = Object.assign(new Error(`\x1b[31m${"x".repeat(5_000)}`), { name: `bad name\n${"n".repeat(100)}` });
  const exit = await exitOf(() => Promise.reject(error));
  assert(exit.kind === "panicked");
  assertEquals(exit.failure.category, `bad_name_${"n".repeat(55)}`);
  assert(exit.failure.message.startsWith("\\u{1b}[31mxxx"));
  assert(exit.failure.message.length < 1_100);
});

Deno.test("taskAdapter() does not read the stack of an error, which is dear", async () => {
  let reads = 0;
  const error = new Error("x");
  Object.defineProperty(error, "stack", { get: () => reads++ });
  await exitOf(() => Promise.reject(error));
  assertEquals(reads, 0);
});

// --- stopping ----------------------------------------------------------------------------------------------------------------------------

Deno.test("cancel() leads to a cancelled exit when the task returns or rejects with an abort error", async () => {
  const tasks: readonly TaskFunction[] = [
    ({ signal }) => new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())),
    ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    ({ signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(new DOMException("gone", "AbortError")))),
  ];
  for (const task of tasks) {
    const recorder = new Recorder();
    const child = taskAdapter(task).start(recorder);
    assertEquals(recorder.reports, ["running"]);
    child.cancel();
    child.cancel();
    assertEquals(await recorder.exit(), { kind: "cancelled" });
    assertEquals(recorder.reports, ["running", "exited cancelled"]);
  }
});

Deno.test("cancel() does not hide another error", async () => {
  const recorder = new Recorder();
  const task: TaskFunction = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("clean-up failed"))));
  taskAdapter(task).start(recorder).cancel();
  assertEquals(await recorder.exit(), panic("Error", "clean-up failed"));
});

Deno.test("taskAdapter() counts an abort error as a failure when nobody asked the task to stop", async () => {
  assertEquals(
    await exitOf(() => Promise.reject(new DOMException("fetch was aborted", "AbortError"))),
    panic("AbortError", "fetch was aborted"),
  );
});

Deno.test("signal is aborted from the start when it is read after the stop", async () => {
  const recorder = new Recorder();
  const gate = newGate();
  let aborted: boolean | undefined;
  const child = taskAdapter(async (context) => {
    await gate.promise;
    aborted = context.signal.aborted;
  }).start(recorder);
  child.cancel();
  gate.resolve();
  await recorder.exit();
  assertStrictEquals(aborted, true);
});

Deno.test("signal gives every stop the same reason", async () => {
  const reasons: unknown[] = [];
  const task: TaskFunction = ({ signal }) =>
    new Promise<void>((resolve) =>
      signal.addEventListener("abort", () => {
        reasons.push(signal.reason);
        resolve();
      })
    );
  for (let attempt = 0; attempt < 2; attempt++) {
    const recorder = new Recorder();
    taskAdapter(task).start(recorder).cancel();
    await recorder.exit();
  }
  assert(reasons[0] instanceof DOMException && reasons[0].name === "AbortError");
  assertStrictEquals(reasons[0], reasons[1]);
});

Deno.test("context.cancel() makes the exit cancelled and aborts the signal", async () => {
  let aborted = false;
  const exit = await exitOf(({ signal, cancel }) => {
    cancel("enough");
    aborted = signal.aborted;
  });
  assertEquals(exit, { kind: "cancelled" });
  assert(aborted);
});

Deno.test("kill() abandons the task, and a later end is still told", async () => {
  const recorder = new Recorder();
  const gate = newGate();
  const child = taskAdapter(() => gate.promise).start(recorder);
  child.cancel();
  child.kill();
  assertEquals(recorder.reports, ["running", "abandoned"]);
  gate.resolve();
  await recorder.exit();
  assertEquals(recorder.reports, ["running", "abandoned", "exited cancelled"]);
});

// --- the context -------------------------------------------------------------------------------------------------------------------------

Deno.test("TaskContext works destructured and as a whole", async () => {
  const clock = new VirtualClock({ startMs: 4_000 });
  const use: readonly TaskFunction[] = [
    (context) => {
      context.ready();
      context.ready(false);
      context.heartbeat();
      context.log("one\ntwo\r\n");
      assert(!context.signal.aborted);
    },
    ({ ready, heartbeat, log, signal }) => {
      ready();
      ready(false);
      heartbeat();
      log("one\ntwo\r\n");
      assert(!signal.aborted);
    },
  ];
  for (const task of use) {
    const recorder = new Recorder({ clock });
    taskAdapter(task).start(recorder);
    assertEquals(await recorder.exit(), { kind: "succeeded" });
    assertEquals(recorder.reports, ["running", "ready true", "ready false", "exited succeeded"]);
    assertEquals(recorder.heartbeats, [4_000]);
    assertEquals(recorder.lines, ["log: one", "log: two"]);
  }
});

Deno.test("TaskContext says which attempt it is, and what it was given", async () => {
  const recorder = new Recorder({ args: { size: 3 }, environment: [["MODE", "fast"]] });
  let seen: unknown[] = [];
  taskAdapter(({ path, name, generation, attempt, args, environment }) => {
    seen = [path, name, generation, attempt, args, environment.get("MODE")];
  }).start(recorder);
  await recorder.exit();
  assertEquals(seen, ["/tree/child", "child", 2, 7, { size: 3 }, "fast"]);
});

Deno.test("TaskContext shows no way to force the task", () => {
  let context: TaskContext | undefined;
  taskAdapter((given) => {
    context = given;
  }).start(new Recorder());
  assert(context !== undefined);
  assert(!("kill" in context) && !("run" in context));
});

// --- what a task puts away -------------------------------------------------------------------------------------------------------------------

Deno.test("defer() and use() put away in reverse order when the function is over, and the attempt ends after that", async () => {
  const log: string[] = [];
  const resource = (name: string): AsyncDisposable & { readonly name: string } => ({
    name,
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.resolve();
      log.push(`disposed ${name}`);
    },
  });
  const exit = await exitOf(({ defer, use }) => {
    defer(() => log.push("deferred"));
    log.push(use(resource("socket")).name);
    use({ [Symbol.dispose]: () => log.push("closed") });
    log.push("works");
  });
  assertEquals([exit, log], [{ kind: "succeeded" }, ["socket", "works", "closed", "disposed socket", "deferred"]]);
});

Deno.test("defer() is for failures and stops as well", async () => {
  let count = 0;
  const failed = await exitOf(({ defer }) => {
    defer(() => count++);
    throw new RangeError("too far");
  });
  assertEquals([failed, count], [panic("RangeError", "too far"), 1]);
  const recorder = new Recorder();
  const child = taskAdapter(async ({ defer, signal }) => {
    defer(() => count++);
    await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  }).start(recorder);
  child.cancel();
  assertEquals([await recorder.exit(), count], [{ kind: "cancelled" }, 2]);
});

Deno.test("what is put away wrongly makes a success a failure, and keeps nothing else from being put away", async () => {
  let count = 0;
  const task: TaskFunction = ({ defer }) => {
    defer(() => count++);
    defer(() => Promise.reject(new TypeError("cannot close")));
    defer(() => hostile());
  };
  assertEquals([await exitOf(task), count], [panic("Error", "the value fights back"), 1]);
});

Deno.test("a failure of the function counts more than one of what it put away, which goes to the log", async () => {
  const recorder = new Recorder();
  taskAdapter(({ defer }) => {
    defer(() => hostile());
    throw new RangeError("too far");
  }).start(recorder);
  assertEquals(await recorder.exit(), panic("RangeError", "too far"));
  assertEquals(recorder.lines, ["log: while putting away: the value fights back"]);
});

Deno.test("what is never put away ends the attempt after five seconds, as a failure", async () => {
  const clock = new VirtualClock();
  const recorder = new Recorder({ clock });
  taskAdapter(({ defer }) => {
    defer(() => new Promise(() => {}));
  }).start(recorder);
  await clock.advance(4_999);
  assertEquals(recorder.reports, ["running"]);
  await clock.advance(1);
  const exit = await recorder.exit();
  assertEquals("failure" in exit && [exit.kind, exit.failure.category], ["failed", "finalizer_timeout"]);
});

Deno.test("use() refuses what cannot be disposed of", async () => {
  const exit = await exitOf(({ use }) => void Reflect.apply(use, undefined, [{}]));
  assertEquals(exit, panic("TypeError", "Cannot use the value: it has no Symbol.dispose and no Symbol.asyncDispose"));
});
