/** One dashboard follows another at the same path: what the first takes away is its own. */
import { assert, assertEquals } from "@std/assert";
import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ReeveError, supervise, type Tree } from "../../mod.ts";
import { type Dashboard, type DashboardOptions, serveDashboard } from "../../src/ipc/mod.ts";
import { LineClient } from "../support/lines.ts";

/** Tries again while the path is taken, as a program does that is started while the one before it ends. */
async function followed(tree: Tree, options: DashboardOptions): Promise<Dashboard> {
  const giveUpAtMs = Date.now() + 5_000;
  while (true) {
    try {
      return await serveDashboard(tree, options);
    } catch (error) {
      const isTaken = error instanceof ReeveError && /something is there already|somebody listens there|reset by peer/.test(error.message);
      if (!isTaken || Date.now() > giveUpAtMs) throw error;
    }
  }
}

for (const bindMode of ["create_new", "replace_stale"] as const) {
  Deno.test({
    name: `a dashboard that begins while another ends at its path is there afterwards: ${bindMode}`,
    ignore: process.platform === "win32",
    async fn(): Promise<void> {
      const folder = await mkdtemp(join(tmpdir(), "reeve-"));
      const path = join(folder, "t.sock");
      const tree = await supervise({ children: [] });
      try {
        for (let round = 0; round < 60; round++) {
          const first = await serveDashboard(tree, { targetId: "t", path, bindMode });
          const closing = first.close();
          const second = await followed(tree, { targetId: "t", path, bindMode });
          await closing;
          const client = await LineClient.open(path);
          client.ask({ request_id: "h", method: "hello" });
          assert((await client.line())?.includes('"ok":true'));
          client.close();
          await second.close();
          assertEquals(readdirSync(folder), []);
        }
      } finally {
        await tree.shutdown();
        await rm(folder, { recursive: true });
      }
    },
  });
}
