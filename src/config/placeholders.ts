/** Placeholders in string values: `${NAME}`, `${NAME:-default}`, and `$${` for a literal `${`. */
import { parse as parseYaml } from "@std/yaml";
import type { ParseProblem } from "./parse.ts";
import { isRaw, type Raw, toPointer } from "./pointer.ts";
import { plain, schemaAt } from "./json_schema.ts";

/** Looks a variable up; throws when the environment may not be read. */
export type Lookup = (name: string) => string | undefined;

const PLACEHOLDER = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/** Returns the data with all placeholders filled in; what cannot be filled in is reported. `secret_ref` is left alone. */
export function fillPlaceholders(raw: Raw, lookup: Lookup, report: (problem: ParseProblem) => void): Raw {
  const done = new Map<object, unknown>();

  function fill(value: unknown, path: readonly (string | number)[]): unknown {
    if (typeof value === "string") return value.includes("${") && path.at(-1) !== "secret_ref" ? fillText(value, path) : value;
    if (typeof value !== "object" || value === null) return value;
    const known = done.get(value);
    if (known !== undefined) return known;
    const filled = Array.isArray(value)
      ? value.map((entry, index) => fill(entry, [...path, index]))
      : Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, fill(entry, [...path, key])]));
    done.set(value, filled);
    return filled;
  }

  function fillText(text: string, path: readonly (string | number)[]): unknown {
    let failed = false;
    const filled = text.replace(PLACEHOLDER, (match, name: string | undefined, fallback: string | undefined) => {
      if (match === "$${") return "${";
      const value = name === undefined ? undefined : resolve(name, fallback, path);
      failed ||= value === undefined;
      return value ?? match;
    });
    return failed || filled === text ? filled : typed(filled, text, path);
  }

  function resolve(name: string, fallback: string | undefined, path: readonly (string | number)[]): string | undefined {
    const pointer = toPointer(path);
    try {
      const value = lookup(name);
      if (value !== undefined && (value !== "" || fallback === undefined)) return value;
      if (fallback !== undefined) return fallback;
      report({ rule: "variable_missing", pointer, reason: `environment variable "${name}" is not set`, hint: `Set it, or write \${${name}:-default}` });
    } catch (error) {
      report({ rule: "variable_unreadable", pointer, reason: `cannot read environment variable "${name}": ${reasonOf(error)}`, hint: `Add --allow-env=${name}` });
    }
    return undefined;
  }

  const filled = fill(raw, []);
  return isRaw(filled) ? filled : raw;
}

/** A value that was nothing but one placeholder may be a number or a flag where the schema wants one. */
function typed(filled: string, text: string, path: readonly (string | number)[]): unknown {
  if (!/^\$\{[^}]*\}$/.test(text)) return filled;
  const wanted = schemaAt(path);
  const type = wanted === undefined ? undefined : plain(wanted).type;
  if (type !== "integer" && type !== "number" && type !== "boolean") return filled;
  const value = parseYaml(filled, { schema: "core" });
  return typeof value === "number" || typeof value === "boolean" ? value : filled;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.split("\n", 1)[0] ?? "" : String(error);
}
