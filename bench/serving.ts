/** Runs `socket_server.js` beside a measurement, in either runtime. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** A runtime, and how it runs a file of the package. */
export type Runtime = "deno" | "node";

const ROOT = new URL("../", import.meta.url);

/** The path of a file of the repository. */
export function file(name: string): string {
  return fileURLToPath(new URL(name, ROOT));
}

/** Deno, and Node where the package has been built; says so where it was not. */
export function runtimes(): Runtime[] {
  if (existsSync(file("npm/esm/mod.js"))) return ["deno", "node"];
  console.log("node: not measured, the package is not built (deno task build:npm --no-test)");
  return ["deno"];
}

/** The command that runs a file of the package. */
export function programOf(runtime: Runtime, name: string): readonly [command: string, ...args: string[]] {
  return runtime === "deno"
    ? [process.execPath, "run", "-A", "--config", file("deno.json"), file(`${name}.ts`)]
    : ["node", file(`npm/esm/${name}.js`)];
}

/** A server that runs. */
export interface Serving {
  readonly server: ChildProcessWithoutNullStreams;
  /** The socket of the tree, and that of the bare echo. */
  readonly tree: string;
  readonly echo: string;
}

/** Runs something beside a server with so many children. */
export async function withServer(runtime: Runtime, children: number, run: (serving: Serving) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "reeve-"));
  const [command, args, modules, extension] = runtime === "deno"
    ? [process.execPath, ["run", "-A", "--config", file("deno.json")], ROOT.href.slice(0, -1), "ts"] as const
    : ["node", [], new URL("npm/esm", ROOT).href, "js"] as const;
  const server = spawn(command, [...args, file("bench/socket_server.js"), modules, extension, folder, String(children)]);
  server.stderr.pipe(process.stderr);
  try {
    await nextLine(server, "listening");
    await run({ server, tree: join(folder, "tree.sock"), echo: join(folder, "echo.sock") });
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.stdin.write("exit\n");
    await ended;
  } finally {
    server.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  }
}

/** Resolves with the next line that begins so. */
export function nextLine(program: ChildProcessWithoutNullStreams, beginning: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const read = (data: unknown): void => {
      text += data;
      const line = text.split("\n").find((found) => found.startsWith(beginning));
      if (line === undefined) return;
      program.stdout.off("data", read);
      resolve(line);
    };
    program.stdout.on("data", read);
    program.once("exit", (code) => reject(new Error(`it ended with ${code}`)));
  });
}

/** What the server takes: memory in MiB, and processor time so far in milliseconds. */
export async function taken(server: ChildProcessWithoutNullStreams): Promise<{ readonly memory: number; readonly cpu: number }> {
  const line = nextLine(server, "taken");
  server.stdin.write("taken\n");
  const [, memory, cpu] = (await line).split(" ").map(Number);
  return { memory: memory! / 2 ** 20, cpu: cpu! / 1_000 };
}
