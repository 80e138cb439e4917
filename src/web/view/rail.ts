/** All targets at a glance, and what is wrong with any of them. */
/// <reference lib="dom" />
import type { Child } from "../model/child.ts";
import { lookOf, problemOf, summaryOf } from "../model/look.ts";
import type { Target } from "../model/store.ts";
import { exitWords, t, word } from "../text/mod.ts";
import type { App } from "./app.ts";
import { classes, el, part, steady, valueOf, type View } from "./dom.ts";
import { ago, connectionBadge, empty, foreign, stateBadge, until } from "./pieces.ts";

/** From so many trees on they can be searched. */
const MANY = 8;

/** The list of targets. */
export function rail(app: App): View {
  const { store, route } = app;
  const targets = [...store.targets.values()];
  const problems = targets.reduce((sum, target) => sum + summaryOf(target).counts.problems, 0);
  const words = app.targetFilter.toLowerCase().split(/\s+/).filter((word) => word !== "");
  const shown = targets.filter(({ id, name }) => words.every((word) => `${id} ${name}`.toLowerCase().includes(word)));
  return el(
    "nav",
    { class: "rail", "aria-label": t("targets.title"), "data-testid": "target-list", onKeyDown: goThrough },
    el("h2", { class: "rail-title" }, t("targets.title"), el("span", { class: "pill" }, targets.length)),
    targets.length < MANY && app.targetFilter === "" ? null : el("input", {
      type: "search",
      class: "input",
      placeholder: t("targets.filter"),
      "aria-label": t("targets.filter"),
      "data-testid": "target-search",
      value: app.targetFilter,
      onInput: (event: Event) => {
        app.targetFilter = valueOf(event);
        app.refresh();
      },
    }),
    el(
      "button",
      {
        type: "button",
        class: classes("card", route.target === null && "is-chosen"),
        "aria-current": route.target === null ? "page" : undefined,
        "data-testid": "target-all",
        onClick: () => app.go({ target: null, path: null, view: "overview" }),
      },
      el("span", { class: "card-name" }, t("targets.all")),
      problems === 0
        ? el("span", { class: "muted" }, t("alarm.none"))
        : el("span", { class: "tone-bad" }, "▲ ", t("count.problems", { count: problems })),
    ),
    ...shown.map((target) =>
      part(Card, {
        key: target.id,
        app,
        target,
        name: target.name,
        connection: target.connection,
        version: target.version,
        isChosen: route.target === target.id,
        language: app.preferences.language,
      })
    ),
    targets.length > 0 && shown.length === 0 ? empty(t("targets.noMatch")) : null,
    targets.length > 0 ? null : store.isListed ? empty(t("targets.none"), t("targets.none.hint")) : empty(t("targets.waiting")),
  );
}

/** Arrows, Home and End go from one tree to another. */
function goThrough(event: KeyboardEvent): void {
  const { currentTarget: list, target: from } = event;
  if (!(list instanceof HTMLElement) || !(from instanceof HTMLElement) || !from.classList.contains("card")) return;
  const cards = [...list.querySelectorAll<HTMLElement>(".card")];
  const to = { ArrowDown: 1, ArrowUp: -1, Home: -cards.length, End: cards.length }[event.key];
  if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  cards[Math.min(cards.length - 1, Math.max(0, cards.indexOf(from) + to))]?.focus();
}

interface CardProps {
  readonly app: App;
  readonly target: Target;
  readonly name: string;
  readonly connection: string;
  /** Changes with its children. */
  readonly version: number;
  readonly isChosen: boolean;
  readonly language: string;
}

/** There may be hundreds, of which few change at a time. */
const Card = steady(({ app, target, name, connection, isChosen }: CardProps): View => {
  const { counts } = summaryOf(target);
  return el(
    "button",
    {
      type: "button",
      class: classes("card", isChosen && "is-chosen", connection !== "connected" && "is-stale"),
      "aria-current": isChosen ? "page" : undefined,
      "data-testid": "target",
      "data-target": target.id,
      onClick: () => {
        const { route } = app;
        const view = route.view === "overview" || route.view === "diagnostics" ? "tree" : route.view;
        app.go({ target: target.id, path: isChosen ? route.path : null, view });
      },
    },
    el("span", { class: "card-name", title: foreign(target.id, 256) }, foreign(name, 128)),
    connectionBadge(connection),
    el(
      "span",
      { class: "card-counts" },
      el("span", null, t("count.ready", { count: counts.ready })),
      counts.notReady === 0 ? null : el("span", { class: "tone-warn" }, t("count.notReady", { count: counts.notReady })),
      counts.failed === 0 ? null : el("span", { class: "tone-bad" }, t("count.failed", { count: counts.failed })),
      el("span", { class: "muted" }, t("count.restarts", { count: counts.restarts })),
    ),
    counts.total === 0 ? null : bar(counts.ready, counts.notReady, counts.failed),
  );
});

/** Shares as a thin line; the words above it say the same. */
function bar(ready: number, notReady: number, failed: number): View {
  const total = Math.max(1, ready + notReady + failed);
  const share = (count: number, name: string): View =>
    count === 0 ? null : el("span", { class: `share share-${name}`, style: { width: `${count / total * 100}%` } });
  return el("span", { class: "bar", "aria-hidden": "true" }, share(ready, "ok"), share(notReady, "warn"), share(failed, "bad"));
}

/** Most problems that are listed. */
const MOST_SHOWN = 200;

/** What is wrong now, of all targets. */
export function overview(app: App): View {
  const rows: { readonly level: number; readonly target: Target; readonly child: Child | null }[] = [];
  for (const target of app.store.targets.values()) {
    if (target.connection !== "connected") rows.push({ level: 0, target, child: null });
    for (const child of summaryOf(target).problems) rows.push({ level: problemOf(child)?.level === "bad" ? 1 : 2, target, child });
  }
  rows.sort((a, b) => a.level - b.level);
  return el(
    "section",
    { class: "page", "data-testid": "alarms", "aria-label": t("alarm.title"), tabIndex: 0 },
    el("h2", null, t("alarm.title")),
    rows.length === 0 && app.store.targets.size > 0 ? empty(`✓ ${t("alarm.none")}`, t("alarm.none.hint")) : null,
    rows.length === 0 && app.store.targets.size === 0 ? empty(t("targets.none"), t("targets.none.hint")) : null,
    el(
      "ul",
      { class: "alarms" },
      ...rows.slice(0, MOST_SHOWN).map(({ target, child }) =>
        part(Alarm, {
          key: `${target.id}\n${child?.path ?? "/"}`,
          app,
          target,
          name: target.name,
          connection: target.connection,
          child,
          language: app.preferences.language,
          isUtc: app.preferences.isUtc,
          second: Math.floor(app.now / 1_000),
        })
      ),
    ),
    rows.length <= MOST_SHOWN ? null : el("p", { class: "muted" }, `+${rows.length - MOST_SHOWN}`),
  );
}

interface AlarmProps {
  readonly app: App;
  readonly target: Target;
  readonly name: string;
  readonly connection: string;
  readonly child: Child | null;
  readonly language: string;
  readonly isUtc: boolean;
  /** Times go on from second to second. */
  readonly second: number;
}

const Alarm = steady(({ app, target, name, connection, child }: AlarmProps): View => {
  const path = child?.path ?? "/";
  return el(
    "li",
    null,
    el(
      "button",
      { type: "button", class: "alarm", "data-path": path, onClick: () => app.open(target.id, path) },
      child === null ? connectionBadge(connection) : stateBadge(child),
      el(
        "span",
        { class: "alarm-where" },
        el("strong", null, foreign(child?.path ?? name, 128)),
        el("span", { class: "muted" }, foreign(name, 64)),
      ),
      el(
        "span",
        { class: "alarm-why" },
        child === null ? t("alarm.connection", { state: word("connection", connection) }) : whyOf(app, child),
      ),
      el("span", { class: "muted" }, child === null ? ago(app, target.heardAt) : ago(app, child.since)),
    ),
  );
});

/** Why something is wrong with a child, and when it comes back. */
export function whyOf(app: App, child: Child): string {
  const notes: string[] = [];
  const { word: state } = lookOf(child);
  if (child.lastExit !== null && state !== "ready") notes.push(foreign(exitWords(child.lastExit), 200));
  if (child.nextStart !== null) notes.push(`${t("detail.nextStart")} ${until(app, child.nextStart)}`);
  if (child.waitingFor.length > 0) notes.push(`${t("detail.waitsFor")} ${foreign(child.waitingFor.join(", "), 200)}`);
  if (child.fuse.state !== "closed") notes.push(word("fuse", child.fuse.state));
  if (child.health === "unhealthy" || child.health === "stale") notes.push(word("health", child.health));
  if (child.limit?.exhausted === true && child.restarts > 0) notes.push(t("limit.exhausted"));
  notes.push(...child.lints.map((lint) => word("lint", lint)));
  return notes.join(" · ");
}
