/** What is packed, and what each of its doors loads. */
import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "typescript";
import { output, PACKAGE } from "./tools.ts";

/** Largest tarball, and largest package when it is unpacked, in bytes; raise them when something is worth it. */
const TARBALL_BYTES = 864 * 1024;
const UNPACKED_BYTES = 3_000 * 1024;

/** Doors that must not load what only files, the command or the relay need; the others may. */
const LIGHT = [".", "./testing", "./worker", "./ipc", "./client"];
/** Loaded only by programs that use it already. */
const ON_DEMAND: readonly string[] = ["@opentelemetry/api", "croner"];
const ROOT = new URL("../../", import.meta.url);

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly engines?: { readonly node?: string };
}

const manifest: Manifest = JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8"));
const { exports: doors }: { exports: Record<string, string> } = JSON.parse(await readFile(new URL("deno.json", ROOT), "utf8"));

Deno.test("package: what is packed is the library, its types, its papers and its examples, within the budget", async () => {
  const [packed] = JSON.parse(await output("npm", ["pack", "--dry-run", "--json"], PACKAGE));
  const files: string[] = packed.files.map(({ path }: { path: string }) => path);
  const papers = ["CHANGELOG.md", "LICENSE", "README.md", "package.json", "esm/package.json"];
  for (const paper of papers) assert(files.includes(paper), paper);
  const unwanted = files.filter((file) =>
    !papers.includes(file) && !/^esm\/(?:mod|src\/.+)\.(?:js|d\.ts)$/.test(file) &&
    !/^examples\/.+(?:\.(?:js|json|sh|yaml|md)|\/Dockerfile)$/.test(file)
  );
  assertEquals(unwanted, []);
  for (const door of Object.values(doors)) assert(files.includes(door.replace(/^\.\//, "esm/").replace(/\.ts$/, ".js")), door);
  assertLess(packed.size, TARBALL_BYTES);
  assertLess(packed.unpackedSize, UNPACKED_BYTES);

  const personal = [fileURLToPath(ROOT).replace(/\/$/, ""), homedir()];
  for (const file of files) {
    const text = await readFile(join(PACKAGE, file), "utf8");
    assertEquals(personal.filter((path) => text.includes(path)), [], file);
  }
});

Deno.test("package: the manifest has every door, with its types, and asks for Node 20.4", async () => {
  assertEquals(Object.keys(manifest.exports), [...Object.keys(doors), "./package.json"]);
  for (const [name, door] of Object.entries(manifest.exports)) {
    if (typeof door === "string") continue;
    assertEquals(Object.keys(door), ["types", "default"], name);
    for (const file of [door.types, door.default]) assert((await readFile(join(PACKAGE, file))).length > 0, file);
  }
  const { engines, type, sideEffects, bin, ...rest } = JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8"));
  assertEquals([engines, type, sideEffects, bin], [{ node: ">=20.4" }, "module", false, { reeve: "./esm/src/cli/bin.js" }]);
  for (const key of ["scripts", "devDependencies"]) assertEquals(Object.hasOwn(rest, key), false, key);
  assertMatch(await readFile(join(PACKAGE, bin.reeve), "utf8"), /^#!\/usr\/bin\/env node\n/);
});

// --- what a door loads ---------------------------------------------------------------------------------------------------------------------

interface Loaded {
  readonly packages: Set<string>;
  /** Files that wait at their top, whose importers cannot be required. */
  readonly waiting: Set<string>;
}

/** Walks what a door of the package loads, at once or later. */
async function loadedBy(door: string): Promise<Loaded> {
  const entry = manifest.exports[door];
  assert(typeof entry === "object", door);
  const loaded: Loaded = { packages: new Set(), waiting: new Set() };
  const seen = new Set<string>();
  const queue = [join(PACKAGE, entry.default)];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    const source = ts.createSourceFile(file, await readFile(file, "utf8"), ts.ScriptTarget.Latest, true);
    if (waitsAtTheTop(source)) loaded.waiting.add(relative(PACKAGE, file));
    for (const specifier of specifiersOf(source)) {
      if (specifier.startsWith(".")) queue.push(resolve(dirname(file), specifier));
      else if (!specifier.startsWith("node:")) {
        loaded.packages.add(specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/"));
      }
    }
  }
  return loaded;
}

function specifiersOf(source: ts.SourceFile): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const isLate = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;
    const specifier = ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
      ? node.moduleSpecifier
      : isLate
      ? node.arguments[0]
      : undefined;
    if (specifier !== undefined && ts.isStringLiteral(specifier)) found.push(specifier.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function waitsAtTheTop(source: ts.SourceFile): boolean {
  const visit = (node: ts.Node): boolean => {
    if (ts.isFunctionLike(node)) return false;
    if (ts.isAwaitExpression(node) || (ts.isForOfStatement(node) && node.awaitModifier !== undefined)) return true;
    return ts.forEachChild(node, visit) ?? false;
  };
  return visit(source);
}

for (const door of Object.keys(doors)) {
  Deno.test(`package: ${door} loads no package that it has no use for, and waits for nothing`, async () => {
    const { packages, waiting } = await loadedBy(door);
    if (LIGHT.includes(door)) assertEquals([...packages].filter((name) => !ON_DEMAND.includes(name)), []);
    for (const name of packages) assert(Object.hasOwn(manifest.dependencies, name), `${name} is no dependency`);
    assertEquals([...waiting], []);
  });
}

Deno.test("package: every dependency is used", async () => {
  const used = new Set((await Promise.all(Object.keys(doors).map(loadedBy))).flatMap(({ packages }) => [...packages]));
  // These are imported by names that nobody is to see beforehand.
  const { SDK_VERSIONS }: { SDK_VERSIONS: Record<string, string> } = await import(
    pathToFileURL(join(PACKAGE, "esm/src/cli/telemetry/packages.js")).href
  );
  for (const [name, version] of Object.entries(SDK_VERSIONS)) {
    assertEquals(manifest.dependencies[name], version, name);
    used.add(name);
  }
  assertEquals(Object.keys(manifest.dependencies).filter((name) => !used.has(name)), []);
});
