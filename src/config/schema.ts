/** The schema of a whole file: the one source of validation, JSON Schema, template and reference. */
import { z } from "zod";
import { DEFAULTS, type LoopGuardOptions } from "../spec/mod.ts";
import { audit, dashboard } from "./dashboard_schema.ts";
import { childSchema } from "./child_schema.ts";
import { budget, dynamicSupervisor, groups } from "./group_schema.ts";
import { observability } from "./observability_schema.ts";
import { escalation, positive, positiveMs, positiveSecs, ratio, setting, severity, strategy, taskRole, word } from "./fields.ts";

function loopGuard({ maxRestarts, windowSecs }: Required<LoopGuardOptions>): z.ZodNullable<z.ZodObject> {
  return z.strictObject({
    window_secs: setting(positiveSecs, "Window in seconds.", { default: windowSecs }),
    max_restarts: setting(positive, "Restarts allowed in it.", { default: maxRestarts }),
  }).nullable();
}

const policy = z.strictObject({
  child_restart_limit: setting(positive, "Failures a child may have in its window.", { example: 6 }),
  child_restart_window_ms: setting(positiveMs, "Length of that window in milliseconds.", { default: 60_000 }),
  supervisor_failure_limit: setting(positive, "Failures that the children of one supervisor may have in all; the next one escalates.", {
    example: 20,
  }),
  supervisor_failure_window_ms: setting(positiveMs, "Length of that window in milliseconds.", { default: 60_000 }),
  initial_backoff_ms: setting(positiveMs, "First delay before a restart, in milliseconds.", { default: 50 }),
  max_backoff_ms: setting(positiveMs, "Longest delay before a restart, in milliseconds.", { default: 5_000 }),
  jitter_ratio: setting(ratio, "Share of the delay that is random, 0 to 1.", { default: 0.2 }),
  heartbeat_interval_ms: setting(positiveMs, "Interval of declared heartbeats, in milliseconds.", { default: 10_000 }),
  stale_after_ms: setting(positiveMs, "Age at which a heartbeat is stale, in milliseconds; three intervals where absent.", {
    example: 30_000,
  }),
  failure_window: setting(
    z.strictObject({
      mode: setting(
        z.enum(["time_sliding", "count_sliding", "decay"]),
        "Count failures by time, since the child was last healthy, or so that the count falls by half again and again.",
        { default: "time_sliding" },
      ),
      window_secs: setting(positiveSecs, "Length of the window in seconds.", { default: 60 }),
      half_life_secs: setting(positiveSecs, "Time in seconds in which the count falls by half in mode decay.", { default: 30 }),
      max_count: setting(
        positive,
        "How many of the last failures are looked at in mode count_sliding; one more than the threshold where absent.",
        { example: 8 },
      ),
      threshold: setting(positive, "Failures allowed; the next one exceeds the limit.", { default: 5 }),
    }),
    "Default of a child's limit where child_restart_limit is absent.",
  ),
  restart_budget: setting(budget, "Restarts that the children of one supervisor share."),
  meltdown: setting(
    z.strictObject({
      child_max_restarts: setting(positive, "Restarts a child may have in its window; its fuse keeps it down.", { example: 3 }),
      child_window_secs: setting(positiveSecs, "Length of that window in seconds.", { default: 10 }),
      group_max_failures: setting(
        positive,
        "Restarts a group may have in its window; its fuse keeps members down that would restart.",
        { example: 5 },
      ),
      group_window_secs: setting(positiveSecs, "Length of that window in seconds.", { default: 30 }),
      supervisor_max_failures: setting(positive, "Restarts the children of a supervisor may have in its window; its fuse escalates.", {
        example: 10,
      }),
      supervisor_window_secs: setting(positiveSecs, "Length of that window in seconds.", { default: 60 }),
      reset_after_secs: setting(positiveSecs, "How long a fuse is open, and then on trial, in seconds.", { default: 120 }),
    }),
    "Fuses; each is there when its number is, and opens at one more.",
  ),
  cold_start: setting(loopGuard(DEFAULTS.coldStart), "Restarts of a child soon after its supervisor began; the next one opens its fuse.", {
    default: null,
  }),
  hot_loop: setting(loopGuard(DEFAULTS.hotLoop), "Restarts of a child in rapid succession; the next one opens its fuse.", {
    default: null,
  }),
  supervision_pipeline: setting(
    z.strictObject({
      journal_capacity: setting(
        z.int().min(16).max(10_000_000),
        "How many events are kept, where observability.event_journal_capacity is absent.",
        { example: 500 },
      ),
      subscriber_capacity: setting(
        z.int().min(1).max(10_000_000),
        "Events that may wait for one reader, where observability.event_queue_capacity is absent.",
        { example: 50 },
      ),
      concurrent_restart_limit: setting(
        positive,
        "How many children of one supervisor may be on their way to ready after a restart; the others wait for their turn.",
        { example: 5 },
      ),
    }),
    "How restarts go through.",
  ),
  escalation: setting(
    z.strictObject({ exit_code: setting(z.int().min(1).max(255), "Exit code of the program.", { default: 70 }) }),
    "What happens when the root gives up.",
  ),
});

/** A whole file. */
export const fileSchema = z.strictObject({
  schema_version: setting(z.int().min(1).max(1), "Version of this format; files from the future are refused.", { default: 1 }),
  name: setting(word, "Name of the tree; the name of the file where absent.", { example: "shop" }),
  include: setting(z.array(word), "Further files, relative to this one; this one wins.", { default: [] }),
  supervisor: setting(
    z.strictObject({
      strategy: setting(strategy, "Which siblings a failure touches.", { default: "OneForOne" }),
      escalation_policy: setting(escalation.nullable(), "What an escalation does.", { default: null }),
      auto_shutdown: setting(z.enum(["never", "any_significant", "all_significant"]), "When the tree ends by itself.", {
        default: "never",
      }),
      dynamic_supervisor: dynamicSupervisor,
    }),
    "The root supervisor.",
  ),
  policy: setting(policy, "Defaults for all children."),
  shutdown: setting(
    z.strictObject({
      graceful_timeout_ms: setting(positiveMs, "Time in milliseconds between asking a child to stop and forcing it.", { default: 5_000 }),
      abort_wait_ms: setting(positiveMs, "Time in milliseconds to wait after forcing.", { default: 1_000 }),
      abort_after_timeout: setting(z.boolean(), "Whether stragglers are forced.", { default: true }),
      total_timeout_ms: setting(positiveMs.nullable(), "Time in milliseconds after which everything is forced; null is unlimited.", {
        default: null,
      }),
    }),
    "Defaults for stopping.",
  ),
  observability: setting(observability, "What is recorded, and where it goes."),
  audit: setting(audit, "The record of commands."),
  backpressure: setting(
    z.strictObject({
      strategy: setting(
        z.enum(["alert_and_block", "sample_and_audit"]),
        "What happens to a slow reader: it reads on as long as the journal has what it wants, or gets a part only.",
        {
          default: "alert_and_block",
        },
      ),
      warn_threshold_pct: setting(
        z.int().min(1).max(100),
        "How full the journal is of what a reader has not read, in percent, when that is told.",
        { default: 80 },
      ),
      critical_threshold_pct: setting(z.int().min(1).max(100), "The same, when the strategy begins.", { default: 95 }),
      window_secs: setting(positiveSecs, "For so many seconds the same is not told again of the same reader.", { default: 30 }),
      sample_ratio: setting(z.number().min(0.01).max(1), "Which part of what waits a slow reader gets with `sample_and_audit`.", {
        default: 0.5,
      }),
      audit_channel_capacity: setting(positive, "Audit records that may wait to be written, those of commands aside.", { default: 1_024 }),
    }),
    "Slow readers of events and output.",
  ),
  ...groups,
  severity_defaults: setting(
    z.array(z.strictObject({
      task_role: taskRole.meta({ description: "A role.", examples: ["job"] }),
      severity: severity.meta({ description: "Its severity.", examples: ["Optional"] }),
    })),
    "Severity by role.",
    { default: [] },
  ),
  templates: setting(z.array(childSchema), "Children that are not started with the tree, but copied on demand.", { default: [] }),
  state: setting(
    z.strictObject({
      path: word.meta({ description: "The file; one file serves one tree.", examples: ["./var/state.json"] }),
      leftovers: setting(z.enum(["stop", "leave"]), "What becomes of processes that a killed supervisor left behind.", { default: "stop" }),
    }),
    "What outlives the program.",
  ),
  secret_store: setting(
    z.strictObject({
      kind: z.enum(["environment", "files"]).meta({
        description: "The variables of the program, or a folder with a file for each key.",
        examples: ["files"],
      }),
      path: setting(word, "That folder, relative to this file.", { example: "./secrets" }),
    }).meta({
      if: { properties: { kind: { const: "files" } }, required: ["kind"] },
      then: { required: ["path"] },
      else: { not: { required: ["path"] } },
    }),
    "Where the values of secrets come from; variables where absent.",
  ),
  signals: setting(
    z.partialRecord(
      z.enum(["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR2"]),
      z.enum(["graceful", "force", "reload", "ignore"]),
    ),
    "What signals do to `reeve run`; those that are not named keep what they do.",
    { default: { SIGINT: "graceful", SIGTERM: "graceful", SIGHUP: "reload" } },
  ),
  dashboard: setting(dashboard, "The socket for dashboards.", { default: null }),
  children: setting(z.array(childSchema), "The children; their order matters where dependencies leave it open.", { default: [] }),
});
