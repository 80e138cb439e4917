/** The version of a configuration: a hash of what it says. */
import { isRaw, type Raw } from "./pointer.ts";

/**
 * Returns the SHA-256 of the content with sorted keys: the same for the same content, whatever its comments, order of keys and includes.
 *
 * `written` is the content before placeholders were filled in. It counts for the environment of children, so that a hash tells nothing about secrets.
 */
export async function contentHash(filled: Raw, written: Raw): Promise<string> {
  const { include: _, ...content } = filled;
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(canonical(content, written))));
  return `sha256-${[...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function canonical(filled: unknown, written: unknown): unknown {
  if (Array.isArray(filled)) return filled.map((entry, index) => canonical(entry, Array.isArray(written) ? written[index] : entry));
  if (!isRaw(filled)) return filled;
  const before = isRaw(written) ? written : filled;
  return Object.fromEntries(
    Object.keys(filled).sort().map((
      key,
    ) => [key, key === "environment" ? canonical(before[key], before[key]) : canonical(filled[key], before[key])]),
  );
}
