/** A target registers at a relay on a real socket, whatever that relay does. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { child, supervise, type Tree } from "../../mod.ts";
import { serveDashboard } from "../../src/ipc/mod.ts";
import { inFolder } from "../support/folder.ts";
import { LineClient } from "../support/lines.ts";
import { untilAborted } from "../support/tasks.ts";

const OK = { ok: true, target_id: "t", status: "registered", error: null, retryable: false };

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: process.platform === "win32", fn });
}

/** A relay that does with every registration what the test says. */
async function relayAt(path: string, receive: (line: string, socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.setEncoding("utf8");
    let text = "";
    socket.on("data", (data) => {
      text += data;
      if (text.endsWith("\n")) receive(text, socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

function whileRegistering(
  run: (tree: Tree, path: string) => Promise<void>,
  receive: ((line: string, socket: Socket) => void) | null,
  registrationIoTimeoutSecs = 10,
): Promise<void> {
  return inFolder(async (folder) => {
    const relayRegistrationPath = join(folder, "relay.sock");
    const relay = receive === null ? null : await relayAt(relayRegistrationPath, receive);
    try {
      await using tree = await supervise({ children: [child.task("api", untilAborted)] });
      const path = join(folder, "t.sock");
      const times = { leaseSeconds: 30, registrationHeartbeatIntervalSeconds: 1, registrationIoTimeoutSecs };
      await using _dashboard = await serveDashboard(tree, {
        targetId: "t",
        displayName: "shop one",
        path,
        registration: { relayRegistrationPath, ...times },
      });
      await run(tree, path);
    } finally {
      await new Promise<void>((resolve) => relay === null ? resolve() : relay.close(() => resolve()));
    }
  });
}

/** The next change of the registration, as state and reason. */
async function nextChange(tree: Tree): Promise<string> {
  for await (const event of tree.events()) {
    if (event.type === "registration_changed") return `${event.to} ${event.reason}`.trim();
  }
  throw new Error("the tree ended");
}

test("a target says what it is in one line, as the reference does, and hello and state say the same", async () => {
  const lines: string[] = [];
  await whileRegistering(async (tree, path) => {
    assertEquals(await nextChange(tree), "registered");
    const client = await LineClient.open(path);
    client.ask({ request_id: "h", method: "hello" });
    const { registration }: Record<string, unknown> = { ...Object((await client.json())["result"]) };
    assertEquals(registration, JSON.parse(lines[0]!));
    client.ask({ request_id: "s", method: "state" });
    const text = String(await client.line());
    assertMatch(
      text,
      /"target":\{"target_id":"t","display_name":"shop one","registration_state":"active","connection_state":"registered"\}/,
    );
    client.close();
    const commands = ["restart_child", "pause_child", "resume_child", "quarantine_child", "remove_child", "add_child", "shutdown_tree"];
    assertEquals(JSON.parse(lines[0]!), {
      target_id: "t",
      display_name: "shop one",
      ipc_path: path,
      lease_seconds: 30,
      supported_commands: commands.map((name) => ({ name, idempotent: false, timeout_seconds: 30 })),
    });
    assertEquals(lines[0]!.indexOf('{"target_id":"t","display_name":"shop one","ipc_path":'), 0);
  }, (line, socket) => {
    lines.push(line);
    socket.end(`${JSON.stringify(OK)}\n`);
  });
});

test("a relay that is silent, closes, talks without end or is not there costs nothing but the registration", async () => {
  const silent: Socket[] = [];
  const cases: readonly (readonly [RegExp, ((line: string, socket: Socket) => void) | null, ioTimeoutSecs?: number])[] = [
    [/does not answer within 200 ms/, (_, socket) => void silent.push(socket), 0.2],
    [/closed without an answer/, (_, socket) => socket.end()],
    [/in disorder \(frame_too_large\)/, (_, socket) => void socket.write("x".repeat(200_000))],
    [/in disorder \(invalid_utf8\)/, (_, socket) => void socket.write(new Uint8Array([0xff, 0x0a]))],
    [/ENOENT|No such file/, null],
  ];
  for (const [why, receive, ioTimeoutSecs] of cases) {
    await whileRegistering(
      async (tree, path) => {
        assertMatch(await nextChange(tree), why);
        const client = await LineClient.open(path);
        client.ask({ request_id: "s", method: "state" });
        assertMatch(String(await client.line()), /"registration_state":"expired","connection_state":"unavailable"/);
        client.close();
        silent.splice(0).forEach((socket) => socket.destroy());
      },
      receive,
      ioTimeoutSecs,
    );
  }
});

test("a relay that comes back has its target within the interval", async () => {
  let count = 0;
  await whileRegistering(async (tree) => {
    const changes: string[] = [];
    for await (const event of tree.events()) {
      if (event.type === "registration_changed") changes.push(event.to);
      if (changes.length === 3) break;
    }
    assertEquals(changes, ["registered", "reconnecting", "registered"]);
    assert(count >= 4);
  }, (_, socket) => {
    count++;
    if (count === 2 || count === 3) socket.destroy();
    else socket.end(`${JSON.stringify(OK)}\n`);
  });
});
