/** What a child with several copies becomes. */
import { assertEquals } from "@std/assert";
import { child, type ChildSpec, validateTree } from "../../mod.ts";
import { expandInstances, instanceOf, isInstanceSet } from "../../src/spec/mod.ts";

function copiesIn(spec: ChildSpec): readonly ChildSpec[] {
  const [set] = expandInstances({ children: [spec] }).children;
  return set !== undefined && isInstanceSet(set.run) ? set.run.children : [];
}

Deno.test("a child with one copy stays what it is, and so does the whole declaration", () => {
  const spec = { children: [child.process("web", { command: "x", instances: 1 })] };
  assertEquals(expandInstances(spec) === spec, true);
});

Deno.test("the set has what ties the child to its siblings, and the copies have the rest", () => {
  const web = child.process("web", {
    command: "x",
    instances: 2,
    dependencies: ["db"],
    wants: ["cache"],
    waitTimeoutMs: 5,
    backoff: { initialMs: 7 },
    readiness: { mode: "log_line", pattern: "up" },
    stop: { signal: "SIGINT" },
  });
  const db = child.process("db", { command: "x" });
  const [, set] = expandInstances({ children: [db, web] }).children;
  const { run, ...own } = set!;
  assertEquals(
    JSON.parse(JSON.stringify(own)),
    {
      name: "web",
      dependencies: ["db"],
      wants: ["cache"],
      waitTimeoutMs: 5,
      backoff: { initialMs: 7 },
      instances: 2,
      restartPolicy: "permanent",
    },
  );
  const copies = isInstanceSet(run) ? run.children : [];
  assertEquals(
    copies.map((
      { name, dependencies, wants, waitTimeoutMs, readiness, stop },
    ) => [name, dependencies, wants, waitTimeoutMs, readiness?.mode, stop]),
    [
      ["web:1", undefined, undefined, undefined, "log_line", { signal: "SIGINT" }],
      ["web:2", undefined, undefined, undefined, "log_line", { signal: "SIGINT" }],
    ],
  );
});

Deno.test("the number is in every text that asks for it, in the ports that step, and in a variable that nobody else sets", () => {
  const hook = { command: "./h{instance}", args: ["{instance}{instance}"] };
  const declared = child.process("web", {
    command: "./bin{instance}",
    args: ["--name={instance}", "--port", "300{instance}"],
    cwd: "/srv/{instance}",
    envFile: "/etc/{instance}.env",
    environment: [{ name: "REEVE_INSTANCE", value: "mine" }, { name: "PORT", value: "300{instance}", secret: true }],
    readiness: { mode: "http", port: 3_001, portStep: 10, path: "/{instance}" },
    healthCheck: { mode: "exec", command: "./ok{instance}", args: ["{instance}"] },
    hooks: { beforeStart: hook, afterStart: hook, beforeStop: hook, afterExit: hook },
    logs: { file: "/var/log/web.{instance}.log" },
    instances: 3,
  });
  const text = JSON.stringify(instanceOf(declared, 3));
  assertEquals(text.includes("{instance}"), false);
  const { run, environment, readiness, healthCheck, logs, hooks } = instanceOf(declared, 3);
  assertEquals([run.kind === "process" && [run.command, run.args, run.cwd, run.envFile], environment, logs], [
    ["./bin3", ["--name=3", "--port", "3003"], "/srv/3", "/etc/3.env"],
    [{ name: "PORT", value: "3003", secret: true }, { name: "REEVE_INSTANCE", value: "3" }],
    { file: "/var/log/web.3.log" },
  ]);
  assertEquals([readiness?.mode === "http" && [readiness.port, readiness.path], healthCheck?.mode === "exec" && healthCheck.command], [
    [3_021, "/3"],
    "./ok3",
  ]);
  assertEquals(Object.values(hooks ?? {}).map(({ command, args }) => [command, ...args ?? []]), Array(4).fill(["./h3", "33"]));
  const task = child.task("t", () => {}, { args: { a: ["{instance}", 1, null], b: { c: "x{instance}" } }, instances: 2 });
  assertEquals(instanceOf(task, 2).args, { a: ["2", 1, null], b: { c: "x2" } });
  const tcp = child.process("p", {
    command: "x",
    readiness: { mode: "tcp", port: 5 },
    healthCheck: { mode: "tcp", port: 10, portStep: 1 },
    instances: 2,
  });
  assertEquals([instanceOf(tcp, 2).readiness, instanceOf(tcp, 2).healthCheck].map((probe) => Reflect.get(probe ?? {}, "port")), [5, 11]);
});

Deno.test("copies that end for good end their set, whatever says that they do", () => {
  const ends = (options: Parameters<typeof child.task>[2]): unknown => {
    const spec = child.task("job", () => {}, { ...options, instances: 2 });
    const [set] = expandInstances({ children: [spec] }).children;
    const { autoShutdown = "never" } = set!.run.kind === "supervisor" ? set!.run : {};
    return [set!.restartPolicy, set!.readiness?.mode, autoShutdown, copiesIn(spec).map(({ significant }) => significant === true)];
  };
  const [finite, endless] = [["all_significant", [true, true]], ["never", [false, false]]];
  assertEquals(ends({}), ["permanent", undefined, ...endless!]);
  assertEquals(ends({ taskRole: "service" }), ["permanent", undefined, ...endless!]);
  assertEquals(ends({ restartPolicy: "temporary" }), ["temporary", undefined, ...finite!]);
  assertEquals(ends({ taskRole: "job" }), ["transient", undefined, ...finite!]);
  assertEquals(ends({ readiness: { mode: "completed" } }), ["transient", "completed", ...finite!]);
  // They start again when it is time.
  assertEquals(ends({ taskRole: "job", schedule: { everyMs: 5 } }), ["permanent", undefined, ...endless!]);
});

Deno.test("the set of an optional child is what may be missing, not its copies", () => {
  for (const option of [{ severity: "optional" }, { criticality: "optional" }] as const) {
    const spec = child.task("web", () => {}, { ...option, instances: 2 });
    const [set] = expandInstances({ children: [spec] }).children;
    assertEquals([set!.severity ?? set!.criticality, ...copiesIn(spec).map(({ severity, criticality }) => `${severity} ${criticality}`)], [
      "optional",
      "standard undefined",
      "standard undefined",
    ]);
  }
});

Deno.test("a single copy has a set where it is to be replaced without a gap, and children inside supervisors have theirs", () => {
  assertEquals(copiesIn(child.task("web", () => {}, { rolling: {} })).map(({ name }) => name), ["web:1"]);
  const inner = child.supervisor("in", { children: [child.task("web", () => {}, { instances: 2 })] });
  const [supervisor] = expandInstances({ children: [inner] }).children;
  const [set] = supervisor!.run.kind === "supervisor" ? supervisor!.run.children : [];
  assertEquals(set !== undefined && isInstanceSet(set.run) && set.run.children.map(({ name }) => name), ["web:1", "web:2"]);
});

Deno.test("validateTree() refuses copies of supervisors, sidecars and templates, and warns of steps without copies", () => {
  const rules = (...children: ChildSpec[]): string[] => validateTree({ children }).map(({ rule, pointer }) => `${rule} ${pointer}`);
  const plain = child.task("a", () => {});
  assertEquals(rules(child.supervisor("s", { children: [plain], instances: 2 })), ["option_not_for_kind /children/0/instances"]);
  assertEquals(rules(child.supervisor("s", { children: [plain], rolling: {} })), ["option_not_for_kind /children/0/rolling"]);
  const sidecar = child.task("b", () => {}, { taskRole: "sidecar", sidecarConfig: { primaryChildId: "a" }, instances: 2 });
  assertEquals(rules(plain, sidecar), ["copies_of_sidecar /children/1/instances"]);
  assertEquals(rules(child.task("a", () => {}, { readiness: { mode: "tcp", port: 1, portStep: 1 } })), [
    "no_effect /children/0/readiness/portStep",
  ]);
  for (const instances of [0, 1.5, 1_001]) {
    assertEquals(rules(child.task("a", () => {}, { instances })), ["out_of_range /children/0/instances"]);
  }
  assertEquals(rules(child.task("a", () => {}, { instances: 2, rolling: { maxSurge: -1 } })), [
    "out_of_range /children/0/rolling/maxSurge",
  ]);
  const problems = validateTree({ children: [plain], templates: [child.task("t", () => {}, { instances: 2, rolling: {} })] });
  assertEquals(problems.map(({ rule, pointer }) => `${rule} ${pointer}`), [
    "copies_of_template /templates/0/instances",
    "copies_of_template /templates/0/rolling",
  ]);
});
