/** What commands print for programs. */

/** JSON, one value to a command; times, which JavaScript has as big numbers, are texts of digits. */
export function plainJson(value: unknown): string {
  return `${JSON.stringify(value, digits, 2)}\n`;
}

/** The same in one line, for those that print one value after the other. */
export function lineJson(value: unknown): string {
  return `${JSON.stringify(value, digits)}\n`;
}

function digits(_: string, entry: unknown): unknown {
  return typeof entry === "bigint" ? String(entry) : entry;
}
