/** `reeve reload FILE`: has the run of a file read it anew, or say what that would do. */
import { type CommandIo, EXIT, refuse } from "../io.ts";
import { isReloadResult, reloadText } from "../reload_text.ts";
import { type TargetArgs, userName, withTarget } from "../target.ts";

/** Arguments of {@linkcode reload}. */
export interface ReloadArgs extends TargetArgs {
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
  return await withTarget(args, io, async (client) => {
    const { accepted, error, stateDelta } = await client.command("reload", {
      dryRun: args.dryRun,
      confirmed: true,
      timeoutMs: LONGEST_RELOAD_MS,
      reason: args.reason,
      requestedBy: userName(),
    });
    if (!accepted || !isReloadResult(stateDelta)) return refuse(io, error?.message ?? "the answer is in disorder", EXIT.problems);
    const { type: _, ...result } = { type: "", ...stateDelta };
    io.stdout(args.json ? `${JSON.stringify(result)}\n` : reloadText(result, args.dryRun));
    const isRefused = result.changes.some(({ kind }) => kind === "refused");
    return result.failed.length > 0 || isRefused ? EXIT.problems : EXIT.clean;
  });
}
