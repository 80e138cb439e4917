/** `reeve events`: what is shown of a journal, and how it is told when there is none. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { appendFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { events, type EventsArgs } from "../../src/cli/commands/events.ts";
import { FILES } from "../fixtures/journal/version_1.ts";
import { writeFiles } from "../observe/files.ts";
import { inFolder } from "../support/folder.ts";
import { RecordingIo } from "./helpers.ts";

interface Printed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function print(args: Partial<EventsArgs>): Promise<Printed> {
  const io = new RecordingIo();
  const code = await events({ json: false, ...args }, io);
  return { code, out: io.out, err: io.err };
}

async function withJournal(use: (journal: string) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const journal = join(folder, "events.jsonl");
    await writeFiles(journal, FILES);
    await use(journal);
  });
}

/** Times and days depend on the place where the test runs. */
function withoutTimes(text: string): string[] {
  return text.trimEnd().split("\n").map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3}/, "TIME").replace(/\d{4}-\d\d-\d\d/, "DAY"));
}

const NOON_MS = new Date(2026, 9, 2, 12).getTime();

function line(seq: number, atMs: number, { run = "run-1", path = "/web", type = "child_running" } = {}): string {
  const event = { seq, atMs: atMs - NOON_MS, path, correlation: 1, generation: 0, attempt: 1, type };
  return `${JSON.stringify({ version: 1, run, time: new Date(atMs).toISOString(), event })}\n`;
}

Deno.test("events shows the lines of `reeve run`, where another run begins, and what is damaged at the end", async () => {
  await withJournal(async (journal) => {
    const { code, out, err } = await print({ journal });
    assertEquals(code, 0);
    assertEquals(withoutTimes(out).filter((text) => !text.startsWith("── DAY ──")), [
      "── DAY, run 0d9f1c6e2b7a4c5f8e3d1a2b4c6d8e0f ──",
      "TIME · /             supervising 2 children",
      "TIME ▸ /web          starting, attempt 1",
      "TIME ● /web          ready after 2.9 s",
      "             !               6 events were missed",
      "TIME ■ /             shut down in 13 ms, exit code 0",
      "── DAY, run 7b1e5d3c9a8f4e2d6c0b1a3f5e7d9c8b ──",
      "TIME · /             supervising 1 child",
      "TIME ! /pollers/mail  unhealthy: no answer – 3 × 2 s",
    ]);
    assertEquals(err, `reeve: 1 line is damaged, and left out:\n  ${journal}:3 (its end is missing)\n`);
  });
});

Deno.test("events shows the time of each event, and the day where it changes", async () => {
  await inFolder(async (folder) => {
    const journal = join(folder, "events.jsonl");
    const at = (day: number, hour: number): number => new Date(2026, 9, day, hour, 0, 1, 25).getTime();
    const texts = [line(1, at(2, 22)), line(2, at(2, 23)), line(3, at(3, 0)), line(1, at(3, 1), { run: "run-2" })];
    writeFileSync(journal, texts.join(""));
    assertEquals((await print({ journal, verbose: true })).out.trimEnd().split("\n"), [
      "── 2026-10-02, run run-1 ──",
      "22:00:01.025 · /web          running, not ready yet",
      "23:00:01.025 · /web          running, not ready yet",
      "── 2026-10-03 ──",
      "00:00:01.025 · /web          running, not ready yet",
      "── 2026-10-03, run run-2 ──",
      "01:00:01.025 · /web          running, not ready yet",
    ]);
    assertEquals((await print({ journal })).out, "", "steps in between alone have no heading either");
    assertEquals((await print({ journal, type: "child_running" })).out.split("\n").length, 8, "who asks for them gets them");
  });
});

Deno.test("events --json prints the lines of the journal as they are", async () => {
  await withJournal(async (journal) => {
    const { code, out } = await print({ journal, json: true });
    const whole = Object.values(FILES).join("").split("\n").slice(0, -1);
    assertEquals([code, out], [0, whole.map((text) => `${text}\n`).join("")]);
  });
});

Deno.test("events shows only what is asked for", async () => {
  await withJournal(async (journal) => {
    const types = async (args: Partial<EventsArgs>): Promise<unknown[]> => {
      const { code, out, err } = await print({ journal, json: true, ...args });
      assertEquals(code, 0, err);
      return out.trimEnd().split("\n").filter((text) => text !== "").map((text) => JSON.parse(text).event?.type ?? "gap");
    };
    assertEquals(await types({ type: "child_ready, child_starting" }), ["child_starting", "child_ready", "gap"]);
    assertEquals(await types({ child: "pollers", since: "2026-10-02T01:00:00Z" }), ["child_unhealthy"]);
    assertEquals(await types({ child: "/pollers/mail", since: "1790918400" }), ["child_unhealthy"]);
    assertEquals(await types({ child: "/pollers/mai", since: "1790918400" }), []);
    assertEquals(await types({ until: "2026-10-01T22:00:02.000Z" }), ["supervisor_started", "child_starting", "child_ready", "gap"]);
    assertEquals(
      await types({ since: "1s" }),
      Date.now() < Date.parse("2026-10-02T06:30:00Z") ? ["supervisor_started", "child_unhealthy"] : [],
    );
    assertEquals(await types({ since: "2000-01-01", until: "2000-01-02" }), []);
  });
});

Deno.test("events finds the journal that a file names, and says which key to write where it names none", async () => {
  await withJournal(async (journal) => {
    const file = `${journal}.yaml`;
    const yaml = (end: string): void => writeFileSync(file, `supervisor: { strategy: OneForOne }\nchildren: []\n${end}`);
    yaml(`observability: { journal: { path: ${JSON.stringify(journal)} } }\n`);
    const found = await print({ file, json: true });
    assertEquals([found.code, found.out.split("\n").length], [0, 8], found.err);
    const web = "children: [{ name: web, run: { process: { command: x } }, environment: [{ name: A, secret_ref: '${NOT_THERE}' }] }]";
    writeFileSync(file, `observability: { journal: { path: ${JSON.stringify(journal)} } }\n${web}\n`);
    assertEquals((await print({ file })).code, 0, "who reads needs no secret of a child");
    yaml("");
    const none = await print({ file });
    assertEquals([none.code, none.out], [2, ""]);
    assertMatch(none.err, /keeps no journal\. Write "observability: \{ journal: \{ path: events\.jsonl \} \}"/);
    yaml("observability: { jurnal: {} }\n");
    const refused = await print({ file });
    assertEquals([refused.code, refused.out], [1, ""]);
    assertMatch(refused.err, /is refused/);
    assertEquals((await print({ file: `${file}.missing` })).code, 2);
    const named = await print({ file, journal });
    assertEquals(named.code, 0, "who names the journal needs no file");
  });
});

Deno.test("events says what cannot be used, and prints nothing then", async () => {
  await withJournal(async (journal) => {
    const refusals: readonly (readonly [Partial<EventsArgs>, RegExp])[] = [
      [{ journal: `${journal}.missing` }, /Cannot read the journal ".*": it is not there/],
      [{ journal, since: "yesterday" }, /Cannot understand --since "yesterday": it must be a time such as/],
      [{ journal, until: "-5m" }, /Cannot understand --until "-5m"/],
      [{ journal, since: "5m", until: "2h" }, /--since 5m is after --until 2h/],
      [{ journal, type: "child_fialed" }, /There is no event of type "child_fialed"\. Did you mean "child_failed"\?/],
      [{ journal, type: "child_failed,,x" }, /There is no event of type ""/],
    ];
    for (const [args, reason] of refusals) {
      const { code, out, err } = await print(args);
      assertEquals([code, out], [2, ""], JSON.stringify(args));
      assertMatch(err, reason);
      assertEquals(err.split("\n").length, 2, "one line");
    }
    appendFileSync(journal, `\n{"version":3}\n`);
    const { code, err } = await print({ journal });
    assertEquals(code, 2);
    assertMatch(err, /line 4 was written by a newer version \(3\)/);
  });
});

Deno.test("events passes over an event that somebody edited, and lets no control character through", async () => {
  await inFolder(async (folder) => {
    const journal = join(folder, "events.jsonl");
    const escape = String.fromCharCode(27);
    const texts = [
      line(1, NOON_MS, { type: "child_waiting" }),
      line(2, NOON_MS, { path: `/web${escape}[2J`, run: `run${escape}` }),
      line(3, NOON_MS, { type: "child_failed" }),
    ];
    writeFileSync(journal, texts.join(""));
    const { code, out, err } = await print({ journal, verbose: true });
    assertEquals([code, out.includes(escape), err.includes(escape)], [0, false, false]);
    assertMatch(err, /^reeve: 2 lines are damaged, and left out:\n {2}an event of 2026-.* \(it lacks something\)\n/);
    assert(out.includes("running, not ready yet"));
  });
});

Deno.test("events tells how many lines are damaged, and where the first ones are", async () => {
  await inFolder(async (folder) => {
    const journal = join(folder, "events.jsonl");
    writeFileSync(journal, "no line of ours\n".repeat(50) + line(1, NOON_MS));
    const { code, err } = await print({ journal });
    assertEquals([code, err.split("\n").length], [0, 8]);
    assertMatch(err, /^reeve: 50 lines are damaged(?:.|\n)*events\.jsonl:5 \(it is no object of JSON\)\n {2}and 45 more\n$/);
  });
});
