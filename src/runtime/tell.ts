/** The way in which parts of the package beside the tree make something known in its stream. */
import type { EventFacts } from "../event/mod.ts";
import type { Tree } from "./tree.ts";

const tellers = new WeakMap<Tree, (facts: EventFacts) => void>();

/** Remembers how a tree is told. */
export function hear(tree: Tree, teller: (facts: EventFacts) => void): void {
  tellers.set(tree, teller);
}

/** Makes an event of the tree itself, in order with all others; after its end nothing is told any more. */
export function tell(tree: Tree, facts: EventFacts): void {
  tellers.get(tree)?.(facts);
}
