/** Both forms of the protocol give one value, and nothing that a target writes is taken for what it is not. */
import { assertEquals, assertThrows } from "@std/assert";
import { brought, broughtPush, readLine } from "../../src/client/forms.ts";
import { isEventPush, isLogPush, isOutcome, isState } from "../../src/client/shapes.ts";

/** A line as the client gives it. */
const given = (line: string): unknown => brought(readLine(line));

Deno.test("0.1.3 and 0.1.4 give the same value: times as whole numbers without loss, and none where there is none", () => {
  const older =
    '{"liveness":{"last_heartbeat_at_unix_nanos":null,"heartbeat_stale":false},"restart_limit":{"window_millis":60000,"updated_at_unix_nanos":1763900000123456789}}';
  const newer =
    '{"liveness":{"heartbeat_stale":false},"restart_limit":{"window_millis":"60000","updated_at_unix_nanos":"1763900000123456789"}}';
  const wanted = { liveness: { heartbeatStale: false }, restartLimit: { windowMillis: 60_000, updatedAtUnixNanos: 1763900000123456789n } };
  assertEquals(given(older), wanted);
  assertEquals(given(newer), wanted);
  const both = ['{"last_heartbeat_at_unix_nanos":1}', '{"last_heartbeat_at_unix_nanos":"1"}'];
  assertEquals(both.map(given), [{ lastHeartbeatAtUnixNanos: 1n }, { lastHeartbeatAtUnixNanos: 1n }]);
});

Deno.test("a time keeps its digits whatever white space stands around it, and what is no whole number stays what it is", () => {
  for (const space of ["", " ", "\t", " \r "]) {
    assertEquals(given(`{"a_unix_nanos"${space}:${space}340282366920938463463374607431768211455${space}}`), {
      aUnixNanos: 340282366920938463463374607431768211455n,
    });
  }
  assertEquals(given('{"a_unix_nanos":1.5,"b_unix_nanos":-5,"c_unix_nanos":1e3,"d":9007199254740993}'), {
    aUnixNanos: 1.5,
    bUnixNanos: -5,
    cUnixNanos: 1_000,
    d: 9007199254740992,
  });
});

Deno.test("what looks like a time inside a text is left alone", () => {
  const message = '{"x_unix_nanos":123456789012345678901}, "y_unix_nanos": 5 }';
  assertEquals(given(JSON.stringify({ message, list: [message, "a_unix_nanos"] })), { message, list: [message, "a_unix_nanos"] });
});

Deno.test("names that somebody chose stay as they are, and none of them is special", () => {
  assertEquals(given('{"fields":{"snake_case":"1","window_millis":"5","a_unix_nanos":"7"},"window_millis":"5"}'), {
    fields: { snake_case: "1", window_millis: "5", a_unix_nanos: "7" },
    windowMillis: 5,
  });
  const hostile = given('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"fields":{"__proto__":{"x":1}}}');
  assertEquals([Reflect.get({}, "polluted"), typeof hostile], [undefined, "object"]);
  assertEquals(Object.getPrototypeOf(hostile), Object.prototype);
});

Deno.test("what is too deep, doubled, or no object is refused before it is parsed", () => {
  assertThrows(() => readLine(`{"a":${"[".repeat(1_000_000)}`), Error, "too deep");
  assertThrows(() => readLine('{"request_id":"a","request_id":"b"}'), Error, "twice");
  assertThrows(() => readLine('{"request_id":"a","request\\u005fid":"b"}'), Error, "twice");
  for (const line of ["null", "[]", "1", '"text"', "", "{"]) assertThrows(() => readLine(line), Error);
  assertEquals(readLine(`{"a":${"[".repeat(60)}${"]".repeat(60)}}`)["a"] !== undefined, true);
});

Deno.test("what lacks what is promised is no state, no outcome and no line", () => {
  const state = {
    target: { targetId: "t" },
    topology: {},
    runtimeState: [],
    childRuntimeRecords: [],
    recentEvents: [],
    generatedAtUnixNanos: 1n,
  };
  const outcome = { accepted: true, status: "ready", commandId: "c", completedAtUnixNanos: 1n };
  const log = { type: "log", log: { message: "m", occurredAtUnixNanos: 1n } };
  assertEquals([isState(state), isOutcome(outcome), isLogPush(log)], [true, true, true]);
  for (const name of Object.keys(state)) assertEquals(isState({ ...state, [name]: undefined }), false, name);
  for (const name of Object.keys(outcome)) assertEquals(isOutcome({ ...outcome, [name]: 1 }), false, name);
  assertEquals(isState({ ...state, generatedAtUnixNanos: 1.5 }), false);
  assertEquals(isLogPush({ type: "log", log: { message: 1, occurredAtUnixNanos: 1n } }), false);
});

Deno.test("reading takes time in proportion to the text, whatever stands in it", () => {
  for (const piece of ["x_unix_nanos", '"x_unix_nanos', '"a_unix_nanos":1', "1", " ", '\\"', "_unix_nanos\\"]) {
    const text = JSON.stringify({ message: piece.repeat(Math.ceil(200_000 / piece.length)) });
    const startedAtMs = performance.now();
    readLine(text);
    // A pattern that goes back and forth would take minutes.
    assertEquals(performance.now() - startedAtMs < 30_000, true, piece);
  }
});

Deno.test("a delta without rows is whole for its reader, and what it tells beside them must be what it is", () => {
  const bare = broughtPush({ type: "state_delta", delta: { sequence: 7, children: [{ child_path: "/a" }] } });
  assertEquals(bare, {
    type: "state_delta",
    delta: { sequence: 7, whole: false, runtimeState: [], childRuntimeRecords: [], removed: [], children: [{ childPath: "/a" }] },
  });
  assertEquals(isEventPush(bare), true);
  for (const wrong of [{ children: {} }, { children: null }, { tree: null }, { tree: "shop" }, { runtime_state: "none" }]) {
    assertEquals(isEventPush(broughtPush({ type: "state_delta", delta: wrong })), false, JSON.stringify(wrong));
  }
});
