/** The terminal of this program, the same in Deno and in Node. */
import { constants } from "node:os";
import process from "node:process";
import type { Terminal, TerminalSize } from "./io.ts";

/** Signals after which the terminal must be as it was. */
const ENDS = ["SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT"] as const;

/** The terminal; `undefined` where input or output is none. */
export function ownTerminal(write: (text: string, then: () => void) => void): Terminal | undefined {
  const { stdin, stdout } = process;
  if (stdin.isTTY !== true || stdout.isTTY !== true) return undefined;
  return {
    write: (text) => new Promise((resolve) => write(text, resolve)),
    size: (): TerminalSize => ({ columns: stdout.columns || 80, rows: stdout.rows || 24 }),
    setRaw(isRaw): void {
      try {
        stdin.setRawMode(isRaw);
        if (isRaw) stdin.resume();
        else stdin.pause();
      } catch {
        // Whoever closed the terminal needs it no more.
      }
    },
    onInput(listener): () => void {
      const take = (bytes: Uint8Array | string): void => listener(typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes);
      stdin.on("data", take);
      return () => stdin.off("data", take);
    },
    onResize(listener): () => void {
      stdout.on("resize", listener);
      return () => stdout.off("resize", listener);
    },
    onEnd(listener): () => void {
      const signals = ENDS.map((name) => [name, (): void => listener({ code: 128 + constants.signals[name] })] as const);
      const fail = (error: unknown): void => listener({ error });
      const gone = (): void => listener({ code: 128 + constants.signals.SIGHUP });
      for (const [name, end] of signals) process.on(name, end);
      process.on("uncaughtException", fail);
      process.on("unhandledRejection", fail);
      stdin.on("end", gone);
      stdin.on("error", gone);
      return () => {
        for (const [name, end] of signals) process.off(name, end);
        process.off("uncaughtException", fail);
        process.off("unhandledRejection", fail);
        stdin.off("end", gone);
        stdin.off("error", gone);
      };
    },
    suspend: () =>
      new Promise((resolve) => {
        process.once("SIGCONT", () => resolve());
        // Whoever started this program waits for it, and stops with it.
        process.kill(0, "SIGTSTP");
      }),
  };
}
