/** The same tree as a graph: who keeps whom, and who must be ready before whom. */
/// <reference lib="dom" />
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { GAP_X, type Layout, layOut, NODE_HEIGHT, NODE_WIDTH, pathOf, type Placed, withPlaces } from "../model/layout.ts";
import { type Child, parentOf } from "../model/child.ts";
import { lookOf, type Tone } from "../model/look.ts";
import { placesOf } from "../model/places.ts";
import type { Target } from "../model/store.ts";
import { wantedPaths } from "../model/tree.ts";
import { t, word } from "../text/mod.ts";
import type { App } from "./app.ts";
import { classes, el, part, steady, type View } from "./dom.ts";
import { button, foreign, until } from "./pieces.ts";
import { nothingShown, treeTools } from "./tree.ts";

interface Props {
  readonly app: App;
  readonly target: Target;
}

interface Camera {
  readonly x: number;
  readonly y: number;
  readonly k: number;
}

const [SMALLEST, LARGEST] = [0.04, 2.5];
/** Smaller than that nobody can read what stands on a node. */
const READABLE = 0.42;
const MARGIN = 24;

/** How far Alt and an arrow move a node; with Shift farther. */
const [STEP, LEAP] = [16, 80];

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** What somebody holds with the pointer: a node, or the whole. */
interface Held {
  readonly x: number;
  readonly y: number;
  readonly camera: Camera;
  readonly node: Placed | undefined;
  isMoved: boolean;
}

/** The graph. */
export function GraphPane({ app, target }: Props): View {
  const folded = app.foldedOf(target.id);
  const { text, onlyProblems } = app.treeFilter;
  // How children are only matters to the layout where problems alone are wanted.
  const wantedKey = onlyProblems ? [...wantedPaths(target.children, app.treeFilter) ?? []].join("\n") : "";
  const plain = useMemo(() => layOut(target.children, folded, wantedPaths(target.children, app.treeFilter)), [
    target.id,
    target.shape,
    folded,
    text,
    wantedKey,
  ]);
  const places = placesOf(app.places, target.id);
  const [moving, setMoving] = useState<Placed | null>(null);
  const settled = useMemo(() => withPlaces(plain, places), [plain, places]);
  const layout = useMemo(() => moving === null ? settled : withPlaces(settled, new Map([[moving.path, moving]])), [settled, moving]);
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 800, height: 400 });
  const [camera, setCamera] = useState<Camera | null>(null);
  const [hasFocus, setFocus] = useState(false);
  const [said, say] = useState("");
  const held = useRef<Held | null>(null);
  const view = camera ?? fit(settled, size);
  const chosenNode = layout.nodes.get(app.route.path ?? "");
  // The pane is another size: what was in its middle stays there, and what is chosen stays in sight.
  const resize = useRef((_: typeof size): void => {});
  resize.current = (to) => {
    setSize(to);
    if (camera === null) return;
    const shifted = { ...camera, x: camera.x + (to.width - size.width) / 2, y: camera.y + (to.height - size.height) / 2 };
    setCamera(chosenNode === undefined ? shifted : inSight(chosenNode, shifted, to));
  };
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => resize.current({ width: element.clientWidth, height: element.clientHeight }));
    const refit = (): void => setCamera(null);
    observer.observe(element);
    addEventListener("resize", refit);
    return () => {
      observer.disconnect();
      removeEventListener("resize", refit);
    };
  }, []);
  const zoom = (factor: number, x = size.width / 2, y = size.height / 2): void => {
    const k = Math.min(LARGEST, Math.max(SMALLEST, view.k * factor));
    setCamera({ k, x: x - (x - view.x) * k / view.k, y: y - (y - view.y) * k / view.k });
  };
  const choose = (path: string): void => {
    app.go({ path });
    const node = layout.nodes.get(path);
    if (node !== undefined) setCamera(inSight(node, view, size));
  };
  const at = (event: PointerEvent | MouseEvent): Placed | undefined => {
    const bounds = box.current?.getBoundingClientRect();
    const [x, y] = [(event.clientX - (bounds?.left ?? 0) - view.x) / view.k, (event.clientY - (bounds?.top ?? 0) - view.y) / view.k];
    // Who was put last lies on top of the others.
    return [...layout.nodes.values()].reverse().find((node) =>
      x >= node.x && x <= node.x + NODE_WIDTH && y >= node.y && y <= node.y + NODE_HEIGHT
    );
  };
  const key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey) return;
    const selected = layout.nodes.has(app.route.path ?? "") ? app.route.path ?? "/" : "/";
    const arrow = ARROWS[event.key];
    const node = layout.nodes.get(selected);
    if (event.altKey) {
      if (arrow === undefined || node === undefined) return;
      const by = event.shiftKey ? LEAP : STEP;
      const to = { ...node, x: node.x + arrow[0] * by, y: node.y + arrow[1] * by };
      app.put(target.id, selected, to);
      setCamera(inSight(to, view, size));
      say(t("graph.moved", { name: foreign(selected, 128), x: Math.round(to.x), y: Math.round(to.y) }));
      return event.preventDefault();
    }
    const next = neighbourOf(layout, selected, event.key);
    if (next !== null) choose(next);
    else if (event.key === "+" || event.key === "=") zoom(1.25);
    else if (event.key === "-") zoom(0.8);
    else if (event.key === "0") setCamera(null);
    else if (event.key === "Escape") {
      if (held.current === null) box.current?.blur();
      held.current = null;
      setMoving(null);
    } else if ((event.key === "Enter" || event.key === " ") && node?.isFoldable === true) app.toggle(target.id, selected);
    else return;
    event.preventDefault();
  };
  const move = (event: PointerEvent): void => {
    const from = held.current;
    if (from === null) return;
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!from.isMoved && Math.hypot(dx, dy) < 4) return;
    from.isMoved = true;
    // The picture stays as it is while a node is moved, also where it would be fitted anew.
    if (from.node === undefined) setCamera({ ...from.camera, x: from.camera.x + dx, y: from.camera.y + dy });
    else {
      setCamera(from.camera);
      setMoving({ ...from.node, x: from.node.x + dx / from.camera.k, y: from.node.y + dy / from.camera.k });
    }
  };
  const drop = (): void => {
    const from = held.current;
    held.current = null;
    if (from?.node === undefined) return;
    if (!from.isMoved) app.go({ path: from.node.path });
    else if (moving !== null) app.put(target.id, moving.path, moving);
    setMoving(null);
  };
  const chosen = target.children.get(app.route.path ?? "");
  const selected = chosen === undefined ? foreign(target.name, 64) : `${foreign(chosen.path, 128)}, ${word("state", lookOf(chosen).word)}`;
  return el(
    "div",
    { class: "pane" },
    treeTools(
      app,
      target,
      el(
        "span",
        { class: "group" },
        button("−", () => zoom(0.8), { "aria-label": t("graph.zoomOut"), class: "square" }),
        button("+", () => zoom(1.25), { "aria-label": t("graph.zoomIn"), class: "square" }),
        button(t("graph.fit"), () => setCamera(null), { "data-testid": "graph-fit" }),
        button(t("graph.relayout"), () => {
          app.relayOut(target.id);
          setCamera(null);
          say(t("graph.laidOut"));
        }, { "data-testid": "graph-relayout", disabled: places.size === 0, title: t("graph.relayout.hint") }),
      ),
    ),
    nothingShown(app, target, layout.nodes.size),
    el(
      "div",
      {
        ref: box,
        class: "graph",
        role: "application",
        tabIndex: 0,
        "aria-label": t("graph.label", { name: foreign(target.name, 64), selected }),
        "data-testid": "topology-canvas",
        "data-nodes": layout.nodes.size,
        onKeyDown: key,
        onFocus: () => setFocus(true),
        onBlur: () => setFocus(false),
        // Whoever only passes by with the wheel goes on: who wants to zoom takes hold of the graph first.
        onWheel: (event: WheelEvent) => {
          if (document.activeElement !== box.current) return;
          event.preventDefault();
          const bounds = box.current?.getBoundingClientRect();
          zoom(Math.exp(-event.deltaY * 0.0015), event.clientX - (bounds?.left ?? 0), event.clientY - (bounds?.top ?? 0));
        },
        onPointerDown: (event: PointerEvent) => {
          if (event.button !== 0) return;
          held.current = { x: event.clientX, y: event.clientY, camera: view, node: at(event), isMoved: false };
          box.current?.setPointerCapture(event.pointerId);
        },
        onPointerMove: move,
        onPointerUp: drop,
        onPointerCancel: () => {
          held.current = null;
          setMoving(null);
        },
        onDblClick: (event: MouseEvent) => {
          const node = at(event);
          if (node?.isFoldable === true) app.toggle(target.id, node.path);
        },
      },
      drawing(app, target, layout, view, size),
    ),
    el("span", { class: "sr", role: "status", "data-testid": "graph-said" }, said),
    el(
      "div",
      { class: "legend", "aria-label": t("graph.legend"), role: "group" },
      el("span", null, el("span", { class: "line", "aria-hidden": "true" }), t("graph.parent")),
      el("span", null, el("span", { class: "line is-dashed", "aria-hidden": "true" }), t("graph.dependency")),
      el("span", null, t(hasFocus ? "graph.wheel" : "graph.click")),
    ),
  );
}

function fit({ left, top, width, height }: Layout, size: { readonly width: number; readonly height: number }): Camera {
  const k = Math.max(SMALLEST, Math.min(1.15, (size.width - 2 * MARGIN) / width, (size.height - 2 * MARGIN) / height));
  return { k, x: (size.width - width * k) / 2 - left * k, y: (size.height - height * k) / 2 - top * k };
}

/** Moves so that a node is in sight, where it is not. */
function inSight(node: Placed, view: Camera, size: { readonly width: number; readonly height: number }): Camera {
  const [x, y] = [node.x * view.k + view.x, node.y * view.k + view.y];
  const isIn = x >= 0 && y >= 0 && x + NODE_WIDTH * view.k <= size.width && y + NODE_HEIGHT * view.k <= size.height;
  return isIn ? view : { ...view, x: view.x + size.width / 2 - x, y: view.y + size.height / 2 - y };
}

function neighbourOf({ nodes, edges }: Layout, path: string, key: string): string | null {
  const childrenOf = (parent: string): string[] =>
    edges.filter(({ kind, from }) => kind === "parent" && from === parent).map(({ to }) => to);
  const parent = parentOf(path);
  const siblings = parent === null ? [path] : childrenOf(parent);
  const step = (by: number): string | null => siblings[Math.min(siblings.length - 1, Math.max(0, siblings.indexOf(path) + by))] ?? null;
  switch (key) {
    case "ArrowLeft":
      return parent;
    case "ArrowRight":
      return childrenOf(path)[0] ?? null;
    case "ArrowDown":
      return step(1);
    case "ArrowUp":
      return step(-1);
    case "Home":
      return "/";
    case "End":
      return [...nodes.keys()].at(-1) ?? null;
    default:
      return null;
  }
}

/** Only what is in sight is drawn; what is too small to be read is one shape for each tone. */
function drawing(
  app: App,
  target: Target,
  layout: Layout,
  { x, y, k }: Camera,
  size: { readonly width: number; readonly height: number },
): View {
  const [left, top, right, bottom] = [-x / k, -y / k, (size.width - x) / k, (size.height - y) / k];
  const isIn = (node: Placed): boolean => node.x + NODE_WIDTH >= left && node.x <= right && node.y + NODE_HEIGHT >= top && node.y <= bottom;
  const shown = [...layout.nodes.values()].filter(isIn);
  const selected = app.route.path ?? "";
  const ways = { parent: "", far: "", dependency: "", selected: "" };
  const needy = new Set(layout.edges.filter(({ kind }) => kind === "dependency").map(({ to }) => to));
  for (const { from, to, kind } of layout.edges) {
    const [a, b] = [layout.nodes.get(from), layout.nodes.get(to)];
    if (a === undefined || b === undefined || !crosses(a, b, left, top, right, bottom)) continue;
    if (kind === "dependency" && (from === selected || to === selected)) ways.selected += pathOf(a, b);
    else if (kind === "parent" && (needy.has(to) || b.x - a.x > NODE_WIDTH + 2 * GAP_X)) ways.far += pathOf(a, b);
    else ways[kind] += pathOf(a, b);
  }
  return el(
    "svg",
    { class: "drawing", width: size.width, height: size.height, "aria-hidden": "true", focusable: "false" },
    el(
      "g",
      { transform: `translate(${x} ${y}) scale(${k})` },
      el("path", { class: "edge is-far", d: ways.far }),
      el("path", { class: "edge", d: ways.parent }),
      el("path", { class: "edge is-dependency", d: ways.dependency }),
      el("path", { class: "edge is-dependency is-chosen", d: ways.selected }),
      ...k < READABLE ? shapes(app, target, shown) : shown.map((node) => nodeOf(app, target, node)),
    ),
  );
}

function crosses(a: Placed, b: Placed, left: number, top: number, right: number, bottom: number): boolean {
  return Math.max(a.x + NODE_WIDTH, b.x) >= left && Math.min(a.x, b.x) <= right && Math.max(a.y, b.y) + NODE_HEIGHT >= top &&
    Math.min(a.y, b.y) <= bottom;
}

function toneOf(target: Target, path: string): Tone {
  const child = target.children.get(path);
  return child === undefined ? "ok" : lookOf(child).tone;
}

/** Colour alone says nothing: what is bad is crossed out twice, and what may become so once. */
const MARKS: Readonly<Partial<Record<Tone, (node: Placed) => string>>> = {
  bad: ({ x, y }) => `M${x} ${y}l${NODE_WIDTH} ${NODE_HEIGHT}m0 ${-NODE_HEIGHT}l${-NODE_WIDTH} ${NODE_HEIGHT}`,
  warn: ({ x, y }) => `M${x} ${y + NODE_HEIGHT}l${NODE_WIDTH} ${-NODE_HEIGHT}`,
};

function shapes(app: App, target: Target, shown: readonly Placed[]): View[] {
  const byTone = new Map<Tone, string>();
  for (const { path, x, y } of shown) {
    const tone = toneOf(target, path);
    byTone.set(tone, `${byTone.get(tone) ?? ""}M${x} ${y}h${NODE_WIDTH}v${NODE_HEIGHT}h${-NODE_WIDTH}z`);
  }
  const chosen = shown.find(({ path }) => path === app.route.path);
  return [
    ...[...byTone].map(([tone, d]) => el("path", { key: tone, class: `shape shape-${tone}`, d })),
    el("path", { key: "marks", class: "shape-mark", d: shown.map((node) => MARKS[toneOf(target, node.path)]?.(node) ?? "").join("") }),
    chosen === undefined
      ? null
      : el("rect", { class: "halo", x: chosen.x - 8, y: chosen.y - 8, width: NODE_WIDTH + 16, height: NODE_HEIGHT + 16 }),
  ];
}

function nodeOf(app: App, target: Target, node: Placed): View {
  const child = target.children.get(node.path);
  return part(GraphNode, {
    key: node.path,
    app,
    node,
    child,
    root: target.name,
    isChosen: node.path === (app.route.path ?? ""),
    language: app.preferences.language,
    second: child?.nextStart == null ? 0 : Math.floor(app.now / 1_000),
  });
}

interface NodeProps {
  readonly app: App;
  readonly node: Placed;
  readonly child: Child | undefined;
  /** The name of the tree, for its root. */
  readonly root: string;
  readonly isChosen: boolean;
  readonly language: string;
  /** A countdown goes on from second to second. */
  readonly second: number;
}

const GraphNode = steady(({ app, node: { path, x, y, isFoldable, isFolded }, child, root, isChosen }: NodeProps): View => {
  const look = child === undefined ? null : lookOf(child);
  const name = child === undefined ? foreign(root, 64) : foreign(child.name, 64);
  const tone = look?.tone ?? "ok";
  const note = child === undefined
    ? word("kind", "supervisor")
    : child.nextStart === null
    ? word("state", look?.word ?? "")
    : `${word("state", look?.word ?? "")} ${until(app, child.nextStart)}`;
  return el(
    "g",
    {
      class: classes("node", `tone-${tone}`, isChosen && "is-chosen", isFoldable && "is-supervisor"),
      transform: `translate(${x} ${y})`,
      "data-path": path,
    },
    el("rect", { class: "node-box", width: NODE_WIDTH, height: NODE_HEIGHT, rx: isFoldable ? 4 : 10 }),
    el("text", { class: "node-mark", x: 14, y: 27 }, look?.mark ?? "◆"),
    el("text", { class: "node-name", x: 32, y: 20 }, name.length > 19 ? `${name.slice(0, 18)}…` : name),
    el("text", { class: "node-note", x: 32, y: 36 }, note.length > 24 ? `${note.slice(0, 23)}…` : note),
    child === undefined || child.restarts === 0
      ? null
      : el("text", { class: "node-restarts", x: NODE_WIDTH - 10, y: 20, "text-anchor": "end" }, `↻${child.restarts}`),
    isFoldable ? el("text", { class: "node-fold", x: NODE_WIDTH - 10, y: 36, "text-anchor": "end" }, isFolded ? "▸" : "▾") : null,
    el("title", null, `${path} · ${note}`),
  );
});
