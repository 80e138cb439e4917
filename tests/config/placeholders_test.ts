import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { childWith, load, refusal } from "./helpers.ts";

const RUN = "run: { process: { command: caddy } }";

Deno.test("loadText() fills placeholders into texts", async () => {
  const texts: readonly (readonly [string, string])[] = [
    ["${A}", "one"],
    ["x${A}y${A}", "xoneyone"],
    ["${EMPTY}", ""],
    ["${EMPTY:-d}", "d"],
    ["${NONE:-}", ""],
    ["${NONE:-a b}", "a b"],
    ["$${A}", "${A}"],
    ["$A $", "$A $"],
    ["${NESTED}", "${A}"],
  ];
  for (const [text, expected] of texts) {
    const { spec } = await load(childWith(RUN, `environment: [{ name: V, value: "${text}" }]`), {
      env: { A: "one", EMPTY: "", NESTED: "${A}" },
    });
    assertEquals(spec.children[0]?.environment?.[0]?.value, expected, text);
  }
});

Deno.test("loadText() fills a number or a flag where the schema wants one, and a text elsewhere", async () => {
  const text = childWith(
    'run: { process: { command: caddy, shell: "${SHELL_FLAG}", args: ["${PORT}", "${PIN}"] } }',
    'wait_timeout_ms: "${WAIT:-1500}"',
    'readiness: { mode: tcp, port: "${PORT}" }',
  );
  const { spec } = await load(text, { env: { PORT: "8080", PIN: "0012", SHELL_FLAG: "true" } });
  const [child] = spec.children;
  assertEquals(JSON.parse(JSON.stringify(child)), {
    name: "web",
    waitTimeoutMs: 1500,
    readiness: { mode: "tcp", port: 8080 },
    run: { kind: "process", command: "caddy", args: ["8080", "0012"], shell: true },
  });
});

Deno.test("loadText() reads the environment only when a placeholder occurs", async () => {
  const env = new Proxy<Record<string, string>>({}, {
    get: () => {
      throw new Error("not allowed");
    },
  });
  await load(childWith(RUN), { env });
  const [problem] = (await refusal(childWith('run: { process: { command: "${HOME}" } }'), { env })).problems;
  assertEquals([problem?.rule, problem?.pointer], ["variable_unreadable", "/children/0/run/process/command"]);
  assertStringIncludes(problem?.hint ?? "", "--allow-env");
});

Deno.test("loadText() names a missing variable", async () => {
  const { problems } = await refusal(childWith('run: { process: { command: "${NOPE}", args: ["${ALSO}"] } }'));
  assertEquals(problems.map(({ rule, line, column }) => [rule, line, column]), [["variable_missing", 3, 23], ["variable_missing", 3, 50]]);
  assertStringIncludes(problems[0]?.reason ?? "", '"NOPE"');
  assertStringIncludes(problems[0]?.hint ?? "", "${NOPE:-default}");
});

Deno.test("loadText() refuses a malformed placeholder instead of passing it on", async () => {
  for (const text of ["${1A}", "${A", "${A-b}", "${}"]) {
    const { problems } = await refusal(childWith(`run: { process: { command: "${text}" } }`));
    assertEquals(problems.map(({ rule }) => rule), ["bad_placeholder"], text);
  }
});

Deno.test("loadText() does not fill keys", async () => {
  const { problems } = await refusal(`"\${A}": 1\n${childWith(RUN)}`, { env: { A: "name" } });
  assertEquals(problems.map(({ rule }) => rule), ["unknown_key"]);
});

Deno.test("loadText() never shows a value that came from the environment", async () => {
  const env = { TOKEN: "hunter2-secret", NUMBER: "-77", SHORT: "zz" };
  const texts = [
    childWith(RUN, 'restart_policy: "${TOKEN}"'),
    childWith(RUN, 'task_role: "${SHORT}"'),
    childWith(RUN, 'wait_timeout_ms: "${NUMBER}"'),
    childWith(RUN, 'wait_timeout_ms: "${TOKEN}"'),
    childWith(RUN, 'dependencies: ["${TOKEN}"]'),
    childWith(RUN, 'readiness: { mode: log_line, pattern: "(${TOKEN}" }'),
    childWith('run: { module: { url: "https://u:${TOKEN}@example.com" } }'),
    `name: "\${TOKEN}"\nchildren: [{ name: "\${TOKEN}!", run: { factory: a } }]`,
  ];
  for (const text of texts) {
    const error = await refusal(text, { env });
    for (const value of Object.values(env)) {
      const shown = `${error.message} ${JSON.stringify(error.problems)}`;
      assert(!shown.includes(value), `${value} is shown in ${shown}`);
    }
  }
});

// ----- Secrets -----

const SECRET = 'environment: [{ name: A, secret_ref: "${TOKEN}" }]';

Deno.test("loadText() resolves secret_ref from the environment", async () => {
  const { spec } = await load(childWith(RUN, SECRET), { env: { TOKEN: "t" } });
  assertEquals(spec.children[0]?.environment, [{ name: "A", value: "t", secret: true }]);
});

Deno.test("loadText() resolves secret_ref of nested children", async () => {
  const text = childWith(`run: { supervisor: { children: [{ name: in, ${RUN}, ${SECRET} }] } }`);
  const { spec } = await load(text, { env: { TOKEN: "t" } });
  const run = spec.children[0]?.run;
  assertEquals(run?.kind === "supervisor" ? run.children[0]?.environment : undefined, [{ name: "A", value: "t", secret: true }]);
});

Deno.test("loadText() leaves out an optional secret that is missing, with a warning", async () => {
  const { spec, warnings } = await load(childWith(RUN, SECRET, "secrets: [{ name: TOKEN, key: k, required: false }]"));
  assertEquals(spec.children[0]?.environment, []);
  assert(warnings.some(({ rule, pointer }) => rule === "runtime_secret_miss" && pointer === "/children/0/environment/0/secret_ref"));
});

Deno.test("loadText() refuses a required secret that is missing", async () => {
  const { problems } = await refusal(childWith(RUN, SECRET, "secrets: [{ name: TOKEN, key: k, required: true }]"));
  assert(problems.some(({ severity, rule }) => severity === "error" && rule === "runtime_secret_miss"));
});
