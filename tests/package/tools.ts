/** Runs programs for the tests of the package. */
import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The package as it was built. */
export const PACKAGE = fileURLToPath(new URL("../../npm/", import.meta.url));

/** What became of a program. */
export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end, without colours; at most two minutes. */
export function run(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  const options = { cwd, timeout: 120_000, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, NO_COLOR: "1", NODE_OPTIONS: "" } };
  return new Promise((resolve) => {
    execFile(command, [...args], options, (error, out, err) => {
      resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, out, err });
    });
  });
}

/** Runs a program that must succeed; returns what it wrote to its standard output. */
export async function output(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { code, out, err } = await run(command, args, cwd);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${out}\n${err}`);
  return out;
}
