/** From a Procfile to children. */
import type { Folders, Gap, Imported, ImportedChild } from "./model.ts";
import { Gaps, Names, Unusable } from "./model.ts";

/** Where the numbers begin that are given out as `PORT`, and how far those of two processes are apart. */
const FIRST_PORT = 5_000;
const PORT_STEP = 100;

/** Options of {@linkcode importProcfile}. */
export interface ProcfileOptions {
  /** Whether there is a file `.env` beside it. */
  readonly hasEnv: boolean;
}

/** Reads lines `NAME: command`. */
export function importProcfile(text: string, file: string, folders: Folders, { hasEnv }: ProcfileOptions): Imported {
  const found: Gap[] = [];
  const gaps = new Gaps(file, found);
  const names = new Names();
  const children: ImportedChild[] = [];
  text.replace(/^\ufeff/, "").split(/\r?\n/).forEach((line, index) => {
    if (/^\s*(?:#.*)?$/.test(line)) return;
    const [, name, command] = /^\s*([A-Za-z0-9_-]+)\s*:\s*(.*\S)\s*$/.exec(line) ?? [];
    if (name === undefined || command === undefined) {
      gaps.add(index + 1, line.trim().slice(0, 80), "is no line NAME: command", "correct or remove it");
      return;
    }
    const port = /\$\{?PORT\b/.test(command) ? FIRST_PORT + PORT_STEP * children.length : undefined;
    const remarks = [`process "${name}"; restarted whenever it ends, since a Procfile says nothing of that`];
    if (port !== undefined) remarks.push("PORT is the number that foreman would give it");
    if (name === "release") {
      gaps.add(
        index + 1,
        "release",
        "Reeve runs it beside the others",
        "give it readiness mode completed, and the others a dependency on it",
      );
    }
    children.push({
      name: names.take(name),
      remarks,
      fields: {
        run: { process: { command, shell: true, cwd: folders.place("."), env_file: hasEnv ? folders.place(".env") : undefined } },
        environment: port === undefined ? undefined : [{ name: "PORT", value: String(port) }],
      },
    });
  });
  if (children.length === 0) throw new Unusable(`${file} has no line NAME: command`);
  return { top: {}, children, gaps: found };
}
