/** Patterns that somebody looks for in lines that children print. */

/** Longest part of a line in which is looked, in characters, by how many parts of the pattern may be of any length: each multiplies the ways to fit. */
const LONGEST = [4_096, 4_096, 1_024, 256];
const LONGEST_OF_MANY = 96;

/** Returns what tells lines that fit a regular expression; a text says why it cannot be used. */
export function grep(pattern: string): ((line: string) => boolean) | string {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, "u");
  } catch (error) {
    return `Cannot use --grep "${pattern}": ${error instanceof Error ? error.message : String(error)}`;
  }
  const loose = looseParts(pattern);
  if (loose === null) {
    return `Cannot use --grep "${pattern}": a repeated group has something in it that repeats or has alternatives, which may take for ever`;
  }
  const longest = LONGEST[loose] ?? LONGEST_OF_MANY;
  return (line) => expression.test(line.slice(0, longest));
}

/** What a pattern is made of, as far as it matters here. */
const TOKENS = /\\.|\[(?:\\.|[^\]\\])*\]|\(|\)|\||[*+]|\{\d+(?:,\d*)?\}|[^]/gu;

/** So often something may be repeated without counting as of any length. */
const FEW = 16;

/** How many parts of a pattern may be of any length; `null` where such a part is within another one, or has alternatives. */
function looseParts(pattern: string): number | null {
  let loose = 0;
  /** Whether each open group, the outermost first, has loose parts or alternatives. */
  const groups = [false];
  /** The same of the group that has just ended. */
  let ended = false;
  const mark = (): void => void (groups[groups.length - 1] = true);
  for (const [token] of pattern.matchAll(TOKENS)) {
    const before = ended;
    ended = false;
    if (token === "(") groups.push(false);
    else if (token === ")") {
      ended = groups.pop() === true;
      if (ended) mark();
    } else if (token === "|") mark();
    else if (mostTimes(token) > FEW) {
      if (before) return null;
      loose++;
      mark();
    } else if (before) loose += mostTimes(token);
  }
  return loose;
}

/** How often at most a quantifier repeats what stands before it; 0 for what is none. */
function mostTimes(token: string): number {
  if (token === "*" || token === "+") return Infinity;
  const [, least, comma, most] = /^\{(\d+)(,?)(\d*)\}$/.exec(token) ?? [];
  if (least === undefined) return 0;
  return comma === "" ? Number(least) : most === "" ? Infinity : Number(most);
}
