/** `reeve check FILE`: everything that is wrong with a file, at once. */
import { cleanText } from "../../base/mod.ts";
import { ConfigError, loadFile } from "../../config/mod.ts";
import { checkFiles } from "../../runtime/mod.ts";
import { countOf, exitCodeOf, printProblems, printRefusal } from "../file_problems.ts";
import { type CommandIo, EXIT } from "../io.ts";

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
