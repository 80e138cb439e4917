/** What a user declares of children that run several times. */

/** How the copies of a child are replaced one after another. */
export interface RollingOptions {
  /** How many extra copies run meanwhile, and how many are replaced at a time; with 0 one is, and there is one less meanwhile. @default {1} */
  readonly maxSurge?: number;
}
