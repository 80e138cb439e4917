/** The keys: what handles them, what the bottom line shows, and what the help says are one table. */
import type { Model, Step } from "./model.ts";
import { only, paneOf, withPane } from "./model.ts";
import {
  allFolded,
  asksFor,
  focusedNext,
  folded,
  followed,
  foundNext,
  lineFound,
  moved,
  opened,
  pageMoved,
  pageOf,
  paneMoved,
  sortedNext,
  toggled,
  unfolded,
} from "./moves.ts";
import { ordered, type Verb } from "./orders.ts";

/** Where a key counts: in the tree, in a pane below it, in the page of a child, in the help. */
export type Place = "tree" | "pane" | "story" | "help";

/** One key, or several that do the same. */
export interface Binding {
  readonly keys: readonly string[];
  /** How they are written. */
  readonly shown: string;
  /** One word for the bottom line; where it lacks, the key is only in the help. */
  readonly label?: string;
  /** One sentence for the help. */
  readonly help: string;
  readonly places: readonly Place[];
  readonly act: (model: Model) => Step;
}

const EVERYWHERE: readonly Place[] = ["tree", "pane", "story", "help"];
const AT_A_CHILD: readonly Place[] = ["tree", "pane", "story"];
const FAR = 1e9;

/** What is looked for first on the bottom line. */
const MAIN: readonly Binding[] = [
  { keys: ["?", "f1"], shown: "?", label: "help", help: "what all keys do", places: AT_A_CHILD, act: help },
  {
    keys: ["q"],
    shown: "q",
    label: "quit",
    help: "quit; the tree goes on",
    places: ["tree", "pane"],
    act: (model) => [model, [{ type: "quit" }]],
  },
  { keys: ["escape", "q", "enter"], shown: "Esc q", label: "back", help: "back to the tree", places: ["story"], act: back },
  { keys: ["escape", "q", "?", "enter"], shown: "Esc q", label: "back", help: "back to where you were", places: ["help"], act: back },
  {
    keys: ["enter"],
    shown: "Enter",
    label: "details",
    help: "everything about the child",
    places: ["tree"],
    act: (model) => opened(model, "describe"),
  },
  {
    keys: ["w"],
    shown: "w",
    label: "why",
    help: "why the child is as it is, and when it comes back",
    places: ["tree", "pane"],
    act: (model) => opened(model, "why"),
  },
  {
    keys: ["w"],
    shown: "w",
    label: "why/details",
    help: "why the child is as it is, or everything about it",
    places: ["story"],
    act: otherStory,
  },
  {
    keys: ["/"],
    shown: "/",
    label: "filter",
    help: "only children whose path or state has a text",
    places: ["tree"],
    act: (model) => asksFor(model, "filter"),
  },
  {
    keys: ["/"],
    shown: "/",
    label: "search",
    help: "look for a text in the lines",
    places: ["pane"],
    act: (model) => asksFor(model, "search"),
  },
  {
    keys: ["tab"],
    shown: "Tab",
    label: "pane",
    help: "from the tree to the events, to the lines of output, and back",
    places: ["tree", "pane"],
    act: (model) => focusedNext(model, 1),
  },
];

const LOOKING: readonly Binding[] = [
  { keys: ["up", "k"], shown: "↑ k", help: "the child above", places: ["tree"], act: (model) => moved(model, -1) },
  { keys: ["down", "j"], shown: "↓ j", help: "the child below", places: ["tree"], act: (model) => moved(model, 1) },
  { keys: ["pageup", "ctrl+b"], shown: "PgUp", help: "a page up", places: ["tree"], act: (model) => moved(model, -pageOf(model)) },
  { keys: ["pagedown", "ctrl+f"], shown: "PgDn", help: "a page down", places: ["tree"], act: (model) => moved(model, pageOf(model)) },
  { keys: ["home", "g"], shown: "Home g", help: "the first child", places: ["tree"], act: (model) => moved(model, -FAR) },
  { keys: ["end", "G"], shown: "End G", help: "the last child", places: ["tree"], act: (model) => moved(model, FAR) },
  { keys: ["left", "h"], shown: "← h", help: "fold a supervisor, or go to the one above", places: ["tree"], act: folded },
  { keys: ["right", "l"], shown: "→ l", help: "unfold a supervisor, or go into it", places: ["tree"], act: unfolded },
  { keys: [" "], shown: "Space", label: "fold", help: "fold or unfold a supervisor", places: ["tree"], act: toggled },
  { keys: ["-"], shown: "-", help: "fold all supervisors", places: ["tree"], act: (model) => allFolded(model, true) },
  { keys: ["+", "="], shown: "+", help: "unfold all supervisors", places: ["tree"], act: (model) => allFolded(model, false) },
  {
    keys: ["o"],
    shown: "o",
    label: "order",
    help: "order siblings as declared, by name, processor, memory or restarts",
    places: ["tree"],
    act: sortedNext,
  },
  { keys: ["n"], shown: "n", help: "the next child that was found", places: ["tree"], act: (model) => foundNext(model, 1) },
  { keys: ["N"], shown: "N", help: "the child that was found before", places: ["tree"], act: (model) => foundNext(model, -1) },
  {
    keys: ["escape"],
    shown: "Esc",
    help: "all children again",
    places: ["tree"],
    act: (model) => only({ ...model, filter: "", said: null }),
  },
  {
    keys: ["shift+tab"],
    shown: "Shift-Tab",
    help: "the other way round",
    places: ["tree", "pane"],
    act: (model) => focusedNext(model, -1),
  },
  {
    keys: ["a"],
    shown: "a",
    label: "all/one",
    help: "events and lines of all, or of the selected child and those below it",
    places: ["tree", "pane"],
    act: scoped,
  },
  { keys: ["up", "k"], shown: "↑ k", help: "a line up", places: ["pane"], act: (model) => paneMoved(model, -1) },
  { keys: ["down", "j"], shown: "↓ j", help: "a line down", places: ["pane"], act: (model) => paneMoved(model, 1) },
  {
    keys: ["pageup", "ctrl+b"],
    shown: "PgUp",
    label: "up",
    help: "a page up",
    places: ["pane"],
    act: (model) => paneMoved(model, -pageOf(model)),
  },
  {
    keys: ["pagedown", "ctrl+f", " "],
    shown: "PgDn",
    label: "down",
    help: "a page down",
    places: ["pane"],
    act: (model) => paneMoved(model, pageOf(model)),
  },
  { keys: ["home", "g"], shown: "Home g", help: "the oldest line", places: ["pane"], act: (model) => paneMoved(model, -FAR) },
  { keys: ["end", "G"], shown: "End G", help: "the newest line, and follow", places: ["pane"], act: (model) => paneMoved(model, FAR) },
  { keys: ["f"], shown: "f", label: "follow", help: "follow what comes, or stay", places: ["pane"], act: followed },
  { keys: ["n"], shown: "n", help: "the line above that has it", places: ["pane"], act: (model) => lineFound(model, -1) },
  { keys: ["N"], shown: "N", help: "the line below that has it", places: ["pane"], act: (model) => lineFound(model, 1) },
  {
    keys: ["m"],
    shown: "m",
    label: "large",
    help: "the pane over the whole screen, or below the tree",
    places: ["pane"],
    act: (model) => only({ ...model, isLarge: !model.isLarge }),
  },
  { keys: ["escape"], shown: "Esc", help: "look for nothing any more, then back to the tree", places: ["pane"], act: leavePane },
  { keys: ["up", "k"], shown: "↑ k", help: "a line up", places: ["story", "help"], act: (model) => pageMoved(model, -1) },
  { keys: ["down", "j"], shown: "↓ j", help: "a line down", places: ["story", "help"], act: (model) => pageMoved(model, 1) },
  {
    keys: ["pageup", "ctrl+b"],
    shown: "PgUp",
    label: "up",
    help: "a page up",
    places: ["story", "help"],
    act: (model) => pageMoved(model, -pageOf(model)),
  },
  {
    keys: ["pagedown", "ctrl+f", " "],
    shown: "PgDn",
    label: "down",
    help: "a page down",
    places: ["story", "help"],
    act: (model) => pageMoved(model, pageOf(model)),
  },
  { keys: ["home", "g"], shown: "Home g", help: "the beginning", places: ["story", "help"], act: (model) => pageMoved(model, -FAR) },
  { keys: ["end", "G"], shown: "End G", help: "the end", places: ["story", "help"], act: (model) => pageMoved(model, FAR) },
  { keys: ["ctrl+c"], shown: "Ctrl-C", help: "quit, from anywhere", places: EVERYWHERE, act: (model) => [model, [{ type: "quit" }]] },
  {
    keys: ["ctrl+z"],
    shown: "Ctrl-Z",
    help: "leave it in the background; fg brings it back",
    places: EVERYWHERE,
    act: (model) => [model, [{ type: "suspend" }]],
  },
];

/** One key, what the help says, and what is asked. */
const VERBS: readonly (readonly [key: string, help: string, verb: Verb])[] = [
  ["r", "stop the child and start it anew", verbOf("restart_child", "restart")],
  ["R", "start the copies of a child anew, one after the other", verbOf("rolling_restart", "restart one by one", "copies")],
  ["s", "start a child that is down", verbOf("start_child", "start")],
  ["x", "stop the child until somebody starts it", verbOf("terminate_child", "stop")],
  ["p", "pause the child: nothing starts it by itself", verbOf("pause_child", "pause")],
  ["u", "resume a child that is paused", verbOf("resume_child", "resume")],
  ["z", "put the child under quarantine", verbOf("quarantine_child", "quarantine")],
  ["Z", "release it from quarantine", verbOf("release_child", "release")],
  ["F", "close its fuse", verbOf("reset_fuse", "reset the fuse of")],
  ["c", "change how many copies of a child there are", verbOf("scale", "scale", "copies")],
  ["D", "remove the child for good", { ...verbOf("remove_child", "remove"), isDangerous: true }],
  ["X", "shut the whole tree down", { ...verbOf("shutdown_tree", "shut the tree down", "tree"), isDangerous: true }],
];

function verbOf(kind: Verb["kind"], word: string, of: Verb["of"] = "child"): Verb {
  return { kind, word, of, isDangerous: false };
}

/** Words of the bottom line for what is asked most. */
const LABELS: Readonly<Record<string, string>> = { r: "restart", s: "start", x: "stop", p: "pause", u: "resume" };

const ASKING: readonly Binding[] = VERBS.map(([key, help, verb]) => ({
  keys: [key],
  shown: key,
  ...LABELS[key] === undefined ? {} : { label: LABELS[key] },
  help,
  places: AT_A_CHILD,
  act: (model) => ordered(model, verb),
}));

/** All keys, as the bottom line shows those of them that have a label. */
export const BINDINGS: readonly Binding[] = [...MAIN, ...ASKING, ...LOOKING];

const OTHERS = [...MAIN, ...LOOKING];

/** The same, as the help groups them. */
export const GROUPS: readonly (readonly [title: string, bindings: readonly Binding[]])[] = [
  ["The tree", OTHERS.filter(({ places }) => places.includes("tree"))],
  ["Events and lines of output", OTHERS.filter(({ places }) => places.includes("pane") && !places.includes("tree"))],
  ["Commands for the selected child; each asks why", ASKING],
  ["Pages such as this one", OTHERS.filter(({ places }) => !places.includes("tree") && !places.includes("pane"))],
];

/** Where keys count now. */
export function placeOf({ screen, focus }: Pick<Model, "screen" | "focus">): Place {
  if (screen.kind === "help") return "help";
  if (screen.kind !== "tree") return "story";
  return focus === "tree" ? "tree" : "pane";
}

/** What a key does there. */
export function bindingOf(place: Place, key: string): Binding | undefined {
  return BY_KEY.get(`${place} ${key}`);
}

const BY_KEY: ReadonlyMap<string, Binding> = new Map(
  BINDINGS.flatMap((binding) => binding.places.flatMap((place) => binding.keys.map((key) => [`${place} ${key}`, binding] as const))),
);

function help(model: Model): Step {
  return only({ ...model, screen: { kind: "help", scroll: 0 } });
}

function back(model: Model): Step {
  return only({ ...model, screen: { kind: "tree" } });
}

function otherStory(model: Model): Step {
  return opened(model, model.screen.kind === "why" ? "describe" : "why");
}

function scoped(model: Model): Step {
  return only({ ...model, onlySelected: !model.onlySelected });
}

function leavePane(model: Model): Step {
  const pane = paneOf(model);
  if (pane.search !== "") return only(withPane(model, { ...pane, search: "" }));
  return only({ ...model, focus: "tree", isLarge: false });
}
