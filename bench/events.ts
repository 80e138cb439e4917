/**
 * Measures what it costs to be watched: `deno task bench:events`, with `--json` for machines and `--quick` for a short run.
 *
 * Readers of events, a steady stream of them with its memory, the durable journal, and what OpenTelemetry and LogTape cost, off and on. Compare figures of one
 * run only: machines are shared and noisy. What is compared runs in turn, round by round; microseconds are those of the processor.
 */
import { configureSync, resetSync } from "@logtape/logtape";
import { metrics, trace } from "@opentelemetry/api";
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, type SpanProcessor } from "@opentelemetry/sdk-trace-base";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setImmediate } from "node:timers";
import { child, type ChildSpec, type GapMarker, supervise, type SupervisorEvent, type Tree, type TreeSpec } from "../mod.ts";
import { Bus, openJournal, readJournal } from "../src/observe/mod.ts";

interface Row {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly more?: string;
}

const json = process.argv.includes("--json");
const quick = process.argv.includes("--quick");
const rows: Row[] = [];

function report(name: string, value: number, unit: string, more = ""): void {
  rows.push({ name, value, unit, more });
  if (!json) console.log(`${name.padEnd(66)} ${format(value).padStart(10)} ${unit}${more === "" ? "" : `   ${more}`}`);
}

function format(value: number): string {
  return Math.abs(value) >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}

function quantile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.round((values.length - 1) * share)] ?? 0;
}

function macrotask(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

const FAILURE = new Error("fails at once");
/** At once, for ever: over its limit it is slowed down, to nothing here. */
const AT_ONCE = { backoff: { initialMs: 0, maxMs: 0 } } as const;

/** Reads to the end, and counts; whoever was overtaken is no measure. */
async function count(events: AsyncIterable<SupervisorEvent | GapMarker>): Promise<number> {
  let read = 0;
  for await (const event of events) {
    if (event.type === "gap") throw new Error("a reader was overtaken");
    read++;
  }
  return read;
}

// --- readers ----------------------------------------------------------------------------------------------------------------------------------

const LIMITS = { warnThresholdPct: 80, criticalThresholdPct: 95, windowMs: 30_000, sampleRatio: 1 } as const;

/** What the processor has done since then, in microseconds: on a machine with others the time on the wall says less. */
function processorSince(before: ReturnType<typeof process.cpuUsage>): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** Microseconds for one event that is told alone, until everybody has read it. */
async function oneByOne(readers: number, isWanted: boolean): Promise<number> {
  const bus = new Bus<{ readonly seq: number }>(4_096, { ...LIMITS, stream: "events", now: () => performance.now(), tell: () => {} });
  let read = 0;
  const reading = Array.from({ length: readers }, async () => {
    for await (const _ of bus.read({ filter: isWanted ? undefined : () => false })) read++;
  });
  await macrotask();
  const events = Math.round((quick ? 20_000 : 100_000) / Math.max(1, readers / 5));
  const before = process.cpuUsage();
  for (let seq = 1; seq <= events; seq++) {
    bus.publish({ seq });
    await macrotask();
  }
  const took = processorSince(before);
  bus.close();
  await Promise.all(reading);
  if (read !== (isWanted ? readers * events : 0)) throw new Error(`${read} were read`);
  return took / events;
}

/** Microseconds of a crash loop without a delay for each event, with so many who read all of them. */
async function inCrashLoop(readers: number): Promise<number> {
  const restarts = Math.round((quick ? 20_000 : 100_000) / Math.max(1, readers / 10));
  const { tree, done } = await crashLoop(restarts, {});
  const reading = Array.from({ length: readers }, () => count(tree.events({ since: "now" })));
  const from = tree.snapshot().seq;
  const before = process.cpuUsage();
  await done;
  const told = tree.snapshot().seq - from;
  await macrotask();
  const took = processorSince(before);
  await tree.close();
  for (const read of await Promise.all(reading)) if (read < told) throw new Error(`only ${read} of ${told} were read`);
  return took / told;
}

async function crashLoop(
  restarts: number,
  spec: Omit<TreeSpec, "children">,
): Promise<{ readonly tree: Tree; readonly done: Promise<void> }> {
  let left = restarts;
  let enough = (): void => {};
  const done = new Promise<void>((resolve) => enough = resolve);
  const failing = child.task("failing", () => {
    if (--left === 0) enough();
    return left < 0 ? new Promise<void>(() => {}) : Promise.reject(FAILURE);
  }, { ...AT_ONCE, stop: { timeoutMs: 1, killWaitMs: 1 } });
  return { tree: await supervise({ ...spec, children: [failing] }), done };
}

async function readers(): Promise<void> {
  const counts = [0, 1, 10, 100];
  const rounds = quick ? 2 : 5;
  const measured = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const readers of counts) {
      for (
        const [name, took] of [
          [`one event, told alone, until ${readers} readers have it`, await oneByOne(readers, true)],
          [`one event, told alone, that ${readers} readers filter out`, await oneByOne(readers, false)],
          [`one event of a crash loop, with ${readers} readers of all`, await inCrashLoop(readers)],
        ] as const
      ) measured.set(name, [...measured.get(name) ?? [], took]);
    }
  }
  for (
    const [name, values] of [...measured].sort(([a], [b]) => a.slice(0, 24) < b.slice(0, 24) ? -1 : a.slice(0, 24) > b.slice(0, 24) ? 1 : 0)
  ) {
    report(name, quantile(values, 0.5), "µs");
  }
}

// --- a steady stream ----------------------------------------------------------------------------------------------------------------------------

const EVENTS_PER_SECOND = 50_000;
/** A failure, its restart, and the attempt that starts and is ready. */
const EVENTS_PER_RESTART = 4;

function collect(): { readonly heap: number; readonly rss: number } {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: heapUsed, rss };
}

/** Children that fail when it is their turn, so that so many events come in each second, and one who reads them. */
async function sustained(seconds: number, everySeconds: number): Promise<void> {
  const waiting: ((error: Error) => void)[] = [];
  const children: ChildSpec[] = Array.from(
    { length: 1_000 },
    (_, index) =>
      child.task(`c${index}`, () => new Promise<never>((_, reject) => waiting.push(reject)), {
        ...AT_ONCE,
        stop: { timeoutMs: 1, killWaitMs: 1 },
      }),
  );
  const tree = await supervise({ children });
  await tree.ready();
  let read = 0;
  let next = tree.snapshot().seq + 1;
  const stop = new AbortController();
  const reading = (async () => {
    for await (const event of tree.events({ since: next - 1, signal: stop.signal })) {
      if (event.type === "gap" || event.seq !== next) throw new Error(`the reader was overtaken at ${next}`);
      next++;
      read++;
    }
  })();
  const startedAtMs = performance.now();
  let failed = 0;
  let longestLagMs = 0;
  const samples: { readonly heap: number; readonly rss: number }[] = [];
  let measuredMs = 0;
  while (performance.now() - startedAtMs - measuredMs < seconds * 1_000) {
    const elapsedMs = performance.now() - startedAtMs - measuredMs;
    const due = Math.floor(elapsedMs / 1_000 * EVENTS_PER_SECOND / EVENTS_PER_RESTART);
    for (; failed < due; failed++) {
      const fail = waiting.shift();
      if (fail === undefined) break;
      fail(FAILURE);
    }
    if (elapsedMs >= (samples.length + 1) * everySeconds * 1_000) {
      const at = performance.now();
      samples.push(collect());
      // What it costs to collect all garbage at once is no part of what is measured.
      measuredMs += performance.now() - at;
    }
    const sleptAtMs = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 2));
    longestLagMs = Math.max(longestLagMs, performance.now() - sleptAtMs - 2);
  }
  samples.push(collect());
  const perSecond = read / (performance.now() - startedAtMs - measuredMs) * 1_000;
  stop.abort();
  await reading;
  await tree.close();
  const wanted = perSecond >= 0.98 * EVENTS_PER_SECOND ? "as wanted" : `wanted ${EVENTS_PER_SECOND.toLocaleString("en")}`;
  report(`events a second over ${seconds} s, with one reader who missed none`, perSecond, "/s", wanted);
  report("longest that a timer of 2 ms was late meanwhile", longestLagMs, "ms");
  for (const what of ["heap", "rss"] as const) {
    const mib = samples.map((sample) => sample[what] / 2 ** 20);
    const third = Math.max(1, Math.floor(mib.length / 3));
    // In the first third the program itself still settles.
    const growth = quantile(mib.slice(-third), 0.5) - quantile(mib.slice(third, -third), 0.5);
    const isFlat = growth <= (what === "heap" ? 0.5 : 4);
    const name = what === "heap" ? "heap after collection" : "resident memory";
    const course = mib.map((value) => value.toFixed(1)).join(", ");
    report(`${name}: growth from the second third to the last`, growth, "MiB", `${isFlat ? "flat" : "NOT FLAT"}: ${course}`);
  }
}

// --- the durable journal ----------------------------------------------------------------------------------------------------------------------

/** How fast events go to a file, as they are told by a real tree. */
async function journal(fsync: "always" | "interval" | "never"): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "reeve-"));
  try {
    const path = join(folder, "events.jsonl");
    const bus = new Bus<SupervisorEvent>(65_536);
    const events = Math.round((quick ? 20_000 : 200_000) / (fsync === "always" ? 4 : 1));
    const sample = await someEvents();
    const file = await openJournal({ path, fsync, maxBytes: 1 << 30, compress: false }, {
      bus,
      runId: "0123456789abcdef",
      tree: "bench",
      wallAt: (atMs) => atMs,
      tell: ({ reason }) => console.error(`the journal failed: ${reason}`),
    });
    const startedAtMs = performance.now();
    for (let seq = 1; seq <= events;) {
      for (let at = 0; at < 4_096 && seq <= events; at++, seq++) bus.publish({ ...sample[seq % sample.length]!, seq });
      // Not faster than it is written: whoever is overtaken writes a gap, which is cheap.
      while (bus.lastSeq - file.written > 32_768) await new Promise((resolve) => setTimeout(resolve, 1));
      await macrotask();
    }
    bus.close();
    await file.close();
    const tookMs = performance.now() - startedAtMs;
    if (file.unwritten > 0) throw new Error(`${file.unwritten} events were not written`);
    const bytes = (await Promise.all((await readdir(folder)).map((name) => stat(join(folder, name))))).reduce(
      (sum, { size }) => sum + size,
      0,
    );
    report(
      `durable journal, fsync ${fsync}: events a second`,
      events / tookMs * 1_000,
      "/s",
      `${(bytes / tookMs * 1_000 / 2 ** 20).toFixed(1)} MiB/s`,
    );
    if (fsync !== "never") return;
    let read = 0;
    const readAtMs = performance.now();
    for await (const { kind } of readJournal(path)) if (kind === "event") read++;
    if (read !== events) throw new Error(`${read} of ${events} events came back`);
    report("durable journal: events read back a second", read / (performance.now() - readAtMs) * 1_000, "/s");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a crash loop tells. */
async function someEvents(): Promise<SupervisorEvent[]> {
  const { tree, done } = await crashLoop(500, {});
  await done;
  await tree.close();
  const events: SupervisorEvent[] = [];
  for await (const event of tree.events()) if (event.type !== "gap") events.push(event);
  return events;
}

// --- telemetry and diagnostics ------------------------------------------------------------------------------------------------------------------

interface Variant {
  readonly name: string;
  readonly spec?: Omit<TreeSpec, "children">;
  /** Makes what the variant is about; returns what undoes it. */
  readonly set?: () => () => Promise<unknown> | void;
}

/** Takes what a package keeps for the whole program out of sight, so that variants can take turns. */
function hide(key: symbol): () => void {
  const own = Object.getOwnPropertyDescriptor(globalThis, key);
  if (own === undefined) return () => {};
  Reflect.deleteProperty(globalThis, key);
  return () => void Object.defineProperty(globalThis, key, own);
}

const OPEN_TELEMETRY = Symbol.for("opentelemetry.js.api.1");
const LOGTAPE = Symbol.for("logtape.rootLogger");
let records = 0;
let spans = 0;

function withSdk(): () => Promise<void> {
  const showLogTape = hide(LOGTAPE);
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })] });
  const counting: SpanProcessor = {
    onStart: () => {},
    onEnd: () => void spans++,
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
  const tracers = new BasicTracerProvider({ spanProcessors: [counting] });
  metrics.setGlobalMeterProvider(meters);
  trace.setGlobalTracerProvider(tracers);
  return async () => {
    metrics.disable();
    trace.disable();
    await meters.shutdown();
    await tracers.shutdown();
    showLogTape();
  };
}

function withLogTape(lowestLevel: "debug" | null): () => void {
  const showOther = hide(OPEN_TELEMETRY);
  configureSync({
    sinks: { counting: ({ message }) => void (records += message.length > 0 ? 1 : 0) },
    loggers: [
      { category: ["reeve"], sinks: lowestLevel === null ? [] : ["counting"], lowestLevel: lowestLevel ?? "fatal" },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "fatal" },
    ],
  });
  return () => {
    resetSync();
    showOther();
  };
}

function withNothing(): () => void {
  const show = [hide(OPEN_TELEMETRY), hide(LOGTAPE)];
  return () => show.forEach((again) => again());
}

const VARIANTS: readonly Variant[] = [
  { name: "metricsEnabled: false", spec: { observability: { metricsEnabled: false } }, set: withNothing },
  { name: "as it is, nothing registered", set: withNothing },
  { name: "OpenTelemetry is loaded, no SDK", set: () => hide(LOGTAPE) },
  { name: "OpenTelemetry with an SDK: metrics and spans", set: withSdk },
  { name: "LogTape is loaded, the category is off", set: () => withLogTape(null) },
  { name: "LogTape takes every event", set: () => withLogTape("debug") },
];

/** Microseconds for each restart of a crash loop, which tells four events. */
async function perRestart({ spec = {}, set }: Variant): Promise<number> {
  const restarts = quick ? 10_000 : 40_000;
  const undo = set?.();
  const { tree, done } = await crashLoop(restarts, spec);
  const before = process.cpuUsage();
  await done;
  const took = processorSince(before);
  await tree.close();
  await undo?.();
  return took / restarts;
}

async function overheads(): Promise<void> {
  // So that there is something to be found where nothing is registered.
  metrics.setGlobalMeterProvider(new MeterProvider());
  metrics.disable();
  const measured = VARIANTS.map((): number[] => []);
  const rounds = quick ? 7 : 25;
  for (let round = -2; round < rounds; round++) {
    // Forth and back, so that what drifts strikes all alike.
    const order = VARIANTS.map((_, index) => round % 2 === 0 ? index : VARIANTS.length - 1 - index);
    for (const index of order) {
      collect();
      const took = await perRestart(VARIANTS[index]!);
      if (round >= 0) measured[index]!.push(took);
    }
  }
  const [base = []] = measured;
  report(`one restart, ${VARIANTS[0]!.name}`, quantile(base, 0.5), "µs");
  for (const [index, times] of measured.entries()) {
    if (index === 0) continue;
    const percents = times.map((time, round) => 100 * (time / base[round]! - 1));
    const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(percents, share)) as [number, number, number];
    const signed = (value: number): string => `${value < 0 ? "" : "+"}${value.toFixed(1)}`;
    const spread = `half of the rounds from ${signed(low)} to ${signed(high)} %; ${format(quantile(times, 0.5))} µs`;
    report(`more for one restart: ${VARIANTS[index]!.name}`, middle, "%", spread + (index === 1 || index === 2 ? ", wanted < 5" : ""));
  }
  if (records === 0 || spans === 0) throw new Error(`${records} records and ${spans} spans were taken`);
}

await readers();
await (quick ? sustained(10, 1) : sustained(60, 5));
for (const fsync of ["never", "interval", "always"] as const) await journal(fsync);
await overheads();
if (json) {
  const { version } = process;
  console.log(JSON.stringify({ runtime: process.versions, version, platform: `${process.platform}-${process.arch}`, rows }, null, 2));
}
