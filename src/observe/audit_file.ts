/** The file of the audit: lines that only its owner can read, a new file when it is large. */
import { rename } from "node:fs/promises";
import type { AuditOptions } from "../spec/mod.ts";
import { appendLines, sizeOf } from "./append_file.ts";

/** About how often, in milliseconds, records are forced to the disk with `fsync: "interval"`. */
const SYNC_MS = 1_000;

/** Returns what appends lines to the file; it rejects when they cannot be written. */
export function auditFile(
  { filePath = "", maxBytes = 64 * 1024 * 1024, keep = 5, fsync = "interval" }: AuditOptions,
): (text: string) => Promise<void> {
  let syncedAtMs = -Infinity;
  return async (text) => {
    if (text !== "" && await sizeOf(filePath) >= maxBytes) await beginAnew(filePath, keep);
    const isSynced = fsync === "always" || fsync === "interval" && performance.now() - syncedAtMs >= SYNC_MS;
    await appendLines(filePath, text, { isSynced });
    if (isSynced) syncedAtMs = performance.now();
  };
}

/** `PATH` becomes `PATH.1`, that one `PATH.2`, and so on; the last one goes. */
async function beginAnew(path: string, keep: number): Promise<void> {
  const names = [path, ...Array.from({ length: keep }, (_, index) => `${path}.${index + 1}`)];
  for (let index = keep; index > 0; index--) {
    if (await sizeOf(names[index - 1]!) > 0) await rename(names[index - 1]!, names[index]!);
  }
}
