/** The schema of groups: what children share, and what a failure in one of them leads to. */
import { z } from "zod";
import { childName, escalation, positive, positiveMs, positiveSecs, propagation, setting, strategy, word } from "./fields.ts";

/** Restarts that several children share. */
export const budget = z.strictObject({
  window_secs: setting(positiveSecs, "Time in seconds in which an empty bucket fills, where no rate is given.", { example: 60 }),
  max_burst: setting(positive, "Restarts that may come at once.", { default: 10 }),
  recovery_rate_per_sec: setting(z.number().gt(0).max(1000), "Restarts regained per second.", { default: 0.5 }),
});

/** A limit as the reference writes it. */
const referenceLimit = z.strictObject({
  max_restarts: positive.meta({ description: "Failures allowed in the window; the next one exceeds the limit.", examples: [5] }),
  window_ms: setting(positiveMs, "Length of the window in milliseconds.", { default: 60_000 }),
});

const special = {
  strategy: strategy.meta({ description: "Which siblings a failure touches.", examples: ["RestForOne"] }),
  restart_limit: setting(referenceLimit.nullable(), "Default of the limit of these children.", { default: null }),
  escalation_policy: setting(escalation.nullable(), "What an escalation leads to; as in the supervisor where absent.", { default: null }),
};

/** What may be added to a supervisor while it runs. */
export const dynamicSupervisor = setting(
  z.strictObject({
    enabled: setting(z.boolean(), "Whether children can be added while it runs.", { default: true }),
    child_limit: setting(positive.nullable(), "How many children there may be in all; null is no limit.", { default: null }),
  }),
  "Children added while it runs.",
);

/** The keys of a supervisor that are about groups and single children. */
export const groups = {
  groups: setting(
    z.array(z.strictObject({
      name: word.meta({ description: "Name of the group.", examples: ["storage"] }),
      children: setting(z.array(childName), "Its children; a child can also name its group itself.", { default: [] }),
      budget: setting(budget.nullable(), "Restarts that its children share, instead of those of the supervisor.", { default: null }),
      concurrent_restart_limit: setting(positive, "How many of its children may be on their way to ready after a restart.", { example: 2 }),
    })),
    "Groups of children, which share budgets and fuses.",
    { default: [] },
  ),
  group_strategies: setting(
    z.array(z.strictObject({ group: word.meta({ description: "A group.", examples: ["edge"] }), ...special })),
    "Strategies of groups; they touch members of the group only.",
    { default: [] },
  ),
  group_dependencies: setting(
    z.array(z.strictObject({
      from_group: word.meta({ description: "The group that depends.", examples: ["edge"] }),
      to_group: word.meta({ description: "The group it depends on.", examples: ["storage"] }),
      propagation: propagation.meta({ description: "What passes to it when the fuse of the other opens.", examples: ["EscalateOnly"] }),
    })),
    "Dependencies between groups.",
    { default: [] },
  ),
  child_strategy_overrides: setting(
    z.array(z.strictObject({ child_id: childName.meta({ description: "A child.", examples: ["store"] }), ...special })),
    "Strategies of single children, which go before those of their groups.",
    { default: [] },
  ),
};
