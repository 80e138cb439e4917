/** Metrics and traces by OpenTelemetry, for programs that have registered something that takes them. */
import { thrownMessage } from "../../base/mod.ts";
import type { SupervisorEvent } from "../../event/mod.ts";
import { Metrics, type MetricsSource } from "./metrics.ts";
import { Spans } from "./spans.ts";

export { type ChildReading, METRICS, type SupervisorReading } from "./metrics.ts";

/** The tree that is told of. */
export interface TelemetrySource extends MetricsSource {
  /** Milliseconds since the Unix epoch at a time of the tree's clock. */
  wallAt(atMs: number): number;
}

/** What takes the events of one tree. */
export interface Telemetry {
  note(event: SupervisorEvent): void;
  /** A question for the health of a child took so long; it is no event, because there are too many. */
  probed(path: string, tookMs: number): void;
  /** The tree has finished. */
  end(): void;
}

/** Makes the telemetry of a tree. */
export type TelemetryMaker = (source: TelemetrySource) => Telemetry;

/** Where the API keeps what was registered; while nothing was, it is not even loaded. */
const REGISTRY = Symbol.for("opentelemetry.js.api.1");

/** Returns what makes telemetry, `null` where nobody would take it. */
export async function loadTelemetry(): Promise<TelemetryMaker | null> {
  const registry: unknown = Reflect.get(globalThis, REGISTRY);
  // A program may have loaded the API, and even registered something else there.
  if (typeof registry !== "object" || registry === null || !("metrics" in registry || "trace" in registry)) return null;
  const api = await import("@opentelemetry/api");
  return (source) => {
    const metrics = new Metrics(api.metrics.getMeter(NAME), source);
    const spans = new Spans(api, api.trace.getTracer(NAME), (atMs) => source.wallAt(atMs));
    let isBroken = false;
    // What a program has registered must not disturb what it supervises.
    const safely = (work: () => void): void => {
      if (isBroken) return;
      try {
        work();
      } catch (error) {
        isBroken = true;
        api.diag.error(`${NAME} makes no metrics and traces any more: ${thrownMessage(error)}`);
      }
    };
    return {
      note: (event) =>
        safely(() => {
          metrics.note(event);
          spans.note(event);
        }),
      probed: (path, tookMs) => safely(() => metrics.probed(path, tookMs)),
      end: () =>
        safely(() => {
          metrics.end();
          spans.end();
        }),
    };
  };
}

/** What the instruments are registered under. */
const NAME = "@reeve/supervisor";
