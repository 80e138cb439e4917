/**
 * Builds the npm package into `npm/` and runs its tests in Node; with `--no-test` it only builds, with `--tests FOLDER` it runs those of one folder.
 *
 * Fails when a test that runs in Deno did not run in Node: dnt passes in silence when a pattern matches nothing.
 */
import { parseArgs } from "node:util";
import { build, emptyDir } from "@deno/dnt";
import type { ListedTest } from "./list_tests.ts";
import { PROGRAM_TESTS, ROOT, testFiles } from "./runner.ts";

interface DenoConfig {
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
}

interface NodeResults {
  readonly node: string;
  readonly files: Readonly<Record<string, readonly { readonly name: string; readonly status: "passed" | "failed" | "skipped" }[]>>;
}

/** The command's door; its file is also what npm runs. */
const COMMAND = "./cli";
/** Folders below `tests/` with what is about Deno or the page, about the package when it is built, or only helps. */
const NOT_FOR_NODE = ["browser", "deno", "package", "support", "web"];
const ONLY_FOR_NODE = "node";

Deno.chdir(ROOT);
const runsTests = !Deno.args.includes("--no-test");
const { tests: onlyFolder } = parseArgs({ args: Deno.args, options: { tests: { type: "string" } }, strict: false }).values;
const config: DenoConfig = JSON.parse(await Deno.readTextFile("deno.json"));
const folders = [...Deno.readDirSync("tests")].filter(({ isDirectory, name }) => isDirectory && !NOT_FOR_NODE.includes(name));
const folderNames = folders.map(({ name }) => name).sort();

await emptyDir("./npm");
await build({
  entryPoints: [
    ...Object.entries(config.exports).filter(([name]) => name !== COMMAND).map(([name, path]) => ({ name, path })),
    { kind: "bin", name: "reeve", path: config.exports[COMMAND] ?? "" },
  ],
  outDir: "./npm",
  importMap: "./deno.json",
  mappings: { "./src/platform/deno.ts": "./src/platform/node.ts" },
  shims: { deno: { test: "dev" } },
  scriptModule: false,
  // The map would point to sources that are not packed.
  declarationMap: false,
  typeCheck: "both",
  test: runsTests,
  rootTestDir: "./tests",
  // Fixtures are found by their URL at run time, which dnt does not follow: as tests they are compiled too.
  testPattern: `{${folderNames.join(",")}}/**/*.ts`,
  compilerOptions: { target: "ES2022", lib: ["ESNext"], noUncheckedIndexedAccess: true, useUnknownInCatchVariables: true },
  package: {
    name: "@reeve/supervisor",
    version: config.version,
    description: "Keeps long-running work alive: tasks, worker threads, processes and nested supervisors.",
    keywords: ["supervisor", "process-manager", "restart", "worker", "otp", "systemd"],
    license: "MIT",
    type: "module",
    sideEffects: false,
    engines: { node: ">=20.4" },
    types: builtPath(config.exports["."] ?? "", ".d.ts"),
    exports: {
      ...Object.fromEntries(
        Object.entries(config.exports).map(([name, path]) => [name, { types: builtPath(path, ".d.ts"), default: builtPath(path, ".js") }]),
      ),
      "./package.json": "./package.json",
    },
    publishConfig: { access: "public" },
    // Tells who connects to the dashboard's socket; whoever needs no such rule does without it.
    peerDependencies: { koffi: "^3" },
    peerDependenciesMeta: { koffi: { optional: true } },
    devDependencies: { "@types/node": "^20", "@types/ws": "^8", koffi: "^3" },
    ...(runsTests ? { scripts: { test: `node node_tests.js ${typeof onlyFolder === "string" ? `${onlyFolder}/` : ""}` } } : {}),
  },
  async postBuild(): Promise<void> {
    for (const name of ["README.md", "LICENSE", "CHANGELOG.md"]) await Deno.copyFile(name, `npm/${name}`);
    await copyFolder("examples", "npm/examples");
    await Deno.copyFile("scripts/node_tests.js", "npm/node_tests.js");
    await Deno.writeTextFile("npm/.npmignore", "/node_tests.js\n/test_results.json\n", { append: true });
  },
});
if (runsTests) await compareTests();
await removeWhatBuilds();

/** Where a module goes. */
function builtPath(path: string, extension: ".js" | ".d.ts"): string {
  return path.replace(/^\.\//, "./esm/").replace(/\.ts$/, extension);
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** Fails unless every test that Deno runs ran in Node as well, and those that are about Node did. */
async function compareTests(): Promise<void> {
  const results: NodeResults = JSON.parse(await Deno.readTextFile("npm/test_results.json"));
  const ran = new Set<string>();
  for (const [file, tests] of Object.entries(results.files)) {
    for (const { name, status } of tests) if (status !== "skipped") ran.add(`${file}: ${name}`);
  }
  const missing: string[] = [];
  for (const [path, tests] of Object.entries(await testsOfDeno())) {
    const file = path.replace(/^tests\//, "").replace(/\.ts$/, ".js");
    for (const { name, isSkipped } of tests) {
      if (!isSkipped && !ran.has(`${file}: ${name}`)) missing.push(`${path}: ${name}`);
    }
  }
  if (onlyFolder === undefined && ![...ran].some((name) => name.startsWith(`${ONLY_FOR_NODE}/`))) {
    missing.push(`tests/${ONLY_FOR_NODE}: none of these ran`);
  }
  if (missing.length > 0 || ran.size === 0) {
    throw new Error(`${ran.size} tests ran in Node ${results.node}; these run in Deno alone:\n  ${missing.join("\n  ")}`);
  }
  console.log(`Every test that runs in Deno ran in Node ${results.node}; ${ran.size} in all.`);
}

async function testsOfDeno(): Promise<Record<string, readonly ListedTest[]>> {
  const all = testFiles([...NOT_FOR_NODE, ONLY_FOR_NODE].map((name) => `tests/${name}`));
  const files = all.filter((path) => path.startsWith(onlyFolder === undefined ? "" : `tests/${onlyFolder}/`))
    .filter((path) => onlyFolder !== undefined || !path.startsWith(`${PROGRAM_TESTS}/`));
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", "scripts/list_tests.ts", ...files] })
    .output();
  if (!success) throw new Error(`Cannot list the tests: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Removes from package.json what only the build needs. */
async function removeWhatBuilds(): Promise<void> {
  const { scripts: _scripts, devDependencies: _devDependencies, ...rest } = JSON.parse(await Deno.readTextFile("npm/package.json"));
  await Deno.writeTextFile("npm/package.json", `${JSON.stringify(rest, undefined, 2)}\n`);
}
