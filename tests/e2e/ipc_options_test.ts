/** Options that cannot be met are refused by name before anything is bound. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ReeveError, supervise } from "../../mod.ts";
import { type DashboardOptions, serveDashboard } from "../../src/ipc/mod.ts";

const REFUSED: readonly (readonly [string, Partial<DashboardOptions>])[] = [
  ["maxConnections", { maxConnections: 0 }],
  ["maxConnections", { maxConnections: NaN }],
  ["writeTimeoutMs", { writeTimeoutMs: 0 }],
  ["writeTimeoutMs", { writeTimeoutMs: NaN }],
  ["idleTimeoutMs", { idleTimeoutMs: -1 }],
];

Deno.test({
  name: "an option that can never be met is refused by name, and nothing is bound",
  ignore: process.platform === "win32",
  async fn(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "reeve-"));
    const tree = await supervise({ children: [] });
    try {
      for (const [name, options] of REFUSED) {
        const path = join(folder, "t.sock");
        const error = await assertRejects(() => serveDashboard(tree, { targetId: "t", path, ...options }), ReeveError);
        assertEquals(error.code, "dashboard_not_started");
        assert(error.message.includes(`${name} is `), error.message);
        assertEquals(existsSync(path), false);
      }
    } finally {
      await tree.shutdown();
      await rm(folder, { recursive: true });
    }
  },
});
