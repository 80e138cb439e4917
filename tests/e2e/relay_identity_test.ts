/** Who is let into a relay, as whom, for what and for how long. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { open, rename, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { connect as connectTls } from "node:tls";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { Authority } from "../support/certificates.ts";
import { FakeTarget, obedient } from "../support/fake_target.ts";
import { register } from "../support/relay_client.ts";
import { certificateOf, commandFor, registrationOf, type TestRelay, whileRelaying } from "../support/relays.ts";
import { socketTest } from "../support/sockets.ts";
import { until } from "../support/until.ts";

const TOKEN = "a-token-that-is-long-enough";
const HASH = createHash("sha256").update(TOKEN).digest("hex");

interface Page {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

/** Asks for a page over HTTPS. */
function get({ relay, authority }: TestRelay, path: string, headers: Record<string, string> = {}, body?: string): Promise<Page> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const asked = request({ host: "localhost", port: relay.port, path, headers, method, ca: authority.cert, agent: false }, (response) => {
      let text = "";
      response.on("data", (data) => text += String(data));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

function bearer(token: string): { readonly headers: { readonly authorization: string } } {
  return { headers: { authorization: `Bearer ${token}` } };
}

socketTest(
  "relay: foreign names, pages and paths are refused before the upgrade, and before anybody is asked who they are",
  () =>
    whileRelaying(async ({ open, authority }) => {
      const operator = certificateOf(authority, "operator one");
      await assertRejects(() => open({ ...operator, headers: { host: "evil.example" } }), Error, "status 403");
      await assertRejects(() => open({ ...operator, origin: "https://evil.example" }), Error, "status 403");
      await assertRejects(() => open(operator, "/elsewhere"), Error, "status 404");
      await (await open({ ...operator, origin: "https://ops.example" }, "/relay")).hello();
      await (await open(operator, "/session?x=1")).hello();
    }, () => ({ listen: { public_url: "wss://localhost/relay", origins: ["https://ops.example"] } })),
);

socketTest("relay: a proxy says who asks, when it is one", () =>
  whileRelaying(async (test) => {
    const asAlice = { headers: { "x-who": "alice" } };
    const client = await test.open(asAlice);
    assertEquals((await client.next("server_hello"))["client_identity"], "trusted_proxy:alice");
    await assertRejects(() => test.open({}), Error, "status 401");
    await assertRejects(() => test.open({ headers: { "x-who": " " } }), Error, "status 401");
    assertEquals((await get(test, "/", { "x-who": "alice" })).status, 200);
    assertEquals((await get(test, "/")).status, 401);
  }, () => ({ trusted_proxy: { enabled: true, allowed_remote_addrs: ["10.0.0.0/8", "127.0.0.0/8"], identity_header: "X-Who" } })));

socketTest("relay: a header of somebody who is no proxy says nothing", () =>
  whileRelaying(async ({ open }) => {
    await assertRejects(() => open({ headers: { "x-who": "alice" } }), Error, "status 403");
  }, () => ({ trusted_proxy: { enabled: true, allowed_remote_addrs: ["10.0.0.0/8"], identity_header: "X-Who" } })));

socketTest("relay: a fixed token lets in, in a header or for a cookie", () =>
  whileRelaying(async (test) => {
    const { open } = test;
    const client = await open(bearer(TOKEN));
    const hello = await client.next("server_hello");
    assertEquals([hello["client_identity"], hello["principal"]], ["token:ci", "ci"]);
    await assertRejects(() => open(bearer("another-token-that-is-long")), Error, "status 401");
    await assertRejects(() => open({}), Error, "status 401");
    // A certificate lets in all the same, and one of somebody else does not.
    await (await open(certificateOf(test.authority, "operator one"))).hello();
    await assertRejects(() => open({ ...new Authority("somebody else").issue([["CN", "eve"]]), ca: test.authority.cert }));

    assertEquals((await get(test, "/")).headers["location"], "/login");
    const login = await get(test, "/login");
    // With "no-referrer" a browser says "null" for the origin of the form, and would never get in.
    assertEquals([login.status, login.headers["referrer-policy"]], [200, "same-origin"]);
    assertEquals((await get(test, "/login", {}, "token=wrong")).status, 401);
    assertEquals((await get(test, "/login", { origin: "https://evil.example" }, `token=${TOKEN}`)).status, 403);
    const page = await get(test, "/login", {}, `token=${TOKEN}`);
    assertEquals([page.status, page.headers["location"]], [303, "/"]);
    const [cookie = ""] = String(page.headers["set-cookie"]).split(";");
    assert(cookie.startsWith("__Host-"), cookie);
    assertEquals((await get(test, "/", { cookie })).status, 200);
    const inBrowser = await open({ headers: { cookie } });
    assertEquals((await inBrowser.next("server_hello"))["principal"], "ci");
    await assertRejects(() => open({ headers: { cookie: `${cookie}x` } }), Error, "status 401");
    // Only a page of the relay gives it back.
    assertEquals((await get(test, "/logout", { cookie, origin: "https://evil.example" }, "")).status, 403);
    assertEquals((await get(test, "/", { cookie })).status, 200);
    assertEquals((await get(test, "/logout", { cookie }, "")).headers["location"], "/login");
    assertEquals((await get(test, "/", { cookie })).status, 303);
    assertEquals(Object((await inBrowser.next("error"))["error"]).code, "identity_revoked");
    assertEquals([await inBrowser.closed(), client.code], [1008, null]);
  }, () => ({ tokens: [{ name: "ci", sha256: HASH }] })));

socketTest("relay: a token of an issuer lets in for as long as it is good", async () => {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const keys = createServer((_, response) => {
    void exportJWK(publicKey).then((jwk) => response.end(JSON.stringify({ keys: [{ ...jwk, kid: "one", alg: "ES256" }] })));
  });
  await new Promise<void>((resolve) => keys.listen(0, "127.0.0.1", resolve));
  const { port } = keys.address() as AddressInfo;
  const token = (claims: Record<string, unknown>, audience = "relay"): Promise<string> =>
    new SignJWT({ email_verified: true, ...claims }).setProtectedHeader({ alg: "ES256", kid: "one" }).setIssuer("https://issuer.example")
      .setAudience(audience).sign(
        privateKey,
      );
  const now = Math.floor(Date.now() / 1_000);
  try {
    await whileRelaying(async ({ open }) => {
      const client = await open(bearer(await token({ email: "ada@ops.example", exp: now + 60 })));
      const hello = await client.next("server_hello");
      assertEquals([hello["client_identity"], hello["principal"], hello["role"]], ["oidc:ada@ops.example", "ada@ops.example", "control"]);
      for (
        const [why, bad, status] of [
          ["too old", token({ email: "ada@ops.example", exp: now - 60 }), 401],
          ["without an end", token({ email: "ada@ops.example" }), 401],
          ["for somebody else", token({ email: "ada@ops.example", exp: now + 60 }, "other"), 401],
          ["of nobody", token({ exp: now + 60 }), 401],
          ["with an address that nobody has looked at", token({ email: "ada@ops.example", email_verified: false, exp: now + 60 }), 401],
          ["of somebody without a role", token({ email: "eve@evil.example", exp: now + 60 }), 403],
          ["with another signature", token({ email: "ada@ops.example", exp: now + 60 }).then((good) => `${good.slice(0, -6)}AAAAAA`), 401],
          [
            "without a signature",
            Promise.resolve(
              unsigned({ email: "ada@ops.example", email_verified: true, iss: "https://issuer.example", aud: "relay", exp: now + 60 }),
            ),
            401,
          ],
        ] as const
      ) {
        const given = bearer(await bad);
        await assertRejects(() => open(given), Error, `status ${status}`).catch((error) => {
          throw new Error(`${why}: ${error.message}`);
        });
      }
      // 30 seconds are granted for clocks that differ: this one has five left.
      const short = await open(bearer(await token({ email: "ada@ops.example", exp: Math.ceil(Date.now() / 1_000) - 25 })));
      await short.hello();
      assertEquals(Object((await short.next("error"))["error"]).code, "identity_expired");
      assertEquals(await short.closed(), 1008);
    }, () => ({
      oidc: { issuer: "https://issuer.example", audience: "relay", jwks_url: `http://127.0.0.1:${port}/keys`, principal_claim: "email" },
      roles: { control: ["*@ops.example"] },
    }));
  } finally {
    keys.closeAllConnections();
    await new Promise((resolve) => keys.close(resolve));
  }
});

function unsigned(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part(claims)}.`;
}

socketTest("relay: roles bound what somebody may do", () =>
  whileRelaying(async ({ openAs, folder, registration, relay }) => {
    const target = await FakeTarget.listen(join(folder, "shop.sock"), obedient("shop"));
    await register(registration, registrationOf("shop", join(folder, "shop.sock")));
    await until(() => relay.targets.get("shop") === "connected", () => "it is not connected");
    const outcome = async (name: string, command: string): Promise<unknown> => {
      const client = await openAs(name);
      await client.hello();
      client.send(commandFor("shop", command, { confirmed: true }));
      const answer = await client.next(({ type }) => type === "error" || type === "command_result");
      await client.close();
      return answer["type"] === "error" ? Object(answer["error"]).code : Object(answer["result"]).status;
    };
    assertEquals(await outcome("reader", "pause_child"), "not_permitted");
    assertEquals(await outcome("keeper", "pause_child"), "completed");
    assertEquals(await outcome("keeper", "shutdown_tree"), "not_permitted");
    assertEquals(await outcome("chief", "shutdown_tree"), "completed");
    await assertRejects(() => openAs("stranger"), Error, "status 403");
    await target.close();
  }, () => ({ roles: { dangerous: ["*CN=chief"], control: ["O=peer test, CN=keeper"], read: ["*CN=reader"] } })));

socketTest("relay: a session ends with its certificate, and is told so", () =>
  whileRelaying(async ({ open, authority }) => {
    // Certificates have whole seconds.
    const client = await open({ ...authority.issue([["CN", "short"]], 5_000), ca: authority.cert });
    await client.hello();
    assertEquals(Object((await client.next("error"))["error"]).code, "identity_expired");
    assertEquals(await client.closed(), 1008);
  }));

/** The name in the certificate of the relay. */
function nameIn({ relay, authority }: TestRelay): Promise<string> {
  return new Promise((resolve, reject) => {
    const { cert, key } = authority.issue([["CN", "operator one"]]);
    const socket = connectTls({ port: relay.port, host: "127.0.0.1", servername: "localhost", ca: authority.cert, cert, key }, () => {
      const { CN } = socket.getPeerCertificate().subject;
      socket.destroy();
      resolve(String(CN));
    });
    socket.on("error", reject);
  });
}

socketTest("relay: certificates are read again; ones that do not fit change nothing", () =>
  whileRelaying(async (test) => {
    const { relay, folder, authority, open } = test;
    const nameOfRelay = (): Promise<string> => nameIn(test);
    const session = await open();
    await session.hello();
    assertEquals(await nameOfRelay(), "localhost");
    const { cert, key } = authority.issue([["CN", "renewed"]]);
    await writeFile(join(folder, "relay.pem"), cert);
    await assertRejects(() => relay.reloadCertificates(), Error, "the key is not that of the certificate");
    assertEquals(await nameOfRelay(), "localhost");
    await writeFile(join(folder, "new.key"), key);
    await rename(join(folder, "new.key"), join(folder, "relay.key"));
    await relay.reloadCertificates();
    assertEquals(await nameOfRelay(), "renewed");
    assertEquals(session.code, null);
  }));

socketTest(
  "relay: a token that was replaced is good no more, nor is a session or cookie that it opened",
  () =>
    whileRelaying(async (test) => {
      const { relay, folder, open } = test;
      const client = await open(bearer(TOKEN));
      await client.hello();
      const other = await open(bearer("another-token-that-is-long"));
      await other.hello();
      const page = await get(test, "/login", {}, `token=${TOKEN}`);
      const [cookie = ""] = String(page.headers["set-cookie"]).split(";");
      await writeFile(join(folder, "token"), "a-new-token-that-is-long-enough");
      await relay.reloadCertificates();
      assertEquals(Object((await client.next("error"))["error"]).code, "identity_revoked");
      assertEquals(await client.closed(), 1008);
      await assertRejects(() => open(bearer(TOKEN)), Error, "status 401");
      await assertRejects(() => open({ headers: { cookie } }), Error, "status 401");
      await (await open(bearer("a-new-token-that-is-long-enough"))).hello();
      assertEquals(other.code, null);
      await writeFile(join(folder, "token"), "short");
      await assertRejects(() => relay.reloadCertificates(), Error, "must have at least 16");
      await (await open(bearer("a-new-token-that-is-long-enough"))).hello();
    }, (folder) => {
      writeFileSync(join(folder, "token"), `${TOKEN}\n`);
      const sha256 = createHash("sha256").update("another-token-that-is-long").digest("hex");
      return { tokens: [{ name: "ci", file: join(folder, "token") }, { name: "other", sha256 }] };
    }),
);

socketTest("relay: of two readings at once, what was read last counts", async () => {
  if (process.platform === "win32") return;
  await whileRelaying(async (test) => {
    const { relay, folder, authority } = test;
    const [token, pipe] = [join(folder, "token"), join(folder, "pipe")];
    // The first one reads its certificate, and waits for its token. The pauses let what is wrong go wrong; what is right needs none.
    execFileSync("mkfifo", [pipe]);
    const slow = await open(pipe, "r+");
    await rename(pipe, token);
    const first = relay.reloadCertificates();
    await new Promise((resolve) => setTimeout(resolve, 100));
    const { cert, key } = authority.issue([["CN", "renewed"]]);
    await writeFile(join(folder, "relay.pem"), cert);
    await writeFile(join(folder, "relay.key"), key);
    await writeFile(join(folder, "token.new"), "a-new-token-that-is-long-enough");
    await rename(join(folder, "token.new"), token);
    const second = relay.reloadCertificates();
    await new Promise((resolve) => setTimeout(resolve, 100));
    await slow.write(TOKEN);
    await slow.close();
    await Promise.all([first, second]);
    assertEquals(await nameIn(test), "renewed");
    await (await test.open(bearer("a-new-token-that-is-long-enough"))).hello();
    await assertRejects(() => test.open(bearer(TOKEN)), Error, "status 401");
  }, (folder) => {
    writeFileSync(join(folder, "token"), TOKEN);
    return { tokens: [{ name: "ci", file: join(folder, "token") }] };
  });
});
