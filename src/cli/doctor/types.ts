/** What a check finds. */
import type { LoadedConfig } from "../../config/mod.ts";

/** How something is: `unknown` where nothing can be said of it. */
export type Verdict = "fine" | "warning" | "wrong" | "unknown";

/** One thing that was looked at. */
export interface Finding {
  /** What was looked at, in one word or two. */
  readonly check: string;
  readonly verdict: Verdict;
  /** How it is. */
  readonly found: string;
  /** What to do about it. */
  readonly fix?: string | undefined;
}

/** What the checks know. */
export interface Patient {
  /** The file and what is in it; `null` where none was given or found. */
  readonly file: { readonly path: string; readonly loaded: LoadedConfig } | null;
}

/** Looks at one thing, changes nothing, asks for nothing. */
export type Check = (patient: Patient) => Finding | readonly Finding[] | Promise<Finding | readonly Finding[]>;

/** Nothing to do. */
export function fine(check: string, found: string): Finding {
  return { check, verdict: "fine", found };
}

/** It works, but not all of it, or not for long. */
export function warning(check: string, found: string, fix: string): Finding {
  return { check, verdict: "warning", found, fix };
}

/** It does not work. */
export function wrong(check: string, found: string, fix: string): Finding {
  return { check, verdict: "wrong", found, fix };
}

/** Nobody can tell. */
export function unknown(check: string, found: string, fix?: string): Finding {
  return { check, verdict: "unknown", found, fix };
}
