/** Traces of a tree: one span for each attempt, with what happened to it, and a link to the failure before it. */
import type * as OpenTelemetry from "@opentelemetry/api";
import type { HrTime, Span, SpanContext, Tracer } from "@opentelemetry/api";
import { lastName, parentPath } from "../../base/mod.ts";
import { describe, type SupervisorEvent } from "../../event/mod.ts";

/** The spans of one tree. */
export class Spans {
  readonly #api: Pick<typeof OpenTelemetry, "SpanStatusCode" | "ROOT_CONTEXT">;
  readonly #tracer: Tracer;
  readonly #wallAt: (atMs: number) => number;
  /** By path: of the attempt that lives, and of the one before that failed. */
  readonly #live = new Map<string, Span>();
  readonly #failed = new Map<string, SpanContext>();

  constructor(api: Pick<typeof OpenTelemetry, "SpanStatusCode" | "ROOT_CONTEXT">, tracer: Tracer, wallAt: (atMs: number) => number) {
    this.#api = api;
    this.#tracer = tracer;
    this.#wallAt = wallAt;
  }

  note(event: SupervisorEvent): void {
    const { path, atMs } = event;
    if (event.type === "child_starting") return this.#begin(event);
    if (event.type === "child_removed") this.#failed.delete(path);
    const span = this.#live.get(path);
    if (span === undefined) return;
    const time = this.#timeAt(atMs);
    span.addEvent(event.type, { sequence: event.seq, correlation: event.correlation }, time);
    switch (event.type) {
      case "child_failed":
        this.#failed.set(path, span.spanContext());
        span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: describe(event) });
        return this.#finish(path, span, time);
      case "child_abandoned":
        span.setStatus({ code: this.#api.SpanStatusCode.ERROR, message: describe(event) });
        return this.#finish(path, span, time);
      case "child_succeeded":
      case "child_stopped":
        this.#failed.delete(path);
        return this.#finish(path, span, time);
      case "child_shutdown":
        return this.#finish(path, span, time);
    }
  }

  /** Nothing is left open. */
  end(): void {
    for (const span of this.#live.values()) span.end();
    this.#live.clear();
    this.#failed.clear();
  }

  #begin({ path, atMs, seq, correlation, generation, attempt }: SupervisorEvent & { readonly type: "child_starting" }): void {
    const before = this.#failed.get(path);
    // Whatever the program does at this moment is not why an attempt begins.
    const span = this.#tracer.startSpan("supervisor.child_attempt", {
      startTime: this.#timeAt(atMs),
      attributes: {
        "supervisor.path": parentPath(path),
        "supervisor.child_id": lastName(path),
        "supervisor.generation": generation,
        "supervisor.attempt": attempt,
        "supervisor.sequence": seq,
        "supervisor.correlation": correlation,
      },
      links: before === undefined ? [] : [{ context: before }],
    }, this.#api.ROOT_CONTEXT);
    this.#live.set(path, span);
  }

  #finish(path: string, span: Span, time: HrTime): void {
    this.#live.delete(path);
    span.end(time);
  }

  /** In seconds and nanoseconds: of a plain number SDKs guess what it counts from, and guess wrong when somebody has put the clock back. */
  #timeAt(atMs: number): HrTime {
    const wallMs = this.#wallAt(atMs);
    const seconds = Math.floor(wallMs / 1_000);
    return [seconds, Math.floor((wallMs - seconds * 1_000) * 1e6)];
  }
}
