/** The reference of all keys, made from the schema. */
import { jsonSchema, plain, type SchemaNode } from "./json_schema.ts";

/** Returns a Markdown table with every key, its meaning, its values, its default and its unit. */
export function keyReference(): string {
  return keysOf(jsonSchema());
}

/** The same for any schema. */
export function keysOf(schema: SchemaNode): string {
  const rows = rowsOf("", schema);
  return `| key | meaning | values | default | unit |\n| --- | --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}

/** The rows of the keys of a map, each followed by those of the keys inside it. */
function rowsOf(prefix: string, map: SchemaNode): string[] {
  const { properties = {}, required = [] } = map;
  return Object.entries(properties).flatMap(([key, declared]) => {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    const node = plain(declared);
    const fallback = required.includes(key) ? "must be given" : defaultOf(node);
    const row = `| \`${path}\` | ${node.description ?? ""} | ${valuesOf(declared)} | ${fallback} | ${unitOf(key)} |`;
    // Children of children have the same keys.
    if (/\.children$|^templates$/.test(path)) return [row];
    return [row, ...(node.items === undefined ? rowsOf(path, node) : rowsOf(`${path}[]`, plain(node.items)))];
  });
}

function valuesOf(declared: SchemaNode): string {
  const node = plain(declared);
  const orNull = declared.anyOf?.some((part) => part.type === "null") === true && node.type !== undefined ? " or `null`" : "";
  if (node.enum !== undefined) return `${node.enum.map((value) => `\`${String(value)}\``).join(", ")}${orNull}`;
  if (node.items !== undefined) return `list${orNull}`;
  if (node.properties !== undefined) return `map${orNull}`;
  return `${WORDS[node.type ?? ""] ?? "any"}${orNull}`;
}

const WORDS: Readonly<Record<string, string>> = {
  integer: "whole number",
  number: "number",
  string: "text",
  boolean: "`true`, `false`",
  object: "map",
};

const UNITS: readonly (readonly [RegExp, string])[] = [
  [/_ms$/, "ms"],
  [/_secs$|_seconds$/, "s"],
  [/_per_sec$|^refill_rate$/, "per s"],
  [/_bytes$/, "bytes"],
  [/_mb$/, "MiB"],
  [/_pct$|_percent$/, "%"],
];

function unitOf(key: string): string {
  return UNITS.find(([pattern]) => pattern.test(key))?.[1] ?? "";
}

function defaultOf(node: SchemaNode): string {
  return node.default === undefined ? "" : `\`${JSON.stringify(node.default)}\``;
}
