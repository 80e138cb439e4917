/** After close() nothing of a dashboard is left: no client is held, nothing goes on towards a relay. */
import { assert, assertEquals } from "@std/assert";
import { createServer, type Socket } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { LineClient } from "../support/lines.ts";
import { whileServed } from "../support/served.ts";

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: process.platform === "win32", fn });
}

/** Milliseconds until something has happened. */
async function msUntil(happened: Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await happened;
  return performance.now() - startedAtMs;
}

test("a client that is being refused is let go with close()", async () => {
  let endedMs = Infinity;
  const refuse = (): Promise<void> =>
    whileServed(async ({ dashboard, path }) => {
      const first = await LineClient.open(path);
      first.ask({ request_id: "h", method: "hello" });
      await first.line();
      const second = await LineClient.open(path);
      assert((await second.line())?.includes("too_many_connections"));
      const ended = second.ended();
      await dashboard.close();
      endedMs = await msUntil(ended);
      first.close();
      second.close();
    }, { maxConnections: 1 });
  // The machine may stand still once.
  for (let round = 0; round < 5 && endedMs >= 400; round++) await refuse();
  assert(endedMs < 400, "it was held for as long as a last line may take");
});

test("nobody who connects while the dashboard is closed is held", async () => {
  for (let round = 0; round < 20; round++) {
    await whileServed(async ({ dashboard, path }) => {
      const opening = Array.from({ length: 20 }, () => LineClient.open(path).catch(() => null));
      if (round % 2 === 1) await opening[0];
      await dashboard.close();
      for (const client of await Promise.all(opening)) {
        if (client === null) continue;
        await client.ended();
        client.close();
      }
      assertEquals(dashboard.connections, 0);
    });
  }
});

test("a registration that is under way is given up with close()", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reeve-"));
  let arrived = (_: Socket): void => {};
  const arriving = new Promise<Socket>((resolve) => arrived = resolve);
  const relay = createServer((socket) => arrived(socket.resume()));
  const relayRegistrationPath = join(folder, "relay.sock");
  await new Promise<void>((resolve) => relay.listen(relayRegistrationPath, resolve));
  try {
    await whileServed(async ({ dashboard }) => {
      const socket = await arriving;
      const ended = new Promise((resolve) => socket.once("close", resolve));
      await dashboard.close();
      assert(await msUntil(ended) < 4_000, "a relay that does not answer held it");
    }, { registration: { relayRegistrationPath, leaseSeconds: 60 } });
  } finally {
    await new Promise((resolve) => relay.close(resolve));
    await rm(folder, { recursive: true });
  }
});
