import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import { EXIT_CODES } from "../../../src/cli/exit_codes.ts";
import { buildProgram, main } from "../../../src/cli/main.ts";
import { leavesOf, outlineOf } from "../../../src/cli/shell/outline.ts";
import { RecordingIo } from "../helpers.ts";

async function page(): Promise<string> {
  const io = new RecordingIo();
  assertEquals(await main(["man"], io), 0);
  return io.out;
}

function isHere(command: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${command}`]).status === 0;
}

Deno.test("reeve man has every command, option and exit code", async () => {
  const text = (await page()).replaceAll("\\-", "-");
  for (const { path, options } of leavesOf(outlineOf(buildProgram(new RecordingIo(), () => {})))) {
    assertStringIncludes(text, `.SS "reeve ${path}"`);
    for (const { flags, names } of options) if (!names.includes("--help")) assertStringIncludes(text, `.B ${flags}\n`);
  }
  for (const { code } of EXIT_CODES) assertStringIncludes(text, `.TP\n.B ${code}\n`);
  for (const section of ["NAME", "SYNOPSIS", "ENVIRONMENT", "FILES", "EXAMPLES"]) assertMatch(text, new RegExp(`^\\.SH ${section}$`, "m"));
  assertEquals(text.includes("__complete"), false);
});

Deno.test({
  name: "reeve man is taken by groff without a warning",
  ignore: !isHere("groff"),
  fn: async () => {
    const { status, stderr } = spawnSync("groff", ["-man", "-ww", "-z"], { input: await page(), encoding: "utf8" });
    assertEquals([status, stderr], [0, ""]);
  },
});

Deno.test({
  name: "reeve man is taken by mandoc without a warning",
  ignore: !isHere("mandoc"),
  fn: async () => {
    const { stdout } = spawnSync("mandoc", ["-T", "lint", "-W", "warning"], { input: await page(), encoding: "utf8" });
    // It has no date: the same sources give the same page.
    assertEquals(stdout.split("\n").filter((line) => line !== "" && !line.includes("missing date")), []);
  },
});
