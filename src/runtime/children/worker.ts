/** A worker thread whose file calls `serveWorker`. */
import { clearTimeout, setTimeout } from "node:timers";
import { Worker } from "node:worker_threads";
import { cleanText } from "../../base/mod.ts";
import type { Exit } from "../../event/mod.ts";
import { platform } from "../../platform/mod.ts";
import { isReeveMessage, type ToWorker, WORKER_PROTOCOL } from "../../worker/mod.ts";
import { lineSplitter } from "./lines.ts";
import type { AttemptContext, ChildAdapter, RunningChild } from "./types.ts";

/** Longest time in milliseconds until the worker's file must have called `serveWorker`. */
const HANDSHAKE_MS = 10_000;

/** Returns the adapter of a worker. */
export function workerAdapter(url: string): ChildAdapter {
  return { start: (context) => new WorkerAttempt(url, context) };
}

class WorkerAttempt implements RunningChild {
  readonly #context: AttemptContext;
  readonly #worker: Worker;
  readonly #handshake: ReturnType<typeof setTimeout>;
  #saidHello = false;
  /** The worker's event loop answered the request to stop, so that terminating it works in every runtime. */
  #answersStop = false;
  #forced = false;
  #exit: Exit | null = null;
  #isOver = false;

  constructor(url: string, context: AttemptContext) {
    this.#context = context;
    this.#worker = new Worker(new URL(url), { stdout: true, stderr: true });
    this.#worker.on("message", (message: unknown) => this.#onMessage(message));
    this.#worker.on("error", (error: unknown) => this.#endWith(panic(error)));
    this.#worker.on("exit", (code) => this.#onExit(code));
    for (const stream of ["stdout", "stderr"] as const) {
      const split = lineSplitter((line) => context.output(stream, line));
      this.#worker[stream].on("data", (chunk: Uint8Array) => split(chunk));
      this.#worker[stream].on("end", () => split());
    }
    this.#handshake = setTimeout(() => this.#noHandshake(), HANDSHAKE_MS);
    this.#handshake.unref();
  }

  cancel(): void {
    this.#send({ reeve: WORKER_PROTOCOL, type: "stop" });
  }

  kill(): void {
    this.#forced = true;
    if (this.#canTerminate()) this.#terminate();
    else this.#leaveBehind();
  }

  #onMessage(message: unknown): void {
    if (!isReeveMessage(message) || this.#exit !== null) return;
    const fields: Readonly<Record<string, unknown>> = { ...message };
    if (message.reeve !== WORKER_PROTOCOL) return this.#endWith(wrongVersion(message.reeve));
    switch (message.type) {
      case "hello":
        return this.#begin();
      case "stopping":
        this.#answersStop = true;
        if (this.#forced) this.#terminate();
        return;
      case "ready":
        return this.#context.ready(fields["ready"] !== false);
      case "heartbeat":
        return this.#heartbeat(fields["epochMs"]);
      case "log":
        for (const line of String(fields["line"]).split("\n")) this.#context.output("log", line);
        return;
      case "exit":
        return this.#endWith(exitFrom(fields["exit"]));
    }
  }

  /** Whether terminating ends the thread and does not only look as if it did. */
  #canTerminate(): boolean {
    return platform.terminateStopsBusyThreads || this.#answersStop || this.#exit !== null;
  }

  /** The thread may be busy for ever; should it ever look at its messages, it ends and is reported. */
  #leaveBehind(): void {
    this.#worker.unref();
    this.#context.abandoned();
  }

  #noHandshake(): void {
    if (this.#canTerminate()) return this.#endWith({ kind: "failed", failure: { kind: "error", category: "worker_handshake_timeout", message: NO_HANDSHAKE } });
    this.#context.output("log", NO_HANDSHAKE);
    this.#forced = true;
    this.cancel();
    this.#leaveBehind();
  }

  #begin(): void {
    if (this.#saidHello) return;
    this.#saidHello = true;
    clearTimeout(this.#handshake);
    const { path, name, generation, attempt, args, environment } = this.#context;
    this.#context.running();
    this.#send({ reeve: WORKER_PROTOCOL, type: "start", path, name, generation, attempt, args, environment: [...environment] });
  }

  /** The worker's own time counts, but never a time to come. */
  #heartbeat(epochMs: unknown): void {
    const now = this.#context.clock.now();
    const age = performance.timeOrigin + performance.now() - Number(epochMs);
    this.#context.heartbeat(Number.isFinite(age) ? now - Math.max(0, age) : now);
  }

  /** The function ended, or something made the worker useless: the thread must go before that is reported. */
  #endWith(exit: Exit): void {
    this.#exit ??= exit;
    this.#terminate();
  }

  #terminate(): void {
    // The exit event reports; a rejection has nothing to add to it.
    this.#worker.terminate().catch(() => {});
  }

  #onExit(code: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#handshake);
    this.#context.exited(this.#exit ?? this.#exitByCode(code));
  }

  #exitByCode(code: number): Exit {
    if (this.#forced) return { kind: "killed" };
    if (code === 0) return { kind: "succeeded", exitCode: 0 };
    return { kind: "failed", failure: { kind: "error", category: "exit_code", message: `exited with code ${code}`, exitCode: code } };
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}

const NO_HANDSHAKE = `The worker did not report within ${HANDSHAKE_MS} ms. Its file must call serveWorker from @reeve/supervisor/worker`;

function wrongVersion(version: unknown): Exit {
  const message = `The worker speaks version ${cleanText(String(version), 16)} of the messages, must be ${WORKER_PROTOCOL}. Use one version of the package`;
  return { kind: "failed", failure: { kind: "error", category: "worker_version", message } };
}

function panic(error: unknown): Exit {
  const category = error instanceof Error ? error.name : "thrown_value";
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "panicked", failure: { kind: "panic", category: cleanText(category, 64), message: cleanText(message, 1024) } };
}

function exitFrom(value: unknown): Exit {
  const fields: Readonly<Record<string, unknown>> = typeof value === "object" && value !== null ? { ...value } : {};
  if (fields["kind"] === "succeeded" || fields["kind"] === "cancelled") return { kind: fields["kind"] };
  const failure = { category: cleanText(String(fields["category"]), 64), message: cleanText(String(fields["message"]), 1024) };
  return { kind: "panicked", failure: { kind: "panic", ...failure } };
}
