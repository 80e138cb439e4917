/** What hostile targets, clients and strangers can do to a relay: nothing to the others. */
import { assert, assertEquals } from "@std/assert";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { FakeTarget, helloOf, obedient } from "../support/fake_target.ts";
import { register } from "../support/relay_client.ts";
import { certificateOf, commandFor, eventOf, joined, registrationOf, type TestRelay, whileRelaying } from "../support/relays.ts";
import { socketTest } from "../support/sockets.ts";
import { until } from "../support/until.ts";

const HELLOS: readonly object[] = [
  helloOf("evil", { registration: { target_id: "evil" } }),
  helloOf("evil", { registration: { target_id: "evil", supported_commands: [null] } }),
  helloOf("evil", { registration: { target_id: "evil", supported_commands: [{ name: "pause_child", timeout_seconds: "NaN" }] } }),
  helloOf("evil", { registration: 5 }),
  helloOf("evil", { capabilities: 5 }),
  helloOf("evil", { capabilities: [5] }),
  helloOf("evil", { extensions: "all" }),
  helloOf("evil", { extensions: { x: { toString: 1 } } }),
  helloOf("evil", { server: { run_id: 5 } }),
  helloOf("evil", { protocol_version: "dashboard-ipc.v9" }),
];

socketTest(
  "relay: whatever a target says of itself, the relay goes on, the others too, and no connection is left behind",
  () =>
    whileRelaying(async (test) => {
      const good = await joined(test, "good");
      const client = await test.open();
      await client.hello();
      for (const [index, hello] of HELLOS.entries()) {
        const id = `evil-${index}`;
        const path = join(test.folder, `${id}.sock`);
        const target = await FakeTarget.listen(path, ({ method }) => method === "hello" ? hello : "no");
        await register(test.registration, registrationOf(id, path));
        const hellos = (): number => target.asked.filter(({ method }) => method === "hello").length;
        await until(() => hellos() >= 2, () => `${JSON.stringify(hello)}: it was not tried again`);
        assert(target.connections <= 1, `${JSON.stringify(hello)}: ${target.connections} connections`);
        assertEquals(test.relay.targets.get(id), "unavailable", JSON.stringify(hello));
        await target.close();
      }
      client.send(commandFor("good", "pause_child"));
      await client.next("command_result");
      await good.close();
    }),
);

socketTest("relay: a stream that a target refuses at first is asked for again", () =>
  whileRelaying(async (test) => {
    let refusals = 2;
    const target = await joined(test, "shop", {}, (asked) => {
      if (asked.method === "events.subscribe" && refusals-- > 0) return "busy";
      return obedient("shop")(asked);
    });
    const client = await test.open();
    await client.hello();
    target.push(eventOf(7));
    await client.next("event");
    await target.close();
  }));

socketTest(
  "relay: a line that is far too long costs its target the connection, and nobody else anything",
  () =>
    whileRelaying(async (test) => {
      const [loud, good] = [await joined(test, "loud"), await joined(test, "good")];
      const client = await test.open();
      await client.hello();
      const before = loud.asked.length;
      loud.pushLine("logs.tail", "x".repeat(33 * 1024 * 1024));
      await until(() => loud.asked.slice(before).some(({ method }) => method === "logs.tail"), () => "it is not followed again");
      client.send(commandFor("good", "pause_child"));
      await client.next("command_result");
      await Promise.all([loud.close(), good.close()]);
    }),
);

socketTest(
  "relay: one that says nothing of a run is remembered by the relay, for clients that come again",
  () =>
    whileRelaying(async (test) => {
      const target = await joined(test, "shop");
      const first = await test.open();
      const epoch = Object((await first.hello())["targets"])[0].stream_epoch;
      target.push(eventOf(1));
      await first.next("event");
      await first.close();
      for (const sequence of [2, 3]) target.push(eventOf(sequence));
      const other = await test.open();
      await other.hello();
      target.push(eventOf(4));
      await other.next("event");
      const place = { delivery_mode: "remote", filter_config_version: 0, stream_epoch: epoch, sequence: 1 };
      const again = await test.open();
      await again.hello({ resume_cursor: { events: { shop: place } } });
      for (const sequence of [2, 3, 4]) assertEquals(Object((await again.next("event"))["event"]).sequence, sequence);
      // Whether its numbers went on while it was away, nobody knows.
      target.cut();
      await until(() => target.isFollowed, () => "it is not followed again");
      const later = await test.open();
      await later.hello({ resume_cursor: { events: { shop: { ...place, sequence: 4 } } } });
      assertEquals((await later.next(({ type }) => type === "restarted" || type === "event"))["type"], "restarted");
      await target.close();
    }),
);

socketTest("relay: a name without a port stands for every port, as behind a proxy or at 443", () =>
  whileRelaying(async (test) => {
    const { port } = test.relay;
    const statusFor = async (host: string): Promise<string> => {
      const { socket } = await hold(test);
      socket.write(upgradeOf(host, "/session"));
      const [answer] = await once(socket, "data");
      socket.destroy();
      return String(answer).slice(9, 12);
    };
    for (const host of ["ops.example.org", "OPS.example.org:443", `ops.example.org:${port}`, "exact.example.org:8443"]) {
      assertEquals([host, await statusFor(host)], [host, "101"]);
    }
    for (const host of ["exact.example.org", "exact.example.org:443", "evil.example.org", "ops.example.org.evil.org"]) {
      assertEquals([host, await statusFor(host)], [host, "403"]);
    }
  }, () => ({ listen: { hosts: ["ops.example.org", "exact.example.org:8443"] } })));

socketTest("relay: whoever is turned away and holds on is let go, and keeps no relay from ending", () =>
  whileRelaying(async (test) => {
    const held: Held[] = [];
    for (const path of ["/elsewhere", "/session"]) {
      const one = await hold(test);
      held.push(one);
      one.socket.write(upgradeOf(path === "/session" ? "evil.example.org" : "localhost", path));
      await once(one.socket, "data");
    }
    await until(() => held.every(isLetGo), () => "one is connected still");
    // One that has asked for nothing yet, and one with a session.
    const [waiting, inside] = [await hold(test), await hold(test)];
    inside.socket.write(upgradeOf("localhost", "/session"));
    await once(inside.socket, "data");
    await test.relay.close();
    await until(() => isLetGo(waiting) && isLetGo(inside), () => "one is connected still");
  }));

socketTest("relay: who does not read the answers is not asked for more of them", () =>
  whileRelaying(async (test) => {
    const answer = { text: "x".repeat(200_000) };
    const target = await joined(test, "shop", {}, (asked) => asked.method === "reeve.status" ? answer : obedient("shop")(asked));
    const client = await test.open();
    await client.hello();
    client.pause();
    const asked = (): number => target.asked.filter(({ method }) => method === "reeve.status").length;
    const count = 2_000;
    for (let index = 0; index < count; index++) {
      client.send({ type: "request", request_id: `${index}`, target_id: "shop", method: "reeve.status", params: null });
    }
    let last = -1;
    await until(() => {
      const isSame = asked() === last;
      last = asked();
      return isSame && last > 0;
    }, () =>
      "it is asked on and on", 10_000);
    // What the system holds for both ends, and what may wait: far less than all.
    assert(asked() < count / 4, `${asked()} of ${count} were asked`);
    client.resume();
    const answered = new Set<unknown>();
    while (answered.size < count) {
      answered.add((await client.next("response"))["request_id"]);
    }
    await target.close();
  }, () => ({ limits: { messages_per_second: 100_000, waiting_bytes: 1_000_000 } })));

/** A connection that does not end itself when the other side does. */
interface Held {
  readonly socket: TLSSocket;
  readonly wire: Socket;
}

async function hold({ relay, authority }: TestRelay): Promise<Held> {
  const wire = connect({ port: relay.port, host: "127.0.0.1", allowHalfOpen: true });
  const socket = connectTls({ socket: wire, servername: "localhost", ...tlsOf(authority) });
  for (const one of [wire, socket]) one.on("error", () => {});
  await once(socket, "secureConnect");
  return { socket, wire };
}

/** Whether the other side has given it up, not only ended: it is told so when it is written to. */
function isLetGo({ socket, wire }: Held): boolean {
  if (socket.writable) socket.write("x");
  return wire.destroyed;
}

function tlsOf(authority: TestRelay["authority"]): { readonly cert: string; readonly key: string; readonly ca: string } {
  const { cert = "", key = "" }: Record<string, unknown> = { ...certificateOf(authority, "operator one") };
  return { cert: String(cert), key: String(key), ca: authority.cert };
}

function upgradeOf(host: string, path: string): string {
  const head = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="];
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${head.join("\r\n")}\r\n\r\n`;
}
