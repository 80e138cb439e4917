/** What is of Deno alone about metrics and traces: its permissions, its own OpenTelemetry, and when it fetches packages. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { SDK_VERSIONS } from "../../src/cli/telemetry/packages.ts";
import { withCollector } from "../support/collector.ts";
import { start } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { reeveArgs } from "../support/runtime.ts";
import { importsOf } from "./architecture.ts";
import { serveAsJsr } from "./jsr_server.ts";

const ROOT = new URL("../../", import.meta.url);

const TREE = `name: small
children:
  - name: once
    task_role: job
    restart_policy: transient
    run: { module: { url: ./task.mjs } }
`;
const TASK = "export default () => {};\n";

async function outcome(
  args: readonly string[],
  flags: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly output: string }> {
  let found = { code: -1, output: "" };
  await withFolder({ "tree.yaml": TREE, "task.mjs": TASK }, async (cwd) => {
    for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
    const command = start(reeveArgs(["run", "tree.yaml", "--no-socket", "--for", "0.5", ...args], flags), { cwd });
    for (const name of Object.keys(variables)) Deno.env.delete(name);
    found = { code: await command.ended, output: command.output() };
  });
  return found;
}

Deno.test("the packages that are fetched when they are wanted are those of deno.json", async () => {
  const { imports }: { imports: Record<string, string> } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  for (const [name, version] of Object.entries(SDK_VERSIONS)) assertEquals(imports[name], `npm:${name}@${version}`);
});

Deno.test("Deno sees no package of an SDK in the command: what it sees it fetches, and that costs who wants none", async () => {
  const seen: string[] = [];
  for await (const { name } of Deno.readDir(new URL("src/cli/telemetry/", ROOT))) {
    const imports = importsOf(await Deno.readTextFile(new URL(`src/cli/telemetry/${name}`, ROOT)));
    seen.push(...imports.filter(({ typeOnly }) => !typeOnly).map(({ specifier }) => specifier));
  }
  assert(seen.includes("@opentelemetry/api"), "nothing was seen at all");
  assertEquals(seen.filter((specifier) => Object.hasOwn(SDK_VERSIONS, specifier)), []);
});

Deno.test("from JSR the command fetches an SDK when it is wanted and not before, with one copy of the API, and sends by it", () =>
  withCollector(async ({ url, spans, points }) => {
    await using server = await serveAsJsr();
    await withFolder({ "tree.yaml": TREE, "task.mjs": TASK }, async (folder) => {
      const cache = join(folder, ".deno");
      const run = async (command: string, ...args: readonly string[]): Promise<string> => {
        const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
          args: ["run", "--no-prompt", "-A", "jsr:@reeve/supervisor/cli", command, join(folder, "tree.yaml"), ...args],
          cwd: folder,
          env: { JSR_URL: server.url, DENO_DIR: cache, NO_COLOR: "1", OTEL_EXPORTER_OTLP_ENDPOINT: url },
          stdin: "null",
          signal: AbortSignal.timeout(60_000),
        }).output();
        const output = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
        assertEquals(code, 0, output);
        return output;
      };
      await run("check");
      const packages = async (): Promise<string[]> =>
        (await fetched(join(cache, "npm"))).filter((path) => path.includes("@opentelemetry/"));
      assert((await packages()).every((path) => path.includes("/api/")), (await packages()).join());
      const output = await run("run", "--no-socket", "--for", "2");
      assertEquals([/warn/i.test(output), /^reeve: /m.test(output)], [false, false], output);
      const api = (await packages()).filter((path) => path.includes("@opentelemetry/api/"));
      assertEquals(api.length, 1, api.join());
    });
    assertEquals(spans.map(({ name }) => name), ["supervisor.child_attempt"]);
    assert(points.some(({ name }) => name === "supervisor_config_version"));
  }));

/** The folders of packages in the cache, one for each version. */
async function fetched(cache: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(cache)) {
    if (!isDirectory) continue;
    const path = `${cache}/${name}`;
    if (/^\d+\.\d+\.\d+/.test(name)) found.push(path);
    else found.push(...await fetched(path));
  }
  return found;
}

Deno.test("reeve run --metrics without --allow-net is told the flag", async () => {
  const { code, output } = await outcome(["--metrics", "127.0.0.1:0"], ["--allow-read", "--allow-env"]);
  assertEquals(code, 2, output);
  assertStringIncludes(output, "reeve: Cannot listen on 127.0.0.1:0: it is not permitted. Add --allow-net to the command\n");
});

Deno.test("reeve run --metrics without --allow-env is told the flag", async () => {
  const { code, output } = await outcome(["--metrics", "127.0.0.1:0"], ["--allow-read", "--allow-net"]);
  assertEquals(code, 2, output);
  assertStringIncludes(output, "Add --allow-env to the command\n");
});

Deno.test("reeve run without --allow-env runs as before, whatever the variables say", async () => {
  const { code, output } = await outcome([], ["--allow-read"], { OTEL_TRACES_EXPORTER: "nonsense" });
  assertEquals(code, 0, output);
});

Deno.test("reeve run --metrics does with the permissions to read, to listen and to see variables, and asks for no name of the host", async () => {
  const { code, output } = await outcome(["--metrics", "127.0.0.1:0"], ["--allow-read", "--allow-env", "--allow-net=127.0.0.1"]);
  assertEquals(code, 0, output);
  assertStringIncludes(output, "reeve: metrics on 127.0.0.1:");
});

Deno.test("with OTEL_DENO=true Deno's own OpenTelemetry sends, once, and the command says that", () =>
  withCollector(async ({ url, spans }) => {
    const variables = {
      OTEL_DENO: "true",
      OTEL_EXPORTER_OTLP_ENDPOINT: url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_SERVICE_NAME: "by-deno",
    };
    const { code, output } = await outcome([], ["-A"], variables);
    assertEquals(code, 0, output);
    assertStringIncludes(output, "reeve: metrics and traces go where the OpenTelemetry that this program has already sends them\n");
    const own = spans.filter(({ name }) => name === "supervisor.child_attempt");
    assertEquals(own.map(({ attributes, resource }) => [attributes["supervisor.child_id"], resource["service.name"]]), [[
      "once",
      "by-deno",
    ]]);
    assertEquals(own[0]?.resource["telemetry.sdk.name"], "deno-opentelemetry");
  }));

Deno.test("with OTEL_DENO=true metrics are not told to Prometheus: it refuses, and says how they can be", async () => {
  const { code, output } = await outcome(["--metrics", "127.0.0.1:0"], ["-A"], {
    OTEL_DENO: "true",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
  });
  assertEquals(code, 2, output);
  assertStringIncludes(
    output,
    "another OpenTelemetry of this program takes them. Without OTEL_DENO=true, or with OTEL_DENO_METRICS=false, they can be\n",
  );
});
