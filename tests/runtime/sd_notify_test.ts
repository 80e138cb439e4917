import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import process from "node:process";
import { child, type ChildSpec, ReeveError, supervise, type TaskContext, type Tree } from "../../mod.ts";
import { notifySystemd, type SystemdNotifier, type SystemdOptions } from "../../src/runtime/sd_notify.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

const SOCKET = "/run/systemd/notify";

interface Told {
  readonly clock: VirtualClock;
  readonly tree: Tree;
  readonly notifier: SystemdNotifier;
  /** What was said, one list a run. */
  readonly said: string[][];
  readonly failures: ReeveError[];
  /** What the next runs do instead of what they should. */
  readonly plan: (() => Promise<void>)[];
  /** Gives the tasks that wait for it their turn to be ready. */
  ready(isReady?: boolean): void;
}

/** Runs a tree of which systemd is told. */
async function told(use: (told: Told) => Promise<void>, options: {
  readonly env?: Record<string, string>;
  readonly children?: readonly ChildSpec[];
  readonly onFailure?: SystemdOptions["onFailure"];
} = {}): Promise<void> {
  const clock = new VirtualClock();
  let context: TaskContext | undefined;
  const slow = child.task("slow", (given) => {
    context = given;
    return untilAborted(given);
  }, { readiness: { mode: "explicit" } });
  const { children = [slow, child.task("other", untilAborted)] } = options;
  await using tree = await supervise({ children }, { clock, keepAlive: false });
  const said: string[][] = [];
  const failures: ReeveError[] = [];
  const plan: (() => Promise<void>)[] = [];
  const notifier = await notifySystemd(tree, {
    env: { NOTIFY_SOCKET: SOCKET, ...options.env },
    clock,
    run: async (assignments, socket) => {
      assertEquals(socket, SOCKET);
      said.push([...assignments]);
      await plan.shift()?.();
    },
    onFailure: options.onFailure ?? ((error) => failures.push(error)),
  });
  assert(notifier !== null);
  await clock.advance(0);
  await use({ clock, tree, notifier, said, failures, plan, ready: (isReady) => context?.ready(isReady) });
}

/** What was said of one thing. */
function of(said: readonly (readonly string[])[], variable: string): string[] {
  return said.flat().filter((assignment) => assignment.startsWith(`${variable}=`)).map((assignment) =>
    assignment.slice(variable.length + 1)
  );
}

Deno.test("nobody is told anything where systemd does not wait for it", async () => {
  const tree = await supervise({ children: [] }, { keepAlive: false });
  const run = (): Promise<void> => Promise.reject(new Error("must not run"));
  for (const env of [{}, { NOTIFY_SOCKET: "" }, { WATCHDOG_USEC: "1000000" }]) assertEquals(await notifySystemd(tree, { env, run }), null);
  await tree.close();
});

Deno.test("the variables of systemd are taken out, so that no child speaks for the unit", async () => {
  const tree = await supervise({ children: [] }, { keepAlive: false });
  const env = { NOTIFY_SOCKET: SOCKET, WATCHDOG_USEC: "1", WATCHDOG_PID: "1", PATH: "/bin" };
  const notifier = await notifySystemd(tree, { env, run: () => Promise.resolve() });
  assertEquals(Object.keys(env), ["PATH"]);
  await notifier?.close();
  await tree.close();
});

Deno.test("ready is said when the tree is for the first time, and once", async () => {
  await told(async ({ clock, tree, said, ready }) => {
    await clock.advance(30_000);
    assertEquals(of(said, "READY"), []);
    ready();
    await clock.advance(0);
    assertEquals(of(said, "READY"), ["1"]);
    ready(false);
    await clock.advance(5_000);
    ready();
    await clock.advance(5_000);
    assertEquals(tree.snapshot().ready, true);
    assertEquals(of(said, "READY"), ["1"]);
    assertEquals(of(said, "STOPPING"), []);
  });
});

Deno.test("the status is one line, said when it changes and once a second at most", async () => {
  await told(async ({ clock, said, ready }) => {
    assertEquals(of(said, "STATUS"), ["1 of 2 children ready, 1 not ready yet"]);
    await clock.advance(60_000);
    assertEquals(of(said, "STATUS").length, 1, "nothing changed");
    for (let turn = 0; turn < 100; turn++) {
      ready(turn % 2 === 1);
      await clock.advance(10);
    }
    assertEquals(of(said, "STATUS").slice(1), ["2 of 2 children ready"]);
  });
});

Deno.test("the status names what the others are, and one child is a child", async () => {
  const failing = child.task("fails", () => Promise.reject(new Error("no")), { backoff: { initialMs: 60_000, maxMs: 60_000 } });
  await told(async ({ clock, tree, said }) => {
    await clock.advance(2_000);
    assertEquals(of(said, "STATUS").at(-1), "0 of 1 child ready, 1 in backoff");
    await tree.child("/fails").pause();
    await clock.advance(1_000);
    assertEquals(of(said, "STATUS").at(-1), "0 of 1 child ready, 1 stopped");
  }, { children: [failing] });
});

Deno.test("stopping is said when a shutdown begins, not when it is over, and once", async () => {
  let end = (): void => {};
  const lingers = child.task("lingers", () => new Promise<void>((resolve) => end = resolve), { stop: { timeoutMs: 60_000 } });
  await told(async ({ clock, tree, said }) => {
    const over = tree.shutdown();
    await clock.advance(0);
    assertEquals([of(said, "STOPPING"), tree.snapshot().phase], [["1"], "stopping"]);
    end();
    await over;
    await clock.advance(0);
    assertEquals([of(said, "STOPPING"), clock.timers], [["1"], 0]);
  }, { children: [lingers] });
});

Deno.test("a tree that is asked to stop before it was ready is never told as ready", async () => {
  await told(async ({ clock, tree, said, ready }) => {
    const over = tree.shutdown();
    ready();
    await over;
    await clock.advance(0);
    assertEquals([of(said, "READY"), of(said, "STOPPING")], [[], ["1"]]);
  });
});

Deno.test("close() says that the program stops, waits until that was said, and says no more", async () => {
  await told(async ({ clock, notifier, said, plan }) => {
    let finish = (): void => {};
    plan.push(() => new Promise((resolve) => finish = resolve));
    let isClosed = false;
    const closing = notifier.close().then(() => isClosed = true);
    await clock.advance(0);
    assertEquals([said.at(-1), isClosed], [["STOPPING=1"], false]);
    finish();
    await closing;
    await notifier[Symbol.asyncDispose]();
    const count = said.length;
    await clock.advance(60_000);
    assertEquals(said.length, count);
  }, { env: { WATCHDOG_USEC: "2000000" } });
});

Deno.test("what comes while systemd is being told goes together, and what is newer replaces what is older", async () => {
  await told(async ({ clock, said, plan, ready, tree }) => {
    let finish = (): void => {};
    plan.push(() => new Promise((resolve) => finish = resolve));
    const before = said.length;
    await clock.advance(2_000);
    assertEquals(said.slice(before), [["WATCHDOG=1"]]);
    ready();
    await clock.advance(1_000);
    ready(false);
    await clock.advance(6_000);
    assertEquals(said.length, before + 1, "one run at a time");
    finish();
    await clock.advance(0);
    const together = said[before + 1]!;
    assertEquals([...together].sort(), ["READY=1", "STATUS=1 of 2 children ready, 1 not ready yet", "WATCHDOG=1"]);
    assertEquals(said.length, before + 2);
    assertEquals(tree.snapshot().phase, "running");
  }, { env: { WATCHDOG_USEC: "4000000" } });
});

Deno.test("a ping is sent twice in the time that systemd waits, where it waits for this process", async () => {
  for (
    const [env, pings] of [
      [{ WATCHDOG_USEC: "4000000" }, 6],
      [{ WATCHDOG_USEC: "4000000", WATCHDOG_PID: `${process.pid}` }, 6],
      [{ WATCHDOG_USEC: "4000000", WATCHDOG_PID: "1" }, 0],
      [{ WATCHDOG_USEC: "0" }, 0],
      [{ WATCHDOG_USEC: "-5" }, 0],
      [{ WATCHDOG_USEC: "4e6" }, 0],
      [{ WATCHDOG_USEC: "" }, 0],
      [{}, 0],
      [{ WATCHDOG_USEC: "9999999999999999999" }, 1],
    ] as const
  ) {
    await told(async ({ clock, said }) => {
      await clock.advance(10_000);
      assertEquals(of(said, "WATCHDOG").length, pings, JSON.stringify(env));
    }, { env });
  }
});

Deno.test("a tree that handles nothing sends no ping, until it does", async () => {
  await told(async ({ clock, tree, said }) => {
    await clock.advance(8_000);
    const health = tree.health();
    let queueWaitMs = 2_000;
    tree.health = () => ({ ...health, queueWaitMs });
    const before = of(said, "WATCHDOG").length;
    await clock.advance(20_000);
    assertEquals(of(said, "WATCHDOG").length, before);
    queueWaitMs = 1_999;
    await clock.advance(2_000);
    assertEquals(of(said, "WATCHDOG").length, before + 1, "it waited, but not for longer than the time between two pings");
  }, { env: { WATCHDOG_USEC: "4000000" } });
});

Deno.test("what could not be said is told once, and is said again later and later, without old pings", async () => {
  const broken = (): Promise<void> => Promise.reject(new Error("no \x1b[31m socket"));
  await told(async ({ clock, said, plan, failures, ready, tree }) => {
    plan.push(broken, broken, broken);
    const before = said.length;
    ready();
    await clock.advance(0);
    assertEquals(said.slice(before), [["READY=1"]]);
    await clock.advance(1_000);
    assertEquals(said.length, before + 2, "the first try comes after one second");
    await clock.advance(1_999);
    assertEquals(said.length, before + 2);
    await clock.advance(1);
    assertEquals(said.length, before + 3);
    await clock.advance(4_000);
    assertEquals(said.length, before + 4);
    assertEquals([...said.at(-1)!].sort(), ["READY=1", "STATUS=2 of 2 children ready"]);
    assertEquals(failures.map(({ code }) => code), ["systemd_not_told"]);
    assertStringIncludes(failures[0]!.message, "Cannot tell systemd how the tree is: no");
    assert(!failures[0]!.message.includes("\x1b"));
    plan.push(broken);
    await tree.child("/other").pause();
    await clock.advance(60_000);
    assertEquals(failures.length, 2, "it had worked in between");
    assertEquals(of(said, "STATUS").at(-1), "1 of 2 children ready, 1 stopped");
  });
});

Deno.test("as long as it is not time to try again, nothing else is tried, and what is newer is said then", async () => {
  await told(async ({ clock, said, plan, ready, failures }) => {
    const broken = (): Promise<void> => Promise.reject(new Error("no"));
    let fail = (): void => {};
    plan.push(() => new Promise((_, reject) => fail = () => reject(new Error("late"))), broken);
    const before = said.length;
    ready();
    await clock.advance(0);
    // The run that is under way has READY; the status comes while it hangs, and is newer when it fails.
    await clock.advance(1_500);
    ready(false);
    await clock.advance(1_000);
    fail();
    await clock.advance(1_000);
    assertEquals(said.length, before + 2);
    ready();
    await clock.advance(1_900);
    assertEquals(said.length, before + 2, "the status has changed meanwhile");
    await clock.advance(100);
    assertEquals([...said.at(-1)!].sort(), ["READY=1", "STATUS=2 of 2 children ready"]);
    assertEquals(failures.length, 1);
  });
});

Deno.test("what failed does not replace what is newer", async () => {
  await told(async ({ clock, said, plan, ready }) => {
    ready();
    await clock.advance(0);
    let fail = (): void => {};
    plan.push(() => new Promise((_, reject) => fail = () => reject(new Error("late"))));
    await clock.advance(1_000);
    assertEquals(said.at(-1), ["STATUS=2 of 2 children ready"]);
    ready(false);
    await clock.advance(1_000);
    fail();
    await clock.advance(1_000);
    assertEquals(said.at(-1), ["STATUS=1 of 2 children ready, 1 not ready yet"]);
  });
});

Deno.test("close() says that the program stops even when what was under way fails", async () => {
  await told(async ({ clock, notifier, said, plan, ready }) => {
    let fail = (): void => {};
    plan.push(() => new Promise((_, reject) => fail = () => reject(new Error("late"))));
    ready();
    await clock.advance(0);
    const closing = notifier.close();
    await clock.advance(0);
    fail();
    await closing;
    assertEquals([...said.at(-1)!].sort(), ["READY=1", "STOPPING=1"]);
  });
});

Deno.test("a tree that is ready and asked to stop at the same moment is not told as ready after that", async () => {
  await told(async ({ clock, tree, said, ready }) => {
    ready();
    const over = tree.shutdown();
    await over;
    await clock.advance(0);
    const order = said.flat().map((assignment) => assignment.split("=")[0]).filter((name) => name === "READY" || name === "STOPPING");
    assert(["READY,STOPPING", "STOPPING"].includes(order.join()), order.join());
  });
});

Deno.test("a ping that failed is not made up for, and the next one comes in its time", async () => {
  await told(async ({ clock, said, plan }) => {
    plan.push(() => Promise.reject(new Error("no")));
    const before = said.length;
    await clock.advance(20_000);
    assertEquals(said.slice(before), [["WATCHDOG=1"], ["WATCHDOG=1"]], "at 10 s, which failed, and at 20 s");
  }, { env: { WATCHDOG_USEC: "20000000" } });
});

Deno.test("neither a run that throws at once nor a callback that throws disturbs the tree", async () => {
  await told(async ({ clock, plan, ready, tree, said }) => {
    plan.push(() => {
      throw new TypeError("at once");
    });
    ready();
    await clock.advance(0);
    await tree.ready();
    await clock.advance(1_000);
    assertEquals(of(said, "READY"), ["1", "1"]);
  }, {
    onFailure: () => {
      throw new Error("a callback");
    },
  });
});

Deno.test("variables that may not be read are an error that names the flags", async () => {
  const tree = await supervise({ children: [] }, { keepAlive: false });
  const env = {
    get NOTIFY_SOCKET(): string {
      throw new Error("not permitted");
    },
  };
  const error = await assertRejects(() => notifySystemd(tree, { env }), ReeveError);
  assertEquals([error.code, error.message], ["systemd_not_told", "Cannot tell systemd how the tree is: not permitted"]);
  await tree.close();
});
