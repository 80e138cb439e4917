/** Sub-tasks of an attempt, through the adapter of a task. */
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { Exit } from "../../../src/event/mod.ts";
import { taskAdapter } from "../../../src/runtime/children/task.ts";
import type { RunningChild } from "../../../src/runtime/children/types.ts";
import type { TaskContext, TaskFunction } from "../../../src/spec/mod.ts";
import { VirtualClock } from "../../../src/testing/mod.ts";
import { Recorder } from "./recorder.ts";

function start(task: TaskFunction, clock = new VirtualClock()): { recorder: Recorder; child: RunningChild; clock: VirtualClock } {
  const recorder = new Recorder({ clock });
  return { recorder, child: taskAdapter(task).start(recorder), clock };
}

async function exitOf(task: TaskFunction): Promise<Exit> {
  return await start(task).recorder.exit();
}

function panic(category: string, message: string): Exit {
  return { kind: "panicked", failure: { kind: "panic", category, message } };
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) return reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

/** Ends when it is told to, whatever its signal says. */
function newGate<T = void>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
} {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((done, fail) => [resolve, reject] = [done, fail]);
  return { promise, resolve, reject };
}

// --- results -----------------------------------------------------------------------------------------------------------------------------

Deno.test("spawn() runs sub-tasks beside each other and gives their results, destructured or not", async () => {
  const results: unknown[] = [];
  const exit = await exitOf(async (context) => {
    const { spawn } = context;
    const log: string[] = [];
    const slow = spawn(async () => {
      log.push("slow begins");
      await Promise.resolve();
      return "slow";
    });
    const plain = context.spawn(() => 5);
    const like: PromiseLike<string> = { then: (resolve, reject) => Promise.resolve("then").then(resolve, reject) };
    const thenable = spawn(() => like);
    log.push("function goes on");
    results.push(...await Promise.all([slow, plain, thenable]), log);
  });
  assertEquals([exit, results], [{ kind: "succeeded" }, ["slow", 5, "then", ["slow begins", "function goes on"]]]);
});

Deno.test("spawn() works from within a sub-task", async () => {
  let sum = 0;
  const exit = await exitOf(async ({ spawn }) => {
    sum = await spawn(async () => await spawn(() => 1) + await spawn(() => 2));
  });
  assertEquals([exit, sum], [{ kind: "succeeded" }, 3]);
});

// --- the end of the function ---------------------------------------------------------------------------------------------------------------

Deno.test("the end of the function aborts the signal of sub-tasks; the attempt ends, and puts away, after the last of them", async () => {
  const log: string[] = [];
  const gate = newGate();
  const { recorder, clock } = start(({ spawn, defer, signal }) => {
    defer(() => log.push(`first put away, aborted: ${signal.aborted}`));
    defer(() => log.push("last put away"));
    spawn((own) =>
      untilAborted(own).catch(async () => {
        log.push("cleans up");
        await gate.promise;
        log.push("ended");
      })
    );
    spawn(untilAborted);
  });
  await clock.advance(60_000);
  assertEquals([recorder.reports, log], [["running"], ["cleans up"]]);
  gate.resolve();
  assertEquals(await recorder.exit(), { kind: "succeeded" });
  assertEquals(log, ["cleans up", "ended", "last put away", "first put away, aborted: false"]);
});

Deno.test("spawn() from a sub-task still works after the function is over, with a signal that is aborted", async () => {
  let seen: unknown[] = [];
  const exit = await exitOf(({ spawn }) => {
    spawn(async (signal) => {
      await untilAborted(signal).catch(() => {});
      seen = [await spawn(({ aborted }) => aborted)];
    });
  });
  assertEquals([exit, seen], [{ kind: "succeeded" }, [true]]);
});

Deno.test("spawn() throws when the attempt is over: after it, and while it puts away", async () => {
  const contexts: TaskContext[] = [];
  let calls = 0;
  await exitOf((context) => {
    contexts.push(context);
  });
  await exitOf((context) => {
    contexts.push(context);
    context.spawn(() => calls++);
  });
  for (const context of contexts) {
    assertThrows(() => context.spawn(() => calls++), Error, "Cannot spawn a sub-task: the attempt is over");
  }
  const exit = await exitOf(({ spawn, defer }) => {
    defer(() => void spawn(() => calls++));
  });
  assertEquals([exit, calls], [panic("Error", "Cannot spawn a sub-task: the attempt is over, must be before its end"), 1]);
});

// --- failures ------------------------------------------------------------------------------------------------------------------------------

Deno.test("a sub-task that fails fails the attempt, and stops the function and the other sub-tasks", async () => {
  const log: string[] = [];
  const exit = await exitOf(async ({ spawn, signal }) => {
    spawn((own) => untilAborted(own).catch(() => log.push("sibling stopped")));
    spawn(() => Promise.reject(new RangeError("too far")));
    await untilAborted(signal).catch(() => log.push("function stopped"));
  });
  assertEquals(exit, panic("RangeError", "too far"));
  assertEquals(log.sort(), ["function stopped", "sibling stopped"]);
});

Deno.test("a sub-task that throws before it returns a promise fails the attempt alike", async () => {
  const exit = await exitOf(({ spawn }) => {
    spawn(() => {
      throw new RangeError("too far");
    });
    throw new TypeError("later");
  });
  assertEquals(exit, panic("RangeError", "too far"));
});

Deno.test("the first failure wins, of sub-tasks and of the function", async () => {
  const [a, b] = [newGate(), newGate()];
  const both: TaskFunction = async ({ spawn }) => {
    spawn(() => a.promise);
    await b.promise;
  };
  const first = start(both);
  a.reject(new RangeError("sub-task"));
  await first.clock.advance(1);
  assertEquals(first.recorder.reports, ["running"]);
  b.reject(new TypeError("function"));
  assertEquals(await first.recorder.exit(), panic("RangeError", "sub-task"));

  const [c, d] = [newGate(), newGate()];
  const second = start(async ({ spawn }) => {
    spawn(() => c.promise);
    await d.promise;
  });
  d.reject(new TypeError("function"));
  await second.clock.advance(1);
  c.reject(new RangeError("sub-task"));
  assertEquals(await second.recorder.exit(), panic("TypeError", "function"));

  const two = await exitOf(async ({ spawn, signal }) => {
    spawn((own) => untilAborted(own).catch(() => Promise.reject(new TypeError("second"))));
    spawn(() => Promise.reject(new RangeError("first")));
    await untilAborted(signal);
  });
  assertEquals(two, panic("RangeError", "first"));
});

Deno.test("a failure after the function has returned fails the attempt as well", async () => {
  assertEquals(
    await exitOf(({ spawn }) => {
      spawn((signal) => untilAborted(signal).catch(() => Promise.reject(new Error("clean-up failed"))));
    }),
    panic("Error", "clean-up failed"),
  );
});

Deno.test("an abort error of a sub-task is a failure only when nobody had stopped it", async () => {
  const gone = new DOMException("gone", "AbortError");
  assertEquals(await exitOf(({ spawn }) => void spawn((signal) => untilAborted(signal).catch(() => Promise.reject(gone)))), {
    kind: "succeeded",
  });
  assertEquals(
    await exitOf(async ({ spawn, signal }) => {
      spawn(() => Promise.reject(gone));
      await untilAborted(signal);
    }),
    panic("AbortError", "gone"),
  );
});

Deno.test("a failure that is caught inside the sub-task is none; one that is caught outside is", async () => {
  const failing = (): Promise<never> => Promise.reject(new RangeError("too far"));
  assertEquals(await exitOf(({ spawn }) => spawn(() => failing().catch(() => {}))), { kind: "succeeded" });
  let seen: unknown;
  assertEquals(
    await exitOf(async ({ spawn }) => {
      seen = await assertRejects(() => spawn(failing), RangeError);
    }),
    panic("RangeError", "too far"),
  );
  assert(seen instanceof RangeError);
});

// --- stopping ------------------------------------------------------------------------------------------------------------------------------

Deno.test("a stop aborts the signal of sub-tasks with the one reason of every stop, and the exit is cancelled", async () => {
  const reasons: unknown[] = [];
  const { recorder, child } = start(async ({ spawn, signal }) => {
    spawn((own) => untilAborted(own).catch((reason) => reasons.push(reason)));
    await untilAborted(signal).catch((reason) => reasons.push(reason));
  });
  child.cancel();
  assertEquals(await recorder.exit(), { kind: "cancelled" });
  assertEquals(reasons.length, 2);
  assertStrictEquals(reasons[0], reasons[1]);
});

Deno.test("a sub-task that is spawned after the stop sees it at once", async () => {
  const gate = newGate();
  let aborted: boolean | undefined;
  const { recorder, child } = start(async ({ spawn }) => {
    await gate.promise;
    aborted = await spawn((signal) => signal.aborted);
  });
  child.cancel();
  gate.resolve();
  assertEquals([await recorder.exit(), aborted], [{ kind: "cancelled" }, true]);
});

Deno.test("a sub-task that ignores the stop keeps the attempt from ending until it is forced, and its late end is told", async () => {
  const gate = newGate();
  const { recorder, child, clock } = start(({ spawn }) => void spawn(() => gate.promise));
  child.cancel();
  await clock.advance(60_000);
  assertEquals(recorder.reports, ["running"]);
  child.kill();
  assertEquals(recorder.reports, ["running", "abandoned"]);
  gate.resolve();
  await recorder.exit();
  assertEquals(recorder.reports, ["running", "abandoned", "exited succeeded"]);
});

// --- requests ------------------------------------------------------------------------------------------------------------------------------

Deno.test("requestRestart() and requestShutdown() work destructured, and throw where that is not permitted", async () => {
  const recorder = new Recorder({ permissions: { allowRestart: true } });
  taskAdapter(({ requestRestart, requestShutdown }) => {
    requestRestart("new certificate");
    requestRestart();
    requestShutdown("too bad");
  }).start(recorder);
  const exit = await recorder.exit();
  assertEquals(recorder.reports.slice(1, 3), ["requests restart: new certificate", "requests restart: requested"]);
  assertEquals(
    exit,
    panic(
      "ReeveError",
      'Cannot request a shutdown from "/tree/child": it may not. Set commandPermissions: { allowShutdown: true } on the child',
    ),
  );
});
