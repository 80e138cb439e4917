/** `reeve check FILE`: everything that is wrong with a file, at once. */
import { cleanText } from "../../base/mod.ts";
import { ConfigError, describeFileProblem, type FileProblem, loadFile } from "../../config/mod.ts";
import { checkFiles } from "../../runtime/mod.ts";
import { type CommandIo, EXIT, paint } from "../io.ts";

/** Arguments of {@linkcode check}. */
export interface CheckArgs {
  /** The file to check. */
  readonly file: string;
  /** Whether to print JSON instead of lines. */
  readonly json: boolean;
}

/** Prints all problems of a file; returns 0 when it loads, 1 when it has violations, 2 when it cannot be read. */
export async function check({ file, json }: CheckArgs, io: CommandIo): Promise<number> {
  try {
    const { warnings, files, configVersion, spec, locate } = await loadFile(file);
    const missing = locate(await checkFiles(spec));
    if (missing.length > 0) throw new ConfigError("invalid_config", file, [...warnings, ...missing]);
    if (json) {
      io.stdout(`${JSON.stringify({ ok: true, file, files, config_version: configVersion, problems: warnings }, null, 2)}\n`);
    } else {
      printProblems(warnings, io);
      io.stdout(
        `${cleanText(file)} is valid: ${countOf(spec.children.length, "child", "children")}, ${
          countOf(warnings.length, "warning", "warnings")
        }\n`,
      );
    }
    return EXIT.clean;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (json) io.stdout(`${JSON.stringify({ ok: false, file, code: error.code, problems: error.problems }, null, 2)}\n`);
    else printRefusal(error, file, io);
    return exitCodeOf(error);
  }
}

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

function countOf(count: number, one: string, many: string): string {
  return `${count === 0 ? "no" : count} ${count === 1 ? one : many}`;
}
