/** Tells and sends metrics and traces: registers an OpenTelemetry SDK for as long as a tree runs. Nothing of it is loaded where nobody wants it. */
import { cleanText, inTime, ReeveError, thrownMessage } from "../../base/mod.ts";
import type { HttpAnswer } from "../../observe/mod.ts";
import { platform } from "../../platform/mod.ts";
import { type Metering, startMetering } from "./metering.ts";
import { loadPackage } from "./packages.ts";
import { resourceOf } from "./resource.ts";
import type { TelemetrySettings } from "./settings.ts";
import { startTracing, type Tracing } from "./tracing.ts";

/** Metrics and traces on their way. */
export interface Exporting extends AsyncDisposable {
  /** What is told to Prometheus; `null` where nobody wants it. */
  readonly metrics: (() => Promise<HttpAnswer>) | null;
  /** Sends what is left, for two seconds at most, and takes the SDK away again; harmless when repeated. */
  close(): Promise<void>;
}

/** What {@linkcode startExporting} works with. */
export interface ExportingOptions {
  readonly settings: TelemetrySettings;
  readonly treeName: string;
  /** Tells people what goes wrong, in one line. */
  readonly tell: (text: string) => void;
}

/** Longest time in milliseconds for what is left at the end: a collector that hangs holds nobody for longer. */
const FLUSH_MS = 2_000;

/** Where the API keeps what is registered. */
const REGISTRY = Symbol.for("opentelemetry.js.api.1");

/** Registers what the settings want, before the tree is started; `null` where they want nothing. Rejects with `telemetry_not_started`. */
export async function startExporting(options: ExportingOptions): Promise<Exporting | null> {
  const settings = withoutTaken(options);
  const { prometheus, metricsUrl, tracesUrl } = settings;
  if (prometheus === null && metricsUrl === null && tracesUrl === null) return null;
  try {
    return await start({ ...options, settings });
  } catch (error) {
    const hint = platform.permissionHint(error);
    throw new ReeveError("telemetry_not_started", `Cannot export metrics and traces: ${thrownMessage(error)}`, { cause: error, hint });
  }
}

/** What another SDK takes already is left to it: Deno's own with `OTEL_DENO=true`, or one that was loaded before the command. */
function withoutTaken({ settings, tell }: ExportingOptions): TelemetrySettings {
  const registry: unknown = Reflect.get(globalThis, REGISTRY);
  const isTaken = (name: string): boolean => typeof registry === "object" && registry !== null && Reflect.get(registry, name) !== undefined;
  const [areMetrics, areTraces] = [isTaken("metrics"), isTaken("trace")];
  if (areMetrics && settings.prometheus !== null) {
    const hint = "Without OTEL_DENO=true, or with OTEL_DENO_METRICS=false, they can be";
    throw new ReeveError(
      "telemetry_not_started",
      "Metrics cannot be told to Prometheus: another OpenTelemetry of this program takes them",
      { hint },
    );
  }
  const metricsUrl = areMetrics ? null : settings.metricsUrl;
  const tracesUrl = areTraces ? null : settings.tracesUrl;
  if (metricsUrl !== settings.metricsUrl || tracesUrl !== settings.tracesUrl) {
    tell("metrics and traces go where the OpenTelemetry that this program has already sends them");
  }
  return { ...settings, metricsUrl, tracesUrl };
}

async function start({ settings, treeName, tell }: ExportingOptions): Promise<Exporting> {
  const [api, core] = await Promise.all([import("@opentelemetry/api"), loadPackage("@opentelemetry/core")]);
  for (const note of settings.notes) tell(note);
  // One line when it begins: a collector that is gone for a night is not told of each minute.
  let isTold = false;
  const trouble = (text: string): void => {
    if (isTold) return;
    isTold = true;
    tell(`metrics and traces are not exported as they should: ${cleanText(text, 512)}`);
  };
  const complain = (...parts: readonly unknown[]): void => trouble(parts.map(textOf).join(" "));
  const silent = (): void => {};
  const logger = { error: complain, warn: complain, info: silent, debug: silent, verbose: silent };
  const resource = await resourceOf(treeName, trouble);
  const metering: Metering | null = await startMetering(settings, resource);
  const tracing: Tracing | null = await startTracing(settings, resource);
  api.diag.setLogger(logger, { logLevel: api.DiagLogLevel.WARN, suppressOverrideMessage: true });
  core.setGlobalErrorHandler(complain);
  if (metering !== null) api.metrics.setGlobalMeterProvider(metering.provider);
  if (tracing !== null) api.trace.setGlobalTracerProvider(tracing.provider);

  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => closing ??= end();
  const end = async (): Promise<void> => {
    const left = Promise.allSettled([metering?.provider.shutdown(), tracing?.provider.shutdown()]);
    const isLate = await isTooLate(left);
    if (metering !== null) api.metrics.disable();
    if (tracing !== null) api.trace.disable();
    api.diag.disable();
    core.setGlobalErrorHandler(core.loggingErrorHandler());
    const lost = tracing?.lost() ?? "";
    if (lost !== "") tell(lost);
    else if (isLate) tell(`the last metrics were not taken within ${FLUSH_MS / 1_000} s`);
    else for (const result of await left) if (result.status === "rejected") complain(result.reason);
  };
  return { metrics: metering?.answer ?? null, close, [Symbol.asyncDispose]: close };
}

async function isTooLate(work: Promise<unknown>): Promise<boolean> {
  try {
    await inTime(work, FLUSH_MS, () => new Error("too late"), { setTimer });
    return false;
  } catch {
    return true;
  }
}

/** Unlike the timers of a tree, this one must come. */
function setTimer(callback: () => void, delayMs: number): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}

function textOf(part: unknown): string {
  return typeof part === "string" ? part : thrownMessage(part);
}
