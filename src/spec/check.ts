/** Small validators: each looks at one value and reports what is wrong with it. */
import { cleanText, didYouMean, type Problem } from "../base/mod.ts";

/** Any object whose keys are not known yet. */
export type Fields = Readonly<Record<string, unknown>>;

/** Looks at one value: what it is, its pointer, and where to report. */
export type Rule = (value: unknown, pointer: string, report: Report) => void;

/** Rules by key. */
export type Rules = Readonly<Record<string, Rule>>;

/** Receives problems. */
export type Report = (problem: Problem) => void;

/** Reports a violation. */
export function refuse(report: Report, pointer: string, rule: string, reason: string, hint?: string): void {
  report({ severity: "error", rule, pointer, reason, ...(hint === undefined ? {} : { hint }) });
}

/** Reports something that may run but hardly does what was meant. */
export function warn(report: Report, pointer: string, rule: string, reason: string, hint?: string): void {
  report({ severity: "warning", rule, pointer, reason, ...(hint === undefined ? {} : { hint }) });
}

/** Whether a value is an object with fields of its own; maps, dates, promises and the like are not. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && Object.prototype.toString.call(value) === "[object Object]";
}

/** Checks an object: every present field by its rule, every unknown key refused with the nearest known one. */
export function checkFields(
  value: unknown,
  pointer: string,
  rules: Rules,
  report: Report,
  hintFor?: (key: string) => string | undefined,
): value is Fields {
  if (!isFields(value)) {
    refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, must be an object`);
    return false;
  }
  for (const [key, entry] of Object.entries(value)) {
    if (entry === undefined) continue;
    const place = `${pointer}/${escapePointer(key)}`;
    const rule = Object.hasOwn(rules, key) ? rules[key] : undefined;
    if (rule !== undefined) rule(entry, place, report);
    else {refuse(
        report,
        place,
        "unknown_key",
        `unknown option "${cleanText(key, 64)}"`,
        hintFor?.(key) ?? didYouMean(key, Object.keys(rules)),
      );}
  }
  return true;
}

/** Escapes a key for a JSON Pointer. */
export function escapePointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Names a value for people, cut and without control characters. */
export function nameOf(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value === "" ? "an empty text" : `"${cleanText(value, 64)}"`;
    case "number":
    case "boolean":
    case "undefined":
      return String(value);
    default:
      return typeNameOf(value);
  }
}

/** Names the type of a value that may be secret. */
export function typeNameOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "undefined";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "string") return "a text";
  if (typeof value !== "object") return `a ${typeof value}`;
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  return tag === "Object" ? "an object" : `an object of type "${cleanText(tag, 32)}"`;
}

/** What numbers are accepted. */
export interface NumberRange {
  /** Smallest number. */
  readonly min: number;
  /** Largest number. */
  readonly max: number;
  /** Whether fractions are refused. */
  readonly integer?: boolean;
  /** Whether `null` is accepted. */
  readonly orNull?: boolean;
}

/** Accepts numbers in a range. */
export function number({ min, max, integer = false, orNull = false }: NumberRange): Rule {
  const wanted = `must be ${integer ? "a whole number" : "a number"} from ${min} to ${max}${orNull ? " or null" : ""}`;
  return (value, pointer, report) => {
    if (orNull && value === null) return;
    if (typeof value !== "number") return refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, ${wanted}`);
    // Written so that NaN does not fit.
    const fits = value >= min && value <= max && (!integer || Number.isInteger(value));
    if (!fits) refuse(report, pointer, "out_of_range", `is ${nameOf(value)}, ${wanted}`);
  };
}

/** Accepts one of some words. */
export function oneOf(...words: readonly string[]): Rule {
  const wanted = `must be ${words.length === 1 ? "" : "one of "}${words.map((word) => `"${word}"`).join(", ")}`;
  return (value, pointer, report) => {
    if (typeof value !== "string") return refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, ${wanted}`);
    if (!words.includes(value)) refuse(report, pointer, "unknown_value", `is ${nameOf(value)}, ${wanted}`, didYouMean(value, words));
  };
}

/** Accepts texts that match a pattern. */
export function text(pattern: RegExp, wanted: string): Rule {
  return (value, pointer, report) => {
    if (typeof value !== "string") return refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, must be ${wanted}`);
    if (!pattern.test(value)) refuse(report, pointer, "wrong_text", `is ${nameOf(value)}, must be ${wanted}`);
  };
}

/** Accepts texts that an operating system can pass on; never shows them, because they may be secret. */
export const secretText: Rule = (value, pointer, report) => {
  if (typeof value !== "string") {
    const hint = typeof value === "number" || typeof value === "boolean" ? "Put it in quotes" : undefined;
    return refuse(report, pointer, "wrong_type", `is ${typeNameOf(value)}, must be a text`, hint);
  }
  if (value.includes("\0")) refuse(report, pointer, "wrong_text", "contains the character NUL, must be a text without it");
};

/** Accepts true and false. */
export const flag: Rule = (value, pointer, report) => {
  if (typeof value !== "boolean") refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, must be true or false`);
};

/** Accepts anything: what needs more than one value to judge is looked at elsewhere. */
export const anything: Rule = () => {};

/** Accepts lists whose entries follow a rule. */
export function listOf(rule: Rule): Rule {
  return (value, pointer, report) => {
    if (!Array.isArray(value)) return refuse(report, pointer, "wrong_type", `is ${nameOf(value)}, must be a list`);
    // By index: a hole in the list must not pass.
    for (let index = 0; index < value.length; index++) rule(value[index], `${pointer}/${index}`, report);
  };
}

/** Accepts null and what the rule accepts. */
export function orNull(rule: Rule): Rule {
  return (value, pointer, report) => {
    if (value !== null) rule(value, pointer, report);
  };
}

/** Accepts objects with these fields. */
export function fields(rules: Rules, required: readonly string[] = []): Rule {
  return (value, pointer, report) => {
    if (checkFields(value, pointer, rules, report)) checkPresent(value, pointer, required, report);
  };
}

/** Reports the keys that are missing. */
export function checkPresent(value: Fields, pointer: string, required: readonly string[], report: Report): void {
  for (const key of required) {
    if (value[key] === undefined) refuse(report, `${pointer}/${key}`, "missing", `"${key}" is missing`);
  }
}
