/**
 * Measures the running tree: `deno task bench`, with `--json` for machines and `--quick` for a short run.
 *
 * Compare figures of one run only: machines are shared and noisy.
 */
import process from "node:process";
import { child, type ChildSpec, supervise, type TaskContext } from "../mod.ts";

interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly wanted?: string;
}

const json = process.argv.includes("--json");
const quick = process.argv.includes("--quick");
const rows: Row[] = [];

function report(name: string, value: number, unit: string, wanted?: string): void {
  rows.push({ name, value, unit, wanted });
  if (!json) console.log(`${name.padEnd(62)} ${format(value).padStart(10)} ${unit}${wanted === undefined ? "" : `   (wanted ${wanted})`}`);
}

function format(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

/** A child that does nothing but listen to its signal. */
function idle({ signal }: TaskContext): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
}

function idleChildren(count: number): ChildSpec[] {
  return Array.from({ length: count }, (_, index) => child.task(`idle${index}`, idle));
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0;
}

const FAILURE = new Error("fails at once");
const AT_ONCE = { initialMs: 0, maxMs: 0 } as const;

async function startAndStop(count: number): Promise<void> {
  const up: number[] = [];
  const down: number[] = [];
  const asked: number[] = [];
  let longestSilence = 0;
  for (let round = 0; round < (quick ? 2 : 7); round++) {
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      longestSilence = Math.max(longestSilence, now - last);
      last = now;
    }, 5);
    const startedAt = performance.now();
    const tree = await supervise({ children: idleChildren(count) });
    await tree.ready();
    up.push(performance.now() - startedAt);
    const askedAt = performance.now();
    tree.snapshot();
    asked.push(performance.now() - askedAt);
    const stoppedAt = performance.now();
    await tree.close();
    down.push(performance.now() - stoppedAt);
    clearInterval(timer);
  }
  const deno = "Deno" in globalThis;
  report(
    `${count} tasks: from supervise() until all are ready`,
    median(up),
    "ms",
    count === 10_000 ? (deno ? "< 150" : "< 300") : undefined,
  );
  report(
    `${count} tasks: from close() until all have stopped`,
    median(down),
    "ms",
    count === 10_000 ? (deno ? "< 250" : "< 500") : undefined,
  );
  report(`${count} tasks: a snapshot`, median(asked), "ms");
  report(`${count} tasks: longest silence of a 5 ms timer meanwhile`, longestSilence, "ms");
}

async function memoryPerChild(count: number): Promise<void> {
  const heap = heapAfterCollection();
  const rss = process.memoryUsage().rss;
  await using tree = await supervise({ children: idleChildren(count) });
  await tree.ready();
  report(`heap per idle child, of ${count}`, (heapAfterCollection() - heap) / count, "bytes", "< 4096");
  report(`resident memory per idle child, of ${count}`, (process.memoryUsage().rss - rss) / count, "bytes");
}

function heapAfterCollection(): number {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  gc?.();
  return process.memoryUsage().heapUsed;
}

async function restartLatency(siblings: number): Promise<void> {
  const samples: number[] = [];
  const wanted = quick ? 20_000 : 100_000;
  let failedAt = 0;
  let enough = (): void => {};
  const done = new Promise<void>((resolve) => enough = resolve);
  const failing = child.task("failing", () => {
    if (failedAt !== 0) samples.push((performance.now() - failedAt) * 1000);
    if (samples.length === wanted) enough();
    failedAt = performance.now();
    return Promise.reject(FAILURE);
  }, { backoff: AT_ONCE });
  await using tree = await supervise({ children: [failing, ...idleChildren(siblings)] });
  await done;
  samples.splice(0, 1_000);
  report(`restart latency p50 with ${siblings} idle siblings`, median(samples), "µs", "< 25");
  report(`restart latency p99 with ${siblings} idle siblings`, quantile(samples, 0.99), "µs");
  await tree.close();
}

async function restartsPerSecond(siblings: number): Promise<void> {
  const wanted = quick ? 100_000 : 500_000;
  let count = 0;
  let enough = (): void => {};
  const done = new Promise<void>((resolve) => enough = resolve);
  const failing = child.task("failing", () => {
    if (++count === wanted) enough();
    return Promise.reject(FAILURE);
  }, { backoff: AT_ONCE });
  await using tree = await supervise({ children: [failing, ...idleChildren(siblings)] });
  const reader = tree.events({ since: "now" });
  let events = 0;
  const reading = (async () => {
    for await (const event of reader) {
      if (event.type === "gap") throw new Error("the reader was overtaken");
      events++;
    }
  })();
  const from = count;
  const startedAt = performance.now();
  await done;
  const seconds = (performance.now() - startedAt) / 1000;
  report(
    `restarts per second with ${siblings} idle siblings and one reader`,
    (wanted - from) / seconds,
    "/s",
    "Deno" in globalThis ? "> 100,000" : "> 40,000",
  );
  await tree.close();
  await reading;
  if (events < 4 * (wanted - from)) throw new Error(`only ${events} events were read`);
}

async function memoryAfterRestarts(millions: number): Promise<void> {
  let count = 0;
  let wake = (): void => {};
  const failing = child.task("failing", () => {
    if (++count % 1_000_000 === 0) wake();
    return Promise.reject(FAILURE);
  }, { backoff: AT_ONCE });
  await using tree = await supervise({ children: [failing] });
  const heaps: number[] = [];
  for (let million = 0; million < millions; million++) {
    await new Promise<void>((resolve) => wake = resolve);
    heaps.push(heapAfterCollection());
  }
  report(`heap growth from 1 to ${millions} million restarts`, ((heaps.at(-1) ?? 0) - (heaps[0] ?? 0)) / 1024, "KiB", "no growth");
  await tree.close();
}

async function idleProcessor(count: number): Promise<void> {
  await using tree = await supervise({ children: idleChildren(count) });
  await tree.ready();
  heapAfterCollection();
  // The runtime tidies up now and then, whoever runs in it: the median of some windows tells what the children cost.
  const shares: number[] = [];
  for (let window = 0; window < (quick ? 3 : 7); window++) {
    const before = process.cpuUsage();
    const startedAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const { user, system } = process.cpuUsage(before);
    shares.push((user + system) / 10 / (performance.now() - startedAt));
  }
  report(`processor used by ${count} idle children`, median(shares), "% of a core", "< 0.1");
}

/** From the failure of the first child until it and all declared after it are ready again. */
async function restartTogether(count: number): Promise<void> {
  const samples: number[] = [];
  for (let round = 0; round < (quick ? 2 : 7); round++) {
    let fail: () => void = () => {};
    let back: () => void = () => {};
    const isBack = new Promise<void>((resolve) => back = resolve);
    const first = child.task(
      "first",
      ({ attempt }) => attempt > 1 ? new Promise(() => {}) : new Promise((_, reject) => fail = () => reject(FAILURE)),
      {
        backoff: AT_ONCE,
        severity: "optional",
      },
    );
    const last = child.task("last", (context) => {
      if (context.attempt > 1) back();
      return idle(context);
    });
    await using tree = await supervise({
      strategy: "rest_for_one",
      children: [first, ...idleChildren(count - 2), last],
      shutdown: { abortWaitMs: 1, gracefulTimeoutMs: 1 },
    });
    await tree.ready();
    const startedAtMs = performance.now();
    fail();
    await isBack;
    samples.push(performance.now() - startedAtMs);
  }
  report(`${count} tasks of rest_for_one: from a failure until all are back`, median(samples), "ms");
}

/** How long a command takes until it is answered, among idle siblings. */
async function commandLatency(siblings: number): Promise<void> {
  await using tree = await supervise({ children: [child.task("a", idle), ...idleChildren(siblings)] });
  const handle = tree.child("/a");
  const samples: number[] = [];
  for (let round = 0; round < (quick ? 500 : 5_000); round++) {
    const startedAtMs = performance.now();
    await handle.resume();
    samples.push((performance.now() - startedAtMs) * 1_000);
  }
  report(`command latency p50 with ${siblings} idle siblings`, median(samples), "µs");
}

async function comeAndGo(count: number): Promise<void> {
  await using tree = await supervise({ children: [] });
  const names = Array.from({ length: count }, (_, index) => `added${index}`);
  const addedAt = performance.now();
  for (const name of names) await tree.add(child.task(name, idle));
  report(`add ${count} children, one after the other`, performance.now() - addedAt, "ms");
  const removedAt = performance.now();
  for (const name of names) await tree.child(`/${name}`).remove();
  while (tree.snapshot().children.length > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  report(`remove ${count} children, one after the other`, performance.now() - removedAt, "ms");
}

async function escalate(levels: number): Promise<void> {
  const times: number[] = [];
  for (let round = 0; round < (quick ? 5 : 50); round++) {
    let fail = (): void => {};
    const fragile = child.task("fragile", () => new Promise<void>((_, reject) => fail = () => reject(FAILURE)), {
      decide: () => "escalate",
    });
    let top: ChildSpec = fragile;
    for (let level = levels; level > 1; level--) {
      top = child.supervisor(`s${level}`, {
        children: [top, ...idleChildren(10)],
        limit: { maxRestarts: 1, onExceeded: "escalate" },
        decide: () => "escalate",
      });
    }
    const tree = await supervise({ children: [top] });
    await tree.ready();
    const startedAt = performance.now();
    fail();
    await tree.finished;
    times.push(performance.now() - startedAt);
  }
  report(`from a failure to the end of the tree, escalated through ${levels} levels`, median(times), "ms");
}

async function watchChanges(count: number, perSecond: number): Promise<void> {
  await using tree = await supervise({ children: idleChildren(count) });
  await tree.ready();
  let changes = 0;
  let seen = 0;
  const stop = new AbortController();
  const watching = (async () => {
    for await (const change of tree.watch({ signal: stop.signal })) {
      if (!change.whole) seen += change.changed.length;
    }
  })();
  const seconds = quick ? 1 : 5;
  const before = process.cpuUsage();
  const startedAt = performance.now();
  while (performance.now() - startedAt < seconds * 1_000) {
    for (let index = 0; index < perSecond / 100; index++) await tree.child(`/idle${changes++ % count}`).restart();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const { user, system } = process.cpuUsage(before);
  const elapsed = performance.now() - startedAt;
  stop.abort();
  await watching;
  report(
    `processor time for ${Math.round(changes / elapsed * 1_000)} restarts a second among ${count}, watched`,
    (user + system) / elapsed / 10,
    "%",
  );
  if (seen < changes / 2) throw new Error(`only ${seen} of ${changes} changes were seen`);
}

/** What the language itself costs: one AbortController, one async function and one rejection for each cycle. */
async function bareCycles(): Promise<void> {
  const cycles = quick ? 100_000 : 500_000;
  const fails = (signal: AbortSignal): Promise<void> => signal.aborted ? Promise.resolve() : Promise.reject(FAILURE);
  const startedAt = performance.now();
  for (let cycle = 0; cycle < cycles; cycle++) await fails(new AbortController().signal).catch(() => {});
  report("for comparison: bare AbortController and rejection cycles", cycles / ((performance.now() - startedAt) / 1000), "/s");
}

await memoryPerChild(10_000);
await idleProcessor(10_000);
await bareCycles();
for (const count of [1_000, 10_000]) await startAndStop(count);
for (const siblings of [0, 10_000]) await restartLatency(siblings);
for (const siblings of [0, 1_000, 10_000]) await restartsPerSecond(siblings);
for (const count of [1_000, 10_000]) await restartTogether(count);
for (const siblings of [0, 10_000]) await commandLatency(siblings);
await comeAndGo(10_000);
await escalate(4);
await watchChanges(10_000, 1_000);
await memoryAfterRestarts(quick ? 2 : 10);
if (json) console.log(JSON.stringify({ runtime: process.versions, platform: `${process.platform}-${process.arch}`, rows }, null, 2));
