/** Small pieces that many parts of the page use. */
/// <reference lib="dom" />
import { Component, type ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Child } from "../model/child.ts";
import { visible } from "../model/clean.ts";
import { moment } from "../model/format.ts";
import { type Look, lookOf, type Tone } from "../model/look.ts";
import { duration, t, word } from "../text/mod.ts";
import type { App } from "./app.ts";
import { classes, el, valueOf, type View } from "./dom.ts";

/** A mark and a word for how something is. */
export function badge({ mark, tone }: Pick<Look, "mark" | "tone">, text: string, props: Readonly<Record<string, unknown>> = {}): View {
  return el("span", { ...props, class: `badge tone-${tone}` }, el("span", { class: "mark", "aria-hidden": "true" }, mark), text);
}

/** How a child is. */
export function stateBadge(child: Child): View {
  const look = lookOf(child);
  return badge(look, word("state", look.word));
}

/** A moment, as a time that is ago; exactly when somebody points at it. */
export function ago(app: App, at: number | null): View {
  if (at === null) return t("detail.never");
  const text = t("detail.ago", { time: duration(app.now - at) });
  return el("time", { dateTime: new Date(at).toISOString(), title: moment(at, app.preferences.isUtc) }, text);
}

/** A time until something begins. */
export function until(app: App, at: number): string {
  return at <= app.now ? t("detail.atOnce") : t("detail.in", { time: duration(Math.ceil((at - app.now) / 1_000) * 1_000) });
}

const CONNECTIONS: Readonly<Record<string, { readonly mark: string; readonly tone: Tone }>> = {
  registered: { mark: "○", tone: "dim" },
  connecting: { mark: "◌", tone: "busy" },
  connected: { mark: "●", tone: "ok" },
  reconnecting: { mark: "↻", tone: "warn" },
  disconnected: { mark: "○", tone: "warn" },
  unavailable: { mark: "✗", tone: "bad" },
  expired: { mark: "⌀", tone: "dim" },
};

/** How the connection to a target is. */
export function connectionBadge(state: string): View {
  return badge(CONNECTIONS[state] ?? { mark: "?", tone: "busy" }, word("connection", state));
}

/** A place where nothing is, with a word why. */
export function empty(title: string, hint?: string, action?: View): View {
  return el("div", { class: "empty" }, el("p", { class: "empty-title" }, title), hint === undefined ? null : el("p", null, hint), action);
}

/** A button with a word. */
export function button(label: View, onClick: () => void, props: Readonly<Record<string, unknown>> = {}): View {
  return el("button", { type: "button", ...props, class: classes("button", String(props["class"] ?? "")), onClick }, label);
}

/** A button that is on or off. */
export function toggle(label: string, isOn: boolean, onClick: () => void, props: Readonly<Record<string, unknown>> = {}): View {
  return button(label, onClick, { ...props, "aria-pressed": String(isOn), class: isOn ? "is-on" : "" });
}

/** One of several that somebody chooses. */
export function choice(
  value: string,
  options: readonly (readonly [value: string, text: string])[],
  change: (value: string) => void,
  props: Readonly<Record<string, unknown>>,
): View {
  return el(
    "select",
    { class: "choice", ...props, value, onChange: (event: Event) => change(valueOf(event)) },
    ...options.map(([key, text]) => el("option", { key, value: key, selected: key === value }, text)),
  );
}

/** Foreign text, fit to be seen. */
export function foreign(text: string, longest?: number): string {
  return visible(text, longest);
}

interface BoundaryProps {
  readonly name: string;
  readonly app: App;
  readonly children?: ComponentChildren;
}

/** Keeps what breaks in one part of the page from breaking the others. */
export class Boundary extends Component<BoundaryProps, { readonly why: string | null }> {
  override state: { readonly why: string | null } = { why: null };

  override componentDidCatch(error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    this.props.app.store.trouble({ code: `pane_${this.props.name}`, message: why }, null);
    this.setState({ why });
  }

  /** What broke half way may have left elements behind: they go with the box around them, which is another one then. */
  override render(): View {
    const { why } = this.state;
    if (why === null) return el("div", { key: "whole", class: "box" }, this.props.children);
    const again = button(t("pane.again"), () => this.setState({ why: null }));
    return el("div", { key: "broken", class: "pane-broken", role: "alert" }, empty(t("pane.broken"), foreign(why, 300), again));
  }
}

/** Which rows of a long list are near what shows. */
export interface Window {
  readonly ref: { current: HTMLDivElement | null };
  readonly first: number;
  readonly last: number;
  readonly onScroll: () => void;
}

/** More rows than those that show, so that a fast hand finds some. */
const SPARE = 8;

/** Shows only those rows of a long list that are near what shows. */
export function useWindow(count: number, rowHeight: number): Window {
  const ref = useRef<HTMLDivElement>(null);
  const [{ top, height }, set] = useState({ top: 0, height: 600 });
  const look = (): void => {
    const box = ref.current;
    if (box !== null && (box.scrollTop !== top || box.clientHeight !== height)) set({ top: box.scrollTop, height: box.clientHeight });
  };
  useLayoutEffect(look);
  useEffect(() => {
    const box = ref.current;
    if (box === null) return;
    const observer = new ResizeObserver(() => set({ top: box.scrollTop, height: box.clientHeight }));
    observer.observe(box);
    return () => observer.disconnect();
  }, []);
  const first = Math.max(0, Math.min(count, Math.floor(top / rowHeight)) - SPARE);
  return { ref, first, last: Math.min(count, Math.ceil((top + height) / rowHeight) + SPARE), onScroll: look };
}
