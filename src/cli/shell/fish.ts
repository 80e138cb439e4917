/** Completions for fish. */
import { allOf, type CommandOutline, type Kind } from "./outline.ts";

/** Returns the script. */
export function fishScript(outline: CommandOutline): string {
  return `# Completions of reeve for fish: reeve completions fish | source
function __reeve_children
    set -l words (commandline -opc)
    command $words[1] __complete children -- $words[2..-1] (commandline -ct) 2>/dev/null
end

function __reeve_at
    set -l words (commandline -opc)
    set -l at ""
    for word in $words[2..-1]
        if contains -- "$at $word" ${allOf(outline).map(({ path }) => quoted(` ${path}`)).join(" ")}
            set at "$at $word"
        end
    end
    test "$at" = "$argv[1]"
end

complete -c reeve -f
${[outline, ...allOf(outline)].map(linesOf).join("")}`;
}

function linesOf({ path, commands, options, arguments: args }: CommandOutline): string {
  const at = path === "" ? "" : ` ${path}`;
  const start = `complete -c reeve -n ${quoted(`__reeve_at ${quoted(at)}`)}`;
  return [
    ...commands.map((inner) => `${start} -a ${quoted(inner.path.split(" ").at(-1) ?? "")} -d ${quoted(inner.description)}`),
    ...options.map(({ names, description, kind, choices }) => {
      const written = names.map((name) => name.startsWith("--") ? `-l ${quoted(name.slice(2))}` : `-s ${quoted(name.slice(1))}`);
      return `${start} ${written.join(" ")} -d ${quoted(description)}${
        kind === null ? "" : ` ${kind === "file" ? "-r" : "-x"} ${values(kind, choices)}`
      }`;
    }),
    ...args.filter(({ kind }) => kind !== "text").map(({ kind, choices }) => `${start} ${values(kind, choices)}`),
  ].map((line) => `${line.trimEnd()}\n`).join("");
}

function values(kind: Kind, choices: readonly string[]): string {
  if (kind === "file") return "-F";
  if (kind === "child") return "-a '(__reeve_children)'";
  return kind === "choice" ? `-a ${quoted(choices.join(" "))}` : "";
}

/** In single quotes of fish a backslash and a quote are written behind a backslash. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
