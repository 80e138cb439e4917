import { assertEquals } from "@std/assert";
import { load as parse } from "js-yaml";
import { filePointer, toPath, toPointer, valueAt } from "../../src/config/pointer.ts";

const FILE = parse(
  `children:
  - { name: a, run: { process: { command: x } }, dependencies: [b], requires: [c, d] }
  - { name: b, run: { module: { url: ./m.ts } } }
  - { name: c, run: { worker: { url: ./w.ts } } }
  - { name: d, run: { supervisor: { strategy: one_for_one, children: [{ name: e, run: { factory: f } }, { name: g }] } } }
`,
);

const POINTERS: readonly (readonly [string, string])[] = [
  ["", ""],
  ["/strategy", "/supervisor/strategy"],
  ["/policy/childRestartLimit", "/policy/child_restart_limit"],
  ["/shutdown/totalTimeoutMs", "/shutdown/total_timeout_ms"],
  ["/children/0/run/command", "/children/0/run/process/command"],
  ["/children/0/run/cwd", "/children/0/run/process/cwd"],
  ["/children/0/dependencies/0", "/children/0/dependencies/0"],
  ["/children/0/dependencies/2", "/children/0/requires/1"],
  ["/children/0/healthCheck/staleAfterMs", "/children/0/health_check/stale_after_ms"],
  ["/children/0/limit", "/children/0/limit"],
  ["/children/1/run/url", "/children/1/run/module/url"],
  ["/children/2/run/url", "/children/2/run/worker/url"],
  ["/children/3/run/strategy", "/children/3/run/supervisor/strategy"],
  ["/children/3/run/children", "/children/3/run/supervisor/children"],
  ["/children/3/run/children/0/name", "/children/3/run/supervisor/children/0/name"],
  ["/children/3/run/children/1/taskRole", "/children/3/run/supervisor/children/1/task_role"],
  ["/children/1/run", "/children/1/run"],
];

for (const [spec, file] of POINTERS) {
  Deno.test(`filePointer() maps "${spec}"`, () => assertEquals(filePointer(spec, FILE), file));
}

Deno.test("toPointer() and toPath() are inverse, whatever the keys are", () => {
  for (const path of [[], ["a", 0, "b"], ["a/b", "c~d", "~1"], ["", 3]]) assertEquals(toPath(toPointer(path)), path);
});

Deno.test("valueAt() does not find what is inherited", () => {
  assertEquals(valueAt({ a: [{ b: 1 }] }, ["a", 0, "b"]), 1);
  assertEquals(valueAt({ a: 1 }, ["constructor"]), undefined);
  assertEquals(valueAt([1], ["length"]), undefined);
});
