/**
 * Runs the tests of the built package in the Node that runs this; the npm build copies it beside `esm/`.
 *
 * Usage: `node node_tests.js [PART OF A PATH…]`; tests with programs that are not on every machine run where they are named. Each file has a process of its own, half as many again at once as there are processors. Writes
 * `test_results.json`, and ends with `N passed, N failed`.
 */
import { fork } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";

const TESTS = new URL("./esm/tests/", import.meta.url);
/** A file that takes longer hangs. */
const FILE_LIMIT_MS = 240_000;

/**
 * What became of a test.
 *
 * @typedef {{ name: string, status: "passed" | "failed" | "skipped", error?: string }} Result
 */

if (process.send === undefined) await runAll(process.argv.slice(2));
else await runFile(process.argv[2] ?? "");

/** @param {readonly string[]} filters */
async function runAll(filters) {
  const files = readdirSync(TESTS, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/"));
  const isWanted = (/** @type {string} */ file) =>
    filters.length === 0 ? !file.startsWith("programs/") : filters.some((filter) => file.includes(filter));
  const wanted = files.filter((file) => file.endsWith("_test.js") && isWanted(file)).sort();
  const queue = [...wanted];
  /** @type {Map<string, readonly Result[]>} */
  const outcomes = new Map();
  const lane = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const results = await outcomeOf(file);
      outcomes.set(file, results);
      const bad = results.filter(({ status }) => status === "failed");
      console.log(`${bad.length === 0 ? "ok    " : "FAILED"} ${file} (${results.length})`);
      for (const { name, error } of bad) console.log(`\n${name}\n${error}\n`);
    }
  };
  // Tests wait for programs much of the time: there is room for more of them than there are processors.
  await Promise.all(Array.from({ length: Math.ceil(1.5 * Math.max(2, availableParallelism())) }, lane));

  const results = [...outcomes.values()].flat();
  /** @param {Result["status"]} status */
  const count = (status) => results.filter((result) => result.status === status).length;
  const [passed, failed, skipped] = [count("passed"), count("failed"), count("skipped")];
  for (const { name, status } of results) {
    if (status === "skipped") console.log(`skipped: ${name}`);
  }
  const sorted = Object.fromEntries([...outcomes].sort(([a], [b]) => a < b ? -1 : 1));
  writeFileSync(new URL("./test_results.json", import.meta.url), JSON.stringify({ node: process.versions.node, files: sorted }));
  console.log(`Node ${process.versions.node}`);
  console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
}

/**
 * @param {string} file
 * @returns {Promise<Result[]>}
 */
function outcomeOf(file) {
  return new Promise((resolve) => {
    /** @type {Result[]} */
    const results = [];
    let expected = -1;
    let output = "";
    const child = fork(fileURLToPath(import.meta.url), [file], { stdio: ["ignore", "pipe", "pipe", "ipc"] });
    const timer = setTimeout(() => child.kill("SIGKILL"), FILE_LIMIT_MS);
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => output = (output + chunk).slice(-4_000));
    child.on("message", (/** @type {{ expected: number } | Result} */ message) => {
      if ("expected" in message) expected = message.expected;
      else results.push(message);
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      // A test that waits for something that can no longer happen ends the program without a word.
      if (code !== 0 || results.length !== expected) {
        const error = `${results.length} of ${expected} tests ended, then the program did (${signal ?? code})\n${output}`;
        results.push({ name: `${file} runs to its end`, status: "failed", error });
      }
      resolve(results);
    });
  });
}

/** @param {string} file */
async function runFile(file) {
  const { testDefinitions } = await import("@deno/shim-deno-test");
  await import(new URL(file, TESTS).href);
  /** @param {unknown} message */
  const tell = (message) => new Promise((resolve) => process.send?.(message, resolve));
  await tell({ expected: testDefinitions.length });
  for (const { name, fn, ignore } of testDefinitions) {
    if (ignore === true) {
      await tell({ name, status: "skipped" });
      continue;
    }
    try {
      await fn({ name, origin: import.meta.url, parent: undefined });
      await tell({ name, status: "passed" });
    } catch (error) {
      await tell({ name, status: "failed", error: String(error instanceof Error ? error.stack ?? error : error) });
    }
  }
  process.disconnect?.();
}
