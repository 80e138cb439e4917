import { assert, assertEquals } from "@std/assert";
import { childrenOfState } from "../../src/web/model/child.ts";
import { lookOf, problemOf, summaryOf } from "../../src/web/model/look.ts";
import { Store } from "../../src/web/model/store.ts";
import { childOf, childrenOf } from "./helpers.ts";

const target = (id: string, more: object = {}): object => ({
  target_id: id,
  display_name: id,
  connection_state: "connected",
  supported_commands: [{ name: "pause_child" }],
  extensions: { "reeve.status": "read", "reeve.scale": "destructive" },
  stream_epoch: "e1",
  ...more,
});

function storeWith(...targets: readonly object[]): Store {
  const store = new Store(() => 1_000);
  store.apply({ type: "target_list", targets });
  return store;
}

Deno.test("targets come, change and go with the list", () => {
  const store = storeWith(target("a"), target("b"));
  assertEquals([...store.targets.keys()], ["a", "b"]);
  const a = store.targets.get("a");
  assertEquals([...a?.commands ?? []].sort(), ["pause_child", "scale"]);
  assertEquals([...a?.questions ?? []], ["reeve.status"]);
  store.apply({ type: "connection_state", target_id: "a", state: "reconnecting" });
  assertEquals(a?.connection, "reconnecting");
  store.apply({ type: "target_list", targets: [target("b")] });
  assertEquals([...store.targets.keys()], ["b"]);
});

Deno.test("children are told whole, then as they change, then no more", () => {
  const store = storeWith(target("a"));
  store.applyStatus("a", {
    tree: { name: "shop", ready: true },
    children: [{ child_path: "/x", pid: 7, usage: { cpu_percent: 2, memory_bytes: 9 } }, { child_path: "/y" }],
  });
  const a = store.targets.get("a")!;
  const shape = a.shape;
  store.apply({
    type: "state_delta",
    target_id: "a",
    delta: { children: [{ child_path: "/x", pid: 7, phase: "backoff", restarts_total: 2, next_start: "2026-01-01T00:00:05.000Z" }] },
  });
  assertEquals(a.children.get("/x")?.phase, "backoff");
  assertEquals(a.children.get("/x")?.nextStart, Date.parse("2026-01-01T00:00:05Z"));
  assertEquals(a.children.get("/x")?.usage?.memory, 9);
  assertEquals(a.shape, shape);
  store.apply({ type: "state_delta", target_id: "a", delta: { children: [], removed: ["/y"] } });
  assertEquals([...a.children.keys()], ["/x"]);
  assert(a.shape > shape);
  assertEquals(store.historyOf("a", "/x")?.restarts.map(({ value }) => value), [0, 2]);
});

Deno.test("a part of a tree is not taken for the whole", () => {
  const store = storeWith(target("a"));
  store.apply({ type: "state_delta", target_id: "a", delta: { children: [{ child_path: "/x" }] } });
  assertEquals(store.targets.get("a")?.children.size, 0);
  store.apply({ type: "state_delta", target_id: "a", delta: { whole: true, children: [{ child_path: "/x" }, { child_path: "/y" }] } });
  assertEquals(store.targets.get("a")?.children.size, 2);
});

Deno.test("what is counted of children is counted anew when they change, and only then", () => {
  const store = storeWith(target("a"));
  store.applyStatus("a", { children: [{ child_path: "/x", phase: "ready" }] });
  const a = store.targets.get("a")!;
  const before = summaryOf(a);
  assertEquals(summaryOf(a), before);
  assertEquals(summaryOf(a) === before, true);
  store.apply({ type: "state_delta", target_id: "a", delta: { children: [{ child_path: "/x", phase: "failed" }] } });
  assertEquals([summaryOf(a).counts.failed, summaryOf(a).problems.length], [1, 1]);
});

Deno.test("what processes take is kept for a chart, and goes with them", () => {
  const store = storeWith(target("a"));
  store.applyStatus("a", { children: [{ child_path: "/x" }] });
  store.apply({ type: "usage", target_id: "a", children: [{ child_path: "/x", cpu_percent: 3, memory_bytes: 4, processes: 1 }] });
  assertEquals(store.targets.get("a")?.children.get("/x")?.usage, { cpu: 3, memory: 4, processes: 1 });
  store.apply({ type: "usage", target_id: "a", children: [] });
  assertEquals(store.targets.get("a")?.children.get("/x")?.usage, null);
  assertEquals(store.historyOf("a", "/x")?.cpu.length, 1);
});

Deno.test("nothing that a relay could say breaks the store", () => {
  const store = storeWith(target("a"), {}, target("b", { extensions: 5, supported_commands: "all", stream_epoch: {} }));
  const values = [
    undefined,
    null,
    0,
    "",
    [],
    [null],
    {},
    { children: [null, 3, { child_path: 5 }], removed: [5], whole: true },
    "x".repeat(100),
  ];
  const types = [
    "state",
    "state_delta",
    "usage",
    "event",
    "log",
    "audit_event",
    "dropped_count",
    "error",
    "command_result",
    "restarted",
    "server_hello",
    "connection_state",
    "response",
  ];
  for (const type of types) {
    for (const value of values) {
      for (const member of ["state", "delta", "children", "event", "log", "audit", "error", "result", "dropped_event_count"]) {
        store.apply({ type, target_id: "a", [member]: value });
        store.apply({ type, [member]: value });
      }
    }
  }
  for (const value of values) {
    store.applyStatus("a", value);
    store.applyEvents("a", value);
    store.applyLogs("a", value);
  }
  assertEquals(store.apply({ type: "something new" }), false);
  assert(store.troubles.length <= 20);
});

Deno.test("the same error is counted, the last one stands first", () => {
  const store = storeWith();
  for (const code of ["a", "b", "a"]) store.apply({ type: "error", error: { code, message: "m" } });
  assertEquals(store.troubles.map(({ code, count }) => [code, count]), [["a", 2], ["b", 1]]);
});

Deno.test("of a target that only knows the reference all is shown that its state has: records, limits, heartbeats, what was missed", () => {
  const store = storeWith(target("a", { extensions: {} }));
  const state = {
    topology: { nodes: [{ path: "/x", kind: "child_task" }] },
    runtime_state: [{
      child_path: "/x",
      lifecycle_state: "restarting",
      last_policy_decision: "within_restart_budget",
      shutdown_state: "completed",
    }],
    child_runtime_records: [{
      child_path: "/x",
      restart_limit: { used: 2, limit: 3, window_millis: 60_000 },
      liveness: { last_heartbeat_at: "2026-01-02T03:04:05Z", heartbeat_stale: true },
    }],
    recent_events: [{ sequence: 4, event_type: "ChildFailed", target_path: "/x" }],
    recent_logs: [{ sequence: 9, message: "hello" }],
    dropped_event_count: 2,
    dropped_log_count: 3,
  };
  store.apply({ type: "state", target_id: "a", state });
  store.apply({ type: "state", target_id: "a", state });
  const a = store.targets.get("a");
  const child = a?.children.get("/x");
  assertEquals(child?.limit, { used: 2, most: 3, windowMs: 60_000, exhausted: false });
  assertEquals([child?.heartbeat, child?.isStale, child?.stopCause], [Date.UTC(2026, 0, 2, 3, 4, 5), true, "shutdown"]);
  assertEquals(child?.lastDecision?.action, "within_restart_budget");
  assertEquals(a?.dropped, { event: 2, log: 3 });
  assertEquals(store.timeline.rows.map(({ kind, sequence }) => `${kind} ${sequence}`).sort(), ["event 4", "log 9"]);
});

Deno.test("of a target that is gone nothing is kept but its rows", () => {
  const store = storeWith(target("a"), target("ab"));
  for (const id of ["a", "ab"]) store.applyStatus(id, { children: [{ child_path: "/x", restarts_total: 1 }] });
  store.apply({ type: "event", target_id: "a", event: { sequence: 1 } });
  store.apply({ type: "target_list", targets: [target("ab")] });
  assertEquals([store.historyOf("a", "/x"), store.historyOf("ab", "/x")?.restarts.length], [undefined, 1]);
  store.apply({ type: "connection_state", target_id: "ab", state: "expired" });
  assertEquals([store.targets.size, store.historyOf("ab", "/x"), store.timeline.rows.length], [0, undefined, 1]);
});

Deno.test("what processes take changes no counts", () => {
  const store = storeWith(target("a"));
  store.applyStatus("a", { children: [{ child_path: "/x" }] });
  const a = store.targets.get("a")!;
  const before = summaryOf(a);
  store.apply({ type: "usage", target_id: "a", children: [{ child_path: "/x", cpu_percent: 5 }] });
  assertEquals(a.children.get("/x")?.usage?.cpu, 5);
  assert(summaryOf(a) === before);
  store.apply({ type: "state_delta", target_id: "a", delta: { children: [{ child_path: "/x", phase: "failed" }] } });
  assertEquals(summaryOf(a).counts.failed, 1);
});

Deno.test("a target that only knows the reference is shown by its state", () => {
  const store = storeWith(target("a", { extensions: {} }));
  store.apply({
    type: "state",
    target_id: "a",
    state: {
      topology: {
        nodes: [{ path: "/", kind: "root_supervisor" }, { path: "/x", kind: "child_task", tags: ["t"], state_summary: "declared" }, {
          path: "/y",
        }],
        edges: [{ kind: "dependency", source_path: "/x", target_path: "/y" }],
      },
      runtime_state: [{ child_path: "/x", lifecycle_state: "running", readiness: "ready" }, {
        child_path: "/y",
        lifecycle_state: "quarantined",
      }, { child_path: "/ghost" }],
    },
  });
  const children = store.targets.get("a")!.children;
  assertEquals([...children.keys()], ["/x", "/y"]);
  assertEquals([...children.values()].map((child) => lookOf(child).word), ["ready", "quarantined"]);
  assertEquals(children.get("/y")?.dependencies, ["/x"]);
  assertEquals(children.get("/x")?.lastDecision, null);
  assertEquals(childrenOfState(null), []);
});

Deno.test("how a child looks, and what is wrong with it", () => {
  const wordOf = (more: Readonly<Record<string, unknown>>): string => lookOf(childOf("/x", more)).word;
  assertEquals(wordOf({ phase: "stopped", operation: "paused" }), "paused");
  assertEquals(wordOf({ phase: "stopping", operation: "paused" }), "stopping");
  assertEquals(wordOf({ phase: "stopped", last_exit: "finished" }), "done");
  assertEquals(wordOf({ phase: "stopped", next_start: "2026-01-01T00:00:00Z" }), "scheduled");
  assertEquals(wordOf({ phase: "constructor" }), "constructor");
  assertEquals(problemOf(childOf("/x")), null);
  assertEquals(problemOf(childOf("/x", { health: "unhealthy" }))?.level, "bad");
  assertEquals(problemOf(childOf("/x", { phase: "backoff" }))?.level, "warn");
  assertEquals(problemOf(childOf("/x", { phase: "backoff", severity: "critical" }))?.level, "bad");
  assertEquals(problemOf(childOf("/x", { lints: ["never_ready"] }))?.reasons, ["lint.never_ready"]);
  const children = childrenOf(childOf("/a"), childOf("/b", { phase: "failed" }), childOf("/c", { phase: "starting", restarts_total: 2 }));
  const { counts } = summaryOf({ children, version: 1 });
  assertEquals(counts, { total: 3, ready: 1, notReady: 1, failed: 1, problems: 1, restarts: 2 });
});

Deno.test("records of audits that the relay tells again are there once", () => {
  const store = storeWith(target("a"));
  const audit = (audit_id?: string): Readonly<Record<string, unknown>> => ({
    type: "audit_event",
    target_id: "a",
    audit: { audit_id, command: "pause_child" },
  });
  for (const id of ["one", "two", "one", "two", "three", undefined, undefined]) store.apply(audit(id));
  assertEquals(store.audits.map(({ raw }) => raw["audit_id"]), ["one", "two", "three", undefined, undefined]);
});
