/** Sockets that outlive the processes that serve them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { spawn } from "node:child_process";
import { lstat, writeFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { child, type ListenOptions, type ProcessChildOptions, supervise, type Tree } from "../../mod.ts";
import { inFolder } from "../support/folder.ts";
import { freePort } from "../support/free_port.ts";
import { moduleUrl, programArgs } from "../support/runtime.ts";
import { until } from "../support/until.ts";

const NODE = process.execPath.endsWith("node") ? process.execPath : "node";

/** Answers with what it was given, and with its number; asked to stop, it answers whoever is there, and then ends. */
const SERVER = `
const { createServer } = require("node:http");
const { LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID, REEVE_INSTANCE } = process.env;
const facts = { pid: process.pid, LISTEN_FDS, LISTEN_FDNAMES, isMine: LISTEN_PID === String(process.pid), REEVE_INSTANCE };
const servers = Array.from({ length: Number(LISTEN_FDS) }, (_, index) =>
  createServer((_request, answer) => answer.end(JSON.stringify({ ...facts, index }))).listen({ fd: 3 + index }, () => console.log("up " + index)));
process.on("SIGTERM", () => servers.forEach((server) => server.close()));
`;

function server(listen: readonly ListenOptions[], options: Partial<ProcessChildOptions> = {}): Parameters<typeof child.process>[1] {
  return {
    command: NODE,
    args: ["-e", SERVER],
    listen,
    readiness: { mode: "log_line", pattern: "^up 0" },
    backoff: { initialMs: 300, jitter: "none" },
    ...options,
  };
}

interface Answer {
  readonly pid: number;
  readonly index: number;
  readonly LISTEN_FDS: string;
  readonly LISTEN_FDNAMES: string;
  readonly isMine: boolean;
  readonly REEVE_INSTANCE?: string;
}

/** Asks over a connection of its own. */
function ask(place: { readonly port: number } | { readonly socketPath: string }): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get({ host: "127.0.0.1", ...place, agent: new Agent() }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => text += part);
      response.on("end", () => resolve(JSON.parse(text)));
      response.on("error", reject);
    });
    request.on("error", reject);
  });
}

/** Why nobody can connect; empty where somebody can. */
function refusal(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", (error) => resolve("code" in error ? String(error.code) : error.message));
    socket.on("connect", () => {
      socket.destroy();
      resolve("");
    });
  });
}

function test(name: string, fn: (folder: string) => Promise<void>): void {
  Deno.test({ name, ignore: process.platform === "win32", fn: () => inFolder(fn) });
}

async function failureOf(tree: Tree, path: string): Promise<string> {
  await until(() => tree.child(path).lastExit !== null, () => "it did not fail");
  const { lastExit } = tree.child(path);
  return lastExit !== null && "failure" in lastExit ? `${lastExit.failure.category}: ${lastExit.failure.message}` : "";
}

test("who connects while a process starts anew waits, and is answered by the next one", async () => {
  const port = Number(await freePort());
  const tree = await supervise({ children: [child.process("web", server([{ port, name: "http" }]))] });
  await tree.ready({ timeoutMs: 15_000 });
  const first = await ask({ port });
  assertEquals([first.LISTEN_FDS, first.LISTEN_FDNAMES, first.isMine, first.pid], ["1", "http", true, tree.child("/web").pid]);
  process.kill(first.pid, "SIGKILL");
  await until(() => tree.child("/web").phase === "backoff", () => "it was not killed");
  const second = await ask({ port });
  assertEquals([second.pid === first.pid, second.pid, tree.child("/web").restartsTotal], [false, tree.child("/web").pid, 1]);
  const { reconcile } = await tree.shutdown();
  assertEquals([reconcile.left, await refusal(port)], [[], "ECONNREFUSED"]);
});

test("copies share a port, and not one request is lost while they are replaced", async () => {
  const port = Number(await freePort());
  const tree = await supervise({ children: [child.process("web", server([{ port }], { instances: 2 }))] });
  await tree.ready({ timeoutMs: 15_000 });
  const before = new Set(tree.snapshot().children[0]!.children.map(({ pid }) => pid));
  let isOver = false;
  const answers: Answer[] = [];
  const asking = Array.from({ length: 4 }, async () => {
    while (!isOver) answers.push(await ask({ port }));
  });
  const { restarted, failed } = await tree.rollingRestart("/web");
  await until(() => answers.length > 50, () => `${answers.length} answers`);
  isOver = true;
  await Promise.all(asking);
  assertEquals([restarted, failed], [["/web/web:1", "/web/web:2"], []]);
  const after = await ask({ port });
  assertEquals([before.has(after.pid), before.size], [false, 2]);
  assert(new Set(answers.map(({ REEVE_INSTANCE }) => REEVE_INSTANCE)).size >= 2);
  await tree.close();
});

test("a process gets several sockets in their order, a Unix socket that nobody listens on is replaced, and has its mode", async (folder) => {
  const port = Number(await freePort());
  const path = join(folder, "web.sock");
  await leaveSocket(path);
  const listen = [{ path, permissions: "0640", name: "admin" }, { port }] as const;
  const tree = await supervise({ children: [child.process("web", server(listen, { readiness: { mode: "log_line", pattern: "^up 1" } }))] });
  await tree.ready({ timeoutMs: 15_000 });
  const [admin, web] = [await ask({ socketPath: path }), await ask({ port })];
  assertEquals([admin.index, web.index, admin.LISTEN_FDS, admin.LISTEN_FDNAMES], [0, 1, "2", "admin:unknown"]);
  assertEquals((await lstat(path)).mode & 0o777, 0o640);
  await tree.close();
  assertEquals(await lstat(path).then(() => "there", () => "gone"), "gone");
});

/** Leaves a socket behind as a program does that is killed. */
async function leaveSocket(path: string): Promise<void> {
  const program = spawn(NODE, [
    "-e",
    `require("node:net").createServer().listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))`,
    path,
  ]);
  await new Promise((resolve) => program.on("exit", resolve));
  assert((await lstat(path)).isSocket());
}

test("a socket that somebody else has is a failure that says so, and is tried again", async (folder) => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
  const address = other.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const path = join(folder, "file");
  await writeFile(path, "");
  const tree = await supervise({
    children: [
      child.process("web", server([{ port }])),
      child.process("file", server([{ path }])),
      child.process("far", server([{ port, host: "192.0.2.1" }])),
    ],
  });
  assertEquals(await Promise.all(["/web", "/file", "/far"].map((name) => failureOf(tree, name))), [
    `listen_failed: Cannot listen at 127.0.0.1:${port}: somebody else listens there`,
    `listen_failed: Cannot listen at ${path}: somebody else listens there`,
    `listen_failed: Cannot listen at 192.0.2.1:${port}: it is no address of this machine`,
  ]);
  await new Promise((resolve) => other.close(resolve));
  await until(() => tree.child("/web").phase === "ready", () => tree.child("/web").phase);
  assertEquals((await ask({ port })).pid, tree.child("/web").pid);
  await tree.close();
});

test("a new declaration keeps the sockets that it has too, and closes those that it has not", async () => {
  const [kept, dropped] = [Number(await freePort()), Number(await freePort())];
  const spec = (listen: readonly ListenOptions[]): { children: ReturnType<typeof child.process>[] } => ({
    children: [child.process("web", server(listen))],
  });
  const tree = await supervise(spec([{ port: kept }, { port: dropped }]));
  await tree.ready({ timeoutMs: 15_000 });
  const { failed } = await tree.apply(spec([{ port: kept }]));
  // Somebody else may have got the port for a moment.
  await until(async () => await refusal(dropped) === "ECONNREFUSED", () => "it still listens");
  assertEquals([failed, (await ask({ port: kept })).LISTEN_FDS], [[], "1"]);
  await tree.child("/web").remove();
  await until(async () => await refusal(kept) === "ECONNREFUSED", () => "it listens on");
  await tree.close();
});

test("a socket of the service manager is passed on by its name; where there is none, the failure says why", async (folder) => {
  const program = join(folder, "main.mjs");
  const declared = {
    command: NODE,
    args: ["-e", SERVER],
    listen: [{ inherited: "http" }],
    readiness: { mode: "log_line", pattern: "^up" },
  };
  await writeFile(
    program,
    `import { child, supervise } from ${JSON.stringify(moduleUrl("mod"))};
const tree = await supervise({ children: [child.process("web", ${JSON.stringify(declared)})] });
await tree.ready({ timeoutMs: 15000 });
process.on("SIGTERM", () => tree.close());
console.log("ready");
`.replace(/^/, 'import process from "node:process";\n'),
  );
  // Gives a socket to the program as systemd does.
  const given = `
const net = require("node:net");
const { spawn } = require("node:child_process");
const handle = net._createServerHandle("127.0.0.1", 0, 4);
const address = {};
handle.getsockname(address);
console.log("port " + address.port);
const script = 'export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=http; exec "$@"';
let program;
process.on("SIGTERM", () => program?.kill());
program = spawn("/bin/sh", ["-c", script, "sh", ...process.argv.slice(1)], { stdio: ["ignore", "inherit", "inherit", handle.fd] });
program.on("exit", (code) => process.exit(code ?? 1));
`;
  const manager = spawn(NODE, ["-e", given, process.execPath, ...programArgs(program, ["-A", "--no-check"])], {
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  });
  let text = "";
  manager.stdout.on("data", (data) => text += data);
  manager.stderr.on("data", (data) => text += data);
  await until(() => text.includes("ready"), () => text);
  const { LISTEN_FDNAMES, isMine } = await ask({ port: Number(/port (\d+)/.exec(text)?.[1]) });
  assertEquals([LISTEN_FDNAMES, isMine], ["http", true]);
  const ended = new Promise((resolve) => manager.on("exit", resolve));
  // Not its own kill(): after that, Deno tells no exit code.
  process.kill(manager.pid!, "SIGTERM");
  assertEquals([await ended, text.replace(/port \d+/, "port N")], [0, "port N\nready\n"]);

  const tree = await supervise({ children: [child.process("web", server([{ inherited: "http" }]))] });
  assertMatch(
    await failureOf(tree, "/web"),
    /^listen_failed: Cannot pass the socket "http" of the service manager on: none was given to this program$/,
  );
  await tree.close();
});
