/** Completions for bash. */
import type { CommandOutline, Kind } from "./outline.ts";
import { behindEach, pathsOf, quoted, valuePlaces } from "./words.ts";

/** Returns the script. */
export function bashScript(outline: CommandOutline): string {
  return `# Completions of reeve for bash: source <(reeve completions bash)
_reeve_children() {
  "\${COMP_WORDS[0]}" __complete children -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null
}

_reeve() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="\${COMP_WORDS[COMP_CWORD-1]}" at="" i
  local IFS=$'\\n'
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${pathsOf(outline).map(quoted).join(" | ")}) at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $prev" in
${valuePlaces(outline).map(({ place, kind, choices }) => `    ${quoted(place)}) ${reply(kind, choices)}; return ;;\n`).join("")}  esac
  case "$at" in
${behindEach(outline).map((behind) => caseOf(behind)).join("")}  esac
}

complete -F _reeve reeve
`;
}

function caseOf({ at, commands, options, kinds, choices }: ReturnType<typeof behindEach>[number]): string {
  const names = commands.map(({ path }) => path.split(" ").at(-1) ?? "");
  const words = [...names, ...choices];
  const rest = kinds.filter((kind) => kind === "file" || kind === "child").map((kind) => reply(kind, []));
  const own = [...words.length > 0 ? [reply("choice", words)] : [], ...rest];
  return `    ${quoted(at)})
      if [[ "$cur" == -* ]]; then ${reply("choice", options)}
      else ${own.length === 0 ? ":" : own.join("; ")}
      fi ;;
`;
}

function reply(kind: Kind, choices: readonly string[]): string {
  if (kind === "file") return `compopt -o filenames 2>/dev/null; COMPREPLY+=($(compgen -f -- "$cur"))`;
  if (kind === "child") return `COMPREPLY+=($(compgen -W "$(_reeve_children)" -- "$cur"))`;
  return kind === "choice" ? `COMPREPLY+=($(compgen -W $'${choices.join("\\n")}' -- "$cur"))` : ":";
}
