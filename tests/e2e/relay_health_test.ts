/** What a relay says of itself, and to whom. */
import { assertEquals, assertRejects } from "@std/assert";
import { mkdir, rename, unlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { commandFor, joined, type TestRelay, whileRelaying } from "../support/relays.ts";
import { socketTest } from "../support/sockets.ts";

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Asks at the address of the numbers, under a name. */
function ask({ relay }: TestRelay, path: string, host: string | readonly string[] = `127.0.0.1:${relay.metricsPort}`): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const names = typeof host === "string" ? [host] : host;
    const headers = names.flatMap((name) => ["Host", name]);
    const asked = request({ host: "127.0.0.1", port: relay.metricsPort, path, headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (data) => text += String(data));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on("error", reject);
    asked.end();
  });
}

async function health(test: TestRelay): Promise<unknown[]> {
  const { status, text } = await ask(test, "/healthz");
  return [status, JSON.parse(text).status, JSON.parse(text).problems];
}

const METRICS = { metrics: { listen: "127.0.0.1:0" } };

socketTest(
  "relay: numbers and health are for those who ask for this machine, not for a page that has a name made for it",
  () =>
    whileRelaying(async (test) => {
      const { metricsPort: port } = test.relay;
      for (const name of [`127.0.0.1:${port}`, "localhost", `LOCALHOST:${port}`, `[::1]:${port}`]) {
        assertEquals((await ask(test, "/metrics", name)).status, 200, name);
      }
      for (const path of ["/metrics", "/healthz", "/nowhere"]) {
        assertEquals((await ask(test, path, "evil.example")).status, 403, path);
        assertEquals((await ask(test, path, `evil.example:${port}`)).status, 403, path);
        assertEquals((await ask(test, path, "localhost.evil.example")).status, 403, path);
      }
    }, () => METRICS),
);

socketTest(
  "relay: it is not healthy where nobody can register, nothing can be recorded, or what was to be read again cannot be",
  () =>
    whileRelaying(async (test) => {
      const { folder, relay, registration, authority } = test;
      assertEquals(await health(test), [200, "ok", undefined]);

      const good = authority.issue([["CN", "localhost"]]);
      await writeFile(join(folder, "relay.pem"), "nothing");
      await assertRejects(() => relay.reloadCertificates());
      assertEquals(await health(test), [503, "failing", ["reload"]]);
      await writeFile(join(folder, "relay.pem"), good.cert);
      await writeFile(join(folder, "relay.key"), good.key);
      await relay.reloadCertificates();
      assertEquals(await health(test), [200, "ok", undefined]);

      const target = await joined(test, "shop");
      const client = await test.open();
      await client.hello();
      await unlink(join(folder, "audit.ndjson"));
      await mkdir(join(folder, "audit.ndjson"));
      client.send(commandFor("shop", "pause_child"));
      const error = Object((await client.next("error"))["error"]);
      assertEquals([error.code, String(error.message).includes(folder)], ["audit_write_failed", false]);
      assertEquals(await health(test), [503, "failing", ["audit"]]);
      await rename(join(folder, "audit.ndjson"), join(folder, "elsewhere"));
      client.send(commandFor("shop", "pause_child"));
      await client.next("command_result");
      assertEquals(await health(test), [200, "ok", undefined]);

      await unlink(registration);
      assertEquals(await health(test), [503, "failing", ["registration"]]);
      await target.close();
    }, (folder) => ({ ...METRICS, audit: { path: join(folder, "audit.ndjson") } })),
);
