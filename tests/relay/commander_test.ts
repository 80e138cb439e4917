/** Commands of clients, between a session and a target that are both made up. */
import { assert, assertEquals } from "@std/assert";
import { type AuditedCommand, Commander, type CommandTarget } from "../../src/relay/commander.ts";
import { DashboardError } from "../../src/client/mod.ts";
import { type ClientCommand, readMessage } from "../../src/relay/messages.ts";
import type { Identity } from "../../src/relay/session.ts";
import type { ConnectionWord } from "../../src/relay/wire.ts";
import { lineLog } from "../../src/relay/log.ts";
import { TargetAwayError } from "../../src/relay/target_link.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

const OPERATOR: Identity = { clientIdentity: "token:ops", principal: "ops", role: "dangerous", source: "token", expiresAtMs: null };
const NO = { code: "no", stage: "test", target_id: null, message: "not now", retryable: false };
const DONE = { result: { accepted: true, status: "completed" } };

class Bench {
  readonly clock = new VirtualClock();
  readonly records: AuditedCommand[] = [];
  /** What came to the target. */
  readonly asked: string[] = [];
  /** How it answers. */
  answer: () => Promise<Record<string, unknown>> = () => Promise.resolve(DONE);
  /** Why records cannot be written. */
  unwritten: string | null = null;
  connection: ConnectionWord = "connected";
  readonly lines: string[] = [];
  readonly commander: Commander;

  constructor(commandsPerSecond = 1_000) {
    const log = lineLog("text", (line) => this.lines.push(line), () => 0);
    const record = (fact: AuditedCommand): Promise<string | null> => {
      this.records.push(fact);
      return Promise.resolve(this.unwritten);
    };
    this.commander = new Commander(this.clock, { record }, { commandsPerSecond, log });
  }

  get target(): CommandTarget {
    const names = ["pause_child", "remove_child", "add_child", "shutdown_tree"];
    return {
      targetId: "shop",
      row: {
        targetId: "shop",
        displayName: "shop",
        registrationState: "active",
        connectionState: this.connection,
        supportedCommands: names.map((name) => ({ name, idempotent: false, timeoutSeconds: 30 })),
        extensions: { "reeve.scale": "destructive", "reeve.reload": "destructive" },
        streamEpoch: null,
      },
      timeoutOf: () => 30_000,
      request: (method) => {
        this.asked.push(method);
        return this.answer();
      },
    };
  }

  /** Asks; resolves with the code of the refusal, or the status. */
  async ask(command: string, more: Partial<ClientCommand> = {}, identity = OPERATOR): Promise<string> {
    const answer = await this.commander.carryOut({ ...commandOf(command), ...more }, this.target, identity);
    return "code" in answer ? answer.code : String(Object(answer.result["result"]).status);
  }
}

let count = 0;

function commandOf(command: string): ClientCommand {
  return {
    type: "command",
    commandId: `c${++count}`,
    correlationId: null,
    targetId: "shop",
    command,
    target: { child_path: "/api", child_manifest: null },
    reason: "a test",
    confirmed: false,
    claimsRequester: false,
    more: {},
  };
}

Deno.test("commands: a dry run replaces no confirmation but that of a reload, and no command has what it does not take", async () => {
  const bench = new Bench();
  for (const command of ["remove_child", "add_child", "shutdown_tree", "scale"]) {
    assertEquals(await bench.ask(command, { more: { dry_run: true } }), "invalid_message_schema", command);
    assertEquals(await bench.ask(command), "confirmation_required", command);
  }
  assertEquals(await bench.ask("pause_child", { more: { template: "t" } }), "invalid_message_schema");
  assertEquals(bench.asked, []);
  assertEquals(await bench.ask("reload"), "confirmation_required");
  assertEquals(await bench.ask("reload", { more: { dry_run: true } }), "completed");
  assertEquals(await bench.ask("scale", { more: { template: "t", count: 2 }, confirmed: true }), "completed");
  assertEquals(bench.asked, ["reeve.reload", "reeve.scale"]);
});

Deno.test("commands: one that came to no target may be asked again under its id; one that did is never done twice", async () => {
  const bench = new Bench();
  const one = { commandId: "one" };
  assertEquals(await bench.ask("remove_child", one), "confirmation_required");
  bench.unwritten = "the disk is full";
  assertEquals(await bench.ask("remove_child", { ...one, confirmed: true }), "audit_write_failed");
  bench.unwritten = null;
  for (const away of ["unavailable", "reconnecting"] as const) {
    bench.connection = away;
    assertEquals(await bench.ask("remove_child", { ...one, confirmed: true }), "ipc_connect_failed");
  }
  bench.connection = "connected";
  bench.answer = () => Promise.reject(new DashboardError({ ...NO, retryable: true }));
  assertEquals(await bench.ask("remove_child", { ...one, confirmed: true }), "no");
  // It went away while the record was written.
  bench.answer = () => Promise.reject(new TargetAwayError());
  assertEquals(await bench.ask("remove_child", { ...one, confirmed: true }), "ipc_connect_failed");
  assertEquals([bench.asked.length, bench.records.at(-1)?.result], [2, "failed"]);
  bench.asked.pop();
  bench.answer = () => Promise.resolve(DONE);
  assertEquals(await bench.ask("remove_child", { ...one, confirmed: true }), "completed");
  assertEquals(await bench.ask("remove_child", { ...one, confirmed: true }), "completed");
  assertEquals(bench.asked.length, 2);
  await bench.clock.advance(599_999);
  await bench.ask("remove_child", { ...one, confirmed: true });
  assertEquals(bench.asked.length, 2);
  await bench.clock.advance(1);
  await bench.ask("remove_child", { ...one, confirmed: true });
  assertEquals(bench.asked.length, 3);
});

Deno.test("commands: what may have been done is not told as something to try again", async () => {
  const bench = new Bench();
  bench.answer = () => Promise.reject(new Error('Cannot use the dashboard on "/run/shop/secret.sock": it did not answer in time'));
  const command = commandOf("pause_child");
  const answer = await bench.commander.carryOut(command, bench.target, OPERATOR);
  assert("code" in answer);
  assertEquals([answer.code, answer.stage, answer.retryable], ["outcome_unknown", "ipc_response", false]);
  assert(!answer.message.includes("/run/"), answer.message);
  assertEquals(bench.records.map(({ result, detail }) => [result, detail]), [["accepted", null], ["unknown", "outcome_unknown"]]);
  assertEquals(bench.lines.length, 1);
  assert(bench.lines[0]?.includes("/run/shop/secret.sock"));
  bench.answer = () => Promise.resolve(DONE);
  assertEquals(await bench.ask("pause_child", { commandId: command.commandId }), "outcome_unknown");
  assertEquals(bench.asked.length, 1);
});

Deno.test("commands: whoever asks much pushes out answers of his own alone, and none that is under way", async () => {
  const bench = new Bench(1_000_000);
  let finish = (): void => {};
  bench.answer = () => new Promise((resolve) => finish = () => resolve(DONE));
  const first = bench.ask("pause_child", { commandId: "first" });
  await bench.clock.advance(0);
  bench.answer = () => Promise.resolve(DONE);
  const other = { ...OPERATOR, clientIdentity: "token:other" };
  await bench.ask("pause_child", { commandId: "other" }, other);
  for (let index = 0; index < 1_100; index++) await bench.ask("pause_child");
  const asked = bench.asked.length;
  const again = bench.ask("pause_child", { commandId: "first" });
  assertEquals(await bench.ask("pause_child", { commandId: "other" }, other), "completed");
  assertEquals(bench.asked.length, asked);
  finish();
  assertEquals([await first, await again], ["completed", "completed"]);
  // Where all that can be kept is under way, nothing more goes out.
  bench.answer = () => new Promise(() => {});
  for (let index = 0; index < 1_024; index++) void bench.ask("pause_child");
  await bench.clock.advance(0);
  assertEquals(await bench.ask("pause_child"), "rate_limit_exceeded");
  bench.answer = () => Promise.resolve(DONE);
  assertEquals(await bench.ask("pause_child", {}, other), "completed");
});

Deno.test("commands: so many of one identity in a second, however many sessions it has", async () => {
  const bench = new Bench(3);
  const codes = await Promise.all(Array.from({ length: 5 }, () => bench.ask("pause_child")));
  assertEquals(codes, ["completed", "completed", "completed", "rate_limit_exceeded", "rate_limit_exceeded"]);
  assertEquals(await bench.ask("pause_child", {}, { ...OPERATOR, clientIdentity: "token:other" }), "completed");
  await bench.clock.advance(1_000);
  assertEquals(await bench.ask("pause_child"), "completed");
});

Deno.test("audit: of many commands that were refused in a second the most become one record that counts them", async () => {
  const bench = new Bench();
  const reader: Identity = { ...OPERATOR, clientIdentity: "token:reader", role: "read" };
  for (let index = 0; index < 200; index++) await bench.ask("pause_child", {}, reader);
  await bench.ask("remove_child");
  assertEquals(bench.records.length, 11);
  await bench.clock.advance(1_000);
  assertEquals(bench.records.length, 12);
  const { detail, result, count, clientIdentity } = bench.records[11]!;
  assertEquals([result, detail, count, clientIdentity], ["rejected", "not_permitted", 190, "token:reader"]);
  assertEquals(bench.clock.timers, 0);
  for (let index = 0; index < 11; index++) await bench.ask("pause_child", {}, reader);
  await bench.commander.close();
  assertEquals([bench.records.length, bench.records.at(-1)?.count, bench.clock.timers], [23, 1, 0]);
});

Deno.test("audit: what a target says in its refusal is bounded and clean, in the record and in the answer", async () => {
  const bench = new Bench();
  const huge = "\u001b[2J".repeat(1_000_000);
  const long = { code: huge, stage: huge, message: huge, target_id: huge, retryable: false };
  const answers: unknown[] = [];
  for (
    const answer of [
      () => Promise.reject(new DashboardError(long)),
      () => Promise.resolve({ result: { accepted: false, status: "failed", error: { ...long, more: huge } } }),
      () => Promise.resolve({ result: { accepted: false, status: huge } }),
    ]
  ) {
    bench.answer = answer;
    answers.push(await bench.commander.carryOut(commandOf("pause_child"), bench.target, OPERATOR));
  }
  for (const said of [...answers, ...bench.records]) {
    const text = JSON.stringify(said);
    assert(text.length < 12_000 && !text.includes("\\u001b"), text.slice(0, 500));
  }
});

Deno.test("messages: what is recorded of a command has a bound", () => {
  const say = (more: object): unknown => {
    const { target, commandId, targetId, command, reason, confirmed } = commandOf("pause_child");
    const found = readMessage(
      JSON.stringify({ type: "command", command_id: commandId, target_id: targetId, target, command, reason, confirmed, ...more }),
    );
    return "code" in found ? found.code : found.type;
  };
  assertEquals(say({}), "command");
  for (
    const [member, longest] of [["command_id", 128], ["correlation_id", 128], ["target_id", 256], ["reason", 4_096]] as const
  ) {
    assertEquals(say({ [member]: "x".repeat(longest) }), "command", member);
    assertEquals(say({ [member]: "x".repeat(longest + 1) }), "invalid_message_schema", member);
  }
  assertEquals(say({ target: { child_path: "x".repeat(2_048) } }), "command");
  assertEquals(say({ target: { child_path: "x".repeat(2_049) } }), "invalid_message_schema");
  assertEquals(say({ command: "x".repeat(10_000) }), "invalid_message_schema");
});
