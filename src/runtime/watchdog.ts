/** Ends a program whose loop is blocked for good, from a thread of its own: what is blocked cannot end itself. */
import { writeSync } from "node:fs";
import { clearInterval, setInterval } from "node:timers";
import { Worker } from "node:worker_threads";
import { codeOf, ReeveError, thrownMessage } from "../base/mod.ts";
import { platform } from "../platform/mod.ts";

/** Options of {@linkcode startWatchdog}. */
export interface WatchdogOptions {
  /** How long the loop may be blocked, in milliseconds, at least 100; a shorter block is never punished, a longer one within a quarter more. */
  readonly timeoutMs: number;
  /** What happens then: a line on the standard error output alone, or that and the end of the process by SIGKILL. @default {"exit"} */
  readonly onStall?: "report" | "exit";
}

/** A watchdog at work; it does not keep the program alive. */
export interface Watchdog extends AsyncDisposable {
  /** Watches no more; harmless when repeated. */
  close(): Promise<void>;
}

const SHORTEST_MS = 100;
const LONGEST_MS = 2 ** 31 - 1;

/** How often the loop has to show itself within the time limit. */
const BEATS = 8;

/** Longest time in milliseconds until the thread has to be there. */
const START_MS = 10_000;

/**
 * Watches the loop of the whole program from a thread: when it is blocked for too long, that is written to the standard error output and the process is
 * ended by SIGKILL, which a shell sees as exit code 137. Nothing of the program runs any more then, and its children are not stopped.
 *
 * A suspended machine and a process that was stopped by SIGSTOP are no stall; a debugger that holds the program is one. Rejects with `watchdog_not_started`; to
 * end the process, Deno before 2.9 needs `--allow-run`, and Node under `--permission` needs `--allow-worker`.
 *
 * @example
 * ```ts
 * import { startWatchdog } from "@reeve/supervisor";
 *
 * await using watchdog = await startWatchdog({ timeoutMs: 30_000 });
 * ```
 */
export async function startWatchdog({ timeoutMs, onStall = "exit" }: WatchdogOptions): Promise<Watchdog> {
  if (!(timeoutMs >= SHORTEST_MS && timeoutMs <= LONGEST_MS)) {
    throw notStarted(`the time limit is ${timeoutMs}, and must be between ${SHORTEST_MS} and ${LONGEST_MS} milliseconds`);
  }
  const beats = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const beatMs = timeoutMs / BEATS;
  let worker: Worker;
  try {
    worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(THREAD)}`), {
      workerData: { beats, beatMs, timeoutMs, ends: onStall === "exit" },
      name: "reeve watchdog",
      env: {},
      execArgv: [],
    });
  } catch (error) {
    const isDenied = codeOf(error) === "ERR_ACCESS_DENIED";
    throw notStarted(isDenied ? "Node runs with --permission" : thrownMessage(error), hintFor(error), error);
  }
  const beating = setInterval(() => void Atomics.add(beats, 0, 1), beatMs);
  beating.unref();
  const end = async (): Promise<void> => {
    // The loop shows itself until nobody looks any more.
    await worker.terminate();
    clearInterval(beating);
  };
  try {
    await untilWatching(worker);
  } catch (error) {
    await end();
    throw error;
  }
  return watchdogOf(worker, end);
}

function watchdogOf(worker: Worker, end: () => Promise<void>): Watchdog {
  let ending: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    worker.off("error", onError);
    worker.off("exit", onExit);
    return end();
  };
  const gone = (why: string): void => {
    ending ??= stop();
    say(`the watchdog is gone, and the loop is not watched any more: ${why}`);
  };
  const onError = (error: unknown): void => gone(thrownMessage(error));
  const onExit = (): void => gone("its thread ended");
  worker.on("error", onError);
  worker.on("exit", onExit);
  worker.unref();
  const close = (): Promise<void> => ending ??= stop();
  return { close, [Symbol.asyncDispose]: close };
}

/** Resolves when the thread watches; rejects with what keeps it from that. */
async function untilWatching(worker: Worker): Promise<void> {
  const { promise, settle } = settled();
  const tooLate = setTimeout(() => settle(notStarted(`its thread was not there within ${START_MS} ms`)), START_MS);
  const onMessage = (refusal: unknown): void => settle(typeof refusal === "string" ? notStarted(refusal, hintIn(refusal)) : null);
  const onError = (error: unknown): void => settle(notStarted(thrownMessage(error), hintFor(error), error));
  const onExit = (): void => settle(notStarted("its thread ended"));
  worker.on("message", onMessage);
  worker.on("error", onError);
  worker.on("exit", onExit);
  try {
    await promise;
  } finally {
    clearTimeout(tooLate);
    worker.off("message", onMessage);
    worker.off("error", onError);
    worker.off("exit", onExit);
  }
}

/** A promise, and what settles it. */
function settled(): { readonly promise: Promise<void>; readonly settle: (error: ReeveError | null) => void } {
  let settle: (error: ReeveError | null) => void = () => {};
  const promise = new Promise<void>((resolve, reject) => settle = (error) => error === null ? resolve() : reject(error));
  return { promise, settle };
}

function notStarted(why: string, hint?: string, cause?: unknown): ReeveError {
  return new ReeveError("watchdog_not_started", `Cannot watch the loop of the program: ${why}`, { hint, cause });
}

function hintFor(error: unknown): string | undefined {
  return codeOf(error) === "ERR_ACCESS_DENIED" ? "Add --allow-worker to the command" : platform.permissionHint(error);
}

/** What the thread was refused, it can only tell in words. */
function hintIn(refusal: string): string | undefined {
  const flag = /--allow-[a-z]+/.exec(refusal)?.[0];
  return flag === undefined ? undefined : `Add ${flag} to the command, or report alone`;
}

function say(line: string): void {
  try {
    writeSync(2, `reeve: ${line}\n`);
  } catch {
    // Nobody reads what is written there.
  }
}

/**
 * What the thread does. It is a text, since a package may come from where no thread can be started from, and it must need nothing but the runtime.
 *
 * It counts the time in which it looked itself, so that a jump of its clock is no stall, and one beat more than the limit: the last one may have been
 * nearly due when the block began.
 */
const THREAD = `
import { writeSync } from "node:fs";
import process from "node:process";
import { parentPort, workerData } from "node:worker_threads";

const { beats, beatMs, timeoutMs, ends } = workerData;
const say = (line) => {
  try {
    writeSync(2, "reeve: " + line + "\\n");
  } catch {}
};
const secs = (ms) => (ms / 1000).toFixed(1) + " s";
let seen = Atomics.load(beats, 0);
let lookedAtMs = performance.now();
let blockedMs = 0;
let isTold = false;

function look() {
  const nowMs = performance.now();
  const passedMs = Math.min(nowMs - lookedAtMs, 2 * beatMs);
  lookedAtMs = nowMs;
  const beat = Atomics.load(beats, 0);
  if (beat !== seen) {
    if (isTold) say("the loop of the program goes on, it was blocked for about " + secs(blockedMs));
    seen = beat;
    blockedMs = 0;
    isTold = false;
    return;
  }
  blockedMs += passedMs;
  if (isTold || blockedMs < timeoutMs + beatMs) return;
  isTold = true;
  say("the loop of the program has been blocked for " + secs(blockedMs - beatMs) + (ends ? ", its watchdog ends the process" : ""));
  if (!ends) return;
  try {
    process.kill(process.pid, "SIGKILL");
  } catch (error) {
    say("the process cannot be ended: " + error.message);
  }
}

try {
  // Whether it may be ended is found out now, and not when it is too late.
  if (ends) process.kill(process.pid, 0);
  setInterval(look, beatMs);
  parentPort.postMessage(true);
} catch (error) {
  parentPort.postMessage(String(error.message));
}
`;
