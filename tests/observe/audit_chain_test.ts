/** How the audit is written so that somebody's hand in it shows: over restarts, new files, failures, and under the eyes of the program. */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { verifyAudit } from "../../src/observe/mod.ts";
import { AuditChain, type ChainLine } from "../../src/observe/audit_chain.ts";
import { VERSION_2 } from "../fixtures/audit/version_2.ts";
import { inFolder, withFolder } from "../support/folder.ts";
import { asked, auditIn, eachIn, ids, linesIn, putLines, record, trailTo } from "./audit_files.ts";

const NONE = "0".repeat(64);

/** Whether a file is whole, and how many records it has. */
async function wholeWith(path: string): Promise<number> {
  const { problems, remarks, records } = await verifyAudit(path);
  assertEquals([problems, remarks], [[], []]);
  return records;
}

Deno.test("each line has the hash of the one before and its own, over the bytes before its member hash", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    await record(path, ids(3));
    let before = NONE;
    for (const line of linesIn(path)) {
      const { previous, hash } = JSON.parse(line);
      assertEquals(previous, before);
      assertEquals(hash, createHash("sha256").update(line.slice(0, line.indexOf(',"hash":'))).digest("hex"));
      assertEquals(Object.keys(JSON.parse(line)).slice(-2), ["previous", "hash"]);
      before = hash;
    }
  });
});

Deno.test("a line says its version, the run of the program, and where it came from; an origin that is left out is the socket", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    const trail = trailTo(path, {}, { run: "ab12" });
    const { origin: _, ...fromSocket } = asked("a");
    for (const fact of [fromSocket, asked("b"), asked("c", { origin: "child" }), asked("d", { origin: "runtime" })]) {
      await trail.intend(fact);
    }
    await trail.close();
    const [first = ""] = linesIn(path);
    assertMatch(
      first,
      /^\{"version":2,"run":"ab12","sequence":1,"timestamp":"2023-11-14T22:13:20\.000Z","kind":"intent","origin":"socket",/,
    );
    assertEquals(eachIn(path, "origin"), ["socket", "program", "child", "runtime"]);
    assertEquals(trail.records.map(({ origin, run, sequence }) => `${origin} ${run} ${sequence}`), [
      "socket ab12 1",
      "program ab12 2",
      "child ab12 3",
      "runtime ab12 4",
    ]);
  });
});

Deno.test("the chain goes on over restarts of the program; numbers of runs are told apart", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    for (const run of ["r1", "r2", "r3"]) await record(path, ids(2), {}, { run });
    assertEquals(await wholeWith(path), 6);
    assertEquals(eachIn(path, "run"), ["r1", "r1", "r2", "r2", "r3", "r3"]);
    assertEquals(eachIn(path, "sequence"), [1, 2, 1, 2, 1, 2]);
    await record(path, ids(1));
    assertMatch(String(eachIn(path, "run")[6]), /^[0-9a-f]{32}$/);
  });
});

Deno.test("the chain goes on over new files, also where a program starts between two of them", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    for (let from = 0; from < 12; from += 2) await record(path, ids(2, from), { maxBytes: 1_000, keep: 9 });
    assertEquals(await wholeWith(path), 12);
    renameSync(path, join(folder, "last"));
    const left = await wholeWith(path);
    // A crash came after the file was moved, and before there was another one.
    await record(path, ids(1));
    writeFileSync(`${path}.new`, "");
    assertEquals(await wholeWith(path), left + 1);
  });
});

Deno.test("records that come faster than they are written are in the file in their order", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    const trail = trailTo(path, { maxBytes: 20_000, keep: 99 }, { channelCapacity: 5_000 });
    for (let count = 0; count < 2_000; count++) {
      trail.note(asked(`c${count}`));
      if (count % 37 === 0) await trail.intend(asked("i"));
    }
    await trail.close();
    assertEquals(await wholeWith(path), 2_000 + 55);
    const numbers = [...Array.from({ length: 99 }, (_, index) => `${path}.${99 - index}`), path].flatMap((file) =>
      eachIn(file, "sequence")
    );
    assertEquals(numbers, Array.from({ length: 2_055 }, (_, index) => index + 1));
  });
});

Deno.test("a last line that a crash cut off stays as a line of its own, and the chain goes on after the one before", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    await record(path, ids(3));
    for (const keptOf of [(length: number) => length - 2, (length: number) => length / 2, () => 1]) {
      const lines = linesIn(path);
      writeFileSync(path, `${lines.join("\n")}\n${lines.at(-1)!.slice(0, keptOf(lines.at(-1)!.length))}`);
      await record(path, ["after"]);
      assertEquals(linesIn(path).length, lines.length + 2);
    }
    const { problems, remarks, records } = await verifyAudit(path);
    assertEquals([problems, remarks.map(({ line }) => line), records], [[], [4, 6, 8], 6]);
  });
});

Deno.test("a last line of which only the end is missing is a record", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    await record(path, ids(2));
    truncateSync(path, readFileSync(path).length - 1);
    await record(path, ["after"]);
    assertEquals(await wholeWith(path), 3);
  });
});

Deno.test("a file that a newer version wrote is refused by name, and not touched", async () => {
  const newer = `${VERSION_2}{"version":3,"what":"ever"}`;
  await withFolder({ "audit.jsonl": newer }, async (folder) => {
    const path = auditIn(folder);
    const trail = trailTo(path);
    await assertRejects(() => trail.probe(), Error, `"${path}" was written by a newer version (3), must be at most 2`);
    assertEquals(await trail.intend(asked("a")), "audit_write_failed");
    await trail.close();
    assertEquals(readFileSync(path, "utf8"), newer);
  });
});

Deno.test("an audit that nobody probed goes on with the chain all the same", async () => {
  await withFolder({ "audit.jsonl": VERSION_2 }, async (folder) => {
    const path = auditIn(folder);
    const trail = trailTo(path);
    await trail.intend(asked("a"));
    await trail.close();
    assertEquals(await wholeWith(path), 9);
  });
});

Deno.test("records whose writing failed are sealed anew when it works again", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    let nowMs = 0;
    const trail = trailTo(path, {}, { now: () => nowMs });
    await trail.intend(asked("a"));
    renameSync(path, `${path}.away`);
    mkdirSync(path);
    trail.note(asked("b"));
    assertEquals(await trail.intend(asked("not done")), "audit_write_failed");
    trail.note(asked("c"));
    rmdirSync(path);
    renameSync(`${path}.away`, path);
    nowMs += 5_000;
    assertEquals(await trail.intend(asked("d")), null);
    await trail.close();
    assertEquals(await wholeWith(path), 4);
    assertEquals(eachIn(path, "correlation_id"), ["a", "b", "c", "d"]);
  });
});

Deno.test("after close() something may still be recorded", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    const trail = trailTo(path);
    await trail.intend(asked("a"));
    await trail.close();
    assertEquals(await trail.intend(asked("b")), null);
    await trail.close();
    assertEquals(await wholeWith(path), 2);
  });
});

/** Lines that wait to be written. */
function lines(...names: readonly string[]): ChainLine[] {
  return names.map((name) => ({ text: `{"version":2,"name":"${name}"}`, hash: null, isWritten: false }));
}

Deno.test("what a failed writing left whole is not written again, and what it left in part is", async () => {
  let [written, breaksAfter] = ["", Infinity];
  const chain = new AuditChain({
    append: (text) => {
      written += text.slice(0, breaksAfter);
      return text.length > breaksAfter ? Promise.reject(new Error("no space")) : Promise.resolve();
    },
    lastHash: () => Promise.resolve(/.*"hash":"(\w+)"\}\n/s.exec(written)?.[1] ?? NONE),
  }, () => assertEquals("told", "not told"));
  await chain.append(lines("a"));
  const batch = lines("b", "c", "d");
  breaksAfter = 450;
  await assertRejects(() => chain.append(batch), Error, "no space");
  breaksAfter = Infinity;
  written += "\n";
  await chain.append([...batch, ...lines("e")]);
  await withFolder({ "audit.jsonl": written }, async (folder) => {
    const { problems, remarks } = await verifyAudit(auditIn(folder));
    assertEquals([problems, remarks.length], [[], 1]);
    assertEquals(
      linesIn(auditIn(folder)).map((line) => /"name":"(\w)".*\}$/.exec(line)?.[1]),
      ["a", "b", "c", undefined, "d", "e"],
    );
  });
});

// What others do while the program runs.

/** What somebody does to the file between two records, what the audit says of it, and where verifyAudit() finds something. */
const TAMPERINGS: readonly [name: string, how: (path: string) => void, says: RegExp, lines: readonly number[]][] = [
  ["cuts off lines at the end", (path) => putLines(path, linesIn(path).slice(0, 2)), /: it has \d+ bytes, must have \d+$/, [3, 4]],
  ["appends a line", (path) => appendFileSync(path, "hello\n"), /: it has \d+ bytes, must have \d+$/, [4, 6]],
  ["empties it", (path) => truncateSync(path, 0), /: it is gone, or empty$/, [2]],
  ["removes it", (path) => rmSync(path), /: it is gone, or empty$/, [2]],
  [
    "changes the last line",
    (path) => writeFileSync(path, readFileSync(path, "utf8").replace(/.(?="\}\n$)/, (digit) => digit === "0" ? "1" : "0")),
    /: its last line is not the one that was written$/,
    [3, 4, 5],
  ],
  [
    "puts another file in its place",
    (path) => {
      copyFileSync(path, `${path}.copy`);
      renameSync(`${path}.copy`, path);
    },
    /: another file is in its place$/,
    [5],
  ],
];

for (const [name, how, says, expected] of TAMPERINGS) {
  Deno.test(`the program notices when somebody ${name}, records that, and goes on`, async () => {
    await inFolder(async (folder) => {
      const path = auditIn(folder);
      const trail = trailTo(path);
      await trail.probe();
      for (const id of ids(3)) await trail.intend(asked(id));
      how(path);
      assertEquals(await trail.intend(asked("after")), null);
      await trail.intend(asked("later"));
      await trail.close();
      const told = trail.records.filter(({ method }) => method === "audit.tampered");
      assertEquals(told.map(({ kind, origin, sequence }) => [kind, origin, sequence]), [["auto", "runtime", 5]]);
      assertMatch(told[0]?.reason ?? "", says);
      assertEquals((await verifyAudit(path)).problems.map(({ line }) => line), expected);
    });
  });
}

Deno.test("two programs that write to one file by mistake tell it of each other once in a minute, not for ever", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    let nowMs = 0;
    const trails = ["a", "b"].map((run) => trailTo(path, {}, { run, now: () => nowMs }));
    for (let round = 0; round < 20; round++) await Promise.all(trails.map((trail) => trail.intend(asked(`c${round}`))));
    nowMs += 60_000;
    for (const trail of [...trails, ...trails]) await trail.intend(asked("later"));
    for (const trail of trails) await trail.close();
    for (const { records } of trails) {
      const told = records.filter(({ method }) => method === "audit.tampered");
      assertEquals([told.length, records.length], [2, 24]);
      assertEquals(typeof told[1]?.suppressed, "number");
    }
    assertEquals((await verifyAudit(path)).problemCount > 0, true);
  });
});
