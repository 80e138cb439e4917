import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { step } from "../../src/core/mod.ts";
import type { ShutdownCause, SupervisorEvent } from "../../src/event/mod.ts";
import { Bus, type LogRecord } from "../../src/observe/mod.ts";
import { type AttemptContext, type ChildAdapter, Interpreter, type InterpreterOptions, planTree } from "../../src/runtime/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { child, supervise } from "../../mod.ts";

interface Rig {
  readonly interpreter: Interpreter;
  readonly clock: VirtualClock;
  readonly finished: ShutdownCause[];
}

function rig(adapter: ChildAdapter, options: Partial<InterpreterOptions> = {}): Rig {
  const clock = new VirtualClock({ automatic: false });
  const finished: ShutdownCause[] = [];
  const interpreter = new Interpreter({
    plan: planTree({
      children: [
        child.task("a", () => {}, { stop: { timeoutMs: 100, killWaitMs: 50 }, backoff: { initialMs: 10, maxMs: 10, jitter: "none" } }),
      ],
    }, 70),
    adapterFor: () => adapter,
    startProbes: () => null,
    clock,
    random: () => 0.5,
    events: new Bus<SupervisorEvent>(64),
    eventsPerSlice: 32,
    logs: new Bus<LogRecord>(64),
    onFinished: (cause) => finished.push(cause),
    ...options,
  });
  interpreter.post({ type: "begin", node: 0, stamp: 0 });
  clock.run();
  return { interpreter, clock, finished };
}

function stop({ interpreter, clock }: Rig): void {
  interpreter.post({ type: "stop", node: 0, stamp: 0, cause: { kind: "shutdown", requestedBy: "x", reason: "x" }, forced: false });
  clock.run();
}

Deno.test("an adapter that throws at start is a failed attempt, and comes back", () => {
  let starts = 0;
  const { interpreter, clock } = rig({
    start: () => {
      if (++starts < 3) throw new Error("not yet");
      return { cancel: () => {}, kill: () => {} };
    },
  });
  clock.jumpTo(10);
  clock.jumpTo(20);
  assertEquals([starts, interpreter.attempts.length], [3, 1]);
});

Deno.test("a handle that throws when asked to stop is forced, and passed over when that throws too", () => {
  const broken = rig({
    start: (context) => {
      context.running();
      return {
        cancel: () => {
          throw new Error("no");
        },
        kill: () => {
          throw new Error("never");
        },
      };
    },
  });
  stop(broken);
  broken.clock.jumpTo(100);
  broken.clock.jumpTo(150);
  assertEquals([broken.finished.length, broken.interpreter.nodes[0]?.slots[0]?.outcome], [1, "abort_failed"]);
});

Deno.test("a fault of the core ends everything, and says so", () => {
  let cancelled = 0;
  let killed = 0;
  const { interpreter, clock, finished } = rig({ start: () => ({ cancel: () => void cancelled++, kill: () => void killed++ }) }, {
    step: (state, message, environment) => {
      if (message.type === "ready") throw new Error("planted");
      return step(state, message, environment);
    },
  });
  interpreter.post({ type: "ready", node: 0, child: 0, stamp: 1, ready: true });
  clock.run();
  assertEquals([cancelled, killed, interpreter.liveTimers], [1, 1, 0]);
  assertEquals(finished[0]?.kind, "fault");
  assertStringIncludes(finished[0]?.reason ?? "", "planted");
});

Deno.test("output after the end of an attempt is ignored", () => {
  const contexts: AttemptContext[] = [];
  const logs = new Bus<LogRecord>(64);
  const { clock } = rig({
    start: (context) => {
      contexts.push(context);
      return { cancel: () => {}, kill: () => {} };
    },
  }, { logs });
  contexts[0]?.output("log", "before");
  contexts[0]?.exited({ kind: "succeeded" });
  contexts[0]?.output("log", "after");
  clock.run();
  assertEquals(logs.recent(10).map(({ line }) => line), ["before"]);
});

Deno.test("a child that fails at once without delay lets timers of the program fire", async () => {
  let restarts = 0;
  await using tree = await supervise({
    children: [child.task("crash", () => {
      restarts++;
      return Promise.reject(FAILURE);
    }, { backoff: { initialMs: 0, maxMs: 0 } })],
  });
  let ticks = 0;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (++ticks < 10) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
  assert(restarts > 100, `${restarts} restarts`);
  await tree.shutdown();
});

const FAILURE = new Error("fails at once");

Deno.test("a prompt reader misses nothing when ten thousand children start and stop", async () => {
  const children = Array.from(
    { length: 10_000 },
    (_, index) => child.task(`c${index}`, ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve))),
  );
  const tree = await supervise({ children });
  let events = 0;
  let gaps = 0;
  const reading = (async () => {
    for await (const event of tree.events({ since: "now" })) event.type === "gap" ? gaps++ : events++;
  })();
  await tree.ready();
  await tree.close();
  await reading;
  assertEquals(gaps, 0);
  assert(events >= 20_000, `${events} events`);
});
