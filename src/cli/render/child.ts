/** One child: how it is, and why. */
import type { ChildDescription, DescribedEvent, TargetLogRecord, TreeStatus } from "../../client/mod.ts";
import { cleanText, lastName, parentPath } from "../../base/mod.ts";
import { duration } from "../../event/mod.ts";
import { type CommandIo, paint } from "../io.ts";
import { plural } from "./status.ts";
import { age, bytes, lookOf, moment, msBetween, percent, soon } from "./words.ts";

/** What is known of a child, and what it did and said last. */
export interface ChildStory {
  readonly status: TreeStatus;
  readonly child: ChildDescription;
  /** Its last events, oldest first. */
  readonly events: readonly DescribedEvent[];
  /** Its last lines, oldest first. */
  readonly logs: readonly TargetLogRecord[];
}

/** Everything about a child, as `systemctl status` tells it of a unit. */
export function describeText({ status: { tree }, child, events, logs }: ChildStory, io: CommandIo): string {
  const now = tree.atUnixNanos;
  const { mark, word, color } = lookOf(child);
  const heading = `${paint(io, color, mark)} ${paint(io, "bold", cleanText(child.childPath, 256))}  ${word} since ${
    moment(child.sinceUnixNanos)
  }; ${age(msBetween(child.sinceUnixNanos, now))}\n`;
  const rows = factsOf(child, now).map(([name, value]) => `${name.padStart(12)}  ${cleanText(value, 512)}\n`);
  return `${heading}${rows.join("")}${eventLines(events, io)}${logLines(logs, io)}`;
}

function factsOf(child: ChildDescription, now: bigint): (readonly [string, string])[] {
  const { usage, restartLimit: limit, fuse, lastDecision } = child;
  const ties = [["needs", child.dependencies], ["is bound to", child.bindsTo], ["comes after", child.wants]] as const;
  const tied = ties.filter(([, names]) => names.length > 0).map(([how, names]) => `${how} ${names.join(", ")}`);
  const facts: (readonly [string, string | null])[] = [
    ["kind", `${child.kind}${child.taskRole === null ? "" : `, ${child.taskRole}`}, ${child.severity}`],
    ["process", child.pid === null ? null : `${child.pid}${usage === null ? "" : ` (${processesOf(usage)})`}`],
    [
      "attempt",
      `${child.attempt} of generation ${child.generation}; ${plural(child.restartsTotal, "restart")}, ${
        plural(child.failuresTotal, "failure")
      }`,
    ],
    ["limit", limit.used === 0 ? null : `${limit.used} of ${limit.limit} failures in ${age(limit.windowMillis)}`],
    ["health", child.health === "unknown" ? null : child.health],
    ["order", tied.length === 0 ? null : tied.join("; ")],
    ["group", child.group],
    ["held", child.operation === "active" ? null : child.operation],
    ["waits for", child.waitingFor.length === 0 ? null : child.waitingFor.join(", ")],
    ["fuse", fuse.state === "closed" ? null : `${fuse.state}: ${fuse.reason ?? ""}`],
    ["last exit", child.lastExit],
    ["then", lastDecision === null ? null : `${lastDecision.action.replaceAll("_", " ")} (${lastDecision.reason.replaceAll("_", " ")})`],
    [
      "next start",
      child.nextStartUnixNanos === undefined ? null : `${moment(child.nextStartUnixNanos)}, ${soon(child.nextStartUnixNanos, now)}`,
    ],
    ["looks wrong", child.lints.length === 0 ? null : child.lints.join(", ").replaceAll("_", " ")],
    ["tags", child.tags.length === 0 ? null : child.tags.join(", ")],
    ["children", child.children.length === 0 ? null : child.children.map(lastName).join(", ")],
  ];
  return facts.flatMap(([name, value]) => value === null ? [] : [[name, value] as const]);
}

function processesOf({ cpuPercent, memoryBytes, processes }: NonNullable<ChildDescription["usage"]>): string {
  return `${processes === 1 ? "" : `${processes} processes, `}${percent(cpuPercent)} of a processor, ${bytes(memoryBytes)}`;
}

function eventLines(events: readonly DescribedEvent[], io: CommandIo): string {
  return events.map(({ event, description }) => `${paint(io, "dim", timeOf(event.occurredAtUnixNanos))} ${cleanText(description, 512)}\n`)
    .join("")
    .replace(/^(?=.)/, "\n");
}

/** Lines of output, as a child printed them. */
export function logLines(logs: readonly TargetLogRecord[], io: CommandIo): string {
  return logs.map(({ occurredAtUnixNanos, message }) =>
    `${paint(io, "dim", `${timeOf(occurredAtUnixNanos)} │`)} ${cleanText(message, 4_096)}\n`
  ).join("").replace(/^(?=.)/, "\n");
}

function timeOf(at: bigint): string {
  return moment(at).slice("2026-01-01 ".length);
}

/** Why a child is as it is, since when, and when it comes back. */
export function whyText(story: ChildStory, io: CommandIo): string {
  const { status: { tree, children }, child } = story;
  const now = tree.atUnixNanos;
  const { mark, word, color } = lookOf(child);
  const heading = `${paint(io, color, mark)} ${paint(io, "bold", cleanText(child.childPath, 256))} is ${word} since ${
    moment(child.sinceUnixNanos)
  } (${age(msBetween(child.sinceUnixNanos, now))})\n`;
  const sentences = reasonsOf(child, new Map(children.map((other) => [other.childPath, other])), now, new Set());
  return `${heading}${sentences.map((sentence) => `  ${cleanText(sentence, 1_024)}\n`).join("")}${logLines(story.logs, io)}`;
}

const SELF = "reeve";

/** From the child to what lies behind it. */
export function reasonsOf(child: ChildDescription, all: ReadonlyMap<string, ChildDescription>, now: bigint, seen: Set<string>): string[] {
  seen.add(child.childPath);
  const own = ownReasons(child, now);
  const behind = child.waitingFor.flatMap((name) => {
    const other = all.get(`${parentPath(child.childPath) === "/" ? "" : parentPath(child.childPath)}/${name}`);
    if (other === undefined || seen.has(other.childPath)) return [];
    const { word } = lookOf(other);
    return [`${other.childPath} is ${word} since ${age(msBetween(other.sinceUnixNanos, now))}`, ...reasonsOf(other, all, now, seen)];
  });
  return [...own, ...behind];
}

function ownReasons(child: ChildDescription, now: bigint): string[] {
  const { phase, operation, lastExit, lastDecision, nextStartUnixNanos: next, restartLimit: limit } = child;
  const reasons: string[] = [];
  if (operation === "paused" || operation === "quarantined") {
    const verb = operation === "paused" ? "resume" : "release";
    reasons.push(`Somebody ${operation} it: it stays down until ${SELF} ${verb} ${child.childPath} (who: ${SELF} audit)`);
  }
  if (phase === "ready" && operation === "active") return ["All is well with it.", ...lintsOf(child)];
  if (phase === "waiting") {
    reasons.push(`It waits until ${child.waitingFor.join(" and ")} ${child.waitingFor.length === 1 ? "is" : "are"} ready.`);
  }
  if (phase === "starting" || phase === "running") reasons.push(`Attempt ${child.attempt} runs, and has not said yet that it is ready.`);
  if (child.stopCause !== null) reasons.push(`It is being stopped because of ${child.stopCause}.`);
  if (lastExit !== null && phase !== "ready") reasons.push(`Last time it ${lastExit}.`);
  if (limit.used > 0) reasons.push(`That is ${limit.used} of ${limit.limit} failures that it may have in ${age(limit.windowMillis)}.`);
  if (child.fuse.state !== "closed") {
    reasons.push(`Its fuse is ${child.fuse.state}: ${child.fuse.reason ?? "no reason"} (${SELF} reset-fuse ${child.childPath}).`);
  }
  if (next !== undefined) reasons.push(`It starts by itself ${soon(next, now)}, at ${moment(next).slice(11)}.`);
  else if (operation === "active" && (phase === "stopped" || phase === "failed")) {
    const because = lastDecision === null ? "" : ` (${lastDecision.reason.replaceAll("_", " ")})`;
    reasons.push(`It does not come back by itself${because}: ${SELF} start ${child.childPath}`);
  } else if (phase === "backoff" && lastDecision !== null) reasons.push(`It starts again after ${duration(lastDecision.delayMs)}.`);
  return [...reasons, ...lintsOf(child)];
}

function lintsOf({ lints }: ChildDescription): string[] {
  return lints.map((lint) => `It looks wrong: ${lint.replaceAll("_", " ")}.`);
}
