/** Events, output and words of the package itself as LogTape takes them from a program that has loaded it (contract, section 20). */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { configureSync, type LogRecord as TakenRecord, resetSync, type Sink } from "@logtape/logtape";
import { describe, severityOf } from "../../src/event/mod.ts";
import { type Diagnostics, levelOf, loadDiagnostics, type LogRecord } from "../../src/observe/mod.ts";
import { SCENES } from "../support/scenes.ts";

const LINE: LogRecord = { seq: 7, atMs: 250, path: "/a", generation: 1, attempt: 3, stream: "stdout", line: "it is {warm}" };

/** Diagnostics of a tree that began at a certain time. */
function diagnostics(): Diagnostics {
  const newDiagnostics = loadDiagnostics();
  assert(newDiagnostics !== null, "this test has loaded LogTape");
  return newDiagnostics({
    tree: "shop",
    run: "ab12",
    configVersion: () => "v3",
    wallAt: (atMs) => 1_000_000 + atMs,
    wallNow: () => 1_500_000,
  });
}

interface Setup {
  readonly sink?: Sink;
  readonly filter?: () => boolean;
  readonly lowestLevel?: "debug" | "error";
  /** Which category is told of. */
  readonly category?: readonly [string, ...string[]];
}

/** Runs with LogTape as a program has set it up, and returns what its sinks took. */
function taken(
  run: (diagnostics: Diagnostics) => void,
  { sink, filter = () => true, lowestLevel = "debug", category = ["reeve"] }: Setup = {},
): {
  readonly records: TakenRecord[];
  readonly meta: TakenRecord[];
} {
  const records: TakenRecord[] = [];
  const meta: TakenRecord[] = [];
  configureSync({
    sinks: { kept: sink ?? ((record) => void records.push(record)), meta: (record) => void meta.push(record) },
    filters: { given: filter },
    loggers: [
      { category: [...category], sinks: ["kept"], lowestLevel, filters: ["given"] },
      { category: ["logtape", "meta"], sinks: ["meta"], lowestLevel: "warning" },
    ],
  });
  try {
    run(diagnostics());
  } finally {
    resetSync();
  }
  return { records, meta };
}

function textOf({ message }: TakenRecord): string {
  return message.join("");
}

Deno.test("diagnostics: every event is one record with its numbers and its own fields, as grave as it is, at the time when it happened", async () => {
  for (const [scene, play] of Object.entries(SCENES)) {
    const events = await play();
    const { records, meta } = taken((told) => events.forEach((event) => told.event(event)));
    assertEquals([records.length, meta], [events.length, []], scene);
    events.forEach((event, index) => {
      const { category, level, timestamp, properties } = records[index]!;
      const { type, seq, atMs, correlation, ...own } = event;
      assertEquals(category, ["reeve", "events"]);
      assertEquals([level, timestamp], [levelOf(type), 1_000_000 + atMs]);
      assertEquals(level === "debug" ? "info" : level, severityOf(type), `${type} is not less grave here than elsewhere`);
      assertEquals(properties, {
        ...own,
        tree: "shop",
        run: "ab12",
        config_version: "v3",
        sequence: seq,
        correlation,
        event_name: type,
        text: describe(event),
      });
      assertEquals(textOf(records[index]!), `${event.path} ${describe(event)}`);
    });
  }
});

Deno.test("diagnostics: a line of a child tells whose it is, and what the package says of itself is taken as it is written", () => {
  const { records } = taken((told) => {
    told.output(LINE);
    told.output({ ...LINE, stream: "stderr" });
    told.internal("warning", "Cannot write {this}", { sink: "journal" });
  });
  assertEquals(records.map(({ category, level }) => [category.join("."), level]), [
    ["reeve.output", "info"],
    ["reeve.output", "warning"],
    ["reeve.internal", "warning"],
  ]);
  assertEquals(records.map(textOf), ["/a it is {warm}", "/a it is {warm}", "Cannot write {this}"]);
  const { properties, timestamp } = records[0]!;
  assertEquals(properties, {
    tree: "shop",
    run: "ab12",
    sequence: 7,
    child: "/a",
    generation: 1,
    attempt: 3,
    stream: "stdout",
    line: "it is {warm}",
  });
  assertEquals([timestamp, records[2]!.timestamp, records[2]!.properties["sink"]], [1_000_250, 1_500_000, "journal"]);
});

Deno.test("diagnostics: of a category or a level that nobody takes nothing is made", () => {
  let made = 0;
  const told = (lowestLevel: "debug" | "error", category: readonly [string, ...string[]]): TakenRecord[] =>
    taken((told) => {
      told.output({
        ...LINE,
        get line(): string {
          made++;
          return "x";
        },
      });
      told.internal("error", "broken");
    }, { lowestLevel, category }).records;
  assertEquals(told("error", ["reeve"]).map(textOf), ["broken"]);
  assertEquals(told("debug", ["reeve", "events"]), []);
  assertEquals(made, 0);
  assertEquals(told("debug", ["reeve"]).map(textOf), ["/a x", "broken"]);
});

Deno.test("diagnostics: a sink or a filter that throws disturbs nobody, and is told of where LogTape tells of itself", () => {
  const broken = (): never => {
    throw new Error("no room");
  };
  const threeLines = (told: Diagnostics): void => {
    for (let line = 0; line < 3; line++) told.output(LINE);
  };
  assertStringIncludes(taken(threeLines, { sink: broken }).meta.map(textOf).join("\n"), "no room");
  const { meta } = taken(threeLines, { filter: broken });
  assertEquals(meta.map(textOf), ["@reeve/supervisor: Cannot take a record: no room"], "once, however often it happens");
});

Deno.test("diagnostics: a sink through which a child says something more goes round once, not for ever", () => {
  let calls = 0;
  let again: Diagnostics | undefined;
  const { meta } = taken((told) => {
    again = told;
    told.output(LINE);
    told.output(LINE);
  }, {
    sink: () => {
      calls++;
      again?.output(LINE);
    },
  });
  assertEquals(calls, 2);
  assertEquals(meta.map(textOf), ["@reeve/supervisor: A record that was made while one was taken is left out"]);
});

Deno.test("diagnostics: there are none where no LogTape is, or something else in its place; any of its copies is good, an older one too", () => {
  const key = Symbol.for("logtape.rootLogger");
  const own = Object.getOwnPropertyDescriptor(globalThis, key);
  const put = (value: unknown): void => void Object.defineProperty(globalThis, key, { value, configurable: true, writable: true });
  try {
    Reflect.deleteProperty(globalThis, key);
    assertEquals(loadDiagnostics(), null);
    for (const other of [null, 1, "x", {}, { getChild: 1 }]) {
      put(other);
      assertEquals(loadDiagnostics(), null);
    }
    const lines: unknown[] = [];
    // LogTape 1 does not say what it would take.
    const older = {
      getChild: () => older,
      emit: ({ message }: { readonly message: readonly unknown[] }) => void lines.push(message.join("")),
    };
    put(older);
    diagnostics().output(LINE);
    assertEquals(lines, ["/a it is {warm}"]);
  } finally {
    if (own !== undefined) Object.defineProperty(globalThis, key, own);
  }
});
