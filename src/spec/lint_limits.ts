/** Says when a limit can never be exceeded, so that what should happen then never does. */
import { type Report, warn } from "./check.ts";
import { highestLevel, limitCanFire, shortestSpanMs } from "./limit_can_fire.ts";
import { childPlaces } from "./groups.ts";
import { type ChildPolicy, policyResolver } from "./resolve.ts";
import type { ChildSpec, SupervisorOptions, TreeSpec } from "./types.ts";

const RULE = "limit_never_fires";
const HINT = "Lengthen the window, lower the limit, or shorten the backoff";

/** Looks at every limit of a valid declaration; what children inherit is told once, where it was written. */
export function lintLimits(spec: TreeSpec, report: Report): void {
  const resolvePolicy = policyResolver(spec);
  const told = new Set<string>();
  const visit = (supervisor: SupervisorOptions, parent: string): void => {
    const places = childPlaces(supervisor, spec.policy);
    supervisor.children.forEach((child, index) => {
      const pointer = `${parent}/children/${index}`;
      if (child.run.kind === "supervisor") visit(child.run, `${pointer}/run`);
      const place = placeOf(child, pointer, spec);
      if (place === null || told.has(place)) return;
      const reason = reasonOf(resolvePolicy(child, places[index]));
      if (reason === null) return;
      told.add(place);
      warn(report, place, RULE, reason, HINT);
    });
  };
  visit(spec, "");
}

/** Where the limit or what defeats it was written; `null` when only the package's own numbers count. */
function placeOf(child: ChildSpec, pointer: string, { policy }: TreeSpec): string | null {
  if (child.limit !== undefined) return `${pointer}/limit`;
  if (child.backoff !== undefined) return `${pointer}/backoff`;
  return policy === undefined ? null : "/policy";
}

function reasonOf({ restartPolicy, limit, backoff }: ChildPolicy): string | null {
  const { maxRestarts, windowMs, halfLifeMs, maxCount } = limit;
  if (restartPolicy === "temporary") return null;
  if (halfLifeMs !== null) {
    const highest = highestLevel({ ...backoff, halfLifeMs });
    if (highest > maxRestarts) return null;
    return `the count never exceeds ${maxRestarts}, because with the backoff and a half-life of ${halfLifeMs} ms it reaches ${
      highest.toFixed(1)
    } at most`;
  }
  if (windowMs === null) {
    if (maxCount > maxRestarts) return null;
    return `more than ${maxRestarts} failures can never be counted, because only the last ${maxCount} are looked at`;
  }
  const numbers = { ...backoff, maxRestarts, windowMs };
  if (limitCanFire(numbers)) return null;
  const span = Math.round(shortestSpanMs(numbers));
  return `more than ${maxRestarts} failures never come within ${windowMs} ms, because with the backoff they take at least ${span} ms`;
}
