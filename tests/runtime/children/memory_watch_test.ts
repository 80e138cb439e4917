import { assertEquals } from "@std/assert";
import { type MemoryListener, memoryOf, MemoryWatch } from "../../../src/runtime/children/memory_watch.ts";
import { Processes, type ProcessRow, ProcessTable } from "../../../src/runtime/children/process_table.ts";
import { VirtualClock } from "../../../src/testing/mod.ts";

function row(pid: number, ppid: number, pgid: number, mb: number): ProcessRow {
  return { pid, ppid, pgid, start: `${pid}`, isZombie: false, residentKb: mb * 1024, cpuMs: 0, mark: null };
}

interface Watched {
  readonly clock: VirtualClock;
  readonly watch: MemoryWatch;
  rows: readonly ProcessRow[];
  looks: number;
}

function watched(): Watched {
  const clock = new VirtualClock();
  const read = (): Promise<readonly ProcessRow[]> => {
    self.looks++;
    return self.rows.length === 0 ? Promise.reject(new Error("ps is gone")) : Promise.resolve(self.rows);
  };
  const watch = new MemoryWatch({ clock, table: new ProcessTable({ read }) });
  const self: Watched = { clock, watch, rows: [row(1, 0, 1, 1)], looks: 0 };
  return self;
}

function listener(exceeded: (message: string) => void, unmeasured: (reason: string) => void = () => {}): MemoryListener {
  return { exceeded, unmeasured };
}

Deno.test("memoryOf() adds up descendants and members of the group, each once", () => {
  const look = new Processes([row(10, 1, 10, 1), row(11, 10, 10, 2), row(12, 11, 12, 4), row(13, 1, 10, 8), row(20, 1, 20, 16)]);
  assertEquals(memoryOf(10, look), { usedMb: 15, count: 4 });
  assertEquals(memoryOf(99, look), { usedMb: 0, count: 0 });
});

Deno.test("MemoryWatch reports a child that is above its limit twice in a row, once, with how much", async () => {
  const it = watched();
  const told: string[] = [];
  it.rows = [row(10, 1, 10, 300), row(11, 10, 10, 300)];
  it.watch.add(10, 512, listener((message) => told.push(message)));
  await it.clock.advance(9_999);
  assertEquals(told, []);
  await it.clock.advance(1);
  assertEquals(told, ["its 2 processes used 600 MiB of memory, more than its limit of 512 MiB"]);
  await it.clock.advance(60_000);
  assertEquals([told.length, it.looks], [1, 2], "nobody else is watched");
});

Deno.test("MemoryWatch forgives a peak, and does not mind who uses just what it may", async () => {
  const it = watched();
  const told: string[] = [];
  it.watch.add(10, 512, listener((message) => told.push(message)));
  for (const mb of [600, 512, 600, 100, 600, 512]) {
    it.rows = [row(10, 1, 10, mb)];
    await it.clock.advance(5_000);
  }
  assertEquals([told, it.looks], [[], 6]);
});

Deno.test("MemoryWatch looks once for all children, and has no timer when there is none", async () => {
  const it = watched();
  assertEquals(it.clock.timers, 0);
  const removes = Array.from({ length: 500 }, (_, index) => it.watch.add(index + 10, 1, listener(() => {})));
  assertEquals(it.clock.timers, 1);
  await it.clock.advance(15_000);
  assertEquals([it.looks, it.clock.timers], [3, 1]);
  for (const remove of [...removes, ...removes]) remove();
  assertEquals(it.clock.timers, 0);
  await it.clock.advance(15_000);
  assertEquals(it.looks, 3);
});

Deno.test("MemoryWatch does not report a child that was removed during the look", async () => {
  const it = watched();
  const told: number[] = [];
  it.rows = [row(10, 1, 10, 300), row(20, 1, 20, 300)];
  const removeSecond = (): void => remove();
  it.watch.add(
    10,
    1,
    listener(() => {
      told.push(10);
      removeSecond();
    }),
  );
  const remove = it.watch.add(20, 1, listener(() => told.push(20)));
  await it.clock.advance(30_000);
  assertEquals(told, [10]);
});

Deno.test("MemoryWatch says once that it cannot measure any more, and goes on trying", async () => {
  const it = watched();
  const told: string[] = [];
  const unmeasured: string[] = [];
  it.watch.add(10, 1, listener((message) => told.push(message), (reason) => unmeasured.push(reason)));
  it.rows = [];
  await it.clock.advance(15_000);
  assertEquals([unmeasured, told], [["ps is gone"], []]);
  it.rows = [row(10, 1, 10, 2)];
  await it.clock.advance(10_000);
  assertEquals(told, ["its process used 2 MiB of memory, more than its limit of 1 MiB"]);
});
