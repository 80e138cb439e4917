import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../../src/cli/main.ts";
import { VERSION } from "../../src/base/version.ts";
import { RecordingIo } from "./helpers.ts";

async function outcome(...args: string[]): Promise<[number, string, string]> {
  const io = new RecordingIo();
  const code = await main(args, io);
  return [code, io.out, io.err];
}

Deno.test("main() prints the version", async () => assertEquals(await outcome("--version"), [0, `${VERSION}\n`, ""]));

for (const command of ["run", "check", "explain", "schema", "template", "events", "logs", "audit", "metrics"]) {
  Deno.test(`main() explains ${command} with an example`, async () => {
    const [code, out] = await outcome(command, "--help");
    assertEquals(code, 0);
    assertMatch(out, new RegExp(`Examples?:\\n  reeve ${command}`));
  });
}

Deno.test("main() answers wrong usage with 2 and says what is wrong", async () => {
  for (
    const [args, said] of [[["bogus"], /unknown command 'bogus'/], [["check"], /missing required argument 'file'/], [[
      "run",
      "x",
      "--for",
      "soon",
    ], /argument 'soon' is invalid. It must be a number above 0/]] as const
  ) {
    const [code, out, err] = await outcome(...args);
    assertEquals([code, out], [2, ""]);
    assertMatch(err, said);
  }
});
