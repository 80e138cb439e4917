/** `reeve reload FILE`: has the run of a file read it anew, or say what that would do. */
import process from "node:process";
import { ReeveError } from "../../base/mod.ts";
import { connect, DashboardError } from "../../client/mod.ts";
import { ConfigError, loadFile } from "../../config/mod.ts";
import { DEFAULTS } from "../../spec/mod.ts";
import { type CommandIo, EXIT, refuse } from "../io.ts";
import { ownSocketsOf } from "../own_socket.ts";
import { isReloadResult, reloadText } from "../reload_text.ts";
import { exitCodeOf, printProblems, printRefusal } from "./check.ts";

/** Arguments of {@linkcode reload}. */
export interface ReloadArgs {
  /** The YAML file that runs. */
  readonly file?: string | undefined;
  /** The socket of the run, whatever the file says. */
  readonly socket?: string | undefined;
  /** Whether only to say what would be done. */
  readonly dryRun: boolean;
  /** Why, for the audit. */
  readonly reason: string;
  /** Whether to print JSON. */
  readonly json: boolean;
}

/** Children are started anew one by one, each in its own time: who waits for it ends that by Ctrl-C, and the reload goes on. */
const LONGEST_RELOAD_MS = 24 * 3_600_000;

/** Reloads; returns 0 when it was done, 1 when the file or the reload was refused or a child failed, 2 when no run answers. */
export async function reload(args: ReloadArgs, io: CommandIo): Promise<number> {
  const path = args.socket ?? await socketOf(args.file, io);
  if (typeof path === "number") return path;
  try {
    await using client = await connect(path);
    const { accepted, error, stateDelta } = await client.command("reload", {
      dryRun: args.dryRun,
      confirmed: true,
      timeoutMs: LONGEST_RELOAD_MS,
      reason: args.reason,
      requestedBy: process.env["USER"] ?? "reeve",
    });
    if (!accepted || !isReloadResult(stateDelta)) return refuse(io, error?.message ?? "the answer is in disorder", EXIT.problems);
    const { type: _, ...result } = { type: "", ...stateDelta };
    io.stdout(args.json ? `${JSON.stringify(result)}\n` : reloadText(result, args.dryRun));
    const isRefused = result.changes.some(({ kind }) => kind === "refused");
    return result.failed.length > 0 || isRefused ? EXIT.problems : EXIT.clean;
  } catch (error) {
    if (error instanceof DashboardError) return refuse(io, error.message, EXIT.problems);
    if (error instanceof ReeveError) return refuse(io, error.message, EXIT.unusable);
    throw error;
  }
}

/** Where the run of a file listens, or why not and the exit code. */
async function socketOf(file: string | undefined, io: CommandIo): Promise<string | number> {
  if (file === undefined) return refuse(io, "a file or --socket is needed", EXIT.unusable);
  try {
    const { dashboard, spec: { name = DEFAULTS.treeName }, warnings } = await loadFile(file);
    printProblems(warnings, { ...io, stdout: (text) => io.stderr(text) });
    if (dashboard !== null) return dashboard.path;
    const [path, ...others] = await ownSocketsOf(name);
    if (path === undefined) {
      return refuse(io, `nobody runs a tree "${name}" with a socket of its own; --socket names another one`, EXIT.unusable);
    }
    return others.length === 0
      ? path
      : refuse(io, `more than one run of "${name}": choose with --socket ${[path, ...others].join(" or ")}`, EXIT.unusable);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printRefusal(error, file, io);
    return exitCodeOf(error);
  }
}
