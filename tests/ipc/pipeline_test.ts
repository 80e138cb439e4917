/** The security pipeline, control by control, in virtual time. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { PeerCredentials } from "../../src/platform/mod.ts";
import { PeerIdentity } from "../../src/ipc/security/peer_identity.ts";
import { securitySettings } from "../../src/ipc/security/settings.ts";
import { brief, codeOf, OWNER, piped } from "./piped.ts";

const FREE = { rateLimit: { enabled: false } } as const;

const hello = (id: string): object => ({ request_id: id, method: "hello" });
const pause = (id: string, params: unknown = { n: 1 }): object => ({ request_id: id, method: "command.pause_child", params });

function messageOf({ error }: Record<string, unknown>): string {
  return String(typeof error === "object" && error !== null ? Reflect.get(error, "message") : "");
}

// --- C2 ----------------------------------------------------------------------------------------------------------------------------------

Deno.test("C2: who may connect is decided by uid, gid and pid, in this order", () => {
  const who = (config: object, credentials: PeerCredentials | null, isTold = true): string => {
    const found = new PeerIdentity(securitySettings({ peerIdentity: config }).peerIdentity, OWNER).identify({ credentials, isTold });
    return "code" in found ? found.code : found.key;
  };
  const own = { uid: OWNER, gid: 7, pid: 42 };
  assertEquals(who({}, own), `uid:${OWNER}`);
  assertEquals(who({}, { ...own, uid: 0 }), "peer_cred_uid_mismatch", "root is somebody else too, where the kernel tells");
  assertEquals(who({ requireUidMatch: false }, { ...own, uid: 5 }), "uid:5");
  assertEquals(who({ allowedGids: [8] }, own), "peer_cred_gid_not_allowed");
  assertEquals(who({ allowedGids: [7], allowedPids: [1] }, own), "peer_cred_pid_not_allowed");
  assertEquals(who({ allowedGids: [7], allowedPids: [42] }, own), `uid:${OWNER}`);
  assertEquals(who({ enabled: false }, { ...own, uid: 5 }), "uid:5");
  assertEquals(who({ enabled: false }, null), "peer_cred_unavailable", "a look-up that failed is never a yes");
  assertEquals(who({}, null, false), `uid:${OWNER}`, "only the owner and root get at the socket");
});

Deno.test("C2: the audit tells the same peer by the same mark, and no other program can make it", () => {
  const identity = new PeerIdentity(securitySettings().peerIdentity, OWNER);
  const hash = (pid: number, from = identity): string => {
    const found = from.identify({ credentials: { uid: OWNER, gid: 7, pid }, isTold: true });
    return "code" in found ? found.code : found.hash;
  };
  assertMatch(hash(1), /^[0-9a-f]{64}$/);
  assertEquals(hash(1), hash(1));
  assert(hash(1) !== hash(2));
  assert(hash(1) !== hash(1, new PeerIdentity(securitySettings().peerIdentity, OWNER)));
});

// --- C3 ----------------------------------------------------------------------------------------------------------------------------------

Deno.test("C3: everybody who may connect may read; who may command is a list", async () => {
  const open = { ...FREE, peerIdentity: { requireUidMatch: false } };
  const may = async (allowedUids: readonly number[] | undefined, uid: number, enabled = true): Promise<string> => {
    const it = piped({ ...open, authorization: allowedUids === undefined ? { enabled } : { enabled, allowedUids } });
    const client = it.client(uid);
    assertEquals(codeOf(await it.send(client, hello("h"))), "ok");
    const code = codeOf(await it.send(client, pause("p")));
    assertEquals(it.ran.length, code === "ok" ? 2 : 1);
    return code;
  };
  assertEquals(await may(undefined, OWNER), "ok");
  assertEquals(await may(undefined, 0), "ok");
  assertEquals(await may(undefined, 5), "authz_denied");
  assertEquals(await may([], OWNER), "authz_not_configured");
  assertEquals(await may([5], 5), "ok");
  assertEquals(await may([5], OWNER), "authz_denied");
  assertEquals(await may([], 5, false), "ok");
});

// --- C4 and C8 ---------------------------------------------------------------------------------------------------------------------------

Deno.test("C8: the same command gets the stored answer, byte for byte, and runs once; members may come in another order", async () => {
  const it = piped(FREE);
  const first = await it.send(it.client(), pause("p", { a: 1, b: { c: 2, d: 3 } }));
  assertEquals(await it.send(it.client(), pause("p", { b: { d: 3, c: 2 }, a: 1 })), first);
  assertEquals(it.ran, ["command.pause_child"]);
});

Deno.test("C8: a repeat that comes while the first one runs waits for its answer", async () => {
  const it = piped(FREE);
  let finish = (): void => {};
  it.hold = new Promise((resolve) => finish = resolve);
  const answers = [it.send(it.client(), pause("p")), it.send(it.client(), pause("p"))];
  finish();
  const [first, second] = await Promise.all(answers);
  assertEquals(second, first);
  assertEquals(it.ran, ["command.pause_child"]);
});

Deno.test("C4: an id that comes again with another request is refused, whatever it asks", async () => {
  const it = piped(FREE);
  const client = it.client();
  await it.send(client, pause("p"));
  for (const line of [pause("p", { n: 2 }), hello("p"), { ...pause("p"), method: "command.resume_child" }]) {
    assertEquals(codeOf(await it.send(client, line)), "replay_detected");
  }
  await it.send(client, hello("h"));
  assertEquals(codeOf(await it.send(client, pause("h"))), "replay_detected");
  assertEquals(it.ran, ["command.pause_child", "hello"]);
});

Deno.test("C4: the same read is simply answered again", async () => {
  const it = piped(FREE);
  assertEquals([codeOf(await it.send(it.client(), hello("h"))), codeOf(await it.send(it.client(), hello("h")))], ["ok", "ok"]);
  assertEquals(it.ran, ["hello", "hello"]);
});

Deno.test("C4: ids of one user are nothing to another one", async () => {
  const it = piped({ ...FREE, peerIdentity: { requireUidMatch: false } });
  await it.send(it.client(OWNER), pause("p"));
  assertEquals(codeOf(await it.send(it.client(0), pause("p", { n: 2 }))), "ok");
  assertEquals(it.ran.length, 2);
});

Deno.test("C4: an id is free again after its time", async () => {
  const it = piped({ ...FREE, replayProtection: { windowSize: 2, ttlSeconds: 10 }, idempotency: { resultCacheTtlSeconds: 10 } });
  const client = it.client();
  await it.send(client, pause("p"));
  it.nowMs += 9_999;
  assertEquals(codeOf(await it.send(client, pause("p", { n: 2 }))), "replay_detected");
  it.nowMs += 1;
  assertEquals(codeOf(await it.send(client, pause("p", { n: 2 }))), "ok");
});

Deno.test("C4: no crowd makes a command forgotten before its time: reads make room for each other, commands have to wait", async () => {
  const it = piped({
    ...FREE,
    peerIdentity: { requireUidMatch: false },
    replayProtection: { windowSize: 2, ttlSeconds: 10 },
    idempotency: { maxCachedResults: 1 },
  });
  const client = it.client();
  await it.send(client, pause("p"));
  for (const id of ["h1", "h2", "h3"]) await it.send(client, hello(id));
  assertEquals(codeOf(await it.send(client, pause("h1"))), "ok", "the read h1 has made room");
  it.nowMs += 4_000;
  for (let n = 2; n < 32; n++) assertEquals(codeOf(await it.send(client, pause(`q${n}`))), "ok");
  const refused = await it.send(client, pause("one too many"));
  assertEquals(codeOf(refused), "rate_limit_exceeded");
  assertMatch(JSON.stringify(refused), /retry after 6000 ms","retryable":true/);
  assertEquals(codeOf(await it.send(client, pause("p"))), "replay_detected", "its answer has made room, its id has not");
  assertEquals(codeOf(await it.send(client, hello("h4"))), "ok", "reads go on");
  assertEquals(codeOf(await it.send(it.client(0), pause("mine"))), "ok", "and so do the others");
  assertEquals(it.ran.filter((method) => method.startsWith("command.")).length, 33);
  it.nowMs += 6_000;
  assertEquals(codeOf(await it.send(client, pause("one too many"))), "ok", "it has used up no id");
});

Deno.test("C4: a command whose answer is not kept any more is refused, never run twice", async () => {
  const it = piped({ ...FREE, idempotency: { maxCachedResults: 1 } });
  const client = it.client();
  await it.send(client, pause("p"));
  await it.send(client, pause("q"));
  assertMatch(messageOf(await it.send(client, pause("p"))), /answer is not kept any more/);
  assertEquals(it.ran.length, 2);
  const bytes = piped({ ...FREE, idempotency: { maxCachedBytes: 10 } });
  await bytes.send(bytes.client(), pause("p"));
  assertEquals([codeOf(await bytes.send(bytes.client(), pause("p"))), bytes.ran.length], ["replay_detected", 1]);
});

Deno.test("C4 and C8 can be switched off, each for itself", async () => {
  const neither = piped({ ...FREE, replayProtection: { enabled: false }, idempotency: { enabled: false } });
  const only8 = piped({ ...FREE, replayProtection: { enabled: false } });
  const only4 = piped({ ...FREE, idempotency: { enabled: false } });
  for (
    const [it, again, other, runs] of [[neither, "ok", "ok", 3], [only8, "ok", "ok", 2], [
      only4,
      "replay_detected",
      "replay_detected",
      1,
    ]] as const
  ) {
    const client = it.client();
    await it.send(client, pause("p"));
    assertEquals(codeOf(await it.send(client, pause("p"))), again);
    assertEquals(codeOf(await it.send(client, pause("p", { n: 2 }))), other);
    assertEquals(it.ran.length, runs);
  }
});

Deno.test("C4: ids of any length and content cost little, and are told apart", async () => {
  const it = piped(FREE);
  const client = it.client();
  const long = "x".repeat(4_000);
  for (const id of ["", "__proto__", "constructor", long, `${long}y`, "\u{1f600}"]) {
    const found = await it.send(client, pause(id));
    assertEquals([found["request_id"], codeOf(found)], [id, "ok"]);
    assertEquals(codeOf(await it.send(client, pause(id, { n: 2 }))), "replay_detected");
  }
});

Deno.test("a command that was refused has used its id: it is answered in the same way again", async () => {
  const it = piped(FREE);
  const first = await it.send(it.client(), pause("p", "malformed"));
  assertEquals(codeOf(first), "validation_failed");
  assertEquals(await it.send(it.client(), pause("p", "malformed")), first);
});

// --- C5 and C6 ---------------------------------------------------------------------------------------------------------------------------

Deno.test("C5: what is too long is not parsed; its id is told where it stands first", async () => {
  const it = piped({ ...FREE, requestSizeLimit: { maxBytes: 60 } });
  const client = it.client();
  assertEquals(codeOf(await it.send(client, hello("h"))), "ok");
  const long = await it.send(client, { request_id: "i", method: "hello", params: "x".repeat(60) });
  assertEquals([codeOf(long), long["request_id"]], ["request_too_large", "i"]);
  const last = await it.send(client, { method: "hello", params: "x".repeat(60), request_id: "i" });
  assertEquals([codeOf(last), last["request_id"]], ["request_too_large", "invalid-request"]);
  const off = piped({ ...FREE, requestSizeLimit: { enabled: false } });
  assertEquals(codeOf(await off.send(off.client(), { request_id: "i", method: "hello", params: "x".repeat(100_000) })), "ok");
});

Deno.test("C6: every line costs a token, also one that nobody can read; a refusal says when to come again and uses up no id", async () => {
  const it = piped({ rateLimit: { refillRate: 10, burstCapacity: 3 } });
  const client = it.client();
  const codes = [];
  for (const line of ["no json", { request_id: "u", method: "nothing" }, hello("h"), pause("p")]) codes.push(await it.send(client, line));
  assertEquals(codes.map(codeOf), ["invalid_json", "unsupported_method", "ok", "rate_limit_exceeded"]);
  assertMatch(messageOf(codes[3]!), /retry after 100 ms/);
  assertEquals(codes[3]!["request_id"], "p");
  it.nowMs += 99;
  assertEquals(codeOf(await it.send(client, pause("p"))), "rate_limit_exceeded");
  it.nowMs += 1;
  assertEquals(codeOf(await it.send(client, pause("p"))), "ok");
  assertEquals(it.ran, ["hello", "command.pause_child"]);
});

Deno.test("C6: connecting again refills nothing: a user has a bucket too, and one user's haste is nothing to another", async () => {
  const it = piped({
    peerIdentity: { requireUidMatch: false },
    rateLimit: { refillRate: 1, burstCapacity: 2, peerRefillRate: 1, peerBurstCapacity: 5 },
  });
  const codes: string[] = [];
  for (let count = 0; count < 6; count++) codes.push(codeOf(await it.send(it.client(), hello(`h${count}`))));
  assertEquals(codes, ["ok", "ok", "ok", "ok", "ok", "rate_limit_exceeded"]);
  assertEquals(codeOf(await it.send(it.client(5), hello("other"))), "ok");
});

Deno.test("C6: the limit can be switched off", async () => {
  const it = piped({ rateLimit: { enabled: false } });
  const client = it.client();
  for (let count = 0; count < 100; count++) assertEquals(codeOf(await it.send(client, hello(`h${count}`))), "ok");
});

// --- C7 ----------------------------------------------------------------------------------------------------------------------------------

Deno.test("C7: a command has its intent before it and its outcome after it, a read one record; refusals say where", async () => {
  const it = piped({ ...FREE, requestSizeLimit: { maxBytes: 80 } });
  const client = it.client();
  await it.send(client, hello("h"));
  await it.send(client, pause("p"));
  await it.send(client, pause("q", "refused"));
  await it.send(client, pause("r", "malformed"));
  await it.send(client, pause("p", { n: 2 }));
  await it.send(client, "no json");
  await it.send(client, { request_id: "l", method: "hello", params: "x".repeat(80) });
  assertEquals(it.trail.records.map(brief), [
    "read hello h",
    "intent command.pause_child p",
    "outcome command.pause_child p",
    "intent command.pause_child q",
    "outcome command.pause_child q dispatch command_failed",
    "outcome command.pause_child r dispatch validation_failed",
    "outcome command.pause_child p C4 replay_detected",
    "read invalid-request parse invalid_json",
    "read l C5 request_too_large",
  ]);
  assertEquals(it.trail.records.map(({ sequence }) => sequence), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

Deno.test("C7: refusals beyond a rate are counted in the next record of one", async () => {
  const it = piped(FREE);
  const client = it.client();
  for (let count = 0; count < 150; count++) await it.send(client, "no json");
  assertEquals(it.trail.records.length, 100);
  it.nowMs += 1_000;
  await it.send(client, "no json");
  assertEquals(it.trail.records.at(-1)?.suppressed, 50);
});

Deno.test("C7: fail_closed refuses a command whose intent cannot be written, before anything is done; a shutdown and what is no high risk go on", async () => {
  let isBroken = true;
  const lines: string[] = [];
  const append = (text: string): Promise<void> => isBroken ? Promise.reject(new Error("no space")) : Promise.resolve(void lines.push(text));
  const it = piped({ ...FREE, authorization: { highRiskCommands: ["command.pause_child"] } }, { audit: { backend: "file" }, append });
  const client = it.client();
  assertEquals(codeOf(await it.send(client, pause("p"))), "audit_write_failed");
  assertEquals(it.ran, []);
  assertEquals(codeOf(await it.send(client, { ...pause("s"), method: "command.shutdown_tree" })), "ok");
  assertEquals(codeOf(await it.send(client, { ...pause("t"), method: "command.resume_child" })), "ok");
  isBroken = false;
  assertEquals(codeOf(await it.send(client, pause("p2"))), "ok");
  await it.trail.close();
  const kinds = lines.join("").trim().split("\n").map((line) => {
    const { kind, method, allowed }: Record<string, unknown> = JSON.parse(line);
    return `${kind} ${method} ${allowed}`;
  });
  assertEquals(kinds, [
    "outcome command.pause_child false",
    "intent command.shutdown_tree true",
    "outcome command.shutdown_tree true",
    "intent command.resume_child true",
    "outcome command.resume_child true",
    "intent command.pause_child true",
    "outcome command.pause_child true",
  ], "what could wait was written when it could be; what was not done has no intent");
});

Deno.test("C7: defer_bounded goes on while there is room for records that wait, and refuses then", async () => {
  let isBroken = true;
  const lines: string[] = [];
  const append = (text: string): Promise<void> =>
    isBroken ? Promise.reject(new Error("no space")) : Promise.resolve(void lines.push(...text.trim().split("\n")));
  const audit = { backend: "file", failureStrategy: "defer_bounded", maxDeferQueue: 2 } as const;
  const it = piped(FREE, { audit, append });
  const client = it.client();
  assertEquals([codeOf(await it.send(client, pause("a"))), codeOf(await it.send(client, pause("b")))], ["ok", "ok"]);
  assertEquals(codeOf(await it.send(client, pause("c"))), "audit_queue_full");
  await it.send(client, hello("h"));
  isBroken = false;
  it.nowMs += 5_000;
  assertEquals(codeOf(await it.send(client, pause("d"))), "ok");
  await it.trail.close();
  const written = lines.map((line) => JSON.parse(line)).map(({ kind, correlation_id: id, allowed }) => `${kind} ${id} ${allowed}`);
  assertEquals(written, [
    "intent a true",
    "outcome a true",
    "intent b true",
    "outcome b true",
    "outcome c false",
    "read h true",
    "intent d true",
    "outcome d true",
  ], "only what needs its record had no room");
});

Deno.test("C7: what a client writes about itself is bounded and harmless in a record", async () => {
  const it = piped(FREE);
  await it.send(it.client(), { request_id: `\u001b[31m${"x".repeat(3_000)}`, method: "hello" });
  const { correlationId } = it.trail.records[0]!;
  assertMatch(String(correlationId), /^\\u\{1b\}\[31mx+…$/);
});

Deno.test("C7: what one user is refused hides nothing of another, and both are told how much is missing", async () => {
  const it = piped({ rateLimit: { enabled: false }, authorization: { allowedUids: [OWNER] }, peerIdentity: { requireUidMatch: false } });
  const [noisy, other] = [it.client(2_000), it.client(3_000)];
  for (let count = 0; count < 150; count++) await it.send(noisy, { request_id: `n${count}`, method: "command.pause_child", params: {} });
  await it.send(other, { request_id: "o", method: "command.pause_child", params: {} });
  assertEquals([it.trail.records.length, it.trail.records.at(-1)?.correlationId, it.trail.records.at(-1)?.suppressed], [
    101,
    "o",
    undefined,
  ]);
  it.nowMs += 1_000;
  await it.send(noisy, { request_id: "last", method: "command.pause_child", params: {} });
  assertEquals([it.trail.records.at(-1)?.correlationId, it.trail.records.at(-1)?.suppressed], ["last", 50]);
});
