/** Which commands there are, who may give them, and where they make sense. */
import type { Child } from "./child.ts";
import type { Target } from "./store.ts";

/** What a command is about. */
export type Scope = "child" | "set" | "supervisor" | "tree";

/** A command. */
export interface CommandKind {
  readonly name: string;
  readonly scope: Scope;
  /** Whether it must be confirmed. */
  readonly isDangerous: boolean;
  /** Whether the name of what it is about must be typed. */
  readonly isTyped: boolean;
  /** What it needs beside a reason. */
  readonly needs: readonly ("template" | "count" | "manifest" | "dry_run")[];
}

/** All of them, in the order in which they are shown. */
export const COMMANDS: readonly CommandKind[] = [
  plain("restart_child"),
  plain("start_child"),
  plain("terminate_child"),
  plain("pause_child"),
  plain("resume_child"),
  plain("quarantine_child"),
  plain("release_child"),
  plain("reset_fuse"),
  { ...plain("rolling_restart"), scope: "set" },
  { name: "remove_child", scope: "child", isDangerous: true, isTyped: true, needs: [] },
  { name: "start_template", scope: "supervisor", isDangerous: false, isTyped: false, needs: ["template"] },
  { name: "scale", scope: "supervisor", isDangerous: true, isTyped: false, needs: ["template", "count"] },
  { name: "add_child", scope: "supervisor", isDangerous: true, isTyped: false, needs: ["manifest"] },
  { name: "reload", scope: "tree", isDangerous: true, isTyped: false, needs: ["dry_run"] },
  { name: "shutdown_tree", scope: "tree", isDangerous: true, isTyped: true, needs: [] },
];

function plain(name: string): CommandKind {
  return { name, scope: "child", isDangerous: false, isTyped: false, needs: [] };
}

/** Whether somebody with this role may give it. */
export function mayGive(role: string, { isDangerous }: CommandKind): boolean {
  return role === "dangerous" || (role === "control" && !isDangerous);
}

/** Commands for a child of a target, or for the tree where there is no child: those that it declares and the role allows. */
export function commandsFor(target: Pick<Target, "commands">, role: string, child: Pick<Child, "kind"> | null): readonly CommandKind[] {
  return COMMANDS.filter((command) => {
    if (!target.commands.has(command.name) || !mayGive(role, command)) return false;
    if (child === null) return command.scope === "supervisor" || command.scope === "tree";
    return command.scope === "child" || (command.scope !== "tree" && child.kind === "supervisor");
  });
}

const DOWN = ["stopped", "declared", "failed", "abandoned"];

/** Whether it would change anything now; one that would not is shown, and cannot be given. */
export function makesSense({ name }: CommandKind, child: Child | null): boolean {
  if (child === null) return true;
  const isDown = DOWN.includes(child.phase);
  switch (name) {
    case "pause_child":
      return child.operation === "active";
    case "resume_child":
      return child.operation === "paused";
    case "quarantine_child":
      return child.operation !== "quarantined";
    case "release_child":
      return child.operation === "quarantined";
    case "start_child":
      return isDown && child.operation !== "quarantined";
    case "terminate_child":
      return !isDown;
    case "reset_fuse":
      return child.fuse.state !== "closed";
    default:
      return true;
  }
}
