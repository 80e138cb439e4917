/** The relay from end to end: a tree registers, operators connect over TLS, look and command. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { child, supervise } from "../../mod.ts";
import { serveDashboard } from "../../src/ipc/mod.ts";
import { Authority } from "../support/certificates.ts";
import { commandFor, type TestRelay, whileRelaying } from "../support/relays.ts";
import { sequenceOf } from "../../src/relay/wire.ts";
import { socketTest } from "../support/sockets.ts";
import { untilAborted } from "../support/tasks.ts";
import { until } from "../support/until.ts";

/** Runs something beside a tree that has registered. */
async function whileRegistered({ folder, registration, relay }: TestRelay, run: () => Promise<void>, leaseSeconds = 30): Promise<void> {
  await using tree = await supervise({ children: [child.task("api", untilAborted), child.task("billing", untilAborted)] });
  await using _dashboard = await serveDashboard(tree, {
    targetId: "shop",
    displayName: "The shop",
    path: join(folder, "shop.sock"),
    registration: { relayRegistrationPath: registration, leaseSeconds, registrationHeartbeatIntervalSeconds: 1 },
  });
  await until(() => relay.targets.get("shop") === "connected", () => `it is not connected: ${JSON.stringify([...relay.targets])}`);
  await run();
}

socketTest("relay: a tree registers, an operator sees it, commands it, and the audit has it", () =>
  whileRelaying(async (test) => {
    await whileRegistered(test, async () => {
      const client = await test.open();
      const hello = await client.next("server_hello");
      assert(/^mtls_cert_fingerprint:[0-9a-f]{64}$/.test(String(hello["client_identity"])), String(hello["client_identity"]));
      assertEquals([hello["principal"], hello["role"]], ["O=peer test, CN=operator one", "dangerous"]);
      client.send({ type: "client_hello", client_store_id: "store" });
      const { targets } = await client.next("target_list");
      assert(Array.isArray(targets));
      assertEquals([targets[0].target_id, targets[0].display_name, targets[0].registration_state, targets[0].connection_state], [
        "shop",
        "The shop",
        "active",
        "connected",
      ]);
      await client.next("state");
      const command = commandFor("shop", "pause_child", { correlation_id: "incident-7" });
      client.send(command);
      const { result } = await client.next("command_result");
      const { accepted, status, requested_by: requester, correlation_id: correlation, completed_at: completedAt } = Object(result);
      assertEquals([accepted, status, requester, correlation], [true, "completed", "O=peer test, CN=operator one", "incident-7"]);
      assert(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(completedAt), completedAt);
      await client.next("state");
      // The same command again is the first one's answer, and nothing more.
      client.send(command);
      assertEquals((await client.next("command_result"))["result"], result);
      client.send(commandFor("shop", "shutdown_tree"));
      const refused = await client.next("error");
      assertEquals(Object(refused["error"]).code, "confirmation_required");
      client.send(commandFor("nobody", "pause_child"));
      assertEquals(Object((await client.next("error"))["error"]).code, "target_not_bound");
    });
    const records = (await readFile(join(test.folder, "audit.ndjson"), "utf8")).trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(records.map(({ command, result, detail }) => [command, result, detail]), [
      ["pause_child", "accepted", null],
      ["pause_child", "completed", "completed"],
      ["shutdown_tree", "rejected", "confirmation_required"],
      ["pause_child", "rejected", "target_not_bound"],
    ]);
    assertEquals(records[0].identity.source, "mtls");
  }, (folder) => ({ audit: { path: join(folder, "audit.ndjson") } })));

socketTest("relay: who has no certificate, or one of somebody else, is refused by TLS", () =>
  whileRelaying(async ({ open, authority }) => {
    await assertRejects(() => open({}));
    const foreign = new Authority("somebody else");
    await assertRejects(() => open({ ...foreign.issue([["CN", "eve"]]), ca: authority.cert }));
  }));

socketTest(
  "relay: a client that comes again gets what it missed, in order and once, and then what happens now",
  () =>
    whileRelaying(async (test) => {
      await using tree = await supervise({ children: [child.task("api", untilAborted)] });
      await using _dashboard = await serveDashboard(tree, {
        targetId: "shop",
        path: join(test.folder, "shop.sock"),
        registration: { relayRegistrationPath: test.registration, leaseSeconds: 30 },
      });
      await until(() => test.relay.targets.get("shop") === "connected", () => "it is not connected");
      const first = await test.open();
      const { targets } = await first.hello();
      assert(Array.isArray(targets));
      const epoch = String(targets[0].stream_epoch);
      const pause = async (client: typeof first, command: string): Promise<number> => {
        client.send(commandFor("shop", command));
        const { event } = await client.next("event");
        return Object(event).sequence;
      };
      const sequence = await pause(first, "pause_child");
      await first.close();
      const second = await test.open();
      await second.hello();
      await pause(second, "resume_child");
      const again = await test.open();
      await again.hello({
        resume_cursor: { events: { shop: { delivery_mode: "remote", filter_config_version: 0, stream_epoch: epoch, sequence } } },
      });
      await pause(second, "pause_child");
      const last = tree.snapshot().seq;
      const numbersOf = (): number[] =>
        again.frames.filter(({ type }) => type === "event").map(({ event }) => Number(Object(event).sequence));
      await until(() => (numbersOf().at(-1) ?? 0) >= last, () => `${numbersOf()}, must reach ${last}`);
      const numbers = numbersOf();
      assertEquals(numbers, numbers.map((_, index) => sequence + 1 + index));
      // Numbers of another run say nothing: that is told, and what there is comes from its beginning.
      const other = await test.open();
      await other.hello({
        resume_cursor: { events: { shop: { delivery_mode: "remote", filter_config_version: 0, stream_epoch: "another", sequence: 500 } } },
      });
      await until(() => other.frames.some(({ event }) => sequenceOf(event) >= last), () => JSON.stringify(other.frames.at(-1)));
      const kinds = other.frames.map(({ type }) => type).filter((type) => ["state", "restarted", "event"].includes(String(type)));
      assertEquals(kinds.slice(0, 3), ["state", "restarted", "event"]);
    }),
);

socketTest(
  "relay: a client of one that was started anew goes on where it was, with events and with lines",
  () =>
    whileRelaying(async (test) => {
      const counting = "n=0; while :; do n=$((n + 1)); echo $n; sleep 0.005; done";
      await using tree = await supervise({
        children: [child.task("api", untilAborted), child.process("counts", { command: "sh", args: ["-c", counting] })],
      });
      await using _dashboard = await serveDashboard(tree, {
        targetId: "shop",
        path: join(test.folder, "shop.sock"),
        registration: { relayRegistrationPath: test.registration, leaseSeconds: 30, registrationHeartbeatIntervalSeconds: 1 },
      });
      await until(() => test.relay.targets.get("shop") === "connected", () => "it is not connected");
      const first = await test.open();
      const list = await first.hello();
      const epoch = String(Object(list["targets"])[0].stream_epoch);
      first.send(commandFor("shop", "pause_child"));
      const event = sequenceOf((await first.next("event"))["event"]);
      const log = sequenceOf((await first.next("log"))["log"]);
      await test.restart();
      // Nothing is connected to the relay yet.
      const second = await test.open();
      const place = (sequence: number): object => ({
        shop: { delivery_mode: "remote", filter_config_version: 0, stream_epoch: epoch, sequence },
      });
      await second.hello({ resume_cursor: { events: place(event), logs: place(log) } });
      const numbers = (kind: string): number[] => second.frames.filter(({ type }) => type === kind).map((frame) => sequenceOf(frame[kind]));
      await until(() => test.relay.targets.get("shop") === "connected", () => "it does not register again");
      const other = await test.open();
      await other.hello();
      other.send(commandFor("shop", "resume_child"));
      const lastEvent = sequenceOf((await other.next("event"))["event"]);
      await until(
        () => (numbers("event").at(-1) ?? 0) >= lastEvent && numbers("log").length > 200,
        () => `${numbers("event")} to ${lastEvent}; ${numbers("log")}`,
      );
      for (const [kind, from] of [["event", event], ["log", log]] as const) {
        assertEquals(numbers(kind), numbers(kind).map((_, index) => from + 1 + index), kind);
      }
      assertEquals(second.frames.filter(({ type }) => type === "dropped_count"), []);
      const kinds = second.frames.map(({ type }) => type);
      assert(kinds.indexOf("state") < kinds.indexOf("event"), kinds.join());
      assert(kinds.indexOf("state") < kinds.indexOf("log"), kinds.join());
    }),
);
