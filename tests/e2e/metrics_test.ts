/** Metrics and traces of the real command: told to Prometheus, and sent to a collector. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { reeve, type RunningCommand } from "../support/command.ts";
import { withCollector } from "../support/collector.ts";
import { withFolder } from "../support/folder.ts";
import { HAS_PROMTOOL, promtool, samplesIn } from "../support/prometheus.ts";
import { until } from "../support/until.ts";

/** One child fails three times, and then stays; the other is asked for its health once a second. */
const TREE = `name: small
children:
  - name: shaky
    task_role: service
    run:
      process:
        command: sh
        args: [-c, 'echo x >>runs; [ $(wc -l <runs) -gt 3 ] || exit 3; echo "stays with $PPID"; exec sleep 60']
        cwd: .
    readiness: { mode: log_line, pattern: stays }
    backoff: { initial_ms: 20, max_ms: 20 }
  - name: steady
    task_role: service
    run: { process: { command: sh, args: [-c, "exec sleep 60"] } }
    health_check: { mode: exec, command: "true", check_interval_secs: 1 }
`;

const AFTER_THREE = { supervisor_path: "/", child_id: "shaky" };

function portOf(command: RunningCommand): number {
  return Number(/metrics on 127\.0\.0\.1:(\d+)/.exec(command.output())?.[1]);
}

/** The status of an answer whose body is of no interest. */
async function statusOf(url: string): Promise<number> {
  const { status, body } = await fetch(url);
  await body?.cancel();
  return status;
}

/** Runs the tree with metrics at some place until all of it is ready, and ends it well. */
async function whileTold(
  options: readonly string[],
  use: (url: string, command: RunningCommand, cwd: string) => Promise<void>,
): Promise<void> {
  await withFolder({ "tree.yaml": TREE }, async (cwd) => {
    const command = reeve(["run", "tree.yaml", "--metrics", "127.0.0.1:0", ...options], { cwd });
    for (const said of ["everything is ready", "metrics on"]) await command.until(said);
    await use(`http://127.0.0.1:${portOf(command)}`, command, cwd);
    command.signal("SIGTERM");
    assertEquals(await command.ended, 0, command.output());
  });
}

Deno.test("reeve run --metrics tells Prometheus exactly what the tree did, and how it is", () =>
  whileTold([], async (url) => {
    const response = await fetch(`${url}/metrics`);
    assertEquals([response.status, response.headers.get("content-type")], [200, "text/plain; version=0.0.4; charset=utf-8"]);
    const samples = samplesIn(await response.text());
    assertEquals(samples.get('supervisor_restart_total{supervisor_path="/",child_id="shaky",reason="crash"}'), 3);
    const failed = 'failure_category="exit_code",decision="restart",reason="within_restart_budget"';
    assertEquals(samples.get(`supervisor_child_failure_total{supervisor_path="/",child_id="shaky",${failed}}`), 3);
    assertEquals(samples.get('supervisor_backoff_seconds_count{supervisor_path="/",child_id="shaky"}'), 3);
    for (const name of ["shaky", "steady"]) {
      assertEquals(samples.get(`supervisor_child_state{supervisor_path="/",child_id="${name}",state="ready"}`), 1, name);
    }
    assertEquals(samples.get('supervisor_runtime_control_plane_alive{supervisor_path="/"}'), 1);
    assert((samples.get('supervisor_heap_used_bytes{supervisor_path="/"}') ?? 0) > 1_000_000);
    assert((samples.get('supervisor_config_version{supervisor_path="/"}') ?? 0) > 0);
    assert([...samples.keys()].some((key) => key.startsWith('target_info{service_name="small",service_version="')));
    assertEquals([...samples.keys()].filter((key) => key.includes("otel_scope") || key.includes("_total_total")), []);
    const asked = async (): Promise<number> =>
      samplesIn(await (await fetch(`${url}/metrics`)).text()).get(
        'supervisor_healthcheck_latency_seconds_count{supervisor_path="/",child_id="steady"}',
      ) ?? 0;
    await until(async () => await asked() > 0, () => "no question for health was measured");
  }));

Deno.test({
  name: "what reeve run --metrics tells is as the tool of Prometheus wants it",
  ignore: !HAS_PROMTOOL,
  fn: () =>
    whileTold([], async (url) => {
      const complaints = await promtool(["check", "metrics"], await (await fetch(`${url}/metrics`)).text());
      // The name is that of the reference.
      assertEquals(complaints, ['supervisor_child_restart_pending_total non-counter metrics should not have "_total" suffix']);
    }),
});

Deno.test("reeve run --metrics answers GET and HEAD of one path, and those who ask at once get the same", () =>
  whileTold([], async (url) => {
    const head = await fetch(`${url}/metrics`, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
    assert(Number(head.headers.get("content-length")) > 1_000);
    const posted = await fetch(`${url}/metrics`, { method: "POST", body: "x" });
    assertEquals([posted.status, posted.headers.get("allow"), await posted.json()], [405, "GET, HEAD", { error: "GET or HEAD" }]);
    const other = await fetch(`${url}/livez`);
    assertEquals([other.status, await other.json()], [404, { error: "/metrics is answered" }]);
    const many = await Promise.all(Array.from({ length: 20 }, () => statusOf(`${url}/metrics`)));
    assertEquals(many.filter((status) => status !== 200), []);
  }));

Deno.test("reeve run answers for health and for metrics at one place where both are asked for there", () =>
  whileTold(["--health", "127.0.0.1:0"], async (url, command) => {
    assertEquals(Number(/health on 127\.0\.0\.1:(\d+)/.exec(command.output())?.[1]), portOf(command));
    assertEquals(await statusOf(`${url}/readyz`), 200);
    assertMatch(await (await fetch(`${url}/metrics`)).text(), /^supervisor_child_state\{/m);
  }));

Deno.test("reeve run --metrics does not run where it cannot listen, or what it should do makes no sense", async () => {
  await whileTold([], async (url, _command, cwd) => {
    const second = reeve(["run", "tree.yaml", "--no-socket", "--metrics", url.slice("http://".length)], { cwd });
    assertEquals(await second.ended, 2, second.output());
    assertStringIncludes(second.output(), `reeve: Cannot listen on ${url.slice("http://".length)}`);
    const odd = reeve(["run", "tree.yaml", "--no-socket"], { cwd, env: { OTEL_TRACES_EXPORTER: "zipkin" } });
    assertEquals(await odd.ended, 2, odd.output());
    assertStringIncludes(odd.output(), 'reeve: OTEL_TRACES_EXPORTER is "zipkin", must be otlp or none\n');
    assert(!odd.output().includes("starting"), odd.output());
  });
});

Deno.test("reeve run tells Prometheus where its file says", async () => {
  const text = `${TREE}observability: { exporters: { prometheus: { listen: "127.0.0.1:0" } } }\n`;
  await withFolder({ "tree.yaml": text }, async (cwd) => {
    const command = reeve(["run", "tree.yaml", "--no-socket"], { cwd });
    await command.until("everything is ready");
    assertEquals(await statusOf(`http://127.0.0.1:${portOf(command)}/metrics`), 200);
    command.signal("SIGTERM");
    assertEquals(await command.ended, 0, command.output());
  });
});

// --- a collector ---------------------------------------------------------------------------------------------------------------------------

/** Runs the tree until it was ready, then ends it; returns what was said beside the log. */
async function runTo(
  variables: Readonly<Record<string, string>>,
  text = TREE,
): Promise<{ readonly complaints: string[]; readonly pid: number; readonly endMs: number }> {
  let outcome = { complaints: [""], pid: 0, endMs: 0 };
  await withFolder({ "tree.yaml": text }, async (cwd) => {
    const command = reeve(["run", "tree.yaml", "--no-socket"], { cwd, env: variables });
    await command.until("everything is ready");
    const stoppedAtMs = Date.now();
    command.signal("SIGTERM");
    assertEquals(await command.ended, 0, command.output());
    outcome = {
      complaints: command.output().split("\n").filter((line) => line.startsWith("reeve: ")),
      pid: Number(/stays with (\d+)/.exec(command.output())?.[1]),
      endMs: Date.now() - stoppedAtMs,
    };
  });
  return outcome;
}

Deno.test("reeve run sends metrics and traces to a collector that a variable names, all of them before it ends", () =>
  withCollector(async ({ url, spans, points, headers }) => {
    const { complaints, pid } = await runTo({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_HEADERS: "x-key=let%20me" });
    assertEquals(complaints, []);
    const attempts = spans.filter(({ attributes }) => attributes["supervisor.child_id"] === "shaky");
    assertEquals(attempts.map(({ attributes }) => attributes["supervisor.attempt"]), [1, 2, 3, 4]);
    assertEquals(spans.filter(({ attributes }) => attributes["supervisor.child_id"] === "steady").length, 1);
    assertEquals(attempts.map(({ events }) => events.includes("child_failed")), [true, true, true, false]);
    const { resource } = attempts[0]!;
    assertEquals([resource["service.name"], resource["process.pid"]], ["small", pid]);
    assertMatch(String(resource["service.version"]), /^\d+\.\d+\.\d+$/);
    const restarts = points.filter(({ name }) => name === "supervisor_restart_total");
    assertEquals(restarts.at(-1)?.labels, { ...AFTER_THREE, reason: "crash" });
    assertEquals(restarts.at(-1)?.value, 3);
    assertEquals(restarts.at(-1)?.resource["service.name"], "small");
    const alive = points.filter(({ name }) => name === "supervisor_runtime_control_plane_alive");
    assertEquals(alive.at(-1)?.value, 0, "the last that is told is that the tree has ended");
    assert(headers.length > 1 && headers.every((header) => header["x-key"] === "let me"));
  }));

Deno.test("reeve run sends to where its file says, as what the variables call it, and as often as they say", () =>
  withCollector(async ({ url, spans, points }) => {
    const file = `${TREE}observability: { exporters: { otlp: { endpoint: "${url}/" } } }\n`;
    const variables = {
      OTEL_SERVICE_NAME: "orders",
      OTEL_RESOURCE_ATTRIBUTES: "service.name=no,deployment.environment.name=test%20one",
      OTEL_METRIC_EXPORT_INTERVAL: "100",
    };
    await withFolder({ "tree.yaml": file }, async (cwd) => {
      const command = reeve(["run", "tree.yaml", "--no-socket"], { cwd, env: variables });
      await command.until("everything is ready");
      const told = (): number | undefined => points.filter(({ name }) => name === "supervisor_restart_total").at(-1)?.value;
      await until(() => told() === 3, () => `restarts that were sent while it runs: ${told()}`);
      command.signal("SIGTERM");
      assertEquals(await command.ended, 0, command.output());
    });
    const { resource } = spans[0]!;
    assertEquals([resource["service.name"], resource["deployment.environment.name"]], ["orders", "test one"]);
  }));

Deno.test("reeve run sends nothing where it is turned off, or none is wanted", () =>
  withCollector(async ({ url, spans, points }) => {
    const { complaints } = await runTo({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_SDK_DISABLED: "true" });
    assertEquals([complaints, spans, points], [[], [], []]);
    await runTo({ OTEL_EXPORTER_OTLP_ENDPOINT: url }, `${TREE}observability: { metrics_enabled: false }\n`);
    assertEquals([spans, points], [[], []]);
    await runTo({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_METRICS_EXPORTER: "none" });
    assertEquals([spans.length, points.length], [5, 0]);
  }));

const LOST = "reeve: 5 of 5 spans were not taken by their collector";

Deno.test("reeve run ends in time when its collector is gone, and says once that something is lost", async () => {
  let url = "";
  await withCollector((collector) => {
    url = collector.url;
    return Promise.resolve();
  });
  const { complaints, endMs } = await runTo({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
  assertEquals(complaints, [LOST]);
  assert(endMs < 8_000, `${endMs} ms`);
});

Deno.test("reeve run ends in time when its collector hangs, and says once that something is lost", () =>
  withCollector(async ({ url }) => {
    const { complaints, endMs } = await runTo({ OTEL_EXPORTER_OTLP_ENDPOINT: url });
    assertEquals(complaints, [LOST]);
    assert(endMs >= 1_000 && endMs < 8_000, `${endMs} ms`);
  }, { hangs: true }));

Deno.test("reeve run says once, and why, that a collector refuses what it is sent, and runs on", () =>
  withCollector(async ({ url }) => {
    await withFolder({ "tree.yaml": TREE }, async (cwd) => {
      const variables = { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: `${url}/elsewhere`, OTEL_METRIC_EXPORT_INTERVAL: "3000" };
      const command = reeve(["run", "tree.yaml", "--no-socket"], { cwd, env: variables });
      await command.until("everything is ready");
      await command.until("reeve: metrics and traces are not exported as they should: ");
      // What is sent at the end is refused as well.
      command.signal("SIGTERM");
      assertEquals(await command.ended, 0, command.output());
      const complaints = command.output().split("\n").filter((line) => line.startsWith("reeve: "));
      assertEquals(complaints.length, 1, complaints.join("\n"));
      assertStringIncludes(complaints[0]!, "Not Found");
    });
  }));

Deno.test("reeve run says that a variable cannot be read, instead of taking nothing of it in silence", () =>
  withCollector(async ({ url, spans }) => {
    const { complaints } = await runTo({ OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_RESOURCE_ATTRIBUTES: "a=b=c" });
    assertEquals(complaints.length, 1);
    assertStringIncludes(complaints[0]!, "OTEL_RESOURCE_ATTRIBUTES cannot be read");
    assertEquals(spans.length, 5);
  }));
