/** Where the nodes of a graph lie: supervisors at the left of what they keep, what is needed at the left of what needs it. */
import { type Child, siblingOf } from "./child.ts";
import type { Place } from "./places.ts";
import { byParent } from "./tree.ts";

/** Size of a node, and what lies between them. */
export const [NODE_WIDTH, NODE_HEIGHT, GAP_X, GAP_Y] = [176, 46, 56, 14];

/** A node at its place. */
export interface Placed {
  readonly path: string;
  readonly x: number;
  readonly y: number;
  readonly isFoldable: boolean;
  readonly isFolded: boolean;
}

/** A line from one node to another. */
export interface Edge {
  readonly from: string;
  readonly to: string;
  readonly kind: "parent" | "dependency";
}

/** A graph that is laid out, and the box in which it lies. */
export interface Layout {
  readonly nodes: ReadonlyMap<string, Placed>;
  readonly edges: readonly Edge[];
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Block {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly Placed[];
}

/** More nodes than that stand beside each other instead of in one column. */
const LONGEST_COLUMN = 8;

/** How much wider than high many nodes stand, and in how many columns at most. */
const [ASPECT, MOST_COLUMNS] = [2.6, 128];

/** Lays out the children that are wanted. */
export function layOut(children: ReadonlyMap<string, Child>, folded: ReadonlySet<string>, wanted: ReadonlySet<string> | null): Layout {
  const below = byParent(children);
  const edges: Edge[] = [];
  const block = (path: string): Block => {
    const own = (below.get(path) ?? []).filter((child) => wanted === null || wanted.has(child.path));
    const isFolded = own.length > 0 && wanted === null && folded.has(path);
    const node: Placed = { path, x: 0, y: 0, isFoldable: own.length > 0, isFolded };
    if (own.length === 0 || isFolded) return { width: NODE_WIDTH, height: NODE_HEIGHT, nodes: [node] };
    const paths = new Set(own.map((child) => child.path));
    for (const child of own) {
      edges.push({ from: path, to: child.path, kind: "parent" });
      for (const name of child.dependencies) {
        const from = siblingOf(child.path, name);
        if (paths.has(from)) edges.push({ from, to: child.path, kind: "dependency" });
      }
    }
    const tied = new Set(edges.flatMap(({ from, to, kind }) => kind === "dependency" ? [from, to] : []));
    const isApart = (child: Child): boolean => (below.get(child.path)?.length ?? 0) > 0 && !tied.has(child.path);
    const lines = inLine(
      levelsOf(own.filter((child) => !isApart(child)), paths).map((level) => stack(level.map(({ path }) => block(path)))),
    );
    // Supervisors that need nobody and that nobody needs stand below, or they would push apart those that do.
    const apart = stack(own.filter(isApart).map((child) => block(child.path)));
    const gap = lines.height > 0 && apart.height > 0 ? 2 * GAP_Y : 0;
    const height = Math.max(NODE_HEIGHT, lines.height + gap + apart.height);
    const x = NODE_WIDTH + GAP_X;
    return {
      width: x + Math.max(lines.width, apart.width),
      height,
      nodes: [
        { ...node, y: (height - NODE_HEIGHT) / 2 },
        ...moved(lines.nodes, x, 0),
        ...moved(apart.nodes, x, lines.height + gap),
      ],
    };
  };
  const { nodes, width, height } = block("/");
  return { nodes: new Map(nodes.map((node) => [node.path, node])), edges, left: 0, top: 0, width, height };
}

/** The same graph with nodes where somebody has put them. */
export function withPlaces(layout: Layout, places: ReadonlyMap<string, Place>): Layout {
  const put = [...places].flatMap(([path, place]) => {
    const node = layout.nodes.get(path);
    return node === undefined ? [] : [{ ...node, ...place }];
  });
  if (put.length === 0) return layout;
  const nodes = new Map(layout.nodes);
  for (const node of put) nodes.set(node.path, node);
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of nodes.values()) {
    [left, top] = [Math.min(left, x), Math.min(top, y)];
    [right, bottom] = [Math.max(right, x + NODE_WIDTH), Math.max(bottom, y + NODE_HEIGHT)];
  }
  return { nodes, edges: layout.edges, left, top, width: right - left, height: bottom - top };
}

/** Children by how many others must be ready before them, one after the other. */
function levelsOf(own: readonly Child[], paths: ReadonlySet<string>): Child[][] {
  const byPath = new Map(own.map((child) => [child.path, child]));
  const depths = new Map<string, number>();
  const depthOf = (child: Child): number => {
    const known = depths.get(child.path);
    if (known !== undefined) return known;
    // A circle, which a target should not have, ends here.
    depths.set(child.path, 0);
    let depth = 0;
    for (const name of child.dependencies) {
      const needed = byPath.get(siblingOf(child.path, name));
      if (needed !== undefined && paths.has(needed.path)) depth = Math.max(depth, depthOf(needed) + 1);
    }
    depths.set(child.path, depth);
    return depth;
  };
  const levels: Child[][] = [];
  for (const child of own) (levels[depthOf(child)] ??= []).push(child);
  return levels.filter((level) => level !== undefined);
}

/** Puts blocks beside each other. */
function inLine(blocks: readonly Block[]): Block {
  const height = Math.max(0, ...blocks.map((block) => block.height));
  const nodes: Placed[] = [];
  let x = 0;
  for (const block of blocks) {
    nodes.push(...moved(block.nodes, x, (height - block.height) / 2));
    x += block.width + GAP_X;
  }
  return { width: Math.max(0, x - GAP_X), height, nodes };
}

/** Puts blocks below each other, in so many columns that they show as large as they can on a screen. */
function stack(blocks: readonly Block[]): Block {
  const tallest = Math.max(0, ...blocks.map(({ height }) => height));
  const total = blocks.reduce((sum, { height }) => sum + height + GAP_Y, 0);
  const least = Math.max(tallest, LONGEST_COLUMN * (NODE_HEIGHT + GAP_Y));
  let best = columnsOf(blocks, least);
  for (let count = 1; count <= MOST_COLUMNS && total / count > least; count++) {
    const tried = columnsOf(blocks, total / count);
    if (extent(tried) < extent(best)) best = tried;
  }
  const { width, height, corners } = best;
  return { width, height, nodes: blocks.flatMap((block, index) => moved(block.nodes, ...corners[index] ?? [0, 0])) };
}

/** Where blocks lie in columns of at most that height. */
function columnsOf(blocks: readonly Block[], most: number): { width: number; height: number; corners: (readonly [number, number])[] } {
  const corners: (readonly [number, number])[] = [];
  let [x, y, columnWidth, height] = [0, 0, 0, 0];
  for (const block of blocks) {
    if (y > 0 && y + block.height > most) {
      x += columnWidth + GAP_X;
      [y, columnWidth] = [0, 0];
    }
    corners.push([x, y]);
    height = Math.max(height, y + block.height);
    y += block.height + GAP_Y;
    columnWidth = Math.max(columnWidth, block.width);
  }
  return { width: x + columnWidth, height, corners };
}

/** How far back one must stand to see it whole. */
function extent({ width, height }: { readonly width: number; readonly height: number }): number {
  return Math.max(width / ASPECT, height);
}

function moved(nodes: readonly Placed[], x: number, y: number): Placed[] {
  return nodes.map((node) => ({ ...node, x: node.x + x, y: node.y + y }));
}

/** The way of a line between two nodes. */
export function pathOf(from: Placed, to: Placed): string {
  const [x1, y1] = [from.x + NODE_WIDTH, from.y + NODE_HEIGHT / 2];
  const [x2, y2] = [to.x, to.y + NODE_HEIGHT / 2];
  const bend = Math.max(24, Math.min(120, Math.abs(x2 - x1) / 2));
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}
