import { assert, assertEquals, assertLess } from "@std/assert";
import { assertGrowsByLength } from "../support/growth.ts";
import { childWith, errorsOf, load, refusal } from "./helpers.ts";

const RUN = "run: { process: { command: caddy } }";

function bomb(levels: number): string {
  const first = `a0: &a0 [${Array(9).fill("x").join(",")}]`;
  const more = Array.from({ length: levels }, (_, level) => `a${level + 1}: &a${level + 1} [${Array(9).fill(`*a${level}`).join(",")}]`);
  return [first, ...more].join("\n");
}

interface Hostile {
  readonly input: string;
  readonly text: string;
  readonly rule: string;
}

const HOSTILE: readonly Hostile[] = [
  { input: "an alias bomb of 9 levels", text: bomb(9), rule: "too_many_values" },
  { input: "an alias that contains itself", text: "children: &a [*a]", rule: "self_reference" },
  { input: "lists nested 65 deep", text: `a: ${"[".repeat(65)}${"]".repeat(65)}`, rule: "too_deep" },
  { input: "lists nested 500 000 deep", text: `a: ${"[".repeat(500_000)}`, rule: "too_deep" },
  { input: "maps nested 100 000 deep", text: "{a: ".repeat(100_000), rule: "too_deep" },
  { input: "compact lists nested 500 000 deep", text: `${"- ".repeat(500_000)}a`, rule: "too_deep" },
  {
    input: "depth hidden in aliases",
    text: `a: &a ${"[".repeat(40)}${"]".repeat(40)}\nb: ${"[".repeat(40)}*a${"]".repeat(40)}`,
    rule: "too_deep",
  },
  { input: "the key __proto__", text: childWith(RUN, "args: { __proto__: { admin: true } }"), rule: "reserved_key" },
  { input: "the key constructor", text: childWith(RUN, "args: { constructor: 1 }"), rule: "reserved_key" },
  { input: "the key prototype", text: childWith(RUN, "args: { prototype: 1 }"), rule: "reserved_key" },
  { input: "a duplicate key", text: "name: a\nname: b\nchildren: []", rule: "syntax" },
  { input: "an empty file", text: "", rule: "empty" },
  { input: "a file of comments", text: "# nothing\n", rule: "empty" },
  { input: "several documents", text: `${childWith(RUN)}---\n${childWith(RUN)}`, rule: "several_documents" },
  { input: "a list", text: "- name: a", rule: "wrong_type" },
  { input: "a plain text", text: "hello", rule: "wrong_type" },
  { input: "a tab for indentation", text: "children:\n\t- name: a", rule: "syntax" },
  { input: "an unknown alias", text: "children: *nobody", rule: "syntax" },
  { input: "more than 1 MiB", text: `# ${"x".repeat(1024 * 1024)}\n${childWith(RUN)}`, rule: "too_large" },
];

for (const { input, text, rule } of HOSTILE) {
  Deno.test(`loadText() refuses ${input} at once`, async () => {
    const before = performance.now();
    const { problems, message } = await refusal(text);
    assertEquals(errorsOf(problems).map((problem) => problem.rule), [rule]);
    // What is spread out, or tried in every way, takes minutes.
    assertLess(performance.now() - before, 20_000);
    assertLess(message.length, 8_192);
  });
}

Deno.test("loadText() names line and column of a syntax error", async () => {
  const [problem] = (await refusal("name: a\nchildren:\n  - name: [b\n")).problems;
  assertEquals(problem?.line, 4);
  assertEquals(problem?.reason.includes("("), false);
});

Deno.test("loadText() accepts harmless anchors and writes them out for each place", async () => {
  const { spec } = await load("children:\n  - { name: a, run: { process: &p { command: x } } }\n  - { name: b, run: { process: *p } }\n");
  assertEquals(spec.children.map(({ run }) => run.kind === "process" ? run.command : run.kind), ["x", "x"]);
});

Deno.test("loadText() does not take a date for anything but a text", async () => {
  const { spec } = await load(childWith("run: { process: { command: date, args: [2024-01-01, 'yes'] } }"));
  assertEquals(JSON.stringify(spec.children[0]?.run), '{"kind":"process","command":"date","args":["2024-01-01","yes"]}');
});

Deno.test("loadText() lists 20 000 problems without taking quadratic time", async () => {
  const refusalOf = (length: number): ReturnType<typeof refusal> =>
    refusal(Array.from({ length }, (_, index) => `key${index}: 1`).join("\n"));
  const { problems, message } = await refusalOf(20_000);
  assertEquals(problems.filter(({ rule }) => rule === "unknown_key").length, 20_000);
  assertEquals(errorsOf(problems)[19_999]?.line, 20_000);
  assert(message.includes("and 19900 more"));
  await assertGrowsByLength(() => refusalOf(1_250), () => refusalOf(20_000), 16);
});
