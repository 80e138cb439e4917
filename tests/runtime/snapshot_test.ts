import { assertEquals } from "@std/assert";
import { child, type ChildSnapshot, supervise } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

/** Ends some time after it was asked to. */
function stopSlowly(clock: VirtualClock, signal: AbortSignal, delayMs: number): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => clock.setTimer(resolve, delayMs)));
}

function phases(children: readonly ChildSnapshot[]): string[] {
  return children.flatMap((one) => [`${one.path} ${one.phase}`, ...phases(one.children)]);
}

Deno.test("tree.snapshot() is right at every moment of a life, also while the tree stops and after its end", async () => {
  const clock = new VirtualClock({ startMs: 1_000 });
  const open: (() => void)[] = [];
  const tree = await supervise({
    name: "life",
    children: [
      child.task("db", ({ signal, ready }) => {
        open.push(ready);
        return stopSlowly(clock, signal, 50);
      }, { readiness: { mode: "explicit" } }),
      child.supervisor("group", { children: [child.task("api", ({ signal }) => stopSlowly(clock, signal, 100))], dependencies: ["db"] }),
    ],
  }, { clock });

  const waiting = tree.snapshot();
  assertEquals([waiting.name, waiting.phase, waiting.ready, waiting.atMs], ["life", "running", false, 1_000]);
  assertEquals(phases(waiting.children), ["/db running", "/group waiting", "/group/api declared"]);
  assertEquals(waiting.children[1]?.waitingFor, ["db"]);

  await clock.advance(10);
  open.forEach((ready) => ready());
  await tree.ready();
  const ready = tree.snapshot();
  assertEquals([ready.ready, ready.atMs], [true, 1_010]);
  assertEquals(phases(ready.children), ["/db ready", "/group ready", "/group/api ready"]);
  assertEquals([tree.child("/db").sinceMs, tree.child("/db").kind, tree.child("/group").kind], [1_010, "task", "supervisor"]);

  const ending = tree.shutdown();
  await clock.advance(0);
  assertEquals(tree.snapshot().phase, "stopping");
  assertEquals(phases(tree.snapshot().children), ["/db ready", "/group stopping", "/group/api stopping"]);
  await clock.advance(100);
  assertEquals(phases(tree.snapshot().children), ["/db stopping", "/group stopped", "/group/api stopped"]);
  await clock.advance(50);
  await ending;
  const over = tree.snapshot();
  assertEquals([over.phase, over.atMs], ["stopped", 1_160]);
  assertEquals(phases(over.children), ["/db stopped", "/group stopped", "/group/api stopped"]);
});

Deno.test("tree.snapshot() counts failures against the limit, and says when the child comes back", async () => {
  const clock = new VirtualClock();
  const failing = child.task("a", () => Promise.reject(new Error("no")), {
    backoff: { initialMs: 100, maxMs: 100, jitter: "none" },
    limit: { maxRestarts: 5, windowMs: 1_000 },
  });
  await using tree = await supervise({ children: [failing] }, { clock });
  await clock.advance(250);
  const { limitUsed, limit, retryAtMs, consecutiveRestarts, lastDecision, pid } = tree.child("/a");
  assertEquals([limitUsed, limit, retryAtMs, consecutiveRestarts, pid], [3, 5, 300, 3, null]);
  assertEquals(lastDecision, { action: "restart", reason: "within_restart_budget", delayMs: 100, retryAtMs: 300 });
});

Deno.test("tree.snapshot() is a picture that does not change, plain enough for JSON, without secrets", async () => {
  const clock = new VirtualClock();
  const failing = child.task("a", () => Promise.reject(new Error("no")), {
    backoff: { initialMs: 100, maxMs: 100, jitter: "none" },
    environment: [{ name: "TOKEN", value: "hidden-value" }],
  });
  await using tree = await supervise({ children: [failing] }, { clock });
  const before = tree.snapshot();
  const text = JSON.stringify(before);
  await clock.advance(1_000);
  assertEquals(JSON.stringify(before), text);
  assertEquals(JSON.parse(text), before);
  assertEquals(text.includes("hidden-value"), false);
});
