/** What all parts of the page share: what is known, where somebody is, and what was asked for. */
/// <reference lib="dom" />
import type { Child } from "../model/child.ts";
import type { CommandKind } from "../model/commands.ts";
import { forget, type Place, type Places, put, readPlaces, writePlaces } from "../model/places.ts";
import { readPreferred, shadeOf, type Theme } from "../model/preferences.ts";
import { type Raw, rawOf, textOf } from "../model/read.ts";
import { readRoute, type Route, writeRoute } from "../model/route.ts";
import { Session, type SocketLike } from "../model/session.ts";
import { Store, type Target } from "../model/store.ts";
import type { TreeFilter } from "../model/tree.ts";
import { countRare } from "../model/timeline.ts";
import { visible } from "../model/clean.ts";
import { choose, type Language, languageFor, t, word } from "../text/mod.ts";

/** A command that was given. */
export interface Given {
  readonly id: string;
  readonly command: string;
  readonly target: string;
  readonly path: string;
  readonly reason: string;
  readonly at: number;
  /** The message that says that it is under way. */
  toast: number;
  state: "pending" | "done" | "failed";
  why: string | null;
  answer: Raw | null;
}

/** A short message. */
export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly isBad: boolean;
}

/** What somebody prefers. */
export interface Preferences {
  readonly theme: Theme;
  readonly language: Language;
  readonly isUtc: boolean;
}

/** A command for which the dialog is open. */
export interface Asked {
  readonly command: CommandKind;
  readonly target: string;
  readonly path: string;
}

/** Changes of what is known show at most so often, in milliseconds; and so many times as long as it took to show the last ones. */
const [SHOWN_EVERY_MS, REST] = [120, 4];
/** How often the facts about the tree that is chosen are asked for. */
const ASKED_EVERY_MS = 10_000;
const TOAST_MS = 6_000;
const [PREFERENCES, STORE_ID, PLACES] = ["reeve.preferences", "reeve.client_store_id", "reeve.places"];

/** The page. */
export class App {
  readonly store = new Store();
  readonly session: Session;
  readonly given: Given[] = [];
  readonly folded = new Map<string, Set<string>>();
  route: Route = readRoute(location.hash);
  preferences: Preferences;
  /** Where nodes of graphs were put. */
  places: Places = readPlaces(kept(PLACES));
  treeFilter: TreeFilter = { text: "", onlyProblems: false };
  /** Whether the rarer filters of the timeline show. */
  hasMoreFilters = false;
  /** What is searched among the names of targets. */
  targetFilter = "";
  toasts: readonly Toast[] = [];
  asked: Asked | null = null;
  dock: "small" | "large" | "closed" = "small";
  now: number = Date.now();
  /** Whether there is a place to log in, for whoever is not let in any more. */
  hasLogin = false;
  readonly #listeners = new Set<() => void>();
  #isPlanned = false;
  #tookMs = 0;
  #toasts = 0;

  constructor() {
    this.preferences = readPreferences();
    this.#applyPreferences();
    this.session = new Session({
      store: this.store,
      open: openSocket,
      setTimer: (task, ms) => {
        const timer = setTimeout(task, ms);
        return () => clearTimeout(timer);
      },
      now: Date.now,
      storeId: storeId(),
      isLetIn: async () => {
        const isIn = await statusOf("/") !== 401;
        this.hasLogin = !isIn && await statusOf("/login") === 200;
        return isIn;
      },
      changed: () => {
        if (this.session.state !== "open") this.#giveUp();
        this.changed();
      },
      answered: (id, answer, isError) => this.#answered(id, answer, isError),
    });
    this.#enter(this.route);
    addEventListener("hashchange", () => {
      this.#enter(readRoute(location.hash));
      this.refresh();
    });
    setInterval(() => this.refresh(), 1_000);
    setInterval(() => this.#askAgain(), ASKED_EVERY_MS);
  }

  /** Tells somebody when to show the page anew. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Something is known that was not: it shows soon. */
  changed(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setTimeout(() => {
      this.#isPlanned = false;
      this.refresh();
    }, Math.max(SHOWN_EVERY_MS, REST * this.#tookMs));
  }

  /** Shows the page anew. */
  refresh(): void {
    this.now = Date.now();
    this.#applyShade();
    for (const listener of this.#listeners) listener();
  }

  /** The page was shown, and that took so long. */
  shown(tookMs: number): void {
    this.#tookMs = tookMs;
  }

  /** Goes somewhere on the page. */
  go(to: Partial<Route>): void {
    this.#enter({ ...this.route, ...to });
    history.replaceState(null, "", writeRoute(this.route));
    this.refresh();
  }

  #enter(route: Route): void {
    // What narrows the timeline is not out of sight.
    if (countRare(route.filter) > 0 && (route === this.route || countRare(this.route.filter) === 0)) this.hasMoreFilters = true;
    this.route = route;
    this.session.look(route.target);
  }

  /** Goes to a child. */
  open(target: string, path: string): void {
    const view = this.route.view === "graph" ? "graph" : "tree";
    this.go({ target, path, view });
  }

  /** The target that is chosen. */
  get target(): Target | null {
    return this.route.target === null ? null : this.store.targets.get(this.route.target) ?? null;
  }

  /** The child that is chosen. */
  get child(): Child | null {
    return this.target?.children.get(this.route.path ?? "") ?? null;
  }

  /** The role that the relay gives. */
  get role(): string {
    return this.store.welcome?.role ?? "read";
  }

  /** Changes what somebody prefers. */
  prefer(preferred: Partial<Preferences>): void {
    this.preferences = { ...this.preferences, ...preferred };
    keep(PREFERENCES, JSON.stringify(this.preferences));
    this.#applyPreferences();
    this.refresh();
  }

  /** Puts a node of a graph somewhere. */
  put(target: string, path: string, place: Place): void {
    this.#place(put(this.places, target, path, place));
  }

  /** Lays the graph of a target out anew. */
  relayOut(target: string): void {
    this.#place(forget(this.places, target));
  }

  #place(places: Places): void {
    this.places = places;
    keep(PLACES, writePlaces(places));
    this.refresh();
  }

  /** Folds or unfolds a supervisor. */
  toggle(target: string, path: string): void {
    const folded = this.folded.get(target) ?? new Set<string>();
    if (!folded.delete(path)) folded.add(path);
    this.folded.set(target, new Set(folded));
    this.refresh();
  }

  /** What is folded of a target. */
  foldedOf(target: string): ReadonlySet<string> {
    return this.folded.get(target) ?? NOTHING;
  }

  /** Gives a command. */
  give({ command, target, path }: Asked, reason: string, isConfirmed: boolean, more: Raw, manifest: string | null): void {
    const id = crypto.randomUUID();
    const isSent = this.session.send({
      type: "command",
      command_id: id,
      target_id: target,
      command: command.name,
      target: { child_path: path, ...manifest === null ? {} : { child_manifest: manifest } },
      reason,
      confirmed: isConfirmed,
      ...more,
    });
    if (!isSent) return void this.toast(t("toast.notSent"), true);
    const toast = this.toast(t("toast.sent", { command: word("command", command.name), name: visible(path, 128) }));
    this.given.unshift({
      id,
      command: command.name,
      target,
      path,
      reason,
      at: Date.now(),
      toast,
      state: "pending",
      why: null,
      answer: null,
    });
    this.given.splice(50);
  }

  /** Whether a command for a child is under way. */
  isPending(target: string, path: string, command: string): boolean {
    return this.given.some((given) =>
      given.state === "pending" && given.target === target && given.path === path && given.command === command
    );
  }

  /** Shows a short message. */
  toast(text: string, isBad = false): number {
    const id = ++this.#toasts;
    this.toasts = [...this.toasts.slice(-3), { id, text, isBad }];
    setTimeout(() => this.dismiss(id), isBad ? 2 * TOAST_MS : TOAST_MS);
    this.refresh();
    return id;
  }

  /** Takes a short message away. */
  dismiss(id: number): void {
    this.toasts = this.toasts.filter((toast) => toast.id !== id);
    this.refresh();
  }

  /** Puts a text where it can be pasted from. */
  copy(text: string): void {
    navigator.clipboard.writeText(text).then(
      () => void this.toast(t("toast.copied")),
      (error: unknown) => void this.toast(String(error), true),
    );
  }

  #answered(id: string, answer: Raw, isError: boolean): void {
    const given = this.given.find((entry) => entry.id === id);
    if (given === undefined) return;
    const isDone = !isError && answer["accepted"] === true && answer["status"] !== "failed";
    const error = isError ? answer : rawOf(answer["error"]);
    given.state = isDone ? "done" : "failed";
    this.dismiss(given.toast);
    given.why = isDone ? null : visible(textOf(error["message"]) ?? textOf(error["code"]) ?? textOf(answer["status"]) ?? "?", 400);
    given.answer = answer;
    const values = { command: word("command", given.command), name: visible(given.path, 128), why: given.why ?? "" };
    this.toast(t(isDone ? "toast.done" : "toast.failed", values), !isDone);
  }

  /** Nobody will tell any more what became of what was asked for. */
  #giveUp(): void {
    for (const given of this.given) {
      if (given.state === "pending") this.#answered(given.id, { message: t("toast.lost") }, true);
    }
  }

  #askAgain(): void {
    const target = this.target;
    if (target === null || target.connection !== "connected" || !target.questions.has("reeve.status")) return;
    this.session.request(target.id, "reeve.status", { usage: true }).then((result) => {
      this.store.applyStatus(target.id, result);
      this.changed();
    }, () => {});
  }

  #applyPreferences(): void {
    choose(this.preferences.language);
    this.#applyShade();
    document.documentElement.lang = this.preferences.language === "zh" ? "zh-CN" : "en";
  }

  #applyShade(): void {
    const shade = shadeOf(this.preferences.theme, new Date());
    const { documentElement: page } = document;
    if (page.dataset["theme"] === (shade ?? undefined)) return;
    // All colours change at once: what is moved slowly else would be neither here nor there for a while.
    page.dataset["still"] = "";
    if (shade === null) delete page.dataset["theme"];
    else page.dataset["theme"] = shade;
    page.getBoundingClientRect();
    delete page.dataset["still"];
  }
}

const NOTHING: ReadonlySet<string> = new Set();

async function statusOf(path: string): Promise<number> {
  return (await fetch(path, { method: "HEAD", cache: "no-store" })).status;
}

function openSocket(): SocketLike {
  const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/session`);
  const like: SocketLike = {
    send: (text) => socket.send(text),
    close: () => socket.close(),
    onopen: null,
    onmessage: null,
    onclose: null,
  };
  socket.onmessage = ({ data }) => like.onmessage?.({ data });
  socket.onclose = ({ code, reason }) => like.onclose?.({ code, reason });
  return like;
}

function readPreferences(): Preferences {
  let raw: Raw = {};
  try {
    raw = rawOf(JSON.parse(kept(PREFERENCES) ?? "{}"));
  } catch {
    // What stands there is not ours.
  }
  const { theme, language, isUtc } = readPreferred(raw);
  return { theme, language: language ?? languageFor(navigator.languages), isUtc };
}

function storeId(): string {
  const known = kept(STORE_ID);
  if (known !== null) return known;
  const made = crypto.randomUUID();
  keep(STORE_ID, made);
  return made;
}

function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Where nothing may be kept, it is as chosen for as long as the page is there. */
function keep(name: string, text: string): void {
  try {
    localStorage.setItem(name, text);
  } catch {
    // As above.
  }
}
