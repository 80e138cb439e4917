/** Policies as events tell them. */
import type { EffectivePolicy } from "../../mod.ts";

/** Of a child that declares nothing. */
export const POLICY_OF_NO_ROLE: EffectivePolicy = {
  taskRole: null,
  policyPack: "worker",
  source: "fallback_default",
  usedFallback: true,
  overriddenFields: [],
  severity: "standard",
};
