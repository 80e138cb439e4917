/** What targets do to a relay and to each other: silent ones, bad ones, those that go and come back. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { lstat, stat, unlink, writeFile } from "node:fs/promises";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { relaySettings } from "../../src/config/mod.ts";
import { startRelay } from "../../src/relay/mod.ts";
import { FakeTarget } from "../support/fake_target.ts";
import { register } from "../support/relay_client.ts";
import { commandFor, eventOf, joined, registrationOf, whileRelaying } from "../support/relays.ts";
import { socketTest } from "../support/sockets.ts";
import { until } from "../support/until.ts";

socketTest("relay: a target that never answers costs another one's commands nothing", () =>
  whileRelaying(async (test) => {
    const { folder, registration, open } = test;
    const good = await joined(test, "good");
    const hung = await FakeTarget.listen(join(folder, "hung.sock"), ({ method }) => method === "hello" ? "unsupported_method" : null);
    await register(registration, registrationOf("hung", join(folder, "hung.sock")));
    await until(() => test.relay.targets.get("hung") === "connected", () => "hung is not connected");
    const client = await open();
    const list = await client.hello();
    assert(Array.isArray(list["targets"]) && list["targets"].length === 2);
    client.send(commandFor("hung", "pause_child"));
    // None of these waits for the other one, which is given up after seconds.
    for (let count = 0; count < 100; count++) {
      client.send(commandFor("good", "pause_child"));
      const { target_id, type } = await client.next(({ type }) => type === "command_result" || type === "error");
      assertEquals([type, target_id], ["command_result", "good"]);
    }
    await Promise.all([good.close(), hung.close()]);
  }, () => ({ limits: { commands_per_second: 10_000, messages_per_second: 10_000 } })));

socketTest(
  "relay: a target that goes is told within a moment, and its fresh state comes before its events when it is back",
  () =>
    whileRelaying(async (test) => {
      const target = await joined(test, "shop");
      const client = await test.open();
      await client.hello();
      await client.next("state");
      target.cut();
      const gone = await client.next("connection_state", 10_000);
      assertEquals([gone["target_id"], gone["state"]], ["shop", "reconnecting"]);
      const back = await client.next(({ type }) => type === "connection_state" || type === "state" || type === "event");
      assertEquals(back["state"], "connected");
      await client.next("state");
      await until(() => target.isFollowed, () => "nobody follows it");
      target.push(eventOf(1));
      assertEquals(Object((await client.next("event"))["event"]).sequence, 1);
      // What is missing between two numbers is counted.
      target.push(eventOf(5));
      assertEquals((await client.next("dropped_count"))["dropped_event_count"], 3);
      await client.next("event");
      await target.close();
    }),
);

socketTest("relay: filters filter, and are answered", () =>
  whileRelaying(async (test) => {
    const target = await joined(test, "shop");
    const client = await test.open();
    await client.hello();
    client.send({ type: "log_event_filter_conditions", sequence_min: 3 });
    assertEquals((await client.next("filter_config"))["filter_config_version"], 1);
    for (const sequence of [1, 2, 3]) target.push(eventOf(sequence));
    assertEquals(Object((await client.next("event"))["event"]).sequence, 3);
    await target.close();
  }));

socketTest(
  "relay: sessions hear of targets that come, whose lease ends, that come back, and that leave",
  () =>
    whileRelaying(async (test) => {
      const { folder, registration, open } = test;
      const client = await open();
      assertEquals((await client.hello())["targets"], []);
      const target = await joined(test, "shop", { lease_seconds: 5 });
      // A list tells how things are when it is sent: there may be one of before.
      const listed = (...rows: string[][]): Promise<unknown> =>
        client.next(({ targets }) =>
          Array.isArray(targets) &&
          JSON.stringify(targets.map(({ registration_state, connection_state }) => [registration_state, connection_state])) ===
            JSON.stringify(rows)
        );
      await listed(["active", "connected"]);
      assertEquals((await client.next(({ state }) => state === "expired"))["type"], "connection_state");
      await listed(["expired", "expired"]);
      client.send(commandFor("shop", "pause_child"));
      const { code, stage, retryable } = Object((await client.next("error"))["error"]);
      assertEquals([code, stage, retryable], ["target_unavailable", "registry", true]);
      await register(registration, registrationOf("shop", join(folder, "shop.sock")));
      await client.next(({ state }) => state === "connected");
      client.send(commandFor("shop", "pause_child"));
      assertEquals(Object((await client.next("command_result"))["result"]).status, "completed");
      assertEquals(JSON.parse(await register(registration, { type: "unregister", target_id: "shop" })).status, "unregistered");
      await listed();
      await target.close();
    }),
);

socketTest("registration socket: who is bad, silent or gone costs only that connection", () =>
  whileRelaying(
    async (test) => {
      const { folder, registration } = test;
      assertEquals((await stat(registration)).mode & 0o777, 0o600);
      const codeOf = async (line: object | string): Promise<string> => {
        const answer = await register(registration, line);
        return answer === "" ? "nothing" : JSON.parse(answer).error?.code ?? JSON.parse(answer).status;
      };
      const silent = Array.from({ length: 3 }, () => connectSocket(registration));
      const answers = silent.map((socket) =>
        new Promise<string>((resolve) => {
          let text = "";
          socket.on("data", (data) => text += String(data));
          socket.on("close", () => resolve(text));
          socket.on("error", () => {});
        })
      );
      const gone = connectSocket(registration);
      gone.on("error", () => {});
      gone.on("connect", () => gone.destroy());
      assertEquals(await codeOf("garbage"), "invalid_registration_json");
      assertEquals(await codeOf("[".repeat(5_000)), "invalid_registration_json");
      assertEquals(await codeOf(`"${"x".repeat(70_000)}"`), "registration_too_large");
      assertEquals(await codeOf({ ...registrationOf("shop", join(folder, "shop.sock")), token: "x" }), "invalid_registration_schema");
      assertEquals(await codeOf(registrationOf("shop", join(folder, "shop.sock"))), "registered");
      for (const answer of answers) assertEquals(JSON.parse(await answer).error.code, "registration_timeout");
      assertEquals(await codeOf(registrationOf("shop", join(folder, "shop.sock"))), "registered");
    },
    (folder) => ({ registration: { listen_path: join(folder, "relay.sock"), allowed_ipc_path_prefixes: [folder], io_timeout_seconds: 3 } }),
  ));

socketTest(
  "registration socket: it never takes the place of another relay, or of what is no socket, and goes with its relay",
  () =>
    whileRelaying(async ({ folder, registration, relay }) => {
      const tls = {
        certificate_path: join(folder, "relay.pem"),
        private_key_path: join(folder, "relay.key"),
        client_ca_path: join(folder, "ca.pem"),
      };
      const settingsFor = (path: string): Parameters<typeof startRelay>[0] =>
        relaySettings({ tls, listen: { bind: "127.0.0.1:0" }, registration: { listen_path: path, allowed_ipc_path_prefixes: [folder] } });
      await assertRejects(() => startRelay(settingsFor(registration)), Error, "somebody listens there already");
      const file = join(folder, "precious");
      await writeFile(file, "data");
      await assertRejects(() => startRelay(settingsFor(file)), Error, "no socket");
      assertEquals((await lstat(file)).isFile(), true);
      await unlink(file);
      await relay.close();
      await assertRejects(() => lstat(registration), Error, "ENOENT");
      // What a relay left that was killed is replaced.
      await using again = await startRelay(settingsFor(registration));
      assert(again.port > 0);
    }),
);

socketTest("relay: limits on messages, commands, sessions and time, each with its code", () =>
  whileRelaying(async (test) => {
    const target = await joined(test, "shop");
    const errorOf = async (client: { next(type: string): Promise<object> }): Promise<unknown> =>
      Object(Reflect.get(await client.next("error"), "error")).code;
    const client = await test.open();
    await client.hello();
    // However they fall into seconds, more than three are in one.
    for (let count = 0; count < 7; count++) client.send(commandFor("shop", "pause_child"));
    assertEquals(await errorOf(client), "rate_limit_exceeded");
    client.send("x".repeat(2_000));
    await client.next(({ error }) => Object(error).code === "frame_too_large");
    assertEquals(await client.closed(), 1009);
    const second = await test.open();
    await second.hello();
    second.send(`"${"x".repeat(100_000)}"`);
    assertEquals(await second.closed(), 1009);
    const both = [await test.open(), await test.open()];
    await assertRejects(() => test.open(), Error, "status 503");
    for (const one of both) await one.close();
    const last = await test.open();
    await last.hello();
    await Promise.all([target.close(), test.relay.close()]);
    assertEquals(await last.closed(), 1001);
  }, () => ({ limits: { sessions: 2, commands_per_second: 3, frame_bytes: 1_024 } })));

socketTest("relay: whoever says no hello, or nothing any more, is let go with why", async () => {
  const ends = async (limits: object, isGreeting: boolean): Promise<unknown> => {
    let code: unknown;
    await whileRelaying(async (test) => {
      const client = await test.open();
      if (isGreeting) await client.hello();
      code = Object(Reflect.get(await client.next("error"), "error")).code;
      assertEquals(await client.closed(), 1008);
    }, () => ({ limits }));
    return code;
  };
  assertEquals(await ends({ hello_timeout_seconds: 1 }, false), "hello_timeout");
  assertEquals(await ends({ idle_timeout_seconds: 3 }, true), "idle_timeout");
});

socketTest("relay: numbers and health on an address of their own", () =>
  whileRelaying(async (test) => {
    const target = await joined(test, "shop");
    const client = await test.open();
    await client.hello();
    client.send(commandFor("shop", "pause_child"));
    await client.next("command_result");
    const base = `http://127.0.0.1:${test.relay.metricsPort}`;
    assertEquals(await (await fetch(`${base}/healthz`)).json(), { status: "ok", targets: 1, sessions: 1 });
    const text = await (await fetch(`${base}/metrics`)).text();
    for (
      const line of [
        'reeve_relay_targets{state="connected"} 1',
        "reeve_relay_sessions 1",
        'reeve_relay_commands_total{result="completed"} 1',
        'reeve_relay_registrations_total{code="registered"} 1',
        "reeve_relay_command_duration_seconds_count 1",
      ]
    ) assert(text.includes(`${line}\n`), `${line} is not in:\n${text}`);
    await target.close();
  }, () => ({ metrics: { listen: "127.0.0.1:0" } })));

socketTest("relay: an audit that cannot be written refuses commands, or lets them pass where that is wanted", async () => {
  if (process.platform !== "linux") return;
  for (const [onFailure, wanted] of [["refuse", "audit_write_failed"], ["allow", "completed"]] as const) {
    await whileRelaying(async (test) => {
      const target = await joined(test, "shop");
      const client = await test.open();
      await client.hello();
      const file = join(test.folder, "audit.ndjson");
      await unlink(file);
      const { mkdir } = await import("node:fs/promises");
      await mkdir(file);
      client.send(commandFor("shop", "pause_child"));
      const answer = await client.next(({ type }) => type === "error" || type === "command_result");
      assertEquals(Object(answer["error"]).code ?? Object(answer["result"]).status, wanted);
      await target.close();
    }, (folder) => ({ audit: { path: join(folder, "audit.ndjson"), on_failure: onFailure } }));
  }
});
