/** One file of the command and Node: everything that it is to do, without npm beside it. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { VERSION } from "../../src/base/mod.ts";
import { isAlive } from "../support/command.ts";
import { freePort } from "../support/free_port.ts";
import { until } from "../support/until.ts";
import { type Outcome, PACKAGE, run } from "./tools.ts";

const ROOT = join(PACKAGE, "..");
const folder = await mkdtemp(join(tmpdir(), "reeve-binary-test-"));
const REEVE = join(folder, "bin/reeve");
const made = await run(process.execPath, ["run", "-A", "scripts/build_binary.ts", REEVE], ROOT);
/** Set where its tools cannot be had; everything else that goes wrong is a failure. */
const [missing] = /Cannot install \S+|it takes [\d.]+ or newer|One file is made on Linux only/.exec(made.err) ?? [];

Deno.test.afterAll(() => rm(folder, { recursive: true }));

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `one file: ${name}${missing === undefined ? "" : ` (${missing})`}`, ignore: missing !== undefined, fn });
}

/** Runs it in a folder of its own, with a folder for sockets that is nobody else's. */
async function reeve(...args: readonly string[]): Promise<Outcome> {
  return await run("env", [`XDG_RUNTIME_DIR=${folder}`, `XDG_STATE_HOME=${folder}`, REEVE, ...args], folder);
}

test("is made, and tells its version", async () => {
  assertEquals(made.code, 0, made.err);
  assertEquals(await reeve("--version"), { code: 0, out: `${VERSION}\n`, err: "" });
});

test("looks at files, and makes one", async () => {
  const init = await reeve("init", "first.yaml", "--yes");
  assertEquals(init.code, 0, init.err);
  assertEquals((await reeve("check", "first.yaml")).out, "first.yaml is valid: 1 child, no warnings\n");
  assertEquals((await reeve("check", "nowhere.yaml")).code, 2);
  assertMatch((await reeve("install", "first.yaml", "--print")).out, new RegExp(`^ExecStart=${REEVE} run ${folder}/first\\.yaml$`, "m"));
});

test("runs processes, also with a socket, modules and workers", async () => {
  await writeFile(
    join(folder, "module.mjs"),
    'export default async ({ signal, log }) => { log("a module"); await new Promise((done) => signal.addEventListener("abort", done)); };\n',
  );
  await writeFile(
    join(folder, "worker.mjs"),
    `import { serveWorker } from "${PACKAGE}esm/src/worker/mod.js";
serveWorker(async ({ signal, log }) => { log("a worker"); await new Promise((done) => signal.addEventListener("abort", done)); });\n`,
  );
  await writeFile(
    join(folder, "all.yaml"),
    `name: all
children:
  - name: process
    run: { process: { command: sh, args: [-c, 'echo "a process with $LISTEN_FDS socket"; exec sleep 60'], listen: [{ port: ${await freePort()} }] } }
  - name: module
    run: { module: { url: ./module.mjs } }
  - name: worker
    run: { worker: { url: ./worker.mjs } }
`,
  );
  const { code, out, err } = await reeve("run", "all.yaml", "--for", "5");
  assertEquals(code, 0, `${out}${err}`);
  for (const said of ["a process with 1 socket", "a module", "a worker", "everything is ready"]) assertStringIncludes(out, said);
});

test("runs in the background, and looks at that run", async () => {
  await writeFile(
    join(folder, "background.yaml"),
    "name: bg\nchildren:\n  - name: sleeper\n    run: { process: { command: sleep, args: ['60'] } }\n",
  );
  const { code, out, err } = await reeve("run", "background.yaml", "--detach", "--json");
  assertEquals(code, 0, err);
  const { pid, pid_file: pidFile } = JSON.parse(out);
  try {
    assertEquals(Number(await readFile(pidFile, "utf8")), pid);
    const status = await reeve("status", "--file", "background.yaml", "--json");
    assertEquals([status.code, JSON.parse(status.out).tree.pid], [0, pid], status.err);
    assertMatch((await reeve("doctor", "background.yaml")).out, /as one file[^]*bg answers on /);
  } finally {
    process.kill(pid, "SIGTERM");
    await until(() => !isAlive(pid), () => "it does not stop");
  }
});

test("refuses what it has not got, and says where that is", async () => {
  const { code, err } = await reeve("run", "first.yaml", "--metrics", "127.0.0.1:0");
  assertEquals(code, 2);
  assertMatch(err, /this program is one file, without @opentelemetry\/[a-z-]+: run reeve from npm or JSR for that/);
});
