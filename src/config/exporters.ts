/** What a file says of where metrics, traces and events go. */
import { observability } from "./observability_schema.ts";

/** The `observability.exporters` section; what is not there goes nowhere, events aside, which are shown. */
export interface ExporterSettings {
  /** Host and port on which metrics are told to Prometheus. */
  readonly prometheus?: { readonly listen: string };
  /** Where metrics and traces are sent by OTLP. */
  readonly otlp?: { readonly endpoint: string };
  /** How events are shown. */
  readonly console?: {
    /** Least level of what is shown; `debug` shows steps in between. */
    readonly level?: "debug" | "info" | "warning" | "error";
    /** Form of a line. */
    readonly format?: "pretty" | "json";
  };
}

/** Reads the section out of `observability`, which has been checked. */
export function exporterSettings(section: unknown): ExporterSettings {
  return observability.safeParse(section).data?.exporters ?? {};
}
