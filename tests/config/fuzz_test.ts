import { assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import { load as parse } from "js-yaml";
import { ConfigError } from "../../src/config/mod.ts";
import { COMPLETE, load } from "./helpers.ts";

const LIMIT_MS = 20_000;

/** A place in the document, as numbers that choose among what is there. */
const step = fc.nat({ max: 50 });
const odd = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(
    null,
    "",
    " ",
    -1,
    0,
    1.5,
    1e308,
    "${",
    "${HOME}",
    "$${x}",
    "__proto__",
    [],
    {},
    [[]],
    "OneForOne",
    true,
    "a\u0000b",
    "\u202e",
  ),
  fc.string({ unit: "binary" }),
);
const mutation = fc.record({
  path: fc.array(step, { minLength: 1, maxLength: 7 }),
  value: odd,
  how: fc.constantFrom("replace", "remove", "add", "swap"),
});

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mutate(root: unknown, { path, value, how }: { path: readonly number[]; value: unknown; how: string }): void {
  let current: unknown = root;
  for (const [depth, choice] of path.entries()) {
    if (!isMap(current) && !Array.isArray(current)) return;
    const keys = Object.keys(current);
    const key = keys[choice % Math.max(1, keys.length)];
    if (key === undefined) return;
    const next: unknown = Reflect.get(current, key);
    if (depth < path.length - 1 && typeof next === "object" && next !== null) {
      current = next;
      continue;
    }
    if (how === "remove") Reflect.deleteProperty(current, key);
    else if (how === "add") Reflect.set(current, `extra_${choice}`, value);
    else if (how === "swap") Reflect.set(current, key, [next]);
    else Reflect.set(current, key, value);
    return;
  }
}

async function outcome(text: string): Promise<"loaded" | "refused"> {
  try {
    await load(text, { env: { STORE_DSN: "x", HOME: "/root" } });
    return "loaded";
  } catch (error) {
    if (error instanceof ConfigError && error.problems.some((problem) => problem.severity === "error")) return "refused";
    throw error;
  }
}

Deno.test("loadText() throws nothing but ConfigError, and soon, for any mutation of a complete file", async () => {
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 4 }), async (mutations) => {
      const root = parse(COMPLETE);
      for (const one of mutations) mutate(root, one);
      const before = performance.now();
      seen.add(await outcome(JSON.stringify(root)));
      assertLess(performance.now() - before, LIMIT_MS);
    }),
    { numRuns: 150, seed: 7 },
  );
  assertEquals([...seen].sort(), ["loaded", "refused"]);
});

Deno.test("loadText() throws nothing but ConfigError, and soon, for any text", async () => {
  const words = fc.constantFrom(
    "children",
    ":",
    " ",
    "\n",
    "- ",
    "name",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "!!",
    "|",
    ">",
    "'",
    '"',
    "#",
    "---",
    "? ",
    "\t",
    "%YAML 1.2",
    "<<",
    "${A}",
    "run",
    "0",
    "~",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.array(words, { maxLength: 60 }).map((list) => list.join("")), fc.string({ unit: "binary" })),
      async (text) => {
        const before = performance.now();
        await outcome(text);
        assertLess(performance.now() - before, LIMIT_MS);
      },
    ),
    { numRuns: 300, seed: 11 },
  );
});
