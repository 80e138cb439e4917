import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { loadText } from "../../../src/config/mod.ts";
import { childOf, environmentOf, imported, processOf, refused } from "./helpers.ts";

const FILE = "process-compose.yaml";

Deno.test("import of process-compose takes commands, order, probes, restarts, stop, logs and environment over", async () => {
  const text = `version: "0.5"
environment: ["LEVEL=info", "SHARED=1"]
x-again: &again
  availability: { restart: on_failure, backoff_seconds: 2, max_restarts: 3 }
processes:
  store:
    command: ./store --data ./d
    description: keeps everything
    working_dir: ./store
    <<: *again
    readiness_probe:
      http_get: { host: 127.0.0.1, scheme: http, path: ok, port: "5432" }
      period_seconds: 2
      timeout_seconds: 4
    liveness_probe:
      exec: { command: "test -f alive" }
      failure_threshold: 4
    shutdown: { signal: 2, timeout_seconds: 3, command: "echo bye" }
    log_location: ./store.log
    log_configuration: { rotation: { max_size_mb: 2, max_age_days: 1, max_backups: 4, compress: true } }
    namespace: data
  migrate:
    command: "echo done"
    depends_on: { store: { condition: process_healthy } }
  api:
    command: node api.js
    replicas: 2
    log_location: ./api.log
    environment: ["LEVEL=debug"]
    depends_on:
      store: { condition: process_healthy }
      migrate: { condition: process_completed_successfully }
    availability: { restart: always }
    ready_log_line: "up (for real)"
  once:
    command: "true"
    availability: { exit_on_end: true }
`;
  const made = await imported({ [FILE]: text }, FILE);
  assertEquals([made.code, made.gaps], [0, []]);
  const store = childOf(made, "store");
  assertEquals([processOf(store).command, processOf(store).args], ["bash", ["-c", "./store --data ./d"]]);
  assertEquals(processOf(store).cwd, join(made.folder, "store"));
  assertEquals(store.readiness, { mode: "http", host: "127.0.0.1", port: 5_432, path: "/ok", checkIntervalSecs: 2, timeoutSecs: 4 });
  assertEquals(store.healthCheck, {
    mode: "exec",
    command: "bash",
    args: ["-c", "test -f alive"],
    checkIntervalSecs: 10,
    timeoutSecs: 1,
    maxRetries: 3,
  });
  assertEquals(store.stop, { signal: "SIGINT", timeoutMs: 3_000 });
  assertEquals(store.hooks, { beforeStop: { command: "bash", args: ["-c", "echo bye"], timeoutMs: 3_000 } });
  assertEquals([store.restartPolicy, store.limit?.maxRestarts, store.limit?.onExceeded], ["transient", 3, "give_up"]);
  assertEquals(store.backoff, { initialMs: 2_000, maxMs: 2_000, factor: 1, jitter: "none" });
  assertEquals(store.logs, { file: join(made.folder, "store.log"), maxBytes: 2_097_152, maxAgeSecs: 86_400, keep: 4, compress: true });
  assertEquals(store.tags, ["data"]);
  assertEquals([childOf(made, "migrate").readiness, childOf(made, "migrate").restartPolicy], [{ mode: "completed" }, "temporary"]);
  const api = childOf(made, "api-1");
  assertEquals([api.dependencies, api.restartPolicy, api.limit], [["store", "migrate"], "permanent", { onExceeded: "slow_down" }]);
  assertEquals(api.logs, { file: join(made.folder, "api-1.log") });
  assertEquals(environmentOf(api), { LEVEL: "debug", SHARED: "1", PC_REPLICA_NUM: "1" });
  assertEquals(api.readiness, { mode: "log_line", pattern: "up \\(for real\\)" });
  assertEquals([childOf(made, "once").significant, made.spec.autoShutdown], [true, "any_significant"]);
});

Deno.test("import of process-compose fills in what it would fill in, when the file is loaded", async () => {
  const text = `processes:
  a:
    command: echo $HERE \${THERE} \${ELSE:-fall back} $$SHELL $\${BRACE} $$$HERE \$(date) $1
    readiness_probe: { http_get: { port: "\${PORT:-81}" } }
`;
  const made = await imported({ [FILE]: text }, FILE);
  const { spec } = await loadText(made.yaml, "made.yaml", { env: { HERE: "h", THERE: "t", PORT: "82" } });
  const child = childOf({ spec }, "a");
  assertEquals(processOf(child).args, ["-c", "echo h t fall back $SHELL ${BRACE} $h $(date) $1"]);
  assertEquals(Reflect.get(child.readiness ?? {}, "port"), 82);
  const kept = await imported({ [FILE]: `disable_env_expansion: true\n${text}` }, FILE);
  assertStringIncludes(processOf(childOf(kept, "a")).args?.[1] ?? "", "echo $HERE ${THERE} ${ELSE:-fall back} $$SHELL");
});

Deno.test("import of process-compose tells by line what has no equivalent", async () => {
  const text = `log_level: debug
log_location: all.log
odd: 1
processes:
  a:
    command: "run {{.X}}"
    is_daemon: true
    depends_on: { gone: { condition: process_started }, b: { condition: process_started }, c: { condition: process_completed } }
    readiness_probe:
      exec: { command: x, working_dir: /y }
      initial_delay_seconds: 3
      success_threshold: 2
    availability: { restart: exit_on_failure, exit_on_skipped: true }
    environment: ["nothing"]
    shutdown: { signal: 99 }
  b:
    command: y
    ready_log_line: up
  c:
    command: z
    availability: { restart: always, exit_on_end: true }
  d: { command: x, disabled: true }
  e: { description: nothing }
`;
  const made = await imported({ [FILE]: text }, FILE);
  assertEquals(made.gaps, [
    "1 log_level",
    "2 log_location",
    "3 odd",
    "6 processes.a.command",
    "7 processes.a.is_daemon",
    "8 processes.a.depends_on.gone",
    "10 processes.a.readiness_probe.exec.working_dir",
    "11 processes.a.readiness_probe.initial_delay_seconds",
    "12 processes.a.readiness_probe.success_threshold",
    "13 processes.a.availability.restart",
    "13 processes.a.availability.exit_on_skipped",
    "14 processes.a.environment",
    "15 processes.a.shutdown.signal",
    "17 processes.b",
    "20 processes.c",
    "21 processes.c.availability.restart",
    "22 processes.d.disabled",
    "23 processes.e",
  ]);
  assertEquals(made.spec.children.map(({ name }) => name), ["a", "b", "c"]);
  assertEquals([childOf(made, "c").restartPolicy, childOf(made, "c").readiness], ["transient", { mode: "completed" }]);
});

Deno.test("import of process-compose takes schedules, and refuses a file without processes", async () => {
  const text =
    "processes: { a: { command: x, schedule: { interval: 1m30s, run_on_start: true } }, b: { command: x, schedule: { cron: '* * * * *', timezone: Europe/Berlin } } }\n";
  const made = await imported({ [FILE]: text }, FILE);
  assertEquals(childOf(made, "a").schedule, { everyMs: 90_000, atStart: true });
  assertEquals(childOf(made, "b").schedule, { cron: "* * * * *", timeZone: "Europe/Berlin" });
  assertMatch(await refused({ [FILE]: "processes: [1]\n" }, FILE, { from: "process-compose" }), /has no map "processes"/);
});
