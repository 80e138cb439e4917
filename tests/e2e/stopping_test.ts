/** How `reeve run` ends programs that still have work, do not want to end, or hide. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { inFolder } from "../support/folder.ts";
import { freePort } from "../support/free_port.ts";
import { programArgs } from "../support/runtime.ts";
import { isListening, isRunning, TreeRun } from "../support/tree_run.ts";
import { until } from "../support/until.ts";

function test(name: string, run: (folder: string) => Promise<void>): void {
  // Who is left is looked up in /proc.
  Deno.test({ name, ignore: process.platform !== "linux", fn: () => inFolder(run) });
}

/** Answers a request only after it was asked to stop, and ends when all are answered. */
const SERVER = `
import { createServer } from "node:http";
import process from "node:process";
let answer = () => {};
const server = createServer((request, response) => {
  console.log("got " + request.url);
  answer = () => response.end("whole");
});
server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("listening"));
process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  console.log("no more");
  setTimeout(() => answer(), 300);
});
`;

test("a request in flight is answered by a server that is asked to stop, and nobody gets in after it", (folder) =>
  withServer(folder, async (run, port) => {
    const asked = fetch(`http://127.0.0.1:${port}/slow`, { headers: { connection: "close" } }).then((response) => response.text());
    await run.command.until("got /slow");
    const ended = run.stop();
    await run.command.until("no more");
    await until(async () => !await isListening(port), () => "it still takes connections");
    assertEquals([await asked, await ended], ["whole", 0], run.command.output());
    assertMatch(run.command.output(), /\/server +process +1 +0 +0 .*in order/);
  }));

test("a request in flight to a server that is killed has no answer", (folder) =>
  withServer(folder, async (run, port) => {
    const asked = fetch(`http://127.0.0.1:${port}/slow`, { headers: { connection: "close" } }).then((response) => response.text());
    const refused = assertRejects(() => asked);
    await run.command.until("got /slow");
    for (const pid of run.processes()) process.kill(pid, "SIGKILL");
    await refused;
    await until(() => run.command.output().split("listening").length >= 3, () => run.command.output());
    assertEquals(await run.stop(), 0, run.command.output());
  }));

async function withServer(folder: string, use: (run: TreeRun, port: number) => Promise<void>): Promise<void> {
  const port = Number(await freePort());
  writeFileSync(join(folder, "server.mjs"), SERVER);
  const args = [...programArgs("./server.mjs", ["-A"]), `${port}`];
  const server = { name: "server", run: { process: { command: process.execPath, args, cwd: "." } }, readiness: { mode: "tcp", port } };
  const run = TreeRun.start(folder, { children: [server] });
  try {
    await run.command.until("everything is ready");
    await use(run, port);
    await until(() => run.processes().length === 0, () => `${run.processes()}`);
    assertEquals(await isListening(port), false);
  } finally {
    await run.clear();
  }
}

function script(name: string, text: string, more: object = {}): object {
  const readiness = { mode: "log_line", pattern: "^up$" };
  return { name, run: { process: { command: "sh", args: ["-c", text], cwd: "." } }, readiness, ...more };
}

test("who ignores SIGTERM is killed with all that it started when its time is over, and the report says so", async (folder) => {
  const deaf = `trap 'echo asked' TERM; sh -c "trap '' TERM; echo up; while :; do sleep 0.05; done" & while :; do wait; done`;
  const run = TreeRun.start(folder, {
    children: [script("deaf", deaf, { stop: { timeout_ms: 3_000, kill_wait_ms: 30_000 } }), script("polite", "echo up; exec sleep 600")],
  });
  try {
    await run.command.until("everything is ready");
    assert(run.processes().length >= 3, `${run.processes()}`);
    assertEquals(await run.stop(), 0, run.command.output());
    await until(() => run.processes().length === 0, () => `${run.processes()}`);
    const output = run.command.output();
    assert(output.includes("asked"), output);
    assertMatch(output, /\/deaf +process +1 .*by force/);
    assertMatch(output, /\/polite +process +1 .*in order/);
  } finally {
    await run.clear();
  }
});

/** A daemon as in the book, below a leader that stays: in a session of its own, its parent ended, deaf to SIGTERM. */
const DAEMON = `(setsid sh -c '(exec sh -c "trap \\"\\" TERM HUP; echo \\$\\$ >> daemons; while :; do sleep 0.05; done") & exit' &)
setsid sleep 600 &
while ! [ -s daemons ]; do sleep 0.01; done; echo up; exec sleep 600`;

test("what forked twice or began a session of its own is gone after a restart, a new file, and a stop", async (folder) => {
  const run = TreeRun.start(folder, { children: [script("daemon", DAEMON)] }, { mayAll: true });
  const daemons = (): number[] => readFileSync(join(folder, "daemons"), "utf8").trim().split("\n").map(Number);
  try {
    await run.command.until("everything is ready");
    const before = run.ofChildren();
    const [first = 0] = daemons();
    assert(isRunning(first) && before.includes(first) && before.length >= 3, `${before}`);

    await run.reload({ children: [script("daemon", DAEMON, { environment: [{ name: "SAYS", value: "b" }] })] });
    assertEquals(before.filter(isRunning), [], run.command.output());
    await until(() => daemons().length === 2 && isRunning(daemons()[1]!), () => `${daemons()}`);

    assertEquals(await run.stop(), 0, run.command.output());
    await until(() => run.processes().length === 0 && !daemons().some(isRunning), () => `${run.processes()} ${daemons()}`);
  } finally {
    await run.clear();
  }
});
