/** Commands that ask children for something: `restart`, `pause`, `resume`, `quarantine`, `release`, `start`, `stop`, `reset-fuse` and `remove`. */
import { cleanText, lastName } from "../../base/mod.ts";
import type { ChildDescription, Client, CommandOutcome } from "../../client/mod.ts";
import type { CommandKind, ExtensionKind } from "../../protocol/mod.ts";
import { askFor, type AskingArgs, isBlank, isMeant, memberOf, reasonOf, refusalOf, textsOf } from "../asking.ts";
import { type CommandIo, EXIT, refuse } from "../io.ts";
import { plainJson } from "../plain_json.ts";
import { withProgress } from "../progress.ts";
import { select, selectExactly, type Selection, type SelectionArgs } from "../selection.ts";
import { withTarget } from "../target.ts";
import { type Asked, momentNow, tellVerdicts, untilReady, type Verdict } from "../until_ready.ts";

/** Arguments of {@linkcode control}. */
export interface ControlArgs extends AskingArgs, SelectionArgs {
  /** For how many seconds to wait until they are ready; not at all where absent. */
  readonly waitSecs?: number | undefined;
  /** Whether it was said beforehand that it is meant. */
  readonly yes?: boolean;
}

/** What is asked, and what is said of it. */
interface VerbWords {
  readonly kind: CommandKind | ExtensionKind;
  /** It was taken. */
  readonly done: string;
  /** It was so already. */
  readonly unchanged: string;
  /** What it would do, where that is not undone by another command. */
  readonly danger?: string;
}

const VERBS = {
  restart: { kind: "restart_child", done: "stops and starts anew", unchanged: "is being restarted already" },
  pause: { kind: "pause_child", done: "is paused", unchanged: "was paused before" },
  resume: { kind: "resume_child", done: "goes on", unchanged: "was not held" },
  quarantine: { kind: "quarantine_child", done: "is quarantined", unchanged: "was quarantined before" },
  release: { kind: "release_child", done: "is released", unchanged: "was not quarantined" },
  start: { kind: "start_child", done: "starts", unchanged: "runs already, or is about to" },
  stop: { kind: "terminate_child", done: "stops, until somebody starts it", unchanged: "was down before" },
  "reset-fuse": { kind: "reset_fuse", done: "has closed fuses again", unchanged: "has no open fuse" },
  remove: {
    kind: "remove_child",
    done: "is removed",
    unchanged: "is being removed already",
    danger: "is stopped and taken out of the tree",
  },
} as const satisfies Readonly<Record<string, VerbWords>>;

/** What can be asked of children. */
export type Verb = keyof typeof VERBS;

/** What became of the command for one child, as JSON tells it. */
interface Answer {
  readonly childPath: string;
  readonly outcome: "done" | "unchanged" | "refused";
  /** What operators want of it now: `active`, `paused`, `quarantined`, `removed`; `null` where it was refused. */
  readonly operation: string | null;
  /** How a restart is done. */
  readonly decision: string | null;
  /** Why it was refused. */
  readonly message: string | null;
}

/** Asks children for something; returns 0, 1 when one refused or did not get ready, 2 when nothing was asked. */
export async function control(name: Verb, args: ControlArgs, io: CommandIo): Promise<number> {
  const verb: VerbWords = VERBS[name];
  if (isBlank(args, io)) return EXIT.unusable;
  return await withTarget(args, io, async (client) => {
    const found = await client.status();
    const { chosen, problems } = verb.danger === undefined ? select(found, args) : selectExactly(found, args.children);
    if (chosen.length === 0 || problems.length > 0) return refuseSelection({ chosen, problems }, io);
    for (const { childPath } of verb.danger === undefined ? [] : chosen) {
      const what = `${childPath} of "${found.tree.name}" ${verb.danger}`;
      if (!await isMeant({ what, name: lastName(childPath), yes: args.yes === true }, io)) return EXIT.unusable;
    }
    const reason = await reasonOf(args, io);
    const answers: Answer[] = [];
    const asked: Asked[] = [];
    try {
      for (const child of chosen) {
        const at = momentNow();
        const outcome = await askFor(client, verb.kind, { childPath: child.childPath, reason, confirmed: true });
        const answer = answerOf(child, outcome);
        answers.push(answer);
        if (!args.json) tell(answer, verb, io);
        if (outcome.accepted) asked.push({ path: child.childPath, before: before(child, outcome), at });
      }
    } catch (error) {
      // What was done before is told all the same.
      if (args.json && answers.length > 0) io.stdout(plainJson({ command: name, reason, results: answers }));
      throw error;
    }
    const verdicts = args.waitSecs === undefined || asked.length === 0
      ? new Map<string, Verdict>()
      : await untilReady(client, asked, { seconds: args.waitSecs, io });
    report({ command: name, reason, answers, verdicts }, args, io);
    const isDone = answers.every(({ outcome }) => outcome !== "refused") && [...verdicts.values()].every(({ ready }) => ready);
    return isDone ? EXIT.clean : EXIT.problems;
  });
}

function refuseSelection({ problems }: Selection, io: CommandIo): number {
  if (problems.length === 0) return refuse(io, "there are no children in this tree. Nothing was asked", EXIT.unusable);
  for (const problem of problems) refuse(io, problem, EXIT.problems);
  return EXIT.problems;
}

/** The incarnation that is over when it is done; `null` where the present one goes on. */
function before(child: ChildDescription, { stateDelta }: CommandOutcome): number | null {
  const outcome = memberOf(stateDelta, "outcome");
  if (memberOf(outcome, "idempotent") === true) return null;
  const target = memberOf(outcome, "generationFence", "targetGeneration");
  if (typeof target === "number") return target - 1;
  const live = memberOf(outcome, "generation");
  return typeof live === "number" ? live : child.generation;
}

function answerOf(child: ChildDescription, outcome: CommandOutcome): Answer {
  const { childPath } = child;
  if (!outcome.accepted) {
    const message = refusalOf(outcome, hintFor(child));
    return { childPath, outcome: "refused", operation: null, decision: null, message };
  }
  const told = memberOf(outcome.stateDelta, "outcome");
  const operation = memberOf(told, "operationAfter");
  const decision = memberOf(told, "generationFence", "decision");
  return {
    childPath,
    outcome: memberOf(told, "idempotent") === true ? "unchanged" : "done",
    operation: typeof operation === "string" ? operation : null,
    decision: typeof decision === "string" ? decision : null,
    message: null,
  };
}

/** What to do first, as far as the state of the child tells it. */
function hintFor({ childPath, operation }: ChildDescription): string | undefined {
  if (operation === "paused") return `First: reeve resume ${childPath}`;
  return operation === "quarantined" ? `First: reeve release ${childPath}` : undefined;
}

function tell({ childPath, outcome, decision, message }: Answer, verb: VerbWords, io: CommandIo): void {
  if (outcome === "refused") return void refuse(io, `${childPath}: ${message}`, EXIT.problems);
  const done = decision === "started_immediately" ? "starts" : verb.done;
  io.stdout(`${cleanText(childPath, 256)} ${outcome === "done" ? done : verb.unchanged}\n`);
}

interface Told {
  readonly command: string;
  readonly reason: string;
  readonly answers: readonly Answer[];
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

function report({ command, reason, answers, verdicts }: Told, { json }: ControlArgs, io: CommandIo): void {
  if (!json) { for (const [path, { ready, why }] of verdicts) if (ready) io.stdout(`${cleanText(path, 256)} ${why}\n`); }
  tellVerdicts(verdicts, io);
  if (!json) return;
  const results = answers.map((answer) => {
    const verdict = verdicts.get(answer.childPath);
    return verdict === undefined ? answer : { ...answer, ready: verdict.ready, why: verdict.why, lastLines: verdict.lines };
  });
  io.stdout(plainJson({ command, reason, results }));
}

/** Copies are replaced one by one, each in its own time: who waits for it ends that by Ctrl-C, and it goes on. */
export const LONGEST_MS = 24 * 3_600_000;

/** Restarts the copies of children one after another; returns 0, 1 when one refused or a copy runs as before, 2 when nothing was asked. */
export async function rollingRestart(args: ControlArgs, io: CommandIo): Promise<number> {
  if (isBlank(args, io)) return EXIT.unusable;
  return await withTarget(args, io, async (client) => {
    const { chosen, problems } = select(await client.status(), args);
    if (chosen.length === 0 || problems.length > 0) return refuseSelection({ chosen, problems }, io);
    const reason = await reasonOf(args, io);
    const results: Rolled[] = [];
    for (const { childPath } of chosen) {
      const result = await roll(client, childPath, reason, io);
      results.push(result);
      if (!args.json) tellRolled(result, io);
    }
    if (args.json) io.stdout(plainJson({ command: "restart", rolling: true, reason, results }));
    return results.every(({ outcome, failed }) => outcome === "done" && failed.length === 0) ? EXIT.clean : EXIT.problems;
  });
}

/** What became of one set, as JSON tells it. */
interface Rolled {
  readonly childPath: string;
  readonly outcome: "done" | "refused";
  readonly message: string | null;
  /** Copies that were started anew. */
  readonly restarted: readonly string[];
  /** Copies that were not, and why. */
  readonly failed: readonly { readonly path: string; readonly reason: string }[];
}

async function roll(client: Client, childPath: string, reason: string, io: CommandIo): Promise<Rolled> {
  const asking = askFor(client, "rolling_restart", { childPath, reason, timeoutMs: LONGEST_MS });
  const outcome = await withProgress(io, () => `replacing the copies of ${childPath}`, asking);
  if (!outcome.accepted) return { childPath, outcome: "refused", message: refusalOf(outcome), restarted: [], failed: [] };
  const failed = memberOf(outcome.stateDelta, "failed");
  return {
    childPath,
    outcome: "done",
    message: null,
    restarted: textsOf(memberOf(outcome.stateDelta, "restarted")),
    failed: (Array.isArray(failed) ? failed : []).map((entry: unknown) => ({
      path: String(memberOf(entry, "path")),
      reason: String(memberOf(entry, "reason")),
    })),
  };
}

function tellRolled({ childPath, outcome, message, restarted, failed }: Rolled, io: CommandIo): void {
  if (outcome === "refused") return void refuse(io, `${childPath}: ${message}`, EXIT.problems);
  for (const path of restarted) io.stdout(`${cleanText(path, 256)} is started anew\n`);
  for (const { path, reason } of failed) refuse(io, `${path} runs as before: ${reason}`, EXIT.problems);
}
