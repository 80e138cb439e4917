/** A process of the operating system, in a process group of its own, with the programs around it. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";
import { cleanText, thrownMessage } from "../../base/mod.ts";
import type { Exit } from "../../event/mod.ts";
import { platform } from "../../platform/mod.ts";
import type { HookOptions, HookProgram, ProcessOptions, ResourceLimits, SignalStep, StopPolicy } from "../../spec/mod.ts";
import type { HandedSockets } from "../held_sockets.ts";
import { withoutSystemd } from "../systemd_variables.ts";
import { Belongings } from "./belongings.ts";
import { readEnvFile } from "./env_file.ts";
import { HOOK_TIMEOUT_MS, runHook, type RunningHook } from "./hooks.ts";
import { OutputCapture, type OutputTaker } from "./output.ts";
import { watchPid } from "./pid_watch.ts";
import { groupExists, HAS_GROUPS, signalProcess, sweepGroup } from "./process_group.ts";
import { MARK } from "./process_table.ts";
import { commandLine, withListenPid } from "./command_line.ts";
import { envFileFailure, startFailure } from "./start_failure.ts";
import type { AttemptContext, ChildAdapter, RunningChild } from "./types.ts";

/** What runs, what runs around it, and which exit codes are a success. */
export interface ProcessPlan extends ProcessOptions {
  readonly successExitCodes?: readonly number[];
  readonly hooks?: HookOptions;
  readonly resourceLimits?: ResourceLimits;
}

/** How the process is asked to stop; what is forced from outside comes by `kill()`. */
export interface ProcessStop extends Pick<StopPolicy, "signal" | "killTree">, Partial<Pick<StopPolicy, "timeoutMs" | "killWaitMs">> {
  /** What follows the signal. @default {[]} */
  readonly thenSignals?: readonly SignalStep[];
}

/** Returns the adapter of a process. */
export function processAdapter(plan: ProcessPlan, stop: ProcessStop): ChildAdapter {
  return { start: (context) => new ProcessAttempt(plan, stop, context).begin() };
}

/** Most lines, and most characters of one, that are kept for readiness while something still goes before it. */
const MOST_EARLY_LINES = 1_000;
const LONGEST_EARLY_LINE = 8_192;

/** The share of the time after forcing that the last program gets; the rest is for what comes before and after. */
const SHARE_AFTER_FORCE = 0.5;

const CANCELLED: Exit = { kind: "cancelled" };
const KILLED: Exit = { kind: "killed" };
const NO_VARIABLES: ReadonlyMap<string, string> = new Map();

/** From "preparing", where there is no process yet, over "running" and "ended", where it is gone, to "over": the exit was reported. */
type Phase = "preparing" | "running" | "ended" | "over";

class ProcessAttempt implements RunningChild {
  readonly #plan: ProcessPlan;
  readonly #hooks: HookOptions;
  readonly #stop: ProcessStop;
  readonly #context: AttemptContext;
  readonly #belongings: Belongings;
  readonly #output = new OutputCapture({ canWait: true });
  readonly #unguard = platform.guardUnknownSignals();
  readonly #timers: (() => void)[] = [];
  /** The programs around it that run now. */
  readonly #running = new Set<RunningHook>();
  /** Signals by which it was asked. */
  readonly #sent: string[] = [];
  #phase: Phase = "preparing";
  #variables = NO_VARIABLES;
  #sockets: HandedSockets = { fds: [], variables: {} };
  #child: ChildProcess | undefined;
  /** What it printed before it may count as ready. */
  #early: string[] | null = null;
  /** All that goes before it may count as ready. */
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  /** Whether what carries the mark was looked for since anything that may start it has run. */
  #isSwept = true;
  /** What `afterStart` did wrong. */
  #startProblem: string | null = null;
  #unwatch: () => void = () => {};
  #close: () => void = () => {};
  #asked = false;
  #forced = false;

  constructor(plan: ProcessPlan, stop: ProcessStop, context: AttemptContext) {
    this.#plan = plan;
    this.#hooks = plan.hooks ?? {};
    this.#stop = stop;
    this.#context = context;
    this.#belongings = new Belongings({ ...plan, killTree: stop.killTree, mark: context.mark }, (line) => this.#tell(line));
  }

  begin(): this {
    const { envFile, listen = [] } = this.#plan;
    if (envFile === undefined && listen.length === 0 && this.#hooks.beforeStart === undefined) this.#launch();
    else void this.#prepare();
    return this;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Asks once: many programs take a second signal for an order to drop everything. */
  cancel(): void {
    if (this.#asked) return;
    this.#asked = true;
    if (this.#phase === "preparing" && this.#running.size === 0) return this.#report(CANCELLED);
    if (this.#phase === "preparing" || this.#phase === "running") { for (const hook of this.#running) hook.cancel(); }
    if (this.#phase !== "running") return;
    // One that could not be started properly is on its way out already.
    if (this.#hooks.beforeStop === undefined || this.#startProblem !== null) this.#ask();
    else this.#stopping = this.#beforeStop(this.#hooks.beforeStop);
  }

  kill(): void {
    this.#forced = true;
    for (const hook of this.#running) hook.kill();
    if (this.#phase === "preparing" && this.#running.size === 0) this.#report(KILLED);
    this.#signal("SIGKILL");
  }

  // --- before there is a process ---------------------------------------------------------------------------------------------------------

  async #prepare(): Promise<void> {
    const { envFile } = this.#plan;
    if (envFile !== undefined) {
      const found = await readEnvFile(envFile);
      if (this.#phase === "over") return;
      if ("problem" in found) return this.#report({ kind: "failed", failure: envFileFailure(found.problem) });
      this.#variables = found.variables;
    }
    if (!await this.#listen()) return;
    const { beforeStart } = this.#hooks;
    const problem = beforeStart === undefined ? null : await this.#runHook("beforeStart", beforeStart);
    if (!this.#forced && !this.#asked && problem === null) return this.#launch();
    this.#phase = "ended";
    await this.#sweep();
    if (this.#forced) return this.#report(KILLED);
    this.#report(problem === null || this.#asked ? CANCELLED : failedBy("before_start_failed", problem));
  }

  /** Gets its sockets; whether it goes on. */
  async #listen(): Promise<boolean> {
    const { listen = [] } = this.#plan;
    if (listen.length === 0) return true;
    try {
      this.#sockets = await this.#context.sockets.hand(listen);
    } catch (error) {
      this.#report(failedBy("listen_failed", thrownMessage(error)));
    }
    return this.#phase === "preparing";
  }

  // --- from the start to the first stop --------------------------------------------------------------------------------------------------

  #launch(): void {
    this.#phase = "running";
    try {
      this.#child = this.#spawn();
    } catch (error) {
      this.#notStarted(error);
      return;
    }
    const child = this.#child;
    if (this.#hooks.afterStart !== undefined) this.#early = [];
    const taker = this.#hooks.afterStart === undefined ? this.#context : this.#listener();
    this.#output.add(child.stdout, "stdout", taker);
    this.#output.add(child.stderr, "stderr", taker);
    child.on("spawn", () => this.#spawned());
    child.on("exit", (code, signal) => this.#exited(code, signal));
    // The event also tells of signals that could not be sent, which is no failure to start.
    child.on("error", (error) => child.pid === undefined && this.#notStarted(error));
    if (child.pid !== undefined) this.#launched(child.pid);
  }

  #spawn(): ChildProcess {
    const { fds, variables } = this.#sockets;
    const own = this.#belongings.command(...commandLine(this.#plan));
    const [file, argv] = fds.length === 0 ? own : withListenPid(...own);
    const { env, ...place } = this.#place();
    const stdio = ["ignore", "pipe", "pipe", ...fds] as const;
    return this.#context.launch(() =>
      spawn(file, argv, { ...place, env: { ...env, ...variables }, detached: HAS_GROUPS, stdio: [...stdio] })
    );
  }

  /** Where and as whom everything of the child runs. */
  #place(): { env: Record<string, string | undefined>; cwd?: string; uid?: number; gid?: number } {
    const { cwd, uid, gid } = this.#plan;
    const env = {
      ...withoutSystemd(process.env),
      ...Object.fromEntries(this.#variables),
      ...Object.fromEntries(this.#context.environment),
      [MARK]: this.#context.mark,
    };
    return { env, cwd, uid, gid };
  }

  /** Takes the output; lines that come before the child may count as ready are heard once it may. */
  #listener(): OutputTaker {
    const context = this.#context;
    return {
      redactor: context.redactor,
      get sink() {
        return context.sink;
      },
      output: (stream, line) => {
        if (this.#early?.push(line.slice(0, LONGEST_EARLY_LINE)) === MOST_EARLY_LINES + 1) this.#early.shift();
        context.output(stream, line);
      },
    };
  }

  /** It has a process id, and nothing was heard of it yet. */
  #launched(pid: number): void {
    this.#belongings.started(pid);
    this.#unwatch = watchPid(pid, () => this.#exited(null, null));
    this.#close = this.#context.opened("process", HAS_GROUPS ? `process group ${pid}` : `process ${pid}`, () => groupExists(pid), pid);
  }

  #spawned(): void {
    const { afterStart } = this.#hooks;
    if (afterStart === undefined) this.#context.running();
    else this.#starting = this.#afterStart(afterStart);
  }

  async #afterStart(hook: HookProgram): Promise<void> {
    const problem = this.#asked ? null : await this.#runHook("afterStart", hook);
    const lines = this.#early ?? [];
    this.#early = null;
    if (this.#asked || this.#forced) return;
    if (problem === null) return this.#context.running(lines);
    this.#startProblem = problem;
    if (this.#phase !== "running") return;
    this.#ask();
    const { timeoutMs = null } = this.#stop;
    if (timeoutMs !== null) this.#later(() => this.#signal("SIGKILL"), timeoutMs);
  }

  // --- stopping --------------------------------------------------------------------------------------------------------------------------

  async #beforeStop(hook: HookProgram): Promise<void> {
    // Where it is to be forced at once, that is said within this turn.
    await Promise.resolve();
    if (!this.#forced) this.#tell(await this.#runHook("beforeStop", hook));
    this.#ask();
  }

  /** The first signal, and those that follow. */
  #ask(): void {
    if (this.#phase !== "running" || this.#forced || this.#sent.length > 0) return;
    const { signal, thenSignals = [] } = this.#stop;
    this.#send(signal);
    for (const step of thenSignals) this.#later(() => this.#send(step.signal), step.afterMs);
  }

  #send(signal: string): void {
    this.#sent.push(signal);
    this.#signal(signal);
  }

  #signal(signal: string): void {
    const child = this.#child;
    if (child === undefined || this.#phase !== "running") return;
    this.#belongings.beforeSignal(() => this.#phase === "running" && signalProcess(child, signal, this.#stop.killTree));
  }

  #later(callback: () => void, delayMs: number): void {
    this.#timers.push(this.#context.clock.setTimer(callback, delayMs));
  }

  // --- the end ---------------------------------------------------------------------------------------------------------------------------

  async #notStarted(error: unknown): Promise<void> {
    if (this.#phase !== "running") return;
    this.#phase = "ended";
    const environment = new Map([...this.#variables, ...this.#context.environment]);
    this.#report({ kind: "failed", failure: await startFailure(error, this.#plan, environment) });
  }

  /** `exit` counts, not `close`, which waits for grandchildren that hold the pipes. */
  #exited(code: number | null, signal: string | null): void {
    if (this.#phase !== "running") return;
    this.#phase = "ended";
    this.#unwatch();
    this.#belongings.ended();
    for (const clear of this.#timers) clear();
    const exit = this.#exitOf(code, signal);
    const drain = (): void => this.#output.drain(() => this.#drained(exit, code, signal));
    const leave = (): void => void this.#leave().then(drain);
    if (this.#stop.killTree && this.pid !== undefined) sweepGroup(this.pid, leave);
    else leave();
  }

  async #leave(): Promise<void> {
    await this.#belongings.leave(() => this.#forced);
    this.#isSwept = false;
    // Programs around it carry the mark as well, and may have to do what they do.
    if (this.#running.size === 0) await this.#sweep();
  }

  /** Ends what the attempt has left anywhere, unless nothing has run since that was done. */
  async #sweep(): Promise<void> {
    if (this.#isSwept) return;
    this.#isSwept = true;
    await this.#belongings.sweep(() => this.#forced);
  }

  #drained(exit: Exit, code: number | null, signal: string | null): void {
    if (this.#starting === null && this.#stopping === null && this.#hooks.afterExit === undefined) this.#report(exit);
    else void this.#wrapUp(exit, code, signal);
  }

  /** What still runs around the process ends, then what runs after it. */
  async #wrapUp(exit: Exit, code: number | null, signal: string | null): Promise<void> {
    const isOwn = this.#startProblem === null;
    // Nobody has to wait any longer for what has failed to be up.
    if (exit.kind !== "succeeded") { for (const hook of this.#running) if (hook.name === "afterStart") hook.kill(); }
    await this.#starting;
    await this.#stopping;
    await this.#sweep();
    const { afterExit } = this.#hooks;
    if (afterExit !== undefined) {
      const [name, value] = code === null ? ["REEVE_EXIT_SIGNAL", signal ?? "unknown"] as const : ["REEVE_EXIT_CODE", `${code}`] as const;
      this.#tell(await this.#runHook("afterExit", this.#inTime(afterExit), { [name]: value }));
      await this.#sweep();
    }
    const problem = isOwn && exit.kind !== "succeeded" ? null : this.#startProblem;
    this.#report(problem === null ? exit : failedBy("after_start_failed", problem));
  }

  /** What was forced must be over soon. */
  #inTime(hook: HookProgram): HookProgram {
    const { killWaitMs } = this.#stop;
    if (!this.#forced || killWaitMs === undefined) return hook;
    return { ...hook, timeoutMs: Math.min(hook.timeoutMs ?? HOOK_TIMEOUT_MS, Math.max(1, killWaitMs * SHARE_AFTER_FORCE)) };
  }

  #report(exit: Exit): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#unguard();
    this.#belongings.release();
    // What was killed may count as there until the system has cleared it away; what was to be left alone stays on the account.
    if (this.#stop.killTree || this.pid === undefined || !groupExists(this.pid)) this.#close();
    this.#context.exited(exit);
  }

  #exitOf(code: number | null, signal: string | null): Exit {
    if (this.#forced || (signal === "SIGKILL" && this.#sent.includes(signal))) return KILLED;
    const succeeded = code !== null && (this.#plan.successExitCodes ?? [0]).includes(code);
    // What runs before the first signal may have sent it.
    const isEnd = (sent: string): boolean => isEndBy(sent, code, signal);
    if (this.#asked && (succeeded || isEnd(this.#stop.signal) || this.#sent.some(isEnd))) return CANCELLED;
    if (succeeded) return { kind: "succeeded", exitCode: code };
    if (code !== null) {
      return { kind: "failed", failure: { kind: "error", category: "exit_code", message: `exited with code ${code}`, exitCode: code } };
    }
    if (signal !== null) {
      return { kind: "failed", failure: { kind: "error", category: "signal", message: `ended by signal ${signal}`, signal } };
    }
    return { kind: "failed", failure: { kind: "error", category: "signal", message: "ended by a signal that the runtime does not know" } };
  }

  // --- programs around it ----------------------------------------------------------------------------------------------------------------

  /** Resolves with what the program did wrong. */
  async #runHook(name: keyof HookOptions, program: HookProgram, variables: Readonly<Record<string, string>> = {}): Promise<string | null> {
    const { path, attempt } = this.#context;
    const { env, ...place } = this.#place();
    const own = { ...env, REEVE_CHILD: path, REEVE_ATTEMPT: `${attempt}`, ...variables };
    this.#isSwept = false;
    const hook = runHook(name, program, { ...place, env: own, stopOnParentDeath: this.#plan.stopOnParentDeath }, this.#context);
    this.#running.add(hook);
    const problem = await hook.ended;
    this.#running.delete(hook);
    return problem;
  }

  #tell(problem: string | null): void {
    if (problem !== null) this.#context.output("log", problem);
  }
}

/** A shell says 128 and the number for a signal that ended its command. */
function isEndBy(sent: string, code: number | null, signal: string | null): boolean {
  const number = Object.entries(constants.signals).find(([name]) => name === sent)?.[1];
  return signal === sent || (number !== undefined && code === 128 + number);
}

function failedBy(category: string, problem: string): Exit {
  return { kind: "failed", failure: { kind: "error", category, message: cleanText(problem, 1024) } };
}
