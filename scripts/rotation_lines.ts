/**
 * Writes numbered lines of a real process into files that are rotated and compressed, and looks whether each line is there once:
 * `deno run -A scripts/rotation_lines.ts --lines 10000000`.
 *
 * Fails when a line is missing, there twice or not in its place, and when memory grows.
 */
import { Buffer } from "node:buffer";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { child, supervise } from "../mod.ts";

const { values } = parseArgs({ args: Deno.args, options: { lines: { type: "string", default: "10000000" } } });
const lines = Number(values.lines);
const MIB = 1024 * 1024;
const MAX_BYTES = 4 * MIB;

/** Far more than what may wait for the disk, far less than all lines. */
const MOST_MEMORY_MIB = 512;

let peak = 0;

function look(): void {
  peak = Math.max(peak, process.memoryUsage().rss / MIB);
}

/** Runs the process to its end; returns how long it took until the last line was in its file, in seconds. */
async function run(file: string): Promise<number> {
  const startedAtMs = performance.now();
  const timer = setInterval(look, 50);
  const tree = await supervise({
    autoShutdown: "all_significant",
    children: [
      child.process("lines", {
        command: "seq",
        args: ["-f", "%.0f", "1", `${lines}`],
        restartPolicy: "temporary",
        significant: true,
        logs: { file, maxBytes: MAX_BYTES, keep: 10_000, compress: true },
      }),
    ],
  });
  await tree.finished;
  clearInterval(timer);
  return (performance.now() - startedAtMs) / 1_000;
}

/** The files in the order in which they were written. */
async function filesOf(folder: string): Promise<string[]> {
  const age = (name: string): number => Number(/\.(\d+)(?:\.gz)?$/.exec(name)?.[1] ?? 0);
  return (await readdir(folder)).sort((a, b) => age(b) - age(a)).map((name) => join(folder, name));
}

/** What is wrong with the lines, or nothing. */
async function complaintAbout(files: readonly string[]): Promise<string | null> {
  let expected = 1;
  for (const file of files) {
    const bytes = await readFile(file);
    const text = Buffer.from(file.endsWith(".gz") ? gunzipSync(bytes) : bytes);
    for (let start = 0, end; start < text.length; start = end + 1) {
      end = text.indexOf(10, start);
      if (end === -1) return `${file} ends within a line`;
      const line = text.toString("latin1", start, end);
      if (line !== `${expected}`) return `${file} has "${line.slice(0, 100)}" where ${expected} belongs`;
      expected++;
    }
  }
  return expected === lines + 1 ? null : `${lines + 1 - expected} lines are missing at the end`;
}

const folder = await mkdtemp(join(tmpdir(), "reeve-rotation-"));
try {
  const seconds = await run(join(folder, "lines.log"));
  const files = await filesOf(folder);
  let stored = 0;
  for (const file of files) stored += (await stat(file)).size;
  const compressed = files.filter((file) => file.endsWith(".gz")).length;
  console.log(
    `${lines} lines in ${seconds.toFixed(1)} s, ${
      Math.round(lines / seconds)
    } lines/s, into ${files.length} files, ${compressed} of them compressed, ` +
      `${(stored / MIB).toFixed(1)} MiB in all; memory at most ${peak.toFixed(0)} MiB`,
  );
  const complaint = await complaintAbout(files) ?? (peak > MOST_MEMORY_MIB ? `more than ${MOST_MEMORY_MIB} MiB of memory` : null);
  console.log(complaint === null ? "1 passed, 0 failed" : `rotation: ${complaint}\n0 passed, 1 failed`);
  process.exitCode = complaint === null ? 0 : 1;
} finally {
  await rm(folder, { recursive: true });
}
