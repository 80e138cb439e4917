/** Journals are read back: all files in order, whatever crashes and other programs left in them. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { ReeveError } from "../../mod.ts";
import { type JournalEntry, readJournal, RotatingFile, type WantedEvents } from "../../src/observe/mod.ts";
import { FILES, READ } from "../fixtures/journal/version_1.ts";
import { inFolder } from "../support/folder.ts";
import { writeFiles } from "./files.ts";

const AT_MS = Date.parse("2026-10-02T12:00:00.000Z");

/** A line with an event; its time is so many seconds after noon. */
function line(seq: number, { run = "run-1", path = "/web", type = "child_running" } = {}): string {
  const event = { seq, atMs: 1_000 * seq, path, correlation: 1, generation: 0, attempt: 1, type };
  return `${JSON.stringify({ version: 1, run, time: new Date(AT_MS + 1_000 * seq).toISOString(), event })}\n`;
}

function lines(from: number, to: number, options = {}): string {
  return Array.from({ length: to - from + 1 }, (_, index) => line(from + index, options)).join("");
}

function short(entry: JournalEntry): string {
  if (entry.kind === "damaged") return `line ${entry.line}: ${entry.reason}`;
  const beginning = `${entry.run.slice(0, 8)} ${new Date(entry.timeMs).toISOString()}`;
  if (entry.kind === "gap") return `${beginning} gap ${entry.from} to ${entry.to}`;
  return `${beginning} ${entry.event.seq} ${entry.event.path} ${entry.event.type}`;
}

async function readAll(path: string, wanted: WantedEvents = {}): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for await (const entry of readJournal(path, wanted)) entries.push(entry);
  return entries;
}

/** Numbers of the events that are read; what is damaged as text. */
async function numbersIn(path: string, wanted: WantedEvents = {}): Promise<(number | string)[]> {
  return (await readAll(path, wanted)).map((entry) => entry.kind === "event" ? entry.event.seq : short(entry));
}

async function withFiles(files: Readonly<Record<string, string>>, use: (path: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    await writeFiles(path, files);
    await use(path);
  });
}

Deno.test("readJournal() reads what version 1 wrote", async () => {
  await withFiles(FILES, async (path) => {
    const entries = await readAll(path);
    assertEquals(entries.map(short), READ);
    const texts = entries.map((entry) => entry.kind === "damaged" ? "" : entry.text);
    assertEquals(texts[0], FILES[".2.gz"]?.split("\n")[0]);
  });
});

Deno.test("readJournal() reads each event once, whatever a crash left of the older files", async () => {
  const [a, b, c, d] = [lines(1, 3), lines(4, 6), lines(7, 9), lines(10, 12)];
  const leftOvers: readonly Readonly<Record<string, string>>[] = [
    { "": d, ".1": c, ".2.gz": b, ".3.gz": a },
    { "": d, ".1": c, ".1.gz": c, ".2.gz": b, ".3.gz": a },
    { "": d, ".1": c, ".1.gz": c.slice(0, 50), ".2": b, ".2.gz": b, ".3.gz": a, ".gz.tmp": "half" },
    { "": d, ".2": c, ".3.gz": b, ".5.gz": a },
    { ".1": d, ".2": c, ".3.gz": b, ".4": a },
    { "": "", ".1": d, ".9": c, ".10.gz": b, ".100": a },
    { "": d, ".1": c + d, ".2": b + c, ".3": a },
  ];
  for (const files of leftOvers) {
    await withFiles(files, async (path) => {
      assertEquals(await numbersIn(path), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], Object.keys(files).join(" "));
    });
  }
});

Deno.test("readJournal() gives what is wanted by time, type, child and run, and the gaps of that time", async () => {
  const gap = `{"version":1,"run":"run-1","time":"2026-10-02T12:00:03.500Z","gap":{"from":4,"to":5}}\n`;
  const text = lines(1, 3) + gap + line(6, { path: "/web/a" }) + line(7, { path: "/webby" }) + line(8, { type: "child_ready" }) +
    line(1, { run: "run-2" });
  await withFiles({ "": text }, async (path) => {
    const told = "run-1 2026-10-02T12:00:03.500Z gap 4 to 5";
    assertEquals(await numbersIn(path), [1, 2, 3, told, 6, 7, 8, 1]);
    assertEquals(await numbersIn(path, { since: AT_MS + 3_000, until: AT_MS + 6_000 }), [3, told, 6]);
    assertEquals(await numbersIn(path, { types: ["child_ready", "child_failed"] }), [told, 8]);
    assertEquals(await numbersIn(path, { path: "/web" }), [1, 2, 3, told, 6, 8, 1]);
    assertEquals(await numbersIn(path, { path: "/web/", run: "run-1" }), [1, 2, 3, told, 6, 8]);
    assertEquals(await numbersIn(path, { run: "run-2" }), [1]);
  });
});

Deno.test("readJournal() passes over what is damaged, and tells each such line", async () => {
  const noMembers = `{"version":1,"run":"r","time":"2026-10-02T12:00:00.000Z"`;
  const bad = [
    ["{", "it is no object of JSON"],
    ["[1]", "it is no object of JSON"],
    ["null", "it is no object of JSON"],
    [`{"a":1}`, "it has no version"],
    [`{"version":1}`, "it has no run or time"],
    [`{"version":0,"run":"r","time":"2026-10-02"}`, "it has no run or time"],
    [`{"version":1,"run":"r","time":"soon","event":{}}`, "it has no run or time"],
    [`${noMembers}}`, "it is neither"],
    [`${noMembers},"gap":{"from":2,"to":1}}`, "it is neither"],
    [`${noMembers},"event":{"type":"child_running","seq":0,"atMs":1,"path":"/"}}`, "it is neither"],
    [`${noMembers},"event":{"type":"child_flew","seq":1,"atMs":1,"path":"/"}}`, "it is neither"],
    [`${noMembers},"event":{"type":"toString","seq":1,"atMs":1,"path":"/"}}`, "it is neither"],
    ["\u0000\u0000", "it is no object of JSON"],
    [`"${"x".repeat(1024 * 1024)}"`, "it is no text, or longer"],
    [`"${"x".repeat(3 * 1024 * 1024)}"`, "it is no text, or longer"],
  ] as const;
  for (const [text, reason] of bad) {
    await withFiles({ ".1": `${lines(1, 2)}${text}\n\n${line(3)}`, "": `${line(4)}${text}` }, async (path) => {
      const found = await readAll(path);
      const [first, second] = [found[2], found.at(-1)];
      assert(first?.kind === "damaged" && second?.kind === "damaged", text.slice(0, 80));
      assert(first.reason.startsWith(reason), `${text.slice(0, 80)} ${first.reason}`);
      assertEquals([first.file, first.line, second.file, second.line], [`${path}.1`, 3, path, 2]);
      assertEquals(found.map((entry) => entry.kind === "event" ? entry.event.seq : 0), [1, 2, 0, 3, 4, 0]);
    });
  }
});

Deno.test("readJournal() reads a last line whose end alone is missing, and a line that is no UTF-8 costs no other", async () => {
  await withFiles({ "": lines(1, 2).trimEnd() }, async (path) => assertEquals(await numbersIn(path), [1, 2]));
  await withFiles({}, async (path) => {
    writeFileSync(path, new Uint8Array([...new TextEncoder().encode(line(1)), 0xff, 0xfe, 10, ...new TextEncoder().encode(lines(2, 3))]));
    assertEquals((await readAll(path)).map(({ kind }) => kind), ["event", "damaged", "event", "event"]);
  });
});

Deno.test("readJournal() reads what there is of a compressed file that is broken, and goes on with the next", async () => {
  await withFiles({ ".2.gz": lines(1, 5_000), ".1": line(5_001), "": line(5_002) }, async (path) => {
    truncateSync(`${path}.2.gz`, 4_000);
    const cut = await readAll(path);
    assertEquals(cut.filter(({ kind }) => kind === "damaged").length, 1);
    assertEquals(cut.slice(-2).map((entry) => entry.kind === "event" ? entry.event.seq : 0), [5_001, 5_002]);
    writeFileSync(`${path}.2.gz`, "this is no gzip");
    const found = await readAll(path);
    assertEquals(found.map(({ kind }) => kind), ["damaged", "event", "event"]);
    assert(found[0]?.kind === "damaged" && found[0].reason.startsWith("nothing more can be read of the file"));
  });
});

Deno.test("readJournal() refuses by name what a newer version wrote, and a journal that is not there", async () => {
  await withFiles({ ".1": lines(1, 2), "": `{"version":2,"what":"ever"}\n` }, async (path) => {
    const error = await assertRejects(() => readAll(path), ReeveError, "line 1 was written by a newer version (2)");
    assertEquals([error.code, error.path], ["journal_not_opened", path]);
  });
  await withFiles({}, async (path) => {
    const error = await assertRejects(() => readAll(path), ReeveError, "it is not there");
    assertEquals(error.code, "journal_not_opened");
    await assertRejects(() => readAll(join(path, "in", "no", "folder")), ReeveError, "it is not there");
    mkdirSync(path);
    await assertRejects(() => readAll(path), ReeveError, "it is not there");
  });
});

Deno.test("readJournal() can be left at any moment, and reads more files than it holds open", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 200 }, (_, index) => [`.${200 - index}${index % 2 === 0 ? ".gz" : ""}`, line(index + 1)]),
  );
  await withFiles({ ...files, "": line(201) }, async (path) => {
    assertEquals(await numbersIn(path), Array.from({ length: 201 }, (_, index) => index + 1));
    for (const limit of [1, 3, 150]) {
      let count = 0;
      for await (const _ of readJournal(path)) if (++count === limit) break;
      assertEquals(count, limit);
    }
  });
});

Deno.test("readJournal() reads every event once while the writer begins anew and compresses again and again", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    await using file = new RotatingFile({ path, maxBytes: 2_000, keep: 10_000, compress: true, fsync: "never" });
    let [written, isOver] = [0, false];
    const write = async (): Promise<void> => {
      while (!isOver) {
        await file.append(lines(written + 1, written + 5));
        written += 5;
      }
    };
    await file.append("");
    const writing = write();
    try {
      for (let round = 0; round < 15 || written < 1_500; round++) {
        const before = written;
        let last = 0;
        for await (const entry of readJournal(path)) {
          assert(entry.kind === "event", short(entry));
          assertEquals(entry.event.seq, last + 1);
          last = entry.event.seq;
        }
        assert(last >= before, `${last} of ${before} events were read`);
      }
    } finally {
      isOver = true;
      await writing;
    }
  });
});

Deno.test("readJournal() passes over a line of a hundred megabytes, which a hundred kilobytes of a compressed file may be", async () => {
  await withFiles({}, async (path) => {
    writeFileSync(`${path}.1.gz`, gzipSync(new Uint8Array(100 * 1024 * 1024).fill(120)));
    writeFileSync(path, line(1));
    assert(readFileSync(`${path}.1.gz`).length < 200_000);
    assertEquals((await readAll(path)).map(({ kind }) => kind), ["damaged", "event"]);
  });
});
