/** The schema of what is recorded, and where it goes. */
import { z } from "zod";
import { fsync, rotation, setting, word } from "./fields.ts";

/** Where metrics, traces and events go. */
const exporters = z.strictObject({
  prometheus: setting(
    z.strictObject({ listen: word.meta({ description: "Host and port.", examples: ["127.0.0.1:9464"] }) }),
    "Metrics for Prometheus.",
  ),
  otlp: setting(
    z.strictObject({ endpoint: word.meta({ description: "Where to send.", examples: ["http://127.0.0.1:4318"] }) }),
    "Metrics and traces by OTLP.",
  ),
  console: setting(
    z.strictObject({
      level: setting(z.enum(["debug", "info", "warning", "error"]), "Least level of what is shown.", { default: "info" }),
      format: setting(z.enum(["pretty", "json"]), "Form of a line.", { default: "pretty" }),
    }),
    "Events on the console.",
  ),
});

/** The `observability.journal` section. */
const journal = z.strictObject({
  path: word.meta({ description: "The file; in its folder lie the older ones.", examples: ["./var/events.jsonl"] }),
  ...rotation(67_108_864),
  compress: setting(z.boolean(), "Whether older files are compressed.", { default: true }),
  fsync: setting(fsync, "When events are forced to disk.", { default: "interval" }),
});

/** The `observability` section. */
export const observability = z.strictObject({
  event_journal_capacity: setting(z.int().min(16).max(10_000_000), "How many events are kept for readers that come late or lag.", {
    default: 4_096,
  }),
  event_queue_capacity: setting(
    z.int().min(1).max(10_000_000),
    "Events that may wait for one reader, of more it misses the oldest; as many as are kept where absent.",
    { example: 1_024 },
  ),
  command_queue_capacity: setting(z.int().min(1).max(1_000_000), "Commands that may wait for their answer; more are refused.", {
    default: 1_024,
  }),
  metrics_enabled: setting(
    z.boolean(),
    "Whether metrics and traces are made, where an OpenTelemetry SDK is registered that takes them.",
    { default: true },
  ),
  audit_enabled: setting(z.boolean(), "Whether commands are recorded.", { default: true }),
  journal: setting(journal, "A file with every event."),
  exporters: setting(exporters, "Where metrics, traces and events go, with `reeve run`."),
});
