/** What keys, the mouse and pushes make of the model, and what is asked of the target. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { bindingOf, BINDINGS, GROUPS, placeOf } from "../../../src/cli/top/bindings.ts";
import { shownEntries } from "../../../src/cli/top/model.ts";
import { outcomeOf } from "../../../src/cli/top/orders.ts";
import type { CommandOutcome } from "../../../src/client/mod.ts";
import { described, event, key, line, nanos, NOON_MS, Play, pushed, SHOP, shop, states, TREE, usage } from "./models.ts";

function paths({ model: { list } }: Play): string[] {
  return list.rows.map(({ path }) => path);
}

// --- the tree ----------------------------------------------------------------------------------------------------------------------------

Deno.test("arrows, pages and ends move through the tree, and what is selected stays in sight", () => {
  const many = Array.from({ length: 100 }, (_, index) => described(`/c${index}`));
  const play = new Play(80, 24).take(pushed(states(many, { whole: true })));
  assertEquals(play.model.selected, "/c0");
  play.press("down", "down", "j", "up");
  assertEquals(play.model.selected, "/c2");
  play.press("end");
  assertEquals([play.model.selected, play.screen().some((text) => text.startsWith("›") && text.includes("c99"))], ["/c99", true]);
  play.press("down", "pageup");
  assertEquals(play.model.selected, "/c88");
  play.press("home", "up");
  assertEquals([play.model.selected, play.model.top], ["/c0", 0]);
});

Deno.test("supervisors are folded and unfolded; who is inside of a folded one gives way to it", () => {
  const play = shop().press("end");
  assertEquals(play.model.selected, "/pollers/reviews");
  play.press("left");
  assertEquals(play.model.selected, "/pollers");
  play.press("left");
  assertEquals(paths(play), ["/catalog", "/mailer", "/pollers"]);
  play.press("right");
  assertEquals(paths(play).length, 5);
  play.press("right");
  assertEquals(play.model.selected, "/pollers/prices");
  play.press("-");
  assertEquals([play.model.selected, paths(play).length], ["/pollers", 3]);
  play.press("+");
  assertEquals(paths(play).length, 5);
  play.press(" ", " ");
  assertEquals(paths(play).length, 5);
});

Deno.test("o goes through the orders of siblings; supervisors count with all that is below them", () => {
  const play = shop().take(
    pushed(usage({ "/catalog": { cpuPercent: 5, memoryBytes: 10 }, "/pollers/reviews": { cpuPercent: 9, memoryBytes: 1 } })),
  );
  const orders = ["name", "cpu", "memory", "restarts", "declared"].map((sort) => {
    play.press("o");
    assertEquals(play.model.sort, sort);
    return paths(play).filter((path) => path.split("/").length === 2).join(" ");
  });
  assertEquals(orders, [
    "/catalog /mailer /pollers",
    "/pollers /catalog /mailer",
    "/catalog /pollers /mailer",
    "/mailer /catalog /pollers",
    "/catalog /mailer /pollers",
  ]);
  play.press("o", "o").take(pushed(usage({ "/catalog": { cpuPercent: 50 } })));
  assertEquals(paths(play)[0], "/catalog", "the order follows what is measured");
});

Deno.test("/ narrows while it is typed, n and N go through what was found, Esc shows all again", () => {
  const play = shop().press("/").type("rea");
  assertEquals(paths(play), ["/catalog", "/pollers", "/pollers/prices"], "ready is a state");
  play.press("backspace", "backspace", "backspace").type("pric");
  assertEquals(
    [paths(play), play.model.selected],
    [["/pollers", "/pollers/prices"], "/pollers/prices"],
    "not the one above what was found",
  );
  play.press("escape");
  assertEquals([play.model.filter, paths(play).length], ["", 5], "what was typed does not count");
  play.press("/").type("POLL").press("enter", "home", "n");
  assertEquals(play.model.selected, "/pollers/prices");
  play.press("N", "N");
  assertEquals(play.model.selected, "/pollers/reviews");
  play.press("escape");
  assertEquals([play.model.filter, play.model.selected], ["", "/pollers/reviews"]);
});

Deno.test("the filter follows states as they change", () => {
  const play = shop().press("/").type("paused").press("enter");
  assertEquals(paths(play), ["/pollers", "/pollers/reviews"]);
  play.take(pushed(states([described("/catalog", { operation: "paused", phase: "stopped" })])));
  assertEquals(paths(play), ["/catalog", "/pollers", "/pollers/reviews"]);
});

// --- pushes ------------------------------------------------------------------------------------------------------------------------------

Deno.test("children that change, come and go", () => {
  const play = shop();
  play.take(pushed(
    states([described("/catalog", { phase: "stopped" }), described("/late"), described("/pollers/new")]),
    states([described("/pollers", { kind: "supervisor", children: ["/pollers/new", "/pollers/prices", "/pollers/reviews"] })]),
  ));
  assertEquals(paths(play), ["/catalog", "/mailer", "/pollers", "/pollers/new", "/pollers/prices", "/pollers/reviews", "/late"]);
  play.press("down").take(pushed(states([], { removed: ["/mailer", "/nobody"] })));
  assertEquals([play.model.selected, paths(play).includes("/mailer")], ["/pollers", false]);
  play.take(pushed(states([described("/only")], { whole: true })));
  assertEquals([paths(play), play.model.selected], [["/only"], "/only"]);
  play.take(pushed(states([], { whole: true })));
  assertEquals([paths(play), play.model.selected], [[], null]);
  play.press("down", "enter", "w", "r", "left", "right", " ", "n", "pageup");
  assertEquals(play.effects, []);
  assertStringIncludes(play.screen().at(-2)!, "nobody is selected: restart whom?");
});

Deno.test("restarts are counted from before and from now on, and forgotten when the run begins anew", () => {
  const before = event("/catalog", "restarting", { seconds: -70, eventType: "ChildRestarting" });
  const play = new Play().take({
    type: "recent",
    events: before.type === "event" ? [{ event: before.event, description: "" }] : [],
    logs: [],
  });
  play.take(pushed(states(SHOP, { whole: true })));
  const ready = { restartsTotal: 4, attempt: 5 };
  play.take(pushed(states([described("/catalog", { restartsTotal: 1 })]), states([described("/catalog", ready)])));
  play.take(pushed(states([described("/catalog", ready)])));
  const stretch = Math.floor(NOON_MS / 30_000);
  assertEquals(play.model.restarts.get("/catalog"), [[stretch - 3, 1], [stretch, 4]]);
  play.take(pushed({ type: "restarted", message: "begun anew" }));
  assertEquals([play.model.restarts.size, play.model.isWhole], [0, false]);
  assertEquals(shownEntries(play.model).at(-1)?.text, "begun anew");
});

Deno.test("what a target sends that lacks what it must have is left out, and told", () => {
  const broken: unknown[] = [
    null,
    7,
    {},
    { ...described("/a"), waitingFor: "x" },
    { ...described("no path") },
    {
      ...described(`/${"x".repeat(5_000)}`),
    },
    { ...described("/b"), restartLimit: null },
    { ...described("/"), kind: "supervisor" },
  ];
  const children: unknown[] = [...broken, described("/good")];
  const delta = {
    sequence: 1,
    whole: true,
    runtimeState: [],
    childRuntimeRecords: [],
    removed: [],
    children: children.filter(isDescription),
  };
  const play = new Play().take(pushed({ type: "state_delta", delta }));
  assertEquals(paths(play), ["/good"]);
  assertStringIncludes(play.screen().join("\n"), "children came that lack what they must have");

  /** The type says what the target promises, not what it sends. */
  function isDescription(value: unknown): value is ReturnType<typeof described> {
    return value !== undefined;
  }
});

Deno.test("a connection that is lost stops the clock of what is shown, until all children came again", () => {
  const play = shop();
  play.take(
    { type: "connection", state: "reconnecting", reason: "gone", nowMs: NOON_MS + 12_000 },
    { type: "tick", nowMs: NOON_MS + 60_000 },
  );
  assertStringIncludes(play.screen()[3]!, "~  ● catalog      ready       12 s");
  play.take({ type: "connection", state: "connected", reason: "", nowMs: NOON_MS + 60_000 });
  assertStringIncludes(play.screen()[0]!, "connected, waiting");
  play.take(pushed(states(SHOP, { whole: true })));
  assertStringIncludes(play.screen()[0]!, "● live");
  assertStringIncludes(play.screen()[3]!, "› ");
  assertStringIncludes(play.screen()[3]!, "1 min");
});

Deno.test("times are those of the target's clock", () => {
  const play = new Play().take({ type: "tree", tree: { ...TREE, atUnixNanos: nanos(3_600) }, nowMs: NOON_MS });
  assertStringIncludes(play.screen()[0]!, "up 1 h 1 min");
});

// --- panes -------------------------------------------------------------------------------------------------------------------------------

function talking(count: number): Play {
  const play = shop(100, 24);
  for (let number = 1; number <= count; number++) play.take(line(number % 2 === 0 ? "/catalog" : "/mailer", `line ${number}`, number));
  return play.press("tab", "tab");
}

function bottomOf(play: Play): string {
  return play.screen().slice(9, -2).filter((text) => text !== "").at(-1)!.replace(/.* (line \d+)$/, "$1");
}

Deno.test("a pane follows what comes until somebody looks back, and again from the end on", () => {
  const play = talking(100);
  assertEquals(bottomOf(play), "line 100");
  play.press("up", "up");
  play.take(line("/catalog", "line 101", 101));
  assertEquals([bottomOf(play), play.screen()[8]!.includes("stays, 3 more below")], ["line 98", true]);
  play.press("down", "down", "down");
  play.take(line("/catalog", "line 102", 102));
  assertEquals(bottomOf(play), "line 102");
  play.press("f");
  play.take(line("/catalog", "line 103", 103));
  assertEquals(bottomOf(play), "line 102");
  play.press("f");
  assertEquals(bottomOf(play), "line 103");
  play.press("home");
  assertEquals(play.screen()[9]!.includes("listening"), true);
  play.press("pagedown", "end");
  assertEquals(bottomOf(play), "line 103");
});

Deno.test("a pane is searched upwards and downwards", () => {
  const play = talking(100).press("/").type("line 2").press("enter");
  assertEquals(bottomOf(play), "line 29");
  play.press("n");
  assertEquals(bottomOf(play), "line 28");
  play.press("N", "N");
  assertEquals(bottomOf(play), "line 29");
  assertStringIncludes(play.screen().at(-2)!, '"line 2" is not found below');
  play.press("escape");
  assertEquals(play.model.logs.search, "");
  play.press("/").type("no such").press("enter");
  assertStringIncludes(play.screen().at(-2)!, '"no such" is not found');
  play.press("escape", "escape");
  assertEquals(play.model.focus, "tree");
});

Deno.test("a pane shows all, or the selected child and those below it", () => {
  const play = talking(4).press("a");
  assertEquals(shownEntries(play.model).map(({ text }) => text), ["listening", "line 2", "line 4"]);
  play.press("tab", "end", "up", "up");
  assertEquals(play.model.selected, "/pollers");
  assertEquals(shownEntries(play.model).map(({ text }) => text), ["prices are up to date"]);
});

Deno.test("what a pane keeps is bounded, and where somebody looks stays", () => {
  const play = talking(40).press("up");
  const many = Array.from({ length: 12_000 }, (_, index) => line("/catalog", `line ${index}`, index));
  play.take(...many.slice(0, 4_000));
  assertEquals(bottomOf(play), "line 39");
  play.take(...many.slice(4_000));
  assertEquals(play.model.logs.entries.length, 5_000);
  play.screen();
});

// --- pages -------------------------------------------------------------------------------------------------------------------------------

Deno.test("details are asked for, and go on with what happens", () => {
  const play = shop().press("enter");
  assertEquals(play.effects, [{ type: "recall", path: "/catalog" }]);
  play.take({ type: "story", path: "/catalog", events: [], logs: [] });
  play.take(pushed(event("/catalog", "stopped in 7 ms"), event("/mailer", "something else")), line("/catalog", "bye"));
  const text = play.screen().join("\n");
  assertStringIncludes(text, "stopped in 7 ms");
  assertStringIncludes(text, "│ bye");
  assert(!text.includes("something else"));
  play.press("w");
  assertStringIncludes(play.screen()[1]!, "/catalog is ready since");
  play.press("w");
  assertStringIncludes(play.screen()[1]!, "/catalog  ready since");
  play.take(pushed(states([], { removed: ["/catalog"] })));
  assertStringIncludes(play.screen()[1]!, "/catalog is not there any more");
  play.press("q");
  assertEquals([play.model.screen.kind, play.effects.length], ["tree", 1]);
});

Deno.test("the help has every key, in words, and every key that it has does something", () => {
  const play = shop(100, 200).press("?");
  const text = play.screen().join("\n");
  for (const { shown, help, keys, places } of BINDINGS) {
    assert(text.split("\n").some((row) => row.trim().startsWith(shown) && row.endsWith(help)), `${shown}: ${help}`);
    for (const place of places) for (const name of keys) assertEquals(bindingOf(place, name)?.help, help, `${place} ${name}`);
  }
  assertEquals(new Set(GROUPS.flatMap(([, bindings]) => bindings)).size, BINDINGS.length);
});

Deno.test("pages end where their text does", () => {
  const play = shop(80, 12).press("?", "end");
  const last = play.screen();
  play.press("down", "pagedown");
  assertEquals(play.screen(), last);
  play.press("up");
  assertEquals(play.screen()[2], last[1]);
  play.press("home");
  assertStringIncludes(play.screen()[1]!, "The tree");
});

// --- commands ----------------------------------------------------------------------------------------------------------------------------

const ASKED: readonly (readonly [name: string, at: readonly string[], keys: readonly string[], kind: string, request: object])[] = [
  ["restart", [], ["r", "enter"], "restart_child", { childPath: "/catalog" }],
  ["start", ["down"], ["s", "enter"], "start_child", { childPath: "/mailer" }],
  ["stop", [], ["x", "enter"], "terminate_child", { childPath: "/catalog" }],
  ["pause", [], ["p", "enter"], "pause_child", { childPath: "/catalog" }],
  ["resume", ["end"], ["u", "enter"], "resume_child", { childPath: "/pollers/reviews" }],
  ["quarantine", [], ["z", "enter"], "quarantine_child", { childPath: "/catalog" }],
  ["release", [], ["Z", "enter"], "release_child", { childPath: "/catalog" }],
  ["reset the fuse of", [], ["F", "enter"], "reset_fuse", { childPath: "/catalog" }],
  ["remove", [], ["D", "enter", ..."catalog", "enter"], "remove_child", { childPath: "/catalog", confirmed: true }],
  ["shut down", [], ["X", "enter", ..."shop", "enter"], "shutdown_tree", { confirmed: true }],
];

for (const [name, at, keys, kind, request] of ASKED) {
  Deno.test(`a key asks to ${name}, after the reason`, () => {
    const play = shop().press(...at, ...keys.slice(0, 1));
    assertEquals(play.effects, [], "nothing is done before it is said why");
    play.press(...keys.slice(1));
    const [effect] = play.effects;
    assert(effect?.type === "command");
    assertEquals([effect.kind, effect.request], [kind, { ...request, reason: "asked for in reeve top" }]);
    assertStringIncludes(play.screen().at(-2)!, `… ${effect.what}: asked`);
  });
}

Deno.test("a reason that is typed or pasted counts, and Esc does nothing at all", () => {
  const play = shop().press("p").type("no mony").press("left", "backspace").type("ne");
  play.take({ type: "paste", text: " left\nfor it" }).press("end").type("!").press("enter");
  const [effect] = play.effects;
  assertEquals(effect?.type === "command" && effect.request.reason, "no mone left for ity!");
  play.press("p").type("q?x").press("escape", "down");
  assertEquals([play.effects.length, play.model.selected, play.model.prompt], [1, "/mailer", null]);
});

Deno.test("what takes something away is not done where the name is another", () => {
  const play = shop().press("D", "enter").type("mailer").press("enter");
  assertEquals(play.effects, []);
  assertStringIncludes(play.screen().at(-2)!, '"mailer" is not its name: nothing was done');
});

const COPIES = [
  described("/web", { kind: "supervisor", children: ["/web/web:1", "/web/web:2", "/web/web:3"] }),
  ...[1, 2, 3].map((number) => described(`/web/web:${number}`)),
  described("/pool", { kind: "supervisor", children: ["/pool/job:1"] }),
  described("/pool/job:1"),
];

Deno.test("copies are scaled and replaced, whichever of them is selected", () => {
  const of = (...keys: readonly string[]): unknown[] => {
    const play = new Play().take(pushed(states(COPIES, { whole: true }))).press(...keys);
    return play.effects.map((effect) => effect.type === "command" ? { kind: effect.kind, ...effect.request } : effect);
  };
  const reason = "asked for in reeve top";
  assertEquals(of("c", "ctrl+u", "5", "enter", "enter"), [{ kind: "scale", template: "web", count: 5, reason, confirmed: true }]);
  assertEquals(of("down", "c", "backspace", "4", "enter", "enter"), [{
    kind: "scale",
    template: "web",
    count: 4,
    reason,
    confirmed: true,
  }]);
  assertEquals(of("c", "backspace", "1", "enter", "enter"), [], "who takes copies away types the name");
  assertEquals(of("c", "backspace", "1", "enter", "enter", ..."web", "enter").length, 1);
  assertEquals(of("c", "backspace", "x", "enter"), []);
  assertEquals(of("end", "c", "backspace", "2", "enter", "enter"), [
    { kind: "scale", template: "job", count: 2, childPath: "/pool", reason, confirmed: true },
  ]);
  assertEquals(of("down", "R", "enter"), [{ kind: "rolling_restart", childPath: "/web", reason, timeoutMs: 3_600_000 }]);
});

Deno.test("outcomeOf() says what became of a command", () => {
  const outcome: CommandOutcome = {
    commandId: "1",
    targetId: "shop",
    accepted: true,
    status: "completed",
    error: null,
    stateDelta: null,
    completedAtUnixNanos: 0n,
  };
  const said = (changes: Partial<CommandOutcome>): string => outcomeOf("pause /web", { ...outcome, ...changes }).text;
  assertEquals(said({ stateDelta: { outcome: { idempotent: false } } }), "✓ pause /web: done");
  assertEquals(said({ stateDelta: { outcome: { idempotent: true } } }), "✓ pause /web: it was so already");
  assertEquals(said({ stateDelta: { added: ["/a", "/b"], removed: [] } }), "✓ pause /web: 2 copies added");
  assertEquals(said({ stateDelta: { restarted: ["/a"], failed: ["/b"] } }), "✗ pause /web: 1 copy restarted, 1 copy failed");
  const error = { code: "x", stage: "y", message: "nobody\u001b[2J may", retryable: false };
  assertEquals(said({ accepted: false, error }), "✗ pause /web: refused: nobody\\u{1b}[2J may");
});

// --- the mouse, and the end ----------------------------------------------------------------------------------------------------------------

Deno.test("the mouse selects, opens, scrolls and changes the focus", () => {
  const play = shop();
  const press = (row: number): unknown => play.take({ type: "mouse", action: "press", column: 5, row });
  press(4);
  assertEquals(play.model.selected, "/mailer");
  press(4);
  assertEquals(play.model.screen.kind, "describe");
  play.press("escape").take({ type: "mouse", action: "down", column: 1, row: 5 });
  assertEquals(play.model.selected, "/pollers/reviews");
  press(9);
  assertEquals(play.model.focus, "events");
  press(20);
  press(22);
  press(0);
  assertEquals(play.model.focus, "events");
  press(3);
  assertEquals([play.model.focus, play.model.selected], ["tree", "/catalog"]);
});

Deno.test("q and Ctrl-C quit, Ctrl-C also in a question; q in a page goes back", () => {
  assertEquals(shop().press("q").effects, [{ type: "quit" }]);
  assertEquals(shop().press("tab", "q").effects, [{ type: "quit" }]);
  assertEquals(shop().press("p", "ctrl+c").effects, [{ type: "quit" }]);
  assertEquals(shop().press("?", "q", "enter", "q").effects.filter(({ type }) => type === "quit"), []);
  assertEquals(shop(20, 5).press("q").effects, [{ type: "quit" }]);
});

Deno.test("update() changes nothing of the model that it is given", () => {
  const play = shop();
  const before = play.model;
  const text = describeModel(play);
  play.press("down", "o", "/", "a", "enter", "tab", "up").take(
    pushed(states([described("/new")], { removed: ["/catalog"] })),
    line("/catalog", "x"),
  );
  assertEquals(describeModel(play.with(before)), text);
  assertEquals(placeOf(before), "tree");
  assertEquals(key("a").text, "a");
});

function describeModel({ model }: Play): string {
  return JSON.stringify(model, (_, value: unknown) => {
    if (typeof value === "bigint") return String(value);
    return value instanceof Map || value instanceof Set ? [...value] : value;
  });
}
