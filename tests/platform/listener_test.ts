/** A listener that was closed has nothing to do any more with the path where it was bound. */
import { assertEquals } from "@std/assert";
import { existsSync, renameSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { platform } from "../../src/platform/mod.ts";

Deno.test({
  name: "what others put where a listener was bound stays there when the listener was closed, also while somebody accepted",
  ignore: process.platform === "win32",
  async fn(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "reeve-"));
    try {
      for (const isAccepting of [false, true]) {
        const path = join(folder, `s${isAccepting}`);
        const listener = await platform.listenUnix(path);
        const accepting = isAccepting ? listener.accept() : Promise.resolve(null);
        renameSync(path, `${path}.moved`);
        await listener.close();
        writeFileSync(path, "of somebody else");
        assertEquals(await accepting, null);
        await new Promise((resolve) => setTimeout(resolve, 20));
        assertEquals([isAccepting, existsSync(path)], [isAccepting, true]);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  },
});
