/** The handle of a child: how it was when it was asked for, and what can be asked of it. */
import type { ChildCommand, CommandRefusal, CommandResult } from "../core/mod.ts";
import type { ChildSpec } from "../spec/mod.ts";
import type { ChildSnapshot } from "./snapshot.ts";
import type { Child, ChildRequest } from "./tree.ts";

/** Why a command was refused. */
export const REFUSALS: Readonly<Record<CommandRefusal, string>> = {
  supervisor_not_running: "its supervisor is not running",
  child_held: "it is paused or quarantined; resume it",
  child_paused: "it is paused, not quarantined; resume it",
  child_removed: "it is being removed",
  child_needed: "siblings name it, remove them first",
};

/** Asks something of the child. */
export type Ask = (command: ChildCommand, request?: ChildRequest) => Promise<CommandResult>;

/** Puts both together. */
export function childHandle(snapshot: ChildSnapshot, spec: ChildSpec, ask: Ask): Child {
  return {
    ...snapshot,
    spec,
    restart: (request) => ask("restart", request),
    start: (request) => ask("start", request),
    terminate: (request) => ask("terminate", request),
    pause: (request) => ask("pause", request),
    resume: (request) => ask("resume", request),
    quarantine: (request) => ask("quarantine", request),
    remove: (request) => ask("remove", request),
    resetFuse: (request) => ask("reset_fuse", request),
    release: (request) => ask("release", request),
  };
}
