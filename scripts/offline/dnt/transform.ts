/** From modules of Deno to TypeScript that Node's tools understand: finds the graph, rewrites specifiers, injects the test shim. */
import { posix, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import ts from "npm:typescript@~5.9";

/** What is to be transformed. */
export interface TransformInput {
  readonly entryPoints: readonly string[];
  readonly testEntryPoints: readonly string[];
  readonly mappings: Readonly<Record<string, string>>;
  readonly importMap: string | undefined;
  readonly shimsTests: boolean;
}

/** A file to compile. */
export interface OutputFile {
  /** Path below the folder of sources, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** Packages by name with their range. */
export type Dependencies = ReadonlyMap<string, string>;

/** What came of it. */
export interface TransformOutput {
  readonly files: readonly OutputFile[];
  readonly testFiles: readonly OutputFile[];
  /** The paths of the entry points, in their order. */
  readonly entryPaths: readonly string[];
  readonly dependencies: Dependencies;
  readonly testDependencies: Dependencies;
}

/** The package with which the tests of a genuine build register themselves. */
export const TEST_SHIM = { name: "@deno/shim-deno-test", range: "~0.5.0", file: "_dnt.test_shims.ts" } as const;

/** A specifier in a module, and what it means. */
interface Reference {
  readonly node: ts.StringLiteralLike;
  readonly target: Target;
}

type Target = { readonly url: string } | { readonly bare: string; readonly name?: string; readonly range?: string };

interface Module {
  readonly url: string;
  /** Where it goes, below the folder of sources. */
  readonly path: string;
  readonly source: ts.SourceFile;
  readonly references: readonly Reference[];
}

/** Transforms the modules that can be reached from the entry points. */
export async function transform(input: TransformInput): Promise<TransformOutput> {
  const resolver = await Resolver.create(input);
  const modules = new Map<string, Module>();
  const main = await reach(input.entryPoints, resolver, modules);
  const all = await reach(input.testEntryPoints, resolver, modules);
  const tests = [...all].filter((url) => !main.has(url));
  resolver.refuseUnusedMappings();

  const print = (url: string, shim: boolean): OutputFile => {
    const module = modules.get(url);
    if (module === undefined) throw new Error(`${url} was not loaded`);
    return { path: module.path, text: rewrite(module, modules, shim) };
  };
  const shimFile: OutputFile = { path: TEST_SHIM.file, text: `export { Deno } from "${TEST_SHIM.name}";\n` };
  const dependencies = dependenciesOf([...main], modules);
  const testDependencies = dependenciesOf(tests, modules);
  if (input.shimsTests) testDependencies.set(TEST_SHIM.name, TEST_SHIM.range);
  return {
    files: [...main].map((url) => print(url, false)),
    testFiles: [...tests.map((url) => print(url, input.shimsTests)), ...(input.shimsTests ? [shimFile] : [])],
    entryPaths: input.entryPoints.map((path) => localPath(pathToFileURL(resolve(path)).href)),
    dependencies,
    testDependencies,
  };
}

async function reach(roots: readonly string[], resolver: Resolver, modules: Map<string, Module>): Promise<Set<string>> {
  const seen = new Set<string>();
  const queue = roots.map((path) => pathToFileURL(resolve(path)).href);
  for (let url = queue.pop(); url !== undefined; url = queue.pop()) {
    if (seen.has(url)) continue;
    seen.add(url);
    let module = modules.get(url);
    if (module === undefined) modules.set(url, module = await load(url, resolver));
    for (const { target } of module.references) {
      if ("url" in target) queue.push(target.url);
    }
  }
  return seen;
}

async function load(url: string, resolver: Resolver): Promise<Module> {
  const text = await Deno.readTextFile(new URL(url));
  const source = ts.createSourceFile(url, text, ts.ScriptTarget.Latest, true);
  const references = await Promise.all(
    specifiersIn(source).map(async (node) => ({ node, target: await resolver.resolve(node.text, url) })),
  );
  return { url, path: resolver.pathOf(url), source, references };
}

/** Finds imports, exports from, late imports and types that are imported. */
function specifiersIn(source: ts.SourceFile): ts.StringLiteralLike[] {
  const found: ts.StringLiteralLike[] = [];
  const visit = (node: ts.Node): void => {
    let specifier: ts.Node | undefined;
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) specifier = node.moduleSpecifier;
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) specifier = node.arguments[0];
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) specifier = node.argument.literal;
    else if (ts.isMetaProperty(node) && ts.isPropertyAccessExpression(node.parent) && node.parent.name.text === "main") {
      throw new Error(`${source.fileName} uses import.meta.main, which the stand-in for dnt does not translate`);
    }
    if (specifier !== undefined && ts.isStringLiteralLike(specifier)) found.push(specifier);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Writes a module with other specifiers, and with the shim where it says `Deno`. */
function rewrite({ path, source, references }: Module, modules: ReadonlyMap<string, Module>, shim: boolean): string {
  const edits = references.map(({ node, target }) => ({
    start: node.getStart(source) + 1,
    end: node.getEnd() - 1,
    text: "url" in target ? relativeTo(path, modules.get(target.url)?.path ?? "") : target.bare,
  }));
  let head = "";
  if (shim) {
    const uses = usesOfDeno(source);
    for (const node of uses) edits.push({ start: node.getStart(source), end: node.getEnd(), text: "dntShim.Deno" });
    if (uses.length > 0) head = `import * as dntShim from "${relativeTo(path, TEST_SHIM.file)}";\n`;
  }
  let text = source.text;
  for (const edit of edits.sort((a, b) => b.start - a.start)) text = text.slice(0, edit.start) + edit.text + text.slice(edit.end);
  return head + text;
}

function usesOfDeno(source: ts.SourceFile): ts.Identifier[] {
  const found: ts.Identifier[] = [];
  const visit = (node: ts.Node): void => {
    const isMember = ts.isPropertyAccessExpression(node.parent) && node.parent.name === node;
    if (ts.isIdentifier(node) && node.text === "Deno" && !isMember) found.push(node);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(source, visit);
  return found;
}

function relativeTo(from: string, to: string): string {
  const path = posix.relative(posix.dirname(from), to.replace(/\.ts$/, ".js"));
  return path.startsWith(".") ? path : `./${path}`;
}

function dependenciesOf(urls: readonly string[], modules: ReadonlyMap<string, Module>): Map<string, string> {
  const found = new Map<string, string>();
  for (const url of urls) {
    for (const { target } of modules.get(url)?.references ?? []) {
      if ("bare" in target && target.name !== undefined) found.set(target.name, target.range ?? "*");
    }
  }
  return found;
}

function localPath(url: string): string {
  return relative(Deno.cwd(), fileURLToPath(url)).replaceAll("\\", "/");
}

/** What a specifier means, by the import map, the mappings and the registry. */
class Resolver {
  readonly #imports: ReadonlyMap<string, string>;
  readonly #base: string;
  readonly #mappings: ReadonlyMap<string, string>;
  readonly #unused: Set<string>;
  /** Folders of packages from JSR, with the path that they get. */
  readonly #packages = new Map<string, string>();

  private constructor(imports: ReadonlyMap<string, string>, base: string, mappings: ReadonlyMap<string, string>) {
    this.#imports = imports;
    this.#base = base;
    this.#mappings = mappings;
    this.#unused = new Set(mappings.keys());
  }

  static async create({ importMap, mappings }: TransformInput): Promise<Resolver> {
    const absolute = (path: string): string => pathToFileURL(resolve(path)).href;
    const imports: Record<string, string> = importMap === undefined ? {} : JSON.parse(await Deno.readTextFile(importMap)).imports ?? {};
    return new Resolver(
      new Map(Object.entries(imports)),
      absolute(importMap ?? "."),
      new Map(Object.entries(mappings).map(([from, to]) => [absolute(from), absolute(to)])),
    );
  }

  async resolve(specifier: string, importer: string): Promise<Target> {
    const full = this.#expand(specifier, importer);
    if (full.startsWith("node:")) return { bare: full };
    if (full.startsWith("npm:")) return npmTarget(full);
    const url = full.startsWith("jsr:") ? await this.#fromJsr(full) : full;
    const mapped = this.#mappings.get(url);
    if (mapped === undefined) return { url };
    this.#unused.delete(url);
    return { url: mapped };
  }

  /** Where the module goes. */
  pathOf(url: string): string {
    for (const [folder, path] of this.#packages) {
      if (url.startsWith(folder)) return path + url.slice(folder.length);
    }
    return localPath(url);
  }

  refuseUnusedMappings(): void {
    if (this.#unused.size > 0) throw new Error(`No module uses what is mapped: ${[...this.#unused].map(localPath).join(", ")}`);
  }

  #expand(specifier: string, importer: string): string {
    if (/^\.{0,2}\//.test(specifier)) return new URL(specifier, importer).href;
    const known = this.#imports.get(specifier);
    if (known !== undefined) return known.startsWith(".") ? new URL(known, this.#base).href : known;
    if (/^[a-z]+:/.test(specifier)) return specifier;
    throw new Error(`"${specifier}" in ${localPath(importer)} is not in the import map`);
  }

  async #fromJsr(specifier: string): Promise<string> {
    const registry = Deno.env.get("JSR_URL") ?? "";
    if (!registry.startsWith("file:")) throw new Error(`The stand-in for dnt reads ${specifier} from a registry of files alone`);
    const [, name = "", path = ""] = /^jsr:\/?(@[^/]+\/[^/@]+)(?:@[^/]*)?(\/.*)?$/.exec(specifier) ?? [];
    const base = new URL(`${name}/`, registry);
    const { latest } = JSON.parse(await Deno.readTextFile(new URL("meta.json", base)));
    const { exports } = JSON.parse(await Deno.readTextFile(new URL(`${latest}_meta.json`, base)));
    const folder = new URL(`${latest}/`, base);
    this.#packages.set(folder.href, `deps/jsr.io/${name}/${latest}/`);
    return new URL(exports[`.${path}`], folder).href;
  }
}

function npmTarget(specifier: string): Target {
  const [, name = "", range = "*", path = ""] = /^npm:\/?((?:@[^/]+\/)?[^/@]+)(?:@([^/]+))?(\/.*)?$/.exec(specifier) ?? [];
  return { bare: name + path, name, range };
}
