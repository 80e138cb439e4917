import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readFile } from "node:fs/promises";
import { keyReference } from "../../src/config/mod.ts";

const PAGE = new URL("../../docs/reference/configuration.md", import.meta.url);

Deno.test("the page of all keys is what the schema says", async () => {
  const page = await readFile(PAGE, "utf8");
  const [, table] = /<!-- deno-fmt-ignore-start -->\n([^]*?)<!-- deno-fmt-ignore-end -->/.exec(page) ?? [];
  assertEquals(
    table?.trim(),
    keyReference().trim(),
    "docs/reference/configuration.md is out of date, run: deno task reference",
  );
});

Deno.test("keyReference() lists nested keys with value, default and what has no effect yet", () => {
  const table = keyReference();
  assertStringIncludes(table, "| `children[].stop.timeout_ms` |");
  assertStringIncludes(table, "`children[].run.process.command`");
  const [line] = table.split("\n").filter((row) => row.startsWith("| `policy.meltdown` |"));
  assert(line?.includes("*No effect yet:"));
});
