/** Programs that are killed while they write their journal, and readers that go while it is printed. */
import { assert, assertEquals } from "@std/assert";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { readJournal } from "../../src/observe/mod.ts";
import { namesIn } from "../observe/files.ts";
import { start } from "../support/command.ts";
import { inFolder } from "../support/folder.ts";
import { moduleUrl, programArgs } from "../support/runtime.ts";

const UNIX = process.platform !== "win32";
const ROUNDS = 20;

/** Writes events for ever, and says of each lot when it counts as written. */
const WRITER = `
import { writeSync } from "node:fs";
import process from "node:process";
import { Bus, openJournal } from ${JSON.stringify(moduleUrl("src/observe/mod"))};
const [path, runId, fsync] = process.argv.slice(2);
const bus = new Bus(4096);
const source = { bus, runId, tree: "shop", wallAt: () => Date.now(), tell: (facts) => writeSync(2, JSON.stringify(facts)) };
const journal = await openJournal({ path, fsync, maxBytes: 8_000, keep: 10_000 }, source);
while (true) {
  for (let count = 0; count < 25; count++) {
    bus.publish({ type: "child_running", seq: bus.lastSeq + 1, atMs: performance.now(), path: "/web", correlation: 1, generation: 0, attempt: 1 });
  }
  while (journal.written < bus.lastSeq) await new Promise((resolve) => setImmediate(resolve));
  writeSync(1, journal.written + "\\n");
}
`;

/** The last number that counts as written. */
function acknowledged(output: string): number {
  return Number(output.slice(0, output.lastIndexOf("\n")).split("\n").at(-1));
}

for (const fsync of ["always", "interval"] as const) {
  Deno.test({
    name: `a journal whose program is killed ${ROUNDS / 2} times at any moment has everything that counted as written (fsync: ${fsync})`,
    ignore: !UNIX,
    async fn(): Promise<void> {
      await inFolder(async (folder) => {
        const [path, program] = [join(folder, "events.jsonl"), join(folder, "main.mjs")];
        writeFileSync(program, WRITER);
        const written: number[] = [];
        for (let round = 0; round < ROUNDS / 2; round++) {
          const writer = start([...programArgs(program, ["-A", "--no-check"]), path, `run-${round}`, fsync]);
          await writer.until("\n");
          await setTimeout(150 * Math.random());
          writer.signal("SIGKILL");
          await writer.ended;
          assert(/^[\d\n]+$/.test(writer.output()), writer.output());
          written.push(acknowledged(writer.output()));
        }
        const last = new Map<string, number>();
        let damaged = 0;
        for await (const entry of readJournal(path)) {
          if (entry.kind === "damaged") {
            damaged++;
            continue;
          }
          assert(entry.kind === "event", JSON.stringify(entry));
          assertEquals([entry.run, entry.event.seq], [entry.run, (last.get(entry.run) ?? 0) + 1]);
          last.set(entry.run, entry.event.seq);
        }
        const lost = written.filter((number, round) => (last.get(`run-${round}`) ?? 0) < number);
        assertEquals(lost, [], "what counted as written is not there");
        assert(damaged <= ROUNDS / 2, `${damaged} lines are damaged`);
        assert((await namesIn(path)).length > 3, "it never began anew");
      });
    },
  });
}

/** Prints a journal as the command does, and says how much of it, and how much of that waited in memory at most. */
const PRINTER = `
import process from "node:process";
import { events } from ${JSON.stringify(moduleUrl("src/cli/commands/events"))};
let [printed, waited] = [0, 0];
process.stdout.on("error", () => {});
const io = {
  stdout(text) {
    printed += text.length;
    process.stdout.write(text);
    waited = Math.max(waited, process.stdout.writableLength);
  },
  stderr: (text) => process.stderr.write(text),
  color: false,
};
const code = await events({ journal: process.argv[2], json: true }, io);
process.stderr.write(JSON.stringify({ code, printed, waited }), () => process.exit(code));
`;

Deno.test({
  name: "events ends at once when its reader has heard enough, and waits for one that is slow",
  ignore: !UNIX,
  async fn(): Promise<void> {
    await inFolder(async (folder) => {
      const [path, program] = [join(folder, "events.jsonl"), join(folder, "main.mjs")];
      writeFileSync(program, PRINTER);
      const text = Array.from({ length: 100_000 }, (_, index) => {
        const event = { seq: index + 1, atMs: index, path: "/web", correlation: 1, generation: 0, attempt: 1, type: "child_running" };
        return `${JSON.stringify({ version: 1, run: "run-1", time: "2026-10-02T12:00:00.000Z", event })}\n`;
      }).join("");
      writeFileSync(path, text);
      for (const isSlow of [false, true]) {
        const printer = spawn(process.execPath, [...programArgs(program, ["-A", "--no-check"]), path]);
        let [read, complaints] = [0, ""];
        printer.stderr.on("data", (data) => complaints += data);
        const ended = new Promise<number | null>((resolve) => printer.once("close", resolve));
        if (isSlow) {
          // Takes nothing for a while, and then all.
          await setTimeout(700);
          assertEquals(complaints, "", "it has not ended while nobody read");
          printer.stdout.on("data", (data) => read += data.length);
        } else {
          printer.stdout.once("data", () => printer.stdout.destroy());
        }
        assertEquals(await ended, 0);
        const { code, printed, waited } = JSON.parse(complaints);
        assertEquals(code, 0);
        assert(waited < 1_000_000, `${waited} bytes waited in memory`);
        if (isSlow) assertEquals([read, printed], [text.length, text.length]);
        else assert(printed < text.length / 4, `${printed} of ${text.length} bytes were printed for nobody`);
      }
    });
  },
});
