/** What processes take. */
import { assertEquals } from "@std/assert";
import { type ProcessRow, ProcessTable } from "../../src/runtime/children/process_table.ts";
import { UsageMeter } from "../../src/runtime/usage.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

function row(pid: number, cpuMs: number, more: Partial<ProcessRow> = {}): ProcessRow {
  return { pid, ppid: 1, pgid: pid, start: `${pid}`, isZombie: false, residentKb: 1_024, cpuMs, mark: null, ...more };
}

/** A meter whose looks see these rows, one list after the other. */
function meterOf(
  ...looks: readonly (readonly ProcessRow[])[]
): { readonly clock: VirtualClock; readonly meter: UsageMeter; readonly seen: () => number } {
  const clock = new VirtualClock();
  let next = 0;
  const table = new ProcessTable({ read: () => Promise.resolve(looks[Math.min(next++, looks.length - 1)]!) });
  return { clock, meter: new UsageMeter({ processes: () => [["/a", 10], ["/b", 20]], clock, table }), seen: () => next };
}

async function measured(clock: VirtualClock, meter: UsageMeter): Promise<unknown> {
  const usage = meter.measure();
  await clock.advance(250);
  const { children, reason } = await usage;
  return reason ??
    Object.fromEntries([...children].map(([path, { cpuPercent, memoryBytes, processes }]) => [path, [cpuPercent, memoryBytes, processes]]));
}

Deno.test("a child is measured with its descendants and its group, over a quarter of a second the first time", async () => {
  const { clock, meter } = meterOf(
    [row(10, 1_000), row(11, 50, { ppid: 10 }), row(12, 0, { pgid: 10 }), row(20, 0)],
    [row(10, 1_100), row(11, 75, { ppid: 10 }), row(12, 0, { pgid: 10 }), row(20, 250)],
  );
  assertEquals(await measured(clock, meter), { "/a": [50, 3 * 2 ** 20, 3], "/b": [100, 2 ** 20, 1] });
});

Deno.test("what was measured before is what the next measure goes on from, and who asks meanwhile gets the same", async () => {
  const { clock, meter, seen } = meterOf([row(10, 0)], [row(10, 0)], [row(10, 500)], [row(10, 900)]);
  await measured(clock, meter);
  await clock.advance(1_000);
  const [one, other] = [meter.measure(), meter.measure()];
  assertEquals([one === other, (await one).children.get("/a")?.cpuPercent, seen()], [true, 50, 3]);
  // Too soon after the last one, it waits.
  const soon = meter.measure();
  await clock.advance(250);
  assertEquals((await soon).children.get("/a")?.cpuPercent, 160);
});

Deno.test("a process that took the place of another is measured from its own beginning, one that is gone not at all", async () => {
  const { clock, meter } = meterOf([row(10, 9_000), row(20, 0)], [row(10, 25, { start: "later" })]);
  assertEquals(await measured(clock, meter), { "/a": [10, 2 ** 20, 1] });
});

Deno.test("where nothing can be measured, it is said why", async () => {
  const clock = new VirtualClock();
  const meter = new UsageMeter({ processes: () => [["/a", 10]], clock, table: new ProcessTable({ reason: "no ps" }) });
  assertEquals(await measured(clock, meter), "no ps");
});
