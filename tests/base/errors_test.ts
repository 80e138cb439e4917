/** Errors: stable codes, messages that say what to do next, and `instanceof` over two copies of the package. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { describeProblem, ERROR_CODES, type Problem, ReeveError, SpecError } from "../../src/base/errors.ts";

const PROBLEMS: readonly Problem[] = [
  { severity: "error", rule: "missing", pointer: "/children/0/run", reason: '"run" is missing', hint: "Say how the child runs" },
  { severity: "warning", rule: "no_children", pointer: "/children/1/run/children", reason: "is empty" },
  { severity: "error", rule: "wrong_type", pointer: "", reason: "is null, must be an object" },
];

/** An error as another copy of the package would make it. */
function foreignError(...brands: readonly string[]): Error {
  return Object.defineProperty(new Error("from elsewhere"), Symbol.for("@reeve/supervisor/error-brands"), { value: brands });
}

Deno.test("ReeveError carries code, path, hint and cause", () => {
  const cause = new Error("why");
  const error = new ReeveError("child_not_found", 'Cannot find child "/x"', { path: "/x", hint: 'Did you mean "/y"?', cause });
  assertEquals([error.name, error.code, error.path, error.hint], ["ReeveError", "child_not_found", "/x", 'Did you mean "/y"?']);
  assertEquals(error.message, 'Cannot find child "/x". Did you mean "/y"?');
  assert(error.cause === cause);
  assertMatch(error.stack ?? "", /errors_test/);
});

Deno.test("ReeveError has no hint and no cause when there is none", () => {
  const error = new ReeveError("tree_finished", "Cannot go on");
  assertEquals([error.message, error.hint, error.path, "cause" in error], ["Cannot go on", undefined, undefined, false]);
});

Deno.test("ReeveError is an Error, and so is what is derived from it", () => {
  const error = new SpecError(PROBLEMS);
  assert(error instanceof Error && error instanceof ReeveError && error instanceof SpecError);
  const other: unknown = new ReeveError("tree_finished", "x");
  assert(!(other instanceof SpecError));
});

Deno.test("ReeveError recognizes errors of another copy of the package", () => {
  const base: unknown = foreignError("ReeveError");
  const derived: unknown = foreignError("SpecError", "ReeveError");
  assert(base instanceof ReeveError && !(base instanceof SpecError));
  assert(derived instanceof ReeveError && derived instanceof SpecError);
});

Deno.test("ReeveError does not recognize anything else", () => {
  const others: readonly unknown[] = [null, undefined, "ReeveError", 1, {}, () => {}, new Error("x"), foreignError(), Object.create(null)];
  const brandless = Object.defineProperty({}, Symbol.for("@reeve/supervisor/error-brands"), { value: "ReeveError" });
  for (const other of [...others, brandless]) assert(!(other instanceof ReeveError), String(typeof other));
});

Deno.test("ReeveError tells a subclass without a brand of its own apart", () => {
  class OwnError extends ReeveError {}
  const own: unknown = new OwnError("tree_finished", "x");
  const base: unknown = new ReeveError("tree_finished", "x");
  assert(own instanceof OwnError && own instanceof ReeveError);
  assert(!(base instanceof OwnError));
});

Deno.test("ReeveError does not show its brands when it is printed or copied", () => {
  assertEquals(Object.getOwnPropertySymbols({ ...new ReeveError("tree_finished", "x") }), []);
});

Deno.test("ERROR_CODES are snake_case and each has a meaning", () => {
  for (const [code, meaning] of Object.entries(ERROR_CODES)) {
    assertMatch(code, /^[a-z]+(_[a-z]+)*$/);
    assertMatch(meaning, /^[a-z].*[^.]$/);
  }
});

Deno.test("SpecError lists all errors, and keeps the warnings for those who ask", () => {
  const error = new SpecError(PROBLEMS);
  assertEquals(error.code, "invalid_spec");
  assertEquals(error.name, "SpecError");
  assertEquals(error.problems, PROBLEMS);
  assertEquals(
    error.message,
    'Cannot start the tree: 2 violations\n  /children/0/run: "run" is missing. Say how the child runs\n  /: is null, must be an object',
  );
});

Deno.test("SpecError counts one violation as one", () => {
  assertMatch(new SpecError(PROBLEMS.slice(0, 1)).message, /^Cannot start the tree: 1 violation\n/);
});

Deno.test("describeProblem() shows the place, the reason and the hint", () => {
  assertEquals(PROBLEMS.map(describeProblem), [
    '/children/0/run: "run" is missing. Say how the child runs',
    "/children/1/run/children: is empty",
    "/: is null, must be an object",
  ]);
});
