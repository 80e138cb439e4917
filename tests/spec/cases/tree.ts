/** Declarations that are wrong among siblings, or in the tree as a whole. */
import { a, C, type Case, group, nested, one, running } from "./case.ts";

/** One row per way to get a tree wrong. */
export const TREE_CASES: readonly Case[] = [
  { rule: "duplicate_name", spec: { children: [a(), a()] }, pointer: "/children/1/name", says: "also the name at /children/0" },
  {
    rule: "unknown_dependency",
    spec: { children: [a({ name: "redis" }), a({ dependencies: ["reddis"] })] },
    pointer: "/children/1/dependencies/0",
    says: 'Did you mean "redis"?',
  },
  {
    rule: "unknown_dependency",
    spec: { children: [{ name: "pollers", run: group([a({ name: "x" })]) }, a({ dependencies: ["x"] })] },
    pointer: "/children/1/dependencies/0",
    says: 'inside the supervisor "pollers"; depend on "pollers" instead',
  },
  {
    rule: "unknown_dependency",
    spec: { children: [a({ name: "redis" }), { name: "pollers", run: group([a({ dependencies: ["redis"] })]) }] },
    pointer: "/children/1/run/children/0/dependencies/0",
    says: 'let the supervisor "pollers" depend on "redis" instead',
  },
  {
    rule: "unknown_dependency",
    spec: { children: [{ name: "stores", run: group([a({ name: "x" })]) }, { name: "pollers", run: group([a({ dependencies: ["x"] })]) }] },
    pointer: "/children/1/run/children/0/dependencies/0",
    says: '"x" is a child of "/stores"; let the supervisor "pollers" depend on "stores" instead',
  },
  {
    rule: "unknown_dependency",
    spec: { children: [{ name: "s", run: group([a({ dependencies: ["s"] })]) }] },
    pointer: "/children/0/run/children/0/dependencies/0",
    says: "around this child",
  },
  {
    rule: "unknown_dependency",
    spec: { children: [{ name: "s", run: group([a()]), dependencies: ["a"] }] },
    pointer: "/children/0/dependencies/0",
    says: "inside this supervisor, which has to start first",
  },
  {
    rule: "unknown_dependency",
    spec: { children: [a({ name: "redis" }), a({ wants: ["reddis"] })] },
    pointer: "/children/1/wants/0",
    says: 'Did you mean "redis"?',
  },
  { rule: "self_dependency", spec: one({ bindsTo: ["a"] }), pointer: `${C}/bindsTo/0`, says: "depends on itself" },
  {
    rule: "dependency_cycle",
    spec: { children: [a({ name: "x", wants: ["y"] }), a({ name: "y", bindsTo: ["x"] })] },
    pointer: "/children/0/wants/0",
    says: "x → y → x",
  },
  { rule: "self_dependency", spec: one({ dependencies: ["a"] }), pointer: `${C}/dependencies/0`, says: "depends on itself" },
  {
    rule: "duplicate_dependency",
    spec: { children: [a({ name: "b" }), a({ dependencies: ["b", "b"] })] },
    pointer: "/children/1/dependencies/1",
    says: "listed twice",
    severity: "warning",
  },
  {
    rule: "dependency_cycle",
    spec: {
      children: [
        a({ name: "x" }),
        a({ dependencies: ["x", "b"] }),
        a({ name: "b", dependencies: ["c"] }),
        a({ name: "c", dependencies: ["a"] }),
      ],
    },
    pointer: "/children/1/dependencies/1",
    says: "a → b → c → a",
  },
  {
    rule: "dependency_cycle",
    spec: { children: Array.from({ length: 100 }, (_, index) => a({ name: `c${index}`, dependencies: [`c${(index + 1) % 100}`] })) },
    pointer: `${C}/dependencies/0`,
    says: "c8 → c9 → … 89 more … → c99 → c0",
  },
  { rule: "no_children", spec: { children: [] }, pointer: "/children", says: "nothing will run", severity: "warning" },
  { rule: "no_children", spec: running(group([])), pointer: `${C}/run/children`, says: "nothing will run", severity: "warning" },
  {
    rule: "too_deep",
    spec: nested(17),
    pointer: `${C}${"/run/children/0".repeat(15)}/run`,
    says: "level 17",
  },
  {
    rule: "limit_never_fires",
    spec: one({ limit: { maxRestarts: 60, windowMs: 60_000 } }),
    pointer: `${C}/limit`,
    says: "60",
    severity: "warning",
  },
  {
    rule: "limit_never_fires",
    spec: one({ backoff: { initialMs: 90_000 } }),
    pointer: `${C}/backoff`,
    says: "216000 ms",
    severity: "warning",
  },
  {
    rule: "limit_never_fires",
    spec: { policy: { childRestartLimit: 500 }, children: [a(), a({ name: "b" })] },
    pointer: "/policy",
    says: "more than 500 failures never come within 60000 ms",
    severity: "warning",
  },
  {
    rule: "limit_never_fires",
    spec: { policy: { failureWindow: { mode: "count_sliding", threshold: 5, maxCount: 5 } }, children: [a()] },
    pointer: "/policy",
    says: "only the last 5",
    severity: "warning",
  },
];
