/** A task that blocks the loop of the real program is seen by the tree. */
import { assert, assertEquals, assertGreater } from "@std/assert";
import { child, supervise } from "../../mod.ts";
import { untilAborted } from "../support/tasks.ts";

Deno.test("a task that blocks the loop for seconds is told of once, and the longest lag is remembered", async () => {
  const busy = child.task("busy", async (context) => {
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const endsAtMs = performance.now() + 2_500; performance.now() < endsAtMs;);
    await untilAborted(context);
  });
  await using tree = await supervise({ children: [busy, child.task("calm", untilAborted)] });
  const keepAlive = setInterval(() => {}, 1_000);
  const starved = tree.events({ filter: ({ type }) => type === "fairness_probe_starvation" });
  const { value: event } = await starved.next();
  assert(event?.type === "fairness_probe_starvation");
  assertEquals(event.path, "/");
  assertGreater(event.lagMs, 1_000);
  const health = tree.health();
  assertEquals([health.loopLagMaxMs > 1_000, health.standstillMs], [true, 0]);
  assertGreater(health.residentBytes, 1_000_000);
  await tree.close();
  clearInterval(keepAlive);
  const rest = [];
  for await (const other of starved) rest.push(other);
  assertEquals(rest, [], "once in ten seconds, and nobody else is suspected");
});
