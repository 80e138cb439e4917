/** What the tests of importing share. */
import { assertEquals } from "@std/assert";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ImportArgs, importFile } from "../../../src/cli/commands/import.ts";
import { loadFile } from "../../../src/config/mod.ts";
import type { ChildSpec, ProcessOptions, TreeSpec } from "../../../src/spec/mod.ts";
import { inFolder } from "../../support/folder.ts";
import { RecordingIo } from "../helpers.ts";

/** What came of an import whose result was loaded. */
export interface Imported {
  readonly code: number;
  readonly spec: TreeSpec;
  readonly yaml: string;
  /** Lines about what has no equivalent, `LINE WHAT`. */
  readonly gaps: readonly string[];
  /** The same with everything that is said of it. */
  readonly told: string;
  /** The folder in which all lay. */
  readonly folder: string;
}

/** Imports one of several files and loads the result as `reeve check` does. */
export function imported(files: Readonly<Record<string, string>>, file: string, args: Partial<ImportArgs> = {}): Promise<Imported> {
  return inFolder(async (folder) => {
    await lay(folder, files);
    const io = new RecordingIo();
    const out = join(folder, "made.yaml");
    const code = await importFile({ file: join(folder, file), out, json: true, ...args }, io);
    if (code === 2) throw new Error(`nothing was imported: ${io.out}${io.err}`);
    const { gaps, yaml } = JSON.parse(io.out);
    const { spec } = await loadFile(out, { env: {} });
    assertEquals(code, gaps.length === 0 ? 0 : 1);
    return {
      code,
      spec,
      yaml,
      gaps: gaps.map(({ line, what }: { line: number; what: string }) => `${line} ${what}`),
      told: JSON.stringify(gaps, null, 1),
      folder,
    };
  });
}

/** Why a file cannot be imported. */
export function refused(files: Readonly<Record<string, string>>, file: string, args: Partial<ImportArgs> = {}): Promise<string> {
  return inFolder(async (folder) => {
    await lay(folder, files);
    const io = new RecordingIo();
    assertEquals(await importFile({ file: join(folder, file), json: false, ...args }, io), 2);
    assertEquals(io.out, "");
    return io.err.replaceAll(folder, "");
  });
}

async function lay(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

/** One child of a tree. */
export function childOf({ spec }: Pick<Imported, "spec">, name: string): ChildSpec {
  const child = spec.children.find((candidate) => candidate.name === name);
  if (child === undefined) throw new Error(`there is no ${name} among ${spec.children.map((other) => other.name).join(", ")}`);
  return child;
}

/** How a child that is a process runs. */
export function processOf(child: ChildSpec): ProcessOptions {
  if (child.run.kind !== "process") throw new Error(`${child.name} is no process`);
  return child.run;
}

/** The environment of a child by name. */
export function environmentOf({ environment = [] }: ChildSpec): Record<string, string> {
  return Object.fromEntries(environment.map(({ name, value }) => [name, value]));
}
