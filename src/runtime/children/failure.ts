/** The exits of attempts that threw. */
import { childErrorKind, cleanText, isChildErrorKind, LONGEST_MESSAGE, thrownMessage } from "../../base/mod.ts";
import type { Exit } from "../../event/mod.ts";

/** Longest category in characters. */
export const LONGEST_CATEGORY = 64;

/** Returns the exit of an attempt that threw, with what to do next if that is known. The stack is not read: making its text costs more than a whole restart. */
export function panicExit(error: unknown, hint?: string): Exit {
  const message = hint === undefined ? thrownMessage(error) : `${thrownMessage(error)}. ${hint}`;
  const kind = childErrorKind(error);
  return { kind: "panicked", failure: { kind: kind ?? "panic", category: kind ?? categoryOf(error), message } };
}

/** Returns the exit of an attempt that said itself what it threw. */
export function reportedPanic(name: unknown, message: unknown, means?: unknown): Exit {
  const kind = isChildErrorKind(means) ? means : undefined;
  const category = kind ?? (typeof name === "string" ? sanitized(name) : "Error");
  const text = cleanText(typeof message === "string" ? message : "gave no reason", LONGEST_MESSAGE);
  return { kind: "panicked", failure: { kind: kind ?? "panic", category, message: text } };
}

function categoryOf(error: unknown): string {
  try {
    return error instanceof Error ? sanitized(`${error.name}`) : "thrown_value";
  } catch {
    return "thrown_value";
  }
}

/** A category is a label: few characters, and never empty. */
function sanitized(name: string): string {
  return name.slice(0, LONGEST_CATEGORY).replace(/[^A-Za-z0-9_.-]/g, "_") || "Error";
}
