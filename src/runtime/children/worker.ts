/** A worker thread whose file calls `serveWorker`. */
import { Worker } from "node:worker_threads";
import { cleanText, isChildRequest, thrownMessage } from "../../base/mod.ts";
import type { Exit } from "../../event/mod.ts";
import { platform } from "../../platform/mod.ts";
import { isReeveMessage, type ReeveMessage, type ToWorker, WORKER_PROTOCOL } from "../../worker/mod.ts";
import { panicExit, reportedPanic } from "./failure.ts";
import { splitText } from "./lines.ts";
import { OutputCapture } from "./output.ts";
import type { AttemptContext, ChildAdapter, RunningChild } from "./types.ts";
import { WorkerWatches } from "./worker_watches.ts";

/** Longest time in milliseconds until the worker's file must have called `serveWorker`. */
const HANDSHAKE_MS = 10_000;

/** Longest time in milliseconds in which a thread must show that it is not busy, before it counts as one that cannot be ended. */
const ANSWER_MS = 500;

/** Returns the adapter of a worker. */
export function workerAdapter(url: string): ChildAdapter {
  return { start: (context) => new WorkerAttempt(url, context) };
}

class WorkerAttempt implements RunningChild {
  readonly #context: AttemptContext;
  readonly #worker: Worker;
  readonly #output = new OutputCapture({ canWait: false });
  readonly #watches: WorkerWatches;
  #cancelTimer: () => void;
  #saidHello = false;
  /** Requests to stop that were sent and not yet answered by the worker's event loop. */
  #unanswered = 0;
  /** The least that a heartbeat lay behind the clock of this thread when it came. */
  #leastApartMs = Infinity;
  #asked = false;
  #forced = false;
  #ending = false;
  /** How the attempt ended, once that is known; it is reported when the thread is gone. */
  #exit: Exit | null = null;
  #isOver = false;

  constructor(url: string, context: AttemptContext) {
    this.#context = context;
    this.#watches = new WorkerWatches(context, (message) => this.#send(message));
    this.#worker = new Worker(new URL(url), { stdout: true, stderr: true });
    this.#output.add(this.#worker.stdout, "stdout", context);
    this.#output.add(this.#worker.stderr, "stderr", context);
    this.#worker.on("message", (message: unknown) => this.#onMessage(message));
    this.#worker.on("error", (error: unknown) => this.#died(panicExit(error, this.#saidHello ? undefined : platform.loadHint(error))));
    this.#worker.on("exit", (code) => this.#onExit(code));
    this.#cancelTimer = context.clock.setTimer(() => this.#endWith(failed("worker_handshake_timeout", NO_HANDSHAKE)), HANDSHAKE_MS);
  }

  cancel(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#askToStop();
  }

  kill(): void {
    this.#forced = true;
    this.#end();
  }

  #onMessage(message: unknown): void {
    if (!isReeveMessage(message)) return;
    if (message.type === "stopping") return this.#onAnswer();
    if (this.#exit !== null) return;
    if (message.reeve !== WORKER_PROTOCOL) return this.#endWith(failed("worker_version", wrongVersion(message.reeve)));
    switch (message.type) {
      case "hello":
        return this.#begin();
      case "ready":
        return this.#context.ready(message["ready"] !== false);
      case "heartbeat":
        return this.#heartbeat(message["epochMs"]);
      case "log":
        if (typeof message["line"] === "string") splitText(message["line"], (line) => this.#context.output("log", line));
        return;
      case "request":
        return this.#onRequest(message["request"], message["reason"]);
      case "watch":
        if (this.#saidHello) this.#watches.next(message["watch"], message["child"]);
        return;
      case "watch_over":
        return this.#watches.close(message["watch"]);
      case "exit":
        return this.#endWith(this.#exitFrom(message));
    }
  }

  #begin(): void {
    if (this.#saidHello) return;
    this.#saidHello = true;
    this.#cancelTimer();
    const { path, name, generation, attempt, args, environment, permissions: { allowRestart, allowShutdown } } = this.#context;
    this.#context.running();
    try {
      const permissions = { allowRestart, allowShutdown };
      this.#send({
        reeve: WORKER_PROTOCOL,
        type: "start",
        path,
        name,
        generation,
        attempt,
        args,
        environment: [...environment],
        permissions,
      });
    } catch (error) {
      this.#endWith(failed("start_failed", `Cannot send the arguments to the worker: ${thrownMessage(error)}`));
    }
  }

  /**
   * The worker's own time counts, but never a time to come.
   *
   * Each thread began its clock by the calendar, which may have been set between: what came the quickest is taken to have come at once.
   */
  #heartbeat(epochMs: unknown): void {
    const now = this.#context.clock.now();
    const apartMs = typeof epochMs === "number" ? performance.timeOrigin + performance.now() - epochMs : NaN;
    if (!Number.isFinite(apartMs)) return this.#context.heartbeat(now);
    this.#leastApartMs = Math.min(this.#leastApartMs, apartMs);
    this.#context.heartbeat(now - (apartMs - this.#leastApartMs));
  }

  /** The worker has checked already whether it may; one that asks nevertheless is not ours. */
  #onRequest(request: unknown, reason: unknown): void {
    if (!this.#saidHello || !isChildRequest(request)) return;
    try {
      this.#context.request(request, reason);
    } catch (error) {
      this.#context.output("log", thrownMessage(error));
    }
  }

  #exitFrom({ exit }: ReeveMessage): Exit {
    if (typeof exit !== "object" || exit === null || !("kind" in exit)) return reportedPanic(undefined, undefined);
    if (exit.kind === "succeeded" || exit.kind === "cancelled") return { kind: exit.kind };
    const [category, message, means] = ["category", "message", "means"].map((key) => Reflect.get(exit, key));
    return reportedPanic(category, message, means);
  }

  /** The function ended, or something made the worker useless: the thread must go before that is reported. */
  #endWith(exit: Exit): void {
    this.#exit ??= exit;
    this.#watches.end();
    this.#end();
  }

  /** The thread is gone or about to go by itself; what is known of its end is better than the exit code. */
  #died(exit: Exit): void {
    this.#exit ??= exit;
    this.#watches.end();
    this.#terminate();
  }

  /**
   * Ends the thread. Where terminating a busy thread only looks as if it ended it, the thread has to answer first; one that does not is left behind, and
   * still ends should it ever look at its messages.
   */
  #end(): void {
    if (platform.terminateStopsBusyThreads) return this.#terminate();
    if (this.#ending) return;
    this.#ending = true;
    this.#askToStop();
    this.#cancelTimer();
    this.#cancelTimer = this.#context.clock.setTimer(() => this.#leaveBehind(), ANSWER_MS);
  }

  #onAnswer(): void {
    this.#unanswered--;
    if (this.#ending && this.#unanswered <= 0) this.#terminate();
  }

  #leaveBehind(): void {
    if (this.#exit !== null && "failure" in this.#exit) this.#context.output("log", this.#exit.failure.message);
    this.#watches.end();
    this.#worker.unref();
    this.#context.abandoned();
  }

  #terminate(): void {
    // The exit event reports; a rejection has nothing to add to it.
    this.#worker.terminate().catch(() => {});
  }

  #onExit(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#watches.end();
    this.#cancelTimer();
    const exit = this.#exit ?? this.#exitByCode(code);
    this.#output.drain(() => this.#context.exited(exit));
  }

  #exitByCode(code: number): Exit {
    if (this.#forced) return { kind: "killed" };
    if (code !== 0) {
      return { kind: "failed", failure: { kind: "error", category: "exit_code", message: `exited with code ${code}`, exitCode: code } };
    }
    if (this.#asked) return { kind: "cancelled" };
    return this.#saidHello ? { kind: "succeeded", exitCode: 0 } : failed("worker_handshake_missing", NO_HELLO);
  }

  #askToStop(): void {
    this.#unanswered++;
    this.#send({ reeve: WORKER_PROTOCOL, type: "stop" });
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}

const NO_HANDSHAKE = `The worker did not report within ${HANDSHAKE_MS} ms: its file must call serveWorker of @reeve/supervisor/worker`;
const NO_HELLO = "The worker ended without a report: its file must call serveWorker of @reeve/supervisor/worker";

function wrongVersion(version: unknown): string {
  const found = typeof version === "number" || typeof version === "string" ? cleanText(`${version}`, 16) : "of an unknown kind";
  return `Cannot use the worker: its messages have version ${found}, must be ${WORKER_PROTOCOL}. Use one version of the package`;
}

function failed(category: string, message: string): Exit {
  return { kind: "failed", failure: { kind: "error", category, message } };
}
