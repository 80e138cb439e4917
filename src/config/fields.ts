/** Building blocks of the schema: each setting with its description, default and example in one line. */
import { z } from "zod";

/** What people are told about a setting. */
interface About {
  readonly default?: unknown;
  readonly example?: unknown;
}

/** Adds a description, a default and an example; the setting may be left out. */
export function setting<T extends z.ZodType>(type: T, description: string, about: About = {}): z.ZodOptional<T> {
  const examples = about.example === undefined ? {} : { examples: [about.example] };
  const fallback = "default" in about ? { default: about.default } : {};
  return type.optional().meta({ description, ...fallback, ...examples });
}

/** A whole number from 1. */
export const positive = z.int().min(1).max(0xffff_ffff);
/** A whole number from 0. */
export const natural = z.int().min(0).max(0xffff_ffff);
/** A time in milliseconds, from 1. */
export const positiveMs = z.int().min(1).max(2 ** 31 - 1);
/** A time in milliseconds, from 0. */
export const naturalMs = z.int().min(0).max(2 ** 31 - 1);
/** A time in whole seconds, from 1. */
export const positiveSecs = z.int().min(1).max(2_147_483);
/** A share from 0 to 1. */
export const ratio = z.number().min(0).max(1);
/** A TCP port. */
export const port = z.int().min(1).max(65535);
/** A text that is not blank. */
export const word = z.string().regex(/\S/, "must not be blank");
/** A file on this machine, as a path or a file: URL; a scheme has at least two letters, so that drives are paths. */
export const fileName = z.string().regex(
  /^(?!(?!file:)[A-Za-z][A-Za-z0-9+.-]+:)(?=[^]*\S)/,
  "must be a file on this machine: modules from elsewhere are not loaded",
);
/** A name of a child. */
export const childName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_-]*$/, "must be letters, digits, _ and -, not starting with a digit or -");
/** A name of an environment variable. */
export const variableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be letters, digits and _, not starting with a digit");

/** Strategies in both spellings. */
export const strategy = z.enum(["OneForOne", "OneForAll", "RestForOne", "one_for_one", "one_for_all", "rest_for_one"]);
/** Severities in both spellings. */
export const severity = z.enum(["Optional", "Standard", "Critical", "optional", "standard", "critical"]);
/** Propagations in both spellings. */
export const propagation = z.enum(["None", "EscalateOnly", "Full", "none", "escalate_only", "full"]);
/** Roles. */
export const taskRole = z.enum(["service", "worker", "job", "sidecar", "supervisor"]);
/** What an escalation does. */
export const escalation = z.enum(["escalate_to_parent", "shutdown_tree", "quarantine_scope"]);

/** When a file begins anew, and what is kept of the older ones. */
export function rotation(maxBytes: number): {
  readonly max_bytes: z.ZodOptional<z.ZodInt>;
  readonly max_age_secs: z.ZodOptional<z.ZodNullable<z.ZodInt>>;
  readonly keep: z.ZodOptional<z.ZodInt>;
} {
  return {
    max_bytes: setting(z.int().min(1_024), "Size in bytes at which a new file begins.", { default: maxBytes }),
    max_age_secs: setting(positiveSecs.nullable(), "Age in seconds at which a new file begins, whatever its size; null is any.", {
      default: null,
    }),
    keep: setting(z.int().min(1).max(10_000), "How many older files are kept.", { default: 5 }),
  };
}

/** When what is written is forced to the disk. */
export const fsync = z.enum(["always", "interval", "never"]);
