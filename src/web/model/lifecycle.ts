/** Which state of a child a record tells of. */
import { type Raw, rawOf, textOf } from "./read.ts";

/** States by which rows can be found, as the words of the page have them. */
export const STATES: readonly string[] = [
  "waiting",
  "backoff",
  "queued",
  "starting",
  "running",
  "ready",
  "draining",
  "stopping",
  "killing",
  "stopped",
  "done",
  "failed",
  "abandoned",
  "paused",
  "quarantined",
  "removed",
];

/** The state that begins with an event, by its name on the wire. */
const BEGUN: Readonly<Record<string, string>> = {
  ChildWaiting: "waiting",
  BackoffScheduled: "backoff",
  ChildRestarting: "backoff",
  ChildRestartQueued: "queued",
  ChildStarting: "starting",
  ChildRunning: "running",
  ChildNotReady: "running",
  ChildReady: "ready",
  ChildDraining: "draining",
  ChildStopping: "stopping",
  ChildKilling: "killing",
  ChildStopped: "stopped",
  ChildShutdown: "stopped",
  ChildSucceeded: "done",
  ChildFailed: "failed",
  ChildAbandoned: "abandoned",
  ChildRemoved: "removed",
};

/** What the reference calls otherwise. */
const OTHERWISE: Readonly<Record<string, string>> = { restarting: "backoff", completed: "done" };

/** An operator holds a child, or lets it go: the sentence begins with how it is then. */
const HELD = /^(paused|quarantined|removed) by /;

/** The state of which an event tells; the empty text where it tells of none. */
export function stateOfEvent(raw: Raw, sentence: string): string {
  const told = toldState(raw["payload"]);
  if (told !== "") return told;
  const type = textOf(raw["event_type"]) ?? "";
  if (type === "ChildControlOperationChanged") return HELD.exec(sentence)?.[1] ?? "";
  return Object.hasOwn(BEGUN, type) ? BEGUN[type] ?? "" : "";
}

/** The state that a record names by itself, as those of the reference do. */
export function toldState(members: unknown): string {
  const state = textOf(rawOf(members)["lifecycle_state"]) ?? "";
  return Object.hasOwn(OTHERWISE, state) ? OTHERWISE[state] ?? "" : state;
}
