/**
 * Makes one file of the command and the Node that is in PATH: `build/reeve`, or another path that is given.
 *
 * The package must have been built into `npm/`. esbuild makes one CommonJS file of it, and postject puts that into a copy of Node; both come from npm.
 */
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { installed } from "./installed.ts";
import { ROOT } from "./runner.ts";

const ESBUILD = "esbuild@0.28";
const POSTJECT = "postject@1.0.0-alpha.6";
const ENTRY = join(ROOT, "npm/esm/src/cli/bin.js");
/** Where Node looks for the program in itself. */
const FUSE = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
/** The oldest Node that tells a program whether it is one file with it. */
const OLDEST_NODE = [20, 16] as const;

const target = resolve(Deno.args[0] ?? join(ROOT, "build/reeve"));
if (process.platform !== "linux") throw new Error("One file is made on Linux only: elsewhere it must be signed, which nobody has tried");
if (!(await exists(ENTRY))) throw new Error("There is no npm/: run deno task build:npm --no-test first");
const [node = "", version = ""] = (await output("node", "-p", "process.execPath + '\\n' + process.versions.node")).split("\n");
const [major = 0, minor = 0] = version.split(".").map(Number);
if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
  throw new Error(`The node in PATH is ${version}; it takes ${OLDEST_NODE.join(".")} or newer`);
}

const folder = await Deno.makeTempDir({ prefix: "reeve-binary-" });
try {
  const bundle = join(folder, "reeve.cjs");
  const blob = join(folder, "reeve.blob");
  const config = join(folder, "sea.json");
  const esbuild = join(await installed(ESBUILD), ".bin/esbuild");
  // Packages that are asked for by a name at run time are not in it: the command says so where they would be needed.
  await output(
    esbuild,
    ENTRY,
    "--bundle",
    "--platform=node",
    "--format=cjs",
    "--target=node20",
    "--log-level=error",
    `--outfile=${bundle}`,
  );
  await Deno.writeTextFile(config, JSON.stringify({ main: bundle, output: blob, disableExperimentalSEAWarning: true }));
  await output(node, "--experimental-sea-config", config);
  await Deno.mkdir(dirname(target), { recursive: true });
  const made = join(folder, "reeve");
  await Deno.copyFile(node, made);
  await Deno.chmod(made, 0o755);
  await output(join(await installed(POSTJECT), ".bin/postject"), made, "NODE_SEA_BLOB", blob, "--sentinel-fuse", FUSE);
  // A binary that runs cannot be written to, but another can take its place.
  await Deno.copyFile(made, `${target}.new`);
  await Deno.chmod(`${target}.new`, 0o755);
  await Deno.rename(`${target}.new`, target);
} finally {
  await Deno.remove(folder, { recursive: true });
}
const { size } = await Deno.stat(target);
console.log(`${target}: reeve ${(await output(target, "--version")).trim()} and Node ${version}, ${Math.round(size / 1024 / 1024)} MiB`);

async function output(command: string, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args: [...args], cwd: ROOT }).output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (!success) throw new Error(`${command} ${args.join(" ")} failed:\n${out}\n${error}`);
  return out ?? "";
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
