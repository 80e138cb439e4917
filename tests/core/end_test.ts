/** Ends for good: children that run once, significant children, and what an escalation leads to. */
import { assertEquals } from "@std/assert";
import { CANCELLED, FAILED, process, SUCCEEDED, supervisor, task, TreeDriver } from "./tree_driver.ts";

const ONCE = { readiness: { mode: "completed" } } as const;
const TRANSIENT = { restartPolicy: "transient" } as const;
const ESCALATES = { limit: { maxRestarts: 1, onExceeded: "escalate" }, backoff: { initialMs: 0, maxMs: 0 } } as const;

// --- children that run once ------------------------------------------------------------------------------------------------------------------

Deno.test("once: who depends on it starts when it has succeeded, not while it runs", () => {
  const tree = new TreeDriver([task("migrate", ONCE), task("web", { dependencies: ["migrate"] })]).begin();
  assertEquals([tree.did(), tree.phase("/migrate"), tree.phase("/web")], [["start /migrate"], "running", "waiting"]);
  tree.exit("/migrate", SUCCEEDED);
  assertEquals([tree.did(), tree.phase("/migrate"), tree.phase("/web")], [["start /web"], "stopped", "ready"]);
});

Deno.test("once: a failure is tried again, and others go on waiting", () => {
  const tree = new TreeDriver([task("migrate", ONCE), task("web", { dependencies: ["migrate"] })]).begin().exit("/migrate", FAILED);
  tree.advance(10_000);
  assertEquals([tree.did(), tree.phase("/web")], [["start /migrate", "start /migrate"], "waiting"]);
});

Deno.test("once: its supervisor is ready when it has succeeded", () => {
  const tree = new TreeDriver([task("migrate", { ...ONCE, severity: "standard" })]).begin();
  assertEquals(tree.nodes[0]?.ready, false);
  assertEquals(tree.exit("/migrate", SUCCEEDED).nodes[0]?.ready, true);
});

Deno.test("once: a dependant that restarts later does not wait for it again, until it is started anew", () => {
  const tree = new TreeDriver([task("migrate", ONCE), task("web", { dependencies: ["migrate"] })]).begin().exit("/migrate", SUCCEEDED);
  tree.exit("/web", FAILED).advance(1_000);
  assertEquals(tree.phase("/web"), "ready");
  tree.command("/migrate", "start").exit("/web", FAILED).advance(1_000);
  assertEquals(tree.phase("/web"), "waiting");
  assertEquals(tree.exit("/migrate", SUCCEEDED).phase("/web"), "ready");
});

// --- significant children ---------------------------------------------------------------------------------------------------------------------

Deno.test("any_significant: the first significant child that is done ends the tree in order, with exit code 0", () => {
  const tree = new TreeDriver([task("db"), task("cache", { dependencies: ["db"] }), task("job", { ...TRANSIENT, significant: true })], {
    autoShutdown: "any_significant",
    obedient: true,
  }).begin().exit("/job", SUCCEEDED);
  assertEquals([tree.finished?.exitCode, tree.finished?.cause.kind, tree.finished?.cause.path], [0, "completed", "/job"]);
  assertEquals(tree.outcomes(), ["/job already_exited", "/cache graceful", "/db graceful"]);
});

Deno.test("any_significant: a failure that is tried again is no end", () => {
  const tree = new TreeDriver([task("job", { ...TRANSIENT, significant: true })], { autoShutdown: "any_significant" }).begin();
  tree.exit("/job", FAILED).advance(10_000);
  assertEquals([tree.finished, tree.phase("/job")], [null, "ready"]);
});

Deno.test("any_significant: a temporary child ends its supervisor however it ends, another child does not", () => {
  const options = { autoShutdown: "any_significant" } as const;
  const children = [task("job", { restartPolicy: "temporary", significant: true }), task("other", { restartPolicy: "temporary" })];
  assertEquals(new TreeDriver(children, options).begin().exit("/other", FAILED).nodes[0]?.phase, "running");
  assertEquals(new TreeDriver(children, options).begin().exit("/job", FAILED).nodes[0]?.phase, "stopping");
});

Deno.test("all_significant: the last significant child ends the supervisor", () => {
  const significant = { ...TRANSIENT, significant: true };
  const tree = new TreeDriver([task("a", significant), task("b", significant), task("c")], {
    autoShutdown: "all_significant",
    obedient: true,
  });
  tree.begin().exit("/a", SUCCEEDED);
  assertEquals(tree.finished, null);
  assertEquals(tree.exit("/b", SUCCEEDED).finished?.exitCode, 0);
});

Deno.test("a nested supervisor that ends by itself counts as success for its parent", () => {
  const inner = (restartPolicy: "transient" | "permanent"): TreeDriver =>
    new TreeDriver([
      supervisor("s", [task("job", { ...TRANSIENT, significant: true }), task("helper")], {
        autoShutdown: "any_significant",
        restartPolicy,
      }),
    ], { obedient: true }).begin().exit("/s/job", SUCCEEDED);
  const done = inner("transient");
  assertEquals([done.phase("/s"), done.slot("/s").failuresTotal, done.slot("/s").lastExit?.kind], ["stopped", 0, "succeeded"]);
  const again = inner("permanent").advance(1_000);
  assertEquals([again.phase("/s"), again.slot("/s").failuresTotal, again.phase("/s/job")], ["ready", 0, "ready"]);
});

Deno.test("a significant child that somebody terminates does not end its supervisor", () => {
  const tree = new TreeDriver([task("job", { ...TRANSIENT, significant: true }), task("b")], {
    autoShutdown: "any_significant",
    obedient: true,
  });
  tree.begin().command("/job", "terminate");
  assertEquals([tree.phase("/job"), tree.finished], ["stopped", null]);
});

// --- escalation ---------------------------------------------------------------------------------------------------------------------------------

/** A supervisor of which one child fails until it escalates. */
function escalated(
  escalationPolicy: "escalate_to_parent" | "shutdown_tree" | "quarantine_scope",
  strategy: "one_for_one" | "one_for_all" = "one_for_one",
): TreeDriver {
  const tree = new TreeDriver([
    supervisor("s", [process("a"), process("wild", ESCALATES)], { escalationPolicy, strategy }),
    task("other"),
  ], { obedient: true }).begin();
  return tree.exit("/s/wild", FAILED).exit("/s/wild", FAILED);
}

Deno.test("escalate_to_parent: the supervisor fails as a unit, and its parent counts one failure", () => {
  const tree = escalated("escalate_to_parent");
  assertEquals([tree.slot("/s").failuresTotal, tree.phase("/other"), tree.finished], [1, "ready", null]);
  assertEquals(tree.advance(1_000).phase("/s/a"), "ready");
});

Deno.test("shutdown_tree: the whole tree ends in order, with the exit code of an escalation", () => {
  const tree = escalated("shutdown_tree");
  assertEquals([tree.finished?.exitCode, tree.finished?.cause.kind, tree.finished?.cause.path], [70, "escalation", "/s/wild"]);
  assertEquals([tree.phase("/other"), tree.phase("/s/a")], ["stopped", "stopped"]);
});

Deno.test("quarantine_scope: the child stays down until it is released, the others go on", () => {
  const tree = escalated("quarantine_scope").advance(100_000);
  assertEquals([tree.slot("/s/wild").operation, tree.phase("/s/wild"), tree.phase("/s/a"), tree.phase("/other")], [
    "quarantined",
    "failed",
    "ready",
    "ready",
  ]);
  assertEquals(tree.all("child_control_operation_changed").map(({ path, to, by }) => `${path} ${to} ${by}`), [
    "/s/wild quarantined supervisor",
  ]);
  assertEquals(tree.command("/s/wild", "release").phase("/s/wild"), "ready");
});

Deno.test("quarantine_scope: with one_for_all every child of the supervisor is quarantined, and comes back when it is released", () => {
  const tree = escalated("quarantine_scope", "one_for_all").advance(100_000);
  assertEquals([tree.slot("/s/a").operation, tree.phase("/s/a"), tree.slot("/s/wild").operation], [
    "quarantined",
    "stopped",
    "quarantined",
  ]);
  tree.command("/s/a", "release");
  assertEquals([tree.phase("/s/a"), tree.phase("/s/wild")], ["ready", "failed"]);
});

Deno.test("an optional child never escalates, whatever the policy", () => {
  const tree = new TreeDriver([task("extra", { ...ESCALATES, severity: "optional" })]).begin().exit("/extra", FAILED).exit(
    "/extra",
    FAILED,
  );
  assertEquals([tree.phase("/extra"), tree.slot("/extra").lastDecision?.reason, tree.nodes[0]?.phase], [
    "failed",
    "optional_child_never_escalates",
    "running",
  ]);
});

Deno.test("a child that cancels itself is done as well", () => {
  const tree = new TreeDriver([task("job", { ...TRANSIENT, significant: true })], { autoShutdown: "any_significant" }).begin();
  assertEquals(tree.exit("/job", CANCELLED).finished?.exitCode, 0);
});

Deno.test("a fatal configuration ends the whole tree from any depth, a fatal bug its supervisor", () => {
  const failed = (kind: "fatal_config" | "fatal_bug"): TreeDriver => {
    const tree = new TreeDriver([supervisor("s", [task("a"), task("b")], { escalationPolicy: "quarantine_scope" }), task("other")], {
      obedient: true,
    });
    return tree.begin().exit("/s/a", { kind: "panicked", failure: { kind, category: kind, message: "no DSN" } });
  };
  const config = failed("fatal_config");
  assertEquals([config.finished?.exitCode, config.finished?.cause.reason], [70, '"/s/a" cannot run with this configuration: no DSN']);
  const bug = failed("fatal_bug");
  assertEquals([bug.finished, bug.slot("/s/a").operation, bug.phase("/s/b")], [null, "quarantined", "ready"]);
});
