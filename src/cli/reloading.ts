/** A file that is read anew while its tree runs. */
import { type ReloadResult, SpecError, type Tree } from "../../mod.ts";
import { cleanText, thrownMessage } from "../base/mod.ts";
import { ConfigError, type LoadedConfig, loadFile } from "../config/mod.ts";
import { printProblems, printRefusal } from "./commands/check.ts";
import type { CommandIo } from "./io.ts";
import { reloadText } from "./reload_text.ts";

/** What is read anew, and how it was read before. */
export interface ReloadingOptions {
  readonly file: string;
  readonly loaded: LoadedConfig;
  readonly io: CommandIo;
}

/** Returns what reads the file and applies it, one time after the other; where the file is refused, the tree runs on as it was. */
export function reloading(tree: Tree, { file, loaded: first, io }: ReloadingOptions): () => Promise<void> {
  let last = first;
  let turn: Promise<void> = Promise.resolve();
  const reload = async (): Promise<void> => {
    io.stderr(`reeve: reading ${cleanText(file)} anew\n`);
    try {
      const loaded = await loadFile(file);
      printProblems(loaded.warnings, io);
      const result = await tree.apply(loaded.spec, { by: "reeve", reason: `${file} was read anew`, configVersion: loaded.configVersion });
      io.stderr(told(result, changedSections(last, loaded)));
      last = loaded;
    } catch (error) {
      if (error instanceof ConfigError) printRefusal(error, file, io);
      else if (error instanceof SpecError) printRefusal(new ConfigError("invalid_config", file, last.locate(error.problems)), file, io);
      else io.stderr(`reeve: ${cleanText(thrownMessage(error))}\n`);
      io.stderr("reeve: the tree runs on as it was\n");
    }
  };
  return () => turn = turn.then(reload);
}

/** What a reload did, and what it cannot do. */
function told(result: ReloadResult, sections: readonly string[]): string {
  const later = sections.map((section) => `reeve: what is new in "${section}" counts from the next start of the program on\n`).join("");
  return `${later}${reloadText(result, false)}`;
}

/** Sections of the file that are not the tree's, and have changed. */
function changedSections(before: LoadedConfig, after: LoadedConfig): string[] {
  const isChanged = (key: "dashboard" | "exporters" | "signals"): boolean => JSON.stringify(before[key]) !== JSON.stringify(after[key]);
  return (["dashboard", "exporters", "signals"] as const).filter(isChanged);
}
