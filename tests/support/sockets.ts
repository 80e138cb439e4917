/** Tests that let go of many sockets. */
import process from "node:process";

/** Whether this program may do everything. */
const IS_ROOT: boolean = process.getuid?.() === 0;

/**
 * Whether a socket of node:net that is destroyed as soon as it is connected closes a descriptor of somebody else, as in Deno before 2.9.6: tests that do so
 * would break whatever runs beside them.
 */
export const CLOSES_OTHERS: boolean = /^2\.([78]\.|9\.[0-5]$)/.test(process.versions["deno"] ?? "");

/** Declares a test where it harms nobody; what needs root is skipped by name without it. */
export function socketTest(name: string, fn: () => Promise<void>, { root = false } = {}): void {
  if (CLOSES_OTHERS) return;
  const lack = root && !IS_ROOT ? " (skipped: needs root)" : "";
  Deno.test({ name: `${name}${lack}`, ignore: process.platform === "win32" || lack !== "", fn });
}
