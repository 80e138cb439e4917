/** The SDK of the command, as long as it is registered. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { metrics } from "@opentelemetry/api";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import { child, ReeveError, supervise } from "../../../mod.ts";
import { type Exporting, startExporting } from "../../../src/cli/telemetry/exporting.ts";
import { type TelemetrySettings, telemetrySettings } from "../../../src/cli/telemetry/settings.ts";
import { VirtualClock } from "../../../src/testing/mod.ts";
import { samplesIn } from "../../support/prometheus.ts";
import { untilAborted } from "../../support/tasks.ts";

const PLACE = { host: "127.0.0.1", port: 0 };
const ASKED: TelemetrySettings = telemetrySettings({ metrics: PLACE, file: {}, variables: () => undefined });

async function start(told: string[] = [], settings: TelemetrySettings = ASKED): Promise<Exporting> {
  const exporting = await startExporting({ settings, treeName: "t", tell: (text) => void told.push(text) });
  assert(exporting !== null);
  return exporting;
}

Deno.test("startExporting() starts nothing where nobody wants anything", async () => {
  const settings = telemetrySettings({ file: {}, variables: () => undefined });
  assertEquals(await startExporting({ settings, treeName: "t", tell: () => {} }), null);
});

Deno.test("startExporting() tells each child of a large tree, in each of its states", async () => {
  await using exporting = await start();
  const clock = new VirtualClock({ startMs: 1_000 });
  const names = Array.from({ length: 2_500 }, (_, index) => `c${index}`);
  const tree = await supervise({ children: names.map((name) => child.task(name, untilAborted)) }, { clock, keepAlive: false });
  await clock.advance(1_000);
  const { text } = await exporting.metrics!();
  const samples = samplesIn(text);
  const missing = names.filter((name) => samples.get(`supervisor_child_state{supervisor_path="/",child_id="${name}",state="ready"}`) !== 1);
  assertEquals(missing, [], "an SDK puts what is above 2 000 together where nobody tells it not to");
  const ending = tree.shutdown();
  await clock.advance(60_000);
  await ending;
});

Deno.test("startExporting() ends with a line end, also where there is nothing to tell", async () => {
  await using exporting = await start();
  const { status, text } = await exporting.metrics!();
  assertEquals([status, text.endsWith("\n")], [200, true]);
});

Deno.test("startExporting() answers those who ask at once with one look at the tree", async () => {
  await using exporting = await start();
  let looks = 0;
  const gauge = metrics.getMeter("test").createObservableGauge("looks");
  gauge.addCallback((result) => result.observe(++looks));
  await Promise.all([exporting.metrics!(), exporting.metrics!(), exporting.metrics!()]);
  assertEquals(looks, 1);
  await exporting.metrics!();
  assertEquals(looks, 2);
});

Deno.test("close() takes the SDK away, twice as well as once, so that the next one can come", async () => {
  for (let round = 0; round < 2; round++) {
    const exporting = await start();
    metrics.getMeter("test").createCounter("rounds").add(1);
    assertEquals(samplesIn((await exporting.metrics!()).text).get("rounds_total"), 1, "nothing is left of the one before");
    await exporting.close();
    await exporting.close();
  }
});

Deno.test("startExporting() does not register beside another SDK: it says so, or refuses where it is asked by Prometheus", async () => {
  const other = new MeterProvider();
  metrics.setGlobalMeterProvider(other);
  try {
    const error = await assertRejects(() => start(), ReeveError);
    assert(error instanceof ReeveError);
    assertEquals(error.code, "telemetry_not_started");
    const told: string[] = [];
    const settings = telemetrySettings({
      file: {},
      variables: (name) => name === "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" ? "http://127.0.0.1:1" : undefined,
    });
    assertEquals(await startExporting({ settings, treeName: "t", tell: (text) => void told.push(text) }), null);
    assertEquals(told, ["metrics and traces go where the OpenTelemetry that this program has already sends them"]);
  } finally {
    metrics.disable();
    await other.shutdown();
  }
});
