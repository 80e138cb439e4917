/** What the scripts of all shells need to know of the program. */
import { allOf, type CommandOutline, type Kind } from "./outline.ts";

/** A place of the command line in which something can be completed, as the scripts write it: the command, a space, the word before. */
export interface ValuePlace {
  readonly place: string;
  readonly kind: Kind;
  readonly choices: readonly string[];
}

/** Places after options that want a value. */
export function valuePlaces(outline: CommandOutline): ValuePlace[] {
  return allOf(outline).flatMap(({ path, options }) =>
    options.flatMap(({ names, kind, choices }) => kind === null ? [] : names.map((name) => ({ place: ` ${path} ${name}`, kind, choices })))
  );
}

/** What stands behind a command: its commands, or its arguments. */
export interface Behind {
  readonly at: string;
  readonly commands: readonly CommandOutline[];
  readonly options: readonly string[];
  readonly kinds: readonly Kind[];
  readonly choices: readonly string[];
}

/** That of every command, and of the program itself. */
export function behindEach(outline: CommandOutline): Behind[] {
  return [outline, ...allOf(outline)].map(({ path, commands, options, arguments: args }) => ({
    at: path === "" ? "" : ` ${path}`,
    commands,
    options: options.flatMap(({ names }) => names),
    kinds: [...new Set(args.map(({ kind }) => kind))],
    choices: args.flatMap(({ choices }) => choices),
  }));
}

/** A text in single quotes, for a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Commands in which others are. */
export function pathsOf(outline: CommandOutline): string[] {
  return allOf(outline).map(({ path }) => ` ${path}`);
}
