/** What is wrong with a file, and where. */
import { cleanText, type Problem, ReeveError } from "../base/mod.ts";

/** A problem with its place in a file. */
export interface FileProblem extends Problem {
  /** The file. */
  readonly file: string;
  /** Line, counted from 1; absent when it cannot be told. */
  readonly line?: number;
  /** Column, counted from 1; absent when it cannot be told. */
  readonly column?: number;
}

/** How many problems the message of an error shows; the error has all of them. */
const SHOWN = 100;

/** A configuration file that was refused; nothing was started. */
export class ConfigError extends ReeveError {
  /** The name under which `instanceof` recognizes the class in another copy of the package. */
  static override readonly brand: string = "ConfigError";
  /** All problems, warnings included, ordered by position. */
  readonly problems: readonly FileProblem[];

  /** Creates the error from all problems that were found. */
  constructor(code: "invalid_config" | "config_unreadable", path: string, problems: readonly FileProblem[]) {
    const errors = problems.filter((problem) => problem.severity === "error");
    const more = errors.length > SHOWN ? `\n  and ${errors.length - SHOWN} more` : "";
    const text = errors.slice(0, SHOWN).map((problem) => `\n  ${describeFileProblem(problem)}`).join("") + more;
    super(code, `Cannot load "${path}": ${errors.length} ${errors.length === 1 ? "problem" : "problems"}${text}`, { path });
    this.problems = problems;
  }
}

/** Renders a problem as `file:line:column  /pointer: reason. hint`. */
export function describeFileProblem({ file, line, column, pointer, reason, hint }: FileProblem): string {
  const place = line === undefined ? file : `${file}:${line}:${column ?? 1}`;
  const key = pointer === "" ? "" : `${pointer}: `;
  return cleanText(`${place}  ${key}${reason}${hint === undefined ? "" : `. ${hint}`}`);
}
