/** Several streams of items as one, in the order of their times. */

/** How long an item waits for earlier ones of the other streams, in milliseconds. */
const WAIT_MS = 25;

/** Merges streams whose items carry a time; items of about the same moment are sorted by it. */
export async function inOrder<T>(
  streams: readonly AsyncIterable<T>[],
  timeOf: (item: T) => number,
  show: (item: T) => void,
): Promise<void> {
  let waiting: T[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    timer = undefined;
    const items = waiting.sort((a, b) => timeOf(a) - timeOf(b));
    waiting = [];
    items.forEach(show);
  };
  await Promise.all(streams.map(async (stream) => {
    for await (const item of stream) {
      waiting.push(item);
      timer ??= setTimeout(flush, WAIT_MS);
    }
  }));
  clearTimeout(timer);
  flush();
}
