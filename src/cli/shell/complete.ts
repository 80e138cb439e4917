/** `reeve __complete children -- WORDS`: names of children for the scripts of shells, in a moment or not at all. */
import { lastName } from "../../base/mod.ts";
import { connect } from "../../client/mod.ts";
import { type CommandIo, EXIT, SILENT } from "../io.ts";
import { socketOf, type TargetArgs } from "../target.ts";

/** Longest time in milliseconds: with the start of the program, whoever types waits half a second at most. */
const LIMIT_MS = 300;

/** Prints the children of the run that the words name, paths or names as the last word begins; prints nothing where that is not known in time. */
export async function complete(words: readonly string[], io: CommandIo, limitMs = LIMIT_MS): Promise<number> {
  let cancel = (): void => {};
  const tooLate = new Promise<null>((resolve) => {
    const timer = setTimeout(() => resolve(null), limitMs);
    cancel = () => clearTimeout(timer);
  });
  try {
    const children = await Promise.race([childrenOf(targetIn(words), limitMs), tooLate]);
    if (children === null) return EXIT.unusable;
    const current = words.at(-1) ?? "";
    const names = children.map(lastName);
    const isOnly = (name: string): boolean => names.indexOf(name) === names.lastIndexOf(name);
    const shown = current.startsWith("/")
      ? children
      : children.map((path, index) => isOnly(names[index] ?? "") ? names[index] ?? "" : path);
    io.stdout(shown.map((word) => `${word}\n`).join(""));
    return EXIT.clean;
  } catch {
    return EXIT.unusable;
  } finally {
    cancel();
  }
}

async function childrenOf(target: TargetArgs, limitMs: number): Promise<string[] | null> {
  const path = await socketOf(target, SILENT);
  if (typeof path === "number") return null;
  await using client = await connect(path, { timeoutMs: limitMs, connectTimeoutMs: limitMs });
  return (await client.status()).children.map(({ childPath }) => childPath);
}

/** Which run is meant by what was typed so far. */
function targetIn(words: readonly string[]): TargetArgs {
  const valueOf = (...names: readonly string[]): string | undefined => {
    for (const [index, word] of words.slice(0, -1).entries()) {
      const next = words[index + 1];
      // bash cuts words at the sign.
      if (names.includes(word)) return next === "=" ? words[index + 2] : next;
      const [, value] = names.map((name) =>
        word.startsWith(`${name}=`) ? [name, word.slice(name.length + 1)] : []
      ).find(([name]) => name !== undefined) ?? [];
      if (value !== undefined) return value;
    }
    return undefined;
  };
  return { file: valueOf("--file", "-f"), socket: valueOf("--socket") };
}
