/** How a row of the tables says what is wrong with a declaration, and short ways to write one. */
import type { Problem } from "../../../src/base/mod.ts";
import { type ValidateOptions, validateTree } from "../../../src/spec/mod.ts";

/** A declaration with one problem. */
export interface Case {
  readonly rule: string;
  readonly spec: unknown;
  readonly pointer: string;
  /** A part of the reason or the hint. */
  readonly says: string;
  readonly severity?: "warning";
}

/** A way to run. */
export const task = { kind: "task", task: () => {} };

/** A task child with some options. */
export function a(options: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { name: "a", run: task, ...options };
}

/** A tree with one task child. */
export function one(options: Readonly<Record<string, unknown>>): unknown {
  return { children: [a(options)] };
}

/** A tree with one child that runs in some way. */
export function running(run: unknown, options: Readonly<Record<string, unknown>> = {}): unknown {
  return { children: [{ name: "a", run, ...options }] };
}

/** A tree with one process child. */
export function ofProcess(options: Readonly<Record<string, unknown>>): unknown {
  return running({ kind: "process", command: "sleep" }, options);
}

/** A tree with one nested supervisor. */
export function ofSupervisor(options: Readonly<Record<string, unknown>>): unknown {
  return running(group([a()]), options);
}

/** A way to run: a nested supervisor. */
export function group(children: unknown): Record<string, unknown> {
  return { kind: "supervisor", children };
}

/** A tree of some levels. */
export function nested(levels: number): unknown {
  let children: unknown = [a()];
  for (let level = 1; level < levels; level++) children = [{ name: "s", run: group(children) }];
  return { children };
}

/** A tree with a list that contains itself, several times in each round. */
export function containingItself(): unknown {
  const children: unknown[] = [a()];
  for (const name of ["s", "t", "u", "v"]) children.push({ name, run: group(children) });
  return { children };
}

/** Pointer to the first child. */
export const C = "/children/0";

/** Calls as JavaScript does, where types do not count. */
export function validate(spec: unknown, options: ValidateOptions = {}): Problem[] {
  return Reflect.apply(validateTree, undefined, [spec, options]);
}
