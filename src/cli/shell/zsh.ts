/** Completions for zsh. */
import type { CommandOutline, Kind, OptionOutline } from "./outline.ts";
import { allOf } from "./outline.ts";
import { pathsOf, quoted, valuePlaces } from "./words.ts";

/** Returns the script. */
export function zshScript(outline: CommandOutline): string {
  return `#compdef reeve
# Completions of reeve for zsh: source <(reeve completions zsh)
_reeve_children() {
  local -a children
  children=("\${(@f)$("\${words[1]}" __complete children -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  children=("\${(@)children:#}")
  (( \${#children} )) && compadd -- "\${children[@]}"
}

_reeve() {
  local prev="\${words[CURRENT-1]}" at=""
  local -a given
  integer i
  for (( i = 2; i < CURRENT; i++ )); do
    case "$at \${words[i]}" in
      (${pathsOf(outline).map(quoted).join("|")}) at="$at \${words[i]}" ;;
    esac
  done
  case "$at $prev" in
${valuePlaces(outline).map(({ place, kind, choices }) => `    (${quoted(place)}) ${reply(kind, choices)}; return ;;\n`).join("")}  esac
  case "$at" in
${[outline, ...allOf(outline)].map(caseOf).join("")}  esac
}

(( \${+functions[compdef]} )) && compdef _reeve reeve
`;
}

function caseOf({ path, commands, options, arguments: args }: CommandOutline): string {
  const own = [
    ...commands.length > 0 ? [described("command", commands.map((inner) => [inner.path.split(" ").at(-1) ?? "", inner.description]))] : [],
    ...args.map(({ kind, choices }) => reply(kind, choices)).filter((text) => text !== ":"),
  ];
  return `    (${quoted(path === "" ? "" : ` ${path}`)})
      if [[ "\${words[CURRENT]}" == -* ]]; then ${described("option", options.flatMap(namesOf))}
      else ${own.length === 0 ? ":" : [...new Set(own)].join("; ")}
      fi ;;
`;
}

function namesOf({ names, description }: OptionOutline): (readonly [string, string])[] {
  return names.map((name) => [name, description] as const);
}

function described(what: string, words: readonly (readonly [string, string])[]): string {
  const entries = words.map(([word, description]) => quoted(`${word.replaceAll(":", "\\:")}:${description}`));
  return `given=(${entries.join(" ")}); _describe -t ${what}s ${what} given`;
}

function reply(kind: Kind, choices: readonly string[]): string {
  if (kind === "file") return "_files";
  if (kind === "child") return "_reeve_children";
  return kind === "choice" ? `compadd -- ${choices.map(quoted).join(" ")}` : ":";
}
