/** The end of many things: what one of them cannot do keeps none of the others from ending. */

/** Ends one after the other; rejects at the end with what failed first. */
export async function endAll(...ends: readonly (() => Promise<void> | void | undefined)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const end of ends) {
    try {
      await end();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
