/** Runs the command, or a program, as a user would: as a process of its own. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { withFolder } from "./folder.ts";
import { programArgs, reeveArgs } from "./runtime.ts";

/** A program that runs. */
export interface RunningCommand {
  readonly pid: number;
  /** Everything it wrote so far. */
  readonly output: () => string;
  /** Resolves when a text was written; rejects when the program ends before. */
  readonly until: (text: string) => Promise<void>;
  readonly signal: (name: "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGKILL") => void;
  /** Its exit code; 128 and the number of the signal after a signal. */
  readonly ended: Promise<number>;
}

/** Starts `reeve ARGS`. */
export function reeve(args: readonly string[], options: StartOptions = {}): RunningCommand {
  return start(reeveArgs(args), options);
}

/** Writes a program to a file and starts it; in Deno it has no permission. */
export async function withProgram(text: string, use: (program: RunningCommand) => Promise<void>): Promise<void> {
  await withFolder({ "main.mjs": text }, (folder) => use(start(programArgs(join(folder, "main.mjs")))));
}

/** Writes a program to a file and runs it until it ends, in Deno with the permissions of the flags. */
export async function outcomeOf(text: string, ...flags: string[]): Promise<{ code: number; output: string }> {
  let outcome = { code: -1, output: "" };
  await withFolder({ "main.mjs": text }, async (folder) => {
    const program = start(programArgs(join(folder, "main.mjs"), flags));
    outcome = { code: await program.ended, output: program.output() };
  });
  return outcome;
}

/** How to start a program. */
export interface StartOptions {
  readonly cwd?: string;
  /** The folder for its own socket. @default {one that goes with it} */
  readonly runtimeDir?: string;
  /** Variables beside those of this program. */
  readonly env?: Readonly<Record<string, string>>;
  /** The command in the place of the runtime that runs this. */
  readonly command?: string;
  /** What it reads on standard input. @default {nothing} */
  readonly input?: string;
  /** After so many milliseconds it is killed. @default {30000} */
  readonly limitMs?: number;
}

/** Starts the runtime with arguments. */
export function start(
  args: readonly string[],
  { cwd, runtimeDir, env = {}, command = process.execPath, input = "", limitMs = 30_000 }: StartOptions = {},
): RunningCommand {
  const ownDir = runtimeDir === undefined ? mkdtempSync(join(tmpdir(), "reeve-run-")) : undefined;
  const child = spawn(command, [...args], {
    cwd,
    env: { ...process.env, NO_COLOR: "1", XDG_RUNTIME_DIR: runtimeDir ?? ownDir, ...env },
    stdio: [input === "" ? "ignore" : "pipe", "pipe", "pipe"],
  });
  child.stdin?.end(input);
  let text = "";
  let over = false;
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      for (const look of waiting) look();
    });
  }
  const limit = setTimeout(() => child.kill("SIGKILL"), limitMs);
  const ended = new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(limit);
      over = true;
      if (ownDir !== undefined) rmSync(ownDir, { recursive: true });
      for (const look of waiting) look();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
  return {
    pid: child.pid ?? 0,
    output: () => text,
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (text.includes(wanted)) resolve();
          else if (over) reject(new Error(`The program ended without writing "${wanted}":\n${text}`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
    // In Deno `child.kill()` would make every later end look like one by that signal.
    signal: (name) => void process.kill(child.pid ?? 0, name),
    ended,
  };
}

/** Whether a process is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
