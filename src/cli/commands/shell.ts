/** `reeve completions` and `reeve man`: made from the program itself. */
import { type CommandIo, EXIT } from "../io.ts";
import { bashScript } from "../shell/bash.ts";
import { fishScript } from "../shell/fish.ts";
import { manPage } from "../shell/man.ts";
import type { CommandOutline } from "../shell/outline.ts";
import type { Shell } from "../shell/shells.ts";
import { zshScript } from "../shell/zsh.ts";

const SCRIPTS: Readonly<Record<Shell, (outline: CommandOutline) => string>> = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** Prints the script of a shell; returns 0. */
export function completions(shell: Shell, outline: CommandOutline, io: CommandIo): number {
  io.stdout(SCRIPTS[shell](outline));
  return EXIT.clean;
}

/** Prints the man page; returns 0. */
export function man(outline: CommandOutline, io: CommandIo): number {
  io.stdout(manPage(outline));
  return EXIT.clean;
}
