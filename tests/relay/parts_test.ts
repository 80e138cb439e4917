/** Small parts of a relay: patterns, ranges, the log, the numbers. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { endAll } from "../../src/relay/end_all.ts";
import { rangeCheck } from "../../src/relay/identity.ts";
import { lineLog } from "../../src/relay/log.ts";
import { fits, roleOf } from "../../src/relay/roles.ts";

Deno.test("patterns: a star is any text, and nothing else is special", () => {
  for (
    const [pattern, text, wanted] of [
      ["ci", "ci", true],
      ["ci", "cis", false],
      ["*", "", true],
      ["*@ops.example", "ada@ops.example", true],
      ["*@ops.example", "ada@ops.example.evil", false],
      ["O=ops, CN=*", "O=ops, CN=ada", true],
      ["a*b*c", "a-b-b-c", true],
      ["a*b*c", "ac", false],
      ["ab*bc", "abc", false],
      ["a.c", "abc", false],
    ] as const
  ) assertEquals(fits(pattern, text), wanted, `${pattern} ${text}`);
  // Tried in every way it would take for ever.
  const begunAtMs = performance.now();
  fits("*a".repeat(1_000), "a".repeat(100_000));
  assert(performance.now() - begunAtMs < 30_000);
});

Deno.test("roles: the highest that fits counts; a pattern that names a source is about the whole identity alone", () => {
  const roles = { dangerous: ["token:chief"], control: ["c*"], read: ["*"] };
  const roleFor = (clientIdentity: string, principal: string): string | null => roleOf(roles, { clientIdentity, principal });
  assertEquals(roleFor("token:chief", "chief"), "dangerous");
  assertEquals(roleFor("oidc:chief", "chief"), "control");
  assertEquals(roleFor("oidc:ada", "ada"), "read");
  // Somebody whom another source calls like that.
  assertEquals(roleFor("oidc:token:chief", "token:chief"), "read");
  assertEquals(roleFor("trusted_proxy:token:chief", "token:chief"), "read");
  const url = { ...roles, dangerous: ["https://ops.example/*"] };
  assertEquals(roleOf(url, { clientIdentity: "oidc:https://ops.example/ada", principal: "https://ops.example/ada" }), "dangerous");
  assertEquals(roleOf({ ...roles, read: [] }, { clientIdentity: "oidc:ada", principal: "ada" }), null);
  assertEquals(roleOf(null, { clientIdentity: "oidc:ada", principal: "ada" }), "dangerous");
});

Deno.test("ranges: addresses of both kinds, and IPv4 inside IPv6", () => {
  const isIn = rangeCheck(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]);
  assertEquals(["10.1.2.3", "::ffff:10.1.2.3", "192.0.2.7", "2001:db8::1"].map(isIn), [true, true, true, true]);
  assertEquals(["11.0.0.1", "192.0.2.8", "2001:db9::1", "", "::1"].map(isIn), [false, false, false, false, false]);
});

Deno.test("the log: one event is one line, whatever is in it", () => {
  const lines: string[] = [];
  lineLog("text", (line) => lines.push(line), () => 0).warn("turned_away", { reason: "a\nb\u001b[2J", status: 401 });
  lineLog("json", (line) => lines.push(line), () => 0).info("x", { reason: "a\nb" });
  assertEquals(lines, [
    '1970-01-01T00:00:00.000Z warn turned_away reason="a\\\\nb\\\\u{1b}[2J" status=401\n',
    '{"time":"1970-01-01T00:00:00.000Z","level":"info","event":"x","reason":"a\\\\nb"}\n',
  ]);
});

Deno.test("the log: of many lines about the same thing, those that are left out are counted", () => {
  const lines: string[] = [];
  let nowMs = 5_000;
  const log = lineLog("text", (line) => lines.push(line), () => nowMs);
  for (let count = 0; count < 100; count++) log.warn("turned_away");
  log.warn("something_else");
  assertEquals(lines.length, 21);
  nowMs = 6_000;
  log.warn("turned_away");
  assertEquals(lines.slice(21).map((line) => line.split(" ").slice(2).join(" ")), [
    'lines_left_out about="turned_away" count=80\n',
    "turned_away\n",
  ]);
});

Deno.test("the end: what cannot end keeps nothing else from ending, and is told", async () => {
  const ended: number[] = [];
  const end = (number: number, why?: string): () => Promise<void> => async () => {
    await Promise.resolve();
    ended.push(number);
    if (why !== undefined) throw new Error(why);
  };
  await endAll(end(1), () => undefined, end(2));
  await assertRejects(() => endAll(end(3), end(4, "the disk is full"), end(5, "another"), end(6)), Error, "the disk is full");
  assertEquals(ended, [1, 2, 3, 4, 5, 6]);
});
