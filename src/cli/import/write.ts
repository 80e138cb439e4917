/** Writes what was imported as a file, and makes sure that it loads. */
import { cleanText } from "../../base/mod.ts";
import { ConfigError, type FileProblem, loadText } from "../../config/mod.ts";
import { type Fields, type Gap, type Imported, type ImportedChild, Placeholders, Unusable, type Value } from "./model.ts";

/** Where the text comes from and goes to. */
export interface Origin {
  /** The file or folder that was read. */
  readonly file: string;
  /** What sort of file it is, for people. */
  readonly kind: string;
  /** Where the result is going to lie; its paths start there. */
  readonly path: string;
}

/** A file that loads. */
export interface Written {
  /** Its text. */
  readonly yaml: string;
  /** Names of the children in it. */
  readonly children: readonly string[];
  /** What has no equivalent, also what the loader would not have taken. */
  readonly gaps: readonly Gap[];
}

/** How often what is refused is taken out; each time at least one key or child goes. */
const MOST_ROUNDS = 50;

/** Writes the file; what the loader refuses is taken out and becomes a gap. */
export async function writeFileText(imported: Imported, origin: Origin): Promise<Written> {
  let { top, children } = imported;
  const gaps = [...imported.gaps];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    children = withKnownSiblings(children);
    if (children.length === 0) throw new Unusable("nothing in it can be run by Reeve");
    gaps.sort((a, b) => a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line);
    const yaml = render({ top, children, gaps }, origin);
    const refusals = await refusalsOf(yaml, origin.path);
    if (refusals.length === 0) return { yaml, children: children.map(({ name }) => name), gaps };
    ({ top, children } = without(refusals, { top, children, gaps }, (gap) => gaps.push({ file: origin.file, ...gap })));
  }
  throw new Unusable("what it says does not become a file that loads");
}

async function refusalsOf(yaml: string, path: string): Promise<FileProblem[]> {
  try {
    await loadText(yaml, path, { env: {} });
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.filter(({ severity }) => severity === "error");
  }
}

/** Takes the keys out that were refused; a child that cannot do without one goes as a whole. */
function without(refusals: readonly FileProblem[], { top, children }: Imported, tell: (gap: Omit<Gap, "file">) => void): Imported {
  const others = { ...top };
  const left = new Map(
    children.map((child, index) => [index, { ...child, fields: { ...child.fields } as Record<string, Value | undefined> }]),
  );
  let isChanged = false;
  for (const { pointer, reason } of refusals) {
    const [section = "", index = "", key = ""] = pointer.split("/").slice(1);
    const child = section === "children" ? left.get(Number(index)) : undefined;
    if (child === undefined) {
      if (others[section] === undefined) continue;
      delete others[section];
    } else if (key !== "" && key !== "run" && key !== "name") {
      if (child.fields[key] === undefined) continue;
      delete child.fields[key];
    } else left.delete(Number(index));
    isChanged = true;
    const what = child === undefined ? section : `${key || "child"} of "${child.name}"`;
    tell({ line: 1, what, why: `a file of Reeve cannot have it: ${reason}`, instead: "write what is meant into the result" });
  }
  if (!isChanged) throw new Unusable(`what it says does not become a file that loads: ${refusals[0]?.reason ?? ""}`);
  return { top: others, children: [...left.values()], gaps: [] };
}

/** Children may only name siblings that are there. */
function withKnownSiblings(children: readonly ImportedChild[]): ImportedChild[] {
  const names = new Set(children.map(({ name }) => name));
  return children.map((child) => {
    const fields: Record<string, Value | undefined> = { ...child.fields };
    for (const key of ["dependencies", "wants", "binds_to"]) {
      const list = fields[key];
      if (!Array.isArray(list)) continue;
      const known = list.filter((name) => typeof name === "string" && names.has(name));
      fields[key] = known.length === 0 ? undefined : known;
    }
    return { ...child, fields };
  });
}

function render({ top, children, gaps }: Imported, { file, kind }: Origin): string {
  const head = [
    `# Made by "reeve import" from ${cleanText(file)} (${kind}). Look through it, then: reeve check FILE`,
    "# Where the source says nothing, the defaults of Reeve count; reeve explain FILE CHILD shows them.",
  ];
  const body = children.flatMap(({ name, remarks, fields }) => [
    ...remarks.map((remark) => `  # ${cleanText(remark)}`),
    `  - name: ${scalar(name)}`,
    ...mapLines(fields, 4),
  ]);
  return `${[...head, ...mapLines(top, 0), "children:", ...body, ...gapLines(gaps)].join("\n")}\n`;
}

function gapLines(gaps: readonly Gap[]): string[] {
  if (gaps.length === 0) return [];
  return ["", "# Without equivalent, and not in effect here:", ...gaps.map((gap) => `# - ${describeGap(gap)}`)];
}

/** One gap in one line. */
export function describeGap({ file, line, what, why, instead }: Gap): string {
  return cleanText(`${file}:${line}  ${what}: ${why}; ${instead}`, 1_000);
}

function mapLines(fields: Fields, indent: number): string[] {
  const space = " ".repeat(indent);
  return Object.entries(fields).flatMap(([key, value]) => {
    if (value === undefined) return [];
    if (isFields(value)) {
      const inner = mapLines(value, indent + 2);
      return inner.length === 0 ? [] : [`${space}${key}:`, ...inner];
    }
    if (Array.isArray(value) && value.some(isFields)) {
      return [`${space}${key}:`, ...value.map((entry) => `${space}  - ${flow(entry)}`)];
    }
    return [`${space}${key}: ${flow(value)}`];
  });
}

function flow(value: Value): string {
  if (isList(value)) return `[${value.map(flow).join(", ")}]`;
  if (!isFields(value)) return scalar(value);
  const entries = Object.entries(value).filter((entry): entry is [string, Value] => entry[1] !== undefined);
  return `{ ${entries.map(([key, entry]) => `${key}: ${flow(entry)}`).join(", ")} }`;
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function isFields(value: Value): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Placeholders);
}

/** Words of YAML that mean something else than the text, in any version of it. */
const WORDS = /^(?:true|false|null|yes|no|on|off|y|n)$/i;
/** What JSON leaves as it is, and YAML does not take. */
const UNPRINTABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

function scalar(value: string | number | boolean | null | Placeholders): string {
  if (typeof value !== "string" && !(value instanceof Placeholders)) return String(value);
  const text = typeof value === "string" ? value.replaceAll("${", () => "$${") : value.text;
  if (/^(?:[A-Za-z_/]|\.{1,2}\/)[A-Za-z0-9_./-]*$/.test(text) && !WORDS.test(text)) return text;
  return JSON.stringify(text).replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
