/** Lines never follow a link, also where it comes between the look and the opening. */
import { assert, assertEquals } from "@std/assert";
import { readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { appendLines } from "../../src/observe/mod.ts";

Deno.test({
  name: "a link that is put in the place of the file at any moment is not followed",
  ignore: process.platform === "win32",
  async fn(): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "reeve-"));
    const [path, victim] = [join(folder, "audit.log"), join(folder, "victim")];
    writeFileSync(victim, "");
    let refused = 0;
    try {
      for (let round = 0; round < 400; round++) {
        rmSync(path, { force: true });
        writeFileSync(path, "");
        const appending = appendLines(path, "line\n", { isSynced: false }).catch(() => refused++);
        const untilMs = performance.now() + (round % 40) / 100;
        while (performance.now() < untilMs) statSync(folder);
        rmSync(path);
        symlinkSync(victim, path);
        await appending;
      }
      assertEquals(readFileSync(victim, "utf8"), "");
      assert(refused > 0, "no link ever came in time");
    } finally {
      await rm(folder, { recursive: true });
    }
  },
});
