/** A session alone, on a clock of our own. */
import { assertEquals } from "@std/assert";
import type { ToldRecord } from "../../src/relay/audit.ts";
import { Commander } from "../../src/relay/commander.ts";
import { Hub } from "../../src/relay/hub.ts";
import { type Identity, Session } from "../../src/relay/session.ts";
import type { SessionLimits } from "../../src/relay/session_limits.ts";
import type { Frame } from "../../src/relay/wire.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { NOWHERE } from "../support/relays.ts";

type Sent = Readonly<Record<string, unknown>>;

class Bench {
  readonly clock = new VirtualClock();
  readonly sent: Sent[] = [];
  readonly hub = new Hub(this.clock);
  readonly recent: ToldRecord[] = [];
  readonly session: Session;
  closed: number | null = null;
  readonly transport = {
    waitingBytes: 0,
    send: ({ text }: Frame): void => void this.sent.push(JSON.parse(text)),
    close: (code: number): void => void (this.closed = code),
  };

  constructor(limits: Partial<SessionLimits> = {}, identity: Partial<Identity> = {}, failed: (error: unknown) => void = () => {}) {
    this.session = new Session({
      identity: { clientIdentity: "token:ci", principal: "ci", role: "dangerous", source: "token", expiresAtMs: null, ...identity },
      transport: this.transport,
      hub: this.hub,
      commander: new Commander(this.clock, { record: () => Promise.resolve(null) }),
      trail: { recent: this.recent },
      clock: this.clock,
      limits,
      failed,
    });
  }

  say(message: object): void {
    this.session.receive(JSON.stringify(message));
  }

  hello(): void {
    this.say({ type: "client_hello", client_store_id: "store" });
  }

  /** The kinds of what was sent since the last look; of errors, their codes. */
  kinds(): unknown[] {
    return this.sent.splice(0).map((message) => message["type"] === "error" ? Object(message["error"]).code : message["type"]);
  }
}

Deno.test("session: who says nothing is told so and let go; no timer is left", async () => {
  const bench = new Bench();
  await bench.clock.advance(9_999);
  assertEquals([bench.kinds(), bench.closed], [["server_hello"], null]);
  await bench.clock.advance(1);
  assertEquals([bench.kinds(), bench.closed, bench.clock.timers], [["hello_timeout"], 1008, 0]);
});

Deno.test("session: a word in time keeps it open", async () => {
  const bench = new Bench({ idleMs: 1_000 });
  bench.hello();
  for (let count = 0; count < 5; count++) {
    await bench.clock.advance(900);
    bench.say({ type: "log_event_filter_conditions" });
  }
  assertEquals(bench.closed, null);
  await bench.clock.advance(1_000);
  assertEquals([bench.kinds().at(-1), bench.closed, bench.clock.timers], ["idle_timeout", 1008, 0]);
});

Deno.test("session: it ends with what let it in, however long that is", async () => {
  const long = 2 ** 31 + 10_000;
  const bench = new Bench({}, { expiresAtMs: long });
  bench.hello();
  await bench.clock.advance(long - 1);
  assertEquals(bench.closed, null);
  await bench.clock.advance(1);
  assertEquals([bench.kinds().at(-1), bench.closed, bench.clock.timers], ["identity_expired", 1008, 0]);
});

Deno.test("session: more than so many messages in a second are refused, and taken again in the next", async () => {
  const bench = new Bench({ messagesPerSecond: 3 });
  bench.hello();
  for (let count = 0; count < 4; count++) bench.say({ type: "log_event_filter_conditions" });
  assertEquals(bench.kinds(), [
    "server_hello",
    "target_list",
    "filter_config",
    "filter_config",
    "rate_limit_exceeded",
    "rate_limit_exceeded",
  ]);
  await bench.clock.advance(1_000);
  bench.say({ type: "log_event_filter_conditions" });
  assertEquals([bench.kinds(), bench.closed], [["filter_config"], null]);
  bench.session.closed();
});

Deno.test("session: a client that does not read misses events, which are counted, and is given up when it is hopeless", async () => {
  const bench = new Bench({ waitingBytes: 1_000 });
  bench.hello();
  bench.kinds();
  const event = { type: "event", target_id: "shop", event: { sequence: 1 } };
  bench.transport.waitingBytes = 1_001;
  for (let count = 0; count < 3; count++) bench.session.said("shop", event);
  // How it is connected is never missed.
  bench.session.said("shop", { type: "connection_state", target_id: "shop", state: "expired" });
  bench.transport.waitingBytes = 0;
  bench.session.said("shop", event);
  assertEquals(bench.sent.splice(0).map(({ type, dropped_event_count: count }) => [type, count]), [
    ["dropped_count", 3],
    ["connection_state", undefined],
    ["event", undefined],
  ]);
  assertEquals(bench.session.dropped, 3);
  bench.transport.waitingBytes = 4_001;
  bench.session.said("shop", event);
  await bench.clock.advance(9_999);
  bench.session.said("shop", event);
  assertEquals(bench.closed, null);
  // What is large and is read says nothing of a client.
  bench.transport.waitingBytes = 0;
  bench.session.said("shop", event);
  bench.transport.waitingBytes = 4_001;
  bench.session.said("shop", event);
  await bench.clock.advance(10_000);
  assertEquals(bench.closed, null);
  bench.kinds();
  bench.session.said("shop", event);
  assertEquals([bench.kinds(), bench.closed], [["client_too_slow"], 1013]);
});

Deno.test("session: a command for nobody is refused with its id", async () => {
  const bench = new Bench();
  bench.hello();
  bench.kinds();
  bench.say({
    type: "command",
    command_id: "one",
    correlation_id: "c",
    target_id: "nobody",
    command: "pause_child",
    reason: "a test",
    confirmed: false,
  });
  await bench.clock.advance(0);
  const [error] = bench.sent;
  assertEquals([Object(error?.["error"]).code, error?.["command_id"], error?.["correlation_id"]], ["target_not_bound", "one", "c"]);
  bench.session.closed();
});

Deno.test("session: who goes on although it is told to slow down is let go", async () => {
  const bench = new Bench({ messagesPerSecond: 3 });
  bench.hello();
  for (let count = 0; count < 100; count++) bench.say({ type: "log_event_filter_conditions" });
  const kinds = bench.kinds();
  assertEquals([kinds.length, kinds.at(-2), kinds.at(-1), bench.closed], [20, "rate_limit_exceeded", "rate_limit_exceeded", 1008]);
  await bench.clock.advance(60_000);
  assertEquals(bench.clock.timers, 0);
});

Deno.test("session: what goes wrong here ends this one, with 1011, and is told", () => {
  const failures: unknown[] = [];
  const bench = new Bench({}, {}, (error) => failures.push(error));
  bench.hello();
  bench.kinds();
  bench.session.failed(new Error("broken"));
  assertEquals([bench.kinds(), bench.closed, failures.map(String)], [["internal_error"], 1011, ["Error: broken"]]);
});

Deno.test("session: so many questions of a client are under way, and no more", async () => {
  const bench = new Bench();
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  bench.hub.add({ targetId: "shop", displayName: "Shop", path: NOWHERE, supportedCommands: [] });
  const link = bench.hub.find("shop");
  if (link === undefined) throw new Error("unreachable");
  link.request = (method) => {
    asked.push(method);
    return new Promise((resolve) => answers.push(() => resolve({ type: "status" })));
  };
  bench.hello();
  bench.kinds();
  const ask = (index: number): void =>
    bench.say({ type: "request", request_id: `${index}`, target_id: "shop", method: "reeve.status", params: null });
  for (let index = 0; index < 70; index++) ask(index);
  await bench.clock.advance(0);
  assertEquals(asked.length, 64);
  const answered = (): Sent[] => bench.sent.splice(0).filter(({ type }) => type === "response");
  assertEquals(answered().map((message) => Object(message["error"]).code), Array.from({ length: 6 }, () => "rate_limit_exceeded"));
  for (const answer of answers) answer();
  await bench.clock.advance(0);
  ask(70);
  await bench.clock.advance(0);
  assertEquals([asked.length, answered().length], [65, 64]);
  bench.session.closed();
  await bench.hub.close();
});

Deno.test("session: a client that comes for the first time is told the last records of the audit, one that goes on is not", () => {
  const record = { target_id: "shop", audit: { audit_id: "one" } };
  const cases: readonly (readonly [object, string[]])[] = [
    [{}, ["server_hello", "target_list", "audit_event"]],
    [{ events: { shop: { stream_epoch: "e", sequence: 1 } } }, ["server_hello", "target_list"]],
  ];
  for (const [cursor, wanted] of cases) {
    const bench = new Bench();
    bench.recent.push(record);
    bench.say({ type: "client_hello", client_store_id: "store", resume_cursor: cursor });
    assertEquals(bench.kinds(), wanted);
    bench.session.closed();
  }
});

Deno.test("session: a command that cannot be read is refused with its id, as far as there is one", () => {
  const bench = new Bench();
  bench.hello();
  bench.kinds();
  const command = { type: "command", command_id: "one", target_id: "shop", command: "pause_child", reason: "a test", confirmed: false };
  bench.say({ ...command, target: { child_path: "/".repeat(3_000) } });
  bench.say({ ...command, command_id: "i".repeat(3_000) });
  bench.say({ ...command, command_id: 1 });
  assertEquals(bench.sent.map(({ error, command_id }) => [Object(error).code, command_id]), [
    ["invalid_message_schema", "one"],
    ["invalid_message_schema", undefined],
    ["invalid_message_schema", undefined],
  ]);
  bench.session.closed();
});
