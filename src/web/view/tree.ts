/** The tree of a target as a list that the keyboard and screen readers know as a tree. */
/// <reference lib="dom" />
import { useEffect, useMemo, useRef } from "preact/hooks";
import { bytes, percent } from "../model/format.ts";
import { summaryOf } from "../model/look.ts";
import type { Target } from "../model/store.ts";
import { keyInTree, rowsOf, type TreeRow } from "../model/tree.ts";
import { t, word } from "../text/mod.ts";
import type { App } from "./app.ts";
import { classes, el, part, steady, valueOf, type View } from "./dom.ts";
import { badge, button, empty, foreign, stateBadge, toggle, until, useWindow } from "./pieces.ts";
import { whyOf } from "./rail.ts";

const ROW = 36;
/** Letters that come faster than this belong to one word, in milliseconds. */
const TYPING_MS = 700;

interface Props {
  readonly app: App;
  readonly target: Target;
}

/** Search and what else both the tree and the graph have above them. */
export function treeTools(app: App, target: Target, more: View = null): View {
  const { treeFilter } = app;
  const { counts } = summaryOf(target);
  const set = (filter: Partial<App["treeFilter"]>): void => {
    app.treeFilter = { ...app.treeFilter, ...filter };
    app.refresh();
  };
  const supervisors = [...target.children.values()].filter(({ kind }) => kind === "supervisor").map(({ path }) => path);
  const isFolded = app.foldedOf(target.id).size > 0;
  return el(
    "div",
    { class: "tools", role: "search" },
    el("input", {
      type: "search",
      class: "input search",
      placeholder: t("tree.search"),
      "aria-label": t("tree.search"),
      "data-testid": "tree-search",
      value: treeFilter.text,
      onInput: (event: Event) => set({ text: valueOf(event) }),
    }),
    toggle(t("tree.onlyProblems"), treeFilter.onlyProblems, () => set({ onlyProblems: !treeFilter.onlyProblems }), {
      "data-testid": "only-problems",
    }),
    supervisors.length === 0 ? null : button(t(isFolded ? "tree.unfoldAll" : "tree.foldAll"), () => {
      app.folded.set(target.id, new Set(isFolded ? [] : supervisors));
      app.refresh();
    }),
    more,
    el("span", { class: "spacer" }),
    el(
      "span",
      { class: "muted counts" },
      t("count.children", { count: counts.total }),
      " · ",
      t("count.ready", { count: counts.ready }),
      counts.problems === 0 ? null : el("span", { class: "tone-bad" }, " · ", t("count.problems", { count: counts.problems })),
    ),
  );
}

/** Says that nothing shows, and why; `null` where something does. */
export function nothingShown(app: App, target: Target, shown: number): View {
  if (target.children.size === 0 && target.tree === null) return empty(t("tree.noState"));
  const { text, onlyProblems } = app.treeFilter;
  if (shown > 1 || (text === "" && !onlyProblems)) return null;
  const clear = button(t("tree.clear"), () => {
    app.treeFilter = { text: "", onlyProblems: false };
    app.refresh();
  });
  return empty(onlyProblems && text === "" ? `✓ ${t("alarm.none")}` : t("tree.noMatch"), undefined, clear);
}

/** The tree. */
export function TreePane({ app, target }: Props): View {
  const rows = useMemo(() => rowsOf(target.children, target.name, app.foldedOf(target.id), app.treeFilter), [
    target.version,
    target.measured,
    target.name,
    app.foldedOf(target.id),
    app.treeFilter,
  ]);
  const { ref, first, last, onScroll } = useWindow(rows.length, ROW);
  const typed = useRef({ text: "", at: 0 });
  const active = rows.some(({ path }) => path === app.route.path) ? app.route.path ?? "/" : "/";
  const at = rows.findIndex(({ path }) => path === active);
  const mostRestarts = useMemo(() => rows.reduce((most, { child }) => Math.max(most, child?.restarts ?? 0), 1), [rows]);
  const key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return app.go({ path: active });
    }
    const now = Date.now();
    if (event.key.length === 1) {
      typed.current = { text: now - typed.current.at < TYPING_MS ? typed.current.text + event.key : event.key, at: now };
    }
    const outcome = keyInTree(rows, active, event.key, typed.current.text);
    if (outcome === null) return;
    event.preventDefault();
    if (outcome.toggle !== undefined) app.toggle(target.id, outcome.toggle);
    app.go({ path: outcome.path });
  };
  useEffect(() => {
    const box = ref.current;
    if (box === null || at < 0) return;
    if (at * ROW < box.scrollTop) box.scrollTop = at * ROW;
    else if ((at + 1) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = (at + 1) * ROW - box.clientHeight;
  }, [active, target.id]);
  const shown = rows.slice(first, last);
  const isActiveShown = at >= first && at < last;
  return el(
    "div",
    { class: "pane" },
    treeTools(app, target),
    nothingShown(app, target, rows.length),
    el(
      "div",
      {
        ref,
        class: "tree",
        role: "tree",
        tabIndex: 0,
        "aria-label": t("tree.label", { name: foreign(target.name, 128) }),
        "aria-activedescendant": isActiveShown ? rowId(at) : undefined,
        "data-testid": "tree",
        onKeyDown: key,
        onScroll,
      },
      el(
        "div",
        { class: "tall", role: "presentation", style: { height: `${rows.length * ROW}px` } },
        ...shown.map((row, index) =>
          part(Row, {
            key: row.path,
            app,
            target,
            row,
            index: first + index,
            isActive: row.path === active,
            isMost: row.child?.restarts === mostRestarts && mostRestarts > 2,
            language: app.preferences.language,
            tree: row.child === null ? target.tree : null,
            second: row.child?.nextStart == null && row.child?.fuse.until == null ? 0 : Math.floor(app.now / 1_000),
          })
        ),
      ),
    ),
  );
}

function rowId(index: number): string {
  return `tree-row-${index}`;
}

interface RowProps {
  readonly app: App;
  readonly target: Target;
  readonly row: TreeRow;
  readonly index: number;
  readonly isActive: boolean;
  /** Whether nobody of the tree was restarted more often. */
  readonly isMost: boolean;
  readonly language: string;
  /** How the tree is, where it is its row. */
  readonly tree: Target["tree"];
  /** A countdown goes on from second to second. */
  readonly second: number;
}

const Row = steady(({ app, target, row, index, isActive, isMost }: RowProps): View => {
  const { child, path } = row;
  const name = foreign(row.name, 128);
  const isRoot = child === null;
  return el(
    "div",
    {
      id: rowId(index),
      class: classes("row", isActive && "is-chosen", isRoot && "is-root"),
      role: "treeitem",
      "aria-level": row.level,
      "aria-setsize": row.siblings,
      "aria-posinset": row.position,
      "aria-selected": String(isActive),
      "aria-expanded": row.isFoldable ? String(!row.isFolded) : undefined,
      "data-testid": "tree-row",
      "data-path": path,
      style: { top: `${index * ROW}px`, paddingLeft: `${8 + (row.level - 1) * 20}px` },
      onClick: () => app.go({ path }),
      onDblClick: () => row.isFoldable && app.toggle(target.id, path),
    },
    row.isFoldable
      ? el("span", {
        class: classes("fold", row.isFolded && "is-folded"),
        "aria-hidden": "true",
        title: t("tree.fold", { name }),
        onClick: (event: Event) => {
          event.stopPropagation();
          app.toggle(target.id, path);
        },
      }, "▾")
      : el("span", { class: "fold", "aria-hidden": "true" }),
    el("span", { class: "row-name", title: foreign(path, 256), style: { flexBasis: `${Math.max(60, 240 - row.level * 20)}px` } }, name),
    child === null ? rootState(target) : stateBadge(child),
    child === null ? el("span", { class: "row-note" }) : el("span", { class: "row-note", title: whyOf(app, child) }, noteOf(app, row)),
    el(
      "span",
      { class: "row-facts" },
      child === null || child.restarts === 0 ? null : el(
        "span",
        {
          class: classes("restarts", isMost && "is-most"),
          title: t("count.restarts", { count: child.restarts }),
        },
        "↻ ",
        child.restarts,
      ),
      child?.usage == null ? null : el("span", { class: "use" }, percent(child.usage.cpu)),
      child?.usage == null ? null : el("span", { class: "use use-memory" }, bytes(child.usage.memory)),
      child === null ? null : el("span", { class: "kind" }, word("kind", child.kind)),
    ),
  );
});

function rootState({ tree }: Target): View {
  if (tree === null) return null;
  if (tree.phase === "running") {
    return tree.isReady ? badge({ mark: "●", tone: "ok" }, t("state.ready")) : badge({ mark: "◐", tone: "busy" }, t("state.running"));
  }
  return badge({ mark: "◑", tone: tree.phase === "stopped" ? "dim" : "busy" }, word("state", tree.phase));
}

function noteOf(app: App, { child, isFolded, problemsBelow }: TreeRow): View {
  if (child === null) return null;
  if (isFolded && problemsBelow > 0) return el("span", { class: "tone-bad" }, t("tree.problemsBelow", { count: problemsBelow }));
  if (child.nextStart !== null) {
    return el("span", { class: "countdown", "data-testid": "countdown" }, `${t("detail.nextStart")} ${until(app, child.nextStart)}`);
  }
  return whyOf(app, child);
}
