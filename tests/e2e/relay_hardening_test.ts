/** What a relay takes from nobody: headers that are there twice, and more of the kind. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile, rename } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { FakeTarget, obedient } from "../support/fake_target.ts";
import { register } from "../support/relay_client.ts";
import { commandFor, joined, registrationOf, type TestRelay, whileRelaying } from "../support/relays.ts";
import { socketTest } from "../support/sockets.ts";
import { until } from "../support/until.ts";

const TOKEN = "a-token-that-is-long-enough";
const HASH = createHash("sha256").update(TOKEN).digest("hex");

/** The status of an upgrade with these headers, as they are written. */
function upgradeWith({ relay, authority }: TestRelay, headers: readonly string[], credentials: object = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const lines = [
      "GET /session HTTP/1.1",
      "Connection: Upgrade",
      "Upgrade: websocket",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version: 13",
      ...headers,
    ];
    const socket = connectTls({ port: relay.port, host: "127.0.0.1", servername: "localhost", ca: authority.cert, ...credentials }, () => {
      socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    });
    socket.once("data", (data) => {
      socket.destroy();
      resolve(Number(String(data).split(" ")[1]));
    });
    socket.on("error", reject);
  });
}

socketTest(
  "relay: a header that says who asks counts only where it is there once, however it is written",
  () =>
    whileRelaying(async (test) => {
      const host = `Host: localhost:${test.relay.port}`;
      assertEquals(await upgradeWith(test, [host, "X-Who: O=ops, CN=chief"]), 101);
      assertEquals(await upgradeWith(test, [host, "X-Who: O=ops, CN=chief", "X-Who: CN=mallory"]), 401);
      assertEquals(await upgradeWith(test, [host, "X-Who: O=ops, CN=chief", "x-who: O=ops, CN=chief"]), 401);
      assertEquals(await upgradeWith(test, [host, "X-Who: O=ops, CN=chief", "X-WHO:"]), 401);
      assertEquals(await upgradeWith(test, [host, "X-Who: CN=mallory"]), 403);
    }, () => ({
      trusted_proxy: { enabled: true, allowed_remote_addrs: ["127.0.0.0/8"], identity_header: "X-Who" },
      roles: { dangerous: ["O=ops, CN=*"] },
    })),
);

const PROXY = { trusted_proxy: { enabled: true, allowed_remote_addrs: ["127.0.0.0/8"], identity_header: "X-Who" } };

socketTest("relay: a host or an origin that is there twice is nobody's", () =>
  whileRelaying(async (test) => {
    const token = `Authorization: Bearer ${TOKEN}`;
    const origin = `Origin: https://localhost:${test.relay.port}`;
    const host = `Host: localhost:${test.relay.port}`;
    assertEquals(await upgradeWith(test, [host, token, origin]), 101);
    assertEquals(await upgradeWith(test, [host, "Host: evil.example", token]), 403);
    assertEquals(await upgradeWith(test, [host, token, origin, "origin: https://evil.example"]), 403);
  }, () => ({ tokens: [{ name: "ci", sha256: HASH }] })));

socketTest("relay: an Authorization that is no token says nothing: a proxy passes on what it was asked with", async () => {
  await whileRelaying(async (test) => {
    const host = `Host: localhost:${test.relay.port}`;
    for (const value of ["Basic YTpi", "Bearer of-somebody-else"]) {
      assertEquals(await upgradeWith(test, [host, "X-Who: ada", `Authorization: ${value}`]), 101, value);
    }
  }, () => PROXY);
  await whileRelaying(async (test) => {
    const host = `Host: localhost:${test.relay.port}`;
    assertEquals(await upgradeWith(test, [host, "X-Who: ada", "Authorization: Basic YTpi"]), 101);
    assertEquals(await upgradeWith(test, [host, "X-Who: ada", "Authorization: Bearer of-somebody-else"]), 401);
    assertEquals(await upgradeWith(test, [host, `Authorization: Bearer ${TOKEN}`]), 101);
    assertEquals(await upgradeWith(test, [host, `Authorization: Bearer ${TOKEN}`, `Authorization: Bearer ${TOKEN}`]), 401);
  }, () => ({ ...PROXY, tokens: [{ name: "ci", sha256: HASH }] }));
  await whileRelaying(async (test) => {
    const { cert, key } = test.authority.issue([["CN", "ada"]]);
    const host = `Host: localhost:${test.relay.port}`;
    assertEquals(await upgradeWith(test, [host, "Authorization: Basic YTpi"], { cert, key }), 101);
    assertEquals(await upgradeWith(test, [host, "Authorization: Basic YTpi"]), 401);
  }, () => ({ tokens: [{ name: "ci", sha256: HASH }] }));
});

socketTest(
  "relay: a command whose time runs out is told as one of which nobody knows, and is not done again",
  () =>
    whileRelaying(async (test) => {
      const { folder, registration, relay } = test;
      const path = join(folder, "shop.sock");
      const obey = obedient("shop");
      const target = await FakeTarget.listen(path, (asked) => asked.method.startsWith("command.") ? null : obey(asked));
      const supported_commands = [{ name: "pause_child", idempotent: false, timeout_seconds: 1 }];
      await register(registration, registrationOf("shop", path, { supported_commands }));
      await until(() => relay.targets.get("shop") === "connected", () => "it is not connected");
      const client = await test.open();
      await client.hello();
      const command = commandFor("shop", "pause_child", { correlation_id: "c" });
      const begunAtMs = Date.now();
      client.send(command);
      const error = await client.next("error");
      const tookMs = Date.now() - begunAtMs;
      assert(tookMs >= 900 && tookMs < 8_000, `${tookMs} ms`);
      assertEquals(error, {
        type: "error",
        error: {
          code: "outcome_unknown",
          stage: "ipc_response",
          target_id: "shop",
          message: "the target did not answer: whether it was done is not known",
          retryable: false,
        },
        command_id: command["command_id"],
        correlation_id: "c",
      });
      client.send(command);
      assertEquals(await client.next("error"), error);
      assertEquals(target.asked.filter(({ method }) => method === "command.pause_child").length, 1);
      await target.close();
      // Nobody waits for the second record but the end.
      await relay.close();
      const results = (await readFile(join(folder, "audit.ndjson"), "utf8")).trim().split("\n").map((line) => JSON.parse(line).result);
      assertEquals(results, ["accepted", "unknown"]);
    }, (folder) => ({ audit: { path: join(folder, "audit.ndjson") } })),
);

socketTest(
  "relay: a question is one that changes nothing, for every role, and anything else never reaches the target",
  () =>
    whileRelaying(async (test) => {
      const target = await joined(test, "shop");
      const client = await test.openAs("reader");
      await client.hello();
      const ask = async (method: string, targetId = "shop"): Promise<unknown> => {
        client.send({ type: "request", request_id: method, target_id: targetId, method, params: null });
        const { request_id: id, ok, error } = await client.next("response");
        assertEquals(id, method);
        return ok === true ? "ok" : Object(error).code;
      };
      for (const method of ["state", "reeve.status", "reeve.events"]) assertEquals(await ask(method), "ok", method);
      assertEquals(await ask("state", "nobody"), "target_not_bound");
      const asked = target.asked.length;
      for (
        const method of [
          "command.pause_child",
          "command.shutdown_tree",
          "reeve.reload",
          "reeve.scale",
          "events.subscribe",
          "logs.tail",
          "toString",
          "__proto__",
        ]
      ) assertEquals(await ask(method), "unsupported_method", method);
      assertEquals(target.asked.slice(asked).map(({ method }) => method).filter((method) => method !== "hello"), []);
      await target.close();
    }, () => ({ roles: { read: ["*CN=reader"] } })),
);

socketTest("relay: a manifest of a child reaches the target as it is", () =>
  whileRelaying(async (test) => {
    const target = await joined(test, "shop");
    const client = await test.open();
    await client.hello();
    const manifest = "name: extra\nrun: { process: { command: sleep } }\n# \u001b[2J ✓\n";
    client.send(commandFor("shop", "add_child", { confirmed: true, target: { child_path: "/", child_manifest: manifest } }));
    assertEquals(Object((await client.next("command_result"))["result"]).status, "completed");
    const asked = target.asked.find(({ method }) => method === "command.add_child");
    assertEquals(asked?.params["target"], { child_path: "/", child_manifest: manifest });
    await target.close();
  }));

socketTest("relay: one identity has so many sessions, and takes none from another", () =>
  whileRelaying(async (test) => {
    const clients = [await test.openAs("one"), await test.openAs("two")];
    // Each certificate is an identity of its own.
    const asCi = { headers: { authorization: `Bearer ${TOKEN}` } };
    const first = await test.open(asCi);
    await assertRejects(() => test.open(asCi), Error, "status 503");
    await (await test.openAs("three")).hello();
    await first.close();
    await until(() => test.relay.sessions === clients.length + 1, () => `${test.relay.sessions} sessions`);
    await (await test.open(asCi)).hello();
  }, () => ({ limits: { sessions_per_identity: 1 }, tokens: [{ name: "ci", sha256: HASH }] })));

socketTest("relay: certificates that are not there any more change nothing", () =>
  whileRelaying(async (test) => {
    const session = await test.open();
    await session.hello();
    for (const name of ["relay.pem", "relay.key", "ca.pem"]) {
      await rename(join(test.folder, name), join(test.folder, "away"));
      await assertRejects(() => test.relay.reloadCertificates(), Error, name);
      await (await test.open()).hello();
      await rename(join(test.folder, "away"), join(test.folder, name));
    }
    await test.relay.reloadCertificates();
    assertEquals(session.code, null);
  }));

socketTest("registration socket: who comes when it is full, and who leaves in the middle of a line, is told so", () =>
  whileRelaying(
    async ({ registration }) => {
      const answerTo = (begin: (socket: Socket) => void): Promise<string> =>
        new Promise((resolve) => {
          const socket = connect(registration, () => begin(socket));
          let text = "";
          socket.on("data", (data) => text += String(data));
          socket.on("error", () => {});
          socket.on("close", () => resolve(text === "" ? "nothing" : JSON.parse(text).error.code));
        });
      assertEquals(await answerTo((socket) => socket.end('{"target_id":')), "incomplete_registration");
      const silent = connect(registration);
      await once(silent, "connect");
      assertEquals(await answerTo(() => {}), "too_many_connections");
      silent.destroy();
      await until(async () => await answerTo((socket) => socket.end("x")) === "incomplete_registration", () => "it stays full");
    },
    (folder) => ({ registration: { listen_path: join(folder, "relay.sock"), allowed_ipc_path_prefixes: [folder], max_connections: 1 } }),
  ));
