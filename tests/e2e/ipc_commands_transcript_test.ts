/** Recorded commands, replayed in their order against a tree like the recorded one; where ours is to be better, the table says how and why. */
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { child, type TaskContext } from "../../mod.ts";
import { parseChildManifest } from "../../src/config/mod.ts";
import { LineClient } from "../support/lines.ts";
import { whileServed } from "../support/served.ts";
import { untilAborted } from "../support/tasks.ts";
import { comparable } from "../transcripts/comparable.ts";
import { COMMANDS } from "../transcripts/recorded_commands.ts";

interface Case {
  readonly case: string;
  readonly conn: string;
  readonly send: string;
  readonly expect: readonly unknown[];
}

/** What is expected instead at a place of the answer; `undefined` where there is nothing. */
interface Better {
  readonly why: string;
  readonly cases: readonly string[];
  readonly instead: Readonly<Record<string, unknown>>;
  /** What may be there in place of that, all of it together, where it depends on what is faster. */
  readonly or?: Readonly<Record<string, unknown>>;
}

const RESULT = "result.result";
const OUTCOME = `${RESULT}.state_delta.outcome`;
const REPORT = `${RESULT}.state_delta.result.report`;

/** What a command that is refused says. */
const refused = (message: string): Readonly<Record<string, unknown>> => ({
  [`${RESULT}.accepted`]: false,
  [`${RESULT}.status`]: "failed",
  [`${RESULT}.error`]: { code: "command_failed", message, retryable: false, stage: "command_dispatch", target_id: "example-target" },
  [`${RESULT}.state_delta`]: null,
});

const unknown = (asked: string): Better["instead"] => refused(`unknown child "${asked}"`);
const REFUSED = "section 12, 20 and 23: a command that has no effect is refused, and says why";
const FINISHED = "section 12, 23: what cannot be done any more is refused";
const WORDS = "the words are ours, the code is the same";
const HELD = ["api", "billing", "flaky", "stubborn", "once"];
const held = (children: Readonly<Record<string, string>>): Better["instead"] => ({ "result.state": children });
const all = (...without: readonly string[]): Record<string, string> =>
  Object.fromEntries(HELD.filter((name) => !without.includes(name)).map((name) => [`/${name}`, "active running"]));

const BETTER: readonly Better[] = [
  {
    why: "a child that is being stopped is not ready any more",
    cases: [
      "restart-success",
      "restart-child-that-ignores-cancel",
      "restart-while-one-is-pending",
      "restart-child-path-api",
      "restart-child-path-/root/api",
      "restart-child-path-/api/",
      "command-id-empty",
      "command-extra-fields",
      "pause-success",
      "restart-after-resume",
      "quarantine-success",
      "restart-quarantined",
      "remove-success",
    ],
    instead: { [`${OUTCOME}.liveness.readiness`]: "not_ready" },
  },
  {
    why: "a second restart that changes nothing says so",
    cases: ["restart-while-one-is-pending"],
    instead: { [`${OUTCOME}.idempotent`]: true },
  },
  {
    why: "what is told of a child that is down is what it is before it starts, and its last stop is complete",
    cases: ["restart-finished-child"],
    instead: {
      [`${OUTCOME}.attempt`]: null,
      [`${OUTCOME}.generation`]: null,
      [`${OUTCOME}.liveness.readiness`]: "unreported",
      [`${OUTCOME}.status`]: null,
      [`${OUTCOME}.stop_state`]: "completed",
    },
    or: {
      [`${OUTCOME}.liveness.readiness`]: "not_ready",
      [`${OUTCOME}.status`]: "starting",
      [`${OUTCOME}.stop_state`]: "idle",
    },
  },
  { why: REFUSED, cases: ["restart-unknown-child"], instead: unknown("/nobody") },
  { why: REFUSED, cases: ["restart-child-path-/"], instead: unknown("/") },
  { why: REFUSED, cases: ["restart-child-path-empty"], instead: unknown("") },
  { why: REFUSED, cases: ["pause-unknown-child"], instead: unknown("/ghost") },
  { why: REFUSED, cases: ["resume-unknown-child"], instead: unknown("/ghost2") },
  { why: REFUSED, cases: ["quarantine-unknown-child"], instead: unknown("/ghost3") },
  { why: REFUSED, cases: ["remove-unknown-child"], instead: unknown("/ghost4") },
  { why: REFUSED, cases: ["remove-again", "restart-removed"], instead: unknown("/billing") },
  { why: "section 12, 22: what was not added cannot be restarted", cases: ["restart-added"], instead: unknown("/extra") },
  {
    why: WORDS,
    cases: ["restart-without-child-path", "restart-null-child-path"],
    instead: { [`${RESULT}.error.message`]: "child_path is missing" },
  },
  { why: WORDS, cases: ["command-reason-empty", "command-reason-blank"], instead: { "error.message": "reason is blank" } },
  { why: WORDS, cases: ["command-requested-by-empty"], instead: { "error.message": "requested_by is blank" } },
  { why: WORDS, cases: ["command-other-target"], instead: { "error.message": 'this target is "example-target"' } },
  {
    why: "what is held already has come to its stop",
    cases: ["pause-again", "quarantine-again"],
    instead: { [`${OUTCOME}.stop_state`]: "completed" },
  },
  {
    why: "a child that is resumed starts, if policy would have it running",
    cases: ["resume-success", "resume-quarantined"],
    instead: { [`${OUTCOME}.liveness.readiness`]: "ready", [`${OUTCOME}.status`]: "ready", [`${OUTCOME}.stop_state`]: "idle" },
  },
  {
    why: "it was started by the resume before",
    cases: ["resume-again"],
    instead: {
      [`${OUTCOME}.attempt`]: 2,
      [`${OUTCOME}.generation`]: 1,
      [`${OUTCOME}.liveness.readiness`]: "ready",
      [`${OUTCOME}.status`]: "ready",
      [`${OUTCOME}.stop_state`]: "idle",
    },
  },
  ...[{ name: "restart-after-resume", generation: 1 }, { name: "restart-quarantined", generation: 7 }].map(({ name, generation }) => ({
    why: "it was started by the resume before, so that its attempt ends first",
    cases: [name],
    instead: {
      [`${OUTCOME}.cancel_delivered`]: true,
      [`${OUTCOME}.generation_fence.cancel_delivered`]: true,
      [`${OUTCOME}.generation_fence.decision`]: "queued_after_stop",
      [`${OUTCOME}.generation_fence.old_attempt`]: generation + 1,
      [`${OUTCOME}.generation_fence.old_generation`]: generation,
      [`${OUTCOME}.generation_fence.target_generation`]: generation + 1,
      [`${OUTCOME}.status`]: "cancelling",
      [`${OUTCOME}.stop_state`]: "cancel_delivered",
    },
  })),
  {
    why: "a sign of life is told of the attempt that gave it",
    cases: ["quarantine-again"],
    instead: { [`${OUTCOME}.liveness.last_heartbeat_at_unix_nanos`]: null },
  },
  {
    why: "it was started by the resume before, and has given one",
    cases: ["restart-quarantined"],
    instead: { [`${OUTCOME}.liveness.last_heartbeat_at_unix_nanos`]: "a time" },
  },
  {
    why: "the resume and the restart before it made an attempt each",
    cases: ["remove-success"],
    instead: { [`${OUTCOME}.attempt`]: 3, [`${OUTCOME}.generation`]: 2 },
  },
  {
    why: "section 12, 28: a manifest that cannot be read is refused for good",
    cases: ["add-without-manifest", "add-bad-yaml", "add-unknown-kind", "add-after-shutdown"],
    instead: { [`${RESULT}.error.retryable`]: false },
  },
  {
    why: WORDS,
    cases: ["add-without-manifest"],
    instead: { [`${RESULT}.error.message`]: "configuration error: child_manifest is missing" },
  },
  ...["add-unknown-kind", "add-after-shutdown"].map((name) => ({
    why: WORDS,
    cases: [name],
    instead: { [`${RESULT}.error.message`]: "configuration error: Child validation failed" },
  })),
  {
    why: "section 12, 22: a worker without a factory is refused",
    cases: ["add-worker"],
    instead: refused('Cannot add "/extra": 1 violation\\n  /run: no factory "extra" is registered'),
  },
  {
    why: "section 12, 22: a supervisor without its children is refused, however often it is asked",
    cases: ["add-supervisor", "add-duplicate"],
    instead: refused("configuration error: Child validation failed"),
  },
  {
    why: "section 12, 20: nothing is made for names that nobody has",
    cases: ["state-with-ghosts"],
    instead: held(all()),
  },
  {
    why: "section 12, 22: what was refused is nowhere, and what was removed has gone",
    cases: ["state-removed", "state-after-add"],
    instead: held(all("billing")),
  },
  {
    why: "the end of the tree does not change how its children are held",
    cases: ["state-after-shutdown"],
    instead: held(all("billing")),
  },
  {
    why:
      "children end when they are asked, and what was removed is not there; a task that ignores its signal cannot be killed, and is told as left over",
    cases: ["shutdown-success", "shutdown-again"],
    instead: {
      [`${REPORT}.outcomes`]: { api: "Graceful", flaky: "Graceful", once: "AlreadyExited", stubborn: "AbortFailed" },
      [`${REPORT}.reconcile.orphan_slots`]: [{ value: "stubborn" }],
      [`${REPORT}.reconcile.runtime_handle_status`]: "Failed",
      [`${REPORT}.reconcile.verified_clean`]: false,
      [`${REPORT}.reconcile.warnings`]: ["/stubborn: attempt 1 of a task, abandoned"],
    },
  },
  {
    why: "what was looked at is told as it is",
    cases: ["shutdown-success", "shutdown-again"],
    instead: {
      [`${REPORT}.reconcile.metrics_status`]: "NotOwned",
      [`${REPORT}.reconcile.socket_status`]: "Cleaned",
      [`${REPORT}.reconcile.total_slots_checked`]: 4,
    },
  },
  { why: FINISHED, cases: ["restart-after-shutdown"], instead: refused('Cannot restart "/api": tree "reeve" has finished') },
  { why: FINISHED, cases: ["pause-after-shutdown"], instead: refused('Cannot pause "/api": tree "reeve" has finished') },
  { why: FINISHED, cases: ["resume-after-shutdown"], instead: refused('Cannot resume "/api": tree "reeve" has finished') },
];

/** On a tree of its own: section 12 has no control loop that a shutdown keeps busy. */
const ELSEWHERE = "state-while-shutting-down";

type Answer = { [name: string]: unknown };

/** What is compared of an answer: of a shutdown how each child ended, of a state how each is held, of a parser's words what they are about. */
function shown(value: unknown, name = ""): unknown {
  if (typeof value === "string" && name === "message") return shortened(value);
  if (Array.isArray(value) && name === "outcomes") {
    return Object.fromEntries(value.map((outcome) => [outcome.child_id.value, outcome.status]));
  }
  if (Array.isArray(value)) return value.map((entry) => shown(entry));
  if (typeof value !== "object" || value === null) return value;
  const state: unknown = Reflect.get(value, "child_runtime_records");
  if (Array.isArray(state)) return Object.fromEntries(state.map((row) => [row.child_path, `${row.operation} ${row.managed_child_state}`]));
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, shown(entry, key)]));
}

function shortened(message: string): string {
  return message.replace(/(failed to parse command params|Failed to parse child manifest):.*/is, "$1").replace(
    /(validation failed) at .*/s,
    "$1",
  )
    .replace(/( is registered)\. .*/s, "$1");
}

/** Sets a member somewhere inside; says whether that changed anything. */
function put(answer: Answer, place: string, value: unknown): boolean {
  const names = place.split(".");
  let inner = answer;
  for (const name of names.slice(0, -1)) inner = Object(inner[name]);
  const last = names.at(-1)!;
  const before = JSON.stringify(inner[last]);
  inner[last] = value;
  return before !== JSON.stringify(value);
}

const FREE = { limit: { maxRestarts: 4_294_967_295, windowMs: 60_000 } };

const CHILDREN = [
  child.task("api", async (context: TaskContext) => {
    // The recording began when it had.
    context.heartbeat();
    const beat = setInterval(() => context.heartbeat(), 500);
    await untilAborted(context);
    clearInterval(beat);
  }, { tags: ["core", "http"], severity: "critical", ...FREE }),
  child.task("billing", untilAborted, { dependencies: ["api"], severity: "optional", ...FREE }),
  // Its failures come at any time, and none of the answers tells of them.
  child.task("flaky", untilAborted, FREE),
  child.task("once", () => {}, { restartPolicy: "transient", ...FREE }),
];

/** Ignores its signal until it is let go. */
function stubborn(): { readonly spec: ReturnType<typeof child.task>; letGo(): void } {
  let letGo = (): void => {};
  const gone = new Promise<void>((resolve) => letGo = resolve);
  return { spec: child.task("stubborn", () => gone, FREE), letGo };
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: `transcript commands: ${name}`, ignore: process.platform === "win32", fn });
}

test("every recorded case gets the recorded answer, or the better one of the table", async () => {
  const { spec, letGo } = stubborn();
  const cases: Case[] = COMMANDS.map((line) => JSON.parse(line));
  assertEquals(cases.length, 76);
  const named = new Set(cases.map(({ case: name }) => name));
  for (const { cases: names } of BETTER) for (const name of names) assert(named.has(name), `${name} was not recorded`);
  await whileServed(async ({ path }) => {
    const client = await LineClient.open(path);
    try {
      for (const recorded of cases.filter(({ case: name }) => name !== ELSEWHERE)) {
        client.send(`${recorded.send}\n`);
        for (const expected of recorded.expect) {
          const wanted: Answer = JSON.parse(JSON.stringify(comparable(shown(expected))));
          const answer: Answer = JSON.parse(JSON.stringify(comparable(shown(await client.json()))));
          for (const { cases: names, instead, or, why } of BETTER) {
            if (!names.includes(recorded.case)) continue;
            for (const [place, value] of Object.entries(instead)) {
              assert(put(wanted, place, value), `${recorded.case}: ${place} needs no line in the table (${why})`);
            }
            const others = Object.entries(or ?? {});
            if (others.every(([place, value]) => !put(structuredClone(answer), place, value))) {
              for (const [place, value] of others) put(wanted, place, value);
            }
          }
          assertEquals(answer, wanted, recorded.case);
        }
      }
    } finally {
      client.close();
      letGo();
    }
  }, {
    children: [...CHILDREN.slice(0, 3), spec, ...CHILDREN.slice(3)],
    shutdown: { gracefulTimeoutMs: 400, abortWaitMs: 300 },
    parseChild: (manifest) => parseChildManifest(manifest, { path: "supervisor.yaml" }),
  });
});

test(`${ELSEWHERE}: a shutdown that takes its time keeps no answer waiting`, async () => {
  const { spec, letGo } = stubborn();
  await whileServed(async ({ path, tree }) => {
    const ending = tree.shutdown();
    const client = await LineClient.open(path);
    const recorded: Case = COMMANDS.map((line) => JSON.parse(line)).find(({ case: name }) => name === ELSEWHERE);
    client.send(`${recorded.send}\n`);
    const { request_id: id, ok } = await client.json();
    assertEquals([id, ok, tree.snapshot().phase], ["req-0101", true, "stopping"], "answered before the end");
    client.close();
    letGo();
    await ending;
  }, { children: [spec], shutdown: { gracefulTimeoutMs: 60_000 } });
});
