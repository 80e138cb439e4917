/** Validation: one test per rule, and all problems at once, in order. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { child, type ListenOptions, startOrder, validateTree } from "../../src/spec/mod.ts";
import { a, type Case, containingItself, nested, validate } from "./cases/case.ts";
import { COMBINATION_CASES } from "./cases/combinations.ts";
import { GROUP_CASES } from "./cases/groups.ts";
import { OPTION_CASES } from "./cases/options.ts";
import { TREE_CASES } from "./cases/tree.ts";

function groupByRule(cases: readonly Case[]): Map<string, Case[]> {
  const groups = new Map<string, Case[]>();
  for (const entry of cases) groups.set(entry.rule, [...groups.get(entry.rule) ?? [], entry]);
  return groups;
}

for (const [rule, cases] of groupByRule([...OPTION_CASES, ...COMBINATION_CASES, ...GROUP_CASES, ...TREE_CASES])) {
  Deno.test(`validateTree() reports ${rule} with place, reason and hint`, () => {
    for (const { spec, pointer, says, severity = "error" } of cases) {
      const problems = validate(spec);
      const shown = JSON.stringify(problems);
      assertEquals(
        problems.map((problem) => [problem.rule, problem.pointer, problem.severity]),
        [[rule, pointer, severity]],
        `${pointer}: ${shown}`,
      );
      assertStringIncludes(`${problems[0]?.reason}. ${problems[0]?.hint}`, says);
    }
  });
}

Deno.test("validateTree() finds nothing when all is well", () => {
  const redis = child.process("redis", { command: "redis-server", args: ["--port", "7379"], readiness: { mode: "tcp", port: 7379 } });
  const ingest = child.task("ingest", () => {}, {
    dependencies: ["redis"],
    taskRole: "sidecar",
    sidecarConfig: { primaryChildId: "redis" },
    args: { rate: 5, undefined },
  });
  const thumbs = child.worker("thumbs", "file:///srv/thumbs.ts", { criticality: "critical", severity: "critical" });
  const pollers = child.supervisor("pollers", {
    children: [ingest, redis],
    taskRole: "supervisor",
    readiness: { mode: "child", child: "redis" },
  });
  assertEquals(validateTree({ name: "shop", children: [redis, ingest, thumbs, pollers] }), []);
});

Deno.test("validateTree() refuses a list of children that contains itself, without following it", () => {
  const problems = validate(containingItself());
  assertEquals(
    problems.map(({ rule, pointer }) => [rule, pointer]),
    [1, 2, 3, 4].map((index) => ["cyclic_children", `/children/${index}/run/children`]),
  );
});

Deno.test("validateTree() accepts sixteen levels", () => {
  assertEquals(validate(nested(16)), []);
});

Deno.test("validateTree() makes a missing factory an error when the tree is about to start", () => {
  const spec = { children: [{ name: "a", run: { kind: "factory", name: "f" } }] };
  assertEquals(validate(spec, { forStart: true }).map(({ rule, severity }) => [rule, severity]), [["factory_missing", "error"]]);
  assertEquals(validate(spec, { forStart: false }).map(({ severity }) => severity), ["warning"]);
});

Deno.test("validateTree() never shows what may be secret", () => {
  const environment = [{ name: "TOKEN", value: "hunter2\0" }, { name: "PIN", value: 4711 }];
  const run = { kind: "process", command: "x", args: ["--password=hunter2\0", 4711] };
  const problems = validate({ children: [{ name: "a", run, environment, args: 4711n }] });
  assertEquals(problems.length, 6);
  assert(!/hunter2|4711/.test(JSON.stringify(problems)), JSON.stringify(problems));
});

Deno.test("validateTree() makes control characters of values and keys visible", () => {
  const problems = validate({ children: [a({ name: "a\u001b[31m\u202e", "\u001b[2J": 1 })] });
  assertEquals(problems.length, 2);
  for (const { reason } of problems) assert(!reason.includes("\u001b") && !reason.includes("\u202e"), JSON.stringify(reason));
});

Deno.test("validateTree() does not show what a mode that does not exist would need", () => {
  assertEquals(validate({ children: [a({ healthCheck: { mode: "htpp", port: 80, path: "/", tpo: 1 } })] }).map(({ pointer }) => pointer), [
    "/children/0/healthCheck/mode",
    "/children/0/healthCheck/tpo",
  ]);
});

Deno.test("validateTree() reports all problems in the order of their positions", () => {
  const problems = validate({
    strategy: "x",
    children: [
      { name: "b", dependencies: ["c", "d", "b"], run: { kind: "process" }, args: 1, tags: [""] },
      { name: "b", stop: { mode: "wait", timeoutMs: 1, foo: 1 }, backoff: { maxMs: 1, initialMs: 2 } },
      {
        run: { children: [{ run: 1, name: "1" }], kind: "supervisor", bar: 1 },
        healthCheck: { mode: "tcp" },
        name: "d",
        dependencies: ["b"],
      },
    ],
    policy: { initialBackoffMs: NaN },
    zoo: 1,
  });
  assertEquals(problems.map(({ pointer }) => pointer), [
    "/strategy",
    "/children/0/dependencies/0",
    "/children/0/dependencies/1",
    "/children/0/dependencies/2",
    "/children/0/run/command",
    "/children/0/args",
    "/children/0/tags/0",
    "/children/1/name",
    "/children/1/stop/timeoutMs",
    "/children/1/stop/foo",
    "/children/1/backoff/initialMs",
    "/children/1/run",
    "/children/2/run/children/0/run",
    "/children/2/run/children/0/name",
    "/children/2/run/bar",
    "/children/2/healthCheck",
    "/children/2/healthCheck/port",
    "/policy/initialBackoffMs",
    "/zoo",
  ]);
});

Deno.test("validateTree() agrees with startOrder() about 10 000 children", () => {
  const children = Array.from(
    { length: 10_000 },
    (_, index) => child.task(`c${index}`, () => {}, index === 0 ? {} : { dependencies: [`c${index - 1}`] }),
  );
  assertEquals(validateTree({ children }), []);
  assertEquals(startOrder(children)[9_999], 9_999);
});

Deno.test("validateTree() answers soon when every one of 10 000 dependencies is unknown", () => {
  const started = performance.now();
  const problems = validate({
    children: Array.from({ length: 10_000 }, (_, index) => a({ name: `c${index}`, dependencies: [`c${index + 1}x`] })),
  });
  assertEquals(problems.length, 10_000);
  assertStringIncludes(problems[0]?.hint ?? "", "Did you mean");
  // Comparing all names with all others takes more than a minute.
  assert(performance.now() - started < 40_000);
});

Deno.test("validateTree() wants exactly one way to listen, with the options that belong to it", () => {
  const problems = (listen: readonly ListenOptions[]): string[] =>
    validateTree({ children: [child.process("web", { command: "x", listen })] }).map(({ rule, pointer, reason }) =>
      `${rule} ${pointer.slice("/children/0/run/listen".length)} ${reason}`
    );
  assertEquals(problems([{ port: 80, host: "::1", name: "a.b-c_1" }, { path: "/x", permissions: "0660" }, { inherited: "http" }]), []);
  assertEquals(problems([{ name: "web" } as ListenOptions]), ['listen_ambiguous /0 needs one of "port", "path", "inherited"']);
  assertEquals(problems([{ port: 80, path: "/x" }, { port: 80, permissions: "0600" } as ListenOptions]), [
    'listen_ambiguous /0 has "port" and "path", must have one',
    'option_not_for_kind /1/permissions does not fit a socket with "port"',
  ]);
  assertEquals(problems([{ port: 0 }, { port: 80, host: "localhost" }, { port: 80, name: "a:b" }, { path: "/x\ny" }]), [
    "out_of_range /0/port is 0, must be a whole number from 1 to 65535",
    'not_an_address /1/host is "localhost", must be an address as a number',
    'wrong_text /2/name is "a:b", must be letters, digits and _ . -',
    'wrong_text /3/path is "/x\\ny", must be a text that is not blank, without line breaks and the character NUL',
  ]);
});
