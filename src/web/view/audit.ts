/** Who asked for what: through the relay, and as the tree recorded it. */
/// <reference lib="dom" />
import { useEffect, useState } from "preact/hooks";
import { type AuditRow, isRead, newestFirst, relayRow, targetRow } from "../model/audit.ts";
import { moment, stamp } from "../model/format.ts";
import { personOf } from "../model/person.ts";
import { listOf, type Raw, rawOf } from "../model/read.ts";
import type { Target } from "../model/store.ts";
import { t, word } from "../text/mod.ts";
import type { App } from "./app.ts";
import { classes, el, type View } from "./dom.ts";
import { button, empty, foreign, toggle } from "./pieces.ts";

/** Most records that are asked for. */
const MOST = 500;

interface Props {
  readonly app: App;
  readonly target: Target | null;
}

/** The audit page. */
export function AuditPane({ app, target }: Props): View {
  const [records, setRecords] = useState<readonly Raw[] | null>(null);
  const [withReads, setReads] = useState(false);
  const [turn, setTurn] = useState(0);
  const id = target?.id ?? null;
  const isAsked = target !== null && target.connection === "connected" && target.questions.has("reeve.audit");
  useEffect(() => {
    setRecords(null);
    if (id === null || !isAsked) return;
    let isWanted = true;
    app.session.request(id, "reeve.audit", { limit: MOST }).then(
      (result) => isWanted && setRecords(listOf(rawOf(result)["records"]).map(rawOf)),
      (error: unknown) => {
        app.store.trouble({ code: "reeve.audit", message: String(error) }, id);
        app.changed();
      },
    );
    return () => {
      isWanted = false;
    };
  }, [id, isAsked, turn, app.given.filter(({ state }) => state !== "pending").length]);
  const relayed = app.store.audits.filter((record) => id === null || record.target === id);
  return el(
    "section",
    { class: "page", "data-testid": "audit", "aria-label": t("audit.title"), tabIndex: 0 },
    el("h2", null, t("audit.title")),
    el("h3", null, t("audit.relay")),
    relayed.length === 0 ? el("p", { class: "muted" }, t("audit.none")) : table(
      app,
      newestFirst(relayed.map(({ target: of, raw }) => relayRow(raw, id === null ? of : null))),
    ),
    target === null ? null : el(
      "div",
      { class: "tools" },
      el("h3", null, t("audit.target")),
      el("span", { class: "spacer" }),
      isAsked ? toggle(t("audit.reads"), withReads, () => setReads(!withReads)) : null,
      isAsked ? button(t("audit.load"), () => setTurn(turn + 1)) : null,
    ),
    target === null ? null : !isAsked ? empty(t("audit.unsupported")) : table(
      app,
      newestFirst((records ?? []).map(targetRow).filter((row) => withReads || !isRead(row))),
    ),
  );
}

function table(app: App, rows: readonly AuditRow[]): View {
  if (rows.length === 0) return el("p", { class: "muted" }, t("audit.none"));
  const { isUtc } = app.preferences;
  const heads = ["audit.when", "audit.who", "audit.what", "audit.child", "audit.reason", "audit.result"] as const;
  const cell = (text: string | null): View => el("td", null, text === null ? "–" : foreign(text, 300));
  return el(
    "div",
    { class: "scroll" },
    el(
      "table",
      { class: "table" },
      el("thead", null, el("tr", null, ...heads.map((key) => el("th", { key, scope: "col" }, t(key))))),
      el(
        "tbody",
        null,
        ...rows.map(({ at, who, what, where, why, result, detail }, index) =>
          el(
            "tr",
            { key: index },
            el(
              "td",
              { class: "mono when", title: at === null ? undefined : moment(at, isUtc) },
              at === null ? "–" : stamp(at, isUtc, app.now),
            ),
            el("td", { title: who === null ? undefined : foreign(who, 300) }, who === null ? "–" : foreign(personOf(who), 300)),
            el("td", null, what === null ? "–" : word("command", what.replace(/^(?:command|reeve)\./, ""))),
            cell(where),
            cell(why),
            el(
              "td",
              { class: classes((result === "failed" || result === "rejected" || result === "refused") && "tone-bad") },
              result === null ? "–" : word("result", result),
              detail === null || detail === result ? null : el("span", { class: "muted" }, ` ${foreign(detail, 100)}`),
            ),
          )
        ),
      ),
    ),
  );
}
