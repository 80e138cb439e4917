/** Traces, which are sent by OTLP. */
import type { Resource } from "@opentelemetry/resources";
import type { BasicTracerProvider, SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace-base";
import { loadPackage } from "./packages.ts";
import type { TelemetrySettings } from "./settings.ts";

/** Traces on their way. */
export interface Tracing {
  readonly provider: BasicTracerProvider;
  /** How many spans never arrived, as one line; empty where all did. */
  lost(): string;
}

/** Makes what takes traces; `null` where nobody wants them. */
export async function startTracing({ tracesUrl, mostSpans }: TelemetrySettings, resource: Resource): Promise<Tracing | null> {
  if (tracesUrl === null) return null;
  const { BasicTracerProvider, BatchSpanProcessor } = await loadPackage("@opentelemetry/sdk-trace-base");
  const { OTLPTraceExporter } = await loadPackage("@opentelemetry/exporter-trace-otlp-http");
  const count = { ended: 0, taken: 0 };
  const batches = new BatchSpanProcessor(counting(new OTLPTraceExporter({ url: tracesUrl }), count), { maxQueueSize: mostSpans });
  const ends: SpanProcessor = {
    onStart: () => {},
    onEnd: (span) => void (count.ended += span.spanContext().traceFlags & SAMPLED),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  return {
    provider: new BasicTracerProvider({ resource, spanProcessors: [ends, batches] }),
    lost: () => count.taken < count.ended ? `${count.ended - count.taken} of ${count.ended} spans were not taken by their collector` : "",
  };
}

/** The flag of spans that are to be sent. */
const SAMPLED = 1;

/** Counts what was taken: what found no place in the queue is told of by nobody. */
function counting(exporter: SpanExporter, count: { taken: number }): SpanExporter {
  return {
    export: (spans, done) =>
      exporter.export(spans, (result) => {
        if (result.code === TAKEN) count.taken += spans.length;
        done(result);
      }),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}

/** The code of a result that is good. */
const TAKEN = 0;
