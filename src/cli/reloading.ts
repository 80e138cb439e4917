/** A file that is read anew while its tree runs. */
import { cleanText, SpecError, thrownMessage } from "../base/mod.ts";
import { ConfigError, type LoadedConfig, loadFile } from "../config/mod.ts";
import type { NewDeclaration } from "../ipc/mod.ts";
import type { Tree } from "../runtime/mod.ts";
import { printProblems, printRefusal } from "./file_problems.ts";
import type { CommandIo } from "./io.ts";
import { reloadText } from "./reload_text.ts";

/** What is read anew, and how it was read before. */
export interface ReloadingOptions {
  readonly file: string;
  readonly loaded: LoadedConfig;
  readonly io: CommandIo;
}

/** The ways to a new declaration. */
export interface Reloading {
  /** Reads the file and applies it, one time after the other; where the file is refused, the tree runs on as it was. */
  reload(): Promise<void>;
  /** Reads the file for somebody else who applies it. */
  read(): Promise<NewDeclaration>;
}

/** Reads a file anew, by a signal or for the socket. */
export function reloading(tree: Tree, { file, loaded: first, io }: ReloadingOptions): Reloading {
  let last = first;
  let turn: Promise<void> = Promise.resolve();
  const tellLater = (loaded: LoadedConfig): void => {
    io.stderr(changedSections(last, loaded).map(later).join(""));
    last = loaded;
  };
  const reload = async (): Promise<void> => {
    io.stderr(`reeve: reading ${cleanText(file)} anew\n`);
    let locate = last.locate;
    try {
      const loaded = await loadFile(file);
      locate = loaded.locate;
      printProblems(loaded.warnings, io);
      const result = await tree.apply(loaded.spec, { by: "reeve", reason: `${file} was read anew`, configVersion: loaded.configVersion });
      tellLater(loaded);
      io.stderr(reloadText(result, false));
    } catch (error) {
      if (error instanceof ConfigError) printRefusal(error, file, io);
      else if (error instanceof SpecError) printRefusal(new ConfigError("invalid_config", file, locate(error.problems)), file, io);
      else io.stderr(`reeve: ${cleanText(thrownMessage(error))}\n`);
      io.stderr("reeve: the tree runs on as it was\n");
    }
  };
  return {
    reload: () => turn = turn.then(reload),
    read: async () => {
      const loaded = await loadFile(file);
      return { spec: loaded.spec, configVersion: loaded.configVersion, onApplied: () => tellLater(loaded) };
    },
  };
}

/** What a reload cannot do. */
function later(section: string): string {
  return `reeve: what is new in "${section}" counts from the next start of the program on\n`;
}

/** Sections of the file that are not the tree's, and have changed. */
function changedSections(before: LoadedConfig, after: LoadedConfig): string[] {
  const isChanged = (key: "dashboard" | "exporters" | "signals"): boolean => JSON.stringify(before[key]) !== JSON.stringify(after[key]);
  return (["dashboard", "exporters", "signals"] as const).filter(isChanged);
}
