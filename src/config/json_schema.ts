/** The schema as JSON Schema, for editors and for the parts of the loader that look things up. */
import { z } from "zod";
import { relayFile } from "./relay_schema.ts";
import { fileSchema } from "./schema.ts";

/** A node of a JSON Schema, as far as it is used here. */
export interface SchemaNode {
  /** Kind of the value. */
  /** JSON type. */
  readonly type?: string;
  /** Keys of a map. */
  /** Keys of a map. */
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  /** What each entry of a list is. */
  /** Entries of a list. */
  readonly items?: SchemaNode;
  /** Alternatives, one of which is often null. */
  /** Alternatives. */
  readonly anyOf?: readonly SchemaNode[];
  /** Words that are allowed. */
  /** Allowed values. */
  readonly enum?: readonly unknown[];
  /** What the key means, with its unit. */
  /** Meaning, with its unit. */
  readonly description?: string;
  /** Value where the key is absent. */
  /** What counts where the key is absent. */
  readonly default?: unknown;
  /** Values to show. */
  /** Values as they might be. */
  readonly examples?: readonly unknown[];
  /** Keys that must be given. */
  /** Keys that must be there. */
  readonly required?: readonly string[];
  /** Name of a definition. */
  /** Reference to another node. */
  readonly $ref?: string;
  /** Definitions by name. */
  /** Nodes to refer to. */
  readonly $defs?: Readonly<Record<string, SchemaNode>>;
}

/** Stable identity of the schema. */
export const SCHEMA_ID = "urn:reeve:supervisor:configuration:1";

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
  if (known === undefined) {
    const schema = z.toJSONSchema(fileSchema, { target: "draft-2020-12", io: "input" });
    known = JSON.parse(JSON.stringify({ $id: SCHEMA_ID, title: "Reeve configuration", ...schema }));
  }
  return known ?? {};
}

let knownRelay: SchemaNode | undefined;

/** Returns the JSON Schema of the file of a relay. */
export function relaySchema(): SchemaNode {
  knownRelay ??= JSON.parse(JSON.stringify(z.toJSONSchema(relayFile, { target: "draft-2020-12", io: "input" })));
  return knownRelay ?? {};
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
export function schemaAt(path: readonly (string | number)[], root: SchemaNode = jsonSchema()): SchemaNode | undefined {
  let node: SchemaNode | undefined = root;
  for (const segment of path) {
    const current: SchemaNode = plain(node);
    node = typeof segment === "number" ? current.items : current.properties?.[segment];
    if (node === undefined) return undefined;
  }
  return plain(node);
}
