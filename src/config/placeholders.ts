/** Placeholders in string values: `${NAME}`, `${NAME:-default}`, and `$${` for a literal `${`. */
import type { ParseProblem } from "./parse.ts";
import { isRaw, type Raw, toPointer } from "./pointer.ts";
import { plain, schemaAt } from "./json_schema.ts";

/** Looks a variable up; throws when the environment may not be read. */
export type Lookup = (name: string) => string | undefined;

const PLACEHOLDER = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

/** A text that was filled in; the value must not be shown. */
export interface Filled {
  readonly written: string;
  readonly value: string;
}

/** Who hears what happens to the placeholders of a file. */
export interface FillListener {
  /** Hears what cannot be filled in. */
  problem(problem: ParseProblem): void;
  /** Hears what was filled in. */
  filled(filled: Filled): void;
}

/** Returns the data with all placeholders filled in; what cannot be filled in is reported. `secret_ref` is left alone. */
export function fillPlaceholders(raw: Raw, lookup: Lookup, listener: FillListener): Raw {
  function fill(value: unknown, path: readonly (string | number)[]): unknown {
    if (typeof value === "string") return value.includes("${") && path.at(-1) !== "secret_ref" ? fillText(value, path) : value;
    if (typeof value !== "object" || value === null) return value;
    return Array.isArray(value)
      ? value.map((entry, index) => fill(entry, [...path, index]))
      : Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, fill(entry, [...path, key])]));
  }

  function fillText(text: string, path: readonly (string | number)[]): unknown {
    let failed = false;
    const filled = text.replace(PLACEHOLDER, (match, name: string | undefined, fallback: string | undefined) => {
      if (match === "$${") return "${";
      const value = name === undefined ? refuseMalformed(path) : resolve(name, fallback, path);
      failed ||= value === undefined;
      return value ?? match;
    });
    if (failed || !/(?<!\$)\$\{/.test(text)) return filled;
    listener.filled({ written: text, value: filled });
    return typed(filled, text, path);
  }

  function refuseMalformed(path: readonly (string | number)[]): undefined {
    const hint = "Write $${ for a literal ${";
    listener.problem({
      rule: "bad_placeholder",
      pointer: toPointer(path),
      reason: "has a placeholder that is neither ${NAME} nor ${NAME:-default}",
      hint,
    });
  }

  function resolve(name: string, fallback: string | undefined, path: readonly (string | number)[]): string | undefined {
    const pointer = toPointer(path);
    try {
      const value = lookup(name);
      if (value !== undefined && (value !== "" || fallback === undefined)) return value;
      if (fallback !== undefined) return fallback;
      listener.problem({
        rule: "variable_missing",
        pointer,
        reason: `environment variable "${name}" is not set`,
        hint: `Set it, or write \${${name}:-default}`,
      });
    } catch (error) {
      listener.problem({
        rule: "variable_unreadable",
        pointer,
        reason: `cannot read environment variable "${name}": ${reasonOf(error)}`,
        hint: `Add --allow-env=${name}`,
      });
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
  if (type === "boolean") return filled === "true" ? true : filled === "false" ? false : filled;
  return /^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(filled) ? Number(filled) : filled;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.split("\n", 1)[0] ?? "" : String(error);
}
