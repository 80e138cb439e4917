/** A pane of lines: what is kept, and which part of it is shown. */

/** One line: an event, a line of output, or a note about the stream, whose path is empty. */
export interface Entry {
  /** Counts up. */
  readonly id: number;
  readonly atMs: number;
  readonly path: string;
  readonly text: string;
  readonly severity: string;
}

/** What came, and where somebody looks. */
export interface Pane {
  /** Oldest first. */
  readonly entries: readonly Entry[];
  readonly nextId: number;
  /** The last line that is shown; `null` follows what comes. */
  readonly bottom: number | null;
  /** What is looked for; empty where nothing is. */
  readonly search: string;
}

/** Most lines that are kept of each pane. */
export const MOST_ENTRIES = 5_000;

/** Adds lines; the oldest go. */
export function added(pane: Pane, entries: readonly Omit<Entry, "id">[]): Pane {
  if (entries.length === 0) return pane;
  const numbered = entries.slice(-MOST_ENTRIES).map((entry, index) => ({ ...entry, id: pane.nextId + index }));
  const kept = pane.entries.slice(Math.max(0, pane.entries.length + numbered.length - MOST_ENTRIES));
  return { ...pane, entries: [...kept, ...numbered], nextId: pane.nextId + numbered.length };
}

/** The lines that are shown, so many at most, and how many are below them. */
export function shownIn({ bottom }: Pane, entries: readonly Entry[], height: number): { lines: readonly Entry[]; below: number } {
  const end = bottom === null ? entries.length : Math.max(Math.min(height, entries.length), indexAfter(entries, bottom));
  return { lines: entries.slice(Math.max(0, end - height), end), below: entries.length - end };
}

/** Looks so many lines further down, or up where that is negative; at the end it follows. */
export function scrolled(pane: Pane, entries: readonly Entry[], by: number, height: number): Pane {
  const end = pane.bottom === null ? entries.length : indexAfter(entries, pane.bottom);
  const wanted = Math.max(Math.min(height, entries.length), end + by);
  return { ...pane, bottom: wanted >= entries.length ? by < 0 ? pane.bottom : null : entries[wanted - 1]?.id ?? null };
}

/** Whether a line is what is looked for. */
export function isFoundIn({ search }: Pane, { path, text }: Entry): boolean {
  return search !== "" && (text.toLowerCase().includes(search.toLowerCase()) || path.toLowerCase().includes(search.toLowerCase()));
}

/** Goes to the next line that is looked for, up (-1) or down (1); `undefined` where there is none. */
export function searched(pane: Pane, entries: readonly Entry[], direction: -1 | 1): Pane | undefined {
  const from = pane.bottom === null ? entries.length : indexAfter(entries, pane.bottom) - 1;
  for (let index = from + direction; index >= 0 && index < entries.length; index += direction) {
    const entry = entries[index];
    if (entry !== undefined && isFoundIn(pane, entry)) return { ...pane, bottom: entry.id };
  }
  return undefined;
}

/** How many entries there are up to an id. */
function indexAfter(entries: readonly Entry[], id: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((entries[middle]?.id ?? Infinity) <= id) low = middle + 1;
    else high = middle;
  }
  return low;
}
