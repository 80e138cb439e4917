/** Which events somebody wants to see. */
import { didYouMean, lastName } from "../base/mod.ts";
import { EVENT_TYPES, type EventSeverity, type EventType, isEventType, severityOf } from "../event/mod.ts";
import { isDetail } from "./event_log.ts";
import { momentOf, MOMENTS } from "./when.ts";

/** How somebody writes that. */
export interface EventFilterArgs {
  /** Only what happened from this moment on: a time, seconds since 1970, or an age such as `15m`. */
  readonly since?: string | undefined;
  /** Only what happened up to this moment. */
  readonly until?: string | undefined;
  /** Only these types, separated by commas. */
  readonly type?: string | undefined;
  /** Only these severities, separated by commas. */
  readonly severity?: string | undefined;
  /** Only this child and those below it: a path, or a name. */
  readonly child?: string | undefined;
  /** Only the last so many. */
  readonly limit?: number | undefined;
  /** Whether steps in between are shown too, which are when their type is asked for. @default {false} */
  readonly verbose?: boolean;
  /** Whether to print JSON, one object a line, instead of lines for people. */
  readonly json: boolean;
}

/** The same, understood. */
export interface EventWishes {
  readonly sinceMs: number;
  readonly untilMs: number;
  /** `null` for all. */
  readonly types: readonly EventType[] | null;
  /** `null` for all. */
  readonly severities: readonly EventSeverity[] | null;
  readonly child: string | null;
  readonly limit: number;
  /** Whether steps in between are wanted. */
  readonly details: boolean;
}

const SEVERITIES: readonly EventSeverity[] = ["error", "warning", "info"];

/** Understands what is wanted; a text says what cannot be understood. */
export function eventWishes(args: EventFilterArgs): EventWishes | string {
  const { since, until, type, severity, child = null, limit = Infinity, verbose = false, json } = args;
  const span = spanOf(since, until);
  if (typeof span === "string") return span;
  const types: EventType[] = [];
  for (const name of type === undefined ? [] : namesIn(type)) {
    if (!isEventType(name)) {
      return `There is no event of type "${name}". ${didYouMean(name, EVENT_TYPES) ?? "docs/reference/events.md lists them"}`;
    }
    types.push(name);
  }
  const severities: EventSeverity[] = [];
  for (const name of severity === undefined ? [] : namesIn(severity)) {
    const found = SEVERITIES.find((one) => one === name);
    if (found === undefined) return `There is no severity "${name}": it must be one of ${SEVERITIES.join(", ")}`;
    severities.push(found);
  }
  return {
    ...span,
    types: type === undefined ? null : types,
    severities: severity === undefined ? null : severities,
    child,
    limit,
    details: verbose || json || type !== undefined,
  };
}

/** A span of time; a text says what cannot be understood. */
export function spanOf(
  since: string | undefined,
  until: string | undefined,
): { readonly sinceMs: number; readonly untilMs: number } | string {
  const nowMs = Date.now();
  const moments: (number | undefined)[] = [];
  for (const [option, text] of [["--since", since], ["--until", until]]) {
    const atMs = text === undefined ? undefined : momentOf(text, nowMs);
    if (text !== undefined && atMs === undefined) return `Cannot understand ${option} "${text}": it must be ${MOMENTS}`;
    moments.push(atMs);
  }
  const [sinceMs = -Infinity, untilMs = Infinity] = moments;
  if (sinceMs > untilMs) return `Nothing can be shown: --since ${since} is after --until ${until}`;
  return { sinceMs, untilMs };
}

function namesIn(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}

/** The types that are wanted, with those of the severities; `undefined` for all. */
export function typesOf({ types, severities }: EventWishes): readonly EventType[] | undefined {
  if (severities === null) return types ?? undefined;
  return (types ?? EVENT_TYPES).filter((type) => severities.includes(severityOf(type)));
}

/** Whether an event of that type and time is shown. */
export function isShown(
  { sinceMs, untilMs, details }: EventWishes,
  { type, timeMs }: { readonly type: string; readonly timeMs: number },
): boolean {
  return timeMs >= sinceMs && timeMs <= untilMs && (details || !isDetail(type));
}

/** Tells those whose path is wanted from others, where nobody knows who there was; a name is that of a child of any supervisor. */
export class PathFilter {
  readonly #child: string | null;
  readonly #seen = new Set<string>();
  #found = false;

  constructor(child: string | null) {
    this.#child = child === null || child === "/" ? null : child;
  }

  isWanted(path: string): boolean {
    const child = this.#child;
    if (child === null) return true;
    if (!this.#found && this.#seen.size < MOST_SEEN) this.#seen.add(path);
    const isBelow = child.includes("/")
      ? `${path}/`.startsWith(`${child.startsWith("/") ? child : `/${child}`}/`)
      : path.split("/").includes(child);
    this.#found ||= isBelow;
    return isBelow;
  }

  /** What to say when none was; `null` when one was. */
  get complaint(): string | null {
    if (this.#child === null || this.#found) return null;
    const names = [...this.#seen].flatMap((path) => [path, lastName(path)]);
    return `nothing of a child "${this.#child}" is there. ${didYouMean(this.#child, names) ?? ""}`.trimEnd();
  }
}

/** So many paths are remembered to find the nearest name. */
const MOST_SEEN = 10_000;
