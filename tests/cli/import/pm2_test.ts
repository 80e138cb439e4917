import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { childOf, environmentOf, imported, processOf, refused } from "./helpers.ts";

function json(...apps: readonly object[]): Record<string, string> {
  return { "ecosystem.json": JSON.stringify({ apps }, null, "\t") };
}

Deno.test("import of an ecosystem file takes script, environment, restarts, stop, limits, watch and logs over", async () => {
  const made = await imported(
    json({
      name: "api",
      script: "src/api.js",
      node_args: "--max-old-space-size=64",
      args: ["--port", "80"],
      cwd: "./app",
      env: { MODE: "live", LEVEL: 3, TEXT: "${HOME}" },
      max_memory_restart: "150M",
      max_restarts: 8,
      min_uptime: "2s",
      restart_delay: 500,
      kill_timeout: 4_000,
      watch: true,
      ignore_watch: ["*.log"],
      watch_delay: 300,
      out_file: "./api.log",
      error_file: "./api.log",
      stop_exit_codes: [3],
      namespace: "shop",
      uid: 1001,
      gid: "1002",
    }),
    "ecosystem.json",
  );
  assertEquals([made.code, made.gaps], [0, []]);
  const child = childOf(made, "api");
  const cwd = join(made.folder, "app");
  assertEquals(processOf(child), {
    kind: "process",
    command: "node",
    args: ["--max-old-space-size=64", "src/api.js", "--port", "80"],
    cwd,
    uid: 1001,
    gid: 1002,
  } as unknown);
  assertEquals(environmentOf(child), { MODE: "live", LEVEL: "3", TEXT: "${HOME}" });
  assertEquals([child.restartPolicy, child.neverRestartOn], ["permanent", [3]]);
  assertEquals(child.limit, { maxRestarts: 8, windowMs: 8 * 2_500, onExceeded: "give_up" });
  assertEquals(child.backoff, { initialMs: 500, maxMs: 500, factor: 1, jitter: "none" });
  assertEquals(child.stop, { signal: "SIGINT", timeoutMs: 4_000 });
  assertEquals(child.resourceLimits, { maxMemoryMb: 150 });
  assertEquals(child.watch, { paths: [cwd], ignore: ["*.log"], debounceMs: 300 });
  assertEquals([child.logs, child.tags], [{ file: join(cwd, "api.log") }, ["shop"]]);
});

Deno.test("import of an ecosystem file reads delays that grow, and exit code 0 as an end", async () => {
  const made = await imported(json({ name: "a", script: "a.py", exp_backoff_restart_delay: 100, stop_exit_codes: [0] }), "ecosystem.json");
  const child = childOf(made, "a");
  assertEquals(child.backoff, { initialMs: 100, maxMs: 15_000, factor: 1.5, jitter: "none", resetAfterMs: 30_000 });
  assertEquals([child.restartPolicy, processOf(child).command], ["transient", "python3"]);
});

Deno.test("import of an ecosystem file makes a schedule of an app that is started by the clock and not restarted", async () => {
  const job = { name: "job", script: "./job.sh", autorestart: false, cron_restart: "0 3 * * *" };
  const made = await imported(json(job, { ...job, name: "service", autorestart: true }), "ecosystem.json");
  const child = childOf(made, "job");
  assertEquals([child.restartPolicy, child.schedule], ["temporary", { cron: "0 3 * * *", atStart: true, overlap: "replace" }]);
  assertEquals(childOf(made, "service").schedule, undefined);
  assertEquals(made.gaps.map((gap) => gap.split(" ")[1]), ["apps.cron_restart"]);
});

Deno.test("import of an ecosystem file writes copies out, each with its number, its port and its file", async () => {
  const app = {
    name: "api",
    script: "api.js",
    instances: 2,
    exec_mode: "fork",
    increment_var: "PORT",
    env: { PORT: 3000 },
    out_file: "./o.log",
  };
  const made = await imported(json(app), "ecosystem.json");
  assertEquals([made.code, made.spec.children.map(({ name }) => name)], [0, ["api-0", "api-1"]]);
  assertEquals(environmentOf(childOf(made, "api-1")), { PORT: "3001", NODE_APP_INSTANCE: "1" });
  assertEquals(childOf(made, "api-1").logs?.file, join(made.folder, "o-1.log"));
});

Deno.test("import of an ecosystem file takes a script with spaces as a line for a shell", async () => {
  const made = await imported(json({ name: "a", script: "npm run serve", args: ["it's"] }), "ecosystem.json");
  const { command, shell } = processOf(childOf(made, "a"));
  assertEquals([command, shell], ["npm run serve 'it'\\''s'", true]);
});

Deno.test("import of an ecosystem file gives apps of the same name different ones, and refuses far too many", async () => {
  const made = await imported(
    json({ name: "a", script: "a.js" }, { name: "a", script: "b.js" }, { name: "a", script: "c.js" }),
    "ecosystem.json",
  );
  assertEquals(made.spec.children.map(({ name }) => name), ["a", "a-2", "a-3"]);
  const many = Array.from({ length: 60 }, () => ({ script: "a.js", instances: 100 }));
  assertMatch(await refused({ "e.json": JSON.stringify({ apps: many }) }, "e.json"), /more than 5000 children/);
});

Deno.test("import of an ecosystem file tells by line what has no equivalent", async () => {
  const text = `{
  "apps": [{
    "name": "a", "script": "a.js",
    "wait_ready": true, "listen_timeout": 3000,
    "instances": "max",
    "env_production": { "A": "1" },
    "env": { "NO GOOD": "1" },
    "pmx": true,
    "shutdown_with_message": true,
    "user": "www",
    "odd": 1
  }, { "name": "b" }, 3],
  "deploy": {}
}`;
  const made = await imported({ "x.json": text }, "x.json");
  assertEquals(made.gaps, [
    "4 apps.wait_ready",
    "5 apps.instances",
    "5 apps.instances",
    "6 apps.env_production",
    "7 apps.env.NO GOOD",
    "8 apps.pmx",
    "9 apps.shutdown_with_message",
    "10 apps.user",
    "11 apps.odd",
    "12 b",
    "12 apps[2]",
    "13 deploy",
  ]);
  assertEquals(made.spec.children.length, 1);
});

Deno.test("import of an ecosystem file takes YAML, a bare list, and a single app", async () => {
  const yaml = "apps:\n  - &a\n    name: a\n    script: a.js\n  - &b\n    <<: *a\n    name: b\n  - <<: [*b]\n    name: c\n";
  assertEquals((await imported({ "pm2.yml": yaml }, "pm2.yml")).spec.children.map(({ name }) => name), ["a", "b", "c"]);
  assertEquals((await imported({ "p.json": '[\n{"name":"x y","script":"a.js"}\n]\n' }, "p.json")).spec.children[0]?.name, "x-y");
  assertEquals((await imported({ "p.json": '{"script":"serve"}' }, "p.json")).spec.children[0]?.name, "serve");
});

Deno.test("import runs no code: it says how to make JSON of an ecosystem file in JavaScript", async () => {
  for (const name of ["ecosystem.config.js", "ecosystem.config.cjs", "x.ts"]) {
    const err = await refused({ [name]: 'throw new Error("it was run")' }, name, { from: "pm2" });
    assertMatch(err, /it is code, which is not run/);
    assertStringIncludes(err, `node -p 'JSON.stringify(require("./${name}"))'`);
  }
});
