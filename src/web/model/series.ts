/** The last values of something, for a small chart. */

/** Most values that are kept of each. */
export const MOST_SAMPLES = 150;

/** One value. */
export interface Sample {
  readonly at: number;
  readonly value: number;
}

/** Adds a value and lets the oldest go. */
export function addSample(samples: Sample[], at: number, value: number): void {
  samples.push({ at, value });
  if (samples.length > MOST_SAMPLES) samples.splice(0, samples.length - MOST_SAMPLES);
}

/** The points of a line through the values, in a box; with the greatest value. */
export function lineOf(
  samples: readonly Sample[],
  width: number,
  height: number,
  least = 0,
): { readonly points: string; readonly most: number } {
  const most = Math.max(least, ...samples.map(({ value }) => value));
  const [first, last] = [samples[0]?.at ?? 0, samples.at(-1)?.at ?? 0];
  const points = samples.map(({ at, value }) => {
    const x = last === first ? width : (at - first) / (last - first) * width;
    const y = most === 0 ? height : height - value / most * height;
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  return { points: points.join(" "), most };
}
