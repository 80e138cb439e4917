import { assert, assertEquals } from "@std/assert";
import { ALL_ROWS, countRare, type RowFilter, Timeline, toNdjson, wanting, wantsAll } from "../../src/web/model/timeline.ts";

const at = (ms: number): string => new Date(1_700_000_000_000 + ms).toISOString();
const event = (sequence: number, ms: number, more: object = {}): object => ({
  sequence,
  event_type: "ChildFailed",
  severity: "error",
  target_path: "/web",
  occurred_at: at(ms),
  ...more,
});

Deno.test("rows stand by time across targets, and by number within one even where its clock goes back", () => {
  const timeline = new Timeline();
  timeline.addEvent("a", event(1, 100), "one");
  timeline.addEvent("a", event(2, 50), "two");
  timeline.addEvent("b", event(1, 80), "other");
  timeline.addEvent("b", event(2, 120), "later");
  timeline.addEvent("a", event(3, 110), "three");
  assertEquals(timeline.rows.map(({ text }) => text), ["other", "one", "two", "three", "later"]);
});

Deno.test("what comes twice is there once, also when the numbers of one stream begin anew, which the other one does not care for", () => {
  const timeline = new Timeline();
  timeline.addEvent("a", event(7, 0), "one");
  timeline.addLog("a", { sequence: 4, occurred_at: at(1) });
  assertEquals(timeline.addEvent("a", event(7, 0), "one"), null);
  assertEquals([timeline.lastSequence("a", "event"), timeline.lastSequence("a", "log")], [7, 4]);
  timeline.restart("a", ["event"]);
  assertEquals([timeline.lastSequence("a", "event"), timeline.lastSequence("a", "log")], [null, 4]);
  timeline.addEvent("a", event(1, 10), "again");
  timeline.addEvent("a", event(7, 20), "again 7");
  assertEquals(timeline.addEvent("a", event(7, 0), "one"), null);
  timeline.restart("a", ["event", "log"]);
  assertEquals(timeline.addEvent("a", event(7, 20), "again 7"), null);
  assertEquals(timeline.rows.map(({ text }) => text), ["one", "", "again", "again 7"]);
});

Deno.test("the oldest are let go, and counted", () => {
  const timeline = new Timeline(100);
  for (let sequence = 1; sequence <= 1_000; sequence++) timeline.addEvent("a", event(sequence, sequence), `${sequence}`);
  assert(timeline.rows.length <= 105);
  assertEquals(timeline.rows.at(-1)?.text, "1000");
  assertEquals(timeline.forgotten + timeline.rows.length, 1_000);
});

Deno.test("what was remembered comes before what was pushed meanwhile", () => {
  const timeline = new Timeline();
  timeline.addEvent("a", event(5, 50), "five");
  for (const sequence of [3, 4, 5]) timeline.addEvent("a", event(sequence, sequence * 10), `${sequence}`);
  assertEquals(timeline.rows.map(({ text }) => text), ["3", "4", "five"]);
});

Deno.test("many rows that a target remembers are put among the others at once, each once, as if they had come one by one", () => {
  const [timeline, other] = [new Timeline(60), new Timeline(60)];
  const records = Array.from({ length: 50 }, (_, index) => ({ event: event(index + 1, index * 10), description: `old ${index + 1}` }));
  for (const { addEvent } of [timeline, other].map((to) => ({ addEvent: to.addEvent.bind(to) }))) {
    addEvent("b", event(1, 95), "other");
    addEvent("a", event(50, 490), "pushed");
    addEvent("a", event(51, 500), "pushed too");
  }
  timeline.addEvents("a", [...records].reverse());
  for (const { event, description } of records) other.addEvent("a", event, description);
  const texts = (of: Timeline): string[] => of.rows.map(({ text }) => text);
  assertEquals(texts(timeline), texts(other));
  assertEquals(texts(timeline).slice(8, 12), ["old 9", "old 10", "other", "old 11"]);
  assertEquals(timeline.rows.length, 52);
  timeline.addLogs("a", Array.from({ length: 100 }, (_, index) => ({ log: { sequence: index, occurred_at: at(index) } })));
  assertEquals([timeline.rows.length, timeline.forgotten], [60, 92]);
});

Deno.test("rows are found by words, path, state, type, severity, number, correlation, kind and target", () => {
  const timeline = new Timeline();
  const failed = timeline.addEvent("shop", event(7, 0, { correlation_id: "Ab12-3" }), "failed: exited with code 3");
  const log = timeline.addLog("shop", {
    sequence: 1,
    severity: "info",
    message: "Order 17 taken",
    fields: { target_path: "/web/api", stream: "stdout" },
    occurred_at: at(1),
  });
  assert(failed !== null && log !== null);
  const finds = (filter: Partial<typeof ALL_ROWS>): boolean[] => [failed, log].map(wanting({ ...ALL_ROWS, ...filter }));
  assertEquals(finds({}), [true, true]);
  assertEquals(finds({ text: "CODE exited" }), [true, false]);
  assertEquals(finds({ path: "/web" }), [true, true]);
  assertEquals(finds({ path: "/we" }), [false, false]);
  assertEquals(finds({ path: "/" }), [true, true]);
  assertEquals(finds({ type: "failed" }), [true, false]);
  assertEquals(finds({ type: "child fail" }), [true, false]);
  assertEquals(finds({ state: "failed" }), [true, false]);
  assertEquals(finds({ state: "ready" }), [false, false]);
  assertEquals(finds({ least: 7 }), [true, false]);
  assertEquals(finds({ least: 8 }), [false, false]);
  assertEquals(finds({ least: 0 }), [true, true]);
  assertEquals(finds({ correlation: " ab12 " }), [true, false]);
  assertEquals(finds({ correlation: "b12" }), [false, false]);
  assertEquals(finds({ severity: "warning" }), [true, false]);
  assertEquals(finds({ kinds: ["log"] }), [false, true]);
  assertEquals(finds({ target: "other" }), [false, false]);
  assertEquals(finds({ target: "shop", path: "/web", state: "failed", type: "fail", severity: "error", least: 7, kinds: ["event"] }), [
    true,
    false,
  ]);
});

Deno.test("what shows in another language is found as well as what was sent", () => {
  const row = new Timeline().addEvent("shop", event(1, 0), "ready after 2 s")!;
  const words = { text: () => "2 秒后就绪", type: () => "子项就绪" };
  const finds = (filter: Partial<RowFilter>): boolean => wanting({ ...ALL_ROWS, ...filter }, words)(row);
  assertEquals([finds({ text: "就绪" }), finds({ text: "ready" }), finds({ type: "子项" }), finds({ text: "失败" })], [
    true,
    true,
    true,
    false,
  ]);
});

Deno.test("each filter by itself wants less than all, and the rarer ones are counted", () => {
  const set: Partial<RowFilter>[] = [
    { target: "a" },
    { kinds: ["log"] },
    { text: "x" },
    { severity: "error" },
    { path: "/" },
    { state: "ready" },
    { type: "x" },
    { least: 0 },
    { correlation: "x" },
  ];
  assertEquals(wantsAll(ALL_ROWS), true);
  assertEquals(set.map((filter) => wantsAll({ ...ALL_ROWS, ...filter })), set.map(() => false));
  assertEquals(countRare(Object.assign({}, ALL_ROWS, ...set)), 5);
});

Deno.test("the state that begins with a record is known, by its name or because it says so", () => {
  const timeline = new Timeline();
  let sequence = 0;
  const stateOf = (type: string, text = "", more: object = {}): string =>
    timeline.addEvent("a", event(++sequence, 0, { event_type: type, ...more }), text)?.state ?? "?";
  assertEquals(
    ["ChildReady", "ChildFailed", "ChildSucceeded", "BackoffScheduled", "ChildNotReady", "SupervisorReady", "constructor"].map((type) =>
      stateOf(type)
    ),
    ["ready", "failed", "done", "backoff", "running", "", ""],
  );
  assertEquals(stateOf("ChildControlOperationChanged", "paused by ops: x"), "paused");
  assertEquals(stateOf("ChildControlOperationChanged", "active by ops: x"), "");
  assertEquals(stateOf("Transition", "", { payload: { lifecycle_state: "restarting" } }), "backoff");
  assertEquals(timeline.addLog("a", { sequence: 1, fields: { lifecycle_state: "quarantined" } })?.state, "quarantined");
  assertEquals([...timeline.types].slice(0, 2), ["ChildReady", "ChildFailed"]);
});

Deno.test("a line that is far too long is cut, also where it is kept", () => {
  const timeline = new Timeline();
  const row = timeline.addLog("a", { sequence: 1, message: "x".repeat(1_000_000) });
  assert(row !== null && row.text.length < 2_100 && row.text.includes("1,000,000"));
  assert(JSON.stringify(row.raw).length < 3_000);
});

Deno.test("records that lack everything are rows too", () => {
  const timeline = new Timeline();
  for (const value of [null, 5, "x", [], {}, { sequence: "1", fields: 3, occurred_at: 1e99, severity: {} }]) {
    timeline.addEvent("a", value, value);
    timeline.addLog("a", value);
    timeline.addAudit("a", value);
  }
  assertEquals(timeline.rows.length, 18);
  assertEquals(toNdjson(timeline.rows).trim().split("\n").length, 18);
});

Deno.test("who asked for what is told once for each record", () => {
  const timeline = new Timeline();
  const audit = {
    audit_id: "1",
    identity: { principal: "ada" },
    command: "pause_child",
    target: { child_path: "/web" },
    reason: "try",
    result: "rejected",
    detail: "not_permitted",
  };
  timeline.addAudit("a", audit);
  timeline.addAudit("a", audit);
  assertEquals(timeline.rows.map(({ text, severity, path }) => [text, severity, path]), [[
    "ada: try → rejected (not_permitted)",
    "warning",
    "/web",
  ]]);
});
