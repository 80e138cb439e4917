import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { outcomeOf, start } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { moduleUrl, reeveArgs } from "../support/runtime.ts";

const MOD = moduleUrl("mod");
const TESTING = moduleUrl("src/testing/mod");

const TASKS = `import { child, describe, handleSignals, supervise } from "${MOD}";
import { VirtualClock } from "${TESTING}";
const tree = await supervise({
  children: [
    child.task("up", ({ signal, log }) => { log("hello"); return new Promise((resolve) => signal.addEventListener("abort", resolve)); }),
    child.task("fails", () => Promise.reject(new Error("no")), { backoff: { initialMs: 1 } }),
    child.supervisor("inner", { children: [child.task("once", () => {}, { restartPolicy: "transient" })] }),
  ],
});
handleSignals(tree);
await tree.ready();
for await (const event of tree.events()) if (event.type === "child_restarting") break;
new VirtualClock().now();
await tree.close();
console.log("done");
`;

Deno.test("permissions: supervise() with tasks needs none", async () => {
  assertEquals(await outcomeOf(TASKS), { code: 0, output: "done\n" });
});

const FAILING = (spec: string): string =>
  `import { child, supervise } from "${MOD}";
try {
  const tree = await supervise({ children: [${spec}] });
  for await (const event of tree.events()) {
    if (event.type === "child_failed") { console.log("FAILED", event.exit.failure.message); break; }
    if (event.type === "child_ready") { console.log("READY"); break; }
  }
  await tree.close();
} catch (error) {
  console.log("REFUSED", error.code, error.message);
}
`;

Deno.test("permissions: a process without --allow-run is told the flag", async () => {
  const { code, output } = await outcomeOf(
    FAILING('child.process("p", { command: "sleep", args: ["60"] })'),
    "--allow-env",
    "--allow-read",
  );
  assertEquals(code, 0, output);
  assertMatch(output, /^(FAILED|REFUSED) .*--allow-run/s);
});

Deno.test("permissions: a process without --allow-env is told the flag", async () => {
  const { code, output } = await outcomeOf(
    FAILING('child.process("p", { command: "sleep", args: ["60"] })'),
    "--allow-run",
    "--allow-read",
  );
  assertEquals(code, 0, output);
  assertMatch(output, /^(FAILED|REFUSED) .*--allow-env/s);
});

Deno.test("permissions: a process runs with --allow-run and --allow-env alone", async () => {
  const { code, output } = await outcomeOf(FAILING('child.process("p", { command: "sleep", args: ["60"] })'), "--allow-run", "--allow-env");
  assertEquals([code, output], [0, "READY\n"]);
});

Deno.test("permissions: a module without --allow-read is told the flag", async () => {
  const url = moduleUrl("tests/fixtures/modules/good");
  const { code, output } = await outcomeOf(FAILING(`{ name: "m", run: { kind: "module", url: "${url}" } }`));
  assertEquals(code, 0, output);
  assertMatch(output, /^REFUSED invalid_spec .*Add --allow-read to the command/s);
});

Deno.test("permissions: the command without --allow-read says the flag, and no stack", async () => {
  await withFolder({ "tree.yaml": "children: []\n" }, async (cwd) => {
    for (const args of [["run"], ["check"]]) {
      const command = start(reeveArgs([...args, "tree.yaml"], ["--allow-env"]), { cwd });
      assertEquals(await command.ended !== 0, true);
      assertStringIncludes(command.output(), "--allow-read");
      assertEquals(/^\s+at /m.test(command.output()), false, command.output());
    }
  });
});

Deno.test("permissions: a worker without --allow-read is told the flag", async () => {
  const { code, output } = await outcomeOf(FAILING('child.worker("w", "file:///tmp/worker.ts")'));
  assertEquals(code, 0, output);
  assertMatch(output, /^REFUSED invalid_spec .*Add --allow-read to the command/s);
});

Deno.test("permissions: health over HTTP without --allow-net is told the flag, instead of ending the program", async () => {
  const script = `import { serveHealth, supervise } from ${JSON.stringify(moduleUrl("mod"))};
const tree = await supervise({ children: [] }, { keepAlive: false });
for (const host of ["127.0.0.1", "::1"]) {
  try {
    await using health = await serveHealth(tree, { port: 0, host });
    console.log("listens", health.port > 0);
  } catch (error) {
    console.log(error.code, error.message);
  }
}`;
  const refused = await outcomeOf(script);
  assertEquals(refused.code, 0, refused.output);
  assertEquals(refused.output.match(/^health_not_started .*Add --allow-net to the command$/gm)?.length, 2, refused.output);
  const allowed = await outcomeOf(script, "--allow-net=127.0.0.1");
  assertEquals(allowed.code, 0, allowed.output);
  assertMatch(allowed.output, /^listens true$/m);
});
