/** The schema of one child declaration. */
import { z } from "zod";
import { dynamicSupervisor, groups } from "./group_schema.ts";
import {
  childName,
  escalation,
  fileName,
  natural,
  naturalMs,
  port,
  positive,
  positiveMs,
  positiveSecs,
  ratio,
  rotation,
  setting,
  severity,
  strategy,
  taskRole,
  variableName,
  word,
} from "./fields.ts";

const httpAndTcp = {
  host: setting(word, "Host to ask, for modes http and tcp.", { default: "127.0.0.1" }),
  port: setting(port, "Port to ask, for modes http and tcp.", { example: 8080 }),
  port_step: setting(z.int().min(0).max(1_000), "What is added to the port from one copy of the child to the next.", { default: 0 }),
  path: setting(z.string().regex(/^\//, 'must start with "/"'), "Path to ask for, for mode http.", { default: "/" }),
  scheme: setting(z.enum(["http", "https"]), "Scheme, for mode http.", { default: "http" }),
  command: setting(word, "Command to run, for mode exec; exit code 0 is a yes.", { example: "pg_isready" }),
  args: setting(z.array(z.string()), "Arguments of the command, for mode exec.", { default: [] }),
};

const run = z.strictObject({
  factory: setting(word, "Name of a function that the program registers.", { example: "ingest" }),
  module: setting(
    z.strictObject({
      url: fileName.meta({ description: "Module, relative to this file.", examples: ["./ingest.ts"] }),
      export: setting(word, "Name of the exported function.", { default: "default" }),
    }),
    "Runs an exported function as a task in this program.",
  ),
  worker: setting(
    z.strictObject({
      url: fileName.meta({
        description: "File of the worker, relative to this file; it calls serveWorker.",
        examples: ["./thumbnails.ts"],
      }),
      type: setting(z.enum(["module"]), "Kind of the file.", { default: "module" }),
    }),
    "Runs a file as a worker thread.",
  ),
  process: setting(
    z.strictObject({
      command: word.meta({
        description: "Command, looked up in PATH, or relative to this file when it contains a slash.",
        examples: ["redis-server"],
      }),
      args: setting(z.array(z.string()), "Arguments.", { default: [], example: ["--port", "7379"] }),
      cwd: setting(word, "Working directory, relative to this file.", { example: "./data" }),
      shell: setting(z.boolean(), "Whether the command is a line for sh -c.", { default: false }),
      env_file: setting(word, "File with lines NAME=value, relative to this file, read before each start.", { example: "./web.env" }),
      uid: setting(natural, "User id under which it runs; needs gid, and root.", { example: 1000 }),
      gid: setting(natural, "Group id under which it runs; needs uid.", { example: 1000 }),
      stop_on_parent_death: setting(z.boolean(), "Whether it is ended when the supervisor dies without having stopped it.", {
        default: true,
      }),
      listen: setting(
        z.array(z.strictObject({
          name: setting(word, "Its name in LISTEN_FDNAMES.", { default: "unknown" }),
          port: setting(port, "Port of a TCP socket; this, path or inherited.", { example: 8080 }),
          host: setting(word, "Address as a number, for a port.", { default: "127.0.0.1" }),
          path: setting(word, "Path of a Unix socket, relative to this file; this, port or inherited.", { example: "./web.sock" }),
          permissions: setting(z.string().regex(/^0?[0-7]{3}$/, "must be an octal mode"), "Mode of a Unix socket.", { default: "0600" }),
          inherited: setting(word, "Name of a socket that the service manager gave to the supervisor; this, port or path.", {
            example: "http",
          }),
        })),
        "Sockets that it gets listening from descriptor 3 on, as systemd gives them; they stay open while it starts anew.",
        { default: [] },
      ),
    }),
    "Runs a process of the operating system.",
  ),
  supervisor: setting(
    z.strictObject({
      strategy: setting(strategy, "Which siblings a failure touches.", { default: "OneForOne" }),
      auto_shutdown: setting(z.enum(["never", "any_significant", "all_significant"]), "When the supervisor ends by itself.", {
        default: "never",
      }),
      escalation_policy: setting(escalation.nullable(), "What the escalation of a child leads to.", { default: null }),
      dynamic_supervisor: dynamicSupervisor,
      // One by one: with a spread the type of the children would refer to itself.
      groups: groups.groups,
      group_strategies: groups.group_strategies,
      group_dependencies: groups.group_dependencies,
      child_strategy_overrides: groups.child_strategy_overrides,
      get children(): z.ZodArray<typeof childSchema> {
        return z.array(childSchema).meta({ description: "Children of the nested supervisor." });
      },
    }),
    "Runs a nested supervisor.",
  ),
}).meta({ description: "How the child runs; exactly one of the keys.", minProperties: 1, maxProperties: 1 });

/** Which keys a probe has depends on its mode; JSON Schema says so, the loader leaves it to the check of the declaration. */
function byMode(
  common: readonly string[],
  modes: Readonly<Record<string, readonly [keys: readonly string[], required: readonly string[]]>>,
): Record<string, unknown> {
  const given = Object.entries(modes).map(([mode, [keys, required]]) => ({
    if: { properties: { mode: { const: mode } }, required: ["mode"] },
    then: { propertyNames: { enum: ["mode", ...common, ...keys] }, required },
  }));
  return { allOf: [...given, { if: { not: { required: ["mode"] } }, then: { propertyNames: { enum: ["mode", ...common] } } }] };
}

const PROBES = {
  http: [["host", "port", "path", "scheme"], ["port"]],
  tcp: [["host", "port"], ["port"]],
  exec: [["command", "args"], ["command"]],
} as const;
const INTERVAL = ["check_interval_secs", "timeout_secs"] as const;

const environmentVariable = z.strictObject({
  name: variableName.meta({ description: "Name of the variable.", examples: ["MODE"] }),
  value: setting(z.string(), "Its value; this or secret_ref.", { example: "primary" }),
  secret_ref: setting(
    z.string().regex(/^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/, "must be ${NAME}"),
    "Where its secret value comes from; this or value.",
    {
      example: "${STORE_DSN}",
    },
  ),
}).meta({ oneOf: [{ required: ["value"] }, { required: ["secret_ref"] }] });

function hook(description: string): z.ZodOptional<z.ZodObject> {
  return setting(
    z.strictObject({
      command: word.meta({ description: "Command.", examples: ["./bin/migrate"] }),
      args: setting(z.array(z.string()), "Arguments.", { default: [] }),
      timeout_ms: setting(positiveMs, "Longest time in milliseconds.", { default: 10_000 }),
    }),
    description,
  );
}

/** One child declaration. */
export const childSchema = z.strictObject({
  name: childName.meta({ description: "Name, unique among siblings.", examples: ["ingest"] }),
  kind: setting(z.enum(["async_worker", "blocking_worker", "supervisor"]), "Execution kind; follows from run.", {
    example: "async_worker",
  }),
  run: run.optional(),
  args: setting(z.json(), "JSON value handed to the child.", { default: null }),
  dependencies: setting(z.array(word), "Siblings that must be ready before this child starts.", { default: [] }),
  requires: setting(z.array(word), "The same as dependencies.", { default: [] }),
  wants: setting(z.array(word), "Siblings to start before, without needing them.", { default: [] }),
  binds_to: setting(z.array(word), "Siblings whose end ends this child.", { default: [] }),
  wait_timeout_ms: setting(
    positiveMs.nullable(),
    "Time in milliseconds to wait for dependencies before that counts as a failure; null waits for ever.",
    {
      default: null,
    },
  ),
  task_role: setting(taskRole.nullable(), "Role; selects defaults for restart and limits.", { default: null }),
  restart_policy: setting(z.enum(["permanent", "transient", "temporary"]), "What happens after an exit; by role where absent.", {
    default: "permanent",
  }),
  severity: setting(severity.nullable(), "How much the child matters; by role where absent.", { default: null }),
  criticality: setting(z.enum(["critical", "optional"]), "Older name of severity.", { example: "critical" }),
  backoff: setting(
    z.strictObject({
      initial_ms: setting(naturalMs, "First delay in milliseconds.", { default: 50 }),
      max_ms: setting(naturalMs, "Longest delay in milliseconds.", { default: 5_000 }),
      factor: setting(z.number().min(1).max(1000), "Growth per consecutive failure.", { default: 2 }),
      jitter: setting(z.enum(["none", "full", "decorrelated", "deterministic"]), "How delays are spread.", { default: "full" }),
      ratio: setting(ratio, "Share of the delay that is random, 0 to 1.", { default: 0.2 }),
      reset_after_ms: setting(positiveMs, "Healthy time in milliseconds after which the next delay is the first one again.", {
        default: 30_000,
      }),
    }),
    "Delays between restarts.",
  ),
  limit: setting(
    z.strictObject({
      max_restarts: setting(positive, "Failures allowed in the window; the next one exceeds the limit.", { example: 5 }),
      window_ms: setting(positiveMs, "Length of the window in milliseconds.", { default: 60_000 }),
      half_life_ms: setting(positiveMs, "Instead of a window: the time in milliseconds in which the count of failures falls by half.", {
        example: 30_000,
      }),
      on_exceeded: setting(
        z.enum(["slow_down", "give_up", "escalate"]),
        "Wait the longest backoff each time, leave the child down, or fail the supervisor.",
        {
          default: "slow_down",
        },
      ),
    }),
    "How many failures in a window are too many, and what then.",
  ),
  stop: setting(
    z.strictObject({
      mode: setting(z.enum(["graceful", "kill", "wait"]), "Ask and force after the budget, force at once, or ask and wait for ever.", {
        default: "graceful",
      }),
      signal: setting(word, "Signal that asks a process to stop.", { default: "SIGTERM" }),
      then_signals: setting(
        z.array(z.strictObject({
          signal: word.meta({ description: "The signal.", examples: ["SIGINT"] }),
          after_ms: positiveMs.meta({ description: "How long after the child was asked to stop, in milliseconds.", examples: [2_000] }),
        })),
        "Signals that follow when a process is still there, before it is forced.",
        { default: [] },
      ),
      timeout_ms: setting(positiveMs.nullable(), "Time in milliseconds between asking and forcing; null never forces.", { default: 5_000 }),
      kill_wait_ms: setting(positiveMs, "Time in milliseconds to wait after forcing.", { default: 1_000 }),
      drain_delay_ms: setting(
        naturalMs,
        "Time in milliseconds for which a child that was ready goes on, no longer ready, before it is asked to stop.",
        { default: 0 },
      ),
      kill_tree: setting(z.boolean(), "Whether signals go to the whole process group.", { default: true }),
    }),
    "How the child is stopped.",
  ),
  timeouts: setting(
    z.strictObject({
      start_ms: setting(positiveMs.nullable(), "Time in milliseconds from start to ready; null waits for ever.", { default: null }),
      run_ms: setting(positiveMs.nullable(), "Time in milliseconds an attempt may run; null is unlimited.", { default: null }),
    }),
    "Time limits of an attempt.",
  ),
  readiness: setting(
    z.strictObject({
      mode: setting(
        z.enum(["immediate", "explicit", "completed", "http", "tcp", "exec", "log_line", "all", "started", "child"]),
        "When the child counts as ready; all, started and child are for supervisors.",
        { default: "immediate" },
      ),
      check_interval_secs: setting(positiveSecs, "Seconds between two probes; until the first success they come faster.", { default: 5 }),
      timeout_secs: setting(positiveSecs, "Seconds one probe may take.", { default: 3 }),
      ...httpAndTcp,
      pattern: setting(word, "Regular expression that a line of output must match, for mode log_line.", { example: "listening on" }),
      child: setting(childName, "The child that makes the supervisor ready, for mode child.", { example: "api" }),
    }).meta(byMode(INTERVAL, {
      ...PROBES,
      immediate: [[], []],
      explicit: [[], []],
      log_line: [["pattern"], ["pattern"]],
      all: [[], []],
      started: [[], []],
      child: [["child"], ["child"]],
    })),
    "When the child counts as ready, which is what its dependants wait for.",
  ),
  health_check: setting(
    z.strictObject({
      mode: setting(z.enum(["heartbeat", "http", "tcp", "exec"]), "How health is known.", { default: "heartbeat" }),
      check_interval_secs: setting(positiveSecs, "Seconds between two checks, or two expected heartbeats.", { default: 10 }),
      timeout_secs: setting(positiveSecs, "Seconds one probe may take.", { default: 5 }),
      max_retries: setting(natural, "Failed checks after the first before the child is unhealthy.", { default: 3 }),
      stale_after_ms: setting(positiveMs, "Age in milliseconds at which a heartbeat is stale; three intervals where absent.", {
        example: 30_000,
      }),
      on_unhealthy: setting(z.enum(["restart", "event"]), "Stop and restart the child by its policy, or only say so.", {
        default: "restart",
      }),
      ...httpAndTcp,
    }).meta(byMode([...INTERVAL, "max_retries", "stale_after_ms", "on_unhealthy"], { ...PROBES, heartbeat: [[], []] })),
    "How the child's health is watched; not at all where absent.",
  ),
  success_exit_codes: setting(z.array(z.int().min(0).max(255)), "Exit codes of a process that count as success.", { default: [0] }),
  never_restart_on: setting(
    z.array(z.union([z.int(), z.string()])),
    "Exit codes and failure categories after which the child stays down.",
    { default: [] },
  ),
  environment: setting(z.array(environmentVariable), "Environment variables of the child.", { default: [] }),
  secrets: setting(
    z.array(z.strictObject({
      name: variableName.meta({ description: "Name by which secret_ref refers to it.", examples: ["STORE_DSN"] }),
      key: word.meta({ description: "Key in secret_store; a variable where that is not there.", examples: ["prod/store/dsn"] }),
      required: z.boolean().meta({ description: "Whether the child cannot do without it.", examples: [true] }),
    })),
    "Secrets that environment refers to.",
    { default: [] },
  ),
  tags: setting(z.array(word), "Low-cardinality labels.", { default: [] }),
  group: setting(word.nullable(), "Group the child belongs to.", { default: null }),
  sidecar_config: setting(
    z.strictObject({
      primary_child_id: childName.meta({ description: "The child this one belongs to.", examples: ["gateway"] }),
      linked_lifecycle: setting(z.boolean(), "Whether it stops with its primary.", { default: false }),
    }),
    "What a sidecar belongs to.",
  ),
  significant: setting(z.boolean(), "Whether its end may end the supervisor.", { default: false }),
  resource_limits: setting(
    z.strictObject({
      max_memory_mb: setting(positive.nullable(), "Memory in MiB.", { default: null }),
      max_cpu_percent: setting(z.int().min(1).max(100).nullable(), "Share of one processor in percent.", { default: null }),
      max_file_descriptors: setting(positive.nullable(), "Open files.", { default: null }),
    }),
    "Limits on what a process may use; for another child they are left out, with a warning.",
  ),
  command_permissions: setting(
    z.strictObject({
      allow_shutdown: setting(z.boolean(), "Whether the child may shut the tree down.", { default: false }),
      allow_restart: setting(z.boolean(), "Whether the child may restart itself.", { default: false }),
      allowed_signals: setting(z.array(word), "Signals that a process may be asked to stop with; any where absent.", {
        example: ["SIGTERM", "SIGHUP"],
      }),
    }),
    "What the child may ask for.",
  ),
  logs: setting(
    z.strictObject({
      tail_lines: setting(z.int().min(0).max(10_000), "How many of the last lines go with a failure.", { default: 50 }),
      stdout: setting(z.boolean(), "Whether standard output is kept.", { default: true }),
      stderr: setting(z.boolean(), "Whether standard error is kept.", { default: true }),
      file: setting(word, "File for the child's output; in its folder lie the older ones.", { example: "./var/ingest.log" }),
      format: setting(z.enum(["text", "json"]), "A line as it is, or an object that tells when, of whom and which attempt.", {
        default: "text",
      }),
      ...rotation(10_485_760),
      compress: setting(z.boolean(), "Whether older files are compressed.", { default: false }),
    }),
    "What is kept of the child's output.",
  ),
  hooks: setting(
    z.strictObject({
      before_start: hook("Runs before each start; where it fails, the attempt has failed."),
      after_start: hook("Runs after each start, before the child counts as ready; where it fails, the attempt has failed."),
      before_stop: hook("Runs before the child is asked to stop, within its time to stop."),
      after_exit: hook("Runs after each end, with REEVE_EXIT_CODE or REEVE_EXIT_SIGNAL."),
    }),
    "Programs that run around the attempts of a process.",
  ),
  schedule: setting(
    z.strictObject({
      cron: setting(word, "When, as five or six fields of cron; this or every_ms.", { example: "*/5 * * * *" }),
      time_zone: setting(word, "Time zone of cron; that of the machine where absent.", { example: "Europe/Berlin" }),
      every_ms: setting(positiveMs, "How often in milliseconds; this or cron.", { example: 60_000 }),
      jitter_ms: setting(naturalMs, "Random delay in milliseconds before each start, up to this.", { default: 0 }),
      overlap: setting(z.enum(["skip", "queue", "replace"]), "What happens when it is time and the job still runs.", { default: "skip" }),
      missed: setting(z.enum(["skip", "run_once"]), "What happens to times that passed while nothing ran.", { default: "skip" }),
      at_start: setting(z.boolean(), "Whether it also starts with the tree.", { default: false }),
    }),
    "Starts a job at times instead of at once.",
  ),
  instances: setting(
    z.int().min(1).max(1_000),
    "How many copies run, under a supervisor of the child's name; {instance} in texts is the number of the copy, and so is REEVE_INSTANCE.",
    { default: 1 },
  ),
  rolling: setting(
    z.strictObject({
      max_surge: setting(z.int().min(0).max(1_000), "Extra copies that run meanwhile, and how many are replaced at a time.", {
        default: 1,
      }),
    }),
    "How copies are replaced; with it a single one can be replaced without a gap too.",
  ),
  watch: setting(
    z.strictObject({
      paths: z.array(word).meta({ description: "Files and folders to watch.", examples: [["./src"]] }),
      ignore: setting(z.array(word), "Names and patterns of what does not count, beside .git and node_modules.", { default: [] }),
      debounce_ms: setting(positiveMs, "Quiet time in milliseconds before a restart.", { default: 200 }),
    }),
    "Restarts the child when files change.",
  ),
});
