/** Reads the imports of source files and says which rules of the house they break. */

/** Files by their path from the root of the project. */
export type SourceTree = ReadonlyMap<string, string>;

/** What each folder of `src` may use. */
export const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  base: [],
  platform: ["base"],
  spec: ["base"],
  event: ["base", "spec"],
  core: ["base", "spec", "event"],
  observe: ["base", "platform", "spec", "event"],
  worker: ["base"],
  config: ["base", "platform", "spec"],
  runtime: ["base", "platform", "spec", "event", "core", "observe", "worker"],
  protocol: ["base", "event"],
  client: ["base", "platform", "protocol"],
  ipc: ["base", "platform", "spec", "event", "observe", "runtime", "protocol"],
  relay: ["base", "platform", "config", "observe", "protocol", "client"],
  testing: ["base", "spec", "event", "core", "observe", "runtime"],
};

/** The front door may show these. */
const FRONT_DOOR = ["base", "spec", "event", "core", "observe", "runtime"];

/** Packages that live in one folder. */
const HOMES: Readonly<Record<string, string>> = { zod: "config", yaml: "config", "@std/yaml": "config", commander: "cli" };

/** Longest file of `src`, in lines. */
const LONGEST = 400;

interface Import {
  readonly specifier: string;
  /** Type-only imports vanish at run time. */
  readonly typeOnly: boolean;
}

/** Lists every broken rule, as one line each. */
export function checkArchitecture(files: SourceTree): string[] {
  const imports = new Map([...files].map(([path, text]) => [path, importsOf(withoutComments(text))]));
  return [...files].flatMap(([path, text]) => [...checkFile(path, text), ...checkImports(path, imports.get(path) ?? [])]).concat(
    findCycles(imports),
    checkFrontDoor(imports),
  );
}

function checkFile(path: string, text: string): string[] {
  const found: string[] = [];
  const code = withoutStrings(withoutComments(text));
  if (/\bDeno\b/.test(code) && path !== "src/platform/deno.ts") found.push(`${path} says Deno`);
  if (/\bconsole\./.test(code)) found.push(`${path} writes to the console`);
  if (/:\s*any\b|\bas any\b|<any>/.test(code)) found.push(`${path} says any`);
  if (/@ts-ignore|@ts-expect-error|lint-ignore|\b(TODO|FIXME|XXX)\b/.test(text)) found.push(`${path} silences or postpones something`);
  const lines = text.split("\n").length;
  if (lines > LONGEST) found.push(`${path} has ${lines} lines, more than ${LONGEST}`);
  return found;
}

function checkImports(path: string, imports: readonly Import[]): string[] {
  return imports.flatMap(({ specifier }) => {
    if (!specifier.startsWith(".")) return checkPackage(path, specifier);
    const target = resolvePath(path, specifier);
    const from = folderOf(path);
    const to = folderOf(target);
    if (from === to) return [];
    if (to === undefined) return from === "cli" && target === "mod.ts" ? [] : [`${path} imports ${target}`];
    const allowed = from === undefined ? FRONT_DOOR : from === "cli" ? Object.keys(MAY_USE) : MAY_USE[from] ?? [];
    if (!allowed.includes(to)) return [`${path} may not use ${to}`];
    return target === `src/${to}/mod.ts` ? [] : [`${path} enters ${to} past its door: ${target}`];
  });
}

function checkPackage(path: string, specifier: string): string[] {
  const name = specifier.replace(/^(npm|jsr):/, "").replace(/(?<=.)@.*$/, "");
  const home = HOMES[name];
  return home === undefined || folderOf(path) === home ? [] : [`${path} imports ${name}, which lives in ${home}`];
}

/** Who only needs trees must not load what only files or the command need. */
function checkFrontDoor(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  const seen = new Set<string>();
  const found: string[] = [];
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { specifier, typeOnly } of imports.get(path) ?? []) {
      if (typeOnly) continue;
      if (specifier.startsWith(".")) visit(resolvePath(path, specifier));
      else if (!specifier.startsWith("node:")) found.push(`mod.ts reaches ${specifier} through ${path}`);
    }
  };
  visit("mod.ts");
  return found;
}

function findCycles(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  const state = new Map<string, "open" | "done">();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === "open") found.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(" → ")}`);
    if (state.has(path)) return;
    state.set(path, "open");
    for (const { specifier, typeOnly } of imports.get(path) ?? []) {
      if (!typeOnly && specifier.startsWith(".")) visit(resolvePath(path, specifier), [...trail, path]);
    }
    state.set(path, "done");
  };
  for (const path of imports.keys()) visit(path, []);
  return found;
}

function importsOf(code: string): Import[] {
  const found: Import[] = [];
  for (
    const [, type, names = "", specifier = ""] of code.matchAll(/\b(?:import|export)\s+(type\s+)?([^;"'`]*?)\s*from\s*["']([^"']+)["']/g)
  ) {
    const list = /^\{([^}]*)\}$/.exec(names.trim())?.[1];
    const allTypes = list !== undefined && list.split(",").filter((name) => name.trim() !== "").every((name) => /^\s*type\s/.test(name));
    found.push({ specifier, typeOnly: type !== undefined || allTypes });
  }
  for (const [, specifier = ""] of code.matchAll(/\bimport\s*\(\s*["']([^"']+)["']/g)) found.push({ specifier, typeOnly: true });
  for (const [, specifier = ""] of code.matchAll(/\bimport\s*["']([^"']+)["']/g)) found.push({ specifier, typeOnly: false });
  return found;
}

function folderOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

function resolvePath(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[^]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
}

function withoutStrings(code: string): string {
  return code.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, '""');
}
