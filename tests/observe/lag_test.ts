/** Slow readers: what is told of them, once in a while, and what they still get (contract, section 25). */
import { assert, assertEquals } from "@std/assert";
import { Bus, type LagFacts, type LagLimits } from "../../src/observe/mod.ts";

interface Item {
  readonly seq: number;
}

const LIMITS: LagLimits = { warnThresholdPct: 80, criticalThresholdPct: 95, windowMs: 1_000, sampleRatio: 1 };

/** A bus of a hundred places whose clock stands still until a test moves it. */
class Watched {
  readonly told: LagFacts[] = [];
  readonly bus: Bus<Item>;
  nowMs = 5_000;

  constructor(limits: Partial<LagLimits> = {}) {
    this.bus = new Bus(100, {
      ...LIMITS,
      ...limits,
      stream: "events",
      now: () => this.nowMs,
      tell: (facts) => this.told.push(facts),
    });
  }

  publish(count: number): void {
    for (let made = 0; made < count; made++) this.bus.publish({ seq: this.bus.lastSeq + 1 });
  }

  /** What was told, in short, since the last look. */
  get news(): string[] {
    return this.told.splice(0).map((facts) => {
      const { subscriber } = facts;
      if (facts.type === "subscriber_lagged") return `${subscriber} missed ${facts.missed}`;
      if (facts.type === "backpressure_alert") return `${subscriber} at ${facts.waitingPct}, told from ${facts.thresholdPct}`;
      return `${subscriber} ${facts.recovered ? "recovered" : "gets a part"} at ${facts.peakPct} (${facts.sampleRatio})`;
    });
  }
}

/** A reader that has begun to read. */
function reading(bus: Bus<Item>, subscriber?: string): AsyncIterator<unknown> {
  const stream = bus.read({ subscriber });
  const first = stream.next();
  let isFirst = true;
  return { next: () => isFirst ? (isFirst = false, first) : stream.next(), return: () => stream.return!() };
}

async function take(stream: AsyncIterator<unknown>, count: number): Promise<unknown[]> {
  const items: unknown[] = [];
  while (items.length < count) items.push((await stream.next()).value);
  return items;
}

Deno.test("a reader is warned of when so much of the journal waits for it, once in a window, by its name", () => {
  const watched = new Watched();
  const readers = [reading(watched.bus, "tail\n\x1b[2J"), reading(watched.bus), watched.bus.read()];
  watched.publish(79);
  assertEquals(watched.news, []);
  watched.publish(1);
  const [first, second] = watched.news;
  assertEquals(second, "reader 1 at 80, told from 80");
  assert(first?.startsWith("tail") && !first.includes("\n") && !first.includes("\u001b"), first);
  watched.publish(19);
  assertEquals(watched.news, [], "the window is not over");
  watched.nowMs += 1_000;
  watched.publish(1);
  assertEquals(watched.news.length, 2);
  assertEquals(readers.length, 3, "the third has not begun to read");
});

Deno.test("a reader that keeps up is told nothing of, nor is one that came late or has gone", async () => {
  const watched = new Watched();
  watched.publish(150);
  const late = watched.bus.read();
  assertEquals(await take(late, 1), [{ type: "gap", from: 1, to: 50 }]);
  await take(late, 100);
  const gone = watched.bus.read();
  await gone.return?.();
  for (let round = 0; round < 10; round++) {
    watched.publish(50);
    await take(late, 50);
  }
  assertEquals(watched.news, []);
});

Deno.test("alert_and_block: a reader gets everything that the journal still has, and what it missed is counted", async () => {
  const watched = new Watched();
  const slow = reading(watched.bus);
  watched.publish(100);
  assertEquals((await take(slow, 100)).length, 100);
  assertEquals(watched.news, ["reader 1 at 80, told from 80"]);
  watched.nowMs += 1_000;
  watched.publish(130);
  assertEquals(await take(slow, 2), [{ type: "gap", from: 101, to: 130 }, { seq: 131 }]);
  assertEquals(watched.news, ["reader 1 at 80, told from 80", "reader 1 missed 30"]);
  watched.publish(105);
  assertEquals(await take(slow, 1), [{ type: "gap", from: 132, to: 235 }]);
  watched.publish(200);
  assertEquals(await take(slow, 1), [{ type: "gap", from: 236, to: 435 }]);
  assertEquals(watched.news, [], "what is missed within the window is told when it is over");
  watched.nowMs += 1_000;
  watched.publish(5);
  assertEquals(watched.news.filter((news) => news.includes("missed")), ["reader 1 missed 304"]);
});

Deno.test("sample_and_audit: a reader that is far behind gets a part of what waits, told by gap markers, until it has caught up", async () => {
  const watched = new Watched({ sampleRatio: 0.25 });
  const slow = reading(watched.bus);
  watched.publish(95);
  assertEquals(watched.news, ["reader 1 at 80, told from 80", "reader 1 gets a part at 95 (0.25)"]);
  assertEquals(await take(slow, 2), [{ type: "gap", from: 1, to: 71 }, { seq: 72 }]);
  await take(slow, 23);
  watched.publish(5);
  assertEquals(watched.news, ["reader 1 missed 71", "reader 1 recovered at 95 (0.25)"]);
  assertEquals(await take(slow, 5), [96, 97, 98, 99, 100].map((seq) => ({ seq })));
});

Deno.test("each item is read or in a gap, once, however slow the reader and whatever is skipped", async () => {
  const watched = new Watched({ sampleRatio: 0.3, warnThresholdPct: 20, criticalThresholdPct: 40 });
  const slow = watched.bus.read();
  let expected = 1;
  for (let round = 0; round < 200; round++) {
    watched.publish((round * 37) % 90 + 1);
    for (let read = 0; read < round % 7; read++) {
      if (expected > watched.bus.lastSeq) break;
      const { value } = await slow.next();
      if ("type" in value) {
        assertEquals(value.from, expected);
        expected = value.to + 1;
      } else {
        assertEquals(value.seq, expected++);
      }
    }
  }
  assert(expected > 1_000);
});
