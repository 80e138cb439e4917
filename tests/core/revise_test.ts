/** A child that is declared otherwise while it runs. */
import { assertEquals } from "@std/assert";
import { child, supervise } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

Deno.test("a child on which the readiness of its supervisor waits no longer does when it becomes optional, and does when it becomes more", async () => {
  const clock = new VirtualClock({ startMs: 1_000 });
  const slow = (severity: "optional" | "standard") => child.task("slow", untilAborted, { readiness: { mode: "explicit" }, severity });
  const tree = await supervise({ children: [slow("standard")] }, { clock, keepAlive: false });
  await clock.advance(10);
  assertEquals(tree.snapshot().ready, false);
  // Twice, so that it is counted as often as it is taken back.
  for (const severity of ["standard", "optional"] as const) {
    const applying = tree.apply({ children: [{ ...slow(severity), run: tree.child("/slow").spec.run }] });
    await clock.advance(1_000);
    await applying;
  }
  assertEquals([tree.snapshot().ready, tree.child("/slow").attempt], [true, 1]);
  const ending = tree.close();
  await clock.advance(60_000);
  await ending;
});
