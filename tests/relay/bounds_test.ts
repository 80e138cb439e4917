/** What a relay holds others to: strangers, clients that are silent, targets that say too much of themselves. */
import { assertEquals } from "@std/assert";
import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import { Duplex } from "node:stream";
import { setImmediate } from "node:timers/promises";
// @ts-types="@types/ws"
import type { WebSocket } from "ws";
import { Pace } from "../../src/client/pace.ts";
import { Hub } from "../../src/relay/hub.ts";
import { Memory } from "../../src/relay/memory.ts";
import { Outbox, Outgoing } from "../../src/relay/outbox.ts";
import { Pulse } from "../../src/relay/pulse.ts";
import { Strangers } from "../../src/relay/strangers.ts";
import { factsOf, timeoutMsOf } from "../../src/relay/target_facts.ts";
import type { SupportedCommand, WireMessage } from "../../src/relay/wire.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { NOWHERE } from "../support/relays.ts";

class Caller extends Socket {
  constructor(override readonly remoteAddress: string, override readonly remotePort: number) {
    super();
  }
}

Deno.test("strangers: an address has so many connections that are not let in, whatever others have, and each counts once", () => {
  const strangers = new Strangers(2);
  const [one, two, three] = [new Caller("192.0.2.1", 1), new Caller("192.0.2.1", 2), new Caller("192.0.2.1", 3)];
  assertEquals([strangers.add(one), strangers.add(two), strangers.add(three)], [true, true, false]);
  assertEquals(strangers.add(new Caller("192.0.2.2", 1)), true);
  // TLS has another socket for the same connection.
  strangers.letIn(new Caller("192.0.2.1", 1));
  assertEquals(strangers.add(three), true);
  // It is no stranger any more: its end makes no room.
  one.emit("close");
  assertEquals(strangers.add(new Caller("192.0.2.1", 4)), false);
  two.emit("close");
  assertEquals(strangers.add(new Caller("192.0.2.1", 4)), true);
});

/** A client that answers what it is told to. */
class Patient extends EventEmitter {
  readonly pings: string[] = [];
  isGone = false;

  ping(data: string): void {
    this.pings.push(data);
  }

  terminate(): void {
    this.isGone = true;
  }
}

function isWebSocket(value: EventEmitter): value is WebSocket {
  return "terminate" in value && "ping" in value;
}

Deno.test("pulse: only the answer to what was asked counts, or that something was read", async () => {
  const patient = new Patient();
  const bytes = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  const outbox = new Outbox(bytes, new Outgoing());
  if (!isWebSocket(patient)) throw new Error("unreachable");
  const pulse = new Pulse(patient, outbox);
  pulse.feel();
  patient.emit("pong", patient.pings[0]);
  pulse.feel();
  assertEquals([patient.pings.length, patient.isGone], [2, false]);
  // It has answered nothing, but it reads.
  outbox.send(new Uint8Array(10), true);
  await setImmediate();
  pulse.feel();
  assertEquals(patient.isGone, false);
  patient.emit("pong", "something else");
  patient.emit("pong", patient.pings[0]);
  pulse.feel();
  assertEquals(patient.isGone, true);
  bytes.destroy();
});

Deno.test("memory: what is remembered has an end, and the oldest goes first", () => {
  const memory = new Memory();
  const long = (index: number): WireMessage => ({ type: "log", index, text: "x".repeat(80_000) });
  for (const index of [1, 2, 3, 4, 5]) memory.add(long(index));
  assertEquals(memory.messages.map((message) => message["index"]), [3, 4, 5]);
  memory.clear();
  assertEquals(memory.messages, []);
  memory.add(long(6));
  assertEquals(memory.messages.length, 1);
});

Deno.test("facts: a target says of itself as much as can be needed, and its times stay within a second and a day", () => {
  const command = (index: number): SupportedCommand => ({ name: `${index}`.padEnd(1_000, "\n"), idempotent: false, timeoutSeconds: 1 });
  const facts = factsOf({
    protocolVersion: "dashboard-ipc.v1",
    registration: {
      targetId: "shop",
      displayName: "",
      ipcPath: "",
      leaseSeconds: 30,
      supportedCommands: Array.from({ length: 10_000 }, (_, index) => command(index)),
    },
    extensions: Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`m${index}`.padEnd(1_000, "\n"), "read" as const])),
  });
  assertEquals([facts.commands.length, Object.keys(facts.extensions).length], [256, 256]);
  assertEquals(facts.commands.every(({ name }) => name.length < 1_000 && !name.includes("\n")), true);
  assertEquals(Object.keys(facts.extensions).every((name) => name.length < 1_000 && !name.includes("\n")), true);
  const timeoutFor = (timeoutSeconds: number): number => timeoutMsOf([{ name: "x", idempotent: false, timeoutSeconds }], "x");
  assertEquals([0, 1, 30, 3_000_000].map(timeoutFor), [1_000, 1_000, 30_000, 86_400_000]);
  assertEquals(timeoutMsOf([], "x"), 30_000);
});

Deno.test("hub: a listener that cannot take what it is told is told so, and the others hear all", () => {
  const hub = new Hub(new VirtualClock());
  const heard: unknown[] = [];
  const bad = {
    said: () => {},
    changed: () => {
      throw new Error("bad");
    },
    failed: (error: unknown) => heard.push(String(error)),
  };
  hub.listen(bad);
  hub.listen({ said: () => {}, changed: (targetId) => heard.push(targetId), failed: () => {} });
  hub.add({ targetId: "shop", displayName: "shop", path: NOWHERE, supportedCommands: [] });
  assertEquals(heard, ["Error: bad", "shop", "Error: bad", null]);
  return hub.close();
});

Deno.test("pace: a burst comes at once, and what is more waits", async () => {
  const begunAtMs = performance.now();
  const pace = new Pace(1_000_000);
  assertEquals([pace.take(4_000_000), pace.take(3_990_000)], [true, true]);
  assertEquals(await pace.take(60_000), true);
  assertEquals(performance.now() - begunAtMs > 10, true);
});
