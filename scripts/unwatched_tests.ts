/**
 * Loaded before the tests in the oldest Deno: that one fails a test in which something is still under way, also what the system does for a file
 * in its own time; newer ones look for that only when they are told to.
 */
const { test } = Deno;
const UNWATCHED = { sanitizeOps: false, sanitizeResources: false };

function unwatched(...args: readonly unknown[]): void {
  const [name, run] = args;
  const given = typeof run === "function" ? [name, UNWATCHED, run] : args.map((arg) => isOptions(arg) ? { ...UNWATCHED, ...arg } : arg);
  Reflect.apply(test, Deno, given);
}

function isOptions(arg: unknown): arg is object {
  return typeof arg === "object" && arg !== null;
}

Object.assign(Deno, { test: Object.assign(unwatched, test) });
