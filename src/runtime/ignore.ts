/** Which files do not count when they change. */

/** Whether a path, relative to what is watched and with slashes, does not count. */
export type Ignore = (path: string) => boolean;

/** What never counts: what tools keep for themselves, and what editors leave beside a file as long as it is open. */
const NEVER: readonly string[] = [".git", "node_modules", "*~", ".*.sw?", ".#*", "#*#", "4913", ".DS_Store"];

/**
 * Makes one of patterns: `*` is any text within a name, `**` any folders, `?` one character.
 *
 * A pattern without a slash is for the name of a file or folder wherever it is, one with a slash for the whole path; a folder takes along what is in it.
 */
export function ignoring(patterns: readonly string[]): Ignore {
  const names: RegExp[] = [];
  const paths: RegExp[] = [];
  for (const pattern of [...NEVER, ...patterns]) {
    const plain = pattern.replaceAll("\\", "/").replace(/^(?:\.\/)+/, "").replace(/\/+$/, "");
    if (plain !== "") (plain.includes("/") ? paths : names).push(toRegex(plain.replace(/^\/+/, "")));
  }
  return (path) => {
    const parts = path.split("/");
    if (parts.some((part) => names.some((regex) => regex.test(part)))) return true;
    return paths.length > 0 && parts.some((_, index) => {
      const upTo = parts.slice(0, index + 1).join("/");
      return paths.some((regex) => regex.test(upTo));
    });
  };
}

function toRegex(pattern: string): RegExp {
  const text = pattern.replace(/\*{3,}/g, "**").replace(/\*\*\/|\/\*\*$|\*\*|\*|\?|[.+^${}()|[\]\\]/g, (part) => {
    switch (part) {
      case "**/":
        return "(?:[^/]+/)*";
      case "/**":
        return "/.+";
      case "**":
        return ".*";
      case "*":
        return "[^/]*";
      case "?":
        return "[^/]";
      default:
        return `\\${part}`;
    }
  });
  return new RegExp(`^${text}$`, "su");
}
