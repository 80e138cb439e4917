/** What is run where a process is wanted. */
import type { ProcessOptions } from "../../spec/mod.ts";

/** The program that is started, and its arguments. */
export function commandLine({ command, args = [], shell = false }: ProcessOptions): [file: string, argv: string[]] {
  return shell ? ["/bin/sh", ["-c", command, "sh", ...args]] : [command, [...args]];
}

/** Tells the command its own number, by which it knows that the sockets are meant for it. */
export function withListenPid(file: string, argv: readonly string[]): [file: string, argv: string[]] {
  return ["/bin/sh", ["-c", 'export LISTEN_PID=$$; exec "$@"', "sh", file, ...argv]];
}
