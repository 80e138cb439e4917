import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { child, type ChildSpec, type Problem, SpecError, supervise } from "../../mod.ts";
import { checkUsers } from "../../src/runtime/preflight.ts";
import { inFolder } from "../support/folder.ts";
import { moduleUrl } from "../support/runtime.ts";

const here = (name: string): string => moduleUrl(`tests/fixtures/modules/${name}`);
const module = (url: string, name?: string): ChildSpec => ({ name: "m", run: { kind: "module", url, export: name } });

async function refusalOf(...children: ChildSpec[]): Promise<readonly Problem[]> {
  let started = false;
  const witness = child.task("witness", () => {
    started = true;
  });
  const error = await assertRejects(() => supervise({ children: [witness, ...children] }), SpecError);
  assertEquals(started, false, "nothing may have started");
  assertEquals(error.code, "invalid_spec");
  return error.problems;
}

/** What can be known before anything starts: the child, the rule, and a part of reason and hint. */
const CASES: readonly [name: string, child: ChildSpec, rule: string, text: RegExp][] = [
  ["a module that does not exist", module(here("nope")), "module_not_found", /Cannot read module .*nope\.[jt]s": it does not exist/],
  ["a module that is a folder", module(new URL(".", here("good")).href), "module_not_found", /it is not a file/],
  [
    "an export that does not exist",
    module(here("good"), "defualt"),
    "export_not_found",
    /it has no such export.*Did you mean "default"/,
  ],
  [
    "an export that is no function",
    module(here("good"), "notAFunction"),
    "export_not_found",
    /it is number, must be a function.*It exports "default"/,
  ],
  ["a module that fails while it is loaded", module(here("throws")), "module_failed", /Cannot import module .*broken at import/],
  ["a worker file that does not exist", child.worker("w", here("nope")), "worker_not_found", /Cannot read worker/],
  [
    "a command that does not exist",
    child.process("p", { command: "no-such-command" }),
    "command_not_found",
    /Cannot run "no-such-command": it is not in PATH/,
  ],
  [
    "a command that is not executable",
    child.process("p", { command: new URL(here("good")).pathname }),
    "command_not_found",
    /is not executable.*chmod \+x/,
  ],
  [
    "a folder that does not exist",
    child.process("p", { command: "sh", cwd: "/no/such/folder" }),
    "cwd_not_found",
    /Cannot run in "\/no\/such\/folder": it does not exist/,
  ],
];

for (const [name, spec, rule, text] of CASES) {
  Deno.test(`supervise() refuses ${name} before anything starts`, async () => {
    const [problem] = await refusalOf(spec);
    assertEquals([problem?.rule, problem?.pointer, problem?.severity], [rule, "/children/1/run", "error"]);
    assertMatch(`${problem?.reason}. ${problem?.hint}`, text);
  });
}

Deno.test("supervise() refuses a file of variables that is not there or wrong, and names its line but not its text", () =>
  inFolder(async (folder) => {
    const envFile = join(folder, "web.env");
    const web = child.process("p", { command: "sh", envFile });
    const [missing] = await refusalOf(web);
    assertEquals([missing?.rule, missing?.pointer], ["env_file_not_found", "/children/1/run/envFile"]);
    assertEquals(missing?.reason, `Cannot read environment file "${envFile}": it does not exist`);
    await writeFile(envFile, "\ns3cret\n");
    const [wrong] = await refusalOf(web);
    assertEquals([wrong?.rule, wrong?.reason], ["env_file_invalid", `Cannot read environment file "${envFile}": line 2 is not NAME=value`]);
  }));

Deno.test("supervise() looks commands up where the file of variables says", () =>
  inFolder(async (folder) => {
    const envFile = join(folder, "web.env");
    await writeFile(envFile, `PATH=${folder}\n`);
    const [problem] = await refusalOf(child.process("p", { command: "sh", envFile }));
    assertEquals([problem?.rule, problem?.reason], ["command_not_found", 'Cannot run "sh": it is not in PATH']);
  }));

Deno.test("supervise() refuses hooks whose command is not there, each at its place", async () => {
  const nothing = { command: "no-such-command" };
  const problems = await refusalOf(child.process("p", { command: "sh", hooks: { beforeStart: nothing, afterExit: nothing } }));
  assertEquals(problems.map(({ rule, pointer }) => [rule, pointer]), [
    ["command_not_found", "/children/1/hooks/beforeStart"],
    ["command_not_found", "/children/1/hooks/afterExit"],
  ]);
});

Deno.test("checkUsers() refuses another user where the program is not root, nested ones too, and lets the start tell where nobody knows", () => {
  const spec = { children: [child.supervisor("inner", { children: [child.process("p", { command: "sh", uid: 7, gid: 8 })] })] };
  const [problem, ...others] = checkUsers(spec, 1_000);
  assertEquals([problem?.rule, problem?.pointer, others], ["not_permitted_user", "/children/0/run/children/0/run/uid", []]);
  assertEquals(problem?.reason, 'Cannot run "sh" as user 7: user 1000 may not run a process as somebody else');
  assertEquals(checkUsers(spec, 0), []);
  assertEquals(checkUsers(spec, null), []);
  assertEquals(checkUsers({ children: [child.process("p", { command: "sh" })] }, 1_000), []);
});

Deno.test("supervise() names every missing thing at once, nested ones too", async () => {
  const inner = child.supervisor("inner", { children: [child.process("p", { command: "no-such-command" })] });
  const problems = await refusalOf(module(here("nope")), inner);
  assertEquals(problems.map((problem) => problem.pointer), ["/children/1/run", "/children/2/run/children/0/run"]);
});

Deno.test("supervise() refuses a declaration with all its violations in the message", async () => {
  const error = await assertRejects(
    () => supervise({ children: [child.task("a", () => {}, { dependencies: ["b"] }), child.task("a", () => {})] }),
    SpecError,
  );
  assertStringIncludes(error.message, "2 violations");
  assertStringIncludes(error.message, "/children/0/dependencies/0");
  assertStringIncludes(error.message, "/children/1/name");
});

Deno.test("supervise() refuses a factory that nobody registered", async () => {
  const [problem] = await refusalOf({ name: "f", run: { kind: "factory", name: "ingest" } });
  assertEquals(problem?.rule, "factory_missing");
});

Deno.test("supervise() runs an exported function of a module", async () => {
  await using tree = await supervise({ children: [module(here("good"))] });
  await tree.ready();
  assertEquals(tree.child("/m").phase, "ready");
});
