/** What people are called. */

/** A common name in the subject of a certificate; commas in it have a backslash before them. */
const COMMON_NAME = /(?:^|[,+]\s*)CN\s*=\s*((?:[^,+\\]|\\.)+)/i;

/** The name of a person: of the subject of a certificate its common name, else what is there. */
export function personOf(principal: string): string {
  const [, name] = COMMON_NAME.exec(principal) ?? [];
  return name === undefined ? principal : name.replace(/\\(.)/g, "$1").trim();
}
