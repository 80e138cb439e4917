/** A target keeps itself registered: when it asks again, and what it says of it, in virtual time. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { ReeveError } from "../../mod.ts";
import { Registrar, rhythmOf } from "../../src/ipc/registration.ts";
import { delayAfter } from "../../src/ipc/registration_rhythm.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

const OK = JSON.stringify({ ok: true, target_id: "t", status: "registered", error: null, retryable: false });
const LATER = JSON.stringify({ ok: false, error: { code: "busy", message: "not\u001b now" }, retryable: true });
const NEVER = JSON.stringify({ ok: false, error: { code: "duplicate", message: "somebody has that name" }, retryable: false });

const RHYTHM = { intervalMs: 15_000, leaseMs: 45_000 };

/** What a registrar does with a relay that answers as the test says; the last answer counts for ever. */
async function watched(answers: readonly (string | null)[], untilMs: number): Promise<{ atMs: number[]; changes: string[] }> {
  const clock = new VirtualClock();
  const atMs: number[] = [];
  const changes: string[] = [];
  const registrar = new Registrar({
    registration: { relayRegistrationPath: "/r.sock", leaseSeconds: 45 },
    payload: { target_id: "t" },
    clock,
    random: () => 0,
    onChange: (from, to, reason) => changes.push(`${Math.round(clock.now())}: ${from} → ${to}${reason === "" ? "" : ` (${reason})`}`),
    exchange: () => {
      const answer = answers[Math.min(atMs.length, answers.length - 1)]!;
      atMs.push(clock.now());
      return answer === null ? Promise.reject(new Error("nobody there")) : Promise.resolve(answer);
    },
  });
  registrar.begin();
  await clock.advance(untilMs);
  registrar.end();
  await clock.advance(1_000_000);
  return { atMs, changes };
}

Deno.test("a target registers at once and then at its interval; nothing happens after the end", async () => {
  const { atMs, changes } = await watched([OK], 46_000);
  assertEquals(atMs, [0, 15_000, 30_000, 45_000]);
  assertEquals(changes, ["0: connecting → registered"]);
});

Deno.test("while the relay is not there, delays begin short, double, and never get longer than the interval", async () => {
  const { atMs, changes } = await watched([null], 61_000);
  assertEquals(atMs, [0, 500, 1_500, 3_500, 7_500, 15_500, 30_500, 45_500, 60_500]);
  assertEquals(changes, ["0: connecting → unavailable (nobody there)"]);
});

Deno.test("a registration that is not renewed counts until its lease ends, and not a moment longer", async () => {
  const { changes } = await watched([OK, null], 100_000);
  assertEquals(changes, [
    "0: connecting → registered",
    "15000: registered → reconnecting (nobody there)",
    "45000: reconnecting → expired (the lease has ended)",
  ]);
});

Deno.test("a relay that is back has its target again, and delays begin anew", async () => {
  const { atMs, changes } = await watched([OK, null, null, OK, null, OK], 34_000);
  assertEquals(atMs, [0, 15_000, 15_500, 16_500, 31_500, 32_000]);
  assertEquals(changes.map((change) => change.split(" → ")[1]?.split(" ")[0]), [
    "registered",
    "reconnecting",
    "registered",
    "reconnecting",
    "registered",
  ]);
});

Deno.test("a refusal for now is a failure, one for good is asked again slowly; both say why, harmlessly", async () => {
  const now = await watched([LATER], 600);
  assertEquals([now.atMs, now.changes], [[0, 500], ["0: connecting → unavailable (busy: not\\u{1b} now)"]]);
  const never = await watched([NEVER, NEVER, OK], 601_000);
  assertEquals(never.atMs, [0, 300_000, 600_000]);
  assertEquals(never.changes, ["0: connecting → rejected (duplicate: somebody has that name)", "600000: rejected → registered"]);
});

Deno.test("an answer that is none is a failure: no JSON, no object, members missing or of another kind", async () => {
  for (const answer of ["garbage", "null", "[]", '{"ok":true}', '{"ok":"yes","retryable":false}', '{"retryable":true}']) {
    const { atMs, changes } = await watched([answer], 600);
    assertEquals(atMs, [0, 500], answer);
    assertMatch(changes[0] ?? "", /connecting → unavailable/);
  }
});

Deno.test("delays are spread downwards only, so that neither lease nor interval is ever missed", () => {
  for (const u of [0, 0.5, 1 - Number.EPSILON]) {
    const random = (): number => u;
    const normal = delayAfter("registered", 0, RHYTHM, random);
    assert(normal <= RHYTHM.intervalMs && normal >= 0.9 * RHYTHM.intervalMs);
    for (let failures = 1; failures < 2_000; failures *= 2) {
      const failing = delayAfter("failed", failures, RHYTHM, random);
      assert(failing <= RHYTHM.intervalMs && failing >= 250, String(failing));
    }
    assert(delayAfter("rejected", 0, RHYTHM, random) >= 270_000);
  }
});

Deno.test("times that do not fit are refused with the name of the option", () => {
  const why = (options: object): string =>
    assertThrows(() => rhythmOf({ relayRegistrationPath: "/r.sock", leaseSeconds: 45, ...options }), ReeveError).message;
  assertMatch(why({ relayRegistrationPath: "r.sock" }), /relayRegistrationPath must be absolute/);
  assertMatch(why({ leaseSeconds: 0 }), /leaseSeconds is 0/);
  assertMatch(why({ registrationHeartbeatIntervalSeconds: 45 }), /IntervalSeconds is 45, must be more than 0 and less than the lease, 45/);
  assertMatch(why({ leaseSeconds: 10 }), /IntervalSeconds is 15/);
  assertMatch(why({ registrationHeartbeatIntervalSeconds: NaN }), /is NaN/);
});
