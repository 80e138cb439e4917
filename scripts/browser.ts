/**
 * The page of the dashboard: that it is what its sources make, and how it does in Chromium, driven from Node, against the real command and
 * real trees, in Deno and as the package in Node.
 *
 * `--runtime deno` or `node` is for one of them; other arguments are parts of the names of scenarios. With `--pictures` it makes new ones for
 * the documentation. Ends with `N passed, N failed`.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fromNpm } from "./from_npm.ts";
import { ROOT, Runner } from "./runner.ts";

const DRIVERS = ["playwright-core@1.65.1", "axe-core@4.14.1"];
const BROWSERS = [Deno.env.get("REEVE_CHROMIUM"), "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const [BUILT, DRIVEN, PACKAGE] = ["the page is what its sources make", "the page in a browser", "package for npm"];
const SCENARIOS = "tests/browser";
/** What scenarios share. */
const KIT = "kit.mjs";
/** Scenarios that are about the page alone, whoever serves it: they run once. */
const OF_THE_PAGE: readonly string[] = ["views.mjs", "crowd.mjs"];
/** What the package for npm is made of. */
const SOURCES = ["src", "mod.ts", "deno.json"];

const { values: { pictures, runtime }, positionals } = parseArgs({
  args: Deno.args,
  options: { pictures: { type: "boolean", default: false }, runtime: { type: "string" } },
  allowPositionals: true,
});
const runtimes = runtime === undefined ? ["deno", "node"] : [runtime];
const runner = new Runner();
const modules = await fromNpm(DRIVERS).catch(() => undefined);
const chromium = BROWSERS.find((path) => path !== undefined && newest(path) > 0);
if (modules === undefined) {
  for (const name of [BUILT, DRIVEN]) runner.skip(name, "what it needs cannot be had from npm");
} else {
  await runner.check(BUILT, ["run", "-A", "scripts/build_web.ts", "--check"]);
  if (chromium === undefined) runner.skip(DRIVEN, "Chromium is not on the machine; REEVE_CHROMIUM says where it is");
  else for (const name of runtimes) await drive(name, modules, chromium);
}
runner.finish();

async function drive(runtime: string, modules: string, chromium: string): Promise<void> {
  if (runtime === "node" && !(await builtPackage())) return runner.skip(`${DRIVEN}, node`, "the package was not built");
  const env = {
    REEVE_RUNTIME: runtime,
    REEVE_CHROMIUM: chromium,
    REEVE_DENO: Deno.execPath(),
    REEVE_BROWSER_MODULES: modules,
    ...pictures && runtime === runtimes[0] ? { REEVE_PICTURES: join(ROOT, "docs", "images") } : {},
  };
  const run = (file: string): Promise<boolean> =>
    runner.tests(`${DRIVEN}, ${runtime}: ${file}`, [join(SCENARIOS, file)], { command: "node", env });
  const files = scenarios();
  // These wait for programs much of the time, and those of the page measure.
  await Promise.all(files.filter((file) => !OF_THE_PAGE.includes(file)).map(run));
  if (runtime !== runtimes[0]) return;
  for (const file of files) if (OF_THE_PAGE.includes(file)) await run(file);
}

function scenarios(): string[] {
  const all = [...Deno.readDirSync(join(ROOT, SCENARIOS))].filter(({ isFile, name }) => isFile && name.endsWith(".mjs") && name !== KIT);
  return all.map(({ name }) => name).filter((name) => positionals.length === 0 || positionals.some((part) => name.includes(part))).sort();
}

/** Builds the package for npm where it is missing, or older than what it is made of. */
async function builtPackage(): Promise<boolean> {
  const built = newest(join(ROOT, "npm", "package.json"));
  if (SOURCES.every((name) => newest(join(ROOT, name)) < built)) return true;
  return await runner.check(PACKAGE, ["run", "-A", "scripts/build_npm.ts", "--no-test"]);
}

/** When a file, or what is below a folder, was changed last, in milliseconds; 0 where nothing is. */
function newest(path: string): number {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch {
    return 0;
  }
  const below = info.isDirectory ? [...Deno.readDirSync(path)].map(({ name }) => newest(join(path, name))) : [];
  return Math.max(info.isDirectory ? 0 : info.mtime?.getTime() ?? 0, ...below);
}
