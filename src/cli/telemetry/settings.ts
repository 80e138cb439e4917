/** Where metrics and traces go: by the command, by the standard variables of OpenTelemetry, and by the file, in this order. */
import process from "node:process";
import { cleanText, didYouMean, ReeveError } from "../../base/mod.ts";
import type { ExporterSettings } from "../../config/mod.ts";
import { type Place, placeOf } from "../place.ts";

/** Reads a variable. */
export type Variables = (name: string) => string | undefined;

/** What {@linkcode telemetrySettings} decides by. */
export interface TelemetryWishes {
  /** Where the command wants metrics to be told. */
  readonly metrics?: Place;
  readonly variables: Variables;
  readonly file: Pick<ExporterSettings, "prometheus" | "otlp">;
}

/** Where metrics and traces go. */
export interface TelemetrySettings {
  /** Where metrics are told to Prometheus; `null` nowhere. */
  readonly prometheus: Place | null;
  /** Where metrics are sent to by OTLP; `null` nowhere. */
  readonly metricsUrl: string | null;
  /** Where traces are sent to by OTLP; `null` nowhere. */
  readonly tracesUrl: string | null;
  /** How often metrics are sent, in milliseconds. */
  readonly intervalMs: number;
  /** Longest time in milliseconds for sending them once. */
  readonly timeoutMs: number;
  /** How many spans may wait. */
  readonly mostSpans: number;
  /** What was asked for and is done in another way. */
  readonly notes: readonly string[];
}

/** Where Prometheus looks where nothing else is said. */
const PROMETHEUS: Place = { host: "127.0.0.1", port: 9464 };

/** Where a collector listens where nothing else is said. */
const COLLECTOR = "http://localhost:4318";

/** Ends of a large tree come all at once: more than the usual 2048 must find a place, and as many as can be sent at the end. */
const MOST_SPANS = 15_000;

/** Says where metrics and traces go; throws `telemetry_not_started` for what cannot be done. */
export function telemetrySettings({ metrics, variables, file }: TelemetryWishes): TelemetrySettings {
  const isOff = variables("OTEL_SDK_DISABLED")?.trim().toLowerCase() === "true";
  // What the command line says, somebody wants now.
  if (isOff) return { ...NOTHING, prometheus: metrics ?? null };
  const exporters = {
    metrics: listOf("OTEL_METRICS_EXPORTER", ["otlp", "prometheus", "none"], variables),
    traces: listOf("OTEL_TRACES_EXPORTER", ["otlp", "none"], variables),
  };
  const base = variables("OTEL_EXPORTER_OTLP_ENDPOINT") ?? file.otlp?.endpoint;
  const named = variables("OTEL_EXPORTER_OTLP_ENDPOINT") === undefined
    ? "observability.exporters.otlp.endpoint"
    : "OTEL_EXPORTER_OTLP_ENDPOINT";
  const urlOf = (signal: "metrics" | "traces"): string | null => {
    const own = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`;
    const endpoint = variables(own);
    const wanted = exporters[signal]?.includes("otlp") ?? (endpoint ?? base) !== undefined;
    if (!wanted) return null;
    return endpoint === undefined ? checked(`${(base ?? COLLECTOR).replace(/\/+$/, "")}/v1/${signal}`, named) : checked(endpoint, own);
  };
  const [metricsUrl, tracesUrl] = [urlOf("metrics"), urlOf("traces")];
  const sent = [...metricsUrl === null ? [] : ["METRICS"], ...tracesUrl === null ? [] : ["TRACES"]];
  const intervalMs = wholeOf("OTEL_METRIC_EXPORT_INTERVAL", 60_000, variables);
  return {
    prometheus: metrics ?? prometheusOf(exporters.metrics, variables, file),
    metricsUrl,
    tracesUrl,
    intervalMs,
    timeoutMs: Math.min(intervalMs, wholeOf("OTEL_METRIC_EXPORT_TIMEOUT", 30_000, variables)),
    mostSpans: wholeOf("OTEL_BSP_MAX_QUEUE_SIZE", MOST_SPANS, variables),
    notes: [...new Set(sent.flatMap((signal) => noteOn(signal, variables)))],
  };
}

const NOTHING: TelemetrySettings = {
  prometheus: null,
  metricsUrl: null,
  tracesUrl: null,
  intervalMs: 60_000,
  timeoutMs: 30_000,
  mostSpans: MOST_SPANS,
  notes: [],
};

/** The variables of this program. In Deno each wants a permission: who did not give it for the first is not asked for the others. */
export function ownVariables(): Variables {
  let mayRead = true;
  return (name) => {
    if (!mayRead) return undefined;
    try {
      const value = process.env[name];
      // An empty one counts as none, as everywhere in OpenTelemetry.
      return value === undefined || value.trim() === "" ? undefined : value;
    } catch {
      mayRead = false;
      return undefined;
    }
  };
}

function prometheusOf(exporters: readonly string[] | null, variables: Variables, { prometheus }: TelemetryWishes["file"]): Place | null {
  if (!(exporters?.includes("prometheus") ?? prometheus !== undefined)) return null;
  const written = prometheus === undefined ? PROMETHEUS : placeOf(prometheus.listen);
  if (written === undefined) {
    throw refusal(
      `observability.exporters.prometheus.listen is "${shown(prometheus?.listen)}", must be an address and a port, such as 127.0.0.1:9464`,
    );
  }
  if (exporters === null) return written;
  const port = variables("OTEL_EXPORTER_PROMETHEUS_PORT");
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535)) {
    throw refusal(`OTEL_EXPORTER_PROMETHEUS_PORT is "${shown(port)}", must be a port`);
  }
  return { host: variables("OTEL_EXPORTER_PROMETHEUS_HOST") ?? written.host, port: port === undefined ? written.port : Number(port) };
}

/** The names in a variable; `null` where it is not set. */
function listOf(variable: string, known: readonly string[], variables: Variables): readonly string[] | null {
  const text = variables(variable);
  if (text === undefined) return null;
  const names = text.split(",").map((name) => name.trim()).filter((name) => name !== "");
  for (const name of names) {
    if (known.includes(name)) continue;
    throw refusal(`${variable} is "${shown(name)}", must be ${known.slice(0, -1).join(", ")} or ${known.at(-1)}`, didYouMean(name, known));
  }
  if (names.length > 1 && names.includes("none")) throw refusal(`${variable} says none, and something else as well`);
  return names;
}

/** An address may have a password in it: what is wrong with it is said without it. */
function checked(text: string, name: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw refusal(`${name} is no URL`, `Such as ${COLLECTOR}`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw refusal(`${name} begins with "${shown(url.protocol)}", must begin with "http:" or "https:"`, `Such as ${COLLECTOR}`);
  }
  return url.href;
}

/** We speak OTLP in JSON over HTTP, which every collector takes that takes the other over HTTP, at the same place. */
function noteOn(signal: string, variables: Variables): string[] {
  const own = `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`;
  const name = variables(own) === undefined ? "OTEL_EXPORTER_OTLP_PROTOCOL" : own;
  const protocol = variables(name)?.trim();
  if (protocol === undefined || protocol === "http/json") return [];
  if (protocol === "http/protobuf") return [`${name} is http/protobuf: http/json is sent instead, to the same place`];
  throw refusal(`${name} is "${shown(protocol)}", must be http/json`, "A collector takes OTLP over HTTP at port 4318");
}

function wholeOf(name: string, otherwise: number, variables: Variables): number {
  const text = variables(name)?.trim();
  if (text === undefined) return otherwise;
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw refusal(`${name} is "${shown(text)}", must be a whole number from 1`);
}

function refusal(message: string, hint?: string): ReeveError {
  return new ReeveError("telemetry_not_started", message, { hint });
}

function shown(text = ""): string {
  return cleanText(text, 64);
}
