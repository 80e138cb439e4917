/** The audit while its file is slow, full, or there again. */
import { assert, assertEquals } from "@std/assert";
import { type AuditFact, AuditTrail } from "../../src/observe/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

const FILE = { backend: "file" } as const;

function fact(correlationId: string): AuditFact {
  return { kind: "intent", method: "command.pause_child", initiatorHash: "h", correlationId, allowed: true };
}

function idsIn(lines: readonly string[]): unknown[] {
  return lines.join("").split("\n").filter((line) => line !== "").map((line) => JSON.parse(line)["correlation_id"]);
}

/** Runs something after so many turns of the queue of microtasks. */
async function after(turns: number, run: () => void): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await null;
  run();
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

Deno.test("a record that comes while the writing of the one before ends is written too, in whatever turn it comes", async () => {
  for (let turns = 0; turns < 12; turns++) {
    const lines: string[] = [];
    let finish = (): void => {};
    const append = (text: string): Promise<void> => {
      lines.push(text);
      return lines.length === 1 ? new Promise((resolve) => finish = resolve) : Promise.resolve();
    };
    const trail = new AuditTrail(FILE, { append });
    let written = 0;
    trail.intend(fact("first")).then(() => written++);
    await macrotask();
    finish();
    await after(turns, () => trail.intend(fact("second")).then(() => written++));
    await macrotask();
    assertEquals([turns, written, ...idsIn(lines)], [turns, 2, "first", "second"]);
  }
});

Deno.test("a file that can be written again is written again, though there was no room and nobody commands", async () => {
  let [isBroken, nowMs, tries] = [true, 0, 0];
  const lines: string[] = [];
  const append = (text: string): Promise<void> => {
    tries++;
    return isBroken ? Promise.reject(new Error("no space")) : Promise.resolve(void lines.push(text));
  };
  const trail = new AuditTrail(FILE, { append, channelCapacity: 3, now: () => nowMs });
  for (const id of ["a", "b", "c", "d", "e"]) {
    trail.note(fact(id));
    await macrotask();
  }
  assertEquals(tries, 1, "a file that is broken is left alone for a while");
  isBroken = false;
  nowMs += 1_000;
  trail.note(fact("f"));
  await macrotask();
  assertEquals(idsIn(lines), ["a", "b", "c"]);
  trail.note(fact("g"));
  await macrotask();
  assertEquals(idsIn(lines), ["a", "b", "c", "g"]);
  assertEquals(trail.records.at(-1)?.lost, 3);
});

Deno.test("what waits is written once there is room again, though nobody records anything, and not tried for ever after the end", async () => {
  let [isBroken, tries] = [true, 0];
  const lines: string[] = [];
  const append = (text: string): Promise<void> => {
    tries++;
    return isBroken ? Promise.reject(new Error("no space")) : Promise.resolve(void lines.push(text));
  };
  for (const failureStrategy of ["fail_closed", "defer_bounded"] as const) {
    [isBroken, tries] = [true, 0];
    lines.length = 0;
    const clock = new VirtualClock();
    const times = { now: () => clock.now(), setTimer: clock.setTimer.bind(clock) };
    const trail = new AuditTrail({ ...FILE, failureStrategy }, { append, ...times });
    const told: boolean[] = [];
    trail.tellTo(({ healthy }) => told.push(healthy));
    assertEquals(await trail.intend(fact("a")), failureStrategy === "fail_closed" ? "audit_write_failed" : null);
    trail.note(fact("b"));
    await clock.advance(3_500);
    await macrotask();
    assert(tries >= 4 && tries <= 5, `tried ${tries} times`);
    isBroken = false;
    await clock.advance(1_000);
    await macrotask();
    assertEquals([idsIn(lines), told], [failureStrategy === "fail_closed" ? ["b"] : ["a", "b"], [false, true]]);
    assertEquals([trail.unwritten, trail.failure], [0, null]);

    isBroken = true;
    trail.note(fact("c"));
    await macrotask();
    await trail.close();
    tries = 0;
    await clock.advance(10_000);
    assertEquals([tries, trail.unwritten], [0, 1]);
  }
});

Deno.test("a wall clock that is put back keeps nothing from being written", async () => {
  let [isBroken, nowMs, wallMs] = [true, 0, 3_600_000];
  const lines: string[] = [];
  const append = (text: string): Promise<void> => isBroken ? Promise.reject(new Error("no space")) : Promise.resolve(void lines.push(text));
  const trail = new AuditTrail(FILE, { append, now: () => nowMs, wallNow: () => wallMs });
  trail.note(fact("a"));
  await macrotask();
  isBroken = false;
  wallMs = 0;
  nowMs += 1_000;
  trail.note(fact("b"));
  await macrotask();
  assertEquals(idsIn(lines), ["a", "b"]);
  assert(trail.records.every(({ atMs }, index) => atMs === (index === 0 ? 3_600_000 : 0)));
});

Deno.test("with defer_bounded, commands wait in their own room, and what is only noted takes none of it", async () => {
  let [isBroken, nowMs] = [true, 0];
  const lines: string[] = [];
  const append = (text: string): Promise<void> => isBroken ? Promise.reject(new Error("no space")) : Promise.resolve(void lines.push(text));
  const options = { ...FILE, failureStrategy: "defer_bounded", maxDeferQueue: 2 } as const;
  const trail = new AuditTrail(options, { append, channelCapacity: 3, now: () => nowMs });
  for (const id of ["n1", "n2", "n3", "n4", "n5"]) {
    trail.note(fact(id));
    await macrotask();
  }
  const refusals: (string | null)[] = [];
  for (const id of ["c1", "c2", "c3"]) refusals.push(await trail.intend(fact(id)));
  assertEquals(refusals, [null, null, "audit_queue_full"]);
  isBroken = false;
  nowMs += 1_000;
  assertEquals(await trail.intend(fact("c4")), null);
  await trail.close();
  assertEquals(idsIn(lines), ["n1", "n2", "n3", "c1", "c2", "c4"]);
  assertEquals(trail.records.filter(({ lost }) => lost > 0).map(({ correlationId, lost }) => [correlationId, lost]), [["c1", 2]]);
});

Deno.test("with fail_closed, commands that are recorded before they are done are bounded by nothing but who waits for them", async () => {
  const lines: string[] = [];
  let finish = (): void => {};
  const append = (text: string): Promise<void> => {
    lines.push(text);
    return lines.length === 1 ? new Promise((resolve) => finish = resolve) : Promise.resolve();
  };
  const trail = new AuditTrail({ ...FILE, maxDeferQueue: 1 }, { append, channelCapacity: 1 });
  const first = trail.intend(fact("c0"));
  await macrotask();
  const others = ["c1", "c2", "c3"].map((id) => trail.intend(fact(id)));
  trail.note(fact("n1"));
  trail.note(fact("n2"));
  finish();
  assertEquals(await Promise.all([first, ...others]), [null, null, null, null]);
  await trail.close();
  assertEquals(idsIn(lines), ["c0", "c1", "c2", "c3", "n1"]);
});
