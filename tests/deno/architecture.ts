/** Reads the imports of source files and says which rules of the house they break. */

/** Files by their path from the root of the project. */
export type SourceTree = ReadonlyMap<string, string>;

/** One import or re-export. */
export interface Import {
  readonly specifier: string;
  /** Type-only imports vanish at run time. */
  readonly typeOnly: boolean;
  /** A dynamic import loads when it is reached. */
  readonly isLate: boolean;
  /** Where the quoted specifier begins and ends, quotes included. */
  readonly start: number;
  readonly end: number;
}

/** What each folder of `src` may use; the command may use them all. */
const MAY_USE: ReadonlyMap<string, readonly string[]> = new Map([
  ["base", []],
  ["platform", ["base"]],
  ["spec", ["base"]],
  ["event", ["base", "spec"]],
  ["core", ["base", "spec", "event"]],
  ["observe", ["base", "platform", "spec", "event"]],
  ["worker", ["base"]],
  ["config", ["base", "platform", "spec"]],
  ["runtime", ["base", "platform", "spec", "event", "core", "observe", "worker"]],
  ["protocol", ["base", "event"]],
  ["client", ["base", "platform", "protocol"]],
  ["ipc", ["base", "platform", "spec", "event", "observe", "runtime", "protocol"]],
  ["relay", ["base", "platform", "config", "observe", "protocol", "client"]],
  ["web", ["protocol"]],
  ["testing", ["base", "spec", "event", "core", "observe", "runtime"]],
]);

/** What runs in a browser too: the language of the socket, and what that may use. */
const FOR_BROWSERS = ["base", "event", "protocol", "web"];

/** The front door may show these. */
const FRONT_DOOR = ["base", "spec", "event", "core", "observe", "runtime"];

/** Packages that live in some folders only. */
const HOMES: ReadonlyMap<string, readonly string[]> = new Map([
  ["zod", ["config"]],
  ["js-yaml", ["config"]],
  ["commander", ["cli"]],
  ["preact", ["web"]],
  ["croner", ["runtime"]],
  ["jose", ["relay"]],
  ["ws", ["relay"]],
  ["@opentelemetry/api", ["observe", "cli"]],
  ["@opentelemetry/core", ["cli"]],
  ["@opentelemetry/exporter-metrics-otlp-http", ["cli"]],
  ["@opentelemetry/exporter-prometheus", ["cli"]],
  ["@opentelemetry/exporter-trace-otlp-http", ["cli"]],
  ["@opentelemetry/resources", ["cli"]],
  ["@opentelemetry/sdk-metrics", ["cli"]],
  ["@opentelemetry/sdk-trace-base", ["cli"]],
]);

/** Longest file of `src`, in lines. */
const LONGEST = 400;

/** Folders of a machine that wrote a file, not of one that runs it. */
const MACHINE_PATH = /(?<![\w.*-])\/(?:work|root|home\/\w+|Users\/\w+|tmp\/deno)(?![\w-])/;

/** What Node 20 lacks, or what the npm build would add a polyfill for that bundlers drop, since the package claims to have no side effects. */
const NOT_IN_NODE_20 =
  /\bimport\s*\.\s*meta\b|\b(?:Async)?DisposableStack\b|\b(?:Promise\.(?:withResolvers|try)|Array\.fromAsync|RegExp\.escape|Iterator\.from)\b|\.(?:findLast|findLastIndex|isSubsetOf|isSupersetOf|isDisjointFrom|symmetricDifference|intersection)\(/;

/** Lists every broken rule, as one line each. */
export function checkArchitecture(files: SourceTree): string[] {
  const imports = new Map([...files].map(([path, text]) => [path, importsOf(text)]));
  return [...files].flatMap(([path, text]) => [...checkFile(path, text), ...checkImports(path, imports.get(path) ?? [])]).concat(
    findCycles(imports),
    checkFrontDoor(imports),
    checkStarts(imports),
  );
}

/** Lists imports and re-exports, static ones and dynamic ones with a plain text. */
export function importsOf(text: string): Import[] {
  const { code, literals } = scan(text);
  const found: Import[] = [];
  const add = (match: RegExpExecArray, { typeOnly = false, isLate = false } = {}): void => {
    const start = match.index + match[0].length;
    const end = literals.get(start);
    if (end !== undefined) found.push({ specifier: text.slice(start + 1, end - 1), typeOnly, isLate, start, end });
  };
  for (const match of code.matchAll(STATIC)) add(match, { typeOnly: match[1] !== undefined || isListOfTypes(match[2] ?? "") });
  for (const match of code.matchAll(DYNAMIC)) add(match, { isLate: true });
  for (const match of code.matchAll(FOR_EFFECT)) add(match);
  return found.sort((a, b) => a.start - b.start);
}

const STATIC =
  /(?<![.\w$])(?:import|export)\s*(type\b\s*)?((?:[\w$]+\s*,\s*)?(?:[\w$]+|\*(?:\s*as\s+[\w$]+)?|\{[^{}]*\}))\s*from\s*(?=["'])/g;
const DYNAMIC = /(?<![.\w$])import\s*\(\s*(?=["'`])/g;
const FOR_EFFECT = /(?<![.\w$])import\s*(?=["'])/g;

function isListOfTypes(clause: string): boolean {
  const names = /^\{([^}]*)\}$/.exec(clause)?.[1]?.split(",").map((name) => name.trim()).filter((name) => name !== "") ?? [];
  return names.length > 0 && names.every((name) => /^type\s/.test(name));
}

function checkFile(path: string, text: string): string[] {
  const found: string[] = [];
  const { code } = scan(text);
  if (path !== "mod.ts" && !knows(folderOf(path))) found.push(`${path} is in no folder of the house`);
  if (/\bDeno\b/.test(code) && path !== "src/platform/deno.ts") found.push(`${path} says Deno`);
  if (/\bconsole\s*[.[]/.test(code)) found.push(`${path} writes to the console`);
  if (/(?<![.\w$])any\b(?!\s*[(:])/.test(code)) found.push(`${path} says any`);
  if (/@ts-(ignore|expect-error|nocheck)|lint-ignore|\b(TODO|FIXME|XXX)\b/.test(text)) {
    found.push(`${path} silences or postpones something`);
  }
  const missing = NOT_IN_NODE_20.exec(code)?.[0];
  if (missing !== undefined) found.push(`${path} uses ${missing}, which not every runtime has`);
  const machine = MACHINE_PATH.exec(text)?.[0];
  if (machine !== undefined) found.push(`${path} names a path of one machine: ${machine}`);
  const lines = text.replace(/\n$/, "").split("\n").length;
  if (lines > LONGEST) found.push(`${path} has ${lines} lines, more than ${LONGEST}`);
  return found;
}

function checkImports(path: string, imports: readonly Import[]): string[] {
  const from = folderOf(path);
  return imports.flatMap(({ specifier, typeOnly }) => {
    if (!isRelative(specifier)) return checkPackage(path, specifier);
    const target = resolvePath(path, specifier);
    const to = folderOf(target);
    if (to === undefined) return from === "cli" && target === "mod.ts" ? [] : [`${path} imports ${target}`];
    if (from === to) return [];
    if (!mayUse(from).includes(to)) return [`${path} may not use ${to}`];
    if (from === "web" && !typeOnly) return [`${path} may use only the types of ${to}`];
    return target === `src/${to}/mod.ts` ? [] : [`${path} enters ${to} past its door: ${target}`];
  });
}

function mayUse(folder: string | undefined): readonly string[] {
  if (folder === undefined) return FRONT_DOOR;
  return folder === "cli" ? [...MAY_USE.keys()] : MAY_USE.get(folder) ?? [];
}

function knows(folder: string | undefined): boolean {
  return folder !== undefined && (folder === "cli" || MAY_USE.has(folder));
}

function checkPackage(path: string, specifier: string): string[] {
  if (specifier.startsWith("node:") && FOR_BROWSERS.includes(folderOf(path) ?? "")) {
    return [`${path} runs in a browser too, and imports ${specifier}`];
  }
  if (/^(?!node:|npm:|jsr:)[a-z]+:|^\//i.test(specifier)) return [`${path} imports ${specifier}, which is no package`];
  const name = packageOf(specifier);
  if (name === "@reeve/supervisor") return [`${path} imports the package by its own name`];
  const homes = HOMES.get(name);
  return homes === undefined || homes.includes(folderOf(path) ?? "")
    ? []
    : [`${path} imports ${name}, which lives in ${homes.join(" and ")}`];
}

/** The name without scheme, version and path: `npm:@a/b@^1/c` is `@a/b`. */
function packageOf(specifier: string): string {
  return /^(?:(?:npm|jsr):\/?)?((?:@[^/]+\/)?[^/@]+)/.exec(specifier)?.[1] ?? specifier;
}

/** Loaded only by programs that use it already, or by trees that need it. */
const ON_DEMAND: ReadonlySet<string> = new Set(["@opentelemetry/api", "croner"]);

/** Who only needs trees must not load what only files or the command need, not even later. */
function checkFrontDoor(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  const seen = new Set<string>();
  const found: string[] = [];
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const { specifier, typeOnly } of imports.get(path) ?? []) {
      if (typeOnly) continue;
      if (isRelative(specifier)) visit(resolvePath(path, specifier));
      else if (!specifier.startsWith("node:") && !ON_DEMAND.has(specifier)) found.push(`mod.ts reaches ${specifier} through ${path}`);
    }
  };
  visit("mod.ts");
  return found;
}

/** What shells, health checks and scripts start over and over; each with what it may load before it knows that it needs more. */
export const STARTS: ReadonlyMap<string, RegExp> = new Map([
  ["src/cli/bin.ts", /^(?:src\/(?:base|platform|cli(?!\/commands\/))\/|commander$)/],
  ...["commands/control.ts", "commands/grow.ts", "commands/look.ts", "commands/reload.ts", "commands/shutdown.ts", "shell/complete.ts"].map(
    (name) => [`src/cli/${name}`, /^src\/(?:base|platform|event|protocol|client|cli)\//] as const,
  ),
]);

/** The command begins fast: what only one of its ways needs is loaded on that way. */
function checkStarts(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  return [...STARTS].flatMap(([start, allowed]) => {
    const seen = new Set<string>();
    const found: string[] = [];
    const visit = (path: string): void => {
      for (const { specifier, typeOnly, isLate } of imports.get(path) ?? []) {
        if (typeOnly || isLate || specifier.startsWith("node:")) continue;
        const target = isRelative(specifier) ? resolvePath(path, specifier) : specifier;
        if (seen.has(target)) continue;
        seen.add(target);
        if (allowed.test(target)) visit(target);
        else found.push(`${start} begins with ${target}, through ${path}`);
      }
    };
    visit(start);
    return found;
  });
}

function findCycles(imports: ReadonlyMap<string, readonly Import[]>): string[] {
  const state = new Map<string, "open" | "done">();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (state.get(path) === "open") found.push(`import cycle: ${[...trail.slice(trail.indexOf(path)), path].join(" → ")}`);
    if (state.has(path)) return;
    state.set(path, "open");
    for (const { specifier, typeOnly } of imports.get(path) ?? []) {
      if (!typeOnly && isRelative(specifier)) visit(resolvePath(path, specifier), [...trail, path]);
    }
    state.set(path, "done");
  };
  for (const path of imports.keys()) visit(path, []);
  return found;
}

function isRelative(specifier: string): boolean {
  return /^\.\.?\//.test(specifier);
}

function folderOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

function resolvePath(from: string, specifier: string): string {
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

interface Scanned {
  /** The text at its old length, with comments, texts and regular expressions blanked; quotes and `${…}` stay. */
  readonly code: string;
  /** Where each plain text begins, and where it ends. */
  readonly literals: ReadonlyMap<number, number>;
}

/** One piece of source that is not code, or one character that matters to templates. */
const PIECE = /\/\/.*|\/\*[^]*?\*\/|"(?:[^"\\\n]|\\[^])*"|'(?:[^'\\\n]|\\[^])*'|\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*|[`{}]/y;
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[^]|\$(?!\{))*/y;

/** After these a slash begins a regular expression; after anything else it divides. */
const BEFORE_REGEX = /(?:^|[=(,:;!&|?{}[+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|throw|await|yield))\s*$/;

function scan(text: string): Scanned {
  const literals = new Map<number, number>();
  let code = "";
  // Each open template remembers how many braces are open inside its present substitution.
  const templates: number[] = [];
  const blank = (from: number, to: number): void => void (code += text.slice(from, to).replace(/[^\n]/g, " "));
  const quoted = (from: number, to: number): void => {
    code += text[from];
    blank(from + 1, to - 1);
    code += text[to - 1];
  };
  const templateText = (from: number): void => {
    const to = from + matchAt(TEMPLATE_TEXT, text, from).length;
    blank(from, to);
    if (text[to] === "`") code += "`";
    else if (text[to] === "$") {
      code += "${";
      templates.push(0);
    }
  };
  while (code.length < text.length) {
    const at = code.length;
    const piece = matchAt(PIECE, text, at);
    const isComment = piece.startsWith("//") || piece.startsWith("/*");
    const depth = templates.at(-1);
    if (isComment) blank(at, at + piece.length);
    else if (piece === "`") {
      code += "`";
      templateText(at + 1);
      if (text[code.length - 1] === "`" && code.length - 1 > at) literals.set(at, code.length);
    } else if (piece === "}" && depth === 0) {
      templates.pop();
      code += "}";
      templateText(at + 1);
    } else if (piece === "{" || piece === "}") {
      if (depth !== undefined) templates[templates.length - 1] = depth + (piece === "{" ? 1 : -1);
      code += piece;
    } else if (piece.startsWith("/")) {
      if (BEFORE_REGEX.test(code.slice(Math.max(0, at - 200)))) quoted(at, at + piece.length);
      else code += "/";
    } else if (piece !== "") {
      quoted(at, at + piece.length);
      literals.set(at, at + piece.length);
    } else code += text[at];
  }
  return { code, literals };
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}
