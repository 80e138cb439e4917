/** Processes that a killed supervisor left behind: who they are for certain, and how they are ended. */
import process from "node:process";
import { type Clock, codeOf, thrownMessage } from "../base/mod.ts";
import type { LeftoverOutcome } from "../event/mod.ts";
import { groupExists, HAS_GROUPS } from "./children/process_group.ts";
import type { LedgerEntry } from "./process_ledger.ts";
import { isSameStart, kindOf, type ProcessReader } from "./process_reader.ts";

/** What became of one. */
export interface Leftover {
  readonly entry: LedgerEntry;
  /** `gone` when nothing of it was there any more. */
  readonly outcome: LeftoverOutcome | "gone";
  readonly reason: string;
}

/** What is needed to deal with them; tests replace the parts. */
export interface LeftoverTools {
  readonly processes: ProcessReader;
  readonly clock: Pick<Clock, "now" | "setTimer">;
  /** Signals the group that a process leads. */
  readonly signal: (group: number, signal: "SIGTERM" | "SIGKILL") => void;
}

/** Time to end by itself, in milliseconds, before it is forced. */
const GRACE_MS = 5_000;

/** Longest time in milliseconds for all of it. */
const LONGEST_MS = 10_000;

/** How often it is looked whether they have ended. */
const LOOK_MS = 50;

/** Signals a whole group; throws where it cannot. */
export function signalGroup(group: number, signal: "SIGTERM" | "SIGKILL"): void {
  process.kill(HAS_GROUPS ? -group : group, signal);
}

/** Deals with all of them at once; takes ten seconds at most, and never rejects. */
export function dealWith(entries: readonly LedgerEntry[], leftovers: "stop" | "leave", tools: LeftoverTools): Promise<Leftover[]> {
  return Promise.all(entries.map(async (entry): Promise<Leftover> => {
    try {
      const { verdict, reason } = await identify(entry, tools.processes);
      if (verdict !== "ours") return { entry, outcome: verdict, reason };
      if (leftovers === "leave") return { entry, outcome: "left", reason: `${reason}, and state.leftovers is "leave"` };
      return { entry, ...await stop(entry.pid, reason, tools) };
    } catch (error) {
      return { entry, outcome: "unsure", reason: thrownMessage(error) };
    }
  }));
}

interface Identity {
  readonly verdict: "ours" | "gone" | "unsure";
  readonly reason: string;
}

const GONE: Identity = { verdict: "gone", reason: "" };

/** Whether a process, or what is left of its group, is the one that was started: by its id, when it began, and the mark of its attempt. */
async function identify({ pid, start, mark }: LedgerEntry, processes: ProcessReader): Promise<Identity> {
  const seen = await processes.look(pid, start === null ? "date" : kindOf(start));
  if (seen === "unknown") return unsure("it cannot be looked at; in Deno, allow all or --allow-run=ps");
  if (seen === "gone" || seen.isOver) return await identifyGroup(pid, mark, processes);
  // Written down by one that was killed before it knew, not to be read now, or a date of a calendar that may have been set: the mark decides.
  const isCertain = start !== null && seen.start !== null && kindOf(start) === "ticks";
  if (!isCertain && seen.mark === mark) return ours("it has the mark of the one that was started");
  if (start === null) return unsure("nobody could read when it was started");
  if (seen.start === null) return unsure("it cannot be read when it was started");
  if (!isSameStart(seen.start, start)) {
    // Another one has got the same number: who had it before is gone.
    return seen.mark === mark ? unsure("it has its mark, and began at another time") : GONE;
  }
  if (seen.mark === null) return unsure("its environment does not tell whose it is");
  return seen.mark === mark
    ? ours("it began when the one did that was started, and has its mark")
    : unsure("it has the mark of another run");
}

/** The leader has ended: those who were started by it have its group, and its environment. */
async function identifyGroup(group: number, mark: string, processes: ProcessReader): Promise<Identity> {
  if (!HAS_GROUPS) return GONE;
  const members = await processes.members(group);
  if (members === null) return groupExists(group) ? unsure("its group cannot be looked at") : GONE;
  let isTelling = true;
  for (const member of members) {
    const seen = await processes.look(member, "ticks");
    if (seen === "gone") continue;
    if (seen !== "unknown" && seen.mark === mark) return ours("it has ended, and others of its group have its mark");
    if (seen === "unknown" || seen.mark === null) isTelling = false;
  }
  return isTelling ? GONE : unsure("it has ended, and the others of its group do not tell whose they are");
}

function ours(reason: string): Identity {
  return { verdict: "ours", reason };
}

function unsure(reason: string): Identity {
  return { verdict: "unsure", reason };
}

async function stop(group: number, why: string, tools: LeftoverTools): Promise<Pick<Leftover, "outcome" | "reason">> {
  const { clock } = tools;
  const begunAtMs = clock.now();
  for (const [signal, untilMs] of [["SIGTERM", GRACE_MS], ["SIGKILL", LONGEST_MS - LOOK_MS]] as const) {
    try {
      tools.signal(group, signal);
    } catch (error) {
      if (codeOf(error) !== "ESRCH") return { outcome: "left", reason: `${signal} cannot be sent: ${thrownMessage(error)}` };
    }
    while (clock.now() - begunAtMs < untilMs) {
      if (await isGone(group, tools.processes)) return { outcome: "stopped", reason: `${why}; ended by ${signal}` };
      await new Promise<void>((resolve) => clock.setTimer(resolve, LOOK_MS));
    }
  }
  return { outcome: "left", reason: "it does not end, although SIGKILL was sent" };
}

/** Those who have ended and were not asked how count as there for signals, but do no harm. */
async function isGone(group: number, processes: ProcessReader): Promise<boolean> {
  const members = await processes.members(group);
  return members === null ? !groupExists(group) : members.length === 0;
}
