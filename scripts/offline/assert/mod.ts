/** Stand-in for what the tests use of `@std/assert`, for machines that cannot reach JSR. */
import { AssertionError, deepStrictEqual } from "node:assert";
import { inspect } from "node:util";

export { AssertionError };

type Constructor<T> = abstract new (...args: never[]) => T;

function failed(message: string, detail?: string): never {
  throw new AssertionError({ message: detail === undefined ? message : `${message}: ${detail}` });
}

function show(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : inspect(value, { depth: 6, sorted: true });
}

export function assert(condition: unknown, message = "Expected a truthy value"): asserts condition {
  if (!condition) failed(message);
}

export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  for (const value of [actual, expected]) refuseWhatNode20CannotCompare(value, new Set());
  try {
    deepStrictEqual(actual, expected);
  } catch (error) {
    failed(message ?? "Values are not equal", error instanceof Error ? error.message : String(error));
  }
}

/** The genuine one needs what Node 20 lacks for some values; they are refused here, or else a test would fail only where JSR answers. */
function refuseWhatNode20CannotCompare(value: unknown, seen: Set<object>): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === null || prototype === Object.prototype || prototype === Map.prototype || Array.isArray(value) ||
    ArrayBuffer.isView(value);
  if (!isPlain) throw new TypeError(`Compare plain data: @std/assert cannot compare ${show(value)} in Node 20`);
  for (const inner of value instanceof Map ? value.values() : ArrayBuffer.isView(value) ? [] : Object.values(value)) {
    refuseWhatNode20CannotCompare(inner, seen);
  }
}

export function assertNotEquals<T>(actual: T, expected: T, message = "Expected different values"): void {
  try {
    deepStrictEqual(actual, expected);
  } catch {
    return;
  }
  failed(message, show(actual));
}

export function assertStrictEquals<T>(actual: unknown, expected: T, message = "Values are not strictly equal"): asserts actual is T {
  if (!Object.is(actual, expected)) failed(message, `${show(actual)} and ${show(expected)}`);
}

export function assertExists<T>(actual: T, message = "Expected a value"): asserts actual is NonNullable<T> {
  if (actual === undefined || actual === null) failed(message, show(actual));
}

export function assertInstanceOf<T>(actual: unknown, expected: Constructor<T>, message?: string): asserts actual is T {
  if (!(actual instanceof expected)) failed(message ?? `Expected an instance of ${expected.name}`, show(actual));
}

export function assertMatch(actual: string, expected: RegExp, message = "Expected a match"): void {
  if (!expected.test(actual)) failed(message, `${show(actual)} does not match ${expected}`);
}

export function assertStringIncludes(actual: string, expected: string, message = "Expected a text to include another"): void {
  if (!actual.includes(expected)) failed(message, `${show(actual)} does not include ${show(expected)}`);
}

export function assertGreater<T>(actual: T, expected: T, message = "Expected more"): void {
  if (!(actual > expected)) failed(message, `${show(actual)} > ${show(expected)}`);
}

export function assertGreaterOrEqual<T>(actual: T, expected: T, message = "Expected at least as much"): void {
  if (!(actual >= expected)) failed(message, `${show(actual)} >= ${show(expected)}`);
}

export function assertLess<T>(actual: T, expected: T, message = "Expected less"): void {
  if (!(actual < expected)) failed(message, `${show(actual)} < ${show(expected)}`);
}

export function assertLessOrEqual<T>(actual: T, expected: T, message = "Expected at most as much"): void {
  if (!(actual <= expected)) failed(message, `${show(actual)} <= ${show(expected)}`);
}

export function assertThrows(run: () => unknown): unknown;
export function assertThrows<E extends Error>(run: () => unknown, type: Constructor<E>, includes?: string): E;
export function assertThrows(run: () => unknown, type?: Constructor<Error>, includes?: string): unknown {
  try {
    run();
  } catch (error) {
    return checked(error, type, includes);
  }
  failed("Expected a throw");
}

export function assertRejects(run: () => PromiseLike<unknown>): Promise<unknown>;
export function assertRejects<E extends Error>(run: () => PromiseLike<unknown>, type: Constructor<E>, includes?: string): Promise<E>;
export async function assertRejects(run: () => PromiseLike<unknown>, type?: Constructor<Error>, includes?: string): Promise<unknown> {
  let promise: PromiseLike<unknown>;
  try {
    promise = run();
  } catch (error) {
    failed("Expected a rejection, found a throw", show(error));
  }
  try {
    await promise;
  } catch (error) {
    return checked(error, type, includes);
  }
  failed("Expected a rejection");
}

export function fail(message = "Failed"): never {
  failed(message);
}

function checked(error: unknown, type: Constructor<Error> | undefined, includes: string | undefined): unknown {
  if (type === undefined) return error;
  assertInstanceOf(error, type);
  if (includes !== undefined) assertStringIncludes(error.message, includes);
  return error;
}
