/** Where somebody is on the page, kept in its address. */
import { STATES } from "./lifecycle.ts";
import { type RowFilter, type RowKind, SEVERITIES } from "./timeline.ts";

/** What the upper part of the page shows. */
export type View = "overview" | "tree" | "graph" | "audit" | "diagnostics";

/** Where somebody is. */
export interface Route {
  readonly target: string | null;
  readonly view: View;
  /** The child that is chosen; `/` is the tree itself. */
  readonly path: string | null;
  readonly filter: RowFilter;
}

const VIEWS: readonly View[] = ["overview", "tree", "graph", "audit", "diagnostics"];
const KINDS: readonly RowKind[] = ["event", "log", "audit"];

/** Reads an address. */
export function readRoute(hash: string): Route {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  const get = (name: string): string => (params.get(name) ?? "").slice(0, 512);
  const view = VIEWS.find((known) => known === get("view"));
  const target = get("target") === "" ? null : get("target");
  return {
    target,
    view: view ?? (target === null ? "overview" : "tree"),
    path: get("path") === "" ? null : get("path"),
    filter: {
      target: get("in"),
      path: get("under"),
      state: STATES.includes(get("state")) ? get("state") : "",
      type: get("type"),
      severity: SEVERITIES.includes(get("severity")) ? get("severity") : "",
      least: readCount(get("from")),
      correlation: get("chain"),
      kinds: get("kinds").split(",").flatMap((word) => KINDS.find((kind) => kind === word) ?? []),
      text: get("text"),
    },
  };
}

/** A whole number that was typed, or stands in an address; `null` where it is none. */
export function readCount(text: string): number | null {
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** Writes an address; what is as usual is left out. */
export function writeRoute({ target, view, path, filter }: Route): string {
  const params = new URLSearchParams();
  const put = (name: string, value: string): void => {
    if (value !== "") params.set(name, value);
  };
  put("target", target ?? "");
  put("view", view === (target === null ? "overview" : "tree") ? "" : view);
  put("path", path ?? "");
  put("in", filter.target);
  put("under", filter.path);
  put("state", filter.state);
  put("type", filter.type);
  put("severity", filter.severity);
  put("from", filter.least === null ? "" : String(filter.least));
  put("chain", filter.correlation);
  put("kinds", filter.kinds.join(","));
  put("text", filter.text);
  return `#${params}`;
}
