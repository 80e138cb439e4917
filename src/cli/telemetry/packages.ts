/**
 * The packages of OpenTelemetry's SDK, which are loaded when metrics or traces go somewhere.
 *
 * They are imported by names that nobody can see beforehand: Deno fetches at the start of a program whatever it sees, for `reeve check` too.
 */
import type * as Core from "@opentelemetry/core";
import type * as MetricExporter from "@opentelemetry/exporter-metrics-otlp-http";
import type * as Prometheus from "@opentelemetry/exporter-prometheus";
import type * as TraceExporter from "@opentelemetry/exporter-trace-otlp-http";
import type * as Resources from "@opentelemetry/resources";
import type * as Metrics from "@opentelemetry/sdk-metrics";
import type * as Traces from "@opentelemetry/sdk-trace-base";
import { platform } from "../../platform/mod.ts";

/** What each package exports. */
export interface SdkPackages {
  readonly "@opentelemetry/core": typeof Core;
  readonly "@opentelemetry/exporter-metrics-otlp-http": typeof MetricExporter;
  readonly "@opentelemetry/exporter-prometheus": typeof Prometheus;
  readonly "@opentelemetry/exporter-trace-otlp-http": typeof TraceExporter;
  readonly "@opentelemetry/resources": typeof Resources;
  readonly "@opentelemetry/sdk-metrics": typeof Metrics;
  readonly "@opentelemetry/sdk-trace-base": typeof Traces;
}

/** Their versions: each wants the others of one release, so that looser ranges would bring three copies of some. A newer release needs Node 22. */
export const SDK_VERSIONS: Readonly<Record<keyof SdkPackages, string>> = {
  "@opentelemetry/core": "2.12.0",
  "@opentelemetry/exporter-metrics-otlp-http": "0.223.0",
  "@opentelemetry/exporter-prometheus": "0.223.0",
  "@opentelemetry/exporter-trace-otlp-http": "0.223.0",
  "@opentelemetry/resources": "2.12.0",
  "@opentelemetry/sdk-metrics": "2.12.0",
  "@opentelemetry/sdk-trace-base": "2.12.0",
};

/** Loads a package. */
export async function loadPackage<Name extends keyof SdkPackages>(name: Name): Promise<SdkPackages[Name]> {
  if (platform.isOneFile) throw new Error(`this program is one file, without ${name}: run reeve from npm or JSR for that`);
  return await import(platform.name === "deno" ? `npm:${name}@${SDK_VERSIONS[name]}` : name);
}
