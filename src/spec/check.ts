/** Small validators: each looks at one value, reports what is wrong with it, and says whether it may be used. */
import { didYouMean, type Problem } from "../base/mod.ts";

/** Any object whose keys are not known yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Looks at one field: its value, its pointer, and where to report. */
export type Rule = (value: unknown, pointer: string, report: Report) => void;

/** Receives problems. */
export type Report = (problem: Problem) => void;

/** Reports a violation. */
export function refuse(report: Report, pointer: string, rule: string, reason: string, hint?: string): void {
  report({ severity: "error", rule, pointer, reason, ...(hint === undefined ? {} : { hint }) });
}

/** Whether a value is an object with fields. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Checks an object: every present field by its rule, every unknown key refused with the nearest known one. */
export function checkFields(value: unknown, pointer: string, rules: Readonly<Record<string, Rule>>, report: Report): value is Fields {
  if (!isFields(value)) {
    refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, must be an object`);
    return false;
  }
  for (const [key, entry] of Object.entries(value)) {
    if (entry === undefined) continue;
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    const place = `${pointer}/${escapePointer(key)}`;
    if (rule === undefined) refuse(report, place, "unknown_key", `unknown option "${key.slice(0, 64)}"`, didYouMean(key, Object.keys(rules)));
    else rule(entry, place, report);
  }
  return true;
}

/** Escapes a key for a JSON Pointer. */
export function escapePointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Names a value for people, without showing long or secret contents. */
export function nameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  switch (typeof value) {
    case "string":
      return value === "" ? "an empty text" : JSON.stringify(value.slice(0, 64));
    case "number":
    case "boolean":
    case "undefined":
      return String(value);
    default:
      return `a value of type ${typeof value}`;
  }
}

/** Accepts numbers in a range. */
export function number({ min, max = Number.MAX_SAFE_INTEGER, integer = false, orNull = false }: {
  readonly min: number;
  readonly max?: number;
  readonly integer?: boolean;
  readonly orNull?: boolean;
}): Rule {
  const wanted = `${integer ? "a whole number" : "a number"} ${max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`}`;
  return (value, pointer, report) => {
    if (orNull && value === null) return;
    const fits = typeof value === "number" && Number.isFinite(value) && value >= min && value <= max && (!integer || Number.isInteger(value));
    if (!fits) refuse(report, pointer, "out_of_range", `is ${nameOf(value)}, must be ${wanted}${orNull ? " or null" : ""}`);
  };
}

/** Accepts one of some words. */
export function oneOf(...words: readonly string[]): Rule {
  return (value, pointer, report) => {
    if (typeof value === "string" && words.includes(value)) return;
    const hint = typeof value === "string" ? didYouMean(value, words) : undefined;
    refuse(report, pointer, "unknown_value", `is ${nameOf(value)}, must be one of ${words.map((word) => `"${word}"`).join(", ")}`, hint);
  };
}

/** Accepts texts that match a pattern. */
export function text(pattern: RegExp = /\S/, wanted = "a text that is not blank"): Rule {
  return (value, pointer, report) => {
    if (typeof value !== "string" || !pattern.test(value)) refuse(report, pointer, "wrong_text", `is ${nameOf(value)}, must be ${wanted}`);
  };
}

/** Accepts true and false. */
export const flag: Rule = (value, pointer, report) => {
  if (typeof value !== "boolean") refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, must be true or false`);
};

/** Accepts anything. */
export const anything: Rule = () => {};

/** Accepts lists whose entries follow a rule. */
export function listOf(rule: Rule): Rule {
  return (value, pointer, report) => {
    if (!Array.isArray(value)) return refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, must be a list`);
    // By index: a hole in the list must not pass.
    for (let index = 0; index < value.length; index++) rule(value[index], `${pointer}/${index}`, report);
  };
}

/** Accepts objects with these fields. */
export function fields(rules: Readonly<Record<string, Rule>>, required: readonly string[] = []): Rule {
  return (value, pointer, report) => {
    if (!checkFields(value, pointer, rules, report)) return;
    for (const key of required) {
      if (value[key] === undefined) refuse(report, `${pointer}/${key}`, "missing", `"${key}" is missing`);
    }
  };
}
