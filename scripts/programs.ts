/** The tests with programs that are not on every machine, in Deno and in Node; a program that is missing is counted as skipped. */
import { basename } from "node:path";
import { PROGRAM_TESTS, Runner } from "./runner.ts";

const runner = new Runner();
await runner.tests("tests with programs in Deno", ["test", "-A", "--no-check", PROGRAM_TESTS]);
await runner.tests("package for npm, and its tests with programs in Node", [
  "run",
  "-A",
  "scripts/build_npm.ts",
  "--tests",
  basename(PROGRAM_TESTS),
]);
runner.finish();
