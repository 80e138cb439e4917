/** Where metrics and traces go: what the command, the variables and the file say, and who wins. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import process from "node:process";
import { ReeveError } from "../../../mod.ts";
import { type Place, placeOf, placeText } from "../../../src/cli/place.ts";
import { ownVariables, type TelemetrySettings, telemetrySettings, type TelemetryWishes } from "../../../src/cli/telemetry/settings.ts";

interface Wishes {
  readonly metrics?: string;
  readonly file?: TelemetryWishes["file"];
}

function settings(variables: Readonly<Record<string, string>> = {}, { metrics, file = {} }: Wishes = {}): TelemetrySettings {
  return telemetrySettings({ metrics: metrics === undefined ? undefined : placeOf(metrics), file, variables: (name) => variables[name] });
}

/** `PROMETHEUS METRICS TRACES`. */
function places({ prometheus, metricsUrl, tracesUrl }: TelemetrySettings): string {
  return [prometheus === null ? "-" : placeText(prometheus), metricsUrl ?? "-", tracesUrl ?? "-"].join(" ");
}

const FILE: TelemetryWishes["file"] = { prometheus: { listen: "10.0.0.1:1" }, otlp: { endpoint: "http://file:1" } };
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://env:2" };

const CASES: readonly [told: string, variables: Readonly<Record<string, string>>, wishes: Wishes, where: string][] = [
  ["nothing is asked for", {}, {}, "- - -"],
  ["the command asks for metrics", {}, { metrics: "127.0.0.1:9" }, "127.0.0.1:9 - -"],
  ["an endpoint is set", ENDPOINT, {}, "- http://env:2/v1/metrics http://env:2/v1/traces"],
  [
    "an endpoint has a path, and a slash",
    { OTEL_EXPORTER_OTLP_ENDPOINT: "https://env/a/" },
    {},
    "- https://env/a/v1/metrics https://env/a/v1/traces",
  ],
  ["one for metrics is set, which is taken as it is", { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://m:3/x" }, {}, "- http://m:3/x -"],
  ["one for traces is set", { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://t:4" }, {}, "- - http://t:4/"],
  [
    "one for all, and one for traces",
    { ...ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://t:4/x" },
    {},
    "- http://env:2/v1/metrics http://t:4/x",
  ],
  ["the file asks", {}, { file: FILE }, "10.0.0.1:1 http://file:1/v1/metrics http://file:1/v1/traces"],
  ["the command wins over the file", {}, { metrics: "[::1]:0", file: { prometheus: FILE.prometheus } }, "[::1]:0 - -"],
  ["a variable wins over the file", ENDPOINT, { file: { otlp: FILE.otlp } }, "- http://env:2/v1/metrics http://env:2/v1/traces"],
  ["OTLP is named without an endpoint", { OTEL_TRACES_EXPORTER: "otlp" }, {}, "- - http://localhost:4318/v1/traces"],
  ["a list wins over the file", { OTEL_METRICS_EXPORTER: "otlp" }, { file: FILE }, "- http://file:1/v1/metrics http://file:1/v1/traces"],
  ["none for traces", { ...ENDPOINT, OTEL_TRACES_EXPORTER: "none" }, {}, "- http://env:2/v1/metrics -"],
  ["none for metrics", { ...ENDPOINT, OTEL_METRICS_EXPORTER: "none" }, { file: FILE }, "- - http://env:2/v1/traces"],
  ["none, but the command asks", { OTEL_METRICS_EXPORTER: "none" }, { metrics: "127.0.0.1:9" }, "127.0.0.1:9 - -"],
  ["Prometheus is named", { OTEL_METRICS_EXPORTER: "prometheus" }, {}, "127.0.0.1:9464 - -"],
  [
    "Prometheus is named, with an endpoint",
    { ...ENDPOINT, OTEL_METRICS_EXPORTER: "prometheus" },
    {},
    "127.0.0.1:9464 - http://env:2/v1/traces",
  ],
  [
    "both are named, and where",
    { OTEL_METRICS_EXPORTER: "prometheus, otlp", OTEL_EXPORTER_PROMETHEUS_HOST: "::", OTEL_EXPORTER_PROMETHEUS_PORT: "99" },
    {},
    "[::]:99 http://localhost:4318/v1/metrics -",
  ],
  ["it is turned off", { ...ENDPOINT, OTEL_SDK_DISABLED: " TRUE" }, { file: FILE }, "- - -"],
  ["it is turned off, but the command asks", { ...ENDPOINT, OTEL_SDK_DISABLED: "true" }, { metrics: "h:9", file: FILE }, "h:9 - -"],
  [
    "it is not turned off by another word",
    { ...ENDPOINT, OTEL_SDK_DISABLED: "yes" },
    {},
    "- http://env:2/v1/metrics http://env:2/v1/traces",
  ],
];

for (const [told, variables, wishes, where] of CASES) {
  Deno.test(`telemetrySettings() says where to when ${told}`, () => assertEquals(places(settings(variables, wishes)), where));
}

const REFUSED: readonly [variables: Readonly<Record<string, string>>, wishes: Wishes, said: string][] = [
  [
    { OTEL_METRICS_EXPORTER: "console" },
    {},
    'OTEL_METRICS_EXPORTER is "console", must be otlp, prometheus or none',
  ],
  [
    { OTEL_METRICS_EXPORTER: "prometeus" },
    {},
    'OTEL_METRICS_EXPORTER is "prometeus", must be otlp, prometheus or none. Did you mean "prometheus"?',
  ],
  [{ OTEL_TRACES_EXPORTER: "jaeger" }, {}, 'OTEL_TRACES_EXPORTER is "jaeger", must be otlp or none'],
  [{ OTEL_TRACES_EXPORTER: "otlp,none" }, {}, "OTEL_TRACES_EXPORTER says none, and something else as well"],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: "user:secret" },
    {},
    'OTEL_EXPORTER_OTLP_ENDPOINT begins with "user:", must begin with "http:" or "https:". Such as http://localhost:4318',
  ],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "secret" }, {}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no URL. Such as http://localhost:4318"],
  [{}, { file: { otlp: { endpoint: "collector" } } }, "observability.exporters.otlp.endpoint is no URL. Such as http://localhost:4318"],
  [
    { ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
    {},
    'OTEL_EXPORTER_OTLP_PROTOCOL is "grpc", must be http/json. A collector takes OTLP over HTTP at port 4318',
  ],
  [{ ...ENDPOINT, OTEL_METRIC_EXPORT_INTERVAL: "0" }, {}, 'OTEL_METRIC_EXPORT_INTERVAL is "0", must be a whole number from 1'],
  [{ OTEL_METRIC_EXPORT_INTERVAL: "1e3" }, {}, 'OTEL_METRIC_EXPORT_INTERVAL is "1e3", must be a whole number from 1'],
  [
    {},
    { file: { prometheus: { listen: "9464" } } },
    'observability.exporters.prometheus.listen is "9464", must be an address and a port, such as 127.0.0.1:9464',
  ],
  [
    { OTEL_METRICS_EXPORTER: "prometheus", OTEL_EXPORTER_PROMETHEUS_PORT: "99999" },
    {},
    'OTEL_EXPORTER_PROMETHEUS_PORT is "99999", must be a port',
  ],
];

for (const [variables, wishes, said] of REFUSED) {
  Deno.test(`telemetrySettings() refuses: ${said}`, () => {
    const error = assertThrows(() => settings(variables, wishes), ReeveError);
    assert(error instanceof ReeveError);
    assertEquals([error.code, error.message], ["telemetry_not_started", said]);
  });
}

Deno.test("telemetrySettings() never writes what a terminal would obey", () => {
  const error = assertThrows(() => settings({ OTEL_TRACES_EXPORTER: "\u001b[2J" }), ReeveError);
  assert(error instanceof Error && !error.message.includes("\u001b"));
});

Deno.test("telemetrySettings() says that JSON is sent where the other form is asked for, once", () => {
  const note = "OTEL_EXPORTER_OTLP_PROTOCOL is http/protobuf: http/json is sent instead, to the same place";
  assertEquals(settings({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" }).notes, [note]);
  assertEquals(settings({ OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf" }).notes, [], "nothing is sent");
  assertEquals(settings({ ...ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }).notes, []);
});

Deno.test("telemetrySettings() sends once in a minute, or as often as a variable says, and takes no longer than that", () => {
  const { intervalMs, timeoutMs } = settings(ENDPOINT);
  assertEquals([intervalMs, timeoutMs], [60_000, 30_000]);
  const quick = settings({ ...ENDPOINT, OTEL_METRIC_EXPORT_INTERVAL: "500" });
  assertEquals([quick.intervalMs, quick.timeoutMs], [500, 500]);
});

Deno.test("ownVariables() takes an empty variable for none", () => {
  process.env["REEVE_TEST_EMPTY"] = " ";
  process.env["REEVE_TEST_FULL"] = "x";
  try {
    const variables = ownVariables();
    assertEquals([variables("REEVE_TEST_EMPTY"), variables("REEVE_TEST_FULL"), variables("REEVE_TEST_NONE")], [undefined, "x", undefined]);
  } finally {
    delete process.env["REEVE_TEST_EMPTY"];
    delete process.env["REEVE_TEST_FULL"];
  }
});

const PLACES: readonly [text: string, place: Place | undefined][] = [
  ["127.0.0.1:9464", { host: "127.0.0.1", port: 9_464 }],
  ["localhost:0", { host: "localhost", port: 0 }],
  ["[::1]:80", { host: "::1", port: 80 }],
  ["9464", undefined],
  [":9464", undefined],
  ["::1:9464", undefined],
  ["a:65536", undefined],
  ["a b:1", undefined],
  ["http://a:1", undefined],
];

for (const [text, place] of PLACES) {
  Deno.test(`placeOf() reads ${text}`, () => {
    assertEquals(placeOf(text), place);
    if (place !== undefined) assertEquals(placeText(place), text);
  });
}
