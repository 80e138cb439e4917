/** `reeve import FILE`: makes a file of Reeve out of one of another program, and tells what has no equivalent. */
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { cleanText, codeOf, thrownMessage } from "../../base/mod.ts";
import { readForeignDocument } from "../../config/mod.ts";
import { platform } from "../../platform/mod.ts";
import { IMPORT_KINDS, type ImportKind } from "../import/kinds.ts";
import { type Folders, type Imported, Unusable } from "../import/model.ts";
import { importPm2 } from "../import/pm2.ts";
import { importProcessCompose, looksLikeProcessCompose } from "../import/process_compose.ts";
import { importProcfile } from "../import/procfile.ts";
import { importUnits, type UnitText } from "../import/systemd.ts";
import { describeGap, writeFileText, type Written } from "../import/write.ts";
import { type CommandIo, EXIT, paint } from "../io.ts";

/** Arguments of {@linkcode importFile}. */
export interface ImportArgs {
  /** The file, or a folder of units of systemd. */
  readonly file: string;
  /** What sort of file it is; looked at where absent. */
  readonly from?: ImportKind | undefined;
  /** The file to write, which must not be there yet; standard output where absent. */
  readonly out?: string | undefined;
  /** Whether what happened is printed as JSON. */
  readonly json: boolean;
}

/** Largest file in bytes. */
const LARGEST_FILE = 1024 * 1024;
/** Most units of a folder. */
const MOST_UNITS = 256;

/** Prints or writes the result; returns 0 when all was taken over, 1 when something has no equivalent, 2 when nothing could be. */
export async function importFile({ file, from, out, json }: ImportArgs, io: CommandIo): Promise<number> {
  try {
    if (out !== undefined && !/\.ya?ml$/i.test(out)) throw new Unusable(`"${out}" must end with .yaml or .yml, as files of Reeve do`);
    refuseCode(file);
    const kind = from ?? await kindOf(file);
    const source = await stat(file).then((found) => found.isDirectory() ? file : dirname(file));
    const path = resolve(out ?? join(source, "supervisor.yaml"));
    const imported = await read(kind, file, foldersOf(resolve(source), dirname(path)));
    const written = await writeFileText(imported, { file, kind, path });
    if (out !== undefined) await writeNew(out, written.yaml);
    tell(written, { file, from: kind, out, json }, io);
    return written.gaps.length === 0 ? EXIT.clean : EXIT.problems;
  } catch (error) {
    const hint = platform.permissionHint(error);
    const reason = codeOf(error) === "ENOENT" ? `"${file}" does not exist` : thrownMessage(error);
    if (!(error instanceof Unusable) && codeOf(error) === undefined && hint === undefined) throw error;
    const text = cleanText(`Cannot import "${file}": ${reason}${hint === undefined ? "" : `. ${hint}`}`);
    if (json) io.stdout(`${JSON.stringify({ ok: false, file, reason }, null, 2)}\n`);
    else io.stderr(`reeve: ${text}\n`);
    return EXIT.unusable;
  }
}

function tell({ yaml, children, gaps }: Written, { file, from, out, json }: ImportArgs, io: CommandIo): void {
  if (json) {
    io.stdout(`${JSON.stringify({ ok: gaps.length === 0, file, from, out: out ?? null, children, gaps, yaml }, null, 2)}\n`);
    return;
  }
  for (const gap of gaps) io.stderr(`${paint(io, "yellow", "not taken over")}  ${describeGap(gap)}\n`);
  if (out === undefined) io.stdout(yaml);
  const many = (count: number, one: string, more: string): string => `${count} ${count === 1 ? one : more}`;
  const end = gaps.length === 0 ? "all was taken over" : `${many(gaps.length, "thing has", "things have")} no equivalent`;
  const next = out === undefined ? "" : `; look through ${cleanText(out)}, then: reeve check ${cleanText(out)}`;
  io.stderr(`${cleanText(file)} (${from}): ${many(children.length, "child", "children")}, ${end}${next}\n`);
}

async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: "wx" });
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw new Unusable(`"${path}" is there already, and nothing is written over`);
    throw error;
  }
}

/** Paths of the result are relative where they are below its folder. */
function foldersOf(source: string, target: string): Folders {
  return {
    source,
    place: (path, from = source) => {
      const whole = resolve(from, path);
      if (isAbsolute(path)) return path;
      const near = relative(target, whole);
      if (near === "") return "./";
      return near.startsWith(`..${sep}`) || near === ".." || isAbsolute(near) ? whole : `./${near}`;
    },
  };
}

async function read(kind: ImportKind, file: string, folders: Folders): Promise<Imported> {
  switch (kind) {
    case "systemd":
      return await readUnits(file, folders);
    case "pm2":
      return importPm2(await textOf(file), file, folders);
    case "procfile": {
      const hasEnv = await stat(join(folders.source, ".env")).then((found) => found.isFile(), () => false);
      return importProcfile(await textOf(file), file, folders, { hasEnv });
    }
    case "process-compose":
      return importProcessCompose(await textOf(file), file, folders);
  }
}

/** Other kinds of units, and folders with changes to them, are told: what they say does not count. */
async function readUnits(file: string, folders: Folders): Promise<Imported> {
  if (!(await stat(file)).isDirectory()) return importUnits([await unitOf(file)], folders);
  const names = (await readdir(file)).sort();
  const services = names.filter((name) => name.endsWith(".service"));
  if (services.length === 0) throw new Unusable("the folder has no .service");
  if (services.length > MOST_UNITS) throw new Unusable(`the folder has ${services.length} services, at most ${MOST_UNITS} are read`);
  const units: UnitText[] = [];
  for (const name of services) units.push(await unitOf(join(file, name)));
  const imported = importUnits(units, folders);
  const others = names.filter((name) => /\.(?:timer|socket|path|mount|automount|swap|slice|scope|target|d|wants|requires)$/.test(name));
  const gaps = others.map((name) => ({
    file: join(file, name),
    line: 1,
    what: name,
    why: name.endsWith(".d") ? "changes to a unit are not read" : "only services become children",
    instead: name.endsWith(".timer")
      ? "see schedule"
      : name.endsWith(".d")
      ? "write them into the unit, and import again"
      : "keep it in systemd",
  }));
  return { ...imported, gaps: [...imported.gaps, ...gaps] };
}

async function unitOf(file: string): Promise<UnitText> {
  return { file, unit: basename(file), text: await textOf(file) };
}

async function textOf(file: string): Promise<string> {
  const found = await stat(file);
  if (!found.isFile()) throw new Unusable("it is no file");
  if (found.size > LARGEST_FILE) throw new Unusable(`it has ${found.size} bytes, must have at most ${LARGEST_FILE}`);
  const bytes = await readFile(file);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    if (!text.includes("\0")) return text;
  } catch {
    // Said below.
  }
  throw new Unusable("it is no UTF-8 text");
}

/** Code would have to be run to know what it says. */
function refuseCode(file: string): void {
  const name = basename(file);
  if (!/\.(?:[cm]?js|[cm]?ts)$/i.test(name)) return;
  const command = `node -p 'JSON.stringify(require("./${name.replace(/['"\\]/g, "")}"))' > ecosystem.json`;
  throw new Unusable(`it is code, which is not run. Make JSON of it, and import that: ${command}`);
}

async function kindOf(file: string): Promise<ImportKind> {
  const name = basename(file).toLowerCase();
  if ((await stat(file)).isDirectory() || name.endsWith(".service")) return "systemd";
  if (/^procfile(?:\.|$)/.test(name)) return "procfile";
  const text = await textOf(file);
  if (/^\s*\[(?:Unit|Service|Install)\]\s*$/m.test(text) && !/\.(?:ya?ml|json)$/.test(name)) return "systemd";
  const document = readForeignDocument(/^\s*\[/.test(text) ? `{"apps": ${text}\n}` : text);
  if ("raw" in document) {
    if (looksLikeProcessCompose(document.raw)) return "process-compose";
    if (document.raw["apps"] !== undefined || document.raw["script"] !== undefined) return "pm2";
    throw new Unusable(`it is none of ${IMPORT_KINDS.join(", ")}; --from says which it is`);
  }
  if (/^(?:process-compose)/.test(name)) return "process-compose";
  if (/^(?:ecosystem|pm2)/.test(name)) return "pm2";
  throw new Unusable(`it is not known what it is: ${document.reason}; --from is one of ${IMPORT_KINDS.join(", ")}`);
}
