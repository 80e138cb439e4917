import { assert, assertStringIncludes } from "@std/assert";
import { keyReference } from "../../src/config/mod.ts";

Deno.test("keyReference() lists nested keys with value, default and unit", () => {
  const table = keyReference();
  assertStringIncludes(table, "| `children[].stop.timeout_ms` |");
  assertStringIncludes(table, "`children[].run.process.command`");
  const [line] = table.split("\n").filter((row) => row.startsWith("| `children[].instances` |"));
  assert(line?.endsWith("| whole number | `1` |  |"), line);
});
