/** What is wrong with a file, as lines for people. */
import { cleanText } from "../base/mod.ts";
import { type ConfigError, describeFileProblem, type FileProblem } from "../config/mod.ts";
import { type CommandIo, EXIT, paint } from "./io.ts";

/** Prints what is wrong with a file that was refused, and how much it is. */
export function printRefusal(error: ConfigError, file: string, io: CommandIo): void {
  printProblems(error.problems, io);
  const errors = error.problems.filter((problem) => problem.severity === "error").length;
  io.stderr(
    `${cleanText(file)} is refused: ${countOf(errors, "violation", "violations")}, ${
      countOf(error.problems.length - errors, "warning", "warnings")
    }\n`,
  );
}

/** 2 when the file cannot be read, else 1. */
export function exitCodeOf(error: ConfigError): number {
  return error.code === "config_unreadable" ? EXIT.unusable : EXIT.problems;
}

/** Prints problems, one a line. */
export function printProblems(problems: readonly FileProblem[], io: CommandIo): void {
  for (const problem of problems) {
    const word = problem.severity === "error" ? paint(io, "red", "error") : paint(io, "yellow", "warning");
    const line = `${word}  ${cleanText(describeFileProblem(problem))}\n`;
    if (problem.severity === "error") io.stderr(line);
    else io.stdout(line);
  }
}

/** A number of things, in words. */
export function countOf(count: number, one: string, many: string): string {
  return `${count === 0 ? "no" : count} ${count === 1 ? one : many}`;
}
