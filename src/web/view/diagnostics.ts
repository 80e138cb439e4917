/** What the page knows of itself and of its connection, for whoever looks for a fault. */
/// <reference lib="dom" />
import { moment } from "../model/format.ts";
import { t, word } from "../text/mod.ts";
import type { App } from "./app.ts";
import { el, type View } from "./dom.ts";
import { ago, badge, button, connectionBadge, foreign } from "./pieces.ts";

/** The diagnostics. */
export function diagnostics(app: App): View {
  const { store, session, given } = app;
  const last = given[0];
  const outcome = last?.state === "pending" ? t("command.pending") : last?.why ?? word("result", "completed");
  return el(
    "section",
    { class: "page", "data-testid": "diagnostics-panel", "aria-label": t("diag.title"), tabIndex: 0 },
    el(
      "div",
      { class: "tools" },
      el("h2", null, t("diag.title")),
      el("span", { class: "spacer" }),
      button(t("diag.copy"), () => app.copy(report(app))),
    ),
    el("h3", null, t("diag.errors")),
    store.troubles.length === 0 ? el("p", { class: "muted" }, t("diag.noErrors")) : el(
      "ul",
      { class: "troubles" },
      ...store.troubles.map(({ at, code, message, target, count }) =>
        el(
          "li",
          { key: `${code}\n${message}` },
          badge({ mark: "✗", tone: "bad" }, code),
          el("span", null, message),
          el(
            "span",
            { class: "muted" },
            target === null ? null : `${foreign(target, 64)} · `,
            count > 1 ? `${count}× · ` : null,
            ago(app, at),
          ),
        )
      ),
    ),
    el("h3", null, t("diag.command")),
    last === undefined ? el("p", { class: "muted" }, t("diag.noCommand")) : el(
      "div",
      { "data-testid": "last-command" },
      el("p", null, t("form.is", { name: `${word("command", last.command)} ${foreign(last.path, 128)}`, value: outcome })),
      last.answer === null ? null : el(
        "pre",
        { class: "output", tabIndex: 0 },
        foreign(JSON.stringify(last.answer, null, 2).replace(/\n/g, "\u2028"), 20_000).replaceAll("⟨U+2028⟩", "\n"),
      ),
    ),
    el(
      "div",
      { class: "tools" },
      el("h3", null, t("diag.connection")),
      el("span", { class: "spacer" }),
      button(t("link.retry"), () => session.connect(), { disabled: session.state === "connecting", "data-testid": "reconnect" }),
    ),
    el(
      "dl",
      { class: "facts" },
      ...([
        [t("diag.session"), store.welcome?.sessionId ?? "–"],
        [t("diag.identity"), store.welcome?.identity ?? "–"],
        [t("diag.principal"), store.welcome?.principal ?? "–"],
        [t("diag.role"), word("role", app.role)],
        [t("diag.since"), session.openSince === null ? "–" : moment(session.openSince, app.preferences.isUtc)],
        [t("diag.sessions"), String(session.sessions)],
        [t("diag.messages"), String(session.received)],
        [
          t("diag.rows"),
          t("form.more", { text: store.timeline.rows.length, more: t("time.forgotten", { count: store.timeline.forgotten }) }),
        ],
        [t("diag.lastEnd"), session.lastEnd === null ? "–" : foreign(session.lastEnd, 200)],
      ] as const).flatMap(([name, value]) => [el("dt", { key: `${name} name` }, name), el("dd", { key: name, class: "mono" }, value)]),
    ),
    el(
      "ul",
      { class: "troubles" },
      ...[...store.targets.values()].map((target) =>
        el(
          "li",
          { key: target.id },
          connectionBadge(target.connection),
          el("strong", null, foreign(target.name, 128)),
          el("span", { class: "muted mono" }, foreign(`${target.id} · ${target.epoch ?? "–"} · ${target.children.size}`, 256)),
        )
      ),
    ),
  );
}

function report({ store, session, given }: App): string {
  const targets = [...store.targets.values()].map(({ id, connection, epoch, dropped, children }) => ({
    id,
    connection,
    epoch,
    dropped,
    children: children.size,
  }));
  const { state, sessions, received, lastEnd } = session;
  return JSON.stringify(
    {
      link: { state, sessions, received, lastEnd },
      welcome: store.welcome,
      troubles: store.troubles,
      targets,
      commands: given.slice(0, 10),
    },
    null,
    2,
  );
}
