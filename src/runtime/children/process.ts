/** A process of the operating system, in a process group of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import type { Readable } from "node:stream";
import { cleanText } from "../../base/mod.ts";
import type { Exit } from "../../event/mod.ts";
import { platform } from "../../platform/mod.ts";
import type { ProcessOptions, StopPolicy } from "../../spec/mod.ts";
import { lineSplitter } from "./lines.ts";
import { watchPid } from "./pid_watch.ts";
import type { AttemptContext, ChildAdapter, RunningChild } from "./types.ts";

/** How long after the exit the pipes may still deliver, in milliseconds; a grandchild that holds them must not delay the report. */
const DRAIN_MS = 100;

/** How often, in milliseconds, and how many times a killed group is looked at until it is gone. */
const GONE_POLL_MS = 5;
const GONE_POLLS = 20;

/** What runs, and which exit codes are a success. */
export type ProcessPlan = ProcessOptions & { readonly successExitCodes?: readonly number[] };

/** Returns the adapter of a process. */
export function processAdapter(plan: ProcessPlan, stop: Pick<StopPolicy, "signal" | "killTree">): ChildAdapter {
  return { start: (context) => new ProcessAttempt(plan, stop, context) };
}

/** Groups need a session of their own, which Windows does not have. */
const HAS_GROUPS = process.platform !== "win32";

class ProcessAttempt implements RunningChild {
  readonly #plan: ProcessPlan;
  readonly #stop: Pick<StopPolicy, "signal" | "killTree">;
  readonly #context: AttemptContext;
  readonly #child: ChildProcess;
  readonly #unguard = platform.guardUnknownSignals();
  #unwatch: () => void = () => {};
  #asked = false;
  #forced = false;
  #isOver = false;

  constructor(plan: ProcessPlan, stop: Pick<StopPolicy, "signal" | "killTree">, context: AttemptContext) {
    this.#plan = plan;
    this.#stop = stop;
    this.#context = context;
    try {
      this.#child = this.#spawn();
    } catch (error) {
      this.#unguard();
      throw error;
    }
    const drained = [this.#capture(this.#child.stdout, "stdout"), this.#capture(this.#child.stderr, "stderr")];
    this.#child.on("error", (error) => {
      if (this.#child.pid === undefined) this.#finish({ kind: "failed", failure: this.#startFailure(error) });
    });
    this.#child.on("spawn", () => context.running());
    this.#child.on("exit", (code, signal) => this.#exited(code, signal, drained));
    if (this.#child.pid !== undefined) this.#unwatch = watchPid(this.#child.pid, () => this.#exited(null, null, drained));
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  cancel(): void {
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
    const environment = Object.fromEntries(this.#context.environment);
    return spawn(file, argv, { cwd, env: { ...process.env, ...environment }, detached: HAS_GROUPS, stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Captures one stream; resolves when it has ended. */
  #capture(stream: Readable | null, name: "stdout" | "stderr"): Promise<void> {
    if (stream === null) return Promise.resolve();
    const split = lineSplitter((line) => this.#context.output(name, line));
    return new Promise((resolve) => {
      // A pipe that is not read blocks the child: data are always taken, whatever happens to them.
      stream.on("data", (chunk: Uint8Array) => split(chunk));
      stream.on("error", () => resolve());
      stream.on("close", () => {
        split();
        resolve();
      });
    });
  }

  async #exited(code: number | null, signal: string | null, drained: readonly Promise<void>[]): Promise<void> {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#unwatch();
    if (this.#stop.killTree) await this.#sweepGroup();
    await withLimit(Promise.all(drained), DRAIN_MS);
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    this.#finish(this.#exitOf(code, signal));
  }

  #finish(exit: Exit): void {
    this.#isOver = true;
    this.#unwatch();
    this.#unguard();
    this.#context.exited(exit);
  }

  #exitOf(code: number | null, signal: string | null): Exit {
    if (this.#forced) return { kind: "killed" };
    const succeeded = code !== null && (this.#plan.successExitCodes ?? [0]).includes(code);
    if (this.#asked && (succeeded || signal === this.#stop.signal || code === 128 + signalNumber(this.#stop.signal))) return { kind: "cancelled" };
    if (succeeded) return { kind: "succeeded", exitCode: code };
    if (code !== null) return { kind: "failed", failure: { kind: "error", category: "exit_code", message: `exited with code ${code}`, exitCode: code } };
    // The runtime does not know the name of every signal.
    const message = signal === null ? "ended by a signal that the runtime does not know" : `ended by signal ${signal}`;
    return { kind: "failed", failure: { kind: "error", category: "signal", message, ...(signal === null ? {} : { signal }) } };
  }

  #startFailure(error: Error): { kind: "error"; category: string; message: string } {
    const hint = platform.permissionHint(error);
    const code = "code" in error ? String(error.code) : "";
    const where = this.#plan.cwd === undefined ? "" : ` in "${this.#plan.cwd}"`;
    const reason = code === "ENOENT" ? "the command or the working directory does not exist" : code === "EACCES" ? "it is not executable" : error.message;
    const message = cleanText(`Cannot run "${this.#plan.command}"${where}: ${reason}${hint === undefined ? "" : `. ${hint}`}`, 1024);
    return { kind: "error", category: "start_failed", message };
  }

  /** Signals the process group, or the process where there is no group. */
  #signal(signal: string): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#isOver) return;
    if (!(HAS_GROUPS && this.#stop.killTree && sendSignal(-pid, signal))) sendSignal(pid, signal);
  }

  /** Kills what is left of the group once its leader is gone. */
  async #sweepGroup(): Promise<void> {
    const { pid } = this.#child;
    if (pid === undefined || !HAS_GROUPS) return;
    for (let poll = 0; poll < GONE_POLLS && sendSignal(-pid, "SIGKILL"); poll++) await sleep(GONE_POLL_MS);
  }
}

/** Sends a signal; false when nobody was there to get it. */
function sendSignal(pid: number, signal: string): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

function signalNumber(name: string): number {
  return Object.entries(constants.signals).find(([signal]) => signal === name)?.[1] ?? 0;
}

function sleep(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

/** Waits for a promise, at most for a time. */
function withLimit(promise: Promise<unknown>, limitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limitMs);
    promise.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
