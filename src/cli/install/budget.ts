/** How long a whole tree may take to stop. */
import { type ChildSpec, policyResolver, type TreeSpec } from "../../spec/mod.ts";

/** How long a program after an exit may take where it does not say. */
const HOOK_MS = 10_000;

/** Longest time in milliseconds in which a tree stops by its own rules; `null` where a child may take for ever. */
export function stopBudgetMs(spec: TreeSpec): number | null {
  const policyOf = policyResolver(spec);
  const total = spec.shutdown?.totalTimeoutMs ?? null;

  function ownMs(child: ChildSpec): number {
    const { stop } = policyOf(child);
    const afterwards = child.hooks?.afterExit === undefined ? 0 : child.hooks.afterExit.timeoutMs ?? HOOK_MS;
    if (child.run.kind === "supervisor") return longestMs(child.run.children);
    if (stop.mode === "kill") return stop.killWaitMs + afterwards;
    if (stop.mode === "wait" || stop.timeoutMs === null) return Infinity;
    return stop.drainMs + stop.timeoutMs + stop.killWaitMs + afterwards;
  }

  /** Who depends on others stops before them, and those that are independent stop together. */
  function longestMs(children: readonly ChildSpec[]): number {
    const byName = new Map(children.map((child) => [child.name, child]));
    const known = new Map<string, number>();
    function fromMs(child: ChildSpec): number {
      const found = known.get(child.name);
      if (found !== undefined) return found;
      const { dependencies = [], wants = [], bindsTo = [] } = child;
      const below = [...dependencies, ...wants, ...bindsTo].flatMap((name) => byName.get(name) ?? []);
      const sum = ownMs(child) + Math.max(0, ...below.map(fromMs));
      known.set(child.name, sum);
      return sum;
    }
    return Math.max(0, ...children.map(fromMs));
  }

  const byRules = longestMs(spec.children);
  const bounded = total === null ? byRules : Math.min(byRules, total + (spec.shutdown?.abortWaitMs ?? 1_000));
  return Number.isFinite(bounded) ? bounded : null;
}
