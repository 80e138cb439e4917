/** What is known and shown, as one value that is never changed, only replaced. */
import type { ChildDescription, ChildUsage, CommandRequest, DescribedEvent, TargetLogRecord, TreeDescription } from "../../client/mod.ts";
import type { CommandKind, ConnectionState, ExtensionKind } from "../../client/mod.ts";
import type { Entry, Pane } from "./pane.ts";
import type { Prompt } from "./prompt.ts";
import { NO_ROWS, type RowList, type Sort, type Structure } from "./rows.ts";

/** How it stands with the target. */
export interface Connection {
  readonly state: ConnectionState;
  readonly reason: string;
  /** When it was lost; `null` where it is not. */
  readonly lostAtMs: number | null;
  /** When it is tried again. */
  readonly retryAtMs: number | null;
}

/** What is told of a command, or of something else that was done. */
export interface Said {
  readonly text: string;
  readonly style: "red" | "green" | "yellow";
}

/** Everything about one child, or why it is so. */
export interface Story {
  readonly kind: "describe" | "why";
  readonly path: string;
  readonly events: readonly DescribedEvent[];
  readonly logs: readonly TargetLogRecord[];
  readonly scroll: number;
}

/** What the screen shows. */
export type Screen = { readonly kind: "tree" } | Story | { readonly kind: "help"; readonly scroll: number };

/** Restarts of one child: how many in each stretch of time, oldest first. */
export type Restarts = readonly (readonly [stretch: number, count: number])[];

/** What is known and shown. */
export interface Model {
  readonly columns: number;
  readonly rows: number;
  /** The clock of whoever looks. */
  readonly nowMs: number;
  /** By how much the target's clock is ahead. */
  readonly aheadMs: number;
  readonly connection: Connection;
  readonly tree: TreeDescription | null;
  readonly children: ReadonlyMap<string, ChildDescription>;
  /** Whether all children came since the connection was made. */
  readonly isWhole: boolean;
  readonly structure: Structure;
  /** What processes take; of supervisors and of "/", what all below them do. */
  readonly usage: ReadonlyMap<string, ChildUsage>;
  readonly unmeasured: string | null;
  readonly restarts: ReadonlyMap<string, Restarts>;
  readonly list: RowList;
  /** The path of the child that commands are for. */
  readonly selected: string | null;
  /** The first row that is shown. */
  readonly top: number;
  readonly folded: ReadonlySet<string>;
  readonly sort: Sort;
  readonly filter: string;
  readonly focus: "tree" | "events" | "logs";
  /** Which pane is below the tree. */
  readonly below: "events" | "logs";
  readonly isLarge: boolean;
  /** Whether panes show only the selected child and those below it. */
  readonly onlySelected: boolean;
  readonly events: Pane;
  readonly logs: Pane;
  readonly screen: Screen;
  readonly prompt: Prompt | null;
  readonly said: Said | null;
}

/** What the reducer asks for. */
export type Effect =
  | { readonly type: "quit" }
  | { readonly type: "suspend" }
  | { readonly type: "recall"; readonly path: string }
  | {
    readonly type: "command";
    readonly kind: CommandKind | ExtensionKind;
    /** What is done to whom, in words. */
    readonly what: string;
    readonly request: Omit<CommandRequest, "requestedBy">;
  };

/** What became of an input or a push. */
export type Step = readonly [model: Model, effects: readonly Effect[]];

/** Nothing but the model changes. */
export function only(model: Model): Step {
  return [model, []];
}

const EMPTY_PANE: Pane = { entries: [], nextId: 1, bottom: null, search: "" };

/** The model before anything is known. */
export function emptyModel({ columns, rows, nowMs }: Pick<Model, "columns" | "rows" | "nowMs">): Model {
  return {
    columns,
    rows,
    nowMs,
    aheadMs: 0,
    connection: { state: "connected", reason: "", lostAtMs: null, retryAtMs: null },
    tree: null,
    children: new Map(),
    isWhole: false,
    structure: { top: [], below: new Map() },
    usage: new Map(),
    unmeasured: null,
    restarts: new Map(),
    list: NO_ROWS,
    selected: null,
    top: 0,
    folded: new Set(),
    sort: "declared",
    filter: "",
    focus: "tree",
    below: "events",
    isLarge: false,
    onlySelected: false,
    events: EMPTY_PANE,
    logs: EMPTY_PANE,
    screen: { kind: "tree" },
    prompt: null,
    said: null,
  };
}

/** The moment of which is told: that at which the connection was lost, where it is. */
export function momentOfModel({ nowMs, aheadMs, connection }: Model): bigint {
  return BigInt(Math.round((connection.lostAtMs ?? nowMs) + aheadMs)) * 1_000_000n;
}

/** Whether what is shown may be different by now. */
export function isStale({ connection, isWhole }: Model): boolean {
  return connection.state !== "connected" || !isWhole;
}

/** The child that is selected, with what it takes. */
export function childAt({ children, usage }: Model, path: string | null): ChildDescription | undefined {
  const child = path === null ? undefined : children.get(path);
  return child === undefined ? undefined : { ...child, usage: usage.get(child.childPath) ?? null };
}

/** The pane that has the focus, or is shown. */
export function paneOf(model: Model): Pane {
  return model.below === "events" ? model.events : model.logs;
}

/** The same model with another pane in its place. */
export function withPane(model: Model, pane: Pane): Model {
  return model.below === "events" ? { ...model, events: pane } : { ...model, logs: pane };
}

/** What is shown of a pane. */
export function shownEntries(model: Model): readonly Entry[] {
  const { entries } = paneOf(model);
  const path = model.onlySelected ? model.selected : null;
  if (path === null) return entries;
  return entries.filter((entry) => entry.path === path || entry.path.startsWith(`${path}/`) || entry.path === "");
}
