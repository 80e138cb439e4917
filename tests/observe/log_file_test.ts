import { assert, assertEquals } from "@std/assert";
import { resolve } from "node:path";
import { type LineFile, LogFiles, type LogLine, type RotatingFileOptions, type SinkChange } from "../../src/observe/mod.ts";
import type { LogOptions } from "../../src/spec/mod.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const MIB = 1024 * 1024;

/** A file that a test holds in its hands. */
class FakeFile implements LineFile {
  readonly options: RotatingFileOptions;
  readonly appended: string[] = [];
  closed = 0;
  /** Why appending fails. */
  error: string | null = null;
  /** Whether appending waits until the test lets it go on. */
  isSlow = false;
  #goOn: (() => void)[] = [];

  constructor(options: RotatingFileOptions) {
    this.options = options;
  }

  get text(): string {
    return this.appended.join("");
  }

  get waiting(): number {
    return this.#goOn.length;
  }

  async append(text: string): Promise<void> {
    if (this.isSlow) await new Promise<void>((goOn) => this.#goOn.push(goOn));
    if (this.error !== null) throw new Error(this.error);
    this.appended.push(text);
  }

  /** Lets so many pieces be written. */
  async goOn(pieces = 1): Promise<void> {
    for (let piece = 0; piece < pieces; piece++) {
      for (const goOn of this.#goOn.splice(0)) goOn();
      await turn();
    }
  }

  /** How it was rotated otherwise. */
  readonly revised: unknown[] = [];

  revise(rotation: object): void {
    this.revised.push(rotation);
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}

interface Scene {
  readonly clock: VirtualClock;
  readonly logs: LogFiles;
  readonly files: FakeFile[];
  readonly told: string[];
}

function scene(): Scene {
  const clock = new VirtualClock({ startMs: 1_000 });
  const files: FakeFile[] = [];
  const told: string[] = [];
  const tell = ({ healthy, reason, lost, path }: SinkChange): void =>
    void told.push(`${healthy ? "healthy" : "unhealthy"}, ${lost} lost, ${reason}, ${path}`);
  const open = (options: RotatingFileOptions): LineFile => {
    const file = new FakeFile(options);
    files.push(file);
    return file;
  };
  return { clock, logs: new LogFiles({ clock, tell, open }), files, told };
}

interface OneFile extends Scene {
  readonly file: FakeFile;
  readonly path: string;
  readonly write: (line: string) => void;
  readonly isFull: () => boolean;
  readonly drained: () => number;
  /** Writes lines of 1 KiB, ends included, each of which begins with its number. */
  readonly writeMany: (from: number, to: number) => void;
}

function oneFile(options: LogOptions = {}): OneFile {
  const made = scene();
  const sink = made.logs.sinkOf({ file: "child.log", ...options })!;
  const write = (line: string): void => sink.write(record(line));
  let drained = 0;
  return {
    ...made,
    file: made.files[0]!,
    path: resolve("child.log"),
    write,
    isFull: () => sink.isFull,
    drained: () => {
      sink.onceDrained(() => drained++);
      return drained;
    },
    writeMany: (from, to) => {
      for (let index = from; index < to; index++) write(`${index} `.padEnd(1_023, "."));
    },
  };
}

function record(line: string, more: Partial<LogLine> = {}): LogLine {
  return { atMs: 1_500, path: "/a", generation: 0, attempt: 1, stream: "stdout", line, ...more };
}

/** How many lines of a KiB are written at a time. */
const PIECE = 64;

/** The numbers of lines in a text, and what else there is. */
function numbers(text: string): readonly string[] {
  return text.split("\n").slice(0, -1).map((line) => /^(\d+) \.+$/.exec(line)?.[1] ?? line);
}

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `${from + index}`);
}

/** Lets happen what needs no time. */
async function turn(): Promise<void> {
  for (let index = 0; index < 3; index++) await new Promise<void>((goOn) => setImmediate(goOn));
}

// --- files -------------------------------------------------------------------------------------------------------------------------------

Deno.test("LogFiles.sinkOf() is nothing without a file, and opens one file for all that name it", async () => {
  const { logs, files } = scene();
  assertEquals(logs.sinkOf({}), null);
  assertEquals(files.length, 0);
  const one = logs.sinkOf({ file: "logs/a.log", maxBytes: 5_000, maxAgeSecs: 60, keep: 2, compress: true })!;
  const same = logs.sinkOf({ file: resolve("logs/../logs/a.log"), keep: 9 })!;
  const other = logs.sinkOf({ file: "logs/b.log" })!;
  one.write(record("one"));
  same.write(record("two"));
  one.write(record("three"));
  other.write(record("elsewhere"));
  await turn();
  assertEquals(files.map(({ appended }) => appended), [["one\ntwo\nthree\n"], ["elsewhere\n"]]);
  const rotations = files.map((
    { options: { path, maxBytes, maxAgeMs, keep, compress, fsync } },
  ) => [path, maxBytes, maxAgeMs, keep, compress, fsync]);
  assertEquals(rotations, [
    [resolve("logs/a.log"), 5_000, 60_000, 2, true, "never"],
    [resolve("logs/b.log"), 10 * MIB, null, 5, false, "never"],
  ]);
});

Deno.test("LogFiles.revise() rotates a file otherwise that is written already, and nothing else", async () => {
  const { logs, files } = scene();
  for (const file of ["a.log", "b.log"]) logs.sinkOf({ file })!.write(record(file));
  logs.revise({ file: resolve("a.log"), maxBytes: 5_000, maxAgeSecs: 60, keep: 2, compress: true });
  logs.revise({ file: "nobody.log" });
  logs.revise({});
  await turn();
  assertEquals(files.map(({ revised }) => revised), [[{ maxBytes: 5_000, maxAgeMs: 60_000, keep: 2, compress: true }], []]);
  assertEquals(files.map(({ text }) => text), ["a.log\n", "b.log\n"]);
});

Deno.test("LogFiles writes objects of JSON where they are wanted, and so says what was lost", async () => {
  const { clock, logs, files } = scene();
  const sink = logs.sinkOf({ file: "a.log", format: "json" })!;
  sink.write(record('said "so"', { generation: 3, attempt: 4, stream: "stderr", atMs: 1_234 }));
  await turn();
  files[0]!.error = "no";
  sink.write(record("is lost"));
  await turn();
  files[0]!.error = null;
  await clock.advance(1_000);
  assertEquals(files[0]!.text.split("\n").slice(0, -1).map((line) => JSON.parse(line)), [
    { time: "1970-01-01T00:00:01.234Z", path: "/a", generation: 3, attempt: 4, stream: "stderr", line: 'said "so"' },
    { time: "1970-01-01T00:00:02.000Z", lost: 1, reason: "no" },
  ]);
});

Deno.test("LogFiles appends the lines of a turn in one piece, and what comes meanwhile in the next", async () => {
  const { file, write, told } = oneFile();
  file.isSlow = true;
  write("one");
  write("two");
  await turn();
  for (const line of ["three", "four"]) write(line);
  await turn();
  assertEquals(file.waiting, 1, "one piece at a time");
  await file.goOn();
  await file.goOn();
  assertEquals(file.appended, ["one\ntwo\n", "three\nfour\n"]);
  assertEquals(told, []);
});

// --- a slow disk -------------------------------------------------------------------------------------------------------------------------

Deno.test("LineSink.isFull from 1 MiB on until less than a quarter waits", async () => {
  const { file, writeMany, isFull, drained, told } = oneFile();
  file.isSlow = true;
  writeMany(0, 1_023);
  await turn();
  assert(!isFull());
  assertEquals(drained(), 1, "who asks when it is not full is called at once");
  writeMany(1_023, 1_024);
  assert(isFull());
  assertEquals(drained(), 1);
  await file.goOn(12);
  assert(isFull(), "a quarter waits");
  await file.goOn();
  assert(!isFull());
  assertEquals(drained(), 3);
  writeMany(1_024, 1_855);
  assert(!isFull());
  writeMany(1_855, 1_856);
  assert(isFull());
  await file.goOn(29);
  assertEquals(numbers(file.text), range(0, 1_856));
  assertEquals(told, []);
});

Deno.test("LineSink is full for 5 seconds in a row at most, again at once where something gets written, and no more where nothing does", async () => {
  const { clock, file, writeMany, isFull, drained } = oneFile();
  file.isSlow = true;
  writeMany(0, 2_048);
  assertEquals(drained(), 0);
  await turn();
  await clock.advance(4_000);
  await file.goOn();
  assert(isFull());
  await clock.advance(999);
  assert(isFull());
  await clock.advance(1);
  assert(!isFull());
  assertEquals(drained(), 2);
  writeMany(2_048, 2_049);
  assert(isFull(), "the disk is slow, but writes");
  await clock.advance(5_000);
  assert(!isFull());
  writeMany(2_049, 2_050);
  assert(!isFull(), "nothing was written for five seconds");
  await file.goOn();
  writeMany(2_050, 3_074);
  assert(isFull(), "it writes again");
  file.isSlow = false;
  await file.goOn();
  assertEquals(numbers(file.text), range(0, 3_074));
});

Deno.test("LogFiles loses what comes when 8 MiB wait, counts it, and says so in its place", async () => {
  const { clock, file, path, write, writeMany, told } = oneFile();
  file.isSlow = true;
  writeMany(0, 10);
  await turn();
  writeMany(10, 8_192 + 5);
  write("short, but after lines that were lost");
  assertEquals(told, [`unhealthy, 1 lost, more came than could be written, ${path}`]);
  await file.goOn();
  writeMany(9_000, 9_002);
  file.isSlow = false;
  await file.goOn();
  await clock.advance(0);
  assertEquals(numbers(file.text), [...range(0, 8_192), "6 lines were lost: more came than could be written", "9000", "9001"]);
  assertEquals(told.slice(1), [`healthy, 6 lost, more came than could be written, ${path}`]);
});

// --- a disk that refuses -----------------------------------------------------------------------------------------------------------------

Deno.test("LogFiles loses what cannot be written, says so once, and goes on with what came meanwhile when it can again", async () => {
  const { clock, file, path, writeMany, told, isFull } = oneFile();
  writeMany(0, 2);
  await turn();
  file.error = "disk full";
  writeMany(2, 5);
  await turn();
  writeMany(5, 7);
  await clock.advance(10_000);
  assertEquals(told, [`unhealthy, 3 lost, disk full, ${path}`]);
  assert(!isFull());
  file.error = null;
  await clock.advance(1_000);
  assertEquals(numbers(file.text), ["0", "1", "3 lines were lost: disk full", "5", "6"]);
  assertEquals(told.slice(1), [`healthy, 3 lost, disk full, ${path}`]);
  file.error = "again";
  writeMany(7, 8);
  await turn();
  assertEquals(told.slice(2), [`unhealthy, 1 lost, again, ${path}`], "each time counts by itself");
});

Deno.test("LogFiles keeps 1 MiB for a disk that refuses, counts the rest, and nobody waits for it", async () => {
  const { clock, file, path, writeMany, told, isFull, drained } = oneFile();
  file.isSlow = true;
  writeMany(0, 1_030);
  assert(isFull());
  assertEquals(drained(), 0);
  await turn();
  file.error = "input/output error";
  file.isSlow = false;
  await file.goOn();
  assert(!isFull(), "who waited goes on");
  assertEquals(drained(), 2);
  writeMany(2_000, 4_000);
  assert(!isFull());
  await clock.advance(3_000);
  file.error = "no space";
  await clock.advance(1_000);
  file.error = null;
  writeMany(5_000, 5_001);
  await clock.advance(1_000);
  writeMany(6_000, 6_001);
  await turn();
  assertEquals(numbers(file.text), [
    `${PIECE} lines were lost: no space`,
    ...range(PIECE, 1_030),
    ...range(2_000, 2_000 + 1_024 - (1_030 - PIECE)),
    "1943 lines were lost: no space",
    "6000",
  ]);
  assertEquals(told, [`unhealthy, 64 lost, input/output error, ${path}`, `healthy, 2007 lost, no space, ${path}`]);
});

Deno.test("LogFiles is unhealthy as long as the note about lost lines is not written", async () => {
  const { clock, file, path, writeMany, told } = oneFile();
  file.error = "no";
  writeMany(0, 1);
  await turn();
  file.error = null;
  file.isSlow = true;
  await clock.advance(1_000);
  assertEquals(told.length, 1);
  writeMany(1, 3);
  file.isSlow = false;
  await file.goOn();
  assertEquals(numbers(file.text), ["1 line was lost: no", "1", "2"]);
  assertEquals(told.slice(1), [`healthy, 1 lost, no, ${path}`]);
});

// --- the end -----------------------------------------------------------------------------------------------------------------------------

Deno.test("LogFiles.close() writes what there is, closes, takes no more, and leaves no timer", async () => {
  const { clock, logs, file, write, writeMany, isFull, told } = oneFile();
  file.isSlow = true;
  writeMany(0, 1_030);
  await turn();
  writeMany(1_030, 1_031);
  assert(isFull());
  const closing = logs.close();
  write("too late");
  assert(!isFull());
  file.isSlow = false;
  await file.goOn();
  await closing;
  await logs.close();
  assertEquals(numbers(file.text), range(0, 1_031));
  assertEquals([file.closed, clock.timers, told], [1, 0, []]);
});

Deno.test("LogFiles.close() in the turn of the last line writes it, once", async () => {
  const { logs, file, write, told } = oneFile();
  write("first");
  await turn();
  write("last");
  await logs.close();
  await turn();
  assertEquals([file.appended, file.closed, told], [["first\n", "last\n"], 1, []]);
});

Deno.test("LogFiles.close() tries a disk that refuses for 2 seconds, and says what was lost in all", async () => {
  const { clock, logs, file, path, writeMany, told } = oneFile();
  file.error = "no";
  writeMany(0, 2);
  await turn();
  writeMany(2, 5);
  let isClosed = false;
  const closing = logs.close().then(() => isClosed = true);
  await clock.advance(1_999);
  assert(!isClosed);
  await clock.advance(1);
  await closing;
  assertEquals(told, [`unhealthy, 2 lost, no, ${path}`, `unhealthy, 5 lost, no, ${path}`]);
  assertEquals([file.closed, clock.timers, file.text], [1, 0, ""]);
});

Deno.test("LogFiles.close() still writes everything when the disk takes it in time", async () => {
  const { clock, logs, file, path, writeMany, told } = oneFile();
  file.error = "no";
  writeMany(0, 2);
  await turn();
  writeMany(2, 5);
  const closing = logs.close();
  await clock.advance(1_500);
  file.error = null;
  await clock.advance(100);
  await closing;
  assertEquals(numbers(file.text), ["2 lines were lost: no", "2", "3", "4"]);
  assertEquals([told.at(-1), clock.timers], [`healthy, 2 lost, no, ${path}`, 0]);
});

Deno.test("LogFiles.close() does not wait for a disk that hangs, but for one that is only slow", async () => {
  const { clock, logs, file, path, writeMany, told } = oneFile();
  file.isSlow = true;
  writeMany(0, 3);
  await turn();
  writeMany(3, 5);
  let isClosed = false;
  const closing = logs.close().then(() => isClosed = true);
  await clock.advance(1_900);
  await file.goOn();
  await clock.advance(1_900);
  assert(!isClosed);
  await clock.advance(200);
  await closing;
  assertEquals(numbers(file.text), ["0", "1", "2"]);
  assertEquals(told, [`unhealthy, 2 lost, more came than could be written, ${path}`]);
});

Deno.test("LogFiles.close() has nothing to do for files to which nobody wrote", async () => {
  const { clock, logs, file, told } = oneFile();
  await logs.close();
  assertEquals([file.closed, file.appended, clock.timers, told], [1, [], 0, []]);
});
