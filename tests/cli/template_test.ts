import { assertEquals } from "@std/assert";
import { check } from "../../src/cli/commands/check.ts";
import { template } from "../../src/cli/commands/template.ts";
import { RecordingIo, withFile } from "./helpers.ts";

Deno.test("template() prints a file that check() accepts", async () => {
  const io = new RecordingIo();
  assertEquals(template(io), 0);
  await withFile(io.out, async (file) => assertEquals(await check({ file, json: false }, new RecordingIo()), 0));
});
