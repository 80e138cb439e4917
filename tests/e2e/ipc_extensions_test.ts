/** What the socket does beyond the reference: methods of our own, filters, and children that are pushed when they change. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import process from "node:process";
import { child } from "../../mod.ts";
import { at } from "../support/at.ts";
import { LineClient } from "../support/lines.ts";
import { type Served, whileServed } from "../support/served.ts";
import { untilAborted } from "../support/tasks.ts";

function test(name: string, run: (client: LineClient, served: Served) => Promise<void>): void {
  Deno.test({
    name,
    ignore: process.platform === "win32",
    fn: () =>
      whileServed(async (served) => {
        const client = await LineClient.open(served.path);
        try {
          await run(client, served);
        } finally {
          client.close();
        }
      }, { children: CHILDREN }),
  });
}

const CHILDREN = [
  child.supervisor("s", { children: [child.task("inner", untilAborted)] }),
  child.task("api", untilAborted, { tags: ["core"], dependencies: ["s"] }),
  child.task("broken", () => {
    throw new Error("out of \u001b[31mink");
  }, { limit: { maxRestarts: 1, onExceeded: "give_up" }, backoff: { initialMs: 1 } }),
];

let asked = 0;

async function ask(client: LineClient, method: string, params: object = {}): Promise<Record<string, unknown>> {
  const id = `x${++asked}`;
  client.ask({ request_id: id, method, params });
  while (true) {
    const answer = await client.json();
    if (answer["request_id"] === id) return answer;
  }
}

function command(childPath: string | null, more: object = {}): object {
  const base = { command_id: "c", target_id: "example-target", target: { child_path: childPath }, reason: "test", requested_by: "tester" };
  return { ...base, confirmed: false, requested_at_unix_nanos: 1, ...more };
}

/** The pushes that come until one is as it should be. */
async function pushesUntil(client: LineClient, isLast: (push: Record<string, unknown>) => boolean): Promise<Record<string, unknown>[]> {
  const pushes: Record<string, unknown>[] = [];
  while (true) {
    const push = await client.json();
    if (push["request_id"] !== undefined) continue;
    pushes.push(push);
    if (isLast(push)) return pushes;
  }
}

test("hello tells what the server is and can do beyond the reference; the registration has no member more", async (client) => {
  const { result } = await ask(client, "hello");
  assertEquals(at(result, "server", "name"), "@reeve/supervisor");
  assertEquals(at(result, "server", "pid"), process.pid);
  assertEquals(at(result, "extensions", "reeve.scale"), "destructive");
  assertEquals(Object.keys(Object(at(result, "registration"))), [
    "target_id",
    "display_name",
    "ipc_path",
    "lease_seconds",
    "supported_commands",
  ]);
});

test("children are terminated, started, and released, each with who and why", async (client, { tree }) => {
  const accepted = async (method: string, path: string): Promise<unknown> =>
    at(await ask(client, method, command(path)), "result", "result", "accepted");
  assertEquals(await accepted("reeve.terminate_child", "/api"), true);
  assertEquals(await accepted("reeve.start_child", "/api"), true);
  assertEquals(await accepted("reeve.reset_fuse", "/api"), true);
  await tree.child("/api").quarantine();
  assertEquals(await accepted("reeve.release_child", "/api"), true);
  assertEquals(tree.child("/api").operation, "active");
  await tree.child("/api").pause();
  assertEquals(await accepted("reeve.release_child", "/api"), false, "a pause is no quarantine");
  const unnamed = await ask(client, "reeve.start_child", command("/api", { requested_by: " " }));
  assertEquals(at(unnamed, "error", "code"), "validation_failed");
});

test("a child is described with all that is known of it, and what it printed is harmless", async (client, { tree }) => {
  for await (const event of tree.events()) {
    if (event.type === "child_failed" && event.decision.action === "give_up") break;
  }
  const found = at(await ask(client, "reeve.describe", { child_path: "/broken" }), "result", "child");
  assertEquals([at(found, "phase"), at(found, "failures_total"), at(found, "last_decision", "action")], ["failed", 2, "give_up"]);
  assertMatch(String(at(found, "last_exit")), /out of \\u\{1b\}\[31mink/);
  assertEquals(at(await ask(client, "reeve.describe", { child_path: "inner" }), "result", "child", "child_path"), "/s/inner");
  const unknown = await ask(client, "reeve.describe", { child_path: "/nobody" });
  assertEquals(at(unknown, "error", "code"), "child_not_found");
  assertEquals(at(await ask(client, "reeve.describe", {}), "error", "code"), "invalid_command_params");
});

test("the audit can be read over the socket, from a record on", async (client) => {
  await ask(client, "reeve.terminate_child", command("/api"));
  const all = at(await ask(client, "reeve.audit"), "result", "records");
  assert(Array.isArray(all));
  // One of the children was given up before.
  const records = all.filter((record) => at(record, "kind") !== "auto");
  assertEquals(all.length, records.length + 1);
  assertEquals(records.map((record) => [at(record, "kind"), at(record, "method")]), [
    ["intent", "reeve.terminate_child"],
    ["outcome", "reeve.terminate_child"],
  ]);
  assertEquals([at(records[0], "requested_by"), at(records[0], "reason"), at(records[0], "target_path")], ["tester", "test", "/api"]);
  const later = at(await ask(client, "reeve.audit", { after_sequence: 1, limit: 1 }), "result", "records");
  assertEquals(Array.isArray(later) && later.map((record) => at(record, "method")), ["reeve.audit"]);
  assertEquals(at(await ask(client, "reeve.audit", { limit: -1 }), "error", "code"), "invalid_command_params");
});

test("copies of a template need a template, and as many as are wanted a confirmation", async (client) => {
  const unconfirmed = await ask(client, "reeve.scale", command(null, { template: "t", count: 3 }));
  assertEquals(at(unconfirmed, "error", "code"), "validation_failed");
  for (
    const more of [{}, { template: 1, count: 3 }, { template: "t", count: -1 }, { template: "t", count: 0.5 }, {
      template: "t",
      count: 1e9,
    }]
  ) {
    assertEquals(
      at(await ask(client, "reeve.scale", command(null, { confirmed: true, ...more })), "error", "code"),
      "invalid_command_params",
    );
  }
  const unknown = await ask(client, "reeve.scale", command(null, { confirmed: true, template: "nothing", count: 1 }));
  assertMatch(String(at(unknown, "result", "result", "error", "message")), /Cannot find template "nothing"/);
});

test("options of commands that do not fit are refused, and a supervisor is named by its path", async (client, { tree }) => {
  const refused = [
    ["command.add_child", { command: "add_child", target: { child_manifest: "name: x" }, to: 1 }],
    ["command.shutdown_tree", { command: "shutdown_tree", force: "yes" }],
    ["command.shutdown_tree", { command: "shutdown_tree", dry_run: true, confirmed: false }],
  ] as const;
  for (const [method, more] of refused) {
    assertEquals(at(await ask(client, method, command(null, { confirmed: true, ...more })), "error", "code"), "invalid_command_params");
  }
  assertEquals(tree.snapshot().phase, "running");
  const capabilities = at(await ask(client, "hello"), "result", "capabilities");
  assert(Array.isArray(capabilities) && capabilities.includes("commands.options"));
  const root = await ask(client, "reeve.start_template", command("/", { template: "nothing" }));
  assertMatch(String(at(root, "result", "result", "error", "message")), /Cannot find template "nothing"/);
});

test("events are filtered by type in both spellings, by severity and by path; nothing else comes", async (client, { tree }) => {
  const subscribe = { session_established: true, since_sequence: 0 };
  await ask(client, "events.subscribe", { ...subscribe, types: ["child_ready", "ChildStopped"], path: "/s" });
  await tree.child("/api").restart();
  await tree.child("/s/inner").restart();
  const pushes = await pushesUntil(client, (push) => at(push, "event", "event_type") === "ChildStopped");
  const found = new Set(pushes.map((push) => `${at(push, "event", "target_path")} ${at(push, "event", "event_type")}`));
  assertEquals([...found].sort(), ["/s ChildReady", "/s/inner ChildReady", "/s/inner ChildStopped"].filter((name) => found.has(name)));
  assert(found.has("/s/inner ChildStopped"));
  for (
    const wrong of [{ types: "child_ready" }, { severities: [1] }, { path: 7 }, { states: "yes" }, { rows: 0 }, { since_sequence: -1 }]
  ) {
    const answer = await ask(client, "events.subscribe", { session_established: true, ...wrong });
    assertEquals(at(answer, "error", "code"), "invalid_subscription");
  }
  const misspelt = await ask(client, "events.subscribe", { session_established: true, types: ["child_redy"] });
  assertMatch(String(at(misspelt, "error", "message")), /there is none called "child_redy"\. Did you mean "child_ready"\?/);
  assertEquals(
    at(await ask(client, "logs.tail", { session_established: true, severities: ["grave"] }), "error", "code"),
    "invalid_subscription",
  );
});

test(
  "children that change are pushed as they are now: all of them first, then each that changed, then those that are gone",
  async (client, { tree }) => {
    await ask(client, "events.subscribe", { session_established: true, states: true, types: [] });
    const [first] = await pushesUntil(client, (push) => push["type"] === "state_delta");
    assertEquals(at(first, "delta", "whole"), true);
    const rows = at(first, "delta", "runtime_state");
    assertEquals(Array.isArray(rows) && rows.map((row) => at(row, "child_path")).sort(), ["/api", "/broken", "/s", "/s/inner"]);
    await tree.child("/api").pause();
    await pushesUntil(client, (push) => {
      const changed = at(push, "delta", "child_runtime_records");
      return Array.isArray(changed) && changed.some((row) => at(row, "child_path") === "/api" && at(row, "operation") === "paused");
    });
    await tree.child("/api").remove();
    const last = await pushesUntil(client, (push) => {
      const removed = at(push, "delta", "removed");
      return Array.isArray(removed) && removed.includes("/api");
    });
    assertEquals(last.every((push) => push["type"] === "state_delta"), true);
  },
);

test(
  "who wants details gets children whole and the tree where it changed, and may do without the rows of the reference",
  async (client, { tree, path }) => {
    const capabilities = at(await ask(client, "hello"), "result", "capabilities");
    assert(Array.isArray(capabilities) && capabilities.includes("subscriptions.rows"));
    const { tree: status } = Object(at(await ask(client, "reeve.status"), "result"));
    const other = await LineClient.open(path);
    const subscribe = { session_established: true, states: true, types: [] };
    await ask(client, "events.subscribe", { ...subscribe, details: true, rows: false });
    await ask(other, "events.subscribe", subscribe);
    const deltaOf = async (reader: LineClient): Promise<unknown> =>
      (await pushesUntil(reader, ({ type }) => type === "state_delta")).at(-1)!["delta"];
    const members = (delta: unknown): string[] => Object.keys(Object(delta));
    const first = await deltaOf(client);
    assertEquals(members(first), ["removed", "sequence", "whole", "children", "tree"]);
    assertEquals(members(at(first, "tree")), members(status));
    assertEquals([at(first, "tree", "phase"), at(first, "tree", "config_version")], ["running", "1"]);
    assertEquals(members(await deltaOf(other)), ["child_runtime_records", "removed", "runtime_state", "sequence", "whole"]);
    await tree.child("/api").pause();
    const paused = await pushesUntil(client, ({ delta }) => {
      const children = at(delta, "children");
      return Array.isArray(children) && children.some((row) => at(row, "child_path") === "/api" && at(row, "operation") === "paused");
    });
    assertEquals(paused.flatMap(({ delta }) => members(delta)).filter((name) => name === "tree"), [], "the tree is as it was");
    await tree.apply({ children: CHILDREN.map((spec) => spec.name === "api" ? { ...spec, tags: ["edge"] } : spec) }, {
      configVersion: "2",
    });
    await pushesUntil(client, ({ delta }) => at(delta, "tree", "config_version") === "2");
    const ending = tree.shutdown();
    await pushesUntil(client, ({ delta }) => at(delta, "tree", "phase") === "stopped");
    await ending;
    other.close();
  },
);

Deno.test({
  name: "reeve.reload applies what is read anew, or says only what that would do; the records of it are the socket's",
  ignore: process.platform === "win32",
  fn: () => {
    let [spec, isBroken] = [{ children: CHILDREN }, false];
    return whileServed(async ({ path, tree }) => {
      const client = await LineClient.open(path);
      try {
        spec = { children: [...CHILDREN, child.task("new", untilAborted)] };
        const unconfirmed = await ask(client, "reeve.reload", command(null));
        assertEquals(at(unconfirmed, "error", "code"), "validation_failed");
        const plan = at(await ask(client, "reeve.reload", command(null, { dry_run: true })), "result", "result", "state_delta");
        assertEquals([at(plan, "applied"), at(plan, "changes")], [false, [{ kind: "add", path: "/new", keys: [] }]]);
        assertEquals(tree.snapshot().children.length, 3);
        const done = at(await ask(client, "reeve.reload", command(null, { confirmed: true })), "result", "result", "state_delta");
        assertEquals([at(done, "applied"), at(done, "failed"), tree.child("/new").phase], [true, [], "ready"]);
        isBroken = true;
        const refused = await ask(client, "reeve.reload", command(null, { confirmed: true }));
        assertMatch(String(at(refused, "result", "result", "error", "message")), /no such file/);
        const records = tree.auditRecords.filter(({ method }) => method === "reeve.reload");
        assert(records.every(({ origin }) => origin === "socket"));
        assertEquals(records.filter(({ kind, allowed }) => kind === "outcome" && allowed).length, 2);
      } finally {
        client.close();
      }
    }, {
      children: CHILDREN,
      reload: () => isBroken ? Promise.reject(new Error("no such file")) : Promise.resolve({ spec: { name: "reeve", ...spec } }),
    });
  },
});

test(
  "a subscription begins with the last of what is remembered, says where that ends, and goes on without a seam",
  async (client, { tree }) => {
    await tree.child("/api").restart();
    const last = tree.snapshot().seq;
    const { result } = await ask(client, "events.subscribe", { session_established: true, recent: 3, path: "/api", described: true });
    await tree.child("/api").restart();
    const pushes = await pushesUntil(
      client,
      (push) => at(push, "event", "event_type") === "ChildReady" && Number(at(push, "event", "sequence")) > last,
    );
    const end = pushes.findIndex(({ type }) => type === "caught_up");
    const numbers = pushes.filter(({ type }) => type === "event").map((push) => Number(at(push, "event", "sequence")));
    assertEquals(end, 3);
    assertEquals(at(result, "since_sequence"), (numbers[0] ?? 0) - 1, "from where it goes on");
    assertEquals(numbers, [...new Set(numbers)].sort((a, b) => a - b));
    const { result: all } = await ask(client, "reeve.events", { paths: ["/api"] });
    const records = at(all, "records");
    assert(Array.isArray(records));
    assertEquals(
      numbers,
      records.map((record) => Number(at(record, "event", "sequence"))).filter((number) =>
        number >= (numbers[0] ?? 0) && number <= (numbers.at(-1) ?? 0)
      ),
    );
  },
);

test("who names a number gets what comes after it, and nothing of recent; none at all is caught up at once", async (client) => {
  const none = await ask(client, "logs.tail", { session_established: true, recent: 5, paths: ["/api", "/s"] });
  assertEquals(at(none, "result", "since_sequence"), 0);
  assertEquals((await pushesUntil(client, ({ type }) => type === "caught_up")).filter(({ type }) => type !== "event").length, 1);
  const { result } = await ask(client, "events.subscribe", {
    session_established: true,
    recent: 1,
    since_sequence: 0,
    types: ["supervisor_started"],
  });
  assertEquals(at(result, "since_sequence"), 0);
  const pushes = await pushesUntil(client, ({ type }) => type === "event");
  assertEquals(pushes.map((push) => at(push, "event", "sequence")), [1]);
  for (const wrong of [{ recent: -1 }, { recent: "all" }, { paths: "/api" }, { paths: [1] }, { paths: Array(300).fill("/") }]) {
    assertEquals(
      at(await ask(client, "events.subscribe", { session_established: true, ...wrong }), "error", "code"),
      "invalid_subscription",
    );
  }
});
