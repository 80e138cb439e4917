import { assertEquals } from "@std/assert";
import process from "node:process";
import { type KillOptions, killSurvivors, type Noted, noteDescendants } from "../../../src/runtime/children/descendants.ts";
import { type ProcessReader, type ProcessRow, ProcessTable } from "../../../src/runtime/children/process_table.ts";

/** A system whose processes are a list: signals end those that do not ignore them. */
class FakeSystem {
  readonly rows = new Map<number, ProcessRow & { readonly ignores: readonly string[] }>();
  readonly sent: string[] = [];
  looks = 0;
  waitedMs = 0;
  /** Something that happens before the next look, or as a signal is sent. */
  beforeLook = (): void => {};
  onSignal = (_pid: number, _signal: string): void => {};

  add(pid: number, ppid: number, more: { start?: number; mark?: string | null; ignores?: string[]; isZombie?: boolean } = {}): this {
    const { start = pid, mark = null, ignores = [], isZombie = false } = more;
    this.rows.set(pid, { pid, ppid, pgid: pid, start: `${start}`, isZombie, residentKb: 1, cpuMs: 0, mark, ignores });
    return this;
  }

  /** By `/proc`, or as by `ps`, where nothing can be asked at once. */
  table(kind: "proc" | "ps" = "proc"): ProcessTable {
    const read = (): Promise<ProcessRow[]> => {
      this.looks++;
      this.beforeLook();
      return Promise.resolve([...this.rows.values()]);
    };
    const atOnce: Partial<ProcessReader> = {
      startOf: (pid) => this.rows.get(pid)?.isZombie === false ? this.rows.get(pid)!.start : null,
    };
    return new ProcessTable(kind === "ps" ? { read } : { read, ...atOnce, tellsMarks: true });
  }

  options(kind: "proc" | "ps" = "proc"): KillOptions {
    return {
      table: this.table(kind),
      graceMs: 1_000,
      wait: (ms) => Promise.resolve(void (this.waitedMs += ms)),
      send: (pid, signal) => {
        const row = this.rows.get(pid);
        if (signal === 0) return row !== undefined;
        this.sent.push(`${signal} ${pid}`);
        if (row === undefined) return false;
        if (!row.ignores.includes(signal)) this.rows.delete(pid);
        this.onSignal(pid, signal);
        return true;
      },
    };
  }
}

const pidsOf = (noted: readonly Noted[]): number[] => noted.map(({ pid }) => pid).sort((a, b) => a - b);

// --- noting ------------------------------------------------------------------------------------------------------------------------------

Deno.test("noteDescendants() finds children of children, and neither the process itself nor strangers nor the dead", async () => {
  const system = new FakeSystem().add(1, 0).add(10, 1).add(11, 10).add(12, 11).add(13, 10, { isZombie: true }).add(20, 1);
  assertEquals(await noteDescendants(10, { table: system.table() }), [{ pid: 11, start: "11" }, { pid: 12, start: "12" }]);
  assertEquals(await noteDescendants(99, { table: system.table() }), []);
});

Deno.test("noteDescendants() finds by the mark those whose parent has ended, with what they started", async () => {
  const system = new FakeSystem().add(1, 0).add(10, 1).add(20, 1, { mark: "a" }).add(21, 20).add(30, 1, {
    mark: "ab",
  });
  assertEquals(pidsOf(await noteDescendants(10, { table: system.table(), mark: "a" })), [20, 21]);
  assertEquals(pidsOf(await noteDescendants(10, { table: system.table() })), []);
});

Deno.test("noteDescendants() never notes the first process nor this program, whatever a table says", async () => {
  const system = new FakeSystem().add(10, 1).add(1, 10, { start: 1 }).add(process.pid, 10);
  assertEquals(await noteDescendants(10, { table: system.table() }), []);
});

Deno.test("noteDescendants() says once that nothing can be seen, and notes nobody", async () => {
  const told: string[] = [];
  const table = new ProcessTable({ reason: "not permitted" });
  for (let time = 0; time < 3; time++) assertEquals(await noteDescendants(10, { table, onUnmeasured: (reason) => told.push(reason) }), []);
  assertEquals(told, ["not permitted"]);
});

// --- ending ------------------------------------------------------------------------------------------------------------------------------

for (const kind of ["proc", "ps"] as const) {
  Deno.test(`killSurvivors() asks first, and kills after the grace who ignores it (${kind})`, async () => {
    const system = new FakeSystem().add(11, 1).add(12, 1, { ignores: ["SIGTERM"] });
    const noted = [{ pid: 11, start: "11" }, { pid: 12, start: "12" }, { pid: 13, start: "13" }];
    assertEquals(await killSurvivors(noted, system.options(kind)), { found: 2, killed: 1, left: [] });
    assertEquals(system.sent, ["SIGTERM 11", "SIGTERM 12", "SIGKILL 12"]);
    assertEquals(system.waitedMs, 1_000);
  });

  Deno.test(`killSurvivors() leaves alone who got the number of somebody noted (${kind})`, async () => {
    const system = new FakeSystem().add(11, 1, { start: 9_000 });
    assertEquals((await killSurvivors([{ pid: 11, start: "11" }], system.options(kind))).found, 0);
    assertEquals(system.sent, []);
  });

  Deno.test(`killSurvivors() leaves alone who gets the number during the grace (${kind})`, async () => {
    const system = new FakeSystem().add(11, 1);
    system.onSignal = (pid) => void system.add(pid, 1, { start: 9_000 });
    await killSurvivors([{ pid: 11, start: "11" }], system.options(kind));
    assertEquals(system.sent, ["SIGTERM 11"]);
  });

  Deno.test(`killSurvivors() ends what survivors start meanwhile (${kind})`, async () => {
    const system = new FakeSystem().add(11, 1, { ignores: ["SIGTERM"] }).add(12, 11);
    system.onSignal = (pid, signal) => void (pid === 11 && signal === "SIGTERM" && system.add(13, 11));
    assertEquals(await killSurvivors([{ pid: 11, start: "11" }], system.options(kind)), { found: 3, killed: 2, left: [] });
    assertEquals(system.sent.sort(), ["SIGKILL 11", "SIGKILL 13", "SIGTERM 11", "SIGTERM 12"]);
  });

  Deno.test(`killSurvivors() gives up on who cannot be ended, and names it (${kind})`, async () => {
    const system = new FakeSystem().add(11, 1, { ignores: ["SIGTERM", "SIGKILL"] });
    assertEquals(await killSurvivors([{ pid: 11, start: "11" }], system.options(kind)), { found: 1, killed: 1, left: [11] });
    assertEquals(system.waitedMs < 2_000, true, `${system.waitedMs} ms`);
  });
}

Deno.test("killSurvivors() does not even look when nobody is there any more", async () => {
  const system = new FakeSystem();
  assertEquals(await killSurvivors([{ pid: 11, start: "11" }], system.options()), { found: 0, killed: 0, left: [] });
  assertEquals(system.looks, 0);
});

Deno.test("killSurvivors() does not signal who got the number between the look and the signal", async () => {
  const system = new FakeSystem().add(11, 1).add(12, 1);
  system.onSignal = () => void system.add(12, 1, { start: 9_000 });
  await killSurvivors([{ pid: 11, start: "11" }, { pid: 12, start: "12" }], system.options());
  assertEquals(system.sent, ["SIGTERM 11"]);
});

Deno.test("killSurvivors() does not wait for zombies that nobody clears away", async () => {
  const system = new FakeSystem().add(11, 1, { ignores: ["SIGTERM"] });
  system.onSignal = (pid) => void system.add(pid, 1, { isZombie: true });
  assertEquals(await killSurvivors([{ pid: 11, start: "11" }], system.options()), { found: 1, killed: 0, left: [] });
  assertEquals(system.waitedMs, 0);
});

Deno.test("killSurvivors() signals nobody when it cannot be told any more who it is", async () => {
  const system = new FakeSystem().add(11, 1);
  system.beforeLook = () => {
    throw new Error("ps is gone");
  };
  assertEquals(await killSurvivors([{ pid: 11, start: "11" }], system.options("ps")), { found: 0, killed: 0, left: [11] });
  assertEquals(system.sent, []);
});

// --- by the mark -------------------------------------------------------------------------------------------------------------------------

Deno.test("killSurvivors() ends who carries the mark, noted or not, with what it started", async () => {
  const system = new FakeSystem().add(20, 1, { mark: "a" }).add(21, 20).add(30, 1, { mark: "ab" }).add(31, 1);
  assertEquals(await killSurvivors([], { ...system.options(), mark: "a" }), { found: 2, killed: 0, left: [] });
  assertEquals(system.sent, ["SIGTERM 20", "SIGTERM 21"]);
});

Deno.test("killSurvivors() takes one look where nobody carries the mark, which all who ask share", async () => {
  const system = new FakeSystem().add(20, 1, { mark: "b" });
  const options = system.options();
  assertEquals(await killSurvivors([], { ...options, mark: "a" }), { found: 0, killed: 0, left: [] });
  assertEquals(system.looks, 1);
  await Promise.all(Array.from({ length: 500 }, (_, index) => killSurvivors([], { ...options, mark: `mark ${index}` })));
  assertEquals([system.looks, system.waitedMs], [3, 0]);
});

Deno.test("killSurvivors() looks for the mark again until nobody carries it: who is ended may have started another one", async () => {
  const system = new FakeSystem().add(20, 1, { mark: "a" });
  system.onSignal = (pid) => void (pid < 22 && system.add(pid + 1, 1, { mark: "a" }));
  assertEquals(await killSurvivors([], { ...system.options(), mark: "a" }), { found: 3, killed: 2, left: [] });
  assertEquals(system.sent, ["SIGTERM 20", "SIGKILL 21", "SIGKILL 22"]);
});

Deno.test("killSurvivors() gives up on who carries the mark and cannot be ended, and names it", async () => {
  const system = new FakeSystem().add(20, 1, { mark: "a", ignores: ["SIGTERM", "SIGKILL"] });
  assertEquals(await killSurvivors([], { ...system.options(), mark: "a" }), { found: 1, killed: 1, left: [20] });
});

Deno.test("killSurvivors() leaves alone who got the number of somebody with the mark", async () => {
  const system = new FakeSystem().add(20, 1, { mark: "a", ignores: ["SIGTERM"] });
  system.onSignal = (pid) => void system.add(pid, 1, { start: 9_000 });
  await killSurvivors([], { ...system.options(), mark: "a" });
  assertEquals(system.sent, ["SIGTERM 20"]);
});

Deno.test("where marks cannot be seen, nobody is looked for by one", async () => {
  const system = new FakeSystem().add(20, 1, { mark: "a" });
  assertEquals((await killSurvivors([], { ...system.options("ps"), mark: "a" })).found, 0);
  assertEquals(system.looks, 0);
});
