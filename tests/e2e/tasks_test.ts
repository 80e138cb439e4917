import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { child, type ChildSpec, supervise } from "../../mod.ts";
import { withProgram } from "../support/command.ts";
import { moduleUrl } from "../support/runtime.ts";
import { until } from "../support/until.ts";

const FAILURE = new Error("fails at once");

function crashing(name: string): ChildSpec {
  return child.task(name, () => Promise.reject(FAILURE), { backoff: { initialMs: 0, maxMs: 0 }, limit: { maxRestarts: 1_000_000 } });
}

/** Counts the turns that the rest of the program has: a timer of 5 ms. */
class Ticker {
  ticks = 0;
  readonly #timer = setInterval(() => this.ticks++, 5);

  stop(): void {
    clearInterval(this.#timer);
  }
}

Deno.test("a crash loop without delay lets a timer of 5 ms fire", async () => {
  await using tree = await supervise({ children: [crashing("a"), crashing("b")] });
  const ticker = new Ticker();
  const restarts = (): number => tree.child("/a").restartsTotal;
  await until(() => restarts() > 100 && ticker.ticks > 5, () => `${restarts()} restarts, ${ticker.ticks} ticks`);
  ticker.stop();
});

Deno.test("a crash loop without delay lets handlers of signals run", async () => {
  const program = `import { child, handleSignals, supervise } from "${moduleUrl("mod")}";
const failure = new Error("fails at once");
const crashing = child.task("a", () => Promise.reject(failure), { backoff: { initialMs: 0, maxMs: 0 }, limit: { maxRestarts: 1_000_000 } });
const tree = await supervise({ children: [crashing] });
handleSignals(tree);
console.log("UP");
const { cause, children } = await tree.finished;
console.log("END", cause.reason, children[0].restarts);
`;
  await withProgram(program, async (command) => {
    await command.until("UP");
    command.signal("SIGTERM");
    const askedAtMs = performance.now();
    assertEquals(await command.ended, 0, command.output());
    assertLess(performance.now() - askedAtMs, 20_000);
    assertMatch(command.output(), /END SIGTERM \d+\n/);
  });
});

Deno.test("ten thousand children start and stop while a timer fires", async () => {
  const count = 10_000;
  let running = 0;
  const children = Array.from({ length: count }, (_, index) =>
    child.task(`c${index}`, async ({ signal }) => {
      running++;
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      running--;
    }));
  const ticker = new Ticker();
  const tree = await supervise({ children });
  await tree.ready();
  assertEquals(running, count);
  const report = await tree.shutdown();
  ticker.stop();
  assertEquals([running, report.children.length, report.abandoned], [0, count, []]);
  assert(report.children.every(({ status }) => status === "graceful"));
  assertGreater(ticker.ticks, 2, `${ticker.ticks} ticks`);
});
