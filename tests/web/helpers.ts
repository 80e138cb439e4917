/** Rows as a target sends them. */
import type { Child } from "../../src/web/model/child.ts";
import { readChild } from "../../src/web/model/child.ts";

/** A child, with what a test says of it. */
export function childOf(path: string, more: Readonly<Record<string, unknown>> = {}): Child {
  const child = readChild({ child_path: path, kind: "process", phase: "ready", operation: "active", ...more });
  if (child === null) throw new Error(`${path} is no child`);
  return child;
}

/** Children by path. */
export function childrenOf(...children: readonly Child[]): Map<string, Child> {
  return new Map(children.map((child) => [child.path, child]));
}
