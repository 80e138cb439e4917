/** The client against a tree that is served. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { chmod, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { child, ReeveError } from "../../mod.ts";
import { connect, DashboardError } from "../../src/client/mod.ts";
import { inFolder } from "../support/folder.ts";
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
    assertEquals([hello.protocolVersion, hello.registration.targetId, hello.server?.name], [
      "dashboard-ipc.v1",
      "example-target",
      "@reeve/supervisor",
    ]);
    assertEquals(state.runtimeState.map(({ childPath }) => childPath), ["/api", "/billing", "/once"]);
    assertEquals([typeof state.generatedAtUnixNanos, state.childRuntimeRecords[0]?.restartLimit.exhausted], ["bigint", false]);
    const result = await client.command("pause_child", { childPath: "/api", ...WHO });
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
    await Promise.all([first.ready, second.ready, logs.ready]);
    await tree.child("/talker").restart();
    const types = async (stream: typeof first): Promise<unknown[]> => {
      const found: unknown[] = [];
      for await (const push of stream) {
        assert(push.type === "event");
        found.push(push.event.eventType);
        if (push.event.eventType === "ChildReady") break;
      }
      return found;
    };
    const seen = await Promise.all([types(first), types(second)]);
    assertEquals(seen[0], seen[1]);
    assertEquals(seen[0]?.[0], "ChildRestartFenceEntered");
    const { value } = await logs.next();
    assert(value?.type === "log" && typeof value.log.occurredAtUnixNanos === "bigint");
    assertMatch(value.log.message, /^attempt \d+$/);
    const ending = logs.next();
    await client.close();
    assertEquals((await ending).done, true);
    assertEquals((await assertRejects(() => client.hello(), ReeveError)).code, "dashboard_unreachable");
  }, { children: [talker] });
});

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

/** A target that answers each line as the test says; `ID` stands for the id of the request. */
async function withTarget(answer: (method: string) => readonly string[], run: (path: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const path = join(folder, "s.sock");
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.setEncoding("utf8");
      socket.on("data", (text: string) => {
        for (const line of text.split("\n").filter((part) => part !== "")) {
          const { request_id: id, method } = JSON.parse(line);
          for (const said of answer(method)) {
            socket.write(Uint8Array.from(said.replaceAll("ID", id), (character) => character.charCodeAt(0)));
          }
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    await run(path);
    server.close();
  });
}

const HELLO =
  '{"request_id":"ID","ok":true,"result":{"type":"hello","protocol_version":"dashboard-ipc.v1","registration":{"target_id":"t","supported_commands":[]}}}\n';

test("client: an option that the target would pass over is not sent", () => {
  const methods: string[] = [];
  const answer = (method: string): readonly string[] => {
    methods.push(method);
    return [HELLO];
  };
  return withTarget(answer, async (path) => {
    await using client = await connect(path);
    const who = { reason: "test", requestedBy: "tester", confirmed: true };
    for (
      const [kind, option] of [["add_child", { to: "/" }], ["shutdown_tree", { force: false }], ["start_template", { args: null }]] as const
    ) {
      const asking = client.command(kind, { ...who, ...option });
      assertMatch((await assertRejects(() => asking, ReeveError)).message, /^The target knows no "(to|force|args)" of a command/);
    }
    assertEquals(methods, ["hello"]);
  });
});

test("client: a target that is silent, talks nonsense, or sends what nobody asked for does no harm", async () => {
  await withTarget(() => [], async (path) => {
    await using client = await connect(path);
    assertMatch((await assertRejects(() => client.hello({ timeoutMs: 50 }), ReeveError)).message, /did not answer hello within 50 ms/);
    const stop = new AbortController();
    const asking = client.hello({ signal: stop.signal });
    stop.abort(new Error("enough"));
    await assertRejects(() => asking, Error, "enough");
  });
  const nonsense = [
    "nonsense\n",
    "\xff\xfe\n",
    "null\n",
    "[1]\n",
    `${"[".repeat(200)}\n`,
    '{"request_id":"ID","ok":true}\n',
    '{"request_id":"ID","ok":true,"result":{}}\n',
  ];
  for (const said of nonsense) {
    await withTarget(() => [said], async (path) => {
      await using client = await connect(path);
      assertEquals((await assertRejects(() => client.hello(), ReeveError)).code, "dashboard_unreachable", said);
    });
  }
  await withTarget(
    () => [`{"request_id":"other","ok":true,"result":{}}\n{"type":"event"}\n{"type":"__proto__"}\n${HELLO}`],
    async (path) => {
      await using client = await connect(path);
      assertEquals((await client.hello()).registration.targetId, "t");
    },
  );
});

test("client: what a target says is shown without its control characters", () =>
  withTarget(
    () => [
      '{"request_id":"ID","ok":false,"error":{"code":"x\\u001b[2J","stage":"s","target_id":null,"message":"\\u001b]0;evil\\u0007","retryable":false}}\n',
    ],
    async (path) => {
      await using client = await connect(path);
      const { message, wire } = await assertRejects(() => client.hello(), DashboardError);
      assertEquals(message.includes("\u001b") || message.includes("\u0007"), false);
      assertEquals(wire.message.includes("\u001b"), true, "as it came");
    },
  ));

test("client: a reader that is too slow is told how much it missed", async () => {
  const events = Array.from(
    { length: 50 },
    (_, index) => `{"type":"event","event":{"sequence":${index},"event_type":"X","target_path":"/","occurred_at_unix_nanos":1}}\n`,
  ).join("");
  await withTarget((method) => method === "hello" ? [HELLO] : ['{"request_id":"ID","ok":true,"result":{}}\n', events], async (path) => {
    await using client = await connect(path, { maxWaiting: 10 });
    const stream = client.events();
    await stream.ready;
    await new Promise((resolve) => setTimeout(resolve, 100));
    const [first, second] = [await stream.next(), await stream.next()];
    assertMatch(JSON.stringify(first.value), /40 pushes were dropped/);
    assert(second.value?.type === "event");
    assertEquals(second.value.event.sequence, 40);
  });
});
