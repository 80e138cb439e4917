/** Collects what is wrong with the files of a configuration: each thing once, with its place, in the order of the files. */
import type { Problem } from "../base/mod.ts";
import type { FileProblem } from "./errors.ts";
import type { ParseProblem } from "./parse.ts";
import type { Filled } from "./placeholders.ts";
import { type Finder, type Position, positionsIn } from "./positions.ts";
import type { Merged, SourceFile, SourceProblem } from "./sources.ts";

/** The problems of one load. */
export class Findings {
  /** Problems with pointers into single files. */
  readonly #sources: SourceProblem[];
  /** Problems with pointers into the merged data. */
  readonly #merged: Problem[] = [];
  readonly #refused = new Set<string>();

  /** Starts from what was wrong with the files themselves. */
  constructor(sources: readonly SourceProblem[]) {
    this.#sources = [...sources];
  }

  /** Adds a problem with a pointer into one file; nothing else is said about that place. */
  addTo({ path, text }: SourceFile, problem: ParseProblem): void {
    this.#sources.push({ path, text, ...problem });
  }

  /** Adds problems with pointers into the merged data, except where an error was found before: the schema and the declaration see some things both. */
  add(problems: readonly Problem[]): void {
    const news = problems.filter(({ severity, pointer }) => severity === "warning" || !this.#isRefused(pointer));
    this.#merged.push(...news);
    for (const { severity, pointer } of news) {
      if (severity === "error") this.#refused.add(pointer);
    }
  }

  /** All problems with their places, ordered by file and position. */
  located(merged: Merged | undefined, order: readonly string[]): FileProblem[] {
    const finders = new Map<string, Finder>();
    const located: FileProblem[] = [];
    const finderOf = (path: string, text: string): Finder => {
      let finder = finders.get(path);
      if (finder === undefined) finders.set(path, finder = positionsIn(text));
      return finder;
    };
    const placeOf = (path: string, text: string, pointer: string): Position | undefined => {
      if (text === "") return undefined;
      // What is wrong with a whole file needs no second look, for which such a file may be too much.
      return pointer === "" ? { line: 1, column: 1 } : finderOf(path, text)(pointer);
    };
    for (const { path, text, rule, pointer, reason, hint, position } of this.#sources) {
      const place = position ?? placeOf(path, text, pointer);
      located.push({ severity: "error", rule, pointer, reason, ...(hint === undefined ? {} : { hint }), file: path, ...place });
    }
    const told = new Set(located.map(({ file, pointer }) => `${file} ${pointer}`));
    for (const problem of this.#merged) {
      if (merged === undefined) break;
      const { file, pointer } = merged.origin(problem.pointer);
      if (problem.severity === "error" && told.has(`${file.path} ${pointer}`)) continue;
      located.push({ ...problem, file: file.path, ...finderOf(file.path, file.text)(pointer) });
    }
    const ranks = new Map(order.map((path, index) => [path, index]));
    const rank = ({ file }: FileProblem): number => ranks.get(file) ?? order.length;
    return located.sort((a, b) => rank(a) - rank(b) || (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  }

  #isRefused(pointer: string): boolean {
    for (let end = pointer.length; end > 0; end = pointer.lastIndexOf("/", end - 1)) {
      if (this.#refused.has(pointer.slice(0, end))) return true;
    }
    return this.#refused.has("");
  }
}

/** Shortest value that is replaced anywhere in a text; shorter ones are replaced only where a value stands alone. */
const SHORTEST = 4;

/** Replaces values that came from the environment by what is written in the file. */
export function redact(problems: readonly FileProblem[], filled: readonly Filled[]): FileProblem[] {
  if (filled.length === 0) return [...problems];
  const clean = (text: string): string => filled.reduce(hide, text);
  return problems.map(({ hint, ...problem }) => ({
    ...problem,
    reason: clean(problem.reason),
    ...(hint === undefined ? {} : { hint: clean(hint) }),
  }));
}

function hide(text: string, { written, value }: Filled): string {
  if (value === "") return text;
  // Reasons begin with the value, quoted and cut, or as it is where it is a number.
  const shown = [JSON.stringify(value.slice(0, 128)), JSON.stringify(value.slice(0, 64))];
  let hidden = shown.reduce((result, part) => result.replaceAll(part, written), text);
  if (value.length >= SHORTEST) hidden = hidden.replaceAll(value, written);
  return hidden.startsWith(`is ${value}, `) ? `is ${written}${hidden.slice(3 + value.length)}` : hidden;
}
