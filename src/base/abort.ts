/** How attempts are told to stop, and how that looks when it is thrown. */

/** One reason for every stop: making an error per stop is dear. */
export const STOP_REASON = new DOMException("The attempt was asked to stop", "AbortError");

/** Whether an error says that something was aborted; what was thrown may be anything, even an object whose getters throw. */
export function looksAborted(error: unknown): boolean {
  try {
    return error === STOP_REASON || (error instanceof Error && error.name === "AbortError");
  } catch {
    return false;
  }
}
