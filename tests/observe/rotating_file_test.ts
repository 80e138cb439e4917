/** A file that begins anew: what is kept, what a crash may leave, and what others may do to it meanwhile. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { RotatingFile, type RotatingFileOptions } from "../../src/observe/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { inFolder } from "../support/folder.ts";
import { linesIn, namesIn, writeFiles } from "./files.ts";

const UNIX = process.platform !== "win32";
const DAY_MS = 86_400_000;

async function withFile(options: Partial<RotatingFileOptions>, use: (file: RotatingFile, path: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const path = join(folder, "lines.log");
    const file = new RotatingFile({ path, maxBytes: 10, keep: 3, compress: false, fsync: "never", ...options });
    try {
      await use(file, path);
    } finally {
      await file.close();
    }
  });
}

async function appendAll(file: RotatingFile, count: number, from = 1): Promise<void> {
  for (let number = from; number < from + count; number++) await file.append(`line ${number}\n`);
}

Deno.test("RotatingFile begins anew when the file has its size already, keeps so many older ones, and all of it for the owner only", async () => {
  await withFile({}, async (file, path) => {
    await appendAll(file, 2);
    assertEquals(await namesIn(path), [""], "the second line still fits");
    await appendAll(file, 9, 3);
    assertEquals(await namesIn(path), ["", ".1", ".2", ".3"]);
    assertEquals(await linesIn(path), ["line 5", "line 6", "line 7", "line 8", "line 9", "line 10", "line 11"]);
    if (UNIX) assertEquals((await namesIn(path)).map((name) => statSync(`${path}${name}`).mode & 0o777), [0o600, 0o600, 0o600, 0o600]);
  });
});

Deno.test("RotatingFile keeps the order of calls that do not wait, and begins anew as if they did", async () => {
  await withFile({ maxBytes: 16, keep: 100 }, async (file, path) => {
    await Promise.all(Array.from({ length: 100 }, (_, index) => file.append(`line ${100 + index}\n`)));
    assertEquals(await linesIn(path), Array.from({ length: 100 }, (_, index) => `line ${100 + index}`));
    assertEquals((await namesIn(path)).length, 50, "two lines each");
  });
});

Deno.test("RotatingFile.revise() counts from the next line on", async () => {
  await withFile({ maxBytes: 1_000 }, async (file, path) => {
    await appendAll(file, 4);
    assertEquals(await namesIn(path), [""]);
    file.revise({ maxBytes: 10, maxAgeMs: null, keep: 1, compress: false });
    await appendAll(file, 3, 5);
    assertEquals([await namesIn(path), await linesIn(path)], [["", ".1"], ["line 5", "line 6", "line 7"]]);
  });
});

Deno.test("RotatingFile removes a full file where nothing is kept, and what is beyond a number that became lower", async () => {
  await withFile({ keep: 0 }, async (file, path) => {
    await appendAll(file, 3);
    assertEquals([await namesIn(path), await linesIn(path)], [[""], ["line 3"]]);
  });
  await withFile({ keep: 2 }, async (file, path) => {
    await writeFiles(path, {
      "": "d\nd\nd\nd\nd\n",
      ".1": "c\n",
      ".2.gz": "b\n",
      ".3": "a\n",
      ".4.gz": "a\n",
      ".20260102": "x\n",
      ".bak": "x\n",
    });
    await appendAll(file, 1);
    assertEquals(await namesIn(path), ["", ".1", ".2", ".20260102", ".bak"]);
    assertEquals(readFileSync(`${path}.2`, "utf8"), "c\n");
  });
});

Deno.test("RotatingFile removes nothing while a number is free", async () => {
  await withFile({ keep: 3 }, async (file, path) => {
    await writeFiles(path, { "": "c\nc\nc\nc\nc\n", ".2": "b\n", ".3.gz": "a\n" });
    await appendAll(file, 1);
    assertEquals(await namesIn(path), ["", ".1", ".2", ".3.gz"]);
    assertEquals(await linesIn(path), ["a", "b", "c", "c", "c", "c", "c", "line 1"]);
  });
});

Deno.test("RotatingFile begins anew when the file is old, however small, and never an empty one", async () => {
  const clock = new VirtualClock();
  await withFile({ maxBytes: 1_000, maxAgeMs: 5_000, now: () => clock.now() }, async (file, path) => {
    await file.append("");
    await clock.advance(6_000);
    await appendAll(file, 1);
    assertEquals(await namesIn(path), [""], "an empty file has no age");
  });
  await withFile({ maxBytes: 1_000, maxAgeMs: 5_000, now: () => clock.now() }, async (file, path) => {
    await appendAll(file, 1);
    await clock.advance(4_999);
    await appendAll(file, 1, 2);
    assertEquals(await namesIn(path), [""]);
    await clock.advance(1);
    await appendAll(file, 1, 3);
    assertEquals([await namesIn(path), readFileSync(path, "utf8")], [["", ".1"], "line 3\n"]);
  });
});

Deno.test("RotatingFile counts the age of a file that was there before from its birth", async () => {
  for (const [days, names] of [[0, [""]], [2, ["", ".1"]]] as const) {
    await withFile({ maxBytes: 1_000, maxAgeMs: DAY_MS, wallNow: () => Date.now() + days * DAY_MS }, async (file, path) => {
      await writeFiles(path, { "": "old\n" });
      await appendAll(file, 1);
      assertEquals([days, await namesIn(path), await linesIn(path)], [days, names, ["old", "line 1"]]);
    });
  }
});

Deno.test("RotatingFile compresses older files beside the appending, and no line is lost or doubled", async () => {
  await withFile({ maxBytes: 1_000, keep: 100, compress: true }, async (file, path) => {
    await appendAll(file, 1_000);
    await file.close();
    const names = await namesIn(path);
    assertEquals(names.filter((name) => name !== "" && !/^\.\d+\.gz$/.test(name)), []);
    assert(names.length >= 9, String(names));
    assertEquals(await linesIn(path), Array.from({ length: 1_000 }, (_, index) => `line ${index + 1}`));
    if (UNIX) assertEquals(statSync(`${path}.1.gz`).mode & 0o777, 0o600);
  });
});

const BEFORE = "e1 full line\ne2\n";
const LEFT_OVERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "a file that is compressed has its name, and the plain one is still there": { "": BEFORE, ".1": "d\n", ".1.gz": "d\n", ".2.gz": "c\n" },
  "a file is compressed in part": { "": BEFORE, ".1": "d\n", ".gz.tmp": "some", ".2.gz": "c\n" },
  "an older file has both forms": { "": BEFORE, ".1.gz": "d\n", ".2": "c\n", ".2.gz": "c\n" },
  "the older ones have moved, the file has not": { "": BEFORE, ".2.gz": "d\n", ".3.gz": "c\n" },
  "some of the older ones have moved": { "": BEFORE, ".1": "d\n", ".3.gz": "c\n" },
  "all have moved, and nothing has begun": { ".1": `d\n${BEFORE}`, ".2.gz": "c\n" },
  "the new file is empty": { "": "", ".1": BEFORE, ".2.gz": "d\n", ".3.gz": "c\n" },
};

for (const [step, files] of Object.entries(LEFT_OVERS)) {
  Deno.test(`RotatingFile loses and doubles no line after a crash: ${step}`, async () => {
    for (const compress of [true, false]) {
      await withFile({ keep: 5, compress }, async (file, path) => {
        await writeFiles(path, files);
        const lines = await linesIn(path);
        await appendAll(file, 1);
        assertEquals(await linesIn(path), [...lines, "line 1"]);
        await appendAll(file, 3, 2);
        await file.close();
        assertEquals(await linesIn(path), [...lines, "line 1", "line 2", "line 3", "line 4"]);
        if (compress) assertEquals((await namesIn(path)).filter((name) => !/^(\.\d\.gz|)$/.test(name)), []);
      });
    }
  });
}

Deno.test("RotatingFile lets no line that a crash cut off swallow the next one", async () => {
  await withFile({ maxBytes: 1_000 }, async (file, path) => {
    await writeFiles(path, { "": "whole\nto" });
    await appendAll(file, 1);
    appendFileSync(path, "by another");
    await appendAll(file, 1, 2);
    assertEquals(readFileSync(path, "utf8"), "whole\nto\nline 1\nby another\nline 2\n");
  });
});

Deno.test("RotatingFile begins a new file where somebody moved or removed it, and goes on where somebody emptied it", async () => {
  await withFile({ maxBytes: 1_000 }, async (file, path) => {
    await appendAll(file, 1);
    renameSync(path, `${path}-moved`);
    await appendAll(file, 1, 2);
    assertEquals([readFileSync(`${path}-moved`, "utf8"), readFileSync(path, "utf8")], ["line 1\n", "line 2\n"]);
    rmSync(path);
    await appendAll(file, 1, 3);
    assertEquals(readFileSync(path, "utf8"), "line 3\n");
    truncateSync(path);
    await appendAll(file, 1, 4);
    assertEquals(readFileSync(path, "utf8"), "line 4\n");
  });
});

Deno.test({
  name: "RotatingFile follows no link, also one that comes into the place of a file that is open, and closes to others what they opened",
  ignore: !UNIX,
  async fn(): Promise<void> {
    await withFile({ maxBytes: 1_000 }, async (file, path) => {
      writeFileSync(`${path}-victim`, "");
      await appendAll(file, 1);
      chmodSync(path, 0o666);
      await appendAll(file, 1, 2);
      assertEquals(statSync(path).mode & 0o777, 0o600);
      renameSync(path, `${path}-away`);
      symlinkSync(`${path}-victim`, path);
      await assertRejects(() => file.append("line\n"), Error, "is no file");
      rmSync(path);
      mkdirSync(path);
      await assertRejects(() => file.append("line\n"), Error, "is no file");
      rmSync(path, { recursive: true });
      execFileSync("mkfifo", [path]);
      await assertRejects(() => file.append("line\n"), Error, "is no file");
      rmSync(path);
      await appendAll(file, 1, 3);
      assertEquals([readFileSync(`${path}-victim`, "utf8"), readFileSync(path, "utf8")], ["", "line 3\n"]);
    });
  },
});

Deno.test("RotatingFile rejects where nothing can be written, and works again as soon as it can", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "missing", "lines.log");
    await using file = new RotatingFile({ path, maxBytes: 10, keep: 1, compress: true, fsync: "always" });
    const refused = await Promise.allSettled([file.append("a\n"), file.append("b\n")]);
    assertEquals(refused.map(({ status }) => status), ["rejected", "rejected"]);
    mkdirSync(join(folder, "missing"));
    await file.append("c\n");
    assertEquals(await linesIn(path), ["c"]);
  });
});

Deno.test("RotatingFile forces to the disk about once in a second while there is something new", async () => {
  const clock = new VirtualClock();
  const setTimer: RotatingFileOptions["setTimer"] = (callback, delayMs) => clock.setTimer(callback, delayMs);
  await withFile({ fsync: "interval", setTimer }, async (file) => {
    await appendAll(file, 5);
    assertEquals([clock.timers, clock.nextDueMs], [1, 1_000]);
    await clock.advance(1_000);
    assertEquals(clock.timers, 0, "there is nothing new");
    await appendAll(file, 1);
    assertEquals(clock.nextDueMs, 2_000);
    await file.close();
    assertEquals(clock.timers, 0);
  });
  for (const fsync of ["always", "never"] as const) {
    await withFile({ fsync, setTimer }, async (file) => {
      await appendAll(file, 2);
      assertEquals([fsync, clock.timers], [fsync, 0]);
    });
  }
});

Deno.test("RotatingFile writes what comes while the writing before ends, in whatever turn it comes", async () => {
  await withFile({ maxBytes: 10_000 }, async (file, path) => {
    for (let turns = 0; turns < 12; turns++) {
      await file.append(`first ${turns}\n`);
      for (let turn = 0; turn < turns; turn++) await null;
      await Promise.all([file.append(`second ${turns}\n`), file.append("")]);
    }
    assertEquals((await linesIn(path)).length, 24);
  });
});

Deno.test("close() of a RotatingFile writes what waits, is harmless again, and nothing is taken after it", async () => {
  await withFile({ compress: true, fsync: "always" }, async (file, path) => {
    const waiting = appendAll(file, 1);
    const closed = file.close();
    assert(file.close() === closed);
    await Promise.all([waiting, closed, file[Symbol.asyncDispose]()]);
    assertEquals(await linesIn(path), ["line 1"]);
    await assertRejects(() => file.append("line 2\n"), Error, "was closed");
    assertEquals(await linesIn(path), ["line 1"]);
  });
});

Deno.test("200 000 numbered lines are each there once across all files, compressed while they are written", async () => {
  await withFile({ maxBytes: 40_000, keep: 1_000, compress: true }, async (file, path) => {
    const waiting: Promise<void>[] = [];
    for (let number = 1; number <= 200_000; number++) {
      // Now one by one, now many that do not wait.
      if (number % 1_000 < 20) await appendAll(file, 1, number);
      else waiting.push(file.append(`line ${number}\n`));
    }
    await Promise.all(waiting);
    await file.close();
    const lines = await linesIn(path);
    assertEquals(lines.length, 200_000);
    assertEquals(lines.findIndex((line, index) => line !== `line ${index + 1}`), -1);
    const names = await namesIn(path);
    assert(names.length > 50, `${names.length} files`);
    assertEquals(names.filter((name) => name !== "" && !name.endsWith(".gz")), []);
  });
});
