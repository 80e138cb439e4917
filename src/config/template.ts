/** A commented file with every key, made from the schema. */
import { jsonSchema, plain, type SchemaNode } from "./json_schema.ts";

const HEAD = `# yaml-language-server: $schema=./supervisor.schema.json
#
# For help in your editor, once: reeve schema > supervisor.schema.json
#
# A supervision tree. The list of children at the end is enough for a file;
# every other key is shown as a comment, with its default or an example.
`;

const CHILDREN = `children:
  - name: hello
    run:
      process: { command: sh, args: ["-c", "echo hello; sleep 3600"] }
    # Every key of a child:
`;

/** Deepest level that is written out; a nested supervisor's children have the keys of any child. */
const DEEPEST = 6;

/**
 * Returns a commented file with every key.
 *
 * @example
 * ```ts
 * import { template } from "@reeve/supervisor/config";
 *
 * console.log(template().includes("children:"));
 * ```
 */
export function template(): string {
  const { children, templates, ...others } = jsonSchema().properties ?? {};
  const sections = Object.entries(others).flatMap(([key, node]) => [...lines(key, plain(node), 0), ""]);
  const child = plain(plain(children ?? {}).items ?? {}).properties ?? {};
  const childLines = Object.entries(child).filter(([key]) => key !== "name").flatMap(([key, node]) => lines(key, plain(node), 2));
  return `${HEAD}\n${sections.join("\n")}\n${comment(plain(templates ?? {}), 0)}\n# templates: []\n\n${CHILDREN}${childLines.join("\n")}\n`;
}

/** The lines of one key: prose with two number signs, the key itself with one, so that it can be uncommented. */
function lines(key: string, node: SchemaNode, depth: number): string[] {
  const indent = "  ".repeat(depth);
  const { properties, items } = node;
  if (properties !== undefined && depth < DEEPEST) {
    const inner = Object.entries(properties).flatMap(([name, child]) =>
      name === "children" && depth > 2 ? [] : lines(name, plain(child), depth + 1)
    );
    return [comment(node, depth), `${indent}# ${key}:`, ...inner];
  }
  const item = items === undefined ? undefined : plain(items).properties;
  const hint = item === undefined ? "" : ` Entries: { ${Object.keys(item).join(", ")} }.`;
  return [`${comment(node, depth)}${hint}`, `${indent}# ${key}: ${JSON.stringify(exampleOf(node))}`];
}

function comment({ description = "" }: SchemaNode, depth: number): string {
  return `${"  ".repeat(depth)}## ${description}`;
}

function exampleOf(node: SchemaNode): unknown {
  if (node.default !== undefined) return node.default;
  return node.examples?.[0] ?? node.enum?.[0] ?? null;
}
