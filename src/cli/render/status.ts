/** A whole tree at one glance. */
import type { ChildDescription, TreeStatus } from "../../client/mod.ts";
import { cleanText, lastName } from "../../base/mod.ts";
import { type CommandIo, paint } from "../io.ts";
import { renderTable, visibleLength } from "../table.ts";
import { age, bytes, lookOf, msBetween, noteOf, percent, type StateLook } from "./words.ts";

/** How many levels a path is below the root. */
export function depthOf(path: string): number {
  return path.split("/").length - 2;
}

/** Renders a tree as a heading and a table, as wide as there is room. */
export function statusText({ tree, children }: TreeStatus, socket: string, io: CommandIo): string {
  const now = tree.atUnixNanos;
  const look = lookOfTree(tree);
  const upMs = msBetween(tree.startedAtUnixNanos, now);
  const counts = countsOf(children);
  const facts = [
    `pid ${tree.pid}, ${cleanText(tree.runtime, 64)}, reeve ${cleanText(tree.version, 32)}, configuration ${
      cleanText(tree.configVersion, 12)
    }`,
    `${bytes(tree.residentBytes)} of memory, ${Math.round(tree.loopLagMaxMs)} ms late at most in the last minute`,
    `${counts}; ${plural(tree.restartsTotal, "restart")}, ${plural(tree.failuresTotal, "failure")}`,
    cleanText(socket, 256),
  ];
  const heading = `${paint(io, look.color, look.mark)} ${paint(io, "bold", cleanText(tree.name, 64))}  ${look.word}, up ${age(upMs)}\n`;
  const unmeasured = tree.unmeasured === null
    ? ""
    : `${paint(io, "dim", `  not measured what processes take: ${cleanText(tree.unmeasured, 256)}`)}\n`;
  return `${heading}${facts.map((fact) => `  ${paint(io, "dim", fact)}\n`).join("")}${unmeasured}\n${tableOf(children, now, io)}`;
}

/** How the tree as a whole is. */
export function lookOfTree({ phase, ready }: Pick<TreeStatus["tree"], "phase" | "ready">): StateLook {
  if (phase === "stopped") return { mark: "■", word: "stopped", color: "dim" };
  if (phase === "stopping") return { mark: "◑", word: "stopping", color: "yellow" };
  return ready ? { mark: "●", word: "ready", color: "green" } : { mark: "◐", word: "not ready", color: "yellow" };
}

/** How many children are how. */
export function countsOf(children: readonly ChildDescription[]): string {
  const counts = new Map<string, number>();
  for (const child of children) {
    const { word } = lookOf(child);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const told = [...counts].sort(([, a], [, b]) => b - a).map(([word, count]) => `${count} ${word}`);
  return `${plural(children.length, "child", "children")}${told.length === 0 ? "" : `: ${told.join(", ")}`}`;
}

/** A number with its noun. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

interface Column {
  readonly title: string;
  readonly cell: (child: ChildDescription) => string;
  /** The column goes where there is less room than this. */
  readonly from: number;
}

function tableOf(children: readonly ChildDescription[], now: bigint, io: CommandIo): string {
  const columns: readonly Column[] = [
    { title: "NAME", cell: (child) => nameCell(child, io), from: 0 },
    { title: "STATE", cell: (child) => paint(io, lookOf(child).color, lookOf(child).word), from: 0 },
    { title: "SINCE", cell: ({ sinceUnixNanos }) => age(msBetween(sinceUnixNanos, now)), from: 40 },
    { title: "RESTARTS", cell: restartsCell, from: 56 },
    { title: "CPU", cell: ({ usage }) => usage === null ? "-" : percent(usage.cpuPercent), from: 80 },
    { title: "MEMORY", cell: ({ usage }) => usage === null ? "-" : bytes(usage.memoryBytes), from: 80 },
    { title: "PID", cell: ({ pid }) => pid === null ? "-" : String(pid), from: 100 },
    { title: "", cell: (child) => noteOf(child, now), from: 48 },
  ];
  if (children.length === 0) return "no children\n";
  const shown = columns.filter(({ from }) => io.columns >= from);
  const rows = children.map((child) => shown.map(({ cell }) => cell(child)));
  return fitted(renderTable(shown.map(({ title }) => title), rows), io.columns);
}

function nameCell(child: ChildDescription, io: CommandIo): string {
  const { mark, color } = lookOf(child);
  return `${"  ".repeat(depthOf(child.childPath))}${paint(io, color, mark)} ${cleanText(lastName(child.childPath), 64)}`;
}

const UNLIMITED = 4_294_967_295;

function restartsCell({ restartsTotal, restartLimit: { used, limit } }: ChildDescription): string {
  return limit === UNLIMITED || used === 0 ? String(restartsTotal) : `${restartsTotal} (${used} of ${limit})`;
}

/** Lines end where the terminal does: a table whose rows break is none. */
export function fitted(text: string, columns: number): string {
  if (columns === Infinity) return text;
  return text.split("\n").map((line) => visibleLength(line) <= columns ? line : cutVisible(line, columns)).join("\n");
}

/** The first columns of a line; what colours there are begin and end as they did. */
export function cutVisible(line: string, columns: number): string {
  let [shown, room] = ["", columns - 1];
  for (const part of line.split(ESCAPES)) {
    if (part.startsWith(ESC)) {
      shown += part;
      continue;
    }
    const characters = [...part];
    shown += characters.slice(0, room).join("");
    if (room > 0 && characters.length > room) shown += "…";
    room = Math.max(0, room - characters.length);
  }
  return shown;
}

const ESC = String.fromCharCode(27);
const ESCAPES = new RegExp(`(${ESC}\\[\\d+m)`);
