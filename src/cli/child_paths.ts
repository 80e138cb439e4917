/** The children that somebody names, in a run that is asked. */
import type { Client } from "../client/mod.ts";
import { childOf } from "./commands/look.ts";

/** What is meant by names of children. */
export interface WantedPaths {
  readonly paths: readonly string[];
  /** Whether that is one child alone, with none below it. */
  readonly isOne: boolean;
}

/** The paths of these children, or why there is one that is none; who is gone counts as long as the run remembers something of it. */
export async function wantedPaths(client: Client, names: readonly string[]): Promise<WantedPaths | string> {
  if (names.length === 0 || names.includes("/")) return { paths: ["/"], isOne: false };
  const status = await client.status();
  const paths: string[] = [];
  for (const name of names) {
    const found = childOf(status, name);
    if (typeof found !== "string") paths.push(found.childPath);
    else if (name.startsWith("/") && (await client.recentEvents({ path: name, limit: 1 })).length > 0) paths.push(name);
    else return found;
  }
  const [first] = paths;
  return {
    paths,
    isOne: paths.every((path) => path === first) && !status.children.some(({ childPath }) => childPath.startsWith(`${first}/`)),
  };
}
