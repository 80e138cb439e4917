/** A file with the files it includes, merged into one. */
import { readFile, stat } from "node:fs/promises";
import { dirname, extname, resolve } from "node:path";
import { codeOf } from "../base/mod.ts";
import { platform } from "../platform/mod.ts";
import { LARGEST_FILE, parseBytes, type ParseProblem, parseText } from "./parse.ts";
import { isRaw, type Raw, toPath, toPointer, valueAt } from "./pointer.ts";

/** Most files one configuration may consist of. */
const MOST_FILES = 64;

/** A file that was read. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly raw: Raw;
}

/** A problem in one of the files; `pointer` is one into that file. */
export interface SourceProblem extends ParseProblem {
  readonly path: string;
  /** The text, to find the position in. */
  readonly text: string;
  /** Whether the file itself could not be read. */
  readonly unreadable?: boolean;
}

/** All files, each after those it includes, and one list of what is wrong with them. */
export interface Sources {
  readonly files: readonly SourceFile[];
  readonly problems: readonly SourceProblem[];
}

/** Reads a file and everything it includes, each once. */
export async function readSources(path: string): Promise<Sources> {
  const sources: Collected = { files: [], problems: [], seen: new Set() };
  await readInto(sources, resolve(path), []);
  return sources;
}

/** The same for a text that is already there; `path` is where its relative paths start. */
export async function textSources(text: string, path: string): Promise<Sources> {
  const sources: Collected = { files: [], problems: [], seen: new Set() };
  await addParsed(sources, resolve(path), text, parseText(text), []);
  return sources;
}

interface Collected {
  readonly files: SourceFile[];
  readonly problems: SourceProblem[];
  readonly seen: Set<string>;
}

async function readInto(into: Collected, path: string, chain: readonly string[]): Promise<void> {
  const refuse = (rule: string, reason: string, hint?: string): void => {
    into.problems.push({ path, text: "", rule, pointer: "", reason, unreadable: true, ...(hint === undefined ? {} : { hint }) });
  };
  if (![".yaml", ".yml"].includes(extname(path).toLowerCase())) {
    return refuse("not_yaml", "the file must use YAML, with the extension .yaml or .yml");
  }
  let bytes: Uint8Array;
  try {
    const { size, isFile } = await statFile(path);
    if (!isFile) return refuse("not_a_file", "is not a file");
    if (size > LARGEST_FILE) {
      return refuse("too_large", `the file has ${size} bytes, must have at most ${LARGEST_FILE}`, "Split it with include");
    }
    bytes = await readFile(path);
  } catch (error) {
    return refuse(
      "unreadable",
      codeOf(error) === "ENOENT" ? "the file does not exist" : `the file cannot be read: ${messageOf(error)}`,
      platform.permissionHint(error),
    );
  }
  await addParsed(into, path, new TextDecoder().decode(bytes), parseBytes(bytes), chain);
}

async function addParsed(
  into: Collected,
  path: string,
  text: string,
  parsed: ReturnType<typeof parseText>,
  chain: readonly string[],
): Promise<void> {
  if ("problem" in parsed) {
    into.problems.push({ path, text, ...parsed.problem });
    return;
  }
  into.seen.add(path);
  await readIncluded(into, path, text, parsed.raw["include"], chain);
  into.files.push({ path, text, raw: parsed.raw });
}

async function readIncluded(into: Collected, path: string, text: string, include: unknown, chain: readonly string[]): Promise<void> {
  if (!Array.isArray(include)) return;
  for (const [index, name] of include.entries()) {
    if (typeof name !== "string") continue;
    const included = resolve(dirname(path), name);
    const refuse = (rule: string, reason: string): void => {
      into.problems.push({ path, text, rule, pointer: `/include/${index}`, reason });
    };
    if (included === path || chain.includes(included)) {
      refuse("include_cycle", `includes form a cycle: ${[...chain, path, included].join(" → ")}`);
    } else if (into.seen.size >= MOST_FILES) refuse("too_many_files", `more than ${MOST_FILES} files are included`);
    else if (!into.seen.has(included)) await readInto(into, included, [...chain, path]);
  }
}

/** The merged data, and where each part of it comes from. */
export interface Merged {
  readonly raw: Raw;
  /** The file behind a pointer into the merged data, with the pointer into that file. */
  origin(pointer: string): { readonly file: SourceFile; readonly pointer: string };
}

/** Merges: maps key by key, the later file wins; lists of children one after the other. */
export function mergeSources(files: readonly SourceFile[]): Merged {
  const main = files.at(-1);
  if (main === undefined) throw new TypeError("Nothing to merge");
  const latestFirst = [...files].reverse();
  const children: { file: SourceFile; index: number }[] = [];
  let raw: Raw = {};
  for (const file of files) {
    raw = mergeMaps(raw, file.raw);
    const { children: own } = file.raw;
    if (Array.isArray(own)) own.forEach((_, index) => children.push({ file, index }));
  }
  const allChildren = files.flatMap((file) => Array.isArray(file.raw["children"]) ? file.raw["children"] : []);
  if (children.length > 0 && Array.isArray(raw["children"])) raw = { ...raw, children: allChildren };
  return {
    raw,
    origin(pointer): ReturnType<Merged["origin"]> {
      const path = toPath(pointer);
      const child = path[0] === "children" && typeof path[1] === "number" ? children[path[1]] : undefined;
      if (child !== undefined) return { file: child.file, pointer: toPointer(["children", child.index, ...path.slice(2)]) };
      for (let length = path.length; length > 0; length--) {
        const file = latestFirst.find((candidate) => valueAt(candidate.raw, path.slice(0, length)) !== undefined);
        if (file !== undefined) return { file, pointer };
      }
      return { file: main, pointer };
    },
  };
}

function mergeMaps(base: Raw, over: Raw): Raw {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isRaw(below) && isRaw(value) ? mergeMaps(below, value) : value;
  }
  return merged;
}

/** The size of a file; nothing else is read, since a pipe or a device may never end. */
async function statFile(path: string): Promise<{ readonly size: number; readonly isFile: boolean }> {
  const found = await stat(path);
  return { size: found.size, isFile: found.isFile() };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.split("\n", 1)[0] ?? "" : String(error);
}
