/** Every command says what it does, how it is used and how it ends; what goes wrong says what to do. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { EXIT, EXIT_CODES } from "../../src/cli/exit_codes.ts";
import { buildProgram, main } from "../../src/cli/main.ts";
import { allOf, leavesOf, outlineOf } from "../../src/cli/shell/outline.ts";
import { RecordingIo } from "./helpers.ts";

const OUTLINE = outlineOf(buildProgram(new RecordingIo(), () => {}));

/** Commands that print no data, or something that is for programs anyway. */
const WITHOUT_JSON = ["init", "install", "schema", "template", "completions", "man", "is-ready", "top", "dashboard", "relay"];

async function outcome(...args: string[]): Promise<[number, string, string]> {
  const io = new RecordingIo();
  return [await main(args, io), io.out, io.err];
}

for (const { path, description, examples, options, notes } of leavesOf(OUTLINE)) {
  Deno.test(`reeve ${path} --help has a description, an example, its exit codes, and --json where it prints data`, async () => {
    const [code, out, err] = await outcome(...path.split(" "), "--help");
    assertEquals([code, err], [EXIT.clean, ""]);
    // One that has an older name shows both.
    assertMatch(out, new RegExp(`^Usage: reeve ${path}(?:\\|[a-z-]+)? `));
    assert(description.length > 10, path);
    assert(examples.length > 0 && examples.every((line) => line.includes(`reeve ${path}`)), `${path}: ${examples}`);
    assertMatch(`${description}\n${notes}`, /exit/i);
    const names = options.flatMap(({ names }) => names);
    if (!WITHOUT_JSON.includes(path)) assert(names.includes("--json"), path);
    // Every example is one that commander takes.
    for (const example of examples) {
      const words = example.slice(example.indexOf("reeve ") + "reeve ".length).split(/\s+/).slice(path.split(" ").length);
      const used = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.replace(/=.*/, ""));
      assertEquals(used.filter((word) => !names.includes(word)), [], example);
    }
  });
}

Deno.test("every option and argument is described", () => {
  for (const { path, options, arguments: args } of allOf(OUTLINE)) {
    for (const { flags, description } of options) assert(description !== "", `${path} ${flags}`);
    for (const { name, description } of args) assert(description !== "", `${path} ${name}`);
  }
});

Deno.test("reeve alone shows its help as a complaint, with the table of exit codes", async () => {
  const [code, out, err] = await outcome();
  assertEquals([code, out], [EXIT.unusable, ""]);
  for (const { code, means, afterRun } of EXIT_CODES) {
    assertStringIncludes(err, `  ${`${code}`.padEnd(4)} ${means === "" ? `after run: ${afterRun}` : means}`);
  }
  for (const { path } of OUTLINE.commands) assertStringIncludes(err, `  ${path} `);
  assert(!err.includes("__complete"));
  assertEquals((await outcome("--help")).slice(0, 2), [EXIT.clean, err]);
});

Deno.test("what is nearly right is suggested", async () => {
  for (
    const [args, said] of [
      [["statsu"], "Did you mean status?"],
      [["check", "--jsn", "x"], "Did you mean --json?"],
      [["completions", "ksh"], "Allowed choices are bash, zsh, fish."],
    ] as const
  ) {
    const [code, out, err] = await outcome(...args);
    assertEquals([code, out], [EXIT.unusable, ""]);
    assertStringIncludes(err, said);
  }
});

Deno.test("commands that need a run or a file say what to do where there is none, on standard error alone", async () => {
  const socket = ["--socket", "/nowhere/reeve.sock"];
  for (
    const [args, said] of [
      [["status", ...socket], /reeve: /],
      [["why", "web", ...socket], /reeve: /],
      [["status", "--file", "nowhere.yaml"], /nowhere\.yaml/],
      [["check", "nowhere.yaml"], /cannot be read|refused/],
      [["run", "nowhere.yaml"], /nowhere\.yaml/],
      [["run", "nowhere.yaml", "--detach"], /nowhere\.yaml/],
      [["events"], /reeve: /],
      [["audit", "verify", "nowhere.jsonl"], /nowhere\.jsonl/],
    ] as const
  ) {
    const [code, out, err] = await outcome(...args);
    assertEquals([code, out], [EXIT.unusable, ""], args.join(" "));
    assertMatch(err, said);
  }
});
