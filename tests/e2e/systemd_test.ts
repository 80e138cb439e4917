/** What arrives at the socket of systemd, through the real program. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { inFolder } from "../support/folder.ts";
import { moduleUrl, programArgs } from "../support/runtime.ts";
import { until } from "../support/until.ts";

/** What Deno needs, and no more. */
const FLAGS = ["--allow-run=systemd-notify", "--allow-env=NOTIFY_SOCKET,WATCHDOG_USEC,WATCHDOG_PID,NODE_V8_COVERAGE"];

/** A socket that neither runtime has: prints when a datagram came, and what is in it. */
const SERVER = `import socket, sys, time
server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
server.bind(sys.argv[1])
print("bound", flush=True)
while True:
    data = server.recv(65536)
    print(round(time.time() * 1000), data.decode().replace("\\n", " & "), flush=True)
`;

function runs(command: string): boolean {
  return spawnSync(command, ["--version"]).status === 0;
}

const lacking = ["python3", "systemd-notify"].filter((command) => process.platform !== "linux" || !runs(command));
const lack = lacking.length === 0 ? "" : ` (there is no ${lacking.join(" and no ")})`;

/** A program that is going to be stopped, with all that it and its children wrote. */
interface Running {
  readonly process: ChildProcess;
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

function launch(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(command, [...args], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (chunk: string) => text += chunk);
  return { process: child, output: () => text, ended: new Promise((resolve) => child.once("close", (code) => resolve(code))) };
}

/** What has arrived, without the barriers that systemd-notify waits at. */
interface Arrived {
  readonly atMs: number;
  readonly text: string;
}

interface Unit {
  readonly program: Running;
  readonly arrived: () => Arrived[];
}

/** Runs a program as a unit of type `notify`. */
async function asUnit(text: string, env: Readonly<Record<string, string>>, use: (unit: Unit) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const socket = join(folder, "notify");
    await writeFile(join(folder, "server.py"), SERVER);
    await writeFile(join(folder, "main.mjs"), text);
    const server = launch("python3", [join(folder, "server.py"), socket]);
    let program: Running | null = null;
    try {
      await until(() => server.output().includes("bound"), () => server.output());
      program = launch(process.execPath, programArgs(join(folder, "main.mjs"), FLAGS), { NOTIFY_SOCKET: socket, ...env });
      const arrived = (): Arrived[] =>
        [...server.output().matchAll(/^(\d+) (.*)$/gm)].map(([, atMs, said = ""]) => ({ atMs: Number(atMs), text: said }))
          .filter(({ text }) => text !== "BARRIER=1");
      await use({ program, arrived });
    } finally {
      for (const running of program === null ? [server] : [program, server]) {
        if (running.process.exitCode === null) process.kill(running.process.pid ?? 0, "SIGKILL");
        await running.ended;
      }
    }
  });
}

const BEGIN = `import { child, handleSignals, supervise } from "${moduleUrl("mod")}";
import { notifySystemd } from "${moduleUrl("src/runtime/sd_notify")}";
const untilAborted = ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
`;

function texts(arrived: readonly Arrived[]): string {
  return arrived.map(({ text }) => text).join("\n");
}

Deno.test({
  name: `systemd: ready after readiness, pings while the loop turns, none while it is blocked, stopping at SIGTERM${lack}`,
  ignore: lack !== "",
  async fn(): Promise<void> {
    const program = `${BEGIN}
import process from "node:process";
const tree = await supervise({ children: [
  child.task("slow", async (context) => { await pause(700); console.log("ready", Date.now()); context.ready(); await untilAborted(context); }, { readiness: { mode: "explicit" } }),
  child.task("busy", async (context) => {
    context.ready();
    await pause(4_000);
    console.log("from", Date.now());
    for (const endsAtMs = Date.now() + 5_000; Date.now() < endsAtMs;);
    console.log("to", Date.now());
    await untilAborted(context);
  }, { readiness: { mode: "explicit" } }),
] });
handleSignals(tree);
const systemd = await notifySystemd(tree, { onFailure: (error) => console.log(error.message) });
console.log("variable", process.env.NOTIFY_SOCKET);
await tree.finished;
await systemd.close();
`;
    await asUnit(program, { WATCHDOG_USEC: "1000000" }, async ({ program, arrived }) => {
      const at = (name: string): number => Number(new RegExp(`^${name} (\\d+)$`, "m").exec(program.output())?.[1] ?? NaN);
      await until(() => !Number.isNaN(at("to")), program.output, 30_000);
      const resumed = (): Arrived[] => arrived().filter(({ atMs, text }) => atMs >= at("to") && text.includes("WATCHDOG=1"));
      await until(() => resumed().length >= 2, () => texts(arrived()));
      const ready = arrived().filter(({ text }) => text.includes("READY=1"));
      assertEquals(ready.length, 1, texts(arrived()));
      assert(ready[0]!.atMs >= at("ready"), "not before the child is");
      const pings = arrived().filter(({ text }) => text.includes("WATCHDOG=1"));
      assert(pings.filter(({ atMs }) => atMs < at("from")).length >= 3, texts(arrived()));
      // One may have been on its way when the loop was blocked.
      assertEquals(pings.filter(({ atMs }) => atMs > at("from") + 3_000 && atMs < at("to")), []);
      assertStringIncludes(program.output(), "variable undefined");
      assert(!texts(arrived()).includes("STOPPING"));
      process.kill(program.process.pid ?? 0, "SIGTERM");
      assertEquals(await program.ended, 0, program.output());
      assertEquals(arrived().filter(({ text }) => text.includes("STOPPING=1")).length, 1, texts(arrived()));
      assertMatch(texts(arrived()), /STATUS=1 of 2 children ready, 1 not ready yet\b[^]*STATUS=2 of 2 children ready/);
      assert(!program.output().includes("Cannot tell"), program.output());
    });
  },
});

Deno.test({
  name: `systemd: what it is told costs the program nothing when it ends, and a socket of nobody is told once${lack}`,
  ignore: lack !== "",
  async fn(): Promise<void> {
    const program = `${BEGIN}
const tree = await supervise({ children: [child.task("short", () => pause(1_500), { restartPolicy: "transient" })] });
const systemd = await notifySystemd(tree, { onFailure: ({ code, message }) => console.log(code, message) });
await pause(1_500);
await tree.shutdown();
`;
    await asUnit(program, { NOTIFY_SOCKET: "/nowhere/at/all" }, async ({ program }) => {
      assertEquals(await program.ended, 0, program.output());
      assertMatch(program.output(), /^systemd_not_told Cannot tell systemd how the tree is: .*No such file or directory\n$/);
    });
  },
});

Deno.test({
  name: "systemd: where there is no systemd-notify, that is told once with what to do",
  ignore: process.platform === "win32",
  async fn(): Promise<void> {
    const program = `${BEGIN}
const tree = await supervise({ children: [child.task("a", untilAborted)] });
const systemd = await notifySystemd(tree, { onFailure: ({ message }) => console.log(message) });
await pause(1_500);
await tree.shutdown();
await systemd.close();
`;
    await inFolder(async (folder) => {
      await writeFile(join(folder, "main.mjs"), program);
      const running = launch(process.execPath, programArgs(join(folder, "main.mjs"), ["-A"]), { NOTIFY_SOCKET: "/x", PATH: folder });
      assertEquals(await running.ended, 0, running.output());
      assertMatch(
        running.output(),
        /^Cannot tell systemd how the tree is: .*systemd-notify.*\. Install systemd-notify, which belongs to systemd\n$/,
      );
    });
  },
});

Deno.test({
  name: "systemd: a systemd-notify that hangs is ended after five seconds, and disturbs nothing",
  ignore: process.platform === "win32",
  async fn(): Promise<void> {
    const program = `${BEGIN}
const tree = await supervise({ children: [child.task("a", untilAborted)] });
const startedAtMs = Date.now();
let hear;
const heard = new Promise((resolve) => hear = resolve);
const systemd = await notifySystemd(tree, { onFailure: ({ message }) => hear(message) });
console.log(await heard, Date.now() - startedAtMs >= 5_000, tree.child("/a").phase);
process.exit(0);
`.replace("\n", '\nimport process from "node:process";\n');
    await inFolder(async (folder) => {
      const bin = join(folder, "bin");
      await mkdir(bin);
      await writeFile(join(bin, "systemd-notify"), "#!/bin/sh\nexec sleep 60\n");
      await chmod(join(bin, "systemd-notify"), 0o755);
      await writeFile(join(folder, "main.mjs"), program);
      const env = { NOTIFY_SOCKET: "/x", PATH: `${bin}:${process.env.PATH}` };
      const running = launch(process.execPath, programArgs(join(folder, "main.mjs"), ["-A"]), env);
      assertEquals(await running.ended, 0, running.output());
      assertEquals(running.output(), "Cannot tell systemd how the tree is: systemd-notify did not end within 5000 ms true ready\n");
    });
  },
});
