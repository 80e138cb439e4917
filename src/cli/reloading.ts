/** A file that is read anew while its tree runs. */
import { type ReloadResult, type SpecChange, SpecError, type Tree } from "../../mod.ts";
import { cleanText, thrownMessage } from "../base/mod.ts";
import { ConfigError, type LoadedConfig, loadFile } from "../config/mod.ts";
import { printProblems, printRefusal } from "./commands/check.ts";
import type { CommandIo } from "./io.ts";
import { renderTable } from "./table.ts";

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
      io.stderr(told(result, otherSections(last, loaded)));
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

/** What a reload did, as a table. */
function told({ changes, unchanged, failed, applied }: ReloadResult, sections: readonly string[]): string {
  const later = sections.map((section) => `reeve: what is new in "${section}" counts from the next start of the program on\n`).join("");
  const same = `${unchanged} ${unchanged === 1 ? "child is" : "children are"} as before`;
  if (!applied) return `${later}reeve: nothing is other, ${same}\n`;
  const whys = new Map(failed.map(({ path, reason }) => [path, reason]));
  const rows = changes.map((change) =>
    [change.path, said(change), change.keys.join(", "), whys.get(change.path) ?? ""].map((cell) => cleanText(cell))
  );
  return `${later}${renderTable(["CHILD", "WHAT", "OTHER", "FAILED, AND IS AS BEFORE"], rows)}reeve: reloaded, ${same}\n`;
}

const WORDS: Readonly<Record<SpecChange["kind"], string>> = {
  add: "added",
  remove: "removed",
  restart: "started anew",
  live: "changed at once",
  replace: "removed, and added anew",
  refused: "needs a new start of the program",
};

function said({ kind }: SpecChange): string {
  return WORDS[kind];
}

/** Sections of the file that are not the tree's, and are other. */
function otherSections(before: LoadedConfig, after: LoadedConfig): string[] {
  const isOther = (key: "dashboard" | "exporters" | "signals"): boolean => JSON.stringify(before[key]) !== JSON.stringify(after[key]);
  return (["dashboard", "exporters", "signals"] as const).filter(isOther);
}
