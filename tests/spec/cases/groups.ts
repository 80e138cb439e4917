/** Declarations whose groups, strategies, sidecars or guards do not fit together. */
import { a, C, type Case, group, one, running } from "./case.ts";

const b = a({ name: "b" });
const grouped = (options: Readonly<Record<string, unknown>>): unknown => ({
  children: [a(), b],
  groups: [{ name: "g" }, { name: "h" }],
  ...options,
});
const sidecar = (primaryChildId: string): Record<string, unknown> => a({ taskRole: "sidecar", sidecarConfig: { primaryChildId } });
const policy = (options: Readonly<Record<string, unknown>>): unknown => ({ children: [a()], policy: options });

/** One row per rule and place. */
export const GROUP_CASES: readonly Case[] = [
  { rule: "unknown_group", spec: grouped({ children: [a({ group: "gg" })] }), pointer: `${C}/group`, says: 'Did you mean "g"' },
  {
    rule: "unknown_child",
    spec: grouped({ groups: [{ name: "g", children: ["aa"] }] }),
    pointer: "/groups/0/children/0",
    says: 'Did you mean "a"',
  },
  { rule: "duplicate_name", spec: grouped({ groups: [{ name: "g" }, { name: "g" }] }), pointer: "/groups/1/name", says: "there twice" },
  {
    rule: "contradicting_group",
    spec: grouped({ children: [a({ group: "h" })], groups: [{ name: "g", children: ["a"] }, { name: "h" }] }),
    pointer: "/groups/0/children/0",
    says: 'belongs to group "h"',
  },
  {
    rule: "contradicting_group",
    spec: grouped({ groups: [{ name: "g", children: ["a"] }, { name: "h", children: ["a"] }] }),
    pointer: "/groups/1/children/0",
    says: 'belongs to group "g"',
  },
  {
    rule: "contradicting_group",
    spec: grouped({
      children: [a({ group: "h", tags: ["g"] }), a({ name: "b", group: "g" })],
      groupStrategies: [{ group: "g", strategy: "one_for_all" }],
    }),
    pointer: `${C}/tags`,
    says: 'has the tag "g"',
  },
  {
    rule: "unused_group",
    spec: grouped({ groupStrategies: [{ group: "g", strategy: "one_for_all" }] }),
    pointer: "/groupStrategies/0/group",
    says: "no child belongs",
  },
  {
    rule: "unknown_group",
    spec: grouped({ groupStrategies: [{ group: "x", strategy: "one_for_all" }] }),
    pointer: "/groupStrategies/0/group",
    says: 'no group "x"',
  },
  {
    rule: "unknown_child",
    spec: grouped({ childStrategyOverrides: [{ childId: "c", strategy: "one_for_all" }] }),
    pointer: "/childStrategyOverrides/0/childId",
    says: 'no child "c"',
  },
  {
    rule: "unknown_group",
    spec: grouped({ groupDependencies: [{ fromGroup: "g", toGroup: "x", propagation: "full" }] }),
    pointer: "/groupDependencies/0/toGroup",
    says: 'no group "x"',
  },
  {
    rule: "self_dependency",
    spec: grouped({ groupDependencies: [{ fromGroup: "g", toGroup: "g", propagation: "full" }] }),
    pointer: "/groupDependencies/0",
    says: "depends on itself",
  },
  {
    rule: "dependency_cycle",
    spec: grouped({
      groupDependencies: [{ fromGroup: "g", toGroup: "h", propagation: "full" }, { fromGroup: "h", toGroup: "g", propagation: "none" }],
    }),
    pointer: "/groupDependencies",
    says: '"g" → "h" → "g"',
  },
  { rule: "missing", spec: one({ taskRole: "sidecar" }), pointer: `${C}/sidecarConfig`, says: "needs sidecarConfig" },
  {
    rule: "only_for_sidecars",
    spec: { children: [a({ sidecarConfig: { primaryChildId: "b" } }), b] },
    pointer: `${C}/sidecarConfig`,
    says: 'role "sidecar"',
  },
  { rule: "unknown_child", spec: { children: [sidecar("c"), b] }, pointer: `${C}/sidecarConfig/primaryChildId`, says: 'no child "c"' },
  { rule: "unknown_child", spec: { children: [sidecar("a"), b] }, pointer: `${C}/sidecarConfig/primaryChildId`, says: 'no child "a"' },
  {
    rule: "sidecar_of_sidecar",
    spec: { children: [sidecar("b"), { ...sidecar("c"), name: "b" }, a({ name: "c" })] },
    pointer: `${C}/sidecarConfig/primaryChildId`,
    says: '"b" is a sidecar itself',
  },
  {
    rule: "window_and_half_life",
    spec: one({ limit: { windowMs: 9_000, halfLifeMs: 9_000 } }),
    pointer: `${C}/limit/halfLifeMs`,
    says: "beside windowMs",
  },
  {
    rule: "start_limit_needed",
    spec: { policy: { supervisionPipeline: { concurrentRestartLimit: 1 } }, children: [a({ timeouts: { startMs: null } })] },
    pointer: `${C}/timeouts/startMs`,
    says: "for ever",
  },
  {
    rule: "start_limit_needed",
    spec: running({ ...group([a({ timeouts: { startMs: null } })]), groups: [{ name: "g", concurrentRestartLimit: 1 }] }),
    pointer: `${C}/run/children/0/timeouts/startMs`,
    says: "Leave it out",
  },
  {
    rule: "no_effect",
    severity: "warning",
    spec: policy({ restartBudget: { windowSecs: 10, recoveryRatePerSec: 1 } }),
    pointer: "/policy/restartBudget/windowSecs",
    says: "beside recoveryRatePerSec",
  },
  {
    rule: "no_effect",
    severity: "warning",
    spec: policy({ meltdown: { childWindowSecs: 10 } }),
    pointer: "/policy/meltdown/childWindowSecs",
    says: "childMaxRestarts is not there",
  },
  {
    rule: "no_effect",
    severity: "warning",
    spec: policy({ supervisorFailureWindowMs: 10 }),
    pointer: "/policy/supervisorFailureWindowMs",
    says: "supervisorFailureLimit is not there",
  },
  {
    rule: "no_effect",
    severity: "warning",
    spec: policy({ failureWindow: { mode: "decay", windowSecs: 5 } }),
    pointer: "/policy/failureWindow/windowSecs",
    says: 'mode "decay"',
  },
  {
    rule: "limit_never_fires",
    severity: "warning",
    spec: one({ limit: { maxRestarts: 50, halfLifeMs: 1_000 } }),
    pointer: `${C}/limit`,
    says: "a half-life of 1000 ms",
  },
  { rule: "wrong_type", spec: one({ decide: "stop" }), pointer: `${C}/decide`, says: "must be a function" },
];
