/** Metrics and traces as an OpenTelemetry SDK gets them from the real runtime (contract, sections 19 and 20). */
import { assert, assertEquals } from "@std/assert";
import { diag, type HrTime, metrics, SpanStatusCode, trace } from "@opentelemetry/api";
import { createServer, type Socket } from "node:net";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, type ReadableSpan, type SpanProcessor } from "@opentelemetry/sdk-trace-base";
import { child, supervise, type Tree } from "../../mod.ts";
import { loadTelemetry, METRICS } from "../../src/observe/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { SCENES } from "../support/scenes.ts";
import { untilAborted } from "../support/tasks.ts";
import { until } from "../support/until.ts";

/** Collects when it is asked to. */
class Reader extends MetricReader {
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

interface Point {
  readonly name: string;
  readonly labels: Readonly<Record<string, unknown>>;
  readonly value: unknown;
}

interface Collected {
  /** What was collected of a name now. */
  points(name: string): Promise<Point[]>;
  /** Names of all that were collected now. */
  names(): Promise<string[]>;
  readonly spans: () => ReadableSpan[];
}

/** Runs with an SDK that is registered for all the program. */
async function collecting(run: (collected: Collected) => Promise<void>): Promise<void> {
  const reader = new Reader();
  const spans: ReadableSpan[] = [];
  const kept: SpanProcessor = {
    onStart: () => {},
    onEnd: (span) => void spans.push(span),
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  const meters = new MeterProvider({ readers: [reader] });
  const tracers = new BasicTracerProvider({ spanProcessors: [kept] });
  metrics.setGlobalMeterProvider(meters);
  trace.setGlobalTracerProvider(tracers);
  const all = async (): Promise<Point[]> => {
    const { resourceMetrics, errors } = await reader.collect();
    assertEquals(errors, []);
    return resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics).flatMap(({ descriptor, dataPoints }) =>
      dataPoints.map(({ attributes, value }) => ({ name: descriptor.name, labels: attributes, value }))
    );
  };
  try {
    await run({
      points: async (name) => (await all()).filter((point) => point.name === name),
      names: async () => [...new Set((await all()).map(({ name }) => name))].sort(),
      spans: () => spans,
    });
  } finally {
    metrics.disable();
    trace.disable();
    await meters.shutdown();
    await tracers.shutdown();
  }
}

/** Fails each second, and comes back a tenth of a second later. */
async function failingTree(clock: VirtualClock, metricsEnabled?: boolean): Promise<Tree> {
  const failing = async (): Promise<never> => {
    await new Promise<void>((resolve) => clock.setTimer(resolve, 1_000));
    throw new TypeError("boom");
  };
  const back = { backoff: { initialMs: 100, maxMs: 100, jitter: "none" }, limit: { maxRestarts: 1_000 } } as const;
  return await supervise({
    children: [child.task("a", failing, back), child.supervisor("s", { children: [child.task("b", untilAborted)] })],
    observability: metricsEnabled === undefined ? {} : { metricsEnabled },
  }, { clock, keepAlive: false });
}

async function end(tree: Tree, clock: VirtualClock): Promise<void> {
  const ending = tree.shutdown();
  await clock.advance(60_000);
  await ending;
}

Deno.test("telemetry: nothing is loaded where nobody takes it", async () => {
  assertEquals(await loadTelemetry(), null);
});

Deno.test("metrics: restarts and failures are counted as the tree counts them, with few labels of their own", () =>
  collecting(async ({ points }) => {
    const clock = new VirtualClock({ startMs: 1_000 });
    const tree = await failingTree(clock);
    await clock.advance(10_500);
    const { failures, restarts } = tree.summary();
    assertEquals([failures, restarts], [9, 9]);
    const where = { supervisor_path: "/", child_id: "a" };
    assertEquals(await points("supervisor_restart_total"), [
      { name: "supervisor_restart_total", labels: { ...where, reason: "crash" }, value: 9 },
    ]);
    assertEquals(await points("supervisor_child_failure_total"), [{
      name: "supervisor_child_failure_total",
      labels: { ...where, failure_category: "TypeError", decision: "restart", reason: "within_restart_budget" },
      value: 9,
    }]);
    const [backoff] = await points("supervisor_backoff_seconds");
    const { count, sum }: Record<string, unknown> = { ...Object(backoff?.value) };
    assertEquals([count, Math.round(Number(sum) * 10)], [9, 9]);
    await end(tree, clock);
  }));

Deno.test("metrics: gauges tell how children are now, and nothing of a tree that has ended", () =>
  collecting(async ({ points }) => {
    const clock = new VirtualClock({ startMs: 1_000 });
    const tree = await failingTree(clock);
    await clock.advance(500);
    const states = (await points("supervisor_child_state")).map(({ labels, value }) =>
      `${labels["supervisor_path"]} ${labels["child_id"]} ${labels["state"]} ${value}`
    );
    assertEquals(states.sort(), ["/ a ready 1", "/ s ready 1", "/s b ready 1"]);
    assertEquals((await points("supervisor_child_uptime_seconds")).map(({ value }) => value), [0.5, 0.5, 0.5]);
    assertEquals((await points("supervisor_runtime_control_plane_alive")).map(({ value }) => value), [1]);
    assertEquals((await points("supervisor_child_restart_pending_total")).map(({ value }) => value), [0]);
    const left = (await points("supervisor_child_runtime_restart_limit_remaining")).find(({ labels }) => labels["child_id"] === "a");
    assertEquals(left?.value, 1_000);
    await end(tree, clock);
    for (const name of ["supervisor_child_state", "supervisor_child_uptime_seconds", "supervisor_runtime_control_plane_alive"]) {
      assertEquals(new Set((await points(name)).map(({ value }) => value)).has(0), true, name);
      assertEquals((await points(name)).filter(({ value }) => value !== 0), [], name);
    }
  }));

Deno.test("metrics: a child is in one state at a time, whatever it was before, and in none when it is gone", () =>
  collecting(async ({ points }) => {
    const clock = new VirtualClock({ startMs: 1_000 });
    const tree = await failingTree(clock);
    const statesOf = async (name: string): Promise<string[]> =>
      (await points("supervisor_child_state")).filter(({ labels, value }) => labels["child_id"] === name && value === 1).map(({ labels }) =>
        String(labels["state"])
      );
    await clock.advance(500);
    assertEquals(await statesOf("a"), ["ready"]);
    await clock.advance(550);
    assertEquals(await statesOf("a"), ["backoff"]);
    await tree.child("/a").remove();
    await clock.advance(10);
    assertEquals([await statesOf("a"), await statesOf("b")], [[], ["ready"]]);
    await end(tree, clock);
  }));

Deno.test("metrics: gauges tell how the supervisor itself is, and nothing when it has ended", () =>
  collecting(async ({ points }) => {
    const clock = new VirtualClock({ startMs: 1_000 });
    let lateMs = 0;
    const late = {
      now: () => clock.now() + lateMs,
      wallNow: () => clock.wallNow(),
      microtask: (callback: () => void) => clock.microtask(callback),
      macrotask: (callback: () => void) => clock.macrotask(callback),
      setTimer: (callback: () => void, delayMs: number) => clock.setTimer(callback, delayMs),
    };
    const configVersion = "sha256-000000000001ffffffffffff";
    const tree = await supervise({ children: [child.task("a", untilAborted)] }, { clock: late, configVersion, keepAlive: false });
    await clock.advance(2_500);
    lateMs = 250;
    await clock.advance(1_000);
    lateMs = 260;
    await clock.advance(2_000);
    const value = async (name: string): Promise<unknown> => {
      const [point, ...others] = await points(name);
      assertEquals([point?.labels, others], [{ supervisor_path: "/" }, []], name);
      return point?.value;
    };
    const { loopLagMs, heapUsedBytes } = tree.health();
    assertEquals([loopLagMs, await value("supervisor_loop_lag_seconds")], [0, 0.25], "the longest of the last minute");
    assertEquals(await value("supervisor_mailbox_depth"), 0);
    assert(heapUsedBytes > 0);
    assertEquals(await value("supervisor_heap_used_bytes"), heapUsedBytes);
    assertEquals(await value("supervisor_config_version"), 1, "the first twelve digits of the hash");
    await end(tree, clock);
    for (const name of ["loop_lag_seconds", "mailbox_depth", "heap_used_bytes", "config_version"]) {
      assertEquals(await value(`supervisor_${name}`), 0, name);
    }
  }));

Deno.test("metrics: the version of a configuration that is a number is told as it is, and as 0 when it is nothing that can be told", () =>
  collecting(async ({ points }) => {
    for (const [configVersion, told] of [["7", 7], ["sha256-ffffffffffff00", 2 ** 48 - 1], ["tuesday", 0]] as const) {
      const clock = new VirtualClock({ startMs: 1_000 });
      const tree = await supervise({ children: [] }, { clock, configVersion, keepAlive: false });
      assertEquals((await points("supervisor_config_version")).map(({ value }) => value), [told], configVersion);
      await end(tree, clock);
      await points("supervisor_config_version");
    }
  }));

Deno.test("metrics: as much as waits for the loop is told of its mailbox", () =>
  collecting(async ({ points }) => {
    const telemetry = (await loadTelemetry())?.({
      wallAt: (atMs) => atMs,
      children: () => [],
      supervisor: () => ({ loopLagMaxMs: 0, mailboxDepth: 12, heapUsedBytes: 1, configVersion: "1" }),
    });
    assertEquals((await points("supervisor_mailbox_depth")).map(({ value }) => value), [12]);
    telemetry?.end();
  }));

Deno.test("metrics: how long questions for health take is measured, also of those that are not answered in time", () =>
  collecting(async ({ points }) => {
    const clock = new VirtualClock({ startMs: 1_000 });
    const asked: Socket[] = [];
    const server = createServer((socket) => void asked.push(socket.on("error", () => {})));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    // It takes connections and says nothing: whoever asks by HTTP waits.
    const spec = child.task("a", untilAborted, {
      healthCheck: { mode: "http", port, checkIntervalSecs: 1, timeoutSecs: 2, maxRetries: 100, onUnhealthy: "event" },
    });
    const tree = await supervise({ children: [spec] }, { clock, keepAlive: false });
    const found = async (): Promise<{ count: number; sum: number; labels: unknown }> => {
      const [point] = await points("supervisor_healthcheck_latency_seconds");
      const { count, sum }: Record<string, unknown> = { ...Object(point?.value) };
      return { count: Number(count ?? 0), sum: Number(sum ?? 0), labels: point?.labels };
    };
    const answered = (count: number): Promise<void> => until(async () => (await found()).count === count, () => `not ${count} answers`);
    await clock.advance(1_000);
    await until(() => asked.length === 1, () => "nobody asked");
    await clock.advance(250);
    asked[0]?.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    await answered(1);
    assertEquals(await found(), { count: 1, sum: 0.25, labels: { supervisor_path: "/", child_id: "a" } });
    await clock.advance(1_000);
    await until(() => asked.length === 2, () => "nobody asked again");
    await clock.advance(2_000);
    await answered(2);
    assertEquals((await found()).sum, 2.25);
    await end(tree, clock);
    for (const socket of asked) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }));

Deno.test("metrics: what is reported of attempts that are over is counted", () =>
  collecting(async ({ points }) => {
    const telemetry = (await loadTelemetry())?.({
      wallAt: (atMs) => atMs,
      children: () => [],
      supervisor: () => ({ loopLagMaxMs: 0, mailboxDepth: 0, heapUsedBytes: 0, configVersion: "1" }),
    });
    for (const event of await SCENES["an adapter that reports an end twice"]!()) telemetry?.note(event);
    telemetry?.end();
    assertEquals(await points("supervisor_child_attempt_stale_report_total"), [
      { name: "supervisor_child_attempt_stale_report_total", labels: { handled_as: "ignored_for_state" }, value: 1 },
    ]);
  }));

Deno.test("metrics: what is short has as many steps as what is long", () =>
  collecting(async ({ points }) => {
    await SCENES["a critical child that fails"]!();
    for (const name of ["supervisor_backoff_seconds", "supervisor_shutdown_duration_seconds"]) {
      const [point] = await points(name);
      const { buckets }: Record<string, unknown> = { ...Object(point?.value) };
      const { boundaries }: Record<string, unknown> = { ...Object(buckets) };
      assert(Array.isArray(boundaries) && boundaries[0] === 0.01 && boundaries.includes(0.25) && boundaries.at(-1) >= 300, name);
    }
  }));

/** Every metric, with a scene that shows it. */
const SHOWN_BY: Readonly<Record<string, string>> = {
  supervisor_restart_total: "a critical child that fails",
  supervisor_child_failure_total: "a critical child that fails",
  supervisor_backoff_seconds: "a critical child that fails",
  supervisor_meltdown_total: "a fuse of a child that opens, and is closed by an operator",
  supervisor_shutdown_duration_seconds: "a critical child that fails",
  supervisor_shutdown_child_outcomes_total: "a critical child that fails",
  supervisor_shutdown_abort_total: "a child that is passed over in a shutdown",
  supervisor_shutdown_late_reports_total: "a child that ends after it was passed over in a shutdown",
  supervisor_event_lag_total: "a reader that is too slow, and then reads on",
  supervisor_runtime_control_loop_exit_total: "a critical child that fails",
  supervisor_child_control_command_total: "children that come and go",
  supervisor_child_runtime_heartbeat_stale_total: "heartbeats that stop, and come again",
  supervisor_child_runtime_operation_transitions_total: "children that come and go",
  supervisor_child_restart_fence_total: "a restart of a child that stops",
  supervisor_loop_starved_total: "a loop that does not get its turn",
};

/** Those that are tested above, because they are asked for while a tree runs, or no tree shows them by itself. */
const TESTED_ABOVE: readonly string[] = [
  "supervisor_child_state",
  "supervisor_child_uptime_seconds",
  "supervisor_child_runtime_restart_limit_remaining",
  "supervisor_child_restart_pending_total",
  "supervisor_runtime_control_plane_alive",
  "supervisor_config_version",
  "supervisor_loop_lag_seconds",
  "supervisor_mailbox_depth",
  "supervisor_heap_used_bytes",
  "supervisor_healthcheck_latency_seconds",
  "supervisor_child_attempt_stale_report_total",
];

Deno.test("metrics: each has a test", () => {
  assertEquals([...Object.keys(SHOWN_BY), ...TESTED_ABOVE].sort(), Object.keys(METRICS).sort());
});

const LABELS: ReadonlySet<string> = new Set(
  "supervisor_path child_id state phase status result reason decision failure_category command from to handled_as".split(" "),
);

for (const [name, scene] of Object.entries(SHOWN_BY)) {
  Deno.test(`metrics: ${name} comes from the real runtime, with labels of the list alone`, () =>
    collecting(async ({ points }) => {
      await SCENES[scene]!();
      const found = await points(name);
      assert(found.length > 0);
      for (const { labels } of found) {
        for (const [label, value] of Object.entries(labels)) {
          assert(LABELS.has(label), label);
          assert(typeof value === "string" && value.length <= 96 && !value.includes("\n"), `${label} ${value}`);
        }
      }
    }));
}

Deno.test("traces: each attempt is a span with what happened to it; that of a restart links to the failure before", () =>
  collecting(async ({ spans }) => {
    const clock = new VirtualClock({ startMs: 1_000 });
    const tree = await failingTree(clock);
    await clock.advance(2_500);
    await end(tree, clock);
    const own = spans().filter(({ attributes }) => attributes["supervisor.child_id"] === "a");
    assertEquals(own.map(({ name, attributes }) => `${name} ${attributes["supervisor.attempt"]}`), [
      "supervisor.child_attempt 1",
      "supervisor.child_attempt 2",
      "supervisor.child_attempt 3",
    ]);
    const [first, second, third] = own;
    assertEquals(first?.events.map(({ name }) => name), ["child_ready", "child_failed"]);
    assertEquals(first?.status.code, SpanStatusCode.ERROR);
    assert(first?.status.message?.startsWith("failed: boom"), first?.status.message);
    assertEquals(second?.links.map(({ context }) => context.spanId), [first?.spanContext().spanId]);
    assertEquals(third?.events.map(({ name }) => name), ["child_ready", "child_stopping", "child_shutdown"]);
    assertEquals(third?.status.code, SpanStatusCode.UNSET);
    const msBetween = (from: HrTime, to: HrTime): number => Math.round((to[0] - from[0]) * 1_000 + (to[1] - from[1]) / 1e6);
    assertEquals(msBetween(first!.startTime, first!.endTime), 1_000);
    assertEquals(msBetween(first!.endTime, second!.startTime), 100);
    const names = spans().map(({ attributes }) => `${attributes["supervisor.path"]} ${attributes["supervisor.child_id"]}`);
    assert(names.includes("/s b") && names.includes("/ s"), names.join());
  }));

Deno.test("telemetry: what throws is told once by the API's own diagnostics, and disturbs no tree", async () => {
  const told: string[] = [];
  const silent = (): void => {};
  diag.setLogger({ verbose: silent, debug: silent, info: silent, warn: silent, error: (text) => void told.push(text) });
  await collecting(async () => {
    const broken = trace.getTracer("@reeve/supervisor");
    trace.disable();
    trace.setGlobalTracerProvider({
      getTracer: () =>
        Object.assign(Object.create(broken), {
          startSpan: () => {
            throw new Error("no room");
          },
        }),
    });
    const clock = new VirtualClock({ startMs: 1_000 });
    const tree = await failingTree(clock);
    await clock.advance(10_500);
    assertEquals(tree.summary().failures, 9);
    await end(tree, clock);
  });
  diag.disable();
  assertEquals(told, ["@reeve/supervisor makes no metrics and traces any more: no room"]);
});

Deno.test("metricsEnabled: false makes neither metrics nor traces", () =>
  collecting(async ({ names, spans }) => {
    const clock = new VirtualClock({ startMs: 1_000 });
    const tree = await failingTree(clock, false);
    await clock.advance(2_500);
    await end(tree, clock);
    assertEquals([await names(), spans()], [[], []]);
  }));
