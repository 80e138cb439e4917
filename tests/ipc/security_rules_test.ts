/** Rules of the security pipeline that are looked at without a request: what may start, what fits, what may run. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import process from "node:process";
import { child, type ChildSpec, ReeveError } from "../../mod.ts";
import { refuseProgram } from "../../src/ipc/security/allowlist.ts";
import { ExpiringMap } from "../../src/ipc/security/expiring.ts";
import { asksTheKernel } from "../../src/ipc/security/peer_identity.ts";
import { securitySettings } from "../../src/ipc/security/settings.ts";
import type { SecurityConfig } from "../../src/spec/mod.ts";
import { OWNER } from "./piped.ts";

Deno.test("what only the kernel can tell is known before anybody connects", () => {
  const asks = (config: SecurityConfig, mode = 0o600): string | null => asksTheKernel(securitySettings(config), mode, OWNER);
  const open = { peerIdentity: { enabled: false }, authorization: { enabled: false } };
  assertEquals(asks({}), null, "only the owner and root get at the socket, and both may command");
  assertEquals(asks({ peerIdentity: { allowedGids: [7] } }), "peerIdentity.allowedGids");
  assertEquals(asks({ peerIdentity: { allowedPids: [7] } }), "peerIdentity.allowedPids");
  assertEquals(asks({ authorization: { allowedUids: [OWNER, 0, 5] } }), null);
  assertEquals(asks({ authorization: { allowedUids: [] } }), null, "nobody may command: that needs no name");
  assertMatch(String(asks({ authorization: { allowedUids: [OWNER] } })), /allowedUids/);
  assertMatch(String(asks({ authorization: { allowedUids: [0] } })), /allowedUids/);
  assertMatch(String(asks({}, 0o660)), /requireUidMatch/);
  assertMatch(String(asks({ peerIdentity: { requireUidMatch: false } }, 0o660)), /authorization/);
  assertEquals(asks(open, 0o660), null);
  assertEquals(asks({ ...open, peerIdentity: { enabled: false, allowedGids: [7] } }), null, "what is off asks for nothing");
});

Deno.test("a limit that can never be met, a path that is not absolute and a command that is none are refused with the name of the option", () => {
  const why = (config: SecurityConfig): string => {
    const error = assertThrows(() => securitySettings(config), ReeveError);
    assertEquals(error.code, "dashboard_not_started");
    return error.message;
  };
  assertMatch(why({ rateLimit: { refillRate: 0 } }), /securityConfig\.rateLimit\.refillRate is 0/);
  assertMatch(why({ rateLimit: { peerBurstCapacity: NaN } }), /peerBurstCapacity is NaN/);
  assertMatch(why({ replayProtection: { windowSize: -1 } }), /replayProtection\.windowSize is -1/);
  assertMatch(why({ idempotency: { maxCachedBytes: 0 } }), /idempotency\.maxCachedBytes/);
  assertMatch(why({ requestSizeLimit: { maxBytes: 0 } }), /requestSizeLimit\.maxBytes/);
  assertMatch(why({ allowlist: { allowedPaths: ["bin/node"] } }), /"bin\/node", must have absolute paths/);
  assertMatch(why({ authorization: { highRiskCommands: ["command.stop_child"] } }), /"command.stop_child", which is no command/);
  securitySettings({ rateLimit: { enabled: false, refillRate: 0 }, replayProtection: { enabled: false, windowSize: 0 } });
});

Deno.test("C9: what a child, its probes and its own children run must be on the list; what the program registered need not", () => {
  const may = (spec: ChildSpec, allowedPaths: readonly string[] = ["/usr/bin/node", "/srv/job.js"]): string =>
    refuseProgram(securitySettings({ allowlist: { allowedPaths } }).allowlist, spec)?.code ?? "ok";
  const run = (command: string, options = {}): ChildSpec => child.process("p", { command, ...options });
  assertEquals(may(run("/usr/bin/node", { args: ["/tmp/x.js"] })), "ok");
  assertEquals(may(run("/usr/bin/node"), []), "allowlist_empty");
  for (const command of ["node", "/usr/bin/../bin/node", "/usr/bin/node2", "./node", ""]) {
    assertEquals(may(run(command)), "allowlist_denied");
  }
  assertEquals(may(run("/usr/bin/node", { shell: true })), "allowlist_denied", "a shell runs anything");
  assertEquals(may(run("/usr/bin/node", { readiness: { mode: "exec", command: "/bin/evil" } })), "allowlist_denied");
  assertEquals(may(run("/usr/bin/node", { healthCheck: { mode: "exec", command: "/bin/evil" } })), "allowlist_denied");
  assertEquals(may(child.supervisor("s", { children: [child.supervisor("t", { children: [run("/bin/evil")] })] })), "allowlist_denied");
  assertEquals(may({ name: "m", run: { kind: "module", url: "file:///srv/job.js" } }), "ok");
  assertEquals(may({ name: "m", run: { kind: "module", url: "file:///srv/../srv/job.js" } }), "ok");
  assertEquals(may({ name: "m", run: { kind: "module", url: "https://evil.example/job.js" } }), "allowlist_denied");
  assertEquals(may({ name: "m", run: { kind: "worker", url: "file:///srv/worker.js" } }), "allowlist_denied");
  assertEquals(may({ name: "f", run: { kind: "factory", name: "registered" } }, []), "ok");
  assertEquals(may(child.task("t", () => {}), []), "ok");
  for (const name of ["LD_PRELOAD", "DYLD_INSERT_LIBRARIES", "NODE_OPTIONS"]) {
    assertEquals(may(run("/usr/bin/node", { environment: [{ name, value: "/tmp/x" }] })), "allowlist_denied", name);
  }
  assertEquals(refuseProgram(securitySettings({ allowlist: { enabled: false } }).allowlist, run("node")), null);
});

Deno.test("remembered entries go after their time, and the oldest first when there are too many, or too many bytes", () => {
  const map = new ExpiringMap<number>({ ttlMs: 100, mostEntries: 3, mostBytes: 10 });
  map.set("a", 1, 0, 4);
  map.set("b", 2, 10, 4);
  map.set("c", 3, 20, 4);
  assertEquals([map.get("a", 20), map.get("b", 20), map.size], [undefined, 2, 2], "twelve bytes are too many");
  map.set("b", 5, 30, 1);
  map.set("d", 4, 30, 1);
  map.set("e", 6, 30, 1);
  assertEquals([map.get("c", 30), map.get("b", 30), map.size], [undefined, 5, 3]);
  assertEquals([map.get("b", 129), map.get("b", 130)], [5, undefined]);
  map.set("f", 7, 130, 11);
  assertEquals([map.size, map.get("f", 130)], [0, undefined], "what is larger than everything is not kept");
});

Deno.test("an entry that is replaced again and again takes the room of one", () => {
  const map = new ExpiringMap<number[]>({ ttlMs: 1_000, mostEntries: 100 });
  map.set("first", [], 0);
  const before = process.memoryUsage().heapUsed;
  for (let count = 0; count < 100_000; count++) map.set("again", new Array<number>(200).fill(count), 0);
  const held = (process.memoryUsage().heapUsed - before) / 1e6;
  assert(held < 50, `${held} MB are held for ${map.size} entries`);
  assertEquals([map.get("first", 0), map.get("again", 0)?.[0], map.size], [[], 99_999, 2]);
});

Deno.test("how long it takes until one more has a place is told, whatever was replaced or is gone", () => {
  const map = new ExpiringMap<number>({ ttlMs: 100, mostEntries: 2 });
  assertEquals(map.waitMs(0), 0);
  map.set("a", 1, 0);
  map.set("b", 2, 30);
  assertEquals(map.waitMs(40), 60);
  map.set("a", 3, 50);
  assertEquals([map.waitMs(60), map.waitMs(129), map.waitMs(130)], [70, 1, 0]);
  assertEquals([map.get("a", 149), map.get("a", 150)], [3, undefined]);
});
