/** Runs a program to its end and looks whether anything that it started is still there. */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { reeveArgs, ROOT } from "./runtime.ts";

const LIMIT_MS = 60_000;

/** What became of a program. */
export interface Outcome {
  /** Its exit code; -1 after a signal. */
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** Processes that carry the mark of the program although it has ended, one a line. */
  readonly leftovers: readonly string[];
  /** What is left in the folders that the program had for temporary files and for sockets. */
  readonly temporary: readonly string[];
}

/** Options of {@linkcode runMarked}. */
export interface MarkedOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** It gets SIGTERM when it has written this. @default {it ends by itself} */
  readonly endAfter?: RegExp;
}

/** Runs `reeve ARGS`. */
export function reeveMarked(args: readonly string[], options: MarkedOptions = {}): Promise<Outcome> {
  return runMarked(process.execPath, reeveArgs(args), options);
}

/** Complaints beside the warnings about a file, and where the socket is. */
export function withoutWarnings(err: string): string {
  return err.split("\n").filter((line) => !/^(warning |reeve: dashboard on )/.test(line)).join("\n");
}

/** Runs a program with a mark in its environment that all its descendants inherit. */
export async function runMarked(
  command: string,
  args: readonly string[],
  { cwd, env = {}, endAfter }: MarkedOptions = {},
): Promise<Outcome> {
  const temporary = await mkdtemp(join(tmpdir(), "reeve-marked-"));
  const sockets = join(temporary, "reeve");
  await mkdir(sockets, { mode: 0o700 });
  const mark = crypto.randomUUID();
  try {
    const { code, out, err } = await run(command, args, {
      cwd: cwd ?? fileURLToPath(ROOT),
      env: { ...process.env, ...env, REEVE_TEST_MARK: mark, TMPDIR: temporary, XDG_RUNTIME_DIR: temporary, NO_COLOR: "1" },
    }, endAfter);
    const { out: processes } = await run("ps", ["axeww", "-o", "pid,stat,command"], {});
    // Those that are dead but not yet reaped have no environment.
    const leftovers = processes.split("\n").filter((line) => line.includes(`REEVE_TEST_MARK=${mark}`));
    const left = [...(await readdir(temporary)).filter((name) => name !== "reeve"), ...await readdir(sockets)];
    return { code, out, err, leftovers: leftovers.map((line) => line.trim().slice(0, 80)), temporary: left };
  } finally {
    await rm(temporary, { recursive: true });
  }
}

function run(
  command: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string | undefined>> },
  endAfter?: RegExp,
): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const limits = { timeout: LIMIT_MS, maxBuffer: 64 * 1024 * 1024 };
    const child = execFile(command, [...args], { ...options, ...limits, env: { ...options.env ?? process.env } }, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, out, err });
    });
    child.stdin?.end();
    if (endAfter === undefined) return;
    let text = "";
    const look = (chunk: string): void => {
      text += chunk;
      if (!endAfter.test(text)) return;
      child.stdout?.off("data", look);
      // Deno takes `child.kill()` for the end of it.
      if (child.pid !== undefined) process.kill(child.pid, "SIGTERM");
    };
    child.stdout?.on("data", look);
  });
}
