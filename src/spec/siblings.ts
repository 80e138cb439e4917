/** What only several children together can get wrong: names and dependencies. */
import { cleanText, didYouMean } from "../base/mod.ts";
import { type Fields, isFields, nameOf, refuse, type Report, warn } from "./check.ts";
import { findCycles, STRENGTHS } from "./graph.ts";

/** Cycles with more members than this are shortened. */
const MOST_SHOWN = 12;

/** So many names are compared in search of near ones; with more, finding the hints would take minutes. */
const MOST_COMPARISONS = 200_000;

/** The names of the supervisors above a child, from the root down. */
export type Ancestry = readonly string[];

/** Where every name of the tree is to be found. */
export type Places = ReadonlyMap<string, readonly Ancestry[]>;

/** The children of one supervisor. */
export interface Siblings {
  /** As they were declared. */
  readonly children: readonly unknown[];
  /** Pointer to their list. */
  readonly pointer: string;
  /** The supervisors above them. */
  readonly ancestry: Ancestry;
}

/** Names that are there twice, and dependencies that cannot be met; `places` is asked only for a hint. */
export function checkSiblings(siblings: Siblings, places: () => Places, report: Report): void {
  const first = checkNames(siblings, report);
  let comparisons = 0;
  const hintFor = (name: string, own: string | undefined): string | undefined => {
    const found = places().get(name);
    if (found !== undefined) return elsewhereHint(name, own, siblings.ancestry, found);
    comparisons += first.size;
    return comparisons > MOST_COMPARISONS ? undefined : didYouMean(name, [...first.keys()].filter((other) => other !== own));
  };
  const edges = siblings.children.map((child, index) => checkDependencies(child, `${siblings.pointer}/${index}`, first, hintFor, report));
  const nodes = [...first].map(([name, index]) => ({ name, dependencies: edges[index] ?? [] }));
  for (const cycle of findCycles(nodes)) {
    const index = first.get(cycle[0]!)!;
    const child = siblings.children[index];
    const [key, listed] = placeOf(child, cycle[1]);
    const reason = `dependencies form a cycle: ${shorten(cycle).map((name) => cleanText(name, 64)).join(" → ")}`;
    refuse(report, `${siblings.pointer}/${index}/${key}/${listed}`, "dependency_cycle", reason, "Remove one of these dependencies");
  }
}

/** Where a child names a sibling. */
function placeOf(child: unknown, name: unknown): readonly [key: string, index: number] {
  for (const key of STRENGTHS) {
    const names = isFields(child) ? child[key] : undefined;
    if (Array.isArray(names) && names.includes(name)) return [key, names.indexOf(name)];
  }
  return [STRENGTHS[0], 0];
}

/** Returns the index of each name; of two children with one name the first counts. */
function checkNames({ children, pointer }: Siblings, report: Report): Map<string, number> {
  const first = new Map<string, number>();
  children.forEach((child, index) => {
    const name = nameIn(child);
    if (name === undefined) return;
    const earlier = first.get(name);
    if (earlier === undefined) {
      first.set(name, index);
      return;
    }
    const reason = `is ${nameOf(name)}, which is also the name at ${pointer}/${earlier}, must be unique among siblings`;
    refuse(report, `${pointer}/${index}/name`, "duplicate_name", reason);
  });
  return first;
}

/** Returns the dependencies that can be followed. */
function checkDependencies(
  child: unknown,
  pointer: string,
  names: ReadonlyMap<string, number>,
  hintFor: (name: string, own: string | undefined) => string | undefined,
  report: Report,
): string[] {
  if (!isFields(child)) return [];
  const own = nameIn(child);
  const seen = new Set<string>();
  const listed = STRENGTHS.flatMap((key) => {
    const names: unknown = child[key];
    return Array.isArray(names) ? names.map((name: unknown, position) => ({ name, place: `${pointer}/${key}/${position}` })) : [];
  });
  listed.forEach(({ name, place }) => {
    // What is no name at all was reported with the child.
    if (typeof name !== "string" || !/\S/.test(name)) return;
    if (name === own) {
      refuse(report, place, "self_dependency", `${nameOf(name)} depends on itself, must name a sibling`);
    } else if (seen.has(name)) {
      warn(report, place, "duplicate_dependency", `${nameOf(name)} is listed twice`);
    } else {
      seen.add(name);
      if (names.has(name)) return;
      const who = own === undefined ? "the child" : nameOf(own);
      const reason = `${who} depends on ${nameOf(name)}, which does not exist among its siblings`;
      refuse(report, place, "unknown_dependency", reason, hintFor(name, own));
    }
  });
  return [...seen];
}

/** How to depend on a child that is elsewhere in the tree. */
function elsewhereHint(name: string, own: string | undefined, ancestry: Ancestry, found: readonly Ancestry[]): string {
  const child = nameOf(name);
  const depth = ancestry.length;
  const beneath = found.find((place) => place.length > depth && place[depth] !== own && sharedLength(place, ancestry) === depth);
  if (beneath !== undefined) {
    return `${child} is inside the supervisor ${nameOf(beneath[depth])}; depend on ${nameOf(beneath[depth])} instead`;
  }
  const place = found[0]!;
  const target = [...place, name];
  const common = sharedLength(target, [...ancestry, own ?? ""]);
  if (common === target.length) return `${child} is a supervisor around this child, which it can never wait for`;
  if (common === depth + 1) return `${child} is inside this supervisor, which has to start first`;
  const shared = sharedLength(place, ancestry);
  const advice = `let the supervisor ${nameOf(ancestry[shared])} depend on ${nameOf(target[shared])} instead`;
  return `${child} is a child of ${nameOf(`/${place.join("/")}`)}; ${advice}`;
}

function sharedLength(a: Ancestry, b: Ancestry): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function shorten(cycle: readonly string[]): readonly string[] {
  if (cycle.length <= MOST_SHOWN) return cycle;
  return [...cycle.slice(0, MOST_SHOWN - 2), `… ${cycle.length - MOST_SHOWN} more …`, ...cycle.slice(-2)];
}

function nameIn(child: unknown): string | undefined {
  if (!isFields(child)) return undefined;
  const { name }: Fields = child;
  return typeof name === "string" && name !== "" ? name : undefined;
}
