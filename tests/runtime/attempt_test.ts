import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { Redactor } from "../../src/base/mod.ts";
import { type CommandMessage, type Message, planTree } from "../../src/core/mod.ts";
import type { Exit, Failure } from "../../src/event/mod.ts";
import type { LineSink, LogRecord } from "../../src/observe/mod.ts";
import { Attempt, type AttemptHost } from "../../src/runtime/attempt.ts";
import { HeldSockets } from "../../src/runtime/held_sockets.ts";
import { Ledger } from "../../src/runtime/ledger.ts";
import { startProbes } from "../../src/runtime/probing.ts";
import { child, type ChildOptions, type DecisionHistory } from "../../src/spec/mod.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";

const SECRET = "correct horse battery staple";

/** A tree that writes down what an attempt does. */
class Host implements AttemptHost {
  readonly clock = new VirtualClock({ startMs: 50 });
  readonly ledger = new Ledger();
  readonly sockets = new HeldSockets(this.ledger);
  readonly redactor = new Redactor();
  readonly records: Omit<LogRecord, "seq">[] = [];
  readonly written: string[] = [];
  readonly posted: Message[] = [];
  readonly commands: Omit<CommandMessage, "type" | "id">[] = [];
  sinks = 0;
  changes = 0;
  hasFile = true;

  constructor(...secrets: readonly string[]) {
    this.redactor.add(secrets);
  }

  lineSink(): LineSink | null {
    this.sinks++;
    return this.hasFile
      ? { write: ({ line }) => void this.written.push(line), isFull: false, onceDrained: (callback) => callback() }
      : null;
  }

  post(message: Message): void {
    this.posted.push(message);
  }

  command(command: Omit<CommandMessage, "type" | "id">): boolean {
    this.commands.push(command);
    return true;
  }

  began(): void {}
  over(): void {}

  log(record: Omit<LogRecord, "seq">): void {
    this.records.push(record);
  }

  watch(): never {
    throw new Error("is not watched");
  }

  historyOf(): DecisionHistory {
    return { attempt: 1, restartsTotal: 0, failuresTotal: 0, consecutiveRestarts: 0, uptimeMs: 0 };
  }

  get lines(): string[] {
    return this.records.map(({ line }) => line);
  }

  get failure(): Failure {
    const exited = this.posted.find((message) => message.type === "exited");
    assert(exited?.type === "exited" && "failure" in exited.exit);
    return exited.exit.failure;
  }

  /** Everything that was told, in one text. */
  get told(): string {
    return JSON.stringify([this.records, this.written, this.posted, this.commands]);
  }
}

function attemptOf(host: Host, options: ChildOptions = {}): Attempt {
  const spec = child.task("a", () => {}, options);
  const { path, policy } = planTree({ children: [spec] }, 70).nodes[0]!.children[0]!;
  return new Attempt({ node: 0, child: 0, stamp: 1, generation: 2, attempt: 3, path, spec, policy }, host);
}

function panicked(category: string, message: string): Exit {
  return { kind: "panicked", failure: { kind: "panic", category, message } };
}

// --- where lines go ----------------------------------------------------------------------------------------------------------------------

Deno.test("Attempt.output() makes one record a line, for readers, the tail and the file", () => {
  const host = new Host();
  const attempt = attemptOf(host, { logs: { tailLines: 2 } });
  for (const line of ["one", "two\u001b", "three"]) attempt.output("stderr", line);
  const common = { atMs: 50, path: "/a", generation: 2, attempt: 3, stream: "stderr" };
  assertEquals<unknown>(host.records, ["one", "two\\u{1b}", "three"].map((line) => ({ ...common, line })));
  assertEquals(host.written, host.lines);
  assertEquals(attempt.tail, ["two\\u{1b}", "three"]);
  assertEquals(host.sinks, 1, "the file is looked up once");
});

Deno.test("Attempt.output() lets a stream that is not kept go nowhere, but for the readiness", () => {
  const host = new Host();
  const attempt = attemptOf(host, { logs: { stdout: false } });
  const seen: string[] = [];
  attempt.onLine = (line) => seen.push(line);
  attempt.output("stdout", "one");
  attempt.output("stderr", "two");
  attempt.output("log", "three");
  assertEquals([host.lines, host.written, attempt.tail], [["two", "three"], ["two", "three"], ["two", "three"]]);
  assertEquals(seen, ["one", "two", "three"]);
  const other = attemptOf(host, { logs: { stderr: false } });
  other.output("stderr", "four");
  assertEquals(host.lines, ["two", "three"]);
  assertEquals(other.tail, []);
});

Deno.test("Attempt.output() gives a file more of a long line than readers, and nobody all of it", () => {
  const host = new Host();
  const attempt = attemptOf(host);
  attempt.output("stdout", "x".repeat(60_000));
  attempt.output("log", "y".repeat(70_000));
  assertEquals(host.lines.map((line) => [line.length, line.at(-1)]), [[4_097, "…"], [4_097, "…"]]);
  assertEquals(host.written.map((line) => [line.length, line.at(-1)]), [[60_000, "x"], [65_537, "…"]]);
});

Deno.test("Attempt without a file keeps its lines for readers only", () => {
  const host = new Host();
  host.hasFile = false;
  const attempt = attemptOf(host);
  attempt.output("stdout", "one");
  attempt.output("stdout", "two");
  assertEquals([host.lines, host.written, host.sinks, attempt.sink], [["one", "two"], [], 1, null]);
});

// --- secrets -----------------------------------------------------------------------------------------------------------------------------

Deno.test("Attempt.output() takes secrets out before anybody sees the line, except the readiness", () => {
  const host = new Host(SECRET);
  const attempt = attemptOf(host);
  const seen: string[] = [];
  attempt.onLine = (line) => seen.push(line);
  attempt.output("stdout", `raw ${SECRET}`);
  attempt.output("stdout", `base64 ${Buffer.from(SECRET).toString("base64")}`);
  assertEquals(host.lines, ["raw ***", "base64 ***"]);
  assertEquals([host.written, attempt.tail], [host.lines, host.lines]);
  assertEquals(seen[0], `raw ${SECRET}`);
  attempt.exited({ kind: "failed", failure: { kind: "error", category: "exit_code", message: "exited with code 1" } });
  assertEquals(host.failure.lastLines, host.lines);
});

Deno.test("Attempt.output() does not tell the beginning of a secret at which a long line is cut", () => {
  const host = new Host(SECRET);
  attemptOf(host).output("log", "x".repeat(65_530) + SECRET);
  assertEquals(host.written, [`${"x".repeat(65_530)}…`]);
  attemptOf(host).output("log", "x".repeat(4_090) + SECRET);
  assertEquals(host.lines[1], `${"x".repeat(4_090)}***`);
});

Deno.test("Attempt.exited() takes secrets out of messages, whole or cut, and out of labels", () => {
  const cases: readonly (readonly [string, string, string, string])[] = [
    ["Error", `no access with ${SECRET}`, "Error", "no access with ***"],
    ["Error", `no access with ${SECRET.slice(0, 9)}…. Add the flag`, "Error", "no access with ***…. Add the flag"],
    [SECRET.replaceAll(" ", "_"), "no", "redacted", "no"],
    [`${"x".repeat(55)}correct_h`, "no", "redacted", "no"],
    ["correct", "no", "correct", "no"],
  ];
  for (const [category, message, expectedCategory, expectedMessage] of cases) {
    const host = new Host(SECRET);
    attemptOf(host).exited(panicked(category, message));
    assertEquals([host.failure.category, host.failure.message], [expectedCategory, expectedMessage]);
  }
  const host = new Host("exit_code");
  attemptOf(host).exited({ kind: "failed", failure: { kind: "error", category: "exit_code", message: "exited with code 1" } });
  assertEquals(host.failure.category, "exit_code", "our own labels are no secrets");
});

Deno.test("Attempt tells no secret by what decide() gets, says or throws", () => {
  const seen: string[] = [];
  const host = new Host(SECRET);
  const decide: ChildOptions["decide"] = ({ message }) => {
    seen.push(message);
    throw new Error(`cannot decide about ${SECRET}`);
  };
  attemptOf(host, { decide }).exited(panicked("Error", `failed with ${SECRET}`));
  // @ts-expect-error: what JavaScript may do
  attemptOf(host, { decide: () => SECRET }).exited(panicked("Error", "failed"));
  assertEquals(seen, ["failed with ***"]);
  assertEquals(host.lines[0], "decide() failed: cannot decide about ***; the restart policy decides");
  assertEquals(host.lines[1]?.startsWith('decide() returned "***", must be one of'), true, host.lines[1]);
  assertEquals(host.written, host.lines);
});

Deno.test("Attempt tells no secret by the reasons of requests and by what it opened", () => {
  const host = new Host(SECRET);
  const attempt = attemptOf(host, { commandPermissions: { allowRestart: true, allowShutdown: true } });
  attempt.request("restart", `my ${SECRET} is old`);
  attempt.request("shutdown", "x".repeat(1_020) + SECRET);
  attempt.opened("socket", `a connection to ${SECRET}`);
  assertEquals(host.commands.map(({ reason }) => reason), ["my *** is old"]);
  assertEquals(host.told.includes("corr"), false, host.told);
  assertEquals(host.ledger.left().map(({ detail }) => detail), ["a connection to ***"]);
});

Deno.test("a health probe tells no secret by the reason of its failure", async () => {
  const secret = "no-such-command-hunter2";
  const host = new Host(secret);
  const attempt = attemptOf(host, { healthCheck: { mode: "exec", command: `./${secret}` } });
  const failed = new Promise<Message>((resolve) => {
    const stop = startProbes(attempt, (message) => {
      stop?.();
      resolve(message);
    });
  });
  await host.clock.advance(10_000);
  const keepAlive = setInterval(() => {}, 1_000);
  const message = await failed.finally(() => clearInterval(keepAlive));
  assert(message.type === "health");
  assertEquals(message.failed, 1);
  assertEquals([message.reason.includes("***"), message.reason.includes("hunter2")], [true, false], message.reason);
});
