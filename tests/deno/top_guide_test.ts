/** The page about `reeve top` says the keys that there are. */
import { assertEquals } from "@std/assert";
import { GROUPS } from "../../src/cli/top/bindings.ts";

Deno.test("the guide has every key of reeve top, in the words of its help", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/guide/top.md", import.meta.url));
  const written = [...page.matchAll(/^### (.+)\n\n([^#]*)/gm)].map(([, title, body = ""]) => [
    title,
    [...body.matchAll(/^\| `(.+?)` +\| (.+?) +\|$/gm)].map(([, keys, help]) => `${keys}: ${help}`),
  ]);
  assertEquals(written, GROUPS.map(([title, bindings]) => [title, bindings.map(({ shown, help }) => `${shown}: ${help}`)]));
});
