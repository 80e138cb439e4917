/** The client against a tree that is served. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { chmod, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { child, ReeveError } from "../../mod.ts";
import { connect, DashboardError } from "../../src/client/mod.ts";
import { whileServed } from "../support/served.ts";
import { untilAborted } from "../support/tasks.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: process.platform === "win32", fn });
}

const WHO = { reason: "test", requestedBy: "tester" };

test("client: hello, state and commands, many at a time", () =>
  whileServed(async ({ path, tree }) => {
    await using client = await connect(path);
    const [hello, state] = await Promise.all([client.hello(), client.state(), ...Array.from({ length: 200 }, () => client.hello())]);
    assertEquals(hello["protocol_version"], "dashboard-ipc.v1");
    assert(typeof state === "object" && state !== null && "runtime_state" in state);
    const result = await client.command("pause_child", { childPath: "/api", ...WHO });
    assert(typeof result === "object" && result !== null && "accepted" in result);
    assertEquals([result.accepted, tree.child("/api").operation], [true, "paused"]);
  }));

test("client: a refusal is an error with what the target said", () =>
  whileServed(async ({ path }) => {
    await using client = await connect(path);
    const error = await assertRejects(() => client.command("shutdown_tree", WHO), DashboardError);
    assertEquals([error.code, error.wire.code, error.wire.retryable], ["dashboard_refused", "validation_failed", false]);
  }));

test("client: events and lines come as they happen, to every reader, and end with the connection", () => {
  const talker = child.task("talker", async (context) => {
    context.log(`attempt ${context.attempt}`);
    await untilAborted(context);
  });
  return whileServed(async ({ path, tree }) => {
    const client = await connect(path);
    const [first, second, logs] = [client.events(), client.events(), client.logs()];
    await client.hello();
    await tree.child("/talker").restart();
    const types = async (stream: typeof first): Promise<unknown[]> => {
      const found: unknown[] = [];
      for await (const { event } of stream) {
        assert(typeof event === "object" && event !== null && "event_type" in event);
        found.push(event.event_type);
        if (event.event_type === "ChildReady") break;
      }
      return found;
    };
    const seen = await Promise.all([types(first), types(second)]);
    assertEquals(seen[0], seen[1]);
    assertEquals(seen[0]?.[0], "ChildRestartFenceEntered");
    const { value } = await logs.next();
    assertEquals(value?.["type"], "log");
    const ending = logs.next();
    await client.close();
    assertEquals((await ending).done, true);
    assertEquals((await assertRejects(() => client.hello(), ReeveError)).code, "dashboard_unreachable");
  }, { children: [talker] });
});

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "reeve-"));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("client: a socket that is not there, not safe, or no socket is refused before anything is sent", () =>
  inFolder(async (folder) => {
    const why = async (path: string): Promise<string> => {
      const { code, message } = await assertRejects(() => connect(path), ReeveError);
      assertEquals(code, "dashboard_unreachable");
      return message;
    };
    assertMatch(await why(join(folder, "none")), /ENOENT|No such file/);
    assertMatch(await why("\0abstract"), /abstract/);
    assertMatch(await why("relative.sock"), /absolute/);
    assertMatch(await why(`/${"x".repeat(120)}`), /at most 107/);
    await writeFile(join(folder, "file"), "");
    assertMatch(await why(join(folder, "file")), /no socket/);
    await symlink("file", join(folder, "link"));
    assertMatch(await why(join(folder, "link")), /symbolic link/);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, "s.sock"), resolve));
    await chmod(folder, 0o777);
    assertMatch(await why(join(folder, "s.sock")), /anybody may write/);
    await chmod(folder, 0o700);
    await (await connect(join(folder, "s.sock"))).close();
    server.close();
  }));

/** A target that answers each line with these. */
async function withTarget(answers: readonly string[], run: (path: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const path = join(folder, "s.sock");
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", () => answers.forEach((answer) => socket.write(answer)));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await run(path);
    server.close();
  });
}

test("client: a target that is silent, talks nonsense, or sends what nobody asked for does no harm", async () => {
  await withTarget([], async (path) => {
    await using client = await connect(path);
    assertMatch((await assertRejects(() => client.hello({ timeoutMs: 50 }), ReeveError)).message, /did not answer hello within 50 ms/);
    const stop = new AbortController();
    const asking = client.hello({ signal: stop.signal });
    stop.abort(new Error("enough"));
    await assertRejects(() => asking, Error, "enough");
  });
  for (const nonsense of ["nonsense\n", "\xff\xfe\n", "null\n", '{"request_id":"c1","ok":true}\n']) {
    await withTarget([nonsense], async (path) => {
      await using client = await connect(path);
      assertEquals((await assertRejects(() => client.hello(), ReeveError)).code, "dashboard_unreachable");
    });
  }
  await withTarget(
    ['{"request_id":"other","ok":true,"result":{}}\n{"type":"event"}\n{"request_id":"c1","ok":true,"result":{"x":1}}\n'],
    async (path) => {
      await using client = await connect(path);
      assertEquals(await client.hello(), { x: 1 });
    },
  );
});

test("client: a reader that is too slow is told how much it missed", async () => {
  const events = Array.from({ length: 50 }, (_, index) => `{"type":"event","event":{"sequence":${index}}}\n`).join("");
  await withTarget(['{"request_id":"c1","ok":true,"result":{}}\n', events], async (path) => {
    await using client = await connect(path, { maxWaiting: 10 });
    const stream = client.events();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [first, second] = [await stream.next(), await stream.next()];
    assertMatch(JSON.stringify(first.value), /40 pushes were dropped/);
    assertEquals(second.value, { type: "event", event: { sequence: 40 } });
  });
});
