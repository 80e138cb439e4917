/** A child's own say in what follows from its failures, through the whole runtime. */
import { assertEquals, assertMatch } from "@std/assert";
import { child, type DecideFunction, type DecisionHistory, type DecisionRequest, supervise, type Tree } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

async function failing(
  decide: DecideFunction,
  error: unknown = new TypeError("no such thing"),
): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const fail = (): never => {
    throw error;
  };
  const options = { decide, backoff: { initialMs: 1_000, maxMs: 1_000, jitter: "none" } } as const;
  const tree = await supervise({ children: [child.task("a", fail, options)] }, { clock, keepAlive: false });
  await clock.advance(0);
  return { tree, clock };
}

async function linesOf(tree: Tree): Promise<string[]> {
  await tree.shutdown();
  const lines: string[] = [];
  for await (const record of tree.logs()) if ("line" in record) lines.push(record.line);
  return lines;
}

Deno.test("decide() sees the failure and what went before, and its verdict counts", async () => {
  const seen: [DecisionRequest, DecisionHistory][] = [];
  const { tree, clock } = await failing((failure, history) => {
    seen.push([failure, history]);
    return history.failuresTotal === 2 ? "stop" : "restart";
  });
  await clock.advance(5_000);
  assertEquals(
    seen.map(([{ kind, category, message }]) => [kind, category, message]),
    Array(3).fill(["panic", "TypeError", "no such thing"]),
  );
  assertEquals(seen.map(([, { attempt, restartsTotal, failuresTotal }]) => [attempt, restartsTotal, failuresTotal]), [
    [1, 0, 0],
    [2, 1, 1],
    [3, 2, 2],
  ]);
  const { phase, lastDecision } = tree.child("/a");
  assertEquals([phase, lastDecision?.reason], ["failed", "decided_by_function"]);
  await tree.shutdown();
});

Deno.test("decide() that throws is told, and the restart policy decides", async () => {
  const { tree } = await failing(() => {
    throw new Error("my own fault");
  });
  assertEquals(tree.child("/a").phase, "backoff");
  assertMatch((await linesOf(tree)).join(), /decide\(\) failed: my own fault; the restart policy decides/);
});

Deno.test("decide() that returns something else is told, and the restart policy decides", async () => {
  // @ts-expect-error: what JavaScript may do
  const { tree } = await failing(() => Promise.resolve("stop"));
  assertEquals(tree.child("/a").phase, "backoff");
  assertMatch((await linesOf(tree)).join(), /decide\(\) returned a value of type object, must be one of policy, restart, stop, escalate/);
});
