import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { serveAsJsr } from "./jsr_server.ts";

/** Longest life of one program. */
const LIMIT_MS = 30_000;

/**
 * The least that each kind of child needs; a test below takes every flag away once. Writing, network and system information are never
 * needed. A process needs the whole environment, because it inherits it, and `--allow-run` for all programs, because only that allows
 * to signal its group.
 */
const FOR_FILES = ["--allow-read"];
const FOR_PROCESSES = ["--allow-read", "--allow-run", "--allow-env"];

interface Outcome {
  readonly code: number;
  readonly output: string;
}

interface Place {
  /** Runs deno here; it never asks. */
  run(flags: readonly string[], ...args: readonly string[]): Promise<Outcome>;
  /** The files of the package that were fetched. */
  readonly served: ReadonlySet<string>;
}

/** Makes an empty folder with a cache of its own, so that the package can come from nowhere but the server. */
async function inEmptyFolder(files: Record<string, string>, use: (place: Place) => Promise<void>): Promise<void> {
  await using server = await serveAsJsr();
  const folder = await Deno.makeTempDir({ prefix: "reeve-jsr-" });
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, name), text);
    const run = async (flags: readonly string[], ...args: readonly string[]): Promise<Outcome> => {
      const { code, signal, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", ...flags, ...args],
        cwd: folder,
        env: { JSR_URL: server.url, DENO_DIR: join(folder, ".deno"), XDG_RUNTIME_DIR: folder, NO_COLOR: "1" },
        stdin: "null",
        signal: AbortSignal.timeout(LIMIT_MS),
      }).output();
      const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
      assertEquals(signal, null, `deno was ended by a signal:\n${output}`);
      return { code, output };
    };
    await use({ run, served: server.served });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const WORKER = `import { serveWorker } from "jsr:@reeve/supervisor/worker";
serveWorker(async ({ signal, log }) => {
  log("the worker works");
  while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
});
`;

const MODULE = `export default async function ({ signal, log }) {
  log("the module works");
  while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 10));
}
`;

const TWO_CHILDREN = `children:
  - name: module
    run: { module: { url: ./child.js } }
  - name: worker
    run: { worker: { url: ./worker.ts } }
`;

const THREE_CHILDREN = `${TWO_CHILDREN}  - name: process
    run: { process: { command: sh, args: [-c, "echo the process works; exec sleep 60"] } }
`;

const FROM_A_FILE = `import { supervise } from "jsr:@reeve/supervisor";
import { loadFile } from "jsr:@reeve/supervisor/config";
const { spec } = await loadFile("supervisor.yaml");
await using tree = await supervise(spec);
await tree.ready({ timeoutMs: 20000 });
const lines = [];
for await (const record of tree.logs()) {
  if (lines.push(record.line) === 2) break;
}
console.log(lines.sort().join(", "));
`;

const COMMAND = ["jsr:@reeve/supervisor/cli", "run", "supervisor.yaml", "--for"];

const CHILD_FILES = { "child.js": MODULE, "worker.ts": WORKER };

Deno.test("from JSR: tasks need no permission at all", async () => {
  const program = `import { child, supervise } from "jsr:@reeve/supervisor";
const untilStopped = ({ signal }) => new Promise((done) => signal.addEventListener("abort", done));
await using tree = await supervise({ children: [child.task("a", untilStopped)] });
await tree.ready();
console.log("phase", tree.child("/a").phase);
const { exitCode } = await tree.shutdown();
console.log("exit", exitCode);
`;
  await inEmptyFolder({ "main.ts": program }, async ({ run, served }) => {
    const { code, output } = await run([], "main.ts");
    assertEquals(code, 0, output);
    assertStringIncludes(output, "phase ready");
    assertStringIncludes(output, "exit 0");
    assert(served.has("/mod.ts"), "the package did not come from the server");
    assert(![...served].some((path) => /^\/src\/(config|cli|testing)\//.test(path)), "a program with tasks fetched more than the library");
  });
});

Deno.test("from JSR: a module child and a worker child run with read alone", async () => {
  await inEmptyFolder({ "main.ts": FROM_A_FILE, "supervisor.yaml": TWO_CHILDREN, ...CHILD_FILES }, async ({ run, served }) => {
    const { code, output } = await run(FOR_FILES, "main.ts");
    assertEquals(code, 0, output);
    assertStringIncludes(output, "the module works, the worker works");
    assert(served.has("/src/worker/mod.ts"), "the worker did not get its side from the server");

    const refused = await run([], "main.ts");
    assertEquals(refused.code, 1, refused.output);
    assertStringIncludes(refused.output, "Add --allow-read to the command");
  });
});

Deno.test("from JSR: a module child and a worker child run with read and write", async () => {
  await inEmptyFolder({ "main.ts": FROM_A_FILE, "supervisor.yaml": TWO_CHILDREN, ...CHILD_FILES }, async ({ run }) => {
    const { code, output } = await run(["--allow-read", "--allow-write"], "main.ts");
    assertEquals(code, 0, output);
    assertStringIncludes(output, "the module works, the worker works");
  });
});

Deno.test("from JSR: the command runs a file with a module, a worker and a process", async () => {
  await inEmptyFolder({ "supervisor.yaml": THREE_CHILDREN, ...CHILD_FILES }, async ({ run }) => {
    const { code, output } = await run(FOR_PROCESSES, ...COMMAND, "6");
    assertEquals(code, 0, output);
    for (const name of ["module", "worker", "process"]) {
      assert(new RegExp(`/${name} +the ${name} works`).test(output), `/${name} did not work:\n${output}`);
      assert(new RegExp(`^/${name} .* cancelled +in order$`, "m").test(output), `/${name} did not stop in order:\n${output}`);
    }
    assertStringIncludes(output, "shut down in");
  });
});

Deno.test("from JSR: the command names each flag that a process lacks", async () => {
  await inEmptyFolder({ "supervisor.yaml": THREE_CHILDREN, ...CHILD_FILES }, async ({ run }) => {
    for (const missing of FOR_PROCESSES) {
      const { output } = await run(FOR_PROCESSES.filter((flag) => flag !== missing), ...COMMAND, "0.2");
      assertStringIncludes(output, `Add ${missing} to the command`);
      assert(!output.includes("the process works"), `the process ran without ${missing}:\n${output}`);
    }
  });
});

Deno.test("from JSR: a module from the network is refused with the reason, in a program", async () => {
  const program = `import { supervise } from "jsr:@reeve/supervisor";
try {
  await supervise({ children: [{ name: "far", run: { kind: "module", url: "https://example.com/x.ts" } }] });
} catch (error) {
  console.log(error.code, error.message);
}
`;
  await inEmptyFolder({ "main.ts": program }, async ({ run }) => {
    const { code, output } = await run([], "main.ts");
    assertEquals(code, 0, output);
    assertStringIncludes(output, "invalid_spec");
    assertStringIncludes(output, "/children/0/run/url");
    assertStringIncludes(output, `is a "https:" URL, must be a "file:" URL of this machine`);
    assertStringIncludes(output, "Code is only loaded from this machine");
  });
});

Deno.test("from JSR: a module from the network is refused with the reason, in a file", async () => {
  const file = `children:
  - name: far
    run: { module: { url: "https://example.com/x.ts" } }
`;
  await inEmptyFolder({ "supervisor.yaml": file }, async ({ run }) => {
    const { code, output } = await run(FOR_FILES, ...COMMAND, "1");
    assert(code !== 0, output);
    assertStringIncludes(output, "/children/0/run/module/url");
    assertStringIncludes(output, "must be a file on this machine: modules from elsewhere are not loaded");
  });
});
