/** Questions to children from outside. */
export { type Check, checkOf, type Probe } from "./check.ts";
export { type ProberOptions, readinessDelay, startProber } from "./prober.ts";
