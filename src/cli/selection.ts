/** Which children of a run a command means: by path, by name, by pattern, or all. */
import { parentPath } from "../base/mod.ts";
import type { ChildDescription, TreeStatus } from "../client/mod.ts";
import { childOf } from "./commands/look.ts";

/** The children that are meant, or why that is not clear, a sentence for each that is not. */
export interface Selection {
  readonly chosen: readonly ChildDescription[];
  readonly problems: readonly string[];
}

/** How children are named. */
export interface SelectionArgs {
  /** Paths, names, or patterns of paths. */
  readonly children: readonly string[];
  /** Whether all children of the root are meant. */
  readonly all?: boolean;
}

/** The children that are named, each once, in the order in which they are. */
export function select({ children }: Pick<TreeStatus, "children">, { children: asked, all = false }: SelectionArgs): Selection {
  const there = children.filter(({ operation }) => operation !== "removed");
  const chosen = new Set<ChildDescription>(all ? there.filter(({ childPath }) => parentPath(childPath) === "/") : []);
  const problems: string[] = [];
  for (const name of asked) {
    const found = isPattern(name) ? fitting(there, name) : [childOf({ children }, name)];
    if (found.length === 0) problems.push(`no child fits "${name}". reeve tree shows who is there`);
    for (const child of found) {
      if (typeof child === "string") problems.push(child);
      else chosen.add(child);
    }
  }
  return { chosen: [...chosen], problems };
}

/** The children of exactly these paths: nobody takes away what merely has the same name. */
export function selectExactly({ children }: Pick<TreeStatus, "children">, asked: readonly string[]): Selection {
  const chosen = new Set<ChildDescription>();
  const problems: string[] = [];
  for (const path of asked) {
    const exact = children.find(({ childPath }) => childPath === path);
    const found = exact ?? childOf({ children }, path);
    if (exact !== undefined) chosen.add(exact);
    else problems.push(typeof found === "string" ? found : `"${path}" is no path: name it ${found.childPath}`);
  }
  return { chosen: [...chosen], problems };
}

/** The path of a supervisor that is named, the root among them; else why not. */
export function supervisorOf(
  found: Pick<TreeStatus, "children">,
  asked: string,
  exactly: boolean,
): { readonly path: string } | { readonly problem: string } {
  if (asked === "/") return { path: "/" };
  const { chosen: [child], problems: [problem] } = exactly ? selectExactly(found, [asked]) : select(found, { children: [asked] });
  if (child === undefined) return { problem: problem ?? `there is no child "${asked}"` };
  if (child.kind === "supervisor") return { path: child.childPath };
  return { problem: `${child.childPath} is a ${child.kind}, and only a supervisor has children. reeve tree shows who is one` };
}

function isPattern(name: string): boolean {
  return /[*?]/.test(name);
}

/** `*` and `?` stand for what is in one segment of a path, `**` for any number of segments; a pattern begins at the root. */
function fitting(children: readonly ChildDescription[], pattern: string): ChildDescription[] {
  const parts = (pattern.startsWith("/") ? pattern : `/${pattern}`).split(/(\*\*|\*|\?)/);
  const written = parts.map((part) => WILD.get(part) ?? part.replace(/[^\w/]/gu, "\\$&")).join("");
  const fits = new RegExp(`^${written}$`);
  return children.filter(({ childPath }) => fits.test(childPath));
}

const WILD: ReadonlyMap<string, string> = new Map([["**", ".*"], ["*", "[^/]*"], ["?", "[^/]"]]);
