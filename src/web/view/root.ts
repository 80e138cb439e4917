/** The whole page. */
/// <reference lib="dom" />
import { useEffect, useLayoutEffect, useReducer } from "preact/hooks";
import { summaryOf } from "../model/look.ts";
import type { View as Shown } from "../model/route.ts";
import { t } from "../text/mod.ts";
import type { App } from "./app.ts";
import { AuditPane } from "./audit.ts";
import { CommandDialog } from "./commands.ts";
import { details } from "./details.ts";
import { diagnostics } from "./diagnostics.ts";
import { classes, el, part, type View } from "./dom.ts";
import { GraphPane } from "./graph.ts";
import { header, staleBar } from "./header.ts";
import { Boundary, empty, foreign } from "./pieces.ts";
import { overview, rail } from "./rail.ts";
import { TimelinePane } from "./timeline.ts";
import { TreePane } from "./tree.ts";

/** The whole page. */
export function Root({ app }: { readonly app: App }): View {
  const [, show] = useReducer((count: number) => count + 1, 0);
  useEffect(() => app.listen(() => show(undefined)), []);
  const begin = performance.now();
  useLayoutEffect(() => app.shown(performance.now() - begin));
  const problems = [...app.store.targets.values()].reduce((sum, target) => sum + summaryOf(target).counts.problems, 0);
  useEffect(() => void (document.title = problems === 0 ? "Reeve" : `(${problems}) Reeve`), [problems]);
  const { route, session, store } = app;
  const hasDetails = app.target !== null && route.path !== null && (route.view === "tree" || route.view === "graph");
  return el(
    "div",
    {
      class: classes(
        "layout",
        `dock-${app.dock}`,
        hasDetails && "has-details",
        session.state !== "open" && store.welcome !== null && "is-stale",
      ),
      "data-testid": "dashboard-layout",
    },
    bounded(app, "header", () => header(app)),
    bounded(app, "stale", () => staleBar(app)),
    bounded(app, "rail", () => rail(app)),
    el(
      "main",
      { class: "main", id: "main", tabIndex: -1 },
      tabs(app),
      bounded(app, `view-${route.view}-${route.target ?? ""}`, () => mainView(app)),
    ),
    hasDetails ? bounded(app, `details-${route.path}`, () => details(app)) : null,
    bounded(app, "timeline", () => part(TimelinePane, { app })),
    app.asked === null ? null : part(CommandDialog, { key: `${app.asked.command.name} ${app.asked.path}`, app, asked: app.asked }),
    toasts(app),
  );
}

/** Makes a part inside a boundary: what it throws while it is made stays there too. */
function bounded(app: App, name: string, make: () => View): View {
  return part(Boundary, { key: name, name, app, children: part(Made, { make }) });
}

function Made({ make }: { readonly make: () => View }): View {
  return make();
}

function mainView(app: App): View {
  const { view } = app.route;
  const { target } = app;
  switch (view) {
    case "overview":
      return overview(app);
    case "audit":
      return part(AuditPane, { key: target?.id ?? "", app, target });
    case "diagnostics":
      return diagnostics(app);
    case "tree":
    case "graph":
      if (target === null) return el("div", { class: "page" }, empty(app.store.isListed ? t("targets.gone") : t("targets.waiting")));
      return part(view === "tree" ? TreePane : GraphPane, { key: target.id, app, target });
  }
}

function tabs(app: App): View {
  const { target, view } = app.route;
  const views: readonly Shown[] = target === null ? ["overview", "audit", "diagnostics"] : ["tree", "graph", "audit", "diagnostics"];
  return el(
    "nav",
    { class: "tabs", "aria-label": t("view.label") },
    target === null ? null : el("span", { class: "tabs-title" }, foreign(app.target?.name ?? target, 64)),
    ...views.map((name) =>
      el("button", {
        key: name,
        type: "button",
        class: classes("tab", view === name && "is-chosen"),
        "aria-current": view === name ? "page" : undefined,
        "data-testid": `view-${name}`,
        onClick: () => app.go({ view: name }),
      }, t(`view.${name}`))
    ),
  );
}

function toasts(app: App): View {
  return el(
    "div",
    { class: "toasts", role: "region", "aria-label": t("toast.label") },
    el(
      "div",
      { "aria-live": "polite", "data-testid": "toasts" },
      ...app.toasts.map(({ id, text, isBad }) =>
        el(
          "div",
          { key: id, class: classes("toast", isBad && "is-bad") },
          el("span", null, isBad ? "✗ " : "", text),
          el("button", { type: "button", class: "button square", "aria-label": t("toast.close"), onClick: () => app.dismiss(id) }, "✕"),
        )
      ),
    ),
  );
}
