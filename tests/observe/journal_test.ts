/** The journal of a tree: what is written, what is told when it cannot be, and what is missing then. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { ReeveError } from "../../mod.ts";
import type { SupervisorEvent } from "../../src/event/mod.ts";
import { Bus, type Journal, type JournalHealth, openJournal, readJournal } from "../../src/observe/mod.ts";
import type { JournalOptions } from "../../src/spec/mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { inFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";
import { linesIn, namesIn } from "./files.ts";

const START_MS = Date.parse("2026-10-02T12:00:00.000Z");

/** A tree of which only the events are there. */
class Events {
  readonly bus: Bus<SupervisorEvent>;
  readonly clock = new VirtualClock();
  readonly told: JournalHealth[] = [];
  /** Whether what is told becomes an event, as it does in a tree. */
  echoes = false;

  constructor(capacity = 64) {
    this.bus = new Bus<SupervisorEvent>(capacity);
  }

  happen(count: number, reason = "no answer"): void {
    for (let index = 0; index < count; index++) {
      const seq = this.bus.lastSeq + 1;
      this.bus.publish({ type: "child_unhealthy", seq, atMs: seq, path: "/web", correlation: 1, generation: 0, attempt: 1, reason });
    }
  }

  open(path: string, options: Partial<JournalOptions> = {}): Promise<Journal> {
    return openJournal({ path, ...options }, {
      bus: this.bus,
      runId: "run-1",
      tree: "shop",
      wallAt: (atMs) => START_MS + atMs,
      tell: (facts) => {
        this.told.push(facts);
        if (this.echoes) this.happen(1);
      },
      clock: this.clock,
    });
  }

  /** Waits until everything that has happened is in the file. */
  async written(journal: Journal): Promise<void> {
    await until(() => journal.written === this.bus.lastSeq, () => `${journal.written} of ${this.bus.lastSeq} events are written`);
  }

  /** Waits until so much was told. */
  async toldSoMuch(count: number): Promise<void> {
    await until(() => this.told.length >= count, () => `${this.told.length} times something was told`);
  }
}

/** What is read back: numbers of events, and gaps as texts. */
async function readBack(path: string): Promise<(number | string)[]> {
  const found: (number | string)[] = [];
  for await (const entry of readJournal(path)) {
    if (entry.kind === "event") found.push(entry.event.seq);
    else if (entry.kind === "gap") found.push(`${entry.from} to ${entry.to}`);
    else found.push(entry.reason);
  }
  return found;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

Deno.test("every event of a tree becomes a line that says which run, when, and the event as it is", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "state", "events.jsonl");
    const events = new Events();
    events.happen(2);
    await using journal = await events.open(path);
    events.happen(3, 'ümlaut "and" \n more');
    await events.written(journal);
    const lines = await linesIn(path);
    assertEquals(lines.length, 5);
    assertEquals(
      lines[1],
      `{"version":1,"run":"run-1","time":"2026-10-02T12:00:00.002Z","event":${JSON.stringify(events.bus.at(2))}}`,
    );
    assertEquals(lines.map((line) => JSON.parse(line).event), numbers(1, 5).map((seq) => ({ ...events.bus.at(seq) })));
    if (process.platform !== "win32") {
      assertEquals([statSync(join(folder, "state")).mode & 0o777, statSync(path).mode & 0o777], [0o700, 0o600]);
    }
    assertEquals([events.told, journal.failure, journal.unwritten, journal.path], [[], null, 0, path]);
  });
});

Deno.test("a journal goes on in the file of the run before, whose last line may be cut off", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    writeFileSync(
      path,
      `{"version":1,"run":"run-0","time":"2026-10-01T00:00:00.000Z","gap":{"from":1,"to":2}}\n{"version":1,"run":"run-0"`,
    );
    const events = new Events();
    events.happen(2);
    await (await events.open(path)).close();
    assertEquals(await readBack(path), ["1 to 2", "it is no object of JSON", 1, 2]);
  });
});

Deno.test("a journal that cannot be written is tried again after a second, then later and later; that is told once, and once what is lost", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "state", "events.jsonl");
    const events = new Events(8);
    await using journal = await events.open(path, { fsync: "never" });
    events.happen(2);
    await events.written(journal);
    renameSync(join(folder, "state"), join(folder, "away"));
    events.happen(3);
    await events.toldSoMuch(1);
    const [first] = events.told;
    assert(first !== undefined && !first.healthy && first.lost === 0 && first.reason.includes("ENOENT"), JSON.stringify(first));
    assertEquals(journal.failure, first.reason);
    const delays: number[] = [];
    for (let tries = 0; tries < 7; tries++) {
      await until(() => events.clock.timers === 1, () => "nothing is tried again");
      const waitMs = (events.clock.nextDueMs ?? 0) - events.clock.now();
      delays.push(waitMs);
      await events.clock.advance(waitMs - 1);
      assertEquals(events.clock.timers, 1);
      await events.clock.advance(1);
    }
    assertEquals(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    // The last try has failed, too, before the folder is there again.
    await until(() => events.clock.timers === 1, () => "nothing is tried again");
    // Three wait to be written, eight are remembered, so that nine of these are gone.
    events.happen(17);
    mkdirSync(join(folder, "state"));
    await events.clock.advance(30_000);
    await events.written(journal);
    assertEquals(events.told.slice(1), [{ healthy: true, reason: first.reason, lost: 9 }]);
    assertEquals(await readBack(path), [...numbers(3, 5), "6 to 14", ...numbers(15, 22)]);
    assertEquals(await readBack(join(folder, "away", "events.jsonl")), [1, 2]);
  });
});

Deno.test("a journal that works again tells at once that nothing is lost where nothing is", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "state", "events.jsonl");
    const events = new Events();
    events.echoes = true;
    await using journal = await events.open(path);
    renameSync(join(folder, "state"), join(folder, "away"));
    events.happen(1);
    await events.toldSoMuch(1);
    mkdirSync(join(folder, "state"));
    await until(() => events.clock.timers === 1, () => "nothing is tried again");
    await events.clock.advance(1_000);
    await events.written(journal);
    assertEquals(events.told.map(({ healthy, lost }) => [healthy, lost]), [[false, 0], [true, 0]]);
    // What was told has become two events, and those beget no others.
    assertEquals(await readBack(path), [1, 2, 3]);
    assertEquals([events.bus.lastSeq, journal.failure], [3, null]);
  });
});

Deno.test("a journal that fails and works by turns tries less and less often, until it has worked for a while", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "state", "events.jsonl");
    const events = new Events();
    await using journal = await events.open(path, { fsync: "never" });
    const fail = async (): Promise<number> => {
      renameSync(join(folder, "state"), join(folder, "away"));
      events.happen(1);
      await until(() => events.clock.timers === 1, () => "nothing is tried again");
      renameSync(join(folder, "away"), join(folder, "state"));
      const waitMs = (events.clock.nextDueMs ?? 0) - events.clock.now();
      await events.clock.advance(waitMs);
      await events.written(journal);
      return waitMs;
    };
    assertEquals([await fail(), await fail(), await fail()], [1_000, 2_000, 4_000]);
    await events.clock.advance(60_000);
    assertEquals(await fail(), 1_000);
    assertEquals(await readBack(path), [1, 2, 3, 4]);
  });
});

Deno.test("close() writes everything up to the end, and is harmless again", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    const events = new Events(2_000);
    const journal = await events.open(path);
    events.happen(1_500);
    const closed = journal.close();
    events.happen(1);
    assert(journal.close() === closed);
    await closed;
    await journal[Symbol.asyncDispose]();
    assert(journal.written >= 1_500);
    assertEquals(await readBack(path), numbers(1, journal.written));
    assertEquals(events.clock.timers, 0, "no timer is left");
  });
});

Deno.test("close() loses nothing in whatever turn an event comes before it", async () => {
  await inFolder(async (folder) => {
    for (let turns = 0; turns < 12; turns++) {
      const path = join(folder, `events-${turns}.jsonl`);
      const events = new Events();
      const journal = await events.open(path);
      for (let turn = 0; turn < turns; turn++) await null;
      events.happen(1);
      for (let turn = 0; turn < turns / 3; turn++) await null;
      events.happen(2);
      await journal.close();
      assertEquals([turns, ...await readBack(path)], [turns, 1, 2, 3]);
    }
  });
});

Deno.test("a journal ends with the bus, and close() then waits for what is still to be written", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    const events = new Events();
    const journal = await events.open(path);
    events.happen(10);
    events.bus.close();
    await journal.close();
    assertEquals([await readBack(path), journal.unwritten], [numbers(1, 10), 0]);
  });
});

Deno.test("close() gives up when nothing could be written for two seconds, and says how much is missing", async () => {
  await inFolder(async (folder) => {
    const events = new Events();
    const journal = await events.open(join(folder, "state", "events.jsonl"), { fsync: "never" });
    renameSync(join(folder, "state"), join(folder, "away"));
    events.happen(5);
    await events.toldSoMuch(1);
    let isClosed = false;
    const closed = journal.close().then(() => isClosed = true);
    await until(() => events.clock.timers === 2, () => "nothing is tried again");
    await events.clock.advance(1_900);
    assert(!isClosed);
    await events.clock.advance(200);
    await closed;
    assertEquals([journal.unwritten, journal.written, events.clock.timers], [5, 0, 0]);
    assert(journal.failure?.includes("ENOENT") === true);
  });
});

Deno.test("close() writes what failed before as soon as it can", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "state", "events.jsonl");
    const events = new Events();
    const journal = await events.open(path, { fsync: "never" });
    renameSync(join(folder, "state"), join(folder, "away"));
    events.happen(5);
    await events.toldSoMuch(1);
    events.bus.close();
    mkdirSync(join(folder, "state"));
    await journal.close();
    assertEquals([journal.unwritten, await readBack(path)], [0, numbers(1, 5)]);
    assertEquals(events.told.length, 1, "a tree that is over hears nothing");
  });
});

Deno.test("openJournal() refuses what it cannot write, and what a newer version wrote, and says why", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    const refused = async (of: string, why: string): Promise<void> => {
      const error = await assertRejects(() => new Events().open(of), ReeveError, why);
      assertEquals([error.code, error.path], ["journal_not_opened", of]);
    };
    mkdirSync(path);
    await refused(path, `Cannot open the journal "${path}" of tree "shop": "${path}" is no file`);
    writeFileSync(join(folder, "file"), "");
    await refused(join(folder, "file", "events.jsonl"), "Cannot open the journal");
    for (const tail of ["", '{"version":1,"run":"r"', "x".repeat(300_000)]) {
      const newer = join(folder, `newer-${tail.length}.jsonl`);
      const text = `{"version":1}\n{"version":2,"text":"${"y".repeat(100_000)}"}\n${tail}`;
      writeFileSync(newer, text);
      await refused(newer, "its last line was written by a newer version (2), must be at most 1");
      assertEquals(readFileSync(newer, "utf8"), text, "nothing is changed");
    }
    if (process.platform === "win32") return;
    symlinkSync(join(folder, "victim"), join(folder, "link"));
    await refused(join(folder, "link"), "is no file");
    assert(!existsSync(join(folder, "victim")));
  });
});

Deno.test("openJournal() refuses a file that another tree of the program writes, under any name, until that one is closed", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    const journal = await new Events().open(path);
    if (process.platform !== "win32") symlinkSync(folder, join(folder, "link"));
    for (const other of process.platform === "win32" ? [path] : [path, join(folder, "link", "events.jsonl")]) {
      await assertRejects(() => new Events().open(other), ReeveError, 'tree "shop" of this program writes it already');
    }
    await journal.close();
    await (await new Events().open(path)).close();
  });
});

Deno.test("an event that is longer than a line may be is told as missing", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    const events = new Events();
    const journal = await events.open(path);
    events.happen(1);
    events.happen(1, "ü".repeat(600_000));
    events.happen(1);
    await journal.close();
    assertEquals(await readBack(path), [1, "2 to 2", 3]);
  });
});

Deno.test("a journal begins a new file when it is large, and reads back as one", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    const events = new Events();
    const journal = await events.open(path, { maxBytes: 2_000, keep: 20 });
    for (let round = 0; round < 20; round++) {
      events.happen(5);
      await events.written(journal);
    }
    await journal.close();
    assertEquals(await readBack(path), numbers(1, 100));
    const names = await namesIn(path);
    assert(names.length > 5 && names.every((name) => name === "" || name.endsWith(".gz")), String(names));
  });
});
