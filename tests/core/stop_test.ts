import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { initialNode, planTree, step } from "../../src/core/mod.ts";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "./driver.ts";

const chain = (): Driver =>
  new Driver([scripted("db"), scripted("api", { dependencies: ["db"] }), scripted("web", { dependencies: ["api"] }), scripted("log")])
    .begin().running("db", "log").running("api").running("web");

Deno.test("stop: independent children are asked at once, the others when their dependants have ended", () => {
  const driver = chain().stop();
  assertEquals(driver.cancelled, ["log", "web"]);
  assertEquals(driver.exit("web", CANCELLED).cancelled, ["api"]);
  assertEquals(driver.exit("api", CANCELLED).cancelled, ["db"]);
  driver.exit("log", CANCELLED).exit("db", CANCELLED);
  assertEquals(driver.last.some((effect) => effect.type === "finished"), true);
  assertEquals(driver.node.slots.map((slot) => slot.outcome), ["graceful", "graceful", "graceful", "graceful"]);
});

Deno.test("stop: children that are down count as ended, and let go what they depend on", () => {
  const driver = chain().exit("api", CANCELLED).stop();
  assertEquals(driver.cancelled, ["log", "web"]);
  assertEquals(driver.exit("web", CANCELLED).cancelled, ["db"]);
  assertEquals(driver.slot("api").outcome, "already_exited");
});

Deno.test("stop: a planned restart is called off", () => {
  const driver = new Driver([scripted("a")]).begin().running("a").exit("a").stop();
  assertEquals([driver.timers, driver.slot("a").outcome, driver.node.phase], [0, "already_exited", "stopped"]);
});

Deno.test("stop: each child has its own budget, then it is forced before what it depends on is asked", () => {
  const driver = new Driver([
    scripted("db", { stop: { timeoutMs: 500 } }),
    scripted("web", { dependencies: ["db"], stop: { timeoutMs: 200, killWaitMs: 50 }, run: { kind: "process", command: "x" } }),
  ]).begin().running("db").running("web").stop();
  driver.pass(199);
  assertEquals(driver.killed, []);
  driver.pass(1);
  assertEquals([driver.killed, driver.phase("db")], [["web"], "ready"]);
  assertEquals(driver.exit("web", { kind: "killed" }).cancelled, ["db"]);
  assertEquals(driver.slot("web").outcome, "aborted");
});

Deno.test("stop: stragglers with the same budget are forced in the same moment", () => {
  const names = ["a", "b", "c"];
  const driver = new Driver(names.map((name) => scripted(name, { run: { kind: "process", command: "x" } }))).begin().running(...names)
    .stop();
  const before = driver.events.length;
  driver.pass(5_000);
  const killing = driver.events.slice(before).filter((event) => event.type === "child_killing");
  assertEquals([killing.length, new Set(killing.map((event) => event.atMs)).size], [3, 1]);
});

Deno.test("stop: a task that cannot be forced is passed over as abandoned, and its late end is told", () => {
  const driver = new Driver([scripted("db"), scripted("task", { dependencies: ["db"], stop: { timeoutMs: 100 } })]).begin().running("db")
    .running("task").stop().pass(100);
  assertEquals(driver.killed, ["task"]);
  assertEquals(driver.abandon("task").cancelled, ["db"]);
  driver.exit("db", CANCELLED);
  assertEquals([driver.node.phase, driver.slot("task").outcome], ["stopped", "abort_failed"]);
  driver.exit("task", CANCELLED);
  assertEquals([driver.slot("task").outcome, driver.typesOf("task").at(-1)], ["late_report", "child_shutdown"]);
});

Deno.test("stop: what does not even end when forced is passed over after the kill wait", () => {
  const driver = new Driver([scripted("a", { stop: { timeoutMs: 100, killWaitMs: 50 } })]).begin().running("a").stop().pass(149);
  assertEquals(driver.node.phase, "stopping");
  assertEquals(driver.pass(1).slot("a").outcome, "abort_failed");
});

Deno.test("stop: mode wait never forces, mode kill forces at once", () => {
  const waits = new Driver([scripted("a", { stop: { mode: "wait" } })]).begin().running("a").stop().pass(1e6);
  assertEquals([waits.phase("a"), waits.timers], ["stopping", 0]);
  const kills = new Driver([scripted("a", { stop: { mode: "kill" }, run: { kind: "process", command: "x" } })]).begin().running("a").stop();
  assertEquals([kills.killed, kills.phase("a")], [["a"], "killing"]);
});

Deno.test("stop: with abortAfterTimeout false stragglers are waited for, and never forced", () => {
  const driver = new Driver([scripted("a", { run: { kind: "process", command: "x" } })], {
    shutdown: { abortAfterTimeout: false, gracefulTimeoutMs: 100, abortWaitMs: 50 },
  });
  driver.begin().running("a").stop().pass(150);
  assertEquals([driver.slot("a").outcome, driver.events.some((event) => event.type === "child_killing")], ["abort_failed", false]);
});

Deno.test("stop: a second request changes nothing, a forced one forces every live child at once", () => {
  const driver = chain().stop();
  assertEquals(driver.stop().last, []);
  driver.pass(1).stop(true);
  assertEquals(driver.killed, ["log", "web"]);
  assertEquals(driver.cancelled, ["api", "db"]);
  for (const name of ["web", "api", "db", "log"]) driver.exit(name, CANCELLED);
  assertEquals(driver.node.phase, "stopped");
});

Deno.test("stop: the total time limit forces everything", () => {
  const driver = new Driver([scripted("a", { stop: { mode: "wait" } })], { shutdown: { totalTimeoutMs: 300 } }).begin().running("a").stop()
    .pass(300);
  assertEquals([driver.killed, driver.phase("a")], [["a"], "killing"]);
});

Deno.test("stop: an empty tree ends at once", () => {
  assertEquals(new Driver([]).begin().stop().last.some((effect) => effect.type === "finished"), true);
});

Deno.test("fence: an abandoned attempt is not replaced while it lives, and restarted when it ends", () => {
  const driver = new Driver([scripted("a", { timeouts: { runMs: 100 }, stop: { timeoutMs: 50 } })]).begin().running("a").pass(150).abandon(
    "a",
  );
  assertEquals([driver.phase("a"), driver.timers], ["abandoned", 0]);
  driver.pass(1e6);
  assertEquals(driver.phase("a"), "abandoned");
  assertEquals(driver.exit("a", CANCELLED).phase("a"), "backoff");
  assertEquals(driver.pass(100).started, ["a"]);
});

Deno.test("nested: a node that was asked to stop tells its parent, an escalation tells why", () => {
  const inner = (): Driver =>
    new Driver(
      [scripted("inner", {
        run: { kind: "supervisor", children: [scripted("a", { limit: { maxRestarts: 1, onExceeded: "escalate" } })] },
      })],
      {},
      1,
    ).begin().running("a");
  const stopped = inner().stop().exit("a", CANCELLED);
  assertEquals(stopped.last.at(-1), { type: "tellParent", node: 1, stamp: 900, report: { type: "exited", exit: CANCELLED } });
  const escalated = inner().exit("a").pass(100).running("a").exit("a", FAILED).last.at(-1);
  const report = escalated?.type === "tellParent" ? escalated.report : undefined;
  const failure = report?.type === "exited" && "failure" in report.exit ? report.exit.failure : undefined;
  assertEquals([failure?.category, failure?.message], ["escalated", '"/inner/a" exceeded its restart limit: it broke']);
});

Deno.test("nested: a node with an abandoned child tells so, and that it ended when the child did", () => {
  const driver = new Driver([scripted("inner", { run: { kind: "supervisor", children: [scripted("a")] } })], {}, 1).begin().running("a")
    .stop().pass(5_000).abandon("a");
  assertEquals(driver.last.at(-1), { type: "tellParent", node: 1, stamp: 900, report: { type: "abandoned" } });
  driver.exit("a", CANCELLED);
  assertEquals(driver.last.at(-1), { type: "tellParent", node: 1, stamp: 900, report: { type: "exited", exit: CANCELLED } });
});

Deno.test("order: on random graphs children start after their dependencies and stop before them", () => {
  const graphs = fc.array(fc.array(fc.nat({ max: 30 }), { maxLength: 4 }), { minLength: 1, maxLength: 14 });
  fc.assert(fc.property(graphs, (edges) => {
    const children = edges.map((list, index) =>
      scripted(`c${index}`, { dependencies: [...new Set(list)].filter((to) => to < index).map((to) => `c${to}`) })
    );
    const plan = planTree({ children }, 70);
    const node = initialNode(plan.nodes[0]!);
    const counters = { stamp: 0, timer: 0, correlation: 0, event: 0 };
    const started: number[] = [];
    const stopped: number[] = [];
    const queue: Parameters<typeof step>[1][] = [{ type: "begin", node: 0, stamp: 0 }];
    const drain = (): void => {
      for (let message = queue.shift(); message !== undefined; message = queue.shift()) {
        for (const effect of step(node, message, { now: 0, random: () => 0, counters, tree: plan, closed: false })) {
          if (effect.type === "start") {
            started.push(effect.child);
            queue.push({ type: "running", node: 0, child: effect.child, stamp: effect.stamp });
          } else if (effect.type === "cancel") {
            stopped.push(effect.child);
            queue.push({ type: "exited", node: 0, child: effect.child, stamp: effect.stamp, exit: CANCELLED });
          }
        }
      }
    };
    drain();
    queue.push({ type: "stop", node: 0, stamp: 0, cause: { kind: "shutdown", requestedBy: "x", reason: "x" }, forced: false });
    drain();
    assertEquals([started.length, stopped.length], [children.length, children.length]);
    children.forEach((child, index) => {
      for (const name of child.dependencies ?? []) {
        const dependency = Number(name.slice(1));
        assertEquals(started.indexOf(dependency) < started.indexOf(index), true);
        assertEquals(stopped.indexOf(dependency) > stopped.indexOf(index), true);
      }
    });
  }));
});

const DRAINS = { stop: { drainDelayMs: 2_000, timeoutMs: 1_000 } } as const;

Deno.test("drain: a child that was ready is no longer, goes on for the delay, and is asked then, with its whole budget", () => {
  const driver = new Driver([scripted("a", DRAINS)]).begin().running("a").stop();
  assertEquals([driver.phase("a"), driver.slot("a").readyAtMs, driver.cancelled], ["draining", null, []]);
  driver.pass(1_999);
  assertEquals(driver.phase("a"), "draining");
  assertEquals(driver.pass(1).cancelled, ["a"]);
  driver.pass(999);
  assertEquals(driver.phase("a"), "stopping");
  assertEquals(driver.pass(1).phase("a"), "killing");
});

Deno.test("drain: one that was not ready, or is unhealthy, is asked at once", () => {
  const early = new Driver([scripted("a", { ...DRAINS, readiness: { mode: "explicit" } })]).begin().running("a").stop();
  assertEquals(early.cancelled, ["a"]);
  const sick = new Driver([scripted("a", { ...DRAINS, healthCheck: { mode: "tcp", port: 1, maxRetries: 0 } })]).begin().running("a");
  sick.send({ type: "health", failed: 1, reason: "no answer", ...sick.attempt("a") });
  assertEquals(sick.cancelled, ["a"]);
});

Deno.test("drain: force ends it, what depends on a child drains and stops before it, and one that ends by itself is gone", () => {
  const children = [scripted("db", DRAINS), scripted("web", { ...DRAINS, dependencies: ["db"] })];
  const driver = new Driver(children).begin().running("db", "web").stop();
  assertEquals([driver.phase("db"), driver.phase("web")], ["ready", "draining"]);
  driver.exit("web", SUCCEEDED);
  assertEquals(driver.phase("db"), "draining");
  assertEquals(driver.stop(true).cancelled, ["db"]);
  driver.exit("db", CANCELLED);
  assertEquals([driver.node.phase, driver.timers], ["stopped", 0]);
});
