import { assertEquals, assertStringIncludes } from "@std/assert";
import { explain } from "../../src/config/mod.ts";
import { ReeveError } from "../../mod.ts";
import { load, PLACE } from "./helpers.ts";

const TEXT = `policy:
  max_backoff_ms: 9000
  failure_window: { threshold: 8, window_secs: 20 }
shutdown:
  graceful_timeout_ms: 7000
severity_defaults:
  - { task_role: job, severity: Critical }
children:
  - name: web
    task_role: service
    criticality: optional
    stop:
      kill_wait_ms: 300
      then_signals: [{ signal: SIGINT, after_ms: 500 }, { signal: SIGQUIT, after_ms: 900 }]
    run: { process: { command: caddy } }
  - name: pollers
    run:
      supervisor:
        children:
          - name: mail
            task_role: job
            backoff:
              initial_ms: 5
            run: { process: { command: fetchmail } }
          - { name: twin, run: { process: { command: x } } }
  - name: others
    run: { supervisor: { children: [{ name: twin, run: { process: { command: x } } }] } }
`;

async function row(path: string, key: string): Promise<unknown> {
  const rows = explain(await load(TEXT), path);
  const { value, source, place } = rows.find((candidate) => candidate.key === key) ?? {};
  return [value, source, place?.replace(PLACE, "")];
}

Deno.test("explain() says for each value what decided it, and on which line", async () => {
  const expected: readonly (readonly [string, string, unknown])[] = [
    ["/web", "restart_policy", ["permanent", "role", undefined]],
    ["/web", "severity", ["optional", "child", ":11"]],
    ["/web", "stop.kill_wait_ms", [300, "child", ":13"]],
    ["/web", "stop.then_signals", ["SIGINT after 500 ms, SIGQUIT after 900 ms", "child", ":14"]],
    ["/web", "stop.timeout_ms", [7000, "shutdown", ":5"]],
    ["/web", "backoff.max_ms", [9000, "policy", ":2"]],
    ["/web", "backoff.factor", [2, "default", undefined]],
    ["/web", "limit.max_restarts", [8, "policy", ":3"]],
    ["/web", "limit.window_ms", [20000, "policy", ":3"]],
    ["/pollers/mail", "backoff.initial_ms", [5, "child", ":23"]],
    ["/pollers/mail", "severity", ["critical", "severity_defaults", ":6"]],
    ["/pollers", "readiness.mode", ["all", "default", undefined]],
  ];
  for (const [path, key, found] of expected) assertEquals(await row(path, key), found, `${path} ${key}`);
});

Deno.test("explain() takes a name alone where only one child has it", async () => {
  assertEquals(await row("mail", "backoff.initial_ms"), await row("/pollers/mail", "backoff.initial_ms"));
});

Deno.test("explain() refuses a child that is not there, or not clear, with the candidates", async () => {
  for (
    const [path, text] of [["/wbe", 'Did you mean "/web"?'], ["/nothing-like-it", "The children are /web"], [
      "twin",
      "/pollers/twin, /others/twin",
    ]] as const
  ) {
    let message = "";
    try {
      explain(await load(TEXT), path);
    } catch (error) {
      if (!(error instanceof ReeveError)) throw error;
      assertEquals(error.code, "child_not_found");
      message = error.message;
    }
    assertStringIncludes(message, text);
  }
});
