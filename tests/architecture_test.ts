import { assertEquals } from "@std/assert";
import { checkArchitecture, type SourceTree } from "./support/architecture.ts";

const ROOT = new URL("../", import.meta.url);

async function sourceTree(): Promise<SourceTree> {
  const files = new Map<string, string>();
  const read = async (path: string): Promise<void> => void files.set(path, await Deno.readTextFile(new URL(path, ROOT)));
  const walk = async (folder: string): Promise<void> => {
    for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
      if (entry.isDirectory) await walk(`${folder}${entry.name}/`);
      else if (entry.name.endsWith(".ts")) await read(`${folder}${entry.name}`);
    }
  };
  await read("mod.ts");
  await walk("src/");
  return files;
}

Deno.test("the sources keep the rules of the house", async () => assertEquals(checkArchitecture(await sourceTree()), []));

Deno.test("the package version is the same everywhere", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const { VERSION } = await import("../src/cli/version.ts");
  assertEquals(VERSION, version);
});

/** Planted violations: files, and what must be said of them. */
const PLANTED: readonly [name: string, files: Record<string, string>, said: string][] = [
  ["an import up the list", { "src/base/a.ts": 'import { x } from "../core/mod.ts";' }, "src/base/a.ts may not use core"],
  [
    "an import past the door",
    { "src/core/a.ts": 'import { x } from "../base/clock.ts";' },
    "src/core/a.ts enters base past its door: src/base/clock.ts",
  ],
  [
    "a re-export past the door",
    { "src/core/a.ts": 'export * from "../base/clock.ts";' },
    "src/core/a.ts enters base past its door: src/base/clock.ts",
  ],
  [
    "a type past the door",
    { "src/core/a.ts": 'import type { X } from "../base/clock.ts";' },
    "src/core/a.ts enters base past its door: src/base/clock.ts",
  ],
  ["a dynamic import up the list", { "src/spec/a.ts": 'await import("../runtime/mod.ts");' }, "src/spec/a.ts may not use runtime"],
  ["an import of the front door", { "src/core/a.ts": 'import { x } from "../../mod.ts";' }, "src/core/a.ts imports mod.ts"],
  ["Deno outside its file", { "src/runtime/a.ts": "const x = Deno.pid;" }, "src/runtime/a.ts says Deno"],
  ["the console", { "src/runtime/a.ts": "console.log(1);" }, "src/runtime/a.ts writes to the console"],
  ["any", { "src/core/a.ts": "const x: any = 1;" }, "src/core/a.ts says any"],
  ["a cast to any", { "src/core/a.ts": "f(x as any);" }, "src/core/a.ts says any"],
  ["something silenced", { "src/core/a.ts": "// deno-lint-ignore no-x\nf();" }, "src/core/a.ts silences or postpones something"],
  ["something postponed", { "src/core/a.ts": "// TODO later" }, "src/core/a.ts silences or postpones something"],
  ["a long file", { "src/core/a.ts": "\n".repeat(400) }, "src/core/a.ts has 401 lines, more than 400"],
  ["a package outside its home", { "src/runtime/a.ts": 'import { z } from "zod";' }, "src/runtime/a.ts imports zod, which lives in config"],
  ["a package behind the front door", {
    "mod.ts": 'export * from "./src/spec/mod.ts";',
    "src/spec/mod.ts": 'import { x } from "left-pad";',
  }, "mod.ts reaches left-pad through src/spec/mod.ts"],
  [
    "a cycle",
    { "src/core/a.ts": 'import { b } from "./b.ts";', "src/core/b.ts": 'import { a } from "./a.ts";' },
    "import cycle: src/core/a.ts → src/core/b.ts → src/core/a.ts",
  ],
];

for (const [name, files, said] of PLANTED) {
  Deno.test(`checkArchitecture() finds ${name}`, () => assertEquals(checkArchitecture(new Map(Object.entries(files))), [said]));
}

Deno.test("checkArchitecture() lets words in comments and texts pass, and cycles of types", () => {
  const files = {
    "src/core/a.ts":
      '// Deno is fine here\n/* console.log */\nconst hint = "Deno.pid, console.log, as any";\nimport type { B } from "./b.ts";',
    "src/core/b.ts": 'import { a, type C } from "./a.ts";',
  };
  assertEquals(checkArchitecture(new Map(Object.entries(files))), []);
});
