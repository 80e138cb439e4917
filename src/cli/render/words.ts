/** Times, sizes and states in words, the same in every view of a run. */
import { describeExit, duration } from "../../event/mod.ts";
import type { ChildDescription, Nanos } from "../../client/mod.ts";
import { cleanText } from "../../base/mod.ts";
import type { Color } from "../io.ts";

/** How long something is ago, or lasts, in at most two units. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const parts = UNITS.map(([unit, length, most]) => [Math.floor(seconds / length) % most, unit] as const);
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return "0 s";
  return parts.slice(first, first + 2).filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}`).join(" ");
}

const UNITS = [["d", 86_400, Infinity], ["h", 3_600, 24], ["min", 60, 60], ["s", 1, 60]] as const;

/** Milliseconds from one moment to another. */
export function msBetween(from: Nanos, to: Nanos): number {
  return Number((to - from) / 1_000n) / 1_000;
}

/** A moment as the clock on the wall of whoever reads it shows it. */
export function moment(at: Nanos): string {
  const date = new Date(Number(at / 1_000_000n));
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** A number of bytes. */
export function bytes(count: number): string {
  let [value, unit] = [count, "B"];
  for (const next of ["KiB", "MiB", "GiB", "TiB"]) {
    if (value < 1_024) break;
    [value, unit] = [value / 1_024, next];
  }
  return `${value >= 100 || unit === "B" ? Math.round(value) : Number(value.toFixed(1))} ${unit}`;
}

/** A share of one processor. */
export function percent(value: number): string {
  return `${value >= 10 ? Math.round(value) : Number(value.toFixed(1))} %`;
}

/** A state as a mark, a word and a colour: nothing is told by colour alone. */
export interface StateLook {
  readonly mark: string;
  readonly word: string;
  readonly color: Color;
}

const LOOKS: Readonly<Record<string, StateLook>> = {
  declared: { mark: "○", word: "not started", color: "dim" },
  waiting: { mark: "…", word: "waiting", color: "yellow" },
  backoff: { mark: "↻", word: "restarting", color: "yellow" },
  queued: { mark: "↻", word: "queued", color: "yellow" },
  starting: { mark: "▸", word: "starting", color: "yellow" },
  running: { mark: "◐", word: "not ready", color: "yellow" },
  ready: { mark: "●", word: "ready", color: "green" },
  draining: { mark: "◑", word: "draining", color: "yellow" },
  stopping: { mark: "◑", word: "stopping", color: "yellow" },
  killing: { mark: "◑", word: "killing", color: "red" },
  abandoned: { mark: "✗", word: "abandoned", color: "red" },
  stopped: { mark: "○", word: "stopped", color: "dim" },
  failed: { mark: "✗", word: "failed", color: "red" },
};

const HELD: Readonly<Record<string, StateLook>> = {
  paused: { mark: "‖", word: "paused", color: "yellow" },
  quarantined: { mark: "⊘", word: "quarantined", color: "red" },
  removed: { mark: "○", word: "going", color: "dim" },
};

/** How the success of a child is told. */
const FINISHED = describeExit({ kind: "succeeded" });

/** How a child is. One that is held looks like that when nothing of it runs any more. */
export function lookOf(child: Pick<ChildDescription, "phase" | "operation" | "lastExit" | "nextStartUnixNanos">): StateLook {
  const isDown = child.phase === "stopped" || child.phase === "declared" || child.phase === "failed";
  const held = HELD[child.operation];
  if (held !== undefined && isDown) return held;
  if (child.phase === "stopped" && child.nextStartUnixNanos !== undefined) return { mark: "◷", word: "scheduled", color: "dim" };
  if (child.phase === "stopped" && child.lastExit === FINISHED) return { mark: "✓", word: "done", color: "green" };
  return LOOKS[child.phase] ?? { mark: "?", word: cleanText(child.phase, 32), color: "yellow" };
}

/** What else there is to say of a child, in a few words; empty where all is well. */
export function noteOf(child: ChildDescription, now: Nanos): string {
  const notes: string[] = [];
  if (child.waitingFor.length > 0) notes.push(`waits for ${child.waitingFor.join(", ")}`);
  const isDown = child.phase !== "ready" && child.phase !== "running";
  if (isDown && child.lastExit !== null && child.lastExit !== FINISHED) notes.push(child.lastExit);
  if (child.nextStartUnixNanos !== undefined) notes.push(`starts ${soon(child.nextStartUnixNanos, now)}`);
  if (child.stopCause !== null) notes.push(`is stopped because of ${child.stopCause}`);
  if (child.fuse.state !== "closed") notes.push(`fuse ${child.fuse.state}`);
  if (child.health === "unhealthy" || child.health === "stale") notes.push(child.health);
  notes.push(...child.lints.map((lint) => lint.replaceAll("_", " ")));
  return cleanText(notes.join("; "), 512);
}

/** When something will be, from now on. */
export function soon(at: Nanos, now: Nanos): string {
  const ms = msBetween(now, at);
  return ms <= 0 ? "at once" : `in ${ms < 60_000 ? duration(ms) : age(ms)}`;
}
