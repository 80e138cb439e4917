/** Everything that is known of the child that is chosen, or of the tree. */
/// <reference lib="dom" />
import type { Child } from "../model/child.ts";
import { siblingOf } from "../model/child.ts";
import { bytes, moment, percent, stamp } from "../model/format.ts";
import { summaryOf } from "../model/look.ts";
import { lineOf, type Sample } from "../model/series.ts";
import type { Target } from "../model/store.ts";
import { ALL_ROWS, type Row, type RowKind } from "../model/timeline.ts";
import { duration, eventWord, exitWords, ROW_WORDS, t, word } from "../text/mod.ts";
import type { App } from "./app.ts";
import { commandButtons } from "./commands.ts";
import { el, type View } from "./dom.ts";
import { ago, badge, button, empty, foreign, stateBadge, until } from "./pieces.ts";

/** Most rows of its history and of its output. */
const MOST_ROWS = 30;

/** What is known of what is chosen. */
export function details(app: App): View {
  const { target, route } = app;
  if (target === null || route.path === null) return null;
  const child = route.path === "/" ? null : target.children.get(route.path);
  const close = button("✕", () => app.go({ path: null }), {
    class: "square",
    "aria-label": t("detail.close"),
    "data-testid": "detail-close",
  });
  const title = child === null ? foreign(target.name, 128) : foreign(child?.name ?? route.path, 128);
  return el(
    "aside",
    { class: "details", "aria-label": t("detail.title"), "data-testid": "node-detail", tabIndex: 0 },
    el(
      "div",
      { class: "details-head" },
      el("div", null, el("h2", null, title), el("p", { class: "muted mono" }, foreign(route.path, 256))),
      close,
    ),
    child === undefined ? empty(t("detail.gone")) : child === null ? treeDetails(app, target) : childDetails(app, target, child),
  );
}

function treeDetails(app: App, target: Target): View {
  const { tree } = target;
  const { counts } = summaryOf(target);
  return el(
    "div",
    null,
    section(t("command.title"), commandButtons(app, target, null)),
    section(
      t("tree.facts"),
      facts([
        [
          t("count.children", { count: counts.total }),
          `${t("count.ready", { count: counts.ready })} · ${t("count.notReady", { count: counts.notReady })} · ${
            t("count.failed", { count: counts.failed })
          }`,
        ],
        [t("detail.restarts"), tree?.restarts ?? counts.restarts],
        [t("detail.failures"), tree?.failures ?? null],
        [t("tree.id"), el("span", { class: "mono" }, foreign(target.id, 256))],
        [t("tree.started"), tree?.startedAt == null ? null : ago(app, tree.startedAt)],
        [t("tree.version"), tree?.version ?? null],
        [t("tree.runtime"), tree?.runtime ?? null],
        [t("detail.pid"), tree?.pid ?? null],
        [t("detail.memory"), tree === null ? null : bytes(tree.residentBytes)],
        [t("tree.lag"), tree === null ? null : `${tree.lagMs.toFixed(1)} ms`],
        [
          t("tree.commands"),
          target.commands.size === 0 ? null : [...target.commands].slice(0, MOST_ROWS).map((name) => word("command", name)).join(", "),
        ],
      ]),
      target.unmeasured === null ? null : el("p", { class: "muted" }, t("detail.unmeasured", { why: foreign(target.unmeasured, 200) })),
    ),
    section(t("detail.history"), history(app, target, "/", "event")),
  );
}

function childDetails(app: App, target: Target, child: Child): View {
  const neededBy = [...target.children.values()].filter((other) =>
    other.dependencies.some((name) => siblingOf(other.path, name) === child.path)
  ).map(({ path }) => path);
  const links = (names: readonly string[]): View => pathLinks(app, target, child, names);
  const { limit, lastDecision, fuse } = child;
  const reason = lastDecision === null || lastDecision.reason === "" ? null : word("decision", lastDecision.reason);
  return el(
    "div",
    null,
    el(
      "div",
      { class: "details-state" },
      stateBadge(child),
      el("span", { class: "muted" }, ago(app, child.since)),
      child.nextStart === null ? null : el(
        "strong",
        { class: "countdown", "data-testid": "detail-countdown" },
        `${t("detail.nextStart")} ${until(app, child.nextStart)}`,
      ),
    ),
    section(t("command.title"), commandButtons(app, target, child)),
    child.lastExit === null && child.lastOutput.length === 0 ? null : section(
      t("detail.lastExit"),
      child.lastExit === null
        ? null
        : el("p", { class: child.lastExit === "finished" ? "" : "warning" }, foreign(exitWords(child.lastExit), 500)),
      lastDecision === null ? null : el(
        "p",
        { class: "muted" },
        t("form.is", { name: t("detail.decision"), value: withMore(word("decision", lastDecision.action), reason) }),
        lastDecision.delayMs < 50 ? null : t("detail.delay", { time: `${(lastDecision.delayMs / 1_000).toFixed(1)}${t("unit.s")}` }),
      ),
      child.lastOutput.length === 0 ? null : el(
        "details",
        { open: true },
        el("summary", null, t("detail.lastOutput")),
        el("pre", { class: "output", tabIndex: 0 }, child.lastOutput.map((line) => foreign(line, 500)).join("\n")),
      ),
    ),
    section(t("detail.use"), charts(app, target, child)),
    section(
      t("detail.state"),
      facts([
        [t("detail.attempt"), child.attempt],
        [t("detail.generation"), child.generation],
        [
          t("detail.restarts"),
          child.consecutive === 0 ? child.restarts : withMore(String(child.restarts), t("detail.inARow", { count: child.consecutive })),
        ],
        [t("detail.failures"), child.failures],
        [t("detail.limit"), limit === null ? null : limitOf(limit)],
        [t("detail.pid"), child.pid],
        [t("detail.readiness"), word("readiness", child.readiness)],
        [t("detail.health"), word("health", child.health)],
        [t("detail.heartbeat"), child.heartbeat === null && !child.isStale ? null : ago(app, child.heartbeat)],
        [t("detail.operation"), word("operation", child.operation)],
        [t("detail.stopCause"), child.stopCause === null ? null : word("cause", child.stopCause)],
        [t("detail.fuse"), fuse.state === "closed" ? word("fuse", "closed") : fuseOf(app, fuse)],
        [t("detail.lints"), child.lints.length === 0 ? null : child.lints.map((lint) => word("lint", lint)).join(", ")],
        [t("detail.kind"), word("kind", child.kind)],
        [t("detail.role"), child.role === null ? null : word("task_role", child.role)],
        [t("detail.severity"), word("severity", child.severity)],
        [t("detail.group"), child.group === null ? null : foreign(child.group, 128)],
        [t("detail.tags"), child.tags.length === 0 ? null : child.tags.map((tag) => foreign(tag, 64)).join(", ")],
        [t("detail.waitsFor"), links(child.waitingFor)],
        [t("detail.dependencies"), links(child.dependencies)],
        [t("detail.neededBy"), links(neededBy)],
        [t("detail.wants"), links(child.wants)],
        [t("detail.bindsTo"), links(child.bindsTo)],
        [t("detail.since"), child.since === null ? null : moment(child.since, app.preferences.isUtc)],
      ]),
      el(
        "div",
        { class: "group" },
        button(t("detail.copy"), () => app.copy(child.path), { class: "small" }),
        button(t("detail.copyLink"), () => app.copy(location.href), { class: "small", "data-testid": "copy-link" }),
      ),
    ),
    section(t("detail.history"), history(app, target, child.path, "event")),
    section(t("detail.output"), history(app, target, child.path, "log")),
  );
}

function withMore(text: string, more: string | null): string {
  return more === null ? text : t("form.more", { text, more });
}

function limitOf({ used, most, windowMs, exhausted }: NonNullable<Child["limit"]>): View {
  const text = t("detail.limitIs", { used, most, window: duration(windowMs) });
  return exhausted ? el("span", { class: "tone-warn" }, `${text} – ${t("detail.exhausted")}`) : text;
}

function fuseOf(app: App, { state, reason, until: at }: Child["fuse"]): View {
  const rest = [reason === null ? null : word("fuse", reason), at === null ? null : until(app, at)].filter((text) => text !== null);
  return badge({ mark: "⚡", tone: "bad" }, [word("fuse", state), ...rest].join(" · "));
}

function section(title: string, ...children: View[]): View {
  return el("section", { class: "section" }, el("h3", null, title), ...children);
}

/** Names with values; those of which nothing is known are left out. */
function facts(rows: readonly (readonly [string, View])[]): View {
  return el(
    "dl",
    { class: "facts" },
    ...rows.filter(([, value]) => value !== null && value !== undefined).flatMap(([name, value]) => [
      el("dt", { key: `${name} name` }, name),
      el("dd", { key: name }, value),
    ]),
  );
}

function pathLinks(app: App, target: Target, child: Child, names: readonly string[]): View {
  if (names.length === 0) return null;
  return el(
    "span",
    { class: "links" },
    ...names.slice(0, 40).map((name) => {
      const path = siblingOf(child.path, name);
      return target.children.has(path)
        ? el("button", { key: path, type: "button", class: "textlink", onClick: () => app.go({ path }) }, foreign(name, 64))
        : el("span", { key: path }, foreign(name, 64));
    }),
  );
}

function charts(app: App, target: Target, child: Child): View {
  const known = app.store.historyOf(target.id, child.path);
  const { usage } = child;
  return el(
    "div",
    { class: "charts" },
    chart(t("detail.cpu"), known?.cpu ?? [], usage === null ? "–" : percent(usage.cpu), 5),
    chart(t("detail.memory"), known?.memory ?? [], usage === null ? "–" : bytes(usage.memory), 1),
    chart(t("detail.restarts"), steps(known?.restarts ?? [], app.now), String(child.restarts), 3),
    usage === null || usage.processes < 2 ? null : el("p", { class: "muted" }, t("detail.processes", { count: usage.processes })),
  );
}

/** A number that stays until it changes, as points of a line. */
function steps(samples: readonly Sample[], now: number): Sample[] {
  const last = samples.at(-1);
  const found = samples.flatMap((sample, index) => {
    const before = samples[index - 1];
    return before === undefined ? [sample] : [{ at: sample.at, value: before.value }, sample];
  });
  return last === undefined ? found : [...found, { at: now, value: last.value }];
}

const [CHART_WIDTH, CHART_HEIGHT] = [104, 30];

function chart(name: string, samples: readonly Sample[], value: string, least: number): View {
  const { points } = lineOf(samples, CHART_WIDTH, CHART_HEIGHT, least);
  return el(
    "figure",
    { class: "chart" },
    el("figcaption", null, el("span", { class: "muted" }, name), el("strong", null, value)),
    el(
      "svg",
      { viewBox: `0 -2 ${CHART_WIDTH} ${CHART_HEIGHT + 4}`, "aria-hidden": "true", preserveAspectRatio: "none" },
      samples.length < 2
        ? null
        : el("polygon", { class: "chart-area", points: `0,${CHART_HEIGHT} ${points} ${CHART_WIDTH},${CHART_HEIGHT}` }),
      samples.length < 2 ? null : el("polyline", { class: "chart-line", points }),
    ),
  );
}

/** The last rows of a kind about a child; about the tree, those of the root alone. */
function history(app: App, target: Target, path: string, kind: RowKind): View {
  const { rows } = app.store.timeline;
  const found: Row[] = [];
  for (let index = rows.length - 1; index >= 0 && found.length < MOST_ROWS; index--) {
    const row = rows[index]!;
    if (row.kind === kind && row.target === target.id && row.path === path) found.push(row);
  }
  if (found.length === 0) return el("p", { class: "muted" }, t(kind === "log" ? "detail.noOutput" : "detail.noHistory"));
  const items = kind === "log"
    ? el(
      "pre",
      { class: "output", tabIndex: 0, "data-testid": "detail-output" },
      found.reverse().map((row) => foreign(row.text, 500)).join("\n"),
    )
    : el(
      "ol",
      { class: "history", "data-testid": "detail-history" },
      ...found.map((row) =>
        el(
          "li",
          { key: row.id, class: `level-${row.severity}` },
          el(
            "time",
            { class: "mono muted", title: moment(row.at, app.preferences.isUtc) },
            stamp(row.at, app.preferences.isUtc, app.now).slice(0, 11).replace(/\.\d*$/, ""),
          ),
          el("span", null, row.text === "" ? eventWord(row.type) : ROW_WORDS.text(row)),
        )
      ),
    );
  const show = button(
    t("detail.showInTimeline"),
    () => app.go({ filter: { ...ALL_ROWS, target: target.id, path, kinds: [kind] } }),
    { class: "small" },
  );
  return el("div", null, items, show);
}
