/** `reeve shutdown`: ends a run in order, and says how that went. */
import { cleanText } from "../../base/mod.ts";
import { askFor, type AskingArgs, isBlank, isMeant, memberOf, reasonOf, refusalOf, textsOf } from "../asking.ts";
import { type CommandIo, EXIT, refuse } from "../io.ts";
import { plainJson } from "../plain_json.ts";
import { withProgress } from "../progress.ts";
import { plural } from "../render/status.ts";
import { withTarget } from "../target.ts";

/** Arguments of {@linkcode shutdown}. */
export interface ShutdownArgs extends AskingArgs {
  /** Whether everything is forced at once. */
  readonly force: boolean;
  /** Whether it was said beforehand that it is meant. */
  readonly yes: boolean;
}

/** How one child ended, as JSON tells it. */
interface Ended {
  readonly childPath: string;
  readonly status: string;
}

/** Ends the run; returns 0, 1 when it was refused, goes on ending, or left something behind, 2 when nothing was asked. */
export async function shutdown(args: ShutdownArgs, io: CommandIo): Promise<number> {
  if (isBlank(args, io)) return EXIT.unusable;
  return await withTarget(args, io, async (client, socket) => {
    const { tree: { name }, children } = await client.status();
    const how = args.force ? "all at once, by force" : "in order";
    const what = `"${name}" with ${plural(children.length, "child", "children")} is shut down, ${how}`;
    if (!await isMeant({ what, name, yes: args.yes }, io)) return EXIT.unusable;
    const reason = await reasonOf(args, io);
    const asking = askFor(client, "shutdown_tree", { reason, confirmed: true, force: args.force || undefined });
    const outcome = await withProgress(io, () => `"${name}" stops`, asking);
    if (!outcome.accepted) return refuse(io, refusalOf(outcome), EXIT.problems);
    const report = memberOf(outcome.stateDelta, "result", "report");
    const isOver = typeof report === "object" && report !== null;
    const ended = endsIn(memberOf(report, "outcomes"));
    const left = textsOf(memberOf(report, "reconcile", "warnings"));
    const isClean = isOver && memberOf(report, "reconcile", "verifiedClean") === true && !ended.some(({ status }) => LEFT.has(status));
    if (args.json) io.stdout(plainJson({ command: "shutdown", reason, socket, completed: isOver, clean: isClean, children: ended, left }));
    else if (isOver) tell(name, ended, io);
    if (!isOver) {
      refuse(
        io,
        `"${name}" still stops after 30 s, and goes on: reeve status shows whom it waits for, reeve shutdown --force ends it`,
        EXIT.problems,
      );
    }
    for (const line of left) refuse(io, `left behind: ${line}`, EXIT.problems);
    return isClean ? EXIT.clean : EXIT.problems;
  });
}

/** Ends that are none. */
const LEFT: ReadonlySet<string> = new Set(["AbortFailed"]);

const WORDS: Readonly<Record<string, string>> = {
  AlreadyExited: "not running",
  Graceful: "ended in time",
  Aborted: "forced",
  AbortFailed: "did not end",
  LateReport: "ended late",
};

function endsIn(outcomes: unknown): Ended[] {
  if (!Array.isArray(outcomes)) return [];
  return outcomes.map((entry: unknown) => ({
    childPath: `/${textsOf(memberOf(entry, "path", "segments")).join("/")}`,
    status: String(memberOf(entry, "status")),
  }));
}

function tell(name: string, ended: readonly Ended[], io: CommandIo): void {
  const counts = new Map<string, number>();
  for (const { status } of ended) counts.set(status, (counts.get(status) ?? 0) + 1);
  for (const { childPath, status } of ended) {
    if (status !== "AlreadyExited" && status !== "Graceful") io.stdout(`${cleanText(childPath, 256)} ${wordOf(status)}\n`);
  }
  const told = [...counts].map(([status, count]) => `${count} ${wordOf(status)}`).join(", ");
  io.stdout(`${cleanText(name, 64)} is shut down${told === "" ? "" : `: ${told}`}\n`);
}

function wordOf(status: string): string {
  return WORDS[status] ?? cleanText(status, 32);
}
