/** A tree on its socket: commands that do what they say, streams that push, and a place that is kept. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { chmod, lstat, mkdir, readdir, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { child, ReeveError, supervise } from "../../mod.ts";
import { type DashboardOptions, serveDashboard } from "../../src/ipc/mod.ts";
import { platform } from "../../src/platform/mod.ts";
import { at } from "../support/at.ts";
import { inFolder } from "../support/folder.ts";
import { LineClient } from "../support/lines.ts";
import { type Served, whileServed } from "../support/served.ts";
import { seededRandom } from "../../src/testing/mod.ts";
import { deaf, untilAborted } from "../support/tasks.ts";

const UNIX = process.platform !== "win32";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !UNIX, fn });
}

let asked = 0;

interface Wanted {
  readonly path?: string;
  readonly manifest?: string;
  readonly method?: string;
  readonly confirmed?: boolean;
}

function command(kind: string, { path, manifest, method = `command.${kind}`, confirmed = true }: Wanted = {}): object {
  const target = { child_path: path, child_manifest: manifest };
  const meta = { reason: "test", requested_by: "tester", confirmed, requested_at_unix_nanos: 1_700_000_000_000_000_000 };
  return { request_id: `r${++asked}`, method, params: { command_id: "c", target_id: "example-target", command: kind, target, ...meta } };
}

async function withClient(
  run: (client: LineClient, served: Served) => Promise<void>,
  options: Partial<DashboardOptions> & { journal?: number; children?: Parameters<typeof supervise>[0]["children"] } = {},
): Promise<void> {
  await whileServed(async (served) => {
    const client = await LineClient.open(served.path);
    try {
      await run(client, served);
    } finally {
      client.close();
    }
  }, options);
}

/** The `result` inside the answer to a command. */
async function outcome(client: LineClient, request: object): Promise<unknown> {
  client.ask(request);
  return at(await client.json(), "result", "result");
}

// --- commands ----------------------------------------------------------------------------------------------------------------------------

test("commands do what they say, in the name of who asked", () =>
  withClient(async (client, { tree }) => {
    const restarted = await outcome(client, command("restart_child", { path: "/api" }));
    assertEquals([at(restarted, "accepted"), at(restarted, "state_delta", "outcome", "generation_fence", "decision")], [
      true,
      "queued_after_stop",
    ]);
    for (const [kind, operation] of [["pause_child", "paused"], ["resume_child", "active"], ["quarantine_child", "quarantined"]] as const) {
      const found = await outcome(client, command(kind, { path: "billing" }));
      assertEquals([at(found, "accepted"), at(found, "state_delta", "outcome", "operation_after")], [true, operation]);
      assertEquals(tree.child("/billing").operation, operation);
    }
    assertEquals(at(await outcome(client, command("remove_child", { path: "/once" })), "accepted"), true);
    const by: string[] = [];
    for await (const event of tree.events({ since: "start" })) {
      if (event.type === "child_control_command_completed") by.push(`${event.command} ${event.by}`);
      if (event.type === "child_removed") break;
    }
    assertEquals(by.filter((text) => !text.endsWith(" tester")), []);
  }));

test("a command that is refused says so: unknown child, ambiguous name, method that disagrees, not confirmed, wrong target", () =>
  withClient(async (client, { tree }) => {
    const unknown = await outcome(client, command("pause_child", { path: "/bllling" }));
    assertEquals([at(unknown, "accepted"), at(unknown, "status"), at(unknown, "error", "code")], [false, "failed", "command_failed"]);
    assertMatch(String(at(unknown, "error", "message")), /unknown child "\/bllling".*Did you mean "\/billing"/);
    const inexact = await outcome(client, command("remove_child", { path: "billing" }));
    assertEquals(at(inexact, "accepted"), false, "what destroys wants the exact path");
    for (
      const [request, code] of [
        [command("shutdown_tree", { method: "command.pause_child" }), "invalid_command_params"],
        [command("remove_child", { path: "/api", confirmed: false }), "validation_failed"],
        [{ ...command("pause_child"), params: [] }, "invalid_command_params"],
      ] as const
    ) {
      client.ask(request);
      assertEquals(at(await client.json(), "error", "code"), code);
    }
    assertEquals([tree.snapshot().phase, tree.snapshot().children.length], ["running", 3]);
  }));

test("add_child really adds and starts, where the target can read declarations; elsewhere it is refused", async () => {
  await withClient(async (client) => {
    assertEquals(at(await outcome(client, command("add_child", { manifest: "x" })), "error", "code"), "command_failed");
  });
  const parseChild = (name: string): ReturnType<typeof child.task> => child.task(name, untilAborted);
  await withClient(async (client, { tree }) => {
    assertEquals(at(await outcome(client, command("add_child", { manifest: "extra" })), "accepted"), true);
    assertEquals(tree.child("/extra").operation, "active");
    const again = await outcome(client, command("add_child", { manifest: "extra" }));
    assertEquals([at(again, "accepted"), at(again, "status")], [false, "failed"]);
  }, { parseChild });
});

test("shutdown_tree answers with a measured report; later requests are still answered", () =>
  withClient(async (client) => {
    const found = await outcome(client, command("shutdown_tree"));
    const result = at(found, "state_delta", "result");
    assertEquals([at(result, "phase"), at(result, "idempotent"), at(result, "report", "reconcile", "verified_clean")], [
      "Completed",
      false,
      true,
    ]);
    assertEquals(at(result, "report", "reconcile", "total_slots_checked"), 3);
    client.ask({ request_id: "s", method: "state" });
    assertEquals(at(await client.json(), "result", "state", "runtime_state", "0", "shutdown_state"), "completed");
    assertEquals(at(await outcome(client, command("shutdown_tree")), "state_delta", "result", "idempotent"), true);
    assertEquals(at(await outcome(client, command("restart_child", { path: "/api" })), "accepted"), false);
  }));

// --- state -------------------------------------------------------------------------------------------------------------------------------

test("state tells the truth: nested paths, phases, a pending restart, times that move, a generation that rises", () => {
  const children = [
    child.supervisor("s", { children: [child.task("a", untilAborted)] }),
    child.task("deaf", deaf, { stop: { timeoutMs: 100, killWaitMs: 100 } }),
    child.task("done", () => {}, { restartPolicy: "transient" }),
  ];
  return withClient(async (client, { tree }) => {
    const state = async (): Promise<unknown> => {
      client.ask({ request_id: "s", method: "state" });
      return at(await client.json(), "result", "state");
    };
    const first = await state();
    assertEquals(at(first, "topology", "declaration_order"), ["/", "/s", "/s/a", "/deaf", "/done"]);
    const rows = at(first, "runtime_state");
    assert(Array.isArray(rows));
    assertEquals(rows.map((row) => `${at(row, "child_path")} ${at(row, "lifecycle_state")}`), [
      "/s ready",
      "/s/a ready",
      "/deaf ready",
      "/done stopped",
    ]);
    await tree.child("/deaf").restart();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const second = await state();
    assertEquals(at(second, "child_runtime_records", "2", "pending_restart"), { old_generation: 0, old_attempt: 1, target_generation: 1 });
    assert(Number(at(second, "state_generation")) > Number(at(first, "state_generation")));
    assert(Number(at(second, "generated_at_unix_nanos")) > Number(at(first, "generated_at_unix_nanos")));
    const events = at(second, "recent_events");
    assert(Array.isArray(events));
    assertEquals(events.map((event) => at(event, "sequence")), events.map((_, index) => index + 1));
    await tree.add(child.task("new", untilAborted));
    assertEquals(at(await state(), "topology", "declaration_order"), ["/", "/s", "/s/a", "/deaf", "/done", "/new"]);
  }, { children });
});

test("times leave as whole numbers of nanoseconds, without loss", () =>
  withClient(async (client) => {
    client.ask({ request_id: "s", method: "state" });
    const line = await client.line() ?? "";
    assertMatch(line, /"generated_at_unix_nanos":\d{19}[,}]/);
  }));

// --- streams -----------------------------------------------------------------------------------------------------------------------------

test("events.subscribe pushes every event after its answer, in order; logs.tail what is logged", () => {
  const children = [child.task("talker", async (context) => {
    context.log(`attempt ${context.attempt}`);
    await untilAborted(context);
  })];
  return withClient(async (client, { tree }) => {
    for (const method of ["events.subscribe", "logs.tail"]) {
      client.ask({ request_id: method, method, params: { session_established: true } });
      assertEquals(at(await client.json(), "ok"), true);
    }
    const { seq } = tree.snapshot();
    await tree.child("/talker").restart();
    const sequences: unknown[] = [];
    let logged: unknown;
    while (logged === undefined || !sequences.includes(seq + 5)) {
      const push = await client.json();
      if (push["type"] === "event") sequences.push(at(push, "event", "sequence"));
      if (push["type"] === "log") logged = at(push, "log", "message");
    }
    assertEquals([sequences.slice(0, 5), logged], [[1, 2, 3, 4, 5].map((step) => seq + step), "attempt 2"]);
  }, { children });
});

test("a subscription goes on after a number: what state told and what is pushed have no gap and no double", () =>
  withClient(async (client, { tree }) => {
    client.ask({ request_id: "s", method: "state" });
    const state = at(await client.json(), "result", "state");
    const known = Number(at(state, "state_generation"));
    await tree.child("/api").pause();
    await tree.child("/api").resume();
    client.ask({ request_id: "e", method: "events.subscribe", params: { session_established: true, since_sequence: known } });
    assertEquals(at(await client.json(), "result", "since_sequence"), known);
    for (let next = known + 1; next <= known + 5; next++) assertEquals(at(await client.json(), "event", "sequence"), next);
    client.ask({ request_id: "w", method: "events.subscribe", params: { session_established: true, since_sequence: -1 } });
    let answer = await client.json();
    while (answer["request_id"] !== "w") answer = await client.json();
    assertEquals(at(answer, "error", "code"), "invalid_subscription");
  }));

test("a subscriber that lagged behind the journal is told how much it missed", () =>
  withClient(async (client, { tree }) => {
    for (let count = 0; count < 10; count++) {
      await tree.child("/api").pause();
      await tree.child("/api").resume();
    }
    client.ask({ request_id: "e", method: "events.subscribe", params: { session_established: true, since_sequence: 0 } });
    assertEquals(at(await client.json(), "ok"), true);
    const push = await client.json();
    assertEquals(at(push, "error", "code"), "subscriber_lagged");
    assertMatch(String(at(push, "error", "message")), /^\d+ events were dropped$/);
  }, { journal: 16 }));

test("a subscriber that does not read costs the target nothing: it is cut after the time to write", () => {
  const noisy = child.task("noisy", ({ log, signal }) => {
    const line = "x".repeat(4_000);
    const talking = setInterval(() => {
      for (let count = 0; count < 50; count++) log(line);
    }, 1);
    return untilAborted({ signal }).finally(() => clearInterval(talking));
  });
  return whileServed(async ({ path, dashboard }) => {
    const silent = await platform.connectUnix(path);
    await silent.write(`${JSON.stringify({ request_id: "l", method: "logs.tail", params: { session_established: true } })}\n`);
    const sane = await LineClient.open(path);
    for (let look = 0; look < 100 && dashboard.connections > 1; look++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      sane.ask({ request_id: `h${look}`, method: "hello" });
      assertEquals((await sane.json())["request_id"], `h${look}`);
    }
    assertEquals(dashboard.connections, 1);
    sane.close();
    silent.close();
  }, { children: [noisy], writeTimeoutMs: 300 });
});

test("a client may send byte by byte, and has so many subscriptions and no more", () =>
  withClient(async (client) => {
    for (const byte of new TextEncoder().encode(`${JSON.stringify({ request_id: "slow", method: "hello" })}\n`)) {
      client.send(Uint8Array.of(byte));
    }
    assertEquals((await client.json())["request_id"], "slow");
    const codes: unknown[] = [];
    for (let count = 0; count < 17; count++) {
      client.ask({ request_id: "x", method: "events.subscribe", params: { session_established: true } });
      codes.push(at(await client.json(), "error", "code"));
    }
    assertEquals(codes.filter((code) => code !== undefined), ["too_many_subscriptions"]);
  }));

test("pipelined requests are answered in order; of too many connections the last is refused with a line", () =>
  whileServed(async ({ path }) => {
    const client = await LineClient.open(path);
    client.send(Array.from({ length: 500 }, (_, index) => `${JSON.stringify({ request_id: `p${index}`, method: "hello" })}\n`).join(""));
    for (let index = 0; index < 500; index++) assertEquals((await client.json())["request_id"], `p${index}`);
    const second = await LineClient.open(path);
    assertEquals(at(await second.json(), "error", "code"), "too_many_connections");
    await second.ended();
    second.close();
    client.close();
  }, { maxConnections: 1 }));

// --- its place ---------------------------------------------------------------------------------------------------------------------------

async function refusalAt(path: string, options: Partial<DashboardOptions> = {}): Promise<string> {
  await using tree = await supervise({ children: [] });
  const { code, message } = await assertRejects(() => serveDashboard(tree, { targetId: "t", path, ...options }), ReeveError);
  assertEquals(code, "dashboard_not_started");
  return message;
}

test("the socket is there for its owner alone, makes its folders, and goes with close(); nothing is left beside it", () =>
  inFolder(async (folder) => {
    await using tree = await supervise({ children: [] });
    const path = join(folder, "deep", "er", "t.sock");
    const dashboard = await serveDashboard(tree, { targetId: "t", path });
    const found = await lstat(path);
    assertEquals([found.isSocket(), found.mode & 0o777, await readdir(join(folder, "deep", "er"))], [true, 0o600, ["t.sock"]]);
    await dashboard.close();
    await dashboard.close();
    assertEquals(await readdir(join(folder, "deep", "er")), []);
  }));

test("close() leaves alone what somebody else has put there", () =>
  inFolder(async (folder) => {
    await using tree = await supervise({ children: [] });
    const path = join(folder, "t.sock");
    const dashboard = await serveDashboard(tree, { targetId: "t", path });
    await unlink(path);
    await writeFile(path, "mine");
    await dashboard.close();
    assertEquals(await readdir(folder), ["t.sock"]);
  }));

test("a path that cannot be had is refused with the reason", () =>
  inFolder(async (folder) => {
    const path = join(folder, "t.sock");
    assertMatch(await refusalAt("t.sock"), /must be absolute/);
    assertMatch(await refusalAt(join(folder, "x".repeat(100))), /bytes, must have at most 107/);
    assertMatch(await refusalAt(path, { permissions: "0666" }), /permissions is "0666"/);
    assertMatch(await refusalAt(path, { targetId: " " }), /targetId is blank/);
    await writeFile(path, "");
    assertMatch(await refusalAt(path), /something is there already/);
    assertMatch(await refusalAt(path, { bindMode: "replace_stale" }), /no socket/);
    await unlink(path);
    await symlink(join(folder, "elsewhere"), path);
    assertMatch(await refusalAt(path, { bindMode: "replace_stale" }), /symbolic link/);
    await unlink(path);
    await mkdir(join(folder, "closed"));
    await chmod(join(folder, "closed"), 0o500);
    if (process.getuid?.() !== 0) assertMatch(await refusalAt(join(folder, "closed", "t.sock")), /Cannot listen/);
  }));

test("a socket behind which somebody listens is never taken; one behind which nobody does is, when that was asked for", () =>
  inFolder(async (folder) => {
    const path = join(folder, "t.sock");
    await using tree = await supervise({ children: [] });
    const first = await serveDashboard(tree, { targetId: "t", path });
    assertMatch(await refusalAt(path, { bindMode: "replace_stale" }), /somebody listens there already/);
    await first.close();
    await leaveStale(path);
    assertMatch(await refusalAt(path), /something is there already/);
    await using second = await serveDashboard(tree, { targetId: "t", path, bindMode: "replace_stale" });
    const client = await LineClient.open(second.path);
    client.ask({ request_id: "1", method: "hello" });
    assertEquals((await client.json())["ok"], true);
    client.close();
  }));

test("of two that want one path at the same moment exactly one gets it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "t.sock");
    await using tree = await supervise({ children: [] });
    const results = await Promise.allSettled([1, 2, 3].map(() => serveDashboard(tree, { targetId: "t", path, bindMode: "replace_stale" })));
    const winners = results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
    assertEquals(winners.length, 1);
    const client = await LineClient.open(path);
    client.close();
    await winners[0]!.close();
  }));

/** A socket whose program is gone, as after a kill. */
async function leaveStale(path: string): Promise<void> {
  const script = `import{createServer}from"node:net";createServer().listen(${
    JSON.stringify(path)
  },()=>process.kill(process.pid,"SIGKILL"))`;
  const { spawn } = await import("node:child_process");
  const node = spawn("node", ["--input-type=module", "-e", script]);
  await new Promise((resolve) => node.once("exit", resolve));
  assert((await lstat(path)).isSocket());
}

// --- hostile clients ---------------------------------------------------------------------------------------------------------------------

test("lines that were cut, joined and changed at random are answered or end their connection; a sane client is served all along", () =>
  whileServed(async ({ path, dashboard }) => {
    const random = seededRandom(6);
    const sane = await LineClient.open(path);
    const seeds = [
      JSON.stringify({ request_id: "a", method: "state" }),
      JSON.stringify({ request_id: "b", method: "events.subscribe", params: { session_established: true } }),
      JSON.stringify(command("pause_child", { path: "/api" })),
    ].map((text) => new TextEncoder().encode(`${text}\n`));
    const mutated = (): Uint8Array => {
      const bytes = Uint8Array.from(seeds[Math.floor(random() * seeds.length)]!);
      for (let change = 0; change < 3; change++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      return random() < 0.2 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
    };
    for (let round = 0; round < 50; round++) {
      const hostile = await LineClient.open(path);
      for (let count = 0; count < 40; count++) hostile.send(mutated());
      sane.ask({ request_id: `s${round}`, method: "hello" });
      assertEquals((await sane.json())["request_id"], `s${round}`);
      hostile.close();
    }
    for (let look = 0; look < 100 && dashboard.connections > 1; look++) await new Promise((resolve) => setTimeout(resolve, 20));
    assertEquals(dashboard.connections, 1);
    sane.close();
  }));
