/** One timeline of events, output and audits of all targets. */
/// <reference lib="dom" />
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { moment, stamp } from "../model/format.ts";
import { ALL_ROWS, type Row, type RowKind, toNdjson, wanting, wantsAll } from "../model/timeline.ts";
import { eventWord, language, ROW_WORDS, t, word } from "../text/mod.ts";
import type { App } from "./app.ts";
import { classes, el, part, steady, type View } from "./dom.ts";
import { filters, moreFilters } from "./filters.ts";
import { button, empty, foreign, toggle, useWindow } from "./pieces.ts";

const ROW = 28;
const MARKS: Readonly<Record<RowKind, string>> = { event: "◆", log: "│", audit: "✎" };
const LEVELS: Readonly<Record<string, string>> = { error: "✗", warning: "▲" };

/** Where a key goes, from a row among so many. */
const STEPS: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowDown: (at) => at + 1,
  ArrowUp: (at) => at - 1,
  PageDown: (at) => at + 10,
  PageUp: (at) => at - 10,
  Home: () => 0,
  End: (_, count) => count - 1,
};

interface Frozen {
  readonly rows: readonly Row[];
  readonly lastId: number;
}

/** The timeline. */
export function TimelinePane({ app }: { readonly app: App }): View {
  const { timeline } = app.store;
  const { filter } = app.route;
  const [frozen, setFrozen] = useState<Frozen | null>(null);
  const source = frozen?.rows ?? timeline.rows;
  const isAll = wantsAll(filter);
  const isWanted = useMemo(() => wanting(filter, ROW_WORDS), [filter]);
  const rows = useMemo(() => isAll ? source : source.filter(isWanted), [timeline.version, frozen, isWanted, language()]);
  const { ref, first, last, onScroll } = useWindow(rows.length, ROW);
  const [cursor, setCursor] = useState<number | null>(null);
  const newest = timeline.rows.at(-1)?.id ?? 0;
  const freeze = (): void => setFrozen({ rows: [...timeline.rows], lastId: newest });
  useLayoutEffect(() => {
    const box = ref.current;
    if (box === null || frozen !== null) return;
    box.scrollTop = box.scrollHeight;
    onScroll();
  });
  // What shows the row that is pointed at takes room: the row stays in sight.
  useLayoutEffect(() => {
    const box = ref.current;
    const at = rows.findIndex(({ id }) => id === cursor);
    if (box === null || at < 0) return;
    box.scrollTop = Math.min(at * ROW, Math.max(box.scrollTop, (at + 1) * ROW - box.clientHeight));
    onScroll();
  }, [cursor]);
  // Who takes hold of the list looks back: it stands still for them.
  const hold = (): void => {
    if (frozen === null && (ref.current?.scrollTop ?? 0) > 0) freeze();
  };
  const key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || rows.length === 0) return;
    const at = rows.findIndex(({ id }) => id === cursor);
    const row = rows[at];
    const to = STEPS[event.key]?.(at === -1 ? rows.length : at, rows.length);
    if (to !== undefined) {
      if (frozen === null) freeze();
      const next = Math.min(rows.length - 1, Math.max(0, to));
      setCursor(rows[next]!.id);
    } else if (event.key === "Enter" && row !== undefined) app.open(row.target, row.path);
    else if (event.key === "c" && row !== undefined) app.copy(JSON.stringify(row.raw));
    else if (event.key === "Escape") {
      setFrozen(null);
      setCursor(null);
    } else return;
    event.preventDefault();
  };
  const pointAt = useRef((_: number): void => {});
  pointAt.current = (id) => {
    if (frozen === null) freeze();
    setCursor(id === cursor ? null : id);
  };
  const pointed = cursor === null ? undefined : rows.find(({ id }) => id === cursor);
  const fresh = frozen === null ? 0 : timeline.rows.filter((row) => row.id > frozen.lastId && isWanted(row)).length;
  return el(
    "section",
    { class: "timeline", "aria-label": t("time.title"), "data-testid": "event-log" },
    el(
      "div",
      { class: "tools" },
      el("h2", { class: "sr" }, t("time.title")),
      filters(app),
      el("span", { class: "spacer" }),
      missed(app),
      timeline.forgotten === 0 ? null : el("span", { class: "muted" }, t("time.forgotten", { count: timeline.forgotten })),
      el("span", { class: "muted", "data-testid": "timeline-count" }, t("time.count", { shown: rows.length, all: timeline.rows.length })),
      toggle(
        frozen === null ? t("time.follow") : t("time.paused", { count: fresh }),
        frozen === null,
        () => frozen === null ? freeze() : setFrozen(null),
        {
          "data-testid": "follow",
        },
      ),
      button("⤓", () => download(rows), {
        "data-testid": "export",
        class: "square",
        "aria-label": t("time.export"),
        title: t("time.export"),
        disabled: rows.length === 0,
      }),
      button(app.dock === "large" ? "▾" : "▴", () => {
        app.dock = app.dock === "large" ? "small" : "large";
        app.refresh();
      }, { class: "square", "aria-label": t(app.dock === "large" ? "time.smaller" : "time.bigger") }),
    ),
    moreFilters(app),
    rows.length > 0
      ? null
      : isAll
      ? empty(t("time.empty"))
      : empty(t("time.none"), undefined, button(t("time.clear"), () => app.go({ filter: ALL_ROWS }))),
    el(
      "div",
      {
        ref,
        class: "lines",
        tabIndex: 0,
        role: "log",
        "aria-live": "off",
        "aria-label": t("time.keys"),
        onScroll,
        onWheel: (event: WheelEvent) => event.deltaY < 0 && hold(),
        onTouchMove: hold,
        onPointerDown: (event: PointerEvent) => event.target === ref.current && hold(),
        onKeyDown: key,
      },
      el(
        "div",
        { class: "tall", style: { height: `${rows.length * ROW}px` } },
        ...rows.slice(first, last).map((row, index) =>
          part(Line, {
            key: row.id,
            app,
            row,
            top: (first + index) * ROW,
            isPointed: row.id === cursor,
            when: stamp(row.at, app.preferences.isUtc, app.now),
            isUtc: app.preferences.isUtc,
            name: app.store.targets.size > 1 ? app.store.targets.get(row.target)?.name ?? row.target : null,
            language: app.preferences.language,
            point: pointAt,
          })
        ),
      ),
    ),
    pointed === undefined ? null : rowDetail(app, pointed, () => setCursor(null)),
  );
}

/** How many events, and how many lines of output, the page was never told; nothing where it was told all. */
function missed({ store }: App): View {
  const targets = [...store.targets.values()];
  const pills = (["event", "log"] as const).flatMap((stream) => {
    const count = targets.reduce((sum, { dropped }) => sum + dropped[stream], 0);
    const text = t("form.is", { name: t(`time.kind.${stream}`), value: t("time.dropped", { count }) });
    return count === 0 ? [] : [el("span", { key: stream, class: "pill tone-warn" }, text)];
  });
  return pills.length === 0 ? null : el("span", { class: "group", "data-testid": "dropped" }, ...pills);
}

/** Two sheets, drawn, since few fonts have such a sign. */
function copyMark(): View {
  return el(
    "svg",
    { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true", class: "sign" },
    el("rect", { x: 2.5, y: 2.5, width: 8, height: 8, rx: 1.5 }),
    el("path", { d: "M5.5 13.5h6a2 2 0 0 0 2-2v-6" }),
  );
}

/** The row that is pointed at, whole. */
function rowDetail(app: App, row: Row, close: () => void): View {
  const { isUtc } = app.preferences;
  const { correlation } = row;
  return el(
    "div",
    { class: "row-detail", "data-testid": "row-detail" },
    el(
      "div",
      { class: "tools" },
      el("strong", null, row.path),
      el(
        "span",
        { class: "muted" },
        `${moment(row.at, isUtc)}${row.sequence === null ? "" : ` · #${row.sequence}`} · ${word("level", row.severity)}`,
      ),
      el("span", { class: "spacer" }),
      correlation === "" ? null : button(
        t("time.related"),
        () => app.go({ filter: { ...ALL_ROWS, target: row.target, correlation } }),
        { class: "small", title: correlation, "data-testid": "related" },
      ),
      button(t("time.copyRow"), () => app.copy(JSON.stringify(row.raw)), { class: "small" }),
      button("✕", close, { class: "square", "aria-label": t("time.closeRow") }),
    ),
    el("p", { class: "mono", "aria-live": "polite", tabIndex: 0 }, row.text === "" ? eventWord(row.type) : ROW_WORDS.text(row)),
  );
}

interface LineProps {
  readonly app: App;
  readonly row: Row;
  readonly top: number;
  readonly isPointed: boolean;
  readonly when: string;
  readonly isUtc: boolean;
  /** The name of its target, where there is more than one. */
  readonly name: string | null;
  readonly language: string;
  readonly point: { readonly current: (id: number) => void };
}

const Line = steady(({ app, row, top, isPointed, when, isUtc, name, point }: LineProps): View => {
  const text = ROW_WORDS.text(row);
  return el(
    "div",
    {
      class: classes("line-row", `kind-${row.kind}`, `level-${row.severity}`, isPointed && "is-chosen"),
      style: { top: `${top}px` },
      "data-testid": "timeline-record",
      onClick: () => point.current(row.id),
      "data-kind": row.kind,
    },
    el(
      "time",
      { class: "mono muted", title: `${moment(row.at, isUtc)}${row.sequence === null ? "" : ` · #${row.sequence}`}` },
      when,
    ),
    el(
      "span",
      { class: "line-mark", title: word("level", row.severity) },
      el("span", { "aria-hidden": "true" }, LEVELS[row.severity] ?? MARKS[row.kind]),
      el("span", { class: "sr" }, word("level", row.severity)),
    ),
    el(
      "button",
      {
        type: "button",
        class: "textlink line-path",
        tabIndex: -1,
        title: foreign(`${name ?? ""} ${row.path}`.trim(), 256),
        onClick: (event: Event) => {
          event.stopPropagation();
          app.open(row.target, row.path);
        },
      },
      name === null ? null : el("span", { class: "muted" }, foreign(name, 32)),
      el("span", null, row.path),
    ),
    el("span", { class: "line-type" }, ROW_WORDS.type(row)),
    el("span", { class: classes("line-text", row.kind === "log" && "mono"), title: text }, text),
    button(copyMark(), () => app.copy(JSON.stringify(row.raw)), {
      class: "square copy",
      tabIndex: -1,
      "aria-label": t("time.copy"),
      title: t("time.copy"),
    }),
  );
});

function download(rows: readonly Row[]): void {
  const url = URL.createObjectURL(new Blob([toNdjson(rows)], { type: "application/x-ndjson" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `reeve-${new Date().toISOString().replace(/[:.]/g, "-")}.ndjson`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
