/** What somebody gets who installs the package into an empty project. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { output, PACKAGE, run } from "./tools.ts";

interface Project {
  readonly folder: string;
  readonly tarball: string;
}

/** What runs the programs; with another than Node the command is run by it as well, instead of by npx. */
const RUNTIME = process.env["REEVE_CONSUMER_RUNTIME"] ?? "node";
const REEVE = RUNTIME === "node" ? ["npx", "reeve"] as const : [RUNTIME, "node_modules/.bin/reeve"] as const;

/** The project, once the first test has asked for it. */
let installed: Promise<Project> | undefined;
/** The tools beside the package, for the tests that need them. */
let tools: Promise<void> | undefined;

function consumer(): Promise<Project> {
  return installed ??= install();
}

async function install(): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), "reeve-consumer-"));
  await cp(fileURLToPath(new URL("./consumer/", import.meta.url)), folder, { recursive: true });
  await writeFile(join(folder, "package.json"), '{ "name": "consumer", "private": true, "type": "module" }');
  const tarball = (await output("npm", ["pack", "--silent", "--pack-destination", folder], PACKAGE)).trim();
  await output("npm", ["install", "--no-audit", "--no-fund", `./${tarball}`], folder);
  return { folder, tarball };
}

async function withTools(): Promise<Project> {
  const project = await consumer();
  const packages = ["typescript@~5.9", "@types/node@^20", "publint@~0.3", "@arethetypeswrong/cli@~0.18"];
  tools ??= output("npm", ["install", "--no-audit", "--no-fund", "--save-dev", ...packages], project.folder).then(() => {});
  await tools;
  return project;
}

Deno.test.afterAll(async () => {
  if (installed !== undefined) await rm((await installed).folder, { recursive: true });
});

Deno.test("consumer: everything that is installed runs in Node 20", async () => {
  const { folder } = await consumer();
  const { packages }: { packages: Record<string, { engines?: { node?: string }; dev?: boolean }> } = JSON.parse(
    await readFile(join(folder, "node_modules/.package-lock.json"), "utf8"),
  );
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8"));
  const names = Object.keys(packages).filter((name) => packages[name]?.dev !== true);
  for (const name of Object.keys(dependencies)) assert(names.includes(`node_modules/${name}`), name);
  for (const name of names) {
    const wanted = packages[name]?.engines?.node ?? "*";
    assert(wanted.split("||").some((range) => allowsNode20(range.trim())), `${name} needs Node ${wanted}`);
  }
});

/** Whether a range such as `>=18`, `^20.1.0` or `20.x` has a Node 20 in it. */
function allowsNode20(range: string): boolean {
  if (range === "*" || range === "") return true;
  const [, operator = "", major = ""] = /^(>=|>|\^|~|=)?\s*v?(\d+)/.exec(range) ?? [];
  return operator.startsWith(">") ? Number(major) <= 20 : Number(major) === 20;
}

Deno.test("consumer: a program supervises a task, a worker and a process", async () => {
  const { folder } = await consumer();
  const out = await output(RUNTIME, ["program.js"], folder);
  for (const name of ["task", "worker", "process"]) assertStringIncludes(out, `/${name} ${name} is up\n`);
  assertMatch(out, /\nEND 0 \/process graceful, \/task graceful, \/worker graceful\n$/);
});

Deno.test(`consumer: ${REEVE.join(" ")} runs a tree from a file`, async () => {
  const { folder } = await consumer();
  const out = await output(REEVE[0], [REEVE[1], "run", "supervisor.yaml", "--for", "4"], folder);
  for (const name of ["task", "worker", "process"]) {
    assertStringIncludes(out, `${name} is up\n`);
    assertMatch(out, new RegExp(`\\n/${name} .* in order\\n`));
  }
  assertEquals((await run(REEVE[0], [REEVE[1], "check", "nowhere.yaml"], folder)).code, 2);
});

Deno.test("consumer: a CommonJS program imports it", async () => {
  const { folder } = await consumer();
  assertEquals(await output(RUNTIME, ["program.cjs"], folder), "END 0\n");
});

Deno.test("consumer: the examples run from where they are installed", async () => {
  const { folder } = await consumer();
  const names = await readdir(join(folder, "node_modules/@reeve/supervisor/examples"));
  const outs = await Promise.all(names.map((name) => {
    const file = `node_modules/@reeve/supervisor/examples/${name}/supervisor.yaml`;
    return output("npx", ["reeve", "run", file, "--for", "10"], folder);
  }));
  for (const out of outs) assertMatch(out, /everything is ready after/);
});

for (const [resolution, module] of [["nodenext", "nodenext"], ["bundler", "esnext"]] as const) {
  Deno.test(`consumer: the types are strict with moduleResolution ${resolution}`, async () => {
    const { folder } = await withTools();
    const flags = ["--strict", "--noEmit", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--target", "es2022"];
    const { code, out } = await run("npx", ["tsc", ...flags, "--module", module, "--moduleResolution", resolution, "types.ts"], folder);
    assertEquals([code, out], [0, ""]);
  });
}

Deno.test("consumer: publint has no complaint", async () => {
  const { folder } = await withTools();
  const { code, out } = await run("npx", ["publint", "--strict", "node_modules/@reeve/supervisor"], folder);
  assertEquals(code, 0, out);
  assertStringIncludes(out, "All good!");
});

Deno.test("consumer: @arethetypeswrong/cli has no complaint about a package of modules", async () => {
  const { folder, tarball } = await withTools();
  const { code, out } = await run("npx", ["attw", `./${tarball}`, "--profile", "esm-only"], folder);
  assertEquals(code, 0, out);
});
