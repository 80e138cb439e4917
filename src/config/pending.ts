/** Keys that are accepted because files of the reference have them, and whose effect is not built yet. */

/** A key with what happens meanwhile. */
export interface PendingKey {
  /** Path with `*` for any index. */
  readonly pattern: string;
  /** What happens meanwhile. */
  readonly meanwhile: string;
  /** Values that need no warning, because they ask for what happens anyway. */
  readonly harmless?: readonly unknown[];
}

/** One list, which gets shorter until it is empty. */
export const PENDING_KEYS: readonly PendingKey[] = Object.freeze([
  { pattern: "/children/*/instances", meanwhile: "one copy runs", harmless: [1] },
]);

/** The pending key at a path, if there is one; nested supervisors are looked at like the root. */
export function pendingAt(pointer: string): PendingKey | undefined {
  const own = pointer.replace(/^(\/children\/\d+\/run\/supervisor)+(?=\/children\/)/, "").replace(/\/\d+(?=\/|$)/g, "/*");
  return PENDING_KEYS.find((key) => key.pattern === own);
}
