/** Stand-in for what is used of `@std/yaml`, for machines that cannot reach JSR. */
import { CORE_SCHEMA, load } from "npm:js-yaml@^5";

/** The options that are used. */
export interface ParseOptions {
  /** Which types scalars may have. */
  readonly schema?: "core";
}

/** Parses one YAML document with the core schema; duplicate keys, several documents and syntax errors throw. */
export function parse(content: string, _options: ParseOptions): unknown {
  try {
    return load(content, { schema: CORE_SCHEMA }) ?? null;
  } catch (error) {
    throw new SyntaxError(error instanceof Error ? error.message : String(error));
  }
}
