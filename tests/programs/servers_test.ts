/** Servers as they come from a distribution, under `reeve run`: killed, declared anew, and stopped. */
import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { inFolder } from "../support/folder.ts";
import { freePort } from "../support/free_port.ts";
import { groupOf, isListening, isRunning, TreeRun } from "../support/tree_run.ts";
import { until } from "../support/until.ts";

/** Runs a test where its program is there; elsewhere it is skipped, and its name says why. */
function withProgram(command: string, name: string, run: (folder: string) => Promise<void>): void {
  const lack = process.platform !== "linux"
    ? " (there is no /proc)"
    : spawnSync(command, ["-v"]).error === undefined
    ? ""
    : ` (there is no ${command})`;
  Deno.test({ name: `${name}${lack}`, ignore: lack !== "", fn: () => inFolder(run) });
}

const COMMON = { observability: { journal: { path: "events.jsonl" } }, state: { path: "state.json" } };

// --- nginx -------------------------------------------------------------------------------------------------------------------------------

/** Two workers that say who they are, and everything in the folder of the test. */
function nginxConfig(folder: string, port: number, says: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`).join(" ");
  return `${process.getuid?.() === 0 ? "user root;" : ""}
daemon off; worker_processes 2; pid ${folder}/nginx.pid; error_log stderr notice;
events { worker_connections 64; }
http { access_log off; ${temporary}
  server { listen 127.0.0.1:${port}; location / { default_type text/plain; return 200 "${says} $pid"; } } }
`;
}

function nginx(config: string, port: number): object {
  return {
    name: "nginx",
    run: { process: { command: "nginx", args: ["-c", config, "-p", ".", "-e", "stderr"], cwd: "." } },
    stop: { signal: "SIGQUIT" },
    readiness: { mode: "http", port, path: "/" },
    health_check: { mode: "http", port, path: "/", check_interval_secs: 1 },
    logs: { file: "nginx.log" },
  };
}

async function textAt(port: number): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).text();
}

/** The process that leads the child now, which the system knows by its group. */
async function leaderOf(run: TreeRun, path: string): Promise<number> {
  const lines = readFileSync(join(run.folder, "state.json.processes"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  const opened = lines.filter((line) => line.kind === "opened" && line.path === path);
  await until(() => isRunning(opened.at(-1).pid), () => `${path} does not run`);
  return opened.at(-1).pid;
}

withProgram(
  "nginx",
  "nginx comes back after its master was killed, its old workers gone; a new file moves it and nobody else; a stop leaves no process and no port",
  async (folder) => {
    const [port, other] = [Number(await freePort()), Number(await freePort())];
    writeFileSync(join(folder, "one.conf"), nginxConfig(folder, port, "one"));
    writeFileSync(join(folder, "two.conf"), nginxConfig(folder, other, "two"));
    const beside = { name: "beside", run: { process: { command: "sleep", args: ["600"] } } };
    const spec = (config: string, at: number): object => ({ ...COMMON, children: [nginx(join(folder, config), at), beside] });
    const run = TreeRun.start(folder, spec("one.conf", port));
    const masters: number[] = [];
    try {
      await run.command.until("everything is ready");
      assert((await textAt(port)).startsWith("one "));
      const sleeper = await leaderOf(run, "/beside");
      const master = await leaderOf(run, "/nginx");
      masters.push(master);
      await until(() => groupOf(master).length === 3, () => "there are no two workers, which a killed master leaves behind");
      const workers = groupOf(master).filter((pid) => pid !== master);

      process.kill(master, "SIGKILL");
      await until(
        async () => (await run.events()).filter(({ type, path }) => type === "child_ready" && path === "/nginx").length === 2,
        () => run.command.output(),
      );
      assert((await textAt(port)).startsWith("one "));
      const second = await leaderOf(run, "/nginx");
      masters.push(second);
      assert(second !== master);
      assertEquals(workers.filter(isRunning), [], "workers of the master that was killed");
      // It could have had its port only when the workers before had let go of it.
      assert(!readFileSync(join(folder, "nginx.log"), "utf8").includes("Address already in use"));

      await run.reload(spec("two.conf", other));
      assert((await textAt(other)).startsWith("two "));
      masters.push(await leaderOf(run, "/nginx"));
      assertEquals([await isListening(port), isRunning(second), await leaderOf(run, "/beside")], [false, false, sleeper]);

      assertEquals(await run.stop(), 0, run.command.output());
      assertEquals(masters.flatMap(groupOf), []);
      assertEquals([await isListening(port), await isListening(other), isRunning(sleeper)], [false, false, false]);
      assert(/\/nginx +process +3 .*in order/.test(run.command.output()), run.command.output());
    } finally {
      await run.clear();
      for (const pid of masters.flatMap(groupOf)) process.kill(pid, "SIGKILL");
    }
  },
);

// --- redis -------------------------------------------------------------------------------------------------------------------------------

/** Asks once; what comes back is one line, or a text with its length before it. */
function redis(port: number, ...words: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.setEncoding("utf8").on("data", (data: string) => {
      text += data;
      const length = /^\$(\d+)\r\n/.exec(text);
      if (!text.endsWith("\r\n") || (length !== null && text.length < length[0].length + Number(length[1]) + 2)) return;
      resolve(text.slice(length?.[0].length ?? 0).trimEnd());
      socket.destroy();
    });
    socket.once("error", reject);
    socket.write(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`);
  });
}

async function runIdOf(port: number): Promise<string> {
  return /run_id:(\w+)/.exec(await redis(port, "INFO", "server"))?.[1] ?? "";
}

function redisServer(name: string, port: number, ...args: string[]): object {
  return {
    name,
    run: {
      process: {
        command: "redis-server",
        args: ["--bind", "127.0.0.1", "--port", `${port}`, "--dbfilename", `${name}.rdb`, "--appenddirname", name, ...args],
        cwd: ".",
      },
    },
    readiness: { mode: "tcp", port },
    health_check: { mode: "tcp", port, check_interval_secs: 1 },
    logs: { file: `${name}.log` },
  };
}

withProgram(
  "redis-server",
  "redis-server has what it had acknowledged when it was killed; a new file restarts whom it names; a stop ends it in its own way",
  async (folder) => {
    const [port, other] = [Number(await freePort()), Number(await freePort())];
    const durable = ["--appendonly", "yes", "--appendfsync", "always"];
    const spec = (...more: string[]): object => ({
      ...COMMON,
      children: [redisServer("main", port, ...durable), redisServer("cache", other, ...more)],
    });
    const run = TreeRun.start(folder, spec());
    try {
      await run.command.until("everything is ready");
      assertEquals(await redis(port, "SET", "word", "kept"), "+OK");
      const [main, cache] = [await runIdOf(port), await runIdOf(other)];

      process.kill(await leaderOf(run, "/main"), "SIGKILL");
      await until(
        async () => (await run.events()).filter(({ type, path }) => type === "child_ready" && path === "/main").length === 2,
        () => run.command.output(),
      );
      const again = await runIdOf(port);
      assert(again !== "" && again !== main);
      assertEquals([await redis(port, "GET", "word"), await runIdOf(other)], ["kept", cache]);

      await run.reload(spec("--maxmemory", "7mb"));
      assertEquals(await runIdOf(port), again, "who is the same is not touched");
      assert(await runIdOf(other) !== cache);
      assert((await redis(other, "CONFIG", "GET", "maxmemory")).includes("7340032"));

      assertEquals(await run.stop(), 0, run.command.output());
      assertEquals([run.processes(), await isListening(port), await isListening(other)], [[], false, false]);
      for (const name of ["main", "cache"]) assert(readFileSync(join(folder, `${name}.log`), "utf8").includes("bye bye"), name);
    } finally {
      await run.clear();
    }
  },
);
