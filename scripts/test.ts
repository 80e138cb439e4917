/**
 * The gate: format, lint, types, docs, package, and all tests; ends with `N passed, N failed`.
 *
 * With arguments it runs only the test files whose path contains one of them. `REEVE_REQUIRE=all` makes a skipped test a failure.
 */
import { fileURLToPath } from "node:url";

interface Outcome {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
}

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** What the package has beside `src`. */
const PACKAGE_FILES = ["mod.ts", "deno.json", "LICENSE", "README.md", "CHANGELOG.md"];
const filters = Deno.args.filter((argument) => !argument.startsWith("-"));
const outcomes: Outcome[] = [];
let running: Deno.ChildProcess | undefined;

// Whoever ends this program means the tests as well.
Deno.addSignalListener("SIGTERM", () => {
  try {
    running?.kill("SIGTERM");
  } catch {
    // It ended in this moment.
  }
  Deno.exit(143);
});

const config: { exports: Record<string, string> } = JSON.parse(await Deno.readTextFile(new URL("../deno.json", import.meta.url)));
const doors = Object.values(config.exports);

if (filters.length === 0) {
  await gate("format", ["fmt", "--check"]);
  await gate("lint", ["lint"]);
  await gate("types", ["check", ...doors, "tests", "scripts", "bench", "examples"]);
  await gate("documentation", ["doc", "--lint", ...doors]);
  await gate("package", ["publish", "--dry-run", "--allow-dirty", "--no-check"], onlyWanted);
  await tests("examples in the documentation", ["test", "-A", "--doc", "mod.ts", "src", "README.md", "docs"]);
}
const files = await testFiles();
// Without a file Deno would take all it finds. What was checked above is not checked again, and a wrong type hides no other test.
const flags = ["-A", "--parallel", "--trace-leaks", ...(filters.length === 0 ? ["--no-check"] : [])];
if (files.length > 0) await tests("tests", ["test", ...flags, ...files]);

const total = (key: "passed" | "failed" | "skipped"): number => outcomes.reduce((sum, outcome) => sum + outcome[key], 0);
console.log("");
for (const { name, passed, failed, skipped, seconds } of outcomes) {
  console.log(
    `${failed === 0 ? "ok    " : "FAILED"}  ${name}: ${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""} (${
      seconds.toFixed(1)
    } s)`,
  );
}
const skips = total("skipped");
const required = Deno.env.get("REEVE_REQUIRE") === "all" ? skips : 0;
const failed = total("failed") + required + (total("passed") === 0 ? 1 : 0);
console.log(`${total("passed")} passed, ${failed} failed${skips > required ? `, ${skips} skipped` : ""}`);
Deno.exit(failed === 0 ? 0 : 1);

/** Runs one check that passes or fails as a whole. */
async function gate(
  name: string,
  args: readonly string[],
  inspect: (output: string) => string | undefined = () => undefined,
): Promise<void> {
  const { code, output, seconds } = await deno(name, args, false);
  const complaint = code === 0 ? inspect(output) : `exit code ${code}`;
  if (complaint !== undefined) console.log(`${output}\n${name}: ${complaint}`);
  outcomes.push({ name, passed: complaint === undefined ? 1 : 0, failed: complaint === undefined ? 0 : 1, skipped: 0, seconds });
}

/** Runs tests and reads their count. */
async function tests(name: string, args: readonly string[]): Promise<void> {
  const { code, output, seconds } = await deno(name, args, true);
  const line = output.match(/(\d+) passed.*?\| (\d+) failed.*/g)?.at(-1) ?? "";
  const count = (word: string): number => Number(line.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0);
  const failed = count("failed");
  outcomes.push({ name, passed: count("passed"), failed: failed === 0 && code !== 0 ? 1 : failed, skipped: count("ignored"), seconds });
}

async function deno(name: string, args: readonly string[], show: boolean): Promise<{ code: number; output: string; seconds: number }> {
  console.log(`\n== ${name}`);
  const start = performance.now();
  const child = new Deno.Command(Deno.execPath(), { args: [...args], cwd: ROOT, stdout: "piped", stderr: "piped", stdin: "null" }).spawn();
  running = child;
  const [out, error] = await Promise.all([
    collect(child.stdout, show ? Deno.stdout : undefined),
    collect(child.stderr, show ? Deno.stderr : undefined),
  ]);
  const { code } = await child.status;
  const plain = `${out}${error}`.replace(new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, "g"), "");
  return { code, output: plain, seconds: (performance.now() - start) / 1000 };
}

async function collect(stream: ReadableStream<Uint8Array>, copyTo: { writeSync(bytes: Uint8Array): number } | undefined): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    copyTo?.writeSync(chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** Says what is in the package and should not be, or should be and is not. */
function onlyWanted(output: string): string | undefined {
  const root = new URL("..", import.meta.url).href;
  const files = [...output.matchAll(/^\s+(file:\/\/\S+) \(/gm)].map(([, url = ""]) => url.startsWith(root) ? url.slice(root.length) : url);
  const unwanted = files.filter((file) => !PACKAGE_FILES.includes(file) && !/^src\/.*\.ts$/.test(file));
  const missing = PACKAGE_FILES.filter((file) => !files.includes(file));
  if (missing.length > 0) return `missing in the package: ${missing.join(", ")}`;
  return unwanted.length === 0 ? undefined : `unwanted files in the package: ${unwanted.join(", ")}`;
}

async function testFiles(): Promise<string[]> {
  const found: string[] = [];
  const walk = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(`${ROOT}/${folder}`)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) await walk(path);
      else if (entry.name.endsWith("_test.ts") && (filters.length === 0 || filters.some((filter) => path.includes(filter)))) {
        found.push(path);
      }
    }
  };
  await walk("tests");
  return found.sort();
}
