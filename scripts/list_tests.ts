/** Prints which tests files register in Deno, as JSON: `deno run -A scripts/list_tests.ts FILE…`. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** A test that a file registers. */
export interface ListedTest {
  readonly name: string;
  readonly isSkipped: boolean;
}

const listed: ListedTest[] = [];

/** Stands in for `Deno.test`, in each of the ways it can be called. */
function register(first: unknown, second?: unknown): void {
  const options: Record<string, unknown> = {};
  for (const part of [first, second]) {
    if (typeof part === "object" && part !== null) Object.assign(options, part);
  }
  const name = typeof first === "string" ? first : options["name"];
  if (typeof name !== "string") throw new TypeError("A test without a name");
  listed.push({ name, isSkipped: options["ignore"] === true });
}

Object.defineProperty(Deno, "test", { value: register });
const files: Record<string, readonly ListedTest[]> = {};
for (const file of Deno.args) {
  await import(pathToFileURL(resolve(file)).href);
  files[file] = listed.splice(0);
}
console.log(JSON.stringify(files));
Deno.exit(0);
