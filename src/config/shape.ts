/** Whether the data have the shape of the schema: every violation, told in our words. */
import type { z } from "zod";
import { didYouMean, type Problem } from "../base/mod.ts";
import { jsonSchema, schemaAt, type SchemaNode } from "./json_schema.ts";
import { type Raw, toPointer, valueAt } from "./pointer.ts";
import { fileSchema } from "./schema.ts";

type Issue = z.core.$ZodIssue;

/** Lists every violation of the schema. */
export function checkShape(raw: Raw, schema: z.ZodType = fileSchema, root: SchemaNode = jsonSchema()): Problem[] {
  const result = schema.safeParse(raw, { reportInput: true });
  return result.success ? [] : result.error.issues.flatMap((issue) => problemsOf(issue, raw, root));
}

function problemsOf(issue: Issue, raw: Raw, root: SchemaNode): Problem[] {
  const path = issue.path.map((segment) => typeof segment === "number" ? segment : String(segment));
  const pointer = toPointer(path);
  const value = valueAt(raw, path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownKey([...path, key], key, Object.keys(schemaAt(path, root)?.properties ?? {})));
    case "invalid_type":
      return value === undefined
        ? [problem("missing", pointer, `"${String(path.at(-1))}" is missing`)]
        : [problem("wrong_type", pointer, `is ${nameOf(value)}, must be ${typeName(issue.expected)}`)];
    case "invalid_value": {
      const hint = typeof value === "string" ? didYouMean(value, issue.values.map(String)) : undefined;
      return [
        problem(
          "unknown_value",
          pointer,
          `is ${nameOf(value)}, must be one of ${issue.values.map((word) => `"${String(word)}"`).join(", ")}`,
          hint,
        ),
      ];
    }
    case "too_small":
      return [
        problem(
          "out_of_range",
          pointer,
          `is ${nameOf(value)}, must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}`,
        ),
      ];
    case "too_big":
      if (pointer === "/schema_version") {
        return [
          problem(
            "version_too_new",
            pointer,
            `is ${nameOf(value)}, this program reads version ${issue.maximum}`,
            "Use a newer version of reeve",
          ),
        ];
      }
      return [problem("out_of_range", pointer, `is ${nameOf(value)}, must be at most ${issue.maximum}`)];
    default:
      return [problem("wrong_text", pointer, `is ${nameOf(value)}, ${issue.message}`)];
  }
}

function unknownKey(path: readonly (string | number)[], key: string, known: readonly string[]): Problem {
  if (key === "permissions" && path.at(-2) === "worker") {
    const hint = 'Run it as a process: command "deno", args ["run", "--allow-net=…", "worker.ts"]';
    return problem(
      "worker_permissions_unsupported",
      toPointer(path),
      "a worker thread cannot be given permissions of its own, it has those of the program",
      hint,
    );
  }
  return problem("unknown_key", toPointer(path), `unknown key "${key.slice(0, 64)}"`, didYouMean(key, known));
}

function problem(rule: string, pointer: string, reason: string, hint?: string): Problem {
  return { severity: "error", rule, pointer, reason, ...(hint === undefined ? {} : { hint }) };
}

function typeName(type: string): string {
  const names: Readonly<Record<string, string>> = {
    int: "a whole number",
    number: "a number",
    string: "a text",
    boolean: "true or false",
    array: "a list",
    object: "a map",
  };
  return names[type] ?? `of type ${type}`;
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return JSON.stringify(value.slice(0, 64));
  return typeof value === "object" ? "a map" : String(value);
}
