/** The stand-in for dnt does what it implements, and refuses the rest. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { basename, join } from "node:path";
import { build, type BuildOptions } from "../../scripts/offline/dnt/mod.ts";
import { transform, type TransformOutput } from "../../scripts/offline/dnt/transform.ts";
import { withFolder } from "../support/folder.ts";

const GOOD: BuildOptions = {
  entryPoints: ["./mod.ts"],
  outDir: "./out",
  shims: { deno: { test: "dev" } },
  scriptModule: false,
  declarationMap: false,
  compilerOptions: { target: "ES2022", lib: ["ESNext"] },
  package: { name: "x", version: "1.0.0", scripts: { test: "true" } },
};

for (
  const [what, options, said] of [
    ["an unknown option", { ...GOOD, esModule: true }, "the option esModule"],
    ["an option that the genuine one has not got either", { ...GOOD, declarations: "inline" }, "the option declarations"],
    ["a script module", { ...GOOD, scriptModule: "cjs" }, 'scriptModule with the value "cjs"'],
    ["declarations elsewhere", { ...GOOD, declaration: "separate" }, 'declaration with the value "separate"'],
    ["a shim for everybody", { ...GOOD, shims: { deno: { test: true } } }, "shims.deno.test with the value true"],
    ["an unknown shim", { ...GOOD, shims: { timers: true } }, "the option shims.timers"],
    [
      "another target",
      { ...GOOD, compilerOptions: { target: "ES2021", lib: ["ESNext"] } },
      'compilerOptions.target with the value "ES2021"',
    ],
    ["an unknown compiler option", { ...GOOD, compilerOptions: { ...GOOD.compilerOptions, sourceMap: true } }, "compilerOptions.sourceMap"],
    ["no way to run the tests", { ...GOOD, package: { name: "x", version: "1.0.0" } }, "give package.scripts.test"],
  ] as readonly (readonly [string, BuildOptions, string])[]
) {
  Deno.test(`the stand-in for dnt refuses ${what}`, async () => {
    const error = await assertRejects(() => build(options), TypeError);
    assertStringIncludes(error.message, said);
  });
}

interface Input {
  readonly files: Readonly<Record<string, string>>;
  readonly tests?: readonly string[];
  readonly mappings?: Readonly<Record<string, string>>;
}

/** Transforms files of which `mod.ts` is the entry point; returns texts by the name of their file. */
async function transformed({ files, tests = [], mappings = {} }: Input): Promise<{ output: TransformOutput; texts: Map<string, string> }> {
  let found: { output: TransformOutput; texts: Map<string, string> } | undefined;
  const imports = { imports: { "assert": "npm:chai@^5/lib", "own": "./own.ts" } };
  await withFolder({ "deno.json": JSON.stringify(imports), ...files }, async (folder) => {
    const inside = (name: string): string => join(folder, name);
    const output = await transform({
      entryPoints: [inside("mod.ts")],
      testEntryPoints: tests.map(inside),
      mappings: Object.fromEntries(Object.entries(mappings).map(([from, to]) => [inside(from), inside(to)])),
      importMap: inside("deno.json"),
      shimsTests: true,
    });
    const texts = [...output.files, ...output.testFiles].map(({ path, text }) => [basename(path), text] as const);
    found = { output, texts: new Map(texts) };
  });
  if (found === undefined) throw new Error("Nothing was transformed");
  return found;
}

Deno.test("the stand-in for dnt rewrites every kind of import, and no text that only looks like one", async () => {
  const { output, texts } = await transformed({
    files: {
      "mod.ts": `import process from "node:process";
import { z } from "npm:zod@^4/mini";
import own from "own";
export * from "./a.ts";
export type B = import("./b.ts").B;
export const late = () => import("assert");
export const text = 'import "./c.ts"';
`,
      "own.ts": "export default 1;\n",
      "a.ts": "export const a = 1;\n",
      "b.ts": "export type B = string;\n",
    },
  });
  assertEquals(
    texts.get("mod.ts"),
    `import process from "node:process";
import { z } from "zod/mini";
import own from "./own.js";
export * from "./a.js";
export type B = import("./b.js").B;
export const late = () => import("chai/lib");
export const text = 'import "./c.ts"';
`,
  );
  assertEquals(new Map(output.dependencies), new Map([["zod", "^4"], ["chai", "^5"]]));
});

Deno.test("the stand-in for dnt maps a file to another, and refuses a mapping that nobody uses", async () => {
  const files = { "mod.ts": 'export * from "./deno.ts";\n', "deno.ts": "export const a = 1;\n", "node.ts": "export const a = 2;\n" };
  const { texts } = await transformed({ files, mappings: { "deno.ts": "node.ts" } });
  assertEquals([texts.get("mod.ts"), texts.has("deno.ts"), texts.has("node.ts")], ['export * from "./node.js";\n', false, true]);
  const error = await assertRejects(() => transformed({ files, mappings: { "other.ts": "node.ts" } }), Error);
  assertStringIncludes(error.message, "No module uses what is mapped");
});

Deno.test("the stand-in for dnt shims Deno in the tests alone", async () => {
  const { output, texts } = await transformed({
    files: {
      "mod.ts": "export const isDeno = 'Deno' in globalThis;\n",
      "a_test.ts": 'import { isDeno } from "./mod.ts";\nDeno.test("a", () => console.log(isDeno, globalThis.Deno));\n',
    },
    tests: ["a_test.ts"],
  });
  assertEquals(texts.get("mod.ts"), "export const isDeno = 'Deno' in globalThis;\n");
  const shimmed = texts.get("a_test.ts") ?? "";
  assertStringIncludes(shimmed, 'dntShim.Deno.test("a", () => console.log(isDeno, globalThis.Deno));');
  assertStringIncludes(shimmed, 'import * as dntShim from "');
  assertEquals([output.files.length, output.dependencies.size, output.testDependencies.get("@deno/shim-deno-test")], [1, 0, "~0.5.0"]);
});

Deno.test("the stand-in for dnt refuses what it would translate wrongly", async () => {
  const main = await assertRejects(() => transformed({ files: { "mod.ts": "if (import.meta.main) console.log(1);\n" } }), Error);
  assertStringIncludes(main.message, "import.meta.main");
  const unknown = await assertRejects(() => transformed({ files: { "mod.ts": 'import "nowhere";\n' } }), Error);
  assertStringIncludes(unknown.message, '"nowhere" in');
});
