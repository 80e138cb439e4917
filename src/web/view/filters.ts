/** What of the timeline is wanted: searched and chosen by its reader, kept in the address. */
/// <reference lib="dom" />
import { STATES } from "../model/lifecycle.ts";
import { readCount } from "../model/route.ts";
import { ALL_ROWS, countRare, type RowFilter, type RowKind, SEVERITIES, wantsAll } from "../model/timeline.ts";
import { eventWord, t, word } from "../text/mod.ts";
import type { App } from "./app.ts";
import { el, valueOf, type View } from "./dom.ts";
import { button, choice, foreign, toggle } from "./pieces.ts";

const KINDS: readonly RowKind[] = ["event", "log", "audit"];

/** The filters; each counts at once. */
export function filters(app: App): View {
  const { filter } = app.route;
  const set = (changed: Partial<RowFilter>): void => narrow(app, changed);
  const count = countRare(filter);
  return el(
    "form",
    {
      class: "filters",
      "data-testid": "filter-form",
      role: "search",
      "aria-label": t("time.search"),
      onSubmit: (event: Event) => event.preventDefault(),
    },
    input(t("time.search"), "text", filter.text, (text) => set({ text }), { type: "search", placeholder: t("time.search") }),
    el(
      "span",
      { class: "group", role: "group", "aria-label": t("time.kinds") },
      ...KINDS.map((kind) => {
        const isOn = filter.kinds.length === 0 || filter.kinds.includes(kind);
        return toggle(t(`time.kind.${kind}`), isOn, () => {
          const chosen = app.route.filter.kinds;
          const shown = chosen.length === 0 ? KINDS : chosen;
          const kinds = shown.includes(kind) ? shown.filter((other) => other !== kind) : [...shown, kind];
          set({ kinds: kinds.length === KINDS.length ? [] : kinds });
        }, { "data-testid": `kind-${kind}` });
      }),
    ),
    app.store.targets.size < 2 && filter.target === "" ? null : select(t("time.target"), "filter-target", filter.target, [
      ["", t("form.is", { name: t("time.target"), value: t("time.all") })],
      ...namesOf(app, filter.target),
    ], (target) => set({ target })),
    select(t("time.severity"), "filter-severity", filter.severity, [
      ["", t("form.is", { name: t("time.severity"), value: t("time.all") })],
      ...SEVERITIES.map((level) => [level, word("level", level)] as const),
    ], (severity) => set({ severity })),
    button(count === 0 ? t("time.more") : t("form.more", { text: t("time.more"), more: count }), () => {
      app.hasMoreFilters = !app.hasMoreFilters;
      app.refresh();
    }, { "aria-expanded": String(app.hasMoreFilters), "aria-controls": "more-filters", "data-testid": "filter-more" }),
    wantsAll(filter)
      ? null
      : button(t("time.clear"), () => app.go({ filter: ALL_ROWS }), { class: "small", "data-testid": "filter-clear" }),
  );
}

/** Changes what is wanted now, which may be more than what shows already: somebody may be faster than the page. */
function narrow(app: App, changed: Partial<RowFilter>): void {
  app.go({ filter: { ...app.route.filter, ...changed } });
}

/** A target that is gone stays among those that can be chosen, for as long as it is. */
function namesOf(app: App, chosen: string): readonly (readonly [string, string])[] {
  const names = [...app.store.targets.values()].map(({ id, name }) => [id, foreign(name, 48)] as const);
  return chosen === "" || app.store.targets.has(chosen) ? names : [...names, [chosen, foreign(chosen, 48)]];
}

/** The rarer ones, below the others; nothing where they are not wanted. */
export function moreFilters(app: App): View {
  if (!app.hasMoreFilters) return null;
  const { filter } = app.route;
  const set = (changed: Partial<RowFilter>): void => narrow(app, changed);
  const named = (label: string, control: View): View => el("label", { class: "filter-named" }, el("span", null, label), control);
  return el(
    "div",
    { class: "tools more-filters", id: "more-filters", role: "group", "aria-label": t("time.more"), "data-testid": "more-filters" },
    named(t("time.path"), input(null, "path", filter.path, (path) => set({ path }), { placeholder: "/" })),
    named(
      t("time.state"),
      select(null, "filter-state", filter.state, [
        ["", t("time.all")],
        ...STATES.map((state) => [state, word("state", state)] as const),
      ], (state) => set({ state })),
    ),
    named(t("time.type"), input(null, "type", filter.type, (type) => set({ type }), { list: "filter-types" })),
    el(
      "datalist",
      { id: "filter-types" },
      ...[...app.store.timeline.types].sort().map((type) => el("option", { key: type, value: type }, eventWord(type))),
    ),
    named(
      t("time.least"),
      input(null, "least", filter.least === null ? "" : String(filter.least), (least) => set({ least: readCount(least) }), {
        type: "number",
        min: 0,
        step: 1,
      }),
    ),
    named(t("time.correlation"), input(null, "correlation", filter.correlation, (correlation) => set({ correlation }))),
  );
}

function input(
  label: string | null,
  id: string,
  value: string,
  set: (value: string) => void,
  more: Readonly<Record<string, unknown>> = {},
): View {
  return el("input", {
    type: "text",
    ...more,
    class: `input filter-${id}`,
    "aria-label": label ?? undefined,
    "data-testid": `filter-${id}`,
    value,
    onInput: (event: Event) => set(valueOf(event)),
  });
}

function select(
  label: string | null,
  testId: string,
  value: string,
  options: readonly (readonly [string, string])[],
  change: (value: string) => void,
): View {
  return choice(value, options, change, { "aria-label": label ?? undefined, "data-testid": testId });
}
