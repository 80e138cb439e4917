/** Plain text tables. */

/** Renders rows under a heading, columns as wide as their widest cell. */
export function renderTable(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = heading.map((title, column) => Math.max(visibleLength(title), ...rows.map((row) => visibleLength(row[column] ?? ""))));
  const line = (cells: readonly string[]): string =>
    cells.map((cell, column) => column === cells.length - 1 ? cell : cell + " ".repeat((widths[column] ?? 0) - visibleLength(cell))).join(
      "  ",
    ).trimEnd();
  return [line(heading), ...rows.map(line)].map((text) => `${text}\n`).join("");
}

/** How many columns a text takes, without its colours. */
export function visibleLength(text: string): number {
  return text.replace(COLOR, "").length;
}

const COLOR = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, "g");
