import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { serveAsJsr } from "../support/jsr_server.ts";

interface Outcome {
  readonly code: number;
  readonly output: string;
}

/** Runs deno in an empty folder with a cache of its own, so that the package can come from nowhere but the server. */
async function inEmptyFolder(
  files: Record<string, string>,
  use: (deno: (...args: string[]) => Promise<Outcome>, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "reeve-jsr-" });
  await using server = await serveAsJsr();
  try {
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(join(folder, name), text);
    const deno = async (...args: string[]): Promise<Outcome> => {
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args,
        cwd: folder,
        env: { JSR_URL: server.url, DENO_DIR: join(folder, ".deno"), NO_COLOR: "1", DENO_NO_PROMPT: "1" },
        signal: AbortSignal.timeout(60_000),
      }).output();
      return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
    };
    await use(deno, folder);
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

Deno.test("from JSR: tasks need no permission at all", async () => {
  const program = `import { child, supervise } from "jsr:@reeve/supervisor";
await using tree = await supervise({ children: [child.task("a", ({ signal }) => new Promise((done) => signal.addEventListener("abort", done)))] });
await tree.ready();
console.log("phase", tree.child("/a").phase);
const { exitCode } = await tree.shutdown();
console.log("exit", exitCode);
`;
  await inEmptyFolder({ "main.ts": program }, async (deno) => {
    const { code, output } = await deno("run", "main.ts");
    assertEquals(code, 0, output);
    assertStringIncludes(output, "phase ready");
    assertStringIncludes(output, "exit 0");
  });
});

Deno.test("from JSR: a module child and a worker child run with read and write alone", async () => {
  const program = `import { supervise } from "jsr:@reeve/supervisor";
import { loadFile } from "jsr:@reeve/supervisor/config";
const { spec } = await loadFile("supervisor.yaml");
await using tree = await supervise(spec);
await tree.ready({ timeoutMs: 20000 });
let lines = 0;
for await (const record of tree.logs()) {
  console.log(record.line);
  if (++lines === 2) break;
}
`;
  const file = `children:
  - name: module
    run: { module: { url: ./child.js } }
  - name: worker
    run: { worker: { url: ./worker.ts } }
`;
  await inEmptyFolder({ "main.ts": program, "supervisor.yaml": file, "child.js": MODULE, "worker.ts": WORKER }, async (deno) => {
    const { code, output } = await deno("run", "--allow-read", "--allow-write", "main.ts");
    assertEquals(code, 0, output);
    assertStringIncludes(output, "the module works");
    assertStringIncludes(output, "the worker works");
  });
});

Deno.test("from JSR: the command runs a file with a module, a worker and a process", async () => {
  const file = `children:
  - name: module
    run: { module: { url: ./child.js } }
  - name: worker
    run: { worker: { url: ./worker.ts } }
  - name: process
    run: { process: { command: sh, args: [-c, "echo the process works; exec sleep 60"] } }
`;
  await inEmptyFolder({ "supervisor.yaml": file, "child.js": MODULE, "worker.ts": WORKER }, async (deno) => {
    const flags = ["--allow-read", "--allow-write", "--allow-run", "--allow-env"];
    const { code, output } = await deno("run", ...flags, "jsr:@reeve/supervisor/cli", "run", "supervisor.yaml", "--for", "2");
    assertEquals(code, 0, output);
    for (const line of ["the module works", "the worker works", "the process works", "in order"]) assertStringIncludes(output, line);
  });
});

Deno.test("from JSR: a module from the network is refused with the reason", async () => {
  const program = `import { child, supervise } from "jsr:@reeve/supervisor";
try {
  await supervise({ children: [{ name: "far", run: { kind: "module", url: "https://example.com/x.ts" } }] });
} catch (error) {
  console.log(error.code, error.message);
}
`;
  await inEmptyFolder({ "main.ts": program }, async (deno, folder) => {
    const { code, output } = await deno("run", "main.ts");
    assertEquals(code, 0, output);
    assertStringIncludes(output, "invalid_spec");
    assertStringIncludes(output, "/children/0/run/url");
    assert(!output.includes(pathToFileURL(folder).href), "no path of this machine is shown");
  });
});
