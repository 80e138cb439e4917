import { assert, assertEquals } from "@std/assert";
import { jsonSchema, template } from "../../src/config/mod.ts";
import { plain, type SchemaNode } from "../../src/config/json_schema.ts";
import { load } from "./helpers.ts";

/** Names of all keys below a node; children of children have the same. */
function keysBelow(node: SchemaNode, found: Set<string>, path: string): Set<string> {
  const { properties = {}, items } = plain(node);
  if (items !== undefined && !/children.*children|templates/.test(path)) keysBelow(items, found, path);
  for (const [key, child] of Object.entries(properties)) {
    found.add(key);
    keysBelow(child, found, `${path}/${key}`);
  }
  return found;
}

Deno.test("template() loads as it is, without a warning", async () => {
  const { spec, warnings } = await load(template());
  assertEquals(spec.children.length, 1);
  assertEquals(warnings, []);
});

Deno.test("template() names every key of the schema", () => {
  const text = template();
  const missing = [...keysBelow(jsonSchema(), new Set(), "")].filter((key) => !new RegExp(`\\b${key}\\b`).test(text));
  assertEquals(missing, []);
});

Deno.test("template() points editors at the schema", () =>
  assert(template().startsWith(`# yaml-language-server: $schema=./supervisor.schema.json\n`)));

Deno.test("template() shows values that the schema accepts, when the number signs are taken away", async () => {
  for (const section of template().split("\n\n").filter((part) => /^# [a-z_]+:/m.test(part) && !part.includes("children:\n"))) {
    const on = section.replace(/^(\s*)# (?=[a-z_]+:)/gm, "$1");
    const text = `${on}\nchildren: [{ name: hello, run: { process: { command: sh } } }]\n`;
    await load(text.includes("templates: []") ? text.replace(/^ *#.*$/gm, "") : text);
  }
});
