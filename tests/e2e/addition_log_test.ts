/** The file in which additions are written down. */
import { assertEquals, assertRejects } from "@std/assert";
import { appendFile, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import { setImmediate } from "node:timers";
import { type AdditionRecord, child, fileAdditionLog, supervise } from "../../mod.ts";
import { inFolder } from "../support/folder.ts";
import { untilAborted } from "../support/tasks.ts";

function withLog(run: (path: string) => Promise<void>): Promise<void> {
  return inFolder((folder) => run(join(folder, "additions.jsonl")));
}

const record = (transactionId: string, state: AdditionRecord["state"]): AdditionRecord => ({
  transactionId,
  state,
  path: "/a",
  specHash: "h",
  by: "ops",
  reason: "x",
  error: null,
  atMs: 1,
});

Deno.test("fileAdditionLog() keeps a line of JSON for each record, for its owner only, and knows what is under way", () =>
  withLog(async (path) => {
    const log = fileAdditionLog(path);
    assertEquals(await log.pending(), []);
    await Promise.all([log.write(record("t1", "pending")), log.write(record("t2", "pending")), log.write(record("t1", "committed"))]);
    assertEquals((await log.pending()).map(({ transactionId }) => transactionId), ["t2"]);
    assertEquals((await readFile(path, "utf8")).trimEnd().split("\n").map((line) => JSON.parse(line).state), [
      "pending",
      "pending",
      "committed",
    ]);
    if (process.platform !== "win32") assertEquals((await stat(path)).mode & 0o777, 0o600);
  }));

Deno.test("fileAdditionLog() passes over a line that a crash cut off, and lines that are none; the next record is whole", () =>
  withLog(async (path) => {
    const log = fileAdditionLog(path);
    await writeFile(path, 'null\n{"transactionId":1}\n\u0000\u0001\n[]\n');
    await log.write(record("t1", "pending"));
    await appendFile(path, '{"transactionId":"t2","state":"pend');
    assertEquals((await log.pending()).length, 1);
    await log.write(record("t3", "pending"));
    assertEquals((await log.pending()).map(({ transactionId }) => transactionId), ["t1", "t3"]);
  }));

Deno.test("fileAdditionLog() knows what is under way whenever somebody looks, also while its file begins anew", () =>
  withLog(async (path) => {
    const log = fileAdditionLog(path, { maxBytes: 500 });
    await log.write(record("t1", "pending"));
    let isOver = false;
    const writing = (async () => {
      for (let index = 0; index < 100; index++) await log.write(record(`other${index}`, "committed"));
      isOver = true;
    })();
    while (!isOver) {
      const ids = (await fileAdditionLog(path).pending()).map(({ transactionId }) => transactionId);
      if (!isOver) assertEquals(ids, ["t1"]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await writing;
    assertEquals((await readdir(dirname(path))).sort(), ["additions.jsonl", "additions.jsonl.1"]);
  }));

Deno.test("fileAdditionLog() reads lines of version 1 as they are on disks today, and refuses newer ones by name", () =>
  withLog(async (path) => {
    const line =
      '{"version":1,"transactionId":"t1","state":"pending","path":"/a","specHash":"h","by":"ops","reason":"x","error":null,"atMs":1}';
    await writeFile(path, `${line}\n`);
    assertEquals(await fileAdditionLog(path).pending(), [record("t1", "pending")]);
    await appendFile(path, `${line.replace('"version":1', '"version":2')}\n`);
    await assertRejects(() => fileAdditionLog(path).pending(), Error, "it was written by a newer version (2), must be at most 1");
  }));

Deno.test("fileAdditionLog() begins a new file at its size, and takes along what is under way", () =>
  withLog(async (path) => {
    const log = fileAdditionLog(path, { maxBytes: 2_000 });
    await log.write(record("kept", "pending"));
    for (let index = 0; index < 100; index++) {
      await log.write(record(`t${index}`, "pending"));
      await log.write(record(`t${index}`, "committed"));
    }
    const sizes = await Promise.all([stat(path), stat(`${path}.1`)]);
    assertEquals(sizes.map(({ size }) => size < 2_400), [true, true]);
    assertEquals((await log.pending()).map(({ transactionId }) => transactionId), ["kept"]);
  }));

Deno.test("fileAdditionLog() rejects where nothing can be written; an addition is then not begun", () =>
  withLog(async (path) => {
    await using tree = await supervise({ children: [] }, { additionLog: fileAdditionLog(join(path, "no", "folder")) });
    await assertRejects(() => tree.add(child.task("a", untilAborted)), Error, "its record cannot be written");
    assertEquals(tree.counts(), {});
  }));

Deno.test("a tree that was killed in the middle of an addition says so at its next start", () =>
  withLog(async (path) => {
    await fileAdditionLog(path).write(record("t1", "pending"));
    await using tree = await supervise({ children: [] }, { additionLog: fileAdditionLog(path) });
    for await (const event of tree.events()) {
      if (event.type !== "child_addition_recovered") continue;
      assertEquals([event.path, event.transactionId, event.outcome], ["/a", "t1", "compensated"]);
      break;
    }
    assertEquals(await fileAdditionLog(path).pending(), []);
  }));
