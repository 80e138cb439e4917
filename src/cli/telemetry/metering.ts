/** Metrics for Prometheus, who asks, and by OTLP, by which they are sent. */
import type { Resource } from "@opentelemetry/resources";
import type { IMetricReader, MeterProvider } from "@opentelemetry/sdk-metrics";
import type { HttpAnswer } from "../../observe/mod.ts";
import { loadPackage } from "./packages.ts";
import type { TelemetrySettings } from "./settings.ts";

/** Metrics on their way. */
export interface Metering {
  readonly provider: MeterProvider;
  /** What is told to Prometheus; `null` where nobody wants it. */
  readonly answer: (() => Promise<HttpAnswer>) | null;
}

/** How many different labels one metric may have; SDKs put everything above 2 000 together, which is less than a large tree has children. */
const MOST_SERIES = 200_000;

/** How many values are sent at once: collectors take 20 MiB at most. */
const MOST_SENT = 20_000;

/** The text that Prometheus reads. */
const PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8";

/** Makes what takes metrics; `null` where nobody wants them. */
export async function startMetering(settings: TelemetrySettings, resource: Resource): Promise<Metering | null> {
  const { prometheus, metricsUrl } = settings;
  if (prometheus === null && metricsUrl === null) return null;
  const { MeterProvider } = await loadPackage("@opentelemetry/sdk-metrics");
  const asked = prometheus === null ? null : await askedReader();
  const readers = [...asked === null ? [] : [asked.reader], ...metricsUrl === null ? [] : [await sendingReader(metricsUrl, settings)]];
  return { provider: new MeterProvider({ resource, readers }), answer: asked?.answer ?? null };
}

async function askedReader(): Promise<{ readonly reader: IMetricReader; readonly answer: () => Promise<HttpAnswer> }> {
  const { MetricReader } = await loadPackage("@opentelemetry/sdk-metrics");
  const { PrometheusSerializer } = await loadPackage("@opentelemetry/exporter-prometheus");
  /** Collects when it is asked to. */
  class AskedReader extends MetricReader {
    protected override onShutdown(): Promise<void> {
      return Promise.resolve();
    }

    protected override onForceFlush(): Promise<void> {
      return Promise.resolve();
    }
  }
  const reader = new AskedReader({ cardinalitySelector: () => MOST_SERIES });
  // Of the scope nothing is told: it is the same for all, and would be a label of each.
  const serializer = new PrometheusSerializer("", false, undefined, false, true);
  const collect = async (): Promise<HttpAnswer> => {
    const { resourceMetrics, errors } = await reader.collect();
    if (errors.length > 0) throw errors[0];
    const text = serializer.serialize(resourceMetrics);
    return { status: 200, contentType: PROMETHEUS_TEXT, text: text.endsWith("\n") ? text : `${text}\n` };
  };
  // However many ask at once, the tree is looked at once.
  let underWay: Promise<HttpAnswer> | null = null;
  return { reader, answer: () => underWay ??= collect().finally(() => underWay = null) };
}

async function sendingReader(url: string, { intervalMs, timeoutMs }: TelemetrySettings): Promise<IMetricReader> {
  const { PeriodicExportingMetricReader } = await loadPackage("@opentelemetry/sdk-metrics");
  const { OTLPMetricExporter } = await loadPackage("@opentelemetry/exporter-metrics-otlp-http");
  return new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({ url }),
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: timeoutMs,
    cardinalityLimits: { default: MOST_SERIES },
    maxExportBatchSize: MOST_SENT,
  });
}
