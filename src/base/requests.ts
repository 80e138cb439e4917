/** What a child may ask of its tree. */
import { cleanText } from "./clean.ts";
import { ReeveError } from "./errors.ts";

/** What a child may ask of its tree with `requestRestart` and `requestShutdown`. */
export interface CommandPermissions {
  /** Whether the child may restart itself. @default {false} */
  readonly allowRestart?: boolean;
  /** Whether the child may shut the tree down. @default {false} */
  readonly allowShutdown?: boolean;
}

/** What a child can ask for. */
export type ChildRequestKind = "restart" | "shutdown";

const OPTIONS = { restart: "allowRestart", shutdown: "allowShutdown" } as const;

/** Longest reason in characters. */
const LONGEST_REASON = 1024;

/** Tells requests from anything else. */
export function isChildRequest(value: unknown): value is ChildRequestKind {
  return value === "restart" || value === "shutdown";
}

/** Throws where a child may not ask for that. */
export function requirePermission(kind: ChildRequestKind, path: string, permissions: CommandPermissions | undefined): void {
  const option = OPTIONS[kind];
  if (permissions?.[option] === true) return;
  throw new ReeveError("not_permitted", `Cannot request a ${kind} from "${path}": it may not`, {
    path,
    hint: `Set commandPermissions: { ${option}: true } on the child`,
  });
}

/** Returns why something is asked for, bounded and harmless; what a child says may be anything. */
export function reasonOf(reason: unknown): string {
  return typeof reason === "string" && reason.trim() !== "" ? cleanText(reason, LONGEST_REASON) : "requested";
}
