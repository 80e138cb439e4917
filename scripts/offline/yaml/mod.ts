/**
 * Stand-in for what is used of `@std/yaml`, for machines that cannot reach JSR.
 *
 * The genuine one reads numbers of a plain scalar by rules of its own, partly those of YAML 1.1; they are kept here, or else a file would mean
 * one thing on one machine and another elsewhere.
 */
// @ts-types="npm:@types/js-yaml@^4"
import { CORE_SCHEMA, load, Type } from "npm:js-yaml@^4";

/** The options that are used. */
export interface ParseOptions {
  /** Which types scalars may have. */
  readonly schema?: "core";
}

/** Parses one YAML document with the core schema; duplicate keys, several documents and syntax errors throw. */
export function parse(content: string, _options: ParseOptions): unknown {
  try {
    return load(content, { schema: SCHEMA }) ?? null;
  } catch (error) {
    // Too deep a nesting overflows the stack in the genuine one as well.
    if (error instanceof RangeError) throw error;
    throw new SyntaxError(error instanceof Error ? error.message : String(error));
  }
}

const BINARY = /^[-+]?0b[01_]*[01]$/;
const HEXADECIMAL = /^[-+]?0x[\da-fA-F_]*[\da-fA-F]$/;
const OCTAL = /^[-+]?0[0-7_]*[0-7]$/;
const INFINITE = /^[-+]?\.(?:inf|Inf|INF)$/;
const NOT_A_NUMBER = /^\.(?:nan|NaN|NAN)$/;
const DECIMAL = /^(?:[-+]?(?:0|[1-9][\d_]*)(?:\.[\d_]*)?(?:[eE][-+]?\d+)?|\.[\d_]+(?:[eE][-+]?\d+)?)(?<!_)$/;

const int = new Type("tag:yaml.org,2002:int", {
  kind: "scalar",
  resolve: (text: unknown) => typeof text === "string" && [BINARY, HEXADECIMAL, OCTAL].some((pattern) => pattern.test(text)),
  construct: (text: string) => {
    const digits = text.replace(/^[-+]|_/g, "");
    const value = OCTAL.test(text) ? parseInt(digits, 8) : Number(digits);
    return text.startsWith("-") ? -value : value;
  },
});

const float = new Type("tag:yaml.org,2002:float", {
  kind: "scalar",
  resolve: (text: unknown) => typeof text === "string" && [INFINITE, NOT_A_NUMBER, DECIMAL].some((pattern) => pattern.test(text)),
  construct: (text: string) => {
    if (NOT_A_NUMBER.test(text)) return NaN;
    if (INFINITE.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
    const value = Number(text.replaceAll("_", ""));
    // A zero has no sign.
    return value === 0 && !text.includes(".") ? 0 : value;
  },
});

const SCHEMA = CORE_SCHEMA.extend({ implicit: [int, float] });
