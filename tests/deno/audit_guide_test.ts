/** The script of the guide with which others verify an audit does what it says. */
import { assertEquals, assertMatch } from "@std/assert";
import { auditIn, ids, linesIn, putLines, record } from "../observe/audit_files.ts";
import { inFolder } from "../support/folder.ts";
import { VERSION_2 } from "../fixtures/audit/version_2.ts";

async function scriptOfGuide(): Promise<string> {
  const page = await Deno.readTextFile(new URL("../../docs/guide/audit.md", import.meta.url));
  const [, script] = /```sh\n(# verify\.sh [^]*?)```/.exec(page) ?? [];
  if (script === undefined) throw new Error("the guide has no script");
  return script;
}

async function verify(script: string, ...files: readonly string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command("sh", { args: ["-c", script, "verify.sh", ...files], stdin: "null" }).output();
  return new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
}

Deno.test({
  name: "the script of the guide finds an audit whole, and a line that was changed or taken away",
  // sha256sum belongs to Linux.
  ignore: Deno.build.os !== "linux",
  async fn(): Promise<void> {
    const script = await scriptOfGuide();
    await inFolder(async (folder) => {
      const path = auditIn(folder);
      await record(path, ids(5), { maxBytes: 1_000, keep: 3 });
      const files = [`${path}.1`, path];
      assertEquals(files.map((file) => linesIn(file).length), [3, 2]);
      assertEquals(await verify(script, ...files), "");

      const lines = linesIn(path);
      putLines(path, [lines[0]!.replace("because", "no reason"), lines[1]!]);
      assertMatch(await verify(script, ...files), /^changed: \{"version":2,.*"correlation_id":"c3".*\n$/);
      putLines(path, [lines[1]!]);
      assertMatch(await verify(script, ...files), /^does not follow: \{"version":2,.*"correlation_id":"c4".*\n$/);

      await Deno.writeTextFile(path, VERSION_2);
      assertEquals(await verify(script, path), "", "quotes and other languages in a line");
    });
  },
});
