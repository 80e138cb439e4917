import { assert, assertEquals } from "@std/assert";
import { checkArchitecture, importsOf, type SourceTree, STARTS } from "./architecture.ts";

const ROOT = new URL("../../", import.meta.url);

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

async function doors(): Promise<string[]> {
  const { exports }: { exports: Record<string, string> } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  return Object.values(exports).map((door) => door.slice("./".length));
}

/** What Deno itself takes for the imports of each file that is reached from a door. */
async function importsByDeno(door: string): Promise<[path: string, specifiers: string[]][]> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", door],
    cwd: ROOT,
    stdin: "null",
    signal: AbortSignal.timeout(30_000),
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  const { modules }: { modules: { specifier: string; dependencies?: { specifier: string }[] }[] } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  return modules.filter(({ specifier }) => specifier.startsWith(ROOT.href)).map(({ specifier, dependencies = [] }) => [
    specifier.slice(ROOT.href.length),
    sortedOnce(dependencies.map((dependency) => dependency.specifier)),
  ]);
}

function sortedOnce(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}

Deno.test("the sources keep the rules of the house", async () => {
  const files = await sourceTree();
  for (const path of [...await doors(), ...STARTS.keys()]) assert(files.has(path), `${path} was not read`);
  assertEquals(checkArchitecture(files), []);
});

Deno.test("importsOf() sees the imports that Deno sees", async () => {
  const files = await sourceTree();
  for (const door of await doors()) {
    for (const [path, specifiers] of await importsByDeno(door)) {
      assertEquals(sortedOnce(importsOf(files.get(path) ?? "").map(({ specifier }) => specifier)), specifiers, path);
    }
  }
});

Deno.test("the package version is the same everywhere", async () => {
  const { version } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const { VERSION } = await import("../../src/base/version.ts");
  assertEquals(VERSION, version);
});

/** Planted violations: files, and what must be said of them. */
const PLANTED: readonly [name: string, files: Record<string, string>, said: string][] = [
  [
    "what no browser has",
    { "src/protocol/a.ts": 'import { Buffer } from "node:buffer";' },
    "src/protocol/a.ts runs in a browser too, and imports node:buffer",
  ],
  ["an import up the list", { "src/base/a.ts": 'import { x } from "../core/mod.ts";' }, "src/base/a.ts may not use core"],
  [
    "what Node 20 lacks",
    { "src/base/a.ts": "const { promise } = Promise.withResolvers();" },
    "src/base/a.ts uses Promise.withResolvers, which not every runtime has",
  ],
  [
    "the place of the module",
    { "src/base/a.ts": "const here = import.meta.url;" },
    "src/base/a.ts uses import.meta, which not every runtime has",
  ],
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
  [
    "an import on several lines",
    { "src/core/a.ts": 'import {\n  type X,\n  y,\n} from "../runtime/mod.ts";' },
    "src/core/a.ts may not use runtime",
  ],
  [
    "an import behind a text that looks like a comment",
    { "src/core/a.ts": 'const glob = "src/**";\nimport { x } from "../runtime/mod.ts"; /* end */' },
    "src/core/a.ts may not use runtime",
  ],
  ["a dynamic import in a template", { "src/core/a.ts": "await import(`../runtime/mod.ts`);" }, "src/core/a.ts may not use runtime"],
  ["the command in the library", { "src/runtime/a.ts": 'import { x } from "../cli/main.ts";' }, "src/runtime/a.ts may not use cli"],
  ["files behind the front door", { "mod.ts": 'export * from "./src/config/mod.ts";' }, "mod.ts may not use config"],
  ["an import out of the sources", { "mod.ts": 'import "./tests/x.ts";' }, "mod.ts imports tests/x.ts"],
  [
    "page code that runs the library",
    { "src/web/a.ts": 'import { x } from "../protocol/mod.ts";' },
    "src/web/a.ts may use only the types of protocol",
  ],
  ["a file in no folder", { "src/a.ts": "f();" }, "src/a.ts is in no folder of the house"],
  ["a folder that is not in the table", { "src/attic/a.ts": "f();" }, "src/attic/a.ts is in no folder of the house"],
  [
    "the package by its name",
    { "src/core/a.ts": 'import { x } from "@reeve/supervisor/config";' },
    "src/core/a.ts imports the package by its own name",
  ],
  [
    "code from the network",
    { "src/cli/a.ts": 'import { x } from "https://example.com/x.ts";' },
    "src/cli/a.ts imports https://example.com/x.ts, which is no package",
  ],
  ["an import of the front door", { "src/core/a.ts": 'import { x } from "../../mod.ts";' }, "src/core/a.ts imports mod.ts"],
  ["Deno outside its file", { "src/runtime/a.ts": "const x = Deno.pid;" }, "src/runtime/a.ts says Deno"],
  ["Deno inside a template", { "src/runtime/a.ts": "const x = `${{ a: Deno.pid }.a} is it`;" }, "src/runtime/a.ts says Deno"],
  ["Deno after a regular expression", { "src/runtime/a.ts": 'f(/["/]/, Deno.pid);' }, "src/runtime/a.ts says Deno"],
  ["the console", { "src/runtime/a.ts": "console.log(1);" }, "src/runtime/a.ts writes to the console"],
  ["any", { "src/core/a.ts": "const x: any = 1;" }, "src/core/a.ts says any"],
  ["any inside a type", { "src/core/a.ts": "const x: Record<string, any[]> = {};" }, "src/core/a.ts says any"],
  ["a cast to any", { "src/core/a.ts": "f(x as any);" }, "src/core/a.ts says any"],
  ["something silenced", { "src/core/a.ts": "// deno-lint-ignore no-x\nf();" }, "src/core/a.ts silences or postpones something"],
  [
    "a type error silenced",
    { "src/core/a.ts": "// @ts-ignore it works\nf();" },
    "src/core/a.ts silences or postpones something",
  ],
  ["something to be fixed", { "src/core/a.ts": "/* FIXME */" }, "src/core/a.ts silences or postpones something"],
  ["something postponed", { "src/core/a.ts": "// TODO later" }, "src/core/a.ts silences or postpones something"],
  ["a long file", { "src/core/a.ts": "f();\n".repeat(401) }, "src/core/a.ts has 401 lines, more than 400"],
  [
    "a path of one machine",
    { "src/core/a.ts": `const x = "${["", "home", "ada", "reeve"].join("/")}";` },
    `src/core/a.ts names a path of one machine: ${["", "home", "ada"].join("/")}`,
  ],
  [
    "a path of the working folder",
    { "src/core/a.ts": `// see ${["", "work", "main"].join("/")}` },
    `src/core/a.ts names a path of one machine: ${["", "work"].join("/")}`,
  ],
  [
    "a part of a package outside its home",
    { "src/runtime/a.ts": 'import { z } from "npm:zod@^4/mini";' },
    "src/runtime/a.ts imports zod, which lives in config",
  ],
  ["yaml outside its home", { "src/cli/a.ts": 'await import("js-yaml");' }, "src/cli/a.ts imports js-yaml, which lives in config"],
  [
    "the command line outside its home",
    { "src/config/a.ts": 'import { Command } from "commander";' },
    "src/config/a.ts imports commander, which lives in cli",
  ],
  [
    "what draws the page outside the page",
    { "src/cli/a.ts": 'import { h } from "preact";' },
    "src/cli/a.ts imports preact, which lives in web",
  ],
  [
    "an SDK in the library",
    { "src/observe/a.ts": 'await import("@opentelemetry/sdk-metrics");' },
    "src/observe/a.ts imports @opentelemetry/sdk-metrics, which lives in cli",
  ],
  [
    "a package outside its homes",
    { "src/runtime/a.ts": 'await import("@opentelemetry/api");' },
    "src/runtime/a.ts imports @opentelemetry/api, which lives in observe and cli",
  ],
  ["a package outside its home", { "src/runtime/a.ts": 'import { z } from "zod";' }, "src/runtime/a.ts imports zod, which lives in config"],
  ["a package behind the front door", {
    "mod.ts": 'export * from "./src/spec/mod.ts";',
    "src/spec/mod.ts": 'import { x } from "left-pad";',
  }, "mod.ts reaches left-pad through src/spec/mod.ts"],
  ["a package that is loaded later behind the front door", {
    "mod.ts": 'export * from "./src/spec/mod.ts";',
    "src/spec/mod.ts": 'await import("left-pad");',
  }, "mod.ts reaches left-pad through src/spec/mod.ts"],
  ["a command that is loaded before it is asked for", {
    "src/cli/bin.ts": 'import { x } from "./program/a.ts";',
    "src/cli/program/a.ts": 'import { y } from "../commands/run.ts";',
  }, "src/cli/bin.ts begins with src/cli/commands/run.ts, through src/cli/program/a.ts"],
  [
    "files that are loaded where none may be read",
    {
      "src/cli/commands/look.ts": 'import { x } from "../target.ts";',
      "src/cli/target.ts": 'import { y } from "../config/mod.ts";',
    },
    "src/cli/commands/look.ts begins with src/config/mod.ts, through src/cli/target.ts",
  ],
  [
    "a cycle with a late import",
    { "src/core/a.ts": 'await import("./b.ts");', "src/core/b.ts": 'import { a } from "./a.ts";' },
    "import cycle: src/core/a.ts → src/core/b.ts → src/core/a.ts",
  ],
  [
    "a cycle",
    { "src/core/a.ts": 'import { b } from "./b.ts";', "src/core/b.ts": 'import { a } from "./a.ts";' },
    "import cycle: src/core/a.ts → src/core/b.ts → src/core/a.ts",
  ],
];

for (const [name, files, said] of PLANTED) {
  Deno.test(`checkArchitecture() finds ${name}`, () => assertEquals(checkArchitecture(new Map(Object.entries(files))), [said]));
}

/** What looks like a violation and is none. */
const LEGAL: readonly [name: string, files: Record<string, string>][] = [
  ["words in comments and texts", {
    "src/core/a.ts": '// Deno is fine here\n/* console.log */\nconst hint = "Deno.pid, console.log, as any";\nf(`Deno ${hint} any`);',
  }],
  ["imports in texts", { "src/core/a.ts": "const help = 'import { x } from \"../runtime/mod.ts\"';" }],
  ["a cycle of types", {
    "src/core/a.ts": 'import type { B } from "./b.ts";',
    "src/core/b.ts": 'import { a } from "./a.ts";\nimport { type C } from "./a.ts";',
  }],
  ["the method any", { "src/core/a.ts": "f(AbortSignal.any([]));" }],
  ["Deno in its file", { "src/platform/deno.ts": "f(Deno.pid);" }],
  ["packages in their homes", { "src/config/a.ts": 'import { z } from "zod";', "src/cli/a.ts": 'import { Command } from "commander";' }],
  ["the front door in the command", { "src/cli/a.ts": 'import { x } from "../../mod.ts";' }],
  ["types of the wire in the page", { "src/web/a.ts": 'import type { X } from "../protocol/mod.ts";' }],
  ["a command that is loaded when it is asked for", {
    "src/cli/bin.ts": 'import { x } from "./program/a.ts";',
    "src/cli/program/a.ts": 'import type { Y } from "../commands/run.ts";\nawait import("../commands/run.ts");',
  }],
  ["a file of 400 lines", { "src/core/a.ts": "f();\n".repeat(400) }],
];

for (const [name, files] of LEGAL) {
  Deno.test(`checkArchitecture() lets pass ${name}`, () => assertEquals(checkArchitecture(new Map(Object.entries(files))), []));
}
