/** `reeve init`: a first file, which runs as it is. */
import { lstat, writeFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { cleanText, codeOf, thrownMessage } from "../../base/mod.ts";
import { ConfigError, loadText } from "../../config/mod.ts";
import { platform } from "../../platform/mod.ts";
import { checkFiles } from "../../runtime/mod.ts";
import { printProblems, printRefusal } from "../file_problems.ts";
import { firstFile } from "../init/text.ts";
import { type CommandIo, EXIT, refuse, talking } from "../io.ts";

/** Arguments of {@linkcode init}. */
export interface InitArgs {
  /** The file to write. @default {"supervisor.yaml"} */
  readonly file?: string | undefined;
  /** Name of the tree; that of the folder where absent. */
  readonly name?: string | undefined;
  /** What the first child runs; a small loop where absent. */
  readonly command?: string | undefined;
  /** Whether nothing is asked. */
  readonly yes: boolean;
  /** Whether a file that is there is replaced. */
  readonly force: boolean;
}

/** Writes the file; returns 0, 1 when nobody could run what it would say, 2 when it cannot be written. */
export async function init(args: InitArgs, io: CommandIo): Promise<number> {
  const { file = "supervisor.yaml", yes, force } = args;
  if (!force && await isThere(file)) {
    return refuse(io, `"${file}" is there already; --force replaces it, another name writes beside it`, EXIT.unusable);
  }
  const ask = async (given: string | undefined, question: string, usual: string): Promise<string> =>
    given ?? (yes ? "" : (await io.ask(`${question} [${usual}]: `) ?? "").trim());
  const folderName = basename(dirname(resolve(file)));
  const asked = await ask(args.name, "What is it called?", folderName);
  const name = asked === "" ? folderName === "" ? "main" : folderName : asked;
  const command = (await ask(args.command, "Which command is the first child?", "a loop that tells the time")).trim();
  const text = firstFile({ name, command: command === "" ? undefined : command, file });
  try {
    const { spec, warnings, locate } = await loadText(text, file);
    const missing = locate(await checkFiles(spec));
    if (missing.length > 0) throw new ConfigError("invalid_config", file, missing);
    printProblems(warnings, talking(io));
    await writeFile(file, text, { flag: force ? "w" : "wx" });
  } catch (error) {
    if (error instanceof ConfigError) {
      printRefusal(error, file, talking(io));
      return refuse(io, "nothing is written; give another --name or --command", EXIT.problems);
    }
    const hint = platform.permissionHint(error) ?? REASONS[codeOf(error) ?? ""];
    return refuse(io, `cannot write "${file}": ${thrownMessage(error)}${hint === undefined ? "" : `. ${hint}`}`, EXIT.unusable);
  }
  const shown = cleanText(file);
  io.stdout(`${shown} is written.\nNext:\n  reeve run ${shown}   # Ctrl-C stops it\n  reeve status   # in another terminal\n`);
  return EXIT.clean;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "Make its folder first",
  EACCES: "Choose a folder that is yours",
  EEXIST: "Somebody wrote it just now; --force replaces it",
};

async function isThere(file: string): Promise<boolean> {
  return await lstat(file).then(() => true, () => false);
}
