/**
 * pm2#3245: exporters of metrics show other numbers than the command. Here a metric, the summary, the snapshot, the report and the events must say the same,
 * over random trees, because all of them come from one event.
 */
import { assert, assertEquals } from "@std/assert";
import { metrics } from "@opentelemetry/api";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import {
  child,
  type ChildOptions,
  type ChildSpec,
  failedExitIn,
  type Report,
  supervise,
  type SupervisorEvent,
  type Tree,
  type TreeSpec,
} from "../../mod.ts";
import { seededRandom, VirtualClock } from "../../src/testing/mod.ts";
import { untilAborted } from "../support/tasks.ts";

/** Collects when it is asked to. */
class Reader extends MetricReader {
  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }

  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

/** How often each child failed and was restarted, by path. */
type Counts = Readonly<Record<string, readonly [failures: number, restarts: number]>>;

/** Counts by path, of children to which something happened. */
function counts(entries: Iterable<readonly [path: string, failures: number, restarts: number]>): Counts {
  const found = new Map<string, [number, number]>();
  for (const [path, failures, restarts] of entries) {
    const before = found.get(path) ?? [0, 0];
    found.set(path, [before[0] + failures, before[1] + restarts]);
  }
  return Object.fromEntries([...found].filter(([, [failures, restarts]]) => failures + restarts > 0).sort(([a], [b]) => a < b ? -1 : 1));
}

function totals(all: Counts): readonly [number, number] {
  return Object.values(all).reduce<readonly [number, number]>(([failures, restarts], [f, r]) => [failures + f, restarts + r], [0, 0]);
}

function inEvents(events: readonly SupervisorEvent[]): Counts {
  return counts(
    events.map((event) => [event.path, failedExitIn(event) === null ? 0 : 1, event.type === "child_restarting" ? 1 : 0] as const),
  );
}

function inSnapshot(tree: Tree): Counts {
  const found: (readonly [string, number, number])[] = [];
  const visit = (children: ReturnType<Tree["snapshot"]>["children"]): void => {
    for (const { path, failuresTotal, restartsTotal, children: inner } of children) {
      found.push([path, failuresTotal, restartsTotal]);
      visit(inner);
    }
  };
  visit(tree.snapshot().children);
  return counts(found);
}

function inReport({ children }: Report): Counts {
  return counts(children.map(({ path, failures, restarts }) => [path, failures, restarts] as const));
}

async function inMetrics(reader: Reader): Promise<Counts> {
  const { resourceMetrics, errors } = await reader.collect();
  assertEquals(errors, []);
  const found: (readonly [string, number, number])[] = [];
  for (const { descriptor, dataPoints } of resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)) {
    const isFailure = descriptor.name === "supervisor_child_failure_total";
    if (!isFailure && descriptor.name !== "supervisor_restart_total") continue;
    for (const { attributes, value } of dataPoints) {
      const parent = String(attributes["supervisor_path"]);
      const path = `${parent === "/" ? "" : parent}/${attributes["child_id"]}`;
      found.push(isFailure ? [path, Number(value), 0] : [path, 0, Number(value)]);
    }
  }
  return counts(found);
}

/** A tree of up to three levels whose children fail, end and hang at random. */
function drawTree(random: () => number, clock: VirtualClock): TreeSpec {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!;
  const draw = (depth: number): ChildSpec[] =>
    Array.from({ length: 1 + Math.floor(random() * 4) }, (_, index) => {
      const options: ChildOptions = {
        backoff: { initialMs: pick([0, 10, 300]), maxMs: 1_000, jitter: "none" },
        limit: { maxRestarts: pick([1, 3, 1_000]), onExceeded: pick(["slow_down", "give_up"] as const) },
        restartPolicy: pick(["permanent", "permanent", "transient", "temporary"] as const),
        severity: pick(["standard", "critical", "optional"] as const),
      };
      if (depth < 3 && random() < 0.3) {
        const strategy = pick(["one_for_one", "one_for_all", "rest_for_one"] as const);
        return child.supervisor(`s${index}`, { strategy, children: draw(depth + 1) });
      }
      return child.task(`t${index}`, async (context) => {
        const lifeMs = pick([5, 50, 400, 5_000, 60_000]);
        const goesOn = await Promise.race([
          untilAborted(context).then(() => false),
          new Promise<boolean>((resolve) => clock.setTimer(() => resolve(true), lifeMs)),
        ]);
        // Several fail at the same moment, and some fail while they are being stopped.
        if (random() < (goesOn ? 0.7 : 0.3)) throw new Error("drawn");
      }, options);
    });
  return { strategy: pick(["one_for_one", "rest_for_one", "one_for_all"] as const), children: draw(1) };
}

/** Somebody asks something of some child. */
async function disturb(tree: Tree, random: () => number): Promise<void> {
  const { children } = tree.snapshot();
  const picked = children[Math.floor(random() * children.length)];
  if (picked === undefined) return;
  const handle = tree.child(picked.path);
  const commands = [() => handle.restart(), () => handle.pause(), () => handle.resume(), () => handle.terminate(), () => handle.start()];
  // What does not fit is refused, and counts nowhere.
  await commands[Math.floor(random() * commands.length)]!().catch(() => {});
}

Deno.test("pm2#3245: metric, summary, snapshot, report and events count the same failures and restarts of each child, over random runs", async () => {
  let [failed, restarted] = [0, 0];
  for (let seed = 1; seed <= 40; seed++) {
    const reader = new Reader();
    const provider = new MeterProvider({ readers: [reader] });
    metrics.setGlobalMeterProvider(provider);
    try {
      const random = seededRandom(seed);
      const clock = new VirtualClock({ startMs: 1_000 });
      const tree = await supervise({ ...drawTree(random, clock), observability: { eventJournalCapacity: 65_536 } }, {
        clock,
        random,
        keepAlive: false,
      });
      const events: SupervisorEvent[] = [];
      const reading = (async () => {
        for await (const event of tree.events()) {
          assert(event.type !== "gap", `seed ${seed}: the reader was overtaken`);
          events.push(event);
        }
      })();
      for (let round = 0; round < 12; round++) {
        await clock.advance(Math.floor(random() * 2_000));
        const told = inEvents(events);
        assertEquals(inSnapshot(tree), told, `seed ${seed}: the snapshot`);
        assertEquals(await inMetrics(reader), told, `seed ${seed}: the metrics`);
        const { failures, restarts } = tree.summary();
        assertEquals([failures, restarts], totals(told), `seed ${seed}: the summary`);
        const asking = disturb(tree, random);
        await clock.advance(1);
        await asking;
      }
      const ending = tree.shutdown();
      await clock.advance(120_000);
      const report = await ending;
      await reading;
      const told = inEvents(events);
      assertEquals(inReport(report), told, `seed ${seed}: the report`);
      assertEquals([report.summary.failures, report.summary.restarts], totals(told), `seed ${seed}: the report's summary`);
      assertEquals(await inMetrics(reader), told, `seed ${seed}: the metrics after the end`);
      failed += report.summary.failures;
      restarted += report.summary.restarts;
    } finally {
      metrics.disable();
      await provider.shutdown();
    }
  }
  assert(failed > 200 && restarted > 200, `only ${failed} failures and ${restarted} restarts were drawn`);
});
