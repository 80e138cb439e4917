/** Metrics and traces as an OpenTelemetry SDK gets them from the real runtime (contract, sections 19 and 20). */
import { assert, assertEquals } from "@std/assert";
import { diag, metrics, SpanStatusCode, trace } from "@opentelemetry/api";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, type ReadableSpan, type SpanProcessor } from "@opentelemetry/sdk-trace-base";
import { child, supervise, type Tree } from "../../mod.ts";
import { loadTelemetry, METRICS } from "../../src/observe/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { SCENES } from "../support/scenes.ts";
import { untilAborted } from "../support/tasks.ts";

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
};

/** Those that are tested above, because they are asked for while a tree runs. */
const GAUGES: readonly string[] = [
  "supervisor_child_state",
  "supervisor_child_uptime_seconds",
  "supervisor_child_runtime_restart_limit_remaining",
  "supervisor_child_restart_pending_total",
  "supervisor_runtime_control_plane_alive",
];

Deno.test("metrics: each has a test", () => {
  assertEquals([...Object.keys(SHOWN_BY), ...GAUGES].sort(), Object.keys(METRICS).sort());
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
    const ms = ([seconds, nanos]: readonly [number, number]): number => seconds * 1_000 + Math.round(nanos / 1e6);
    assertEquals(ms(first!.endTime) - ms(first!.startTime), 1_000);
    assertEquals(ms(second!.startTime) - ms(first!.endTime), 100);
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
