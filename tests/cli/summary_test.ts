import { assertEquals, assertMatch } from "@std/assert";
import { summary } from "../../src/cli/summary.ts";
import type { ChildReport, FailureEvent, Report, RunSummary } from "../../mod.ts";
import { RecordingIo } from "./helpers.ts";
import { POLICY_OF_NO_ROLE } from "../support/policies.ts";

const CHILD: ChildReport = {
  path: "/web",
  kind: "task",
  starts: 1,
  restarts: 0,
  failures: 0,
  lastExit: { kind: "cancelled" },
  status: "graceful",
  phase: "stopped",
};

const NOTHING: RunSummary = { failures: 0, restarts: 0, recentFailures: [], recentEvents: [], lastDecision: null };

function report(children: readonly ChildReport[], more: Partial<Report> = {}): Report {
  const cause = { kind: "shutdown", requestedBy: "ops", reason: "deploy" } as const;
  return {
    exitCode: 0,
    cause,
    startedAtMs: 0,
    durationMs: 61_000,
    summary: NOTHING,
    children,
    abandoned: [],
    reconcile: { verifiedClean: true, checked: 0, left: [], more: 0 },
    unwritten: [],
    ...more,
  };
}

function rowsOf(children: readonly ChildReport[]): string[] {
  return summary("shop", report(children), new RecordingIo()).split("\n").slice(4, -1);
}

Deno.test("summary() says how long it ran, who ended it and why, and the exit code", () => {
  const io = new RecordingIo();
  assertEquals(summary("shop", report([]), io).split("\n")[1], "shop ran 1 min, ended by ops (deploy), exit code 0");
  const escalated = report([], {
    exitCode: 70,
    cause: { kind: "escalation", requestedBy: "supervisor", reason: "too much", path: "/web" },
  });
  assertEquals(summary("shop", escalated, io).split("\n")[1], "shop ran 1 min, ended by escalation: too much, exit code 70");
});

Deno.test("summary() counts failures and restarts, and names the last failure, harmlessly", () => {
  const exit = { kind: "failed", failure: { kind: "error", category: "error", message: "boom\u001b[2J" } } as const;
  const decision = { action: "give_up", reason: "restart_limit_exhausted", delayMs: 0, retryAtMs: null } as const;
  const failed: FailureEvent = {
    ...{ type: "child_failed", seq: 9, atMs: 5, path: "/web", correlation: 1, generation: 0, attempt: 4, exit, exitClass: "nonzero_exit" },
    ...{ uptimeMs: 3, limit: null, decision, policy: POLICY_OF_NO_ROLE, group: null },
  };
  const text = summary(
    "shop",
    report([], { summary: { ...NOTHING, failures: 4, restarts: 3, recentFailures: [failed] } }),
    new RecordingIo(),
  );
  assertMatch(text, /^4 failures, 3 restarts; the last failure: \/web failed: boom\S* after 3 ms/m);
  assertEquals(text.includes("\u001b"), false);
});

Deno.test("summary() has a row for every child, with its numbers and its last exit", () => {
  const failure = { kind: "error", category: "exit_code", message: "exited with code 3", exitCode: 3 } as const;
  assertEquals(
    rowsOf([
      { ...CHILD, path: "/a/b", kind: "process", starts: 12, restarts: 11, failures: 10, lastExit: { kind: "failed", failure } },
      { ...CHILD, lastExit: null, starts: 0 },
    ]),
    [
      "/a/b   process  12      11        10        failed: exited with code 3  in order",
      "/web   task     0       0         0         -                           in order",
    ],
  );
});

Deno.test("summary() lists what was left, a line each, and how much more there was", () => {
  const left = [
    { kind: "attempt", owner: "/deaf", detail: "attempt 1 of a task, abandoned" },
    { kind: "process", owner: "/web", detail: "process group 4711" },
  ] as const;
  const lines = summary("shop", report([], { reconcile: { verifiedClean: false, checked: 2, left, more: 3 } }), new RecordingIo()).split(
    "\n",
  );
  assertEquals(lines.slice(-5), [
    "still there:",
    "  /deaf: attempt 1 of a task, abandoned",
    "  /web: process group 4711",
    "  and 3 more",
    "",
  ]);
});

const STOPS: readonly [Partial<ChildReport>, string][] = [
  [{ status: "graceful" }, "in order"],
  [{ status: "aborted" }, "by force"],
  [{ status: "abort_failed" }, "not at all, left behind"],
  [{ status: "late_report" }, "late"],
  [{ status: "already_exited", phase: "failed" }, "was down"],
  [{ status: "already_exited", phase: "stopped" }, "was not running"],
];

for (const [facts, said] of STOPS) {
  Deno.test(`summary() says "${said}" of a child with status ${facts.status}`, () => {
    const [row = ""] = rowsOf([{ ...CHILD, ...facts }]);
    assertEquals(row.endsWith(`  ${said}`), true, row);
  });
}

Deno.test("summary() says what could not be written, and why", () => {
  const unwritten = [{ sink: "journal", reason: "disk\u001b[2J full", lost: 3 }, {
    sink: "logs",
    reason: "web.log: gone",
    lost: 1,
  }] as const;
  const text = summary("shop", report([CHILD], { unwritten }), new RecordingIo());
  assertEquals(text.split("\n").slice(-4), [
    "not written:",
    "  3 events in the journal: disk\\u{1b}[2J full",
    "  1 lines of output: web.log: gone",
    "",
  ]);
});

Deno.test("summary() uses colors only where they are wanted", () => {
  assertMatch(summary("shop", report([CHILD]), new RecordingIo(true)), new RegExp(`^\n${String.fromCharCode(27)}\\[1mshop`));
  assertEquals(summary("shop", report([CHILD]), new RecordingIo()).includes(String.fromCharCode(27)), false);
});

Deno.test("summary() never writes control characters that came from outside", () => {
  const hostile = `${String.fromCharCode(27)}[2J\r\nnext`;
  const cause = { kind: "shutdown", requestedBy: hostile, reason: hostile } as const;
  for (
    const text of [summary("shop", report([CHILD], { cause }), new RecordingIo()), summary(hostile, report([CHILD]), new RecordingIo())]
  ) {
    assertEquals(/(?!\n)\p{Cc}/u.test(text), false, JSON.stringify(text));
    assertEquals(text.split("\n").length, 6);
  }
});
