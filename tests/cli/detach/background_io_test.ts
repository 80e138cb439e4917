import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openBackgroundIo } from "../../../src/cli/detach/background_io.ts";
import { withFolder } from "../../support/folder.ts";

Deno.test("openBackgroundIo() writes into files that begin anew, and remembers complaints", () =>
  withFolder({}, async (folder) => {
    const path = join(folder, "logs/a.log");
    const { io, said, close } = await openBackgroundIo(path, { maxBytes: 200 });
    io.stderr("something is odd\n");
    for (let line = 0; line < 150; line++) io.stdout(`line ${line} of many\n`);
    await close();
    assertEquals(said(), "something is odd\n");
    assertEquals((await readdir(join(folder, "logs"))).sort(), ["a.log", ...[1, 2, 3, 4, 5].map((count) => `a.log.${count}`)]);
    assert((await stat(path)).size <= 200);
    const all = await Promise.all(["a.log.1", "a.log"].map((name) => readFile(join(folder, "logs", name), "utf8")));
    assertStringIncludes(all.join(""), "line 148 of many\nline 149 of many\n");
  }));

Deno.test("openBackgroundIo() rejects where nothing can be written", () =>
  withFolder({}, async (folder) => {
    await writeFile(join(folder, "file"), "");
    await assertRejects(() => openBackgroundIo(join(folder, "file/a.log")));
  }));
