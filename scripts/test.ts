/**
 * The gate: format, lint, types, docs, package, and all tests, in Deno and in Node; ends with `N passed, N failed`.
 *
 * With arguments it runs only the test files, in Deno, whose path contains one of them.
 */
import { PROGRAM_TESTS, ROOT, Runner, testFiles } from "./runner.ts";

/** What the package has beside `src`. */
const PACKAGE_FILES = ["mod.ts", "deno.json", "LICENSE", "README.md", "CHANGELOG.md"];
/** Tests of what was built, and tests that run in Node alone. */
const [PACKAGE_TESTS, NODE_TESTS] = ["tests/package", "tests/node"];

const filters = Deno.args.filter((argument) => !argument.startsWith("-"));
const runner = new Runner();

if (filters.length > 0) {
  const files = testFiles([NODE_TESTS]).filter((path) => filters.some((filter) => path.includes(filter)));
  // Without a file Deno would take all it finds.
  if (files.length > 0) await runner.tests("tests", ["test", "-A", "--parallel", ...files]);
  runner.finish();
}

const config: { exports: Record<string, string> } = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
const doors = Object.values(config.exports);
await runner.check("format", ["fmt", "--check"]);
await runner.check("lint", ["lint"]);
await runner.check("types", ["check", ...doors, "tests", "scripts", "bench", "examples"]);
await runner.check("documentation", ["doc", "--lint", ...doors]);
await runner.check("package for JSR", ["publish", "--dry-run", "--allow-dirty", "--no-check"], { inspect: onlyWanted });
await runner.tests("examples in the documentation", ["test", "-A", "--doc", "mod.ts", "src", "README.md", "docs"]);
// What was checked above is not checked again, and a wrong type hides no other test.
const run = ["test", "-A", "--no-check"];
await runner.testsApart("tests in Deno", run, testFiles([PACKAGE_TESTS, NODE_TESTS, PROGRAM_TESTS]));
const isBuilt = await runner.tests("package for npm, and its tests in Node", ["run", "-A", "scripts/build_npm.ts"]);
if (isBuilt) await runner.tests("what is in the package for npm", [...run, "--parallel", PACKAGE_TESTS]);
else runner.skip("what is in the package for npm", "it was not built");
runner.finish();

/** Says what is in the package and should not be, or should be and is not. */
function onlyWanted(output: string, code: number): string | undefined {
  if (code !== 0) return `exit code ${code}`;
  const root = new URL("..", import.meta.url).href;
  const files = [...output.matchAll(/^\s+(file:\/\/\S+) \(/gm)].map(([, url = ""]) => url.startsWith(root) ? url.slice(root.length) : url);
  const unwanted = files.filter((file) => !PACKAGE_FILES.includes(file) && !/^src\/.*\.ts$/.test(file));
  const missing = PACKAGE_FILES.filter((file) => !files.includes(file));
  if (missing.length > 0) return `missing in the package: ${missing.join(", ")}`;
  return unwanted.length === 0 ? undefined : `unwanted files in the package: ${unwanted.join(", ")}`;
}
