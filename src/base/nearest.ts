/** Finds the name a user probably meant. */

/**
 * Returns the candidate nearest to the name by edit distance, or `undefined` when none is near enough.
 *
 * Near enough is at most two edits, or a third of the name's length for longer names, and never more than half of the letters. Names beyond
 * 256 characters have no neighbours.
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > 256) return undefined;
  const lower = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate === name || Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(lower, candidate.toLowerCase(), bestDistance);
    if (distance < bestDistance && 2 * distance <= Math.max(name.length, candidate.length)) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

/** Returns `Did you mean "x"?` for the nearest candidate, or `undefined`. */
export function didYouMean(name: string, candidates: Iterable<string>): string | undefined {
  const nearest = nearestName(name, candidates);
  return nearest === undefined ? undefined : `Did you mean "${nearest}"?`;
}

/** Edit distance in which swapping two neighbouring letters counts as one; gives up at the bound. */
function editDistance(a: string, b: string, bound: number): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    let rowBest = i;
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min(previous[j]! + 1, current[j - 1]! + 1, previous[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) value = Math.min(value, beforePrevious[j - 2]! + 1);
      current.push(value);
      rowBest = Math.min(rowBest, value);
    }
    if (rowBest >= bound) return bound;
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}
