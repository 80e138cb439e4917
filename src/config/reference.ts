/** The reference of all keys, made from the schema. */
import { jsonSchema, plain, type SchemaNode } from "./json_schema.ts";
import { PENDING_KEYS } from "./pending.ts";

/** Returns a Markdown table with every key, its meaning, its values and its default. */
export function keyReference(): string {
  const rows = Object.entries(jsonSchema().properties ?? {}).flatMap(([key, node]) => rowsOf(key, node));
  return `| key | meaning | values | default |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
}

function rowsOf(path: string, declared: SchemaNode): string[] {
  const node = plain(declared);
  const { items } = node;
  const row = `| \`${path}\` | ${node.description ?? ""}${pendingNote(path)} | ${valuesOf(node)} | ${defaultOf(node)} |`;
  // Children of children have the same keys.
  if (/\.children$|^templates$/.test(path)) return [row];
  const below = items === undefined ? node : plain(items);
  const prefix = items === undefined ? path : `${path}[]`;
  return [row, ...Object.entries(below.properties ?? {}).flatMap(([key, child]) => rowsOf(`${prefix}.${key}`, child))];
}

function pendingNote(path: string): string {
  const pointer = `/${path.replaceAll("[]", "/*").replaceAll(".", "/")}`;
  const pending = PENDING_KEYS.find((key) => pointer === key.pattern || pointer.startsWith(`${key.pattern}/`));
  return pending === undefined ? "" : ` *No effect yet: ${pending.meanwhile}.*`;
}

function valuesOf(node: SchemaNode): string {
  if (node.enum !== undefined) return node.enum.map((value) => `\`${String(value)}\``).join(", ");
  if (node.items !== undefined) return "list";
  if (node.properties !== undefined) return "map";
  return node.type ?? "any";
}

function defaultOf(node: SchemaNode): string {
  return node.default === undefined ? "" : `\`${JSON.stringify(node.default)}\``;
}
