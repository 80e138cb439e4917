/** A process of the operating system, in a process group of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";
import type { Exit } from "../../event/mod.ts";
import { platform } from "../../platform/mod.ts";
import type { ProcessOptions, StopPolicy } from "../../spec/mod.ts";
import { withoutSystemd } from "../systemd_variables.ts";
import { OutputCapture } from "./output.ts";
import { watchPid } from "./pid_watch.ts";
import { groupExists, HAS_GROUPS, signalProcess, sweepGroup } from "./process_group.ts";
import { startFailure } from "./start_failure.ts";
import type { AttemptContext, ChildAdapter, RunningChild } from "./types.ts";

/** What runs, and which exit codes are a success. */
export type ProcessPlan = ProcessOptions & { readonly successExitCodes?: readonly number[] };

/** How the process is asked to stop. */
export type ProcessStop = Pick<StopPolicy, "signal" | "killTree">;

/** Returns the adapter of a process. */
export function processAdapter(plan: ProcessPlan, stop: ProcessStop): ChildAdapter {
  return { start: (context) => new ProcessAttempt(plan, stop, context) };
}

class ProcessAttempt implements RunningChild {
  readonly #plan: ProcessPlan;
  readonly #stop: ProcessStop;
  readonly #context: AttemptContext;
  readonly #child: ChildProcess | undefined;
  readonly #output = new OutputCapture({ canWait: true });
  readonly #unguard = platform.guardUnknownSignals();
  #unwatch: () => void = () => {};
  #close: () => void = () => {};
  #asked = false;
  #forced = false;
  #isOver = false;

  constructor(plan: ProcessPlan, stop: ProcessStop, context: AttemptContext) {
    this.#plan = plan;
    this.#stop = stop;
    this.#context = context;
    try {
      this.#child = this.#spawn();
    } catch (error) {
      this.#notStarted(error);
      return;
    }
    const child = this.#child;
    this.#output.add(child.stdout, "stdout", context);
    this.#output.add(child.stderr, "stderr", context);
    child.on("spawn", () => context.running());
    child.on("exit", (code, signal) => this.#exited(code, signal));
    // The event also tells of signals that could not be sent, which is no failure to start.
    child.on("error", (error) => child.pid === undefined && this.#notStarted(error));
    if (child.pid === undefined) return;
    this.#unwatch = watchPid(child.pid, () => this.#exited(null, null));
    const { pid } = child;
    this.#close = context.opened("process", HAS_GROUPS ? `process group ${pid}` : `process ${pid}`, () => groupExists(pid));
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Asks once: many programs take a second signal for an order to drop everything. */
  cancel(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#signal(this.#stop.signal);
  }

  kill(): void {
    this.#forced = true;
    this.#signal("SIGKILL");
  }

  #spawn(): ChildProcess {
    const { command, args = [], cwd, shell = false } = this.#plan;
    const [file, argv] = shell ? ["/bin/sh", ["-c", command, "sh", ...args]] : [command, [...args]];
    const env = { ...withoutSystemd(process.env), ...Object.fromEntries(this.#context.environment) };
    return spawn(file, argv, { cwd, env, detached: HAS_GROUPS, stdio: ["ignore", "pipe", "pipe"] });
  }

  #signal(signal: string): void {
    if (this.#child !== undefined && !this.#isOver) signalProcess(this.#child, signal, this.#stop.killTree);
  }

  async #notStarted(error: unknown): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    const failure = await startFailure(error, this.#plan, this.#context.environment);
    this.#report({ kind: "failed", failure });
  }

  /** `exit` counts, not `close`, which waits for grandchildren that hold the pipes. */
  #exited(code: number | null, signal: string | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#unwatch();
    const exit = this.#exitOf(code, signal);
    const drain = (): void => this.#output.drain(() => this.#report(exit));
    if (this.#stop.killTree && this.pid !== undefined) sweepGroup(this.pid, drain);
    else drain();
  }

  #report(exit: Exit): void {
    this.#unguard();
    // What was killed may count as there until the system has cleared it away; what was to be left alone stays on the account.
    if (this.#stop.killTree || this.pid === undefined || !groupExists(this.pid)) this.#close();
    this.#context.exited(exit);
  }

  #exitOf(code: number | null, signal: string | null): Exit {
    if (this.#forced) return { kind: "killed" };
    const succeeded = code !== null && (this.#plan.successExitCodes ?? [0]).includes(code);
    if (this.#asked && (succeeded || this.#isStopSignal(code, signal))) return { kind: "cancelled" };
    if (succeeded) return { kind: "succeeded", exitCode: code };
    if (code !== null) {
      return { kind: "failed", failure: { kind: "error", category: "exit_code", message: `exited with code ${code}`, exitCode: code } };
    }
    if (signal !== null) {
      return { kind: "failed", failure: { kind: "error", category: "signal", message: `ended by signal ${signal}`, signal } };
    }
    return { kind: "failed", failure: { kind: "error", category: "signal", message: "ended by a signal that the runtime does not know" } };
  }

  /** A shell says 128 and the number for a signal that ended its command. */
  #isStopSignal(code: number | null, signal: string | null): boolean {
    const number = Object.entries(constants.signals).find(([name]) => name === this.#stop.signal)?.[1];
    return signal === this.#stop.signal || (number !== undefined && code === 128 + number);
  }
}
