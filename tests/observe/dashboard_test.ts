/** What Prometheus and Grafana are given in the examples: it asks for what there is, and the alerts come when they should, and not else. */
import { assert, assertEquals } from "@std/assert";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { METRICS } from "../../src/observe/mod.ts";
import { inFolder } from "../support/folder.ts";
import { HAS_PROMTOOL, promtool } from "../support/prometheus.ts";
import { ROOT } from "../support/runtime.ts";

const FOLDER = new URL("examples/observability/", ROOT);
const ALERTS = readFileSync(new URL("alerts.yaml", FOLDER), "utf8");
const DASHBOARD: unknown = JSON.parse(readFileSync(new URL("dashboard.json", FOLDER), "utf8"));

/** Those of the contract, and those that Prometheus adds. */
const LABELS: ReadonlySet<string> = new Set(
  "supervisor_path child_id state phase status result reason decision failure_category command from to handled_as job instance le".split(
    " ",
  ),
);

/** Words of the language that are no functions; everything else is a metric. */
const WORDS: ReadonlySet<string> = new Set("by without on ignoring group_left group_right and or unless bool offset".split(" "));

interface Named {
  readonly metrics: string[];
  readonly labels: string[];
}

/** The names in a query. */
function namesIn(query: string): Named {
  const labels: string[] = [];
  const rest = query
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/\{([^}]*)\}/g, (_, matchers: string) => {
      labels.push(...[...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, name = ""]) => name));
      return " ";
    })
    .replace(/\[[^\]]*\]|\boffset\s+\w+/g, " ")
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g, (_, list: string) => {
      labels.push(...list.split(",").map((name) => name.trim()).filter((name) => name !== ""));
      return " ";
    });
  const metrics = [...rest.matchAll(/[a-zA-Z_:][\w:]*(?!\w|\s*\()/g)].map(([name]) => name).filter((name) => !WORDS.has(name));
  return { metrics, labels };
}

/** The metric of what a query names: a histogram has three. */
function metricOf(name: string): string {
  return name.replace(/_(?:bucket|sum|count)$/, "");
}

/** Every text at a key, however deep. */
function textsAt(value: unknown, key: string): string[] {
  if (Array.isArray(value)) return value.flatMap((entry) => textsAt(entry, key));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => name === key && typeof inner === "string" ? [inner] : textsAt(inner, key));
}

const QUERIES: Readonly<Record<string, readonly string[]>> = {
  "alerts.yaml": [...ALERTS.matchAll(/^ +expr: (.*)$/gm)].map(([, query = ""]) => query),
  "dashboard.json": textsAt(DASHBOARD, "expr"),
};

Deno.test("namesIn() finds metrics and labels, and nothing else", () => {
  const query = 'histogram_quantile(0.95, sum by (le, a) (rate(x_bucket{b=~"y|z", c!="by (d)"}[5m]))) > 1 or up unless on (e) w offset 5m';
  assertEquals(namesIn(query), { metrics: ["x_bucket", "up", "w"], labels: ["b", "c", "le", "a", "e"] });
});

for (const [file, queries] of Object.entries(QUERIES)) {
  Deno.test(`examples/observability/${file} asks for metrics and labels that there are`, () => {
    assert(queries.length >= 10, `only ${queries.length} queries were found`);
    for (const query of queries) {
      const { metrics, labels } = namesIn(query);
      assert(metrics.length > 0, query);
      assertEquals(metrics.filter((name) => name !== "up" && !Object.hasOwn(METRICS, metricOf(name))), [], query);
      assertEquals(labels.filter((name) => !LABELS.has(name)), [], query);
    }
  });
}

Deno.test("examples/observability: what people read names labels that there are", () => {
  const inAlerts = [...ALERTS.matchAll(/\$labels\.(\w+)/g)].map(([, name = ""]) => name);
  const inDashboard = textsAt(DASHBOARD, "legendFormat").flatMap((text) =>
    [...text.matchAll(/\{\{(\w+)\}\}/g)].map(([, name = ""]) => name)
  );
  assert(inAlerts.length > 10 && inDashboard.length > 10);
  assertEquals([...inAlerts, ...inDashboard].filter((name) => !LABELS.has(name)), []);
});

Deno.test("examples/observability/dashboard.json lets people choose where its data come from, shows each metric that is for people, and has no panel twice", () => {
  const panels: unknown = Reflect.get(Object(DASHBOARD), "panels");
  assert(Array.isArray(panels));
  const ids = panels.map(({ id }) => id);
  assertEquals(new Set(ids).size, ids.length);
  for (const { type, targets, datasource, gridPos } of panels) {
    if (type === "row") continue;
    for (const { datasource: own } of [{ datasource }, ...targets]) assertEquals(own, { type: "prometheus", uid: "${datasource}" });
    assert(gridPos.x + gridPos.w <= 24);
  }
  const shown = new Set(textsAt(DASHBOARD, "expr").flatMap((query) => namesIn(query).metrics.map(metricOf)));
  const unshown = Object.keys(METRICS).filter((name) => !shown.has(name));
  assertEquals(unshown, [
    "supervisor_runtime_control_loop_exit_total",
    "supervisor_shutdown_late_reports_total",
    "supervisor_child_runtime_operation_transitions_total",
    "supervisor_child_restart_fence_total",
    "supervisor_child_attempt_stale_report_total",
  ]);
});

// --- the alerts, with the tool of Prometheus --------------------------------------------------------------------------------------------------

const OF = 'job="reeve", instance="a:1", supervisor_path="/", child_id="x"';
const HERE = 'job="reeve", instance="a:1"';

interface Case {
  /** Series with their values, one a minute. */
  readonly series: Readonly<Record<string, string>>;
  /** When it must have come, and when it must not have. */
  readonly comes: string;
  readonly notYet: string;
}

const CASES: Readonly<Record<string, Case>> = {
  ReeveCrashLoop: { series: { [`supervisor_restart_total{${OF}, reason="crash"}`]: "0x5 1x2 2+1x10" }, comes: "17m", notYet: "8m" },
  ReeveChildDown: { series: { [`supervisor_child_state{${OF}, state="failed"}`]: "0x5 1x20" }, comes: "13m", notYet: "9m" },
  ReeveFuseOpen: { series: { [`supervisor_meltdown_total{${OF}, reason="hot_loop"}`]: "_x5 1x20" }, comes: "7m", notYet: "4m" },
  ReeveHeartbeatStale: { series: { [`supervisor_child_runtime_heartbeat_stale_total{${HERE}}`]: "1x10 2x10" }, comes: "12m", notYet: "9m" },
  ReeveHealthChecksSlow: {
    series: {
      [`supervisor_healthcheck_latency_seconds_bucket{${OF}, le="1"}`]: "0x40",
      [`supervisor_healthcheck_latency_seconds_bucket{${OF}, le="2.5"}`]: "0+5x40",
      [`supervisor_healthcheck_latency_seconds_bucket{${OF}, le="+Inf"}`]: "0+5x40",
    },
    comes: "20m",
    notYet: "5m",
  },
  ReeveRestartPending: { series: { [`supervisor_child_restart_pending_total{${HERE}}`]: "0x5 1x20" }, comes: "13m", notYet: "9m" },
  ReeveLoopLag: { series: { [`supervisor_loop_lag_seconds{${HERE}, supervisor_path="/"}`]: "0x5 2x20" }, comes: "13m", notYet: "9m" },
  ReeveLoopStarved: { series: { [`supervisor_loop_starved_total{${HERE}, supervisor_path="/"}`]: "_x5 1x20" }, comes: "7m", notYet: "4m" },
  ReeveControlPlaneGone: { series: { [`up{${HERE}}`]: "1x5 0x20" }, comes: "8m", notYet: "5m" },
  ReeveReadersLagging: { series: { [`supervisor_event_lag_total{${HERE}}`]: "0x5 1+1x20" }, comes: "14m", notYet: "8m" },
};

Deno.test("examples/observability/alerts.yaml: each alert has a case", () => {
  assertEquals([...ALERTS.matchAll(/- alert: (\w+)/g)].map(([, name]) => name), Object.keys(CASES));
});

Deno.test({
  name: "examples/observability: the tool of Prometheus has no complaint about the rules and the places",
  ignore: !HAS_PROMTOOL,
  fn: async () => {
    assertEquals(await promtool(["check", "rules", fileURLToPath(new URL("alerts.yaml", FOLDER))]), []);
    assertEquals(await promtool(["check", "config", fileURLToPath(new URL("prometheus.yaml", FOLDER))]), []);
  },
});

for (const [name, { series, comes, notYet }] of Object.entries(CASES)) {
  Deno.test({
    name: `examples/observability/alerts.yaml: ${name} comes when it should, and not before`,
    ignore: !HAS_PROMTOOL,
    fn: () =>
      inFolder(async (folder) => {
        const firing = async (at: string): Promise<boolean> => {
          const count = `count(ALERTS{alertname="${name}", alertstate="firing"})`;
          const sample = [{ labels: "{}", value: 1 }];
          const test = {
            rule_files: [fileURLToPath(new URL("alerts.yaml", FOLDER))],
            evaluation_interval: "1m",
            tests: [{
              interval: "1m",
              input_series: Object.entries(series).map(([series, values]) => ({ series, values })),
              promql_expr_test: [{ expr: count, eval_time: at, exp_samples: sample }],
            }],
          };
          // JSON is YAML too.
          const file = join(folder, `${at}.yaml`);
          await writeFile(file, JSON.stringify(test));
          const complaints = await promtool(["test", "rules", file]);
          // What is not there is counted as nothing; any other complaint is a fault of this test.
          if (complaints.length > 0) assert(complaints.some((line) => /got:\s*nil/.test(line)), complaints.join("\n"));
          return complaints.length === 0;
        };
        assertEquals([await firing(notYet), await firing(comes)], [false, true]);
      }),
  });
}
