/** A tree as a drawing: who belongs to whom, and who needs whom. */
import type { ChildDescription, TreeStatus } from "../../client/mod.ts";
import { cleanText, lastName, parentPath } from "../../base/mod.ts";
import { type CommandIo, paint } from "../io.ts";
import { fitted, lookOfTree } from "./status.ts";
import { lookOf, noteOf } from "./words.ts";

/** Draws a tree. */
export function treeText({ tree, children }: TreeStatus, io: CommandIo): string {
  const below = new Map<string, ChildDescription[]>();
  for (const child of children) {
    const parent = parentPath(child.childPath);
    below.set(parent, [...below.get(parent) ?? [], child]);
  }
  const { mark, color, word } = lookOfTree(tree);
  const lines = [`${paint(io, color, mark)} ${paint(io, "bold", cleanText(tree.name, 64))}  ${word}`];
  const draw = (parent: string, indent: string): void => {
    const own = below.get(parent) ?? [];
    own.forEach((child, index) => {
      const isLast = index === own.length - 1;
      lines.push(`${indent}${isLast ? "└─" : "├─"} ${lineOf(child, tree.atUnixNanos, io)}`);
      draw(child.childPath, `${indent}${isLast ? "   " : "│  "}`);
    });
  };
  draw("/", "");
  return fitted(`${lines.join("\n")}\n`, io.columns);
}

function lineOf(child: ChildDescription, now: bigint, io: CommandIo): string {
  const { mark, word, color } = lookOf(child);
  const needs = [...child.dependencies, ...child.bindsTo, ...child.wants];
  const tied = needs.length === 0 ? "" : paint(io, "dim", `  after ${cleanText(needs.join(", "), 256)}`);
  const note = noteOf(child, now);
  return `${paint(io, color, mark)} ${cleanText(lastName(child.childPath), 64)}  ${paint(io, "dim", child.kind)}, ${word}${
    note === "" ? "" : ` (${note})`
  }${tied}`;
}
