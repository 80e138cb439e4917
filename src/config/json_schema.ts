/** The schema as JSON Schema, for editors and for the parts of the loader that look things up. */
import { z } from "zod";
import { fileSchema } from "./schema.ts";

/** A node of a JSON Schema, as far as it is used here. */
export interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly enum?: readonly unknown[];
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly required?: readonly string[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, SchemaNode>>;
}

/** Stable identity of the schema. */
export const SCHEMA_ID = "https://jsr.io/@reeve/supervisor/schema/v1.json";

let known: SchemaNode | undefined;

/**
 * Returns the JSON Schema (2020-12) of a configuration file.
 *
 * @example
 * ```ts
 * import { jsonSchema } from "@reeve/supervisor/config";
 *
 * console.log(Object.keys(jsonSchema().properties ?? {}).includes("children"));
 * ```
 */
export function jsonSchema(): SchemaNode {
  known ??= {
    $id: SCHEMA_ID,
    title: "Reeve configuration",
    ...z.toJSONSchema(fileSchema, { target: "draft-2020-12", io: "input" }),
  } as SchemaNode;
  return known;
}

/** Follows references and takes the part of a union that is not null. */
export function plain(node: SchemaNode): SchemaNode {
  if (node.$ref !== undefined) {
    const name = node.$ref.split("/").pop() ?? "";
    return plain(node.$ref === "#" ? jsonSchema() : jsonSchema().$defs?.[name] ?? {});
  }
  const real = node.anyOf?.find((part) => part.type !== "null");
  return real === undefined ? node : { ...plain(real), ...node, anyOf: undefined };
}

/** The node that describes the value at a path, if the schema knows it. */
export function schemaAt(path: readonly (string | number)[]): SchemaNode | undefined {
  let node: SchemaNode | undefined = jsonSchema();
  for (const segment of path) {
    const current: SchemaNode = plain(node);
    node = typeof segment === "number" ? current.items : current.properties?.[segment];
    if (node === undefined) return undefined;
  }
  return plain(node);
}
