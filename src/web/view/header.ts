/** The head of the page: the connection, who somebody is, and what they prefer. */
/// <reference lib="dom" />
import { personOf } from "../model/person.ts";
import { THEMES } from "../model/preferences.ts";
import { secondsUntil } from "../model/session.ts";
import { duration, t, word } from "../text/mod.ts";
import type { App } from "./app.ts";
import { el, type View } from "./dom.ts";
import { badge, button, choice } from "./pieces.ts";

/** The head of the page. */
export function header(app: App): View {
  const { welcome } = app.store;
  return el(
    "header",
    { class: "header", "data-testid": "status-strip" },
    el("a", { class: "skip", href: "#main", onClick: (event: Event) => skip(event) }, t("app.skip")),
    el("h1", { class: "brand" }, el("span", { class: "logo", "aria-hidden": "true" }), "Reeve"),
    link(app),
    el("span", { class: "spacer" }),
    welcome === null ? null : el(
      "span",
      { class: "who", title: welcome.identity, "data-testid": "who" },
      el("span", { class: "sr" }, t("who.label")),
      el("strong", { title: welcome.principal }, personOf(welcome.principal)),
      el("span", { class: "muted" }, word("role", welcome.role)),
    ),
    named(
      t("menu.zone"),
      "zone",
      app.preferences.isUtc ? "utc" : "local",
      [["local", t("zone.local")], ["utc", t("zone.utc")]],
      (value) => app.prefer({ isUtc: value === "utc" }),
    ),
    named(
      t("menu.language"),
      "language",
      app.preferences.language,
      [["en", "English"], ["zh", "中文"]],
      (value) => app.prefer({ language: value === "zh" ? "zh" : "en" }),
    ),
    named(
      t("menu.theme"),
      "theme",
      app.preferences.theme,
      THEMES.map((theme) => [theme, t(`theme.${theme}`)]),
      (value) => app.prefer({ theme: THEMES.find((theme) => theme === value) ?? "system" }),
    ),
  );
}

function skip(event: Event): void {
  event.preventDefault();
  const main = document.querySelector("#main [tabindex='0'], #main");
  if (main instanceof HTMLElement) main.focus();
}

function link({ session, now }: App): View {
  const seconds = secondsUntil(session.nextAt, now);
  const text = t(`link.${session.state}`, { seconds });
  const look = session.state === "open"
    ? { mark: "●", tone: "ok" as const }
    : session.state === "connecting"
    ? { mark: "◌", tone: "busy" as const }
    : { mark: "↻", tone: "bad" as const };
  return el(
    "span",
    { class: "link", role: "group", "aria-label": t("link.label"), "data-testid": "relay-link", "data-state": session.state },
    badge(look, text),
    session.state === "open" || session.state === "connecting"
      ? null
      : button(t("link.retry"), () => session.connect(), { class: "small" }),
  );
}

function named(
  label: string,
  id: string,
  value: string,
  options: readonly (readonly [string, string])[],
  change: (value: string) => void,
): View {
  return choice(value, options, change, { "aria-label": label, title: label, "data-testid": `choice-${id}` });
}
/** Says that what shows is old; nothing where it is not. */
export function staleBar(app: App): View {
  const { session, store } = app;
  if (session.state === "open" || store.welcome === null) return null;
  const heard = Math.max(0, ...[...store.targets.values()].map(({ heardAt }) => heardAt ?? 0));
  return el(
    "div",
    { class: "stale", role: "status", "data-testid": "stale" },
    t("link.stale", { ago: duration(heard === 0 ? 0 : app.now - heard) }),
    " ",
    session.state !== "refused" ? null : app.hasLogin ? el("a", { href: "/login" }, t("link.login")) : t("link.refused.hint"),
  );
}
