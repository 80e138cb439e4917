/** Commands of the socket, carried out on the tree. */
import { cleanText, didYouMean, lastName, ReeveError, thrownMessage } from "../base/mod.ts";
import type { Exit } from "../event/mod.ts";
import { type CommandKind, type ExtensionKind, type WireCommand, type WireError, wireError } from "../protocol/mod.ts";
import { type Child, type ChildSnapshot, type CommandResult, flatten, recordedElsewhere, type Report, type Tree } from "../runtime/mod.ts";
import type { ChildSpec, TreeSpec } from "../spec/mod.ts";
import { failureOf, limitOf, livenessOf, managedState, statusOf, stopState } from "./rows.ts";
import type { WireTime } from "./wire_time.ts";

/** What commands need beside their tree. */
export interface CommandHost {
  readonly tree: Tree;
  readonly targetId: string;
  readonly time: WireTime;
  /** Makes a declaration of a child out of a text; without it nothing can be added. */
  readonly parseChild: ((manifest: string) => ChildSpec | Promise<ChildSpec>) | undefined;
  /** Reads the declaration of the tree anew; without it nothing is reloaded over the socket. */
  readonly reload: (() => Promise<NewDeclaration>) | undefined;
  /** Why a declaration may not be added over the socket, `null` when it may. */
  readonly refuseChild: (spec: ChildSpec) => WireError | null;
}

/** A declaration that is to count from now on. */
export interface NewDeclaration {
  /** The tree as it is to be. */
  readonly spec: TreeSpec;
  /** Version of its configuration. */
  readonly configVersion?: string;
  /** Called when it counts, before that is answered. */
  readonly onApplied?: () => void;
}

/** Longest time in milliseconds for which the answer to a shutdown waits for its end. */
const SHUTDOWN_MS = 30_000;

const CONTROLS = {
  restart_child: "restart",
  pause_child: "pause",
  resume_child: "resume",
  quarantine_child: "quarantine",
  remove_child: "remove",
  start_child: "start",
  terminate_child: "terminate",
  release_child: "release",
  reset_fuse: "resetFuse",
} as const satisfies Partial<Record<CommandKind | ExtensionKind, keyof Child>>;

/** What became of a command. */
export interface Outcome {
  /** What its answer says of it. */
  readonly result: object;
  /** Why it was refused, which `result` says as well; `null` when it was not. */
  readonly error: WireError | null;
}

/** Carries a command out, of which the socket writes the records; never rejects. */
export async function runCommand(host: CommandHost, command: WireCommand): Promise<Outcome> {
  const { stateDelta, error = null } = await outcomeOf(host, command);
  const result = {
    command_id: command.commandId,
    target_id: host.targetId,
    accepted: error === null,
    status: error === null ? "completed" : "failed",
    error,
    state_delta: stateDelta,
    completed_at_unix_nanos: host.time.now(),
  };
  return { result, error };
}

type Delta = { readonly stateDelta: object | null; readonly error?: WireError };

async function outcomeOf(host: CommandHost, command: WireCommand): Promise<Delta> {
  try {
    if (command.kind === "shutdown_tree") return await shutDown(host, command);
    if (command.kind === "add_child") return await addChild(host, command);
    if (command.kind === "reload") return await reload(host, command);
    if (command.kind === "start_template" || command.kind === "scale") return await copy(host, command);
    if (command.kind === "rolling_restart") return await rollingRestart(host, command);
    return await control(host, command, command.kind);
  } catch (error) {
    const retryable = error instanceof ReeveError && error.code === "too_many_commands";
    return { stateDelta: null, error: failed(host, thrownMessage(error), retryable) };
  }
}

function failed({ targetId }: CommandHost, message: string, retryable = false): WireError {
  return wireError("command_failed", cleanText(message, 1024), targetId, retryable);
}

async function control(
  host: CommandHost,
  { childPath, reason, requestedBy: by }: WireCommand,
  kind: keyof typeof CONTROLS,
): Promise<Delta> {
  if (childPath === null) return withoutChild(host);
  const path = findPath(host.tree, childPath, kind === "remove_child");
  const before = host.tree.child(path);
  const result = await before[CONTROLS[kind]](recordedElsewhere({ by, reason }));
  return {
    stateDelta: { outcome: childOutcome(host, { before, after: childAt(host.tree, path) ?? before, result, kind }), type: "child_control" },
  };
}

function withoutChild(host: CommandHost): Delta {
  return { stateDelta: null, error: { ...failed(host, "child_path is missing"), code: "validation_failed", stage: "command_validate" } };
}

/** The exact path first; else the last segment, where exactly one child has it, unless what is asked destroys something. */
export function findPath(tree: Tree, asked: string, exactOnly: boolean): string {
  const paths = flatten(tree.snapshot().children).map(({ path }) => path);
  if (paths.includes(asked)) return asked;
  const name = asked.split("/").filter((segment) => segment !== "").at(-1) ?? asked;
  const found = paths.filter((path) => lastName(path) === name);
  if (found.length === 1 && !exactOnly) return found[0]!;
  const hint = found.length > 0 ? `Name one of ${found.slice(0, 5).join(", ")}` : didYouMean(asked, paths);
  throw new ReeveError("child_not_found", `unknown child "${cleanText(asked, 128)}"`, { hint });
}

function childAt(tree: Tree, path: string): ChildSnapshot | undefined {
  try {
    return tree.child(path);
  } catch {
    return undefined;
  }
}

interface Controlled {
  readonly before: ChildSnapshot;
  readonly after: ChildSnapshot;
  readonly result: CommandResult;
  readonly kind: keyof typeof CONTROLS;
}

/** Members in the order of their names, as the reference writes them here. */
function childOutcome({ time }: CommandHost, { before, after, result, kind }: Controlled): object {
  const status = statusOf(before);
  return {
    attempt: status === null ? null : before.attempt,
    cancel_delivered: result.cancelDelivered,
    child_id: lastName(before.path),
    failure: failureOf(after),
    generation: status === null ? null : before.generation,
    generation_fence: kind === "restart_child" ? fenceOf(before, result) : null,
    idempotent: result.outcome === "idempotent",
    liveness: livenessOf(after, time),
    managed_child_state_after: managedState({ ...after, operation: result.operationAfter }),
    managed_child_state_before: managedState({ ...before, operation: result.operationBefore }),
    operation_after: result.operationAfter,
    operation_before: result.operationBefore,
    restart_limit: limitOf(after, time),
    status: statusOf(after),
    stop_state: stopState(after),
  };
}

function fenceOf(before: ChildSnapshot, { decision, cancelDelivered }: CommandResult): object {
  const isLive = statusOf(before) !== null;
  return {
    abort_requested: before.phase === "killing",
    cancel_delivered: cancelDelivered,
    conflict: null,
    decision: decision ?? "already_pending",
    old_attempt: isLive ? before.attempt : null,
    old_generation: isLive ? before.generation : null,
    target_generation: before.generation + 1,
  };
}

async function addChild(host: CommandHost, { childManifest, to, reason, requestedBy: by }: WireCommand): Promise<Delta> {
  if (host.parseChild === undefined) return { stateDelta: null, error: failed(host, "this target adds no children over the socket") };
  if (childManifest === null) return { stateDelta: null, error: failed(host, "configuration error: child_manifest is missing") };
  const spec = await host.parseChild(childManifest);
  const refusal = host.refuseChild(spec);
  if (refusal !== null) return { stateDelta: null, error: { ...refusal, target_id: host.targetId } };
  const place = to === null ? "/" : supervisorPath(host.tree, to);
  const { path } = await host.tree.add(spec, recordedElsewhere({ by, reason, to: place }));
  // Who names the place is told the path; the reference says nothing of either.
  return { stateDelta: { ...to === null ? {} : { added: [path] }, child_manifest: childManifest, type: "child_added" } };
}

/** Reads the declaration anew and applies it, or says what that would do. */
async function reload(host: CommandHost, { dryRun, reason, requestedBy: by }: WireCommand): Promise<Delta> {
  if (host.reload === undefined) return { stateDelta: null, error: failed(host, "this target is not reloaded over the socket") };
  const { spec, configVersion, onApplied } = await host.reload();
  const { applied, unchanged, changes, failed: notDone } = await host.tree.apply(
    spec,
    recordedElsewhere({ dryRun, by, reason, configVersion }),
  );
  if (!dryRun) onApplied?.();
  return { stateDelta: { applied, unchanged, changes, failed: notDone, type: "reloaded" } };
}

/** Makes copies of a template, or removes some; the child named is the supervisor that gets them. */
async function copy({ tree }: CommandHost, { childPath, template, count, args, reason, requestedBy: by }: WireCommand): Promise<Delta> {
  const request = recordedElsewhere({ by, reason, args, to: childPath === null ? "/" : supervisorPath(tree, childPath) });
  const { added, removed } = count === null
    ? { added: [(await tree.startTemplate(template ?? "", request)).path], removed: [] }
    : await tree.scale(template ?? "", count, request);
  return { stateDelta: { added, removed, type: "scaled" } };
}

/** The path of a supervisor, the root among them. */
function supervisorPath(tree: Tree, asked: string): string {
  return asked === "/" ? "/" : findPath(tree, asked, true);
}

/** Starts the copies of a child anew, one after another; answered when that is done. */
async function rollingRestart(host: CommandHost, { childPath, reason, requestedBy: by }: WireCommand): Promise<Delta> {
  if (childPath === null) return withoutChild(host);
  const path = findPath(host.tree, childPath, false);
  const { restarted, failed: notDone } = await host.tree.rollingRestart(path, recordedElsewhere({ by, reason }));
  return { stateDelta: { restarted, failed: notDone, type: "rolled" } };
}

/** Answered at the end of the shutdown, or after a time without its report. */
async function shutDown({ tree, time }: CommandHost, { reason, requestedBy, force }: WireCommand): Promise<Delta> {
  const { phase } = tree.snapshot();
  const idempotent = phase !== "running";
  const startedAt = time.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tooLong = new Promise<null>((resolve) => timer = setTimeout(resolve, SHUTDOWN_MS, null));
  const report = await Promise.race([tree.shutdown(recordedElsewhere({ by: requestedBy, reason, force })), tooLong]);
  clearTimeout(timer);
  const cause = { reason: report?.cause.reason ?? reason, requested_by: report?.cause.requestedBy ?? requestedBy };
  return {
    stateDelta: {
      result: {
        cause,
        idempotent,
        phase: report === null ? "GracefulDrain" : "Completed",
        report: report === null ? null : reportOf(report, { cause, startedAt, completedAt: time.now(), idempotent }),
      },
      type: "shutdown",
    },
  };
}

interface ShutdownFacts {
  readonly cause: object;
  readonly startedAt: bigint;
  readonly completedAt: bigint;
  readonly idempotent: boolean;
}

const STATUSES = {
  already_exited: ["AlreadyExited", "Reconcile", "it was not running"],
  graceful: ["Graceful", "GracefulDrain", "it ended in time"],
  aborted: ["Aborted", "AbortStragglers", "it was forced"],
  abort_failed: ["AbortFailed", "AbortStragglers", "it did not end"],
  late_report: ["LateReport", "AbortStragglers", "it ended late"],
} as const;

function reportOf({ children, reconcile }: Report, { cause, startedAt, completedAt, idempotent }: ShutdownFacts): object {
  const left = new Set(reconcile.left.map(({ kind }) => kind));
  return {
    cause,
    completed_at_unix_nanos: completedAt,
    idempotent,
    outcomes: children.map(({ path, starts, restarts, lastExit, status }) => {
      const [word, phase, why] = STATUSES[status];
      return {
        cancel_delivered: status !== "already_exited",
        child_id: { value: lastName(path) },
        child_start_count: { value: starts },
        exit: lastExit === null ? null : wireExit(lastExit),
        generation: { value: restarts },
        path: { segments: path.split("/").slice(1) },
        phase,
        reason: why,
        status: word,
      };
    }),
    phase: "Completed",
    reconcile: {
      journal_status: "Recorded",
      metrics_status: "NotOwned",
      orphan_slots: reconcile.left.filter(({ kind }) => kind === "attempt").map(({ owner }) => ({ value: lastName(owner) })),
      registry_status: "Cleaned",
      runtime_handle_status: left.has("attempt") || left.has("process") || left.has("timer") ? "Failed" : "Cleaned",
      socket_status: left.has("socket") ? "Failed" : "Cleaned",
      total_slots_checked: reconcile.checked,
      verified_clean: reconcile.verifiedClean,
      warnings: reconcile.left.map(({ owner, detail }) => `${owner}: ${detail}`),
    },
    started_at_unix_nanos: startedAt,
  };
}

const FAILURE_KINDS: ReadonlyMap<string, string> = new Map([["timeout", "Timeout"], ["unhealthy", "Unhealthy"], ["panic", "Panic"]]);

function wireExit(exit: Exit): unknown {
  switch (exit.kind) {
    case "succeeded":
      return "Succeeded";
    case "cancelled":
    case "killed":
      return "Cancelled";
    case "timed_out":
      return "TimedOut";
    case "panicked":
      return { Panicked: exit.failure.message };
    case "failed": {
      const { kind, category, message } = exit.failure;
      return { Failed: { kind: FAILURE_KINDS.get(kind) ?? "Error", category, message } };
    }
  }
}
