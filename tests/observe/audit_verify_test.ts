/** What somebody does to the files of an audit is found, with file and line; what cannot be found is known. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { appendFileSync, copyFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { ReeveError } from "../../src/base/mod.ts";
import { type AuditVerification, verifyAudit } from "../../src/observe/mod.ts";
import { VERSION_1 } from "../fixtures/audit/version_1.ts";
import { VERSION_2 } from "../fixtures/audit/version_2.ts";
import { inFolder, withFolder } from "../support/folder.ts";
import { asked, auditIn, ids, linesIn, putLines, record, trailTo } from "./audit_files.ts";

/** About three lines a file. */
const SMALL = { maxBytes: 1_200, keep: 9 };

/** An audit of ten records in a few files. */
async function withAudit(use: (path: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    await record(path, ids(10), SMALL);
    assertEquals([`${path}.4`, `${path}.3`, `${path}.2`, `${path}.1`, path].map((file) => linesIn(file).length), [0, 3, 3, 3, 1]);
    await use(path);
  });
}

function places({ problems }: AuditVerification): string[] {
  return problems.map(({ file, line }) => `${basename(file)}:${line}`);
}

/** Changes the lines of a file. */
function change(path: string, how: (lines: string[]) => readonly string[]): void {
  putLines(path, how(linesIn(path)));
}

function without(lines: readonly string[], index: number): string[] {
  return lines.filter((_, at) => at !== index);
}

/** Seals a line as the program does, as somebody would who knows how. */
function sealedAgain(line: string, previous?: string): string {
  const { hash: _, ...others }: Record<string, unknown> = JSON.parse(line);
  const body = JSON.stringify({ ...others, ...(previous === undefined ? {} : { previous }) }).slice(0, -1);
  return `${body},"hash":"${createHash("sha256").update(body).digest("hex")}"}`;
}

Deno.test("verifyAudit() finds an audit whole over all its files, and says what it is", async () => {
  await withAudit(async (path) => {
    const found = await verifyAudit(path);
    assertEquals(found, {
      files: [`${path}.3`, `${path}.2`, `${path}.1`, path],
      records: 10,
      unchained: 0,
      firstAtMs: 1_700_000_000_000,
      lastAtMs: 1_700_000_000_000,
      runs: 1,
      lastHash: JSON.parse(linesIn(path).at(-1)!).hash,
      problems: [],
      problemCount: 0,
      remarks: [],
      remarkCount: 0,
    });
  });
});

/** What somebody does to an audit, and where that shows. */
const MANIPULATIONS: readonly [name: string, how: (path: string) => void, places: readonly string[]][] = [
  ["removes a line", (path) => change(`${path}.2`, (lines) => without(lines, 1)), ["audit.jsonl.2:2"]],
  ["removes the first line of a file", (path) => change(`${path}.2`, (lines) => without(lines, 0)), ["audit.jsonl.2:1"]],
  ["removes the last line of an older file", (path) => change(`${path}.2`, (lines) => without(lines, 2)), ["audit.jsonl.1:1"]],
  ["edits a line", (path) => change(`${path}.1`, ([a = "", ...rest]) => [a.replace("because", "no reason"), ...rest]), ["audit.jsonl.1:1"]],
  ["edits the last line", (path) => change(path, ([a = ""]) => [a.replace("because", "no reason")]), ["audit.jsonl:1"]],
  [
    "edits a line and calculates its hash again",
    (path) => change(`${path}.1`, ([a = "", ...rest]) => [sealedAgain(a.replace("because", "no reason")), ...rest]),
    ["audit.jsonl.1:2"],
  ],
  ["changes the order", (path) => change(`${path}.3`, ([a = "", b = "", c = ""]) => [a, c, b]), [
    "audit.jsonl.3:2",
    "audit.jsonl.3:3",
    "audit.jsonl.2:1",
  ]],
  ["repeats a line", (path) => change(`${path}.3`, ([a = "", b = "", c = ""]) => [a, b, b, c]), ["audit.jsonl.3:3"]],
  [
    "puts a line between that follows the one before",
    (path) => change(`${path}.3`, ([a = "", b = "", c = ""]) => [a, b, sealedAgain(c.replace("c2", "x"), JSON.parse(b).hash), c]),
    ["audit.jsonl.3:4"],
  ],
  ["puts a line between that is no record", (path) => change(`${path}.3`, ([a = "", ...rest]) => [a, '{"version":2}', ...rest]), [
    "audit.jsonl.3:2",
  ]],
  ["puts a line of version 1 between", (path) => change(`${path}.3`, ([a = "", ...rest]) => [a, '{"version":1}', ...rest]), [
    "audit.jsonl.3:2",
  ]],
  ["puts an empty line between", (path) => change(`${path}.3`, ([a = "", ...rest]) => [a, "", ...rest]), ["audit.jsonl.3:2"]],
  ["puts a line of a version between that nobody knows", (path) => appendFileSync(path, '{"version":3}\n'), ["audit.jsonl:2"]],
  ["cuts a line in the middle", (path) => change(`${path}.2`, ([a = "", b = "", c = ""]) => [a, b.slice(0, 200), c]), ["audit.jsonl.2:3"]],
  ["cuts off an older file", (path) => truncateSync(`${path}.2`, 700), ["audit.jsonl.1:1"]],
  ["empties an older file", (path) => truncateSync(`${path}.2`, 0), ["audit.jsonl.1:1"]],
  ["removes a file between others", (path) => rmSync(`${path}.2`), ["audit.jsonl.1:1"]],
  ["removes the youngest of the older files", (path) => rmSync(`${path}.1`), ["audit.jsonl:1"]],
  ["puts an older file in the place of another", (path) => copyFileSync(`${path}.3`, `${path}.2`), ["audit.jsonl.2:1", "audit.jsonl.1:1"]],
  ["changes the names of files", (path) => {
    renameSync(`${path}.2`, `${path}.x`);
    renameSync(`${path}.1`, `${path}.2`);
    renameSync(`${path}.x`, `${path}.1`);
  }, ["audit.jsonl.2:1", "audit.jsonl.1:1", "audit.jsonl:1"]],
  ["writes bytes that are no text", (path) => appendFileSync(path, new Uint8Array([0xff, 0xfe, 10])), ["audit.jsonl:2"]],
  ["writes a line without an end", (path) => appendFileSync(path, "x".repeat(3_000_000)), ["audit.jsonl:2"]],
];

for (const [name, how, expected] of MANIPULATIONS) {
  Deno.test(`verifyAudit() finds out when somebody ${name}`, async () => {
    await withAudit(async (path) => {
      how(path);
      const found = await verifyAudit(path);
      assertEquals(places(found), expected, JSON.stringify(found.problems, null, 2));
      assertEquals(found.problemCount, expected.length);
    });
  });
}

Deno.test("verifyAudit() finds any byte that is changed, and any line that is taken away from the middle", async () => {
  await withAudit(async (path) => {
    const files = [`${path}.3`, `${path}.2`, `${path}.1`, path];
    const bytes = new Map(files.map((file) => [file, readFileSync(file)]));
    const byte = fc.record({ how: fc.constant("byte" as const), file: fc.nat(3), at: fc.nat(), flip: fc.integer({ min: 1, max: 255 }) });
    const line = fc.record({ how: fc.constant("line" as const), index: fc.integer({ min: 1, max: 8 }) });
    await fc.assert(
      fc.asyncProperty(fc.oneof({ weight: 4, arbitrary: byte }, { weight: 1, arbitrary: line }), async (chosen) => {
        const file = files[chosen.how === "byte" ? chosen.file : Math.floor(chosen.index / 3)]!;
        const content = Uint8Array.from(bytes.get(file)!);
        if (chosen.how === "byte") {
          content[chosen.at % content.length]! ^= chosen.flip;
          writeFileSync(file, content);
        } else change(file, (lines) => without(lines, chosen.index % 3));
        const { problemCount } = await verifyAudit(path);
        writeFileSync(file, bytes.get(file)!);
        assert(problemCount > 0);
      }),
      { numRuns: 300 },
    );
    assertEquals((await verifyAudit(path)).problemCount, 0);
  });
});

Deno.test("verifyAudit() finds any bit of the last line that is changed, its end included", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    await record(path, ids(2));
    const content = readFileSync(path);
    const start = content.indexOf(10) + 1;
    for (let at = start; at < content.length; at++) {
      for (const flip of [1, 128]) {
        const changed = Uint8Array.from(content);
        changed[at]! ^= flip;
        writeFileSync(path, changed);
        const { problemCount } = await verifyAudit(path);
        assert(problemCount > 0, `byte ${at - start} of ${content.length - start}, bit ${flip}`);
      }
    }
  });
});

Deno.test("what verifyAudit() cannot find: lines cut off at the end, the oldest files; a hash that was noted finds the first", async () => {
  await withAudit(async (path) => {
    const { lastHash } = await verifyAudit(path);
    assert(lastHash !== null);
    assertEquals((await verifyAudit(path, { expect: lastHash })).problemCount, 0);
    rmSync(`${path}.3`);
    const older = await verifyAudit(path, { expect: lastHash });
    assertEquals([older.problemCount, older.records], [0, 7]);
    assertEquals(older.remarks, [{ file: `${path}.2`, line: 1, what: "lines before it are gone, with older files or without" }]);

    change(`${path}.1`, (lines) => without(lines, 2));
    rmSync(path);
    assertEquals((await verifyAudit(path)).problemCount, 0);
    const cut = await verifyAudit(path, { expect: lastHash });
    assertEquals(places(cut), ["audit.jsonl.1:2"]);
    assertStringIncludes(cut.problems[0]!.what, lastHash);
  });
});

Deno.test("a hash that was noted may be that of any line: later ones follow it", async () => {
  await withAudit(async (path) => {
    const noted = JSON.parse(linesIn(`${path}.2`)[1]!).hash;
    assertEquals((await verifyAudit(path, { expect: noted })).problemCount, 0);
    assertEquals((await verifyAudit(path, { expect: "0".repeat(64) })).problemCount, 1);
    await assertRejects(() => verifyAudit(path, { expect: "abc" }), TypeError, "must have 64 digits");
  });
});

Deno.test("all is written anew by somebody who knows how: only a hash that was noted finds that", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    await record(path, ids(3));
    const { lastHash } = await verifyAudit(path);
    let previous = "0".repeat(64);
    change(path, (lines) =>
      lines.map((line) => {
        const forged = sealedAgain(line.replace("ops", "eve"), previous);
        previous = JSON.parse(forged).hash;
        return forged;
      }));
    assertEquals((await verifyAudit(path)).problemCount, 0);
    assertEquals((await verifyAudit(path, { expect: lastHash! })).problemCount, 1);
  });
});

Deno.test("verifyAudit() tells a line that a crash cut off wherever the cut is, and finds nothing wrong with it", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    await record(path, ["c1", "später"]);
    const whole = readFileSync(path);
    const [first = "", second = ""] = linesIn(path);
    const start = whole.indexOf(10) + 1;
    for (let length = 1; start + length < whole.length - 1; length++) {
      writeFileSync(path, whole.subarray(0, start + length));
      const { problems, remarks, records } = await verifyAudit(path);
      assertEquals([problems, remarks.map(({ line }) => line), records], [[], [2], 1], `cut after ${length} bytes`);
    }
    // The end of the line alone is missing: nothing is.
    writeFileSync(path, `${first}\n${second}`);
    const { problemCount, remarkCount, records } = await verifyAudit(path);
    assertEquals([problemCount, remarkCount, records], [0, 0, 2]);
  });
});

Deno.test("verifyAudit() finds bytes that are no text in the place of a character that stands for such bytes", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    await record(path, ["\ufffd", "c1"]);
    const content = readFileSync(path);
    const at = content.indexOf("\ufffd");
    writeFileSync(path, new Uint8Array([...content.subarray(0, at), 0xff, ...content.subarray(at + 3)]));
    assertEquals(places(await verifyAudit(path)), ["audit.jsonl:1"]);
  });
});

Deno.test("verifyAudit() finds an audit whole while it is written and begins anew", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    const trail = trailTo(path, { maxBytes: 5_000, keep: 200 });
    await trail.intend(asked("first"));
    let isWriting = true;
    const writing = (async () => {
      for (let count = 0; count < 300; count++) {
        trail.note(asked(`späte${count}`));
        await trail.intend(asked(`c${count}`));
      }
      isWriting = false;
    })();
    const found: number[] = [];
    while (isWriting) {
      const { problems, records } = await verifyAudit(path);
      assertEquals(problems, []);
      found.push(records);
    }
    await writing;
    await trail.close();
    assert(found.length > 2 && found.at(0)! < found.at(-1)!, `${found.length} looks`);
    assertEquals((await verifyAudit(path)).records, 601);
  });
});

Deno.test("verifyAudit() tells the first hundred problems, and how many there are", async () => {
  await inFolder(async (folder) => {
    const path = auditIn(folder);
    putLines(path, ids(250));
    const { problems, problemCount, lastHash } = await verifyAudit(path);
    assertEquals([problems.length, problemCount, lastHash], [100, 250, null]);
  });
});

Deno.test("verifyAudit() reads older files that somebody compressed, and tells one that cannot be read to its end", async () => {
  await withAudit(async (path) => {
    const packed = gzipSync(readFileSync(`${path}.2`));
    rmSync(`${path}.2`);
    writeFileSync(`${path}.2.gz`, packed);
    const { problemCount, records, files } = await verifyAudit(path);
    assertEquals([problemCount, records, files.map((file) => basename(file))], [
      0,
      10,
      ["audit.jsonl.3", "audit.jsonl.2.gz", "audit.jsonl.1", "audit.jsonl"],
    ]);
    writeFileSync(`${path}.2.gz`, packed.subarray(0, packed.length - 12));
    const { problems } = await verifyAudit(path);
    assert(
      problems.some(({ file, what }) => file === `${path}.2.gz` && what.includes("nothing more can be read")),
      JSON.stringify(problems),
    );
  });
});

Deno.test("verifyAudit() says where there is no audit", async () => {
  await inFolder(async (folder) => {
    for (const path of [auditIn(folder), join(folder, "nowhere", "audit.jsonl")]) {
      const error = await assertRejects(() => verifyAudit(path), ReeveError, `"${path}": it is not there`);
      assertEquals(error.code, "audit_not_opened");
    }
  });
});

Deno.test("files of version 1 can be read for ever: they have no hashes", async () => {
  await withFolder({ "audit.jsonl": VERSION_1 }, async (folder) => {
    const found = await verifyAudit(auditIn(folder));
    assertEquals([found.records, found.unchained, found.runs, found.lastHash, found.problems], [8, 8, 0, null, []]);
    assertEquals(new Date(found.lastAtMs!).toISOString(), "2026-09-21T14:13:29.872Z");
  });
});

Deno.test("files of version 2 can be read for ever", async () => {
  await withFolder({ "audit.jsonl": VERSION_2 }, async (folder) => {
    const found = await verifyAudit(auditIn(folder));
    assertEquals([found.records, found.unchained, found.runs, found.problems, found.remarks], [8, 0, 2, [], []]);
    assertEquals(found.lastHash, JSON.parse(VERSION_2.trimEnd().split("\n").at(-1)!).hash);
  });
});

Deno.test("a chain that begins after lines of version 1 begins there, and a line of it cannot be taken for one of them", async () => {
  await withFolder({ "audit.jsonl": VERSION_1 }, async (folder) => {
    const path = auditIn(folder);
    await record(path, ids(3));
    const found = await verifyAudit(path);
    assertEquals([found.records, found.unchained, found.runs, found.problems, found.remarks], [11, 8, 1, [], []]);
    assertEquals(JSON.parse(linesIn(path)[8]!).previous, "0".repeat(64));
    const lines = linesIn(path);
    putLines(path, without(lines, 8));
    assertEquals(places(await verifyAudit(path)), ["audit.jsonl:9"]);
    putLines(path, lines.map((line, index) => index === 8 ? line.replace('"version":2', '"version":1') : line));
    assertEquals(places(await verifyAudit(path)), ["audit.jsonl:9"]);
  });
});
