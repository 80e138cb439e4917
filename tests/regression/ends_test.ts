import { assertEquals } from "@std/assert";
import { CANCELLED, FAILED, SUCCEEDED, supervisor, task, TreeDriver } from "../core/tree_driver.ts";

const ONCE = { restartPolicy: "transient", significant: true } as const;

// Seed 307137 of the simulation: the end of a significant child let its dependants start, in the step in which it ended their supervisor.
Deno.test("a significant child that ends its supervisor starts nobody", () => {
  const migrate = task("migrate", { ...ONCE, readiness: { mode: "completed" } });
  const tree = new TreeDriver([migrate, task("web", { dependencies: ["migrate"] })], { autoShutdown: "any_significant" }).begin();
  tree.did();
  tree.exit("/migrate", SUCCEEDED);
  assertEquals([tree.did(), tree.finished?.exitCode], [[], 0]);
});

// Seed 326841: a supervisor had ended by itself and left a task behind; the command waited for an answer that had been given.
Deno.test("a supervisor that ended by itself and left somebody behind can be terminated, and does not hold up the shutdown", () => {
  const inner = supervisor("s", [task("deaf", { stop: { timeoutMs: 100, killWaitMs: 50 } }), task("job", ONCE)], {
    autoShutdown: "any_significant",
  });
  const tree = new TreeDriver([inner]).begin().exit("/s/job", SUCCEEDED).advance(100).abandon("/s/deaf");
  assertEquals(tree.phase("/s"), "abandoned");
  tree.command("/s", "terminate");
  assertEquals(tree.phase("/s"), "abandoned");
  tree.stop();
  assertEquals([tree.finished?.exitCode, tree.outcomes().at(-1)], [0, "/s abort_failed"]);
});

// Seed 1192527: a child that only wants another went on waiting for it when that was quarantined by an escalation.
Deno.test("who only wants a child starts when an escalation quarantines it", () => {
  const wild = task("wild", {
    readiness: { mode: "explicit" },
    limit: { maxRestarts: 1, onExceeded: "escalate" },
    backoff: { initialMs: 0, maxMs: 0 },
  });
  const tree = new TreeDriver([wild, task("web", { wants: ["wild"] })], { escalationPolicy: "quarantine_scope" }).begin();
  tree.exit("/wild", FAILED).exit("/wild", FAILED);
  assertEquals([tree.slot("/wild").operation, tree.phase("/web")], ["quarantined", "ready"]);
});

// Seed 1467794: of those that were quarantined together one was held first, and another started because it had only waited for that one.
Deno.test("children that are quarantined together do not start each other", () => {
  const wild = task("wild", { limit: { maxRestarts: 1, onExceeded: "escalate" }, backoff: { initialMs: 0, maxMs: 0 } });
  const options = { escalationPolicy: "quarantine_scope", strategy: "rest_for_one", obedient: true } as const;
  const db = task("db", { dependencies: ["wild"], readiness: { mode: "explicit" } });
  const tree = new TreeDriver([wild, db, task("web", { wants: ["db"] })], options).begin().exit("/wild", FAILED);
  tree.did();
  tree.exit("/wild", FAILED);
  assertEquals([tree.did(), tree.phase("/web"), tree.slot("/web").operation], [["cancel /db"], "stopped", "quarantined"]);
});

// Seed 1224389: a child that had run to its end was started again, and those bound to it ran on without it.
Deno.test("who is bound to a child that has run to its end stops when that is started again", () => {
  const tree = new TreeDriver([task("migrate", { readiness: { mode: "completed" } }), task("web", { bindsTo: ["migrate"] })], {
    obedient: true,
  });
  tree.begin().exit("/migrate", SUCCEEDED);
  assertEquals(tree.phase("/web"), "ready");
  tree.command("/migrate", "restart");
  assertEquals([tree.phase("/migrate"), tree.phase("/web")], ["running", "waiting"]);
  assertEquals(tree.exit("/migrate", SUCCEEDED).phase("/web"), "ready");
});

// Seed 1821456: an abandoned task ended while its siblings were being stopped for a common restart, and was started among them.
Deno.test("a child that ends late while its siblings are being stopped starts with them", () => {
  const deaf = task("deaf", { stop: { timeoutMs: 100, killWaitMs: 50 } });
  const tree = new TreeDriver([task("a"), deaf, task("slow", { stop: { timeoutMs: 10_000 } })], { strategy: "one_for_all" }).begin();
  tree.exit("/slow", FAILED).exit("/a", CANCELLED).advance(100).abandon("/deaf");
  tree.exit("/a", FAILED);
  tree.did();
  tree.exit("/deaf", CANCELLED);
  assertEquals([tree.did(), tree.phase("/deaf")], [[], "backoff"]);
  tree.exit("/slow", CANCELLED).advance(1_000);
  assertEquals(tree.did(), ["start /a", "start /deaf", "start /slow"]);
});
