/** What tests of files that begin anew share. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

/** The lines of a file and of its older ones, the oldest first; where both forms of one are there, those of the plain one. */
export async function linesIn(path: string): Promise<string[]> {
  const numbers = (await namesIn(path)).map((name) => Number(/^\.(\d+)(?:\.gz)?$/.exec(name)?.[1] ?? 0));
  const lines: string[] = [];
  for (const number of [...new Set(numbers)].sort((a, b) => b - a)) {
    lines.push(...(await contentOf(number === 0 ? path : `${path}.${number}`)).split("\n").filter((line) => line !== ""));
  }
  return lines;
}

/** What the names of the files of a path have behind it, sorted. */
export async function namesIn(path: string): Promise<string[]> {
  const beginning = basename(path);
  return (await readdir(dirname(path))).filter((name) => name.startsWith(beginning)).map((name) => name.slice(beginning.length)).sort();
}

/** Writes files by what their names have behind the path; what ends with `.gz` is compressed. */
export async function writeFiles(path: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [ending, text] of Object.entries(files)) {
    await writeFile(join(dirname(path), `${basename(path)}${ending}`), ending.endsWith(".gz") ? gzipSync(text) : text);
  }
}

async function contentOf(name: string): Promise<string> {
  try {
    return await readFile(name, "utf8");
  } catch {
    return gunzipSync(await readFile(`${name}.gz`)).toString();
  }
}
