/** Runs the programs around the attempts of a process. */
import { type ChildProcess, spawn } from "node:child_process";
import { cleanText } from "../../base/mod.ts";
import { platform } from "../../platform/mod.ts";
import type { HookOptions, HookProgram, ProcessOptions } from "../../spec/mod.ts";
import { OutputCapture } from "./output.ts";
import { parentDeath } from "./parent_death.ts";
import { watchPid } from "./pid_watch.ts";
import { groupExists, HAS_GROUPS, signalProcess, sweepGroup } from "./process_group.ts";
import { startFailure } from "./start_failure.ts";
import type { AttemptContext } from "./types.ts";

/** Longest time in milliseconds of a program that says nothing of its own. */
export const HOOK_TIMEOUT_MS = 10_000;

/** Time in milliseconds that a killed program has to be gone; one that hangs in the kernel must not hold everything up. */
const GONE_MS = 500;

/** Longest reason in characters. */
const LONGEST_REASON = 1_024;

/** Its name in files and in what is told. */
const HOOK_NAMES: Readonly<Record<keyof HookOptions, string>> = {
  beforeStart: "before_start",
  afterStart: "after_start",
  beforeStop: "before_stop",
  afterExit: "after_exit",
};

/** What a program shares with the process that it belongs to. */
export interface HookPlace extends Pick<ProcessOptions, "cwd" | "uid" | "gid" | "stopOnParentDeath"> {
  /** All variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A program that runs. */
export interface RunningHook {
  /** Which one it is. */
  readonly name: keyof HookOptions;
  /** Resolves when nothing of it is left: with `null` when it succeeded, else with what it did instead. */
  readonly ended: Promise<string | null>;
  /** Asks it to end. */
  cancel(): void;
  /** Ends it. */
  kill(): void;
}

/** Starts a program in a process group of its own. */
export function runHook(name: keyof HookOptions, program: HookProgram, place: HookPlace, context: AttemptContext): RunningHook {
  return new HookRun(name, program, place, context);
}

class HookRun implements RunningHook {
  readonly name: keyof HookOptions;
  readonly ended: Promise<string | null>;
  readonly #program: HookProgram;
  readonly #output = new OutputCapture({ canWait: true });
  readonly #unguard = platform.guardUnknownSignals();
  readonly #resolve: (problem: string | null) => void;
  readonly #context: AttemptContext;
  #child: ChildProcess | undefined;
  #unwatch: () => void = () => {};
  #close: () => void = () => {};
  #clearTimer: () => void = () => {};
  /** Why it is ended, if it is. */
  #reason: string | null = null;
  #hasExited = false;
  #isOver = false;

  constructor(name: keyof HookOptions, program: HookProgram, place: HookPlace, context: AttemptContext) {
    let resolve: (problem: string | null) => void = () => {};
    this.ended = new Promise((settle) => resolve = settle);
    this.#resolve = resolve;
    this.name = name;
    this.#program = program;
    this.#context = context;
    try {
      this.#start(place);
    } catch (error) {
      this.#notStarted(error, place);
    }
  }

  cancel(): void {
    this.#end("was asked to end", "SIGTERM");
  }

  kill(): void {
    this.#end("was killed", "SIGKILL");
  }

  #start({ stopOnParentDeath, ...place }: HookPlace): void {
    const { command, args = [], timeoutMs = HOOK_TIMEOUT_MS } = this.#program;
    const child = this.#context.launch(() =>
      spawn(command, [...args], { ...place, detached: HAS_GROUPS, stdio: ["ignore", "pipe", "pipe"] })
    );
    this.#child = child;
    const { pid } = child;
    if (pid !== undefined && stopOnParentDeath !== false) parentDeath.add(pid, (line) => this.#context.output("log", line));
    this.#output.add(child.stdout, "stdout", this.#context);
    this.#output.add(child.stderr, "stderr", this.#context);
    child.on("exit", (code, signal) => this.#exited(code, signal));
    // The event also tells of signals that could not be sent, which is no failure to start.
    child.on("error", (error) => child.pid === undefined && this.#notStarted(error, place));
    if (pid === undefined) return;
    this.#unwatch = watchPid(pid, () => this.#exited(null, null));
    const what = `${HAS_GROUPS ? "process group" : "process"} ${pid} of hook ${HOOK_NAMES[this.name]}`;
    this.#close = this.#context.opened("process", what, () => groupExists(pid), pid);
    this.#clearTimer = this.#context.clock.setTimer(() => this.#end(`took longer than ${timeoutMs} ms`, "SIGKILL"), timeoutMs);
  }

  /** The first reason counts. */
  #end(reason: string, signal: "SIGTERM" | "SIGKILL"): void {
    if (this.#isOver || this.#hasExited || this.#child === undefined) return;
    this.#reason ??= reason;
    signalProcess(this.#child, signal, true);
    if (signal === "SIGTERM") return;
    this.#clearTimer();
    // Its entry on the account stays.
    this.#clearTimer = this.#context.clock.setTimer(() => this.#finish(this.#reason, { isGone: false }), GONE_MS);
  }

  async #notStarted(error: unknown, { cwd, uid, gid, env }: HookPlace): Promise<void> {
    const path = env["PATH"];
    const environment = new Map(path === undefined ? [] : [["PATH", path]]);
    const { message } = await startFailure(error, { command: this.#program.command, cwd, uid, gid }, environment);
    this.#finish(`could not be started: ${message}`);
  }

  #exited(code: number | null, signal: string | null): void {
    if (this.#isOver || this.#hasExited) return;
    this.#hasExited = true;
    const pid = this.#child?.pid;
    if (pid !== undefined) parentDeath.remove(pid);
    this.#clearTimer();
    this.#unwatch();
    const problem = this.#reason ?? outcomeOf(code, signal);
    const finish = (): void => this.#output.drain(() => this.#finish(problem));
    if (pid === undefined) finish();
    else sweepGroup(pid, finish);
  }

  #finish(problem: string | null, { isGone = true }: { readonly isGone?: boolean } = {}): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#clearTimer();
    this.#unwatch();
    this.#unguard();
    if (isGone) this.#close();
    const { command } = this.#program;
    this.#resolve(problem === null ? null : cleanText(`hook ${HOOK_NAMES[this.name]} "${command}" ${problem}`, LONGEST_REASON));
  }
}

function outcomeOf(code: number | null, signal: string | null): string | null {
  if (code === 0) return null;
  if (code !== null) return `exited with code ${code}`;
  return signal === null ? "ended by a signal that the runtime does not know" : `ended by signal ${signal}`;
}
