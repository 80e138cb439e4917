/** Who of those that were left behind is ended, and who is not touched. */
import { assert, assertEquals } from "@std/assert";
import { dealWith, type Leftover } from "../../src/runtime/leftovers.ts";
import type { LedgerEntry } from "../../src/runtime/process_ledger.ts";
import type { ProcessReader, SeenProcess } from "../../src/runtime/process_reader.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

const MARK = "0123456789abcdef0123456789abcdef";
const ENTRY: LedgerEntry = { pid: 4_711, start: "ticks:boot:5", mark: MARK, path: "/web", attempt: 3 };
const OURS: SeenProcess = { start: "ticks:boot:5", mark: MARK, isOver: false };

/** Processes of a machine that is not there. */
class Machine implements ProcessReader {
  readonly clock = new VirtualClock();
  readonly signals: string[] = [];
  /** How long, in milliseconds, a group lives on after a signal. */
  livesOn: Readonly<Record<string, number>> = { SIGTERM: 100, SIGKILL: 0 };
  refusal: Error | null = null;
  #endsAtMs = Infinity;

  constructor(readonly leader: SeenProcess | "gone" | "unknown", readonly others: readonly (SeenProcess | "unknown")[] | null = []) {}

  startNow(): null {
    return null;
  }

  starts(): Promise<ReadonlyMap<number, string>> {
    return Promise.resolve(new Map());
  }

  look(pid: number): Promise<SeenProcess | "gone" | "unknown"> {
    return Promise.resolve(pid === ENTRY.pid ? this.leader : this.others?.[pid - 10] ?? "gone");
  }

  groupsWith(): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
    return Promise.resolve(new Map());
  }

  members(): Promise<readonly number[] | null> {
    if (this.others === null) return Promise.resolve(null);
    if (this.clock.now() >= this.#endsAtMs) return Promise.resolve([]);
    const leader = typeof this.leader === "object" && !this.leader.isOver ? [ENTRY.pid] : [];
    return Promise.resolve([...leader, ...this.others.map((_, index) => 10 + index)]);
  }

  signal = (group: number, signal: "SIGTERM" | "SIGKILL"): void => {
    this.signals.push(`${this.clock.now()} ${signal} ${group}`);
    if (this.refusal !== null) throw this.refusal;
    this.#endsAtMs = Math.min(this.#endsAtMs, this.clock.now() + (this.livesOn[signal] ?? Infinity));
  };
}

async function dealt(machine: Machine, leftovers: "stop" | "leave" = "stop", entry = ENTRY): Promise<Leftover> {
  const { clock, signal } = machine;
  const dealing = dealWith([entry], leftovers, { processes: machine, clock, signal });
  await clock.advance(20_000);
  const [only] = await dealing;
  assert(only !== undefined);
  return only;
}

Deno.test("dealWith() asks the group of one that is certain to be ours to stop", async () => {
  const machine = new Machine(OURS);
  const { outcome, reason } = await dealt(machine);
  assertEquals([outcome, machine.signals], ["stopped", ["0 SIGTERM 4711"]]);
  assert(reason.endsWith("ended by SIGTERM"), reason);
});

Deno.test("dealWith() forces one that does not stop within five seconds", async () => {
  const machine = new Machine(OURS);
  machine.livesOn = { SIGKILL: 200 };
  const { outcome, reason } = await dealt(machine);
  assertEquals([outcome, machine.signals], ["stopped", ["0 SIGTERM 4711", "5000 SIGKILL 4711"]]);
  assert(reason.endsWith("ended by SIGKILL"), reason);
});

Deno.test("dealWith() takes ten seconds at most, also for one that cannot be ended", async () => {
  const machine = new Machine(OURS);
  machine.livesOn = {};
  const { clock, signal } = machine;
  let tookMs = Infinity;
  const dealing = dealWith([ENTRY], "stop", { processes: machine, clock, signal }).then((all) => {
    tookMs = clock.now();
    return all;
  });
  await clock.advance(20_000);
  assertEquals((await dealing)[0]?.outcome, "left");
  assert(tookMs <= 10_000, `${tookMs}`);
});

Deno.test("dealWith() leaves what is to be left, and says that it still runs", async () => {
  const machine = new Machine(OURS);
  const { outcome, reason } = await dealt(machine, "leave");
  assertEquals([outcome, machine.signals], ["left", []]);
  assert(reason.includes('state.leftovers is "leave"'), reason);
});

Deno.test("dealWith() tells of a signal that may not be sent", async () => {
  const machine = new Machine(OURS);
  machine.refusal = Object.assign(new Error("Operation not permitted"), { code: "EPERM" });
  const { outcome, reason } = await dealt(machine);
  assertEquals([outcome, reason], ["left", "SIGTERM cannot be sent: Operation not permitted"]);
});

const STRANGERS: readonly (readonly [what: string, machine: () => Machine, entry: Partial<LedgerEntry>, outcome: string])[] = [
  [
    "one that began at another time has only got the number",
    () => new Machine({ ...OURS, start: "ticks:boot:6", mark: null }),
    {},
    "gone",
  ],
  ["one that began at another time although it has the mark", () => new Machine({ ...OURS, start: "ticks:boot:6" }), {}, "unsure"],
  [
    "one of another start of the machine has only got the number",
    () => new Machine({ ...OURS, start: "ticks:other:5", mark: null }),
    {},
    "gone",
  ],
  ["one with another mark", () => new Machine({ ...OURS, mark: MARK.replace("0", "1") }), {}, "unsure"],
  ["one whose environment cannot be read", () => new Machine({ ...OURS, mark: null }), {}, "unsure"],
  ["one whose start and mark cannot be read", () => new Machine({ ...OURS, start: null, mark: null }), {}, "unsure"],
  ["one whose start nobody could write down, without a mark", () => new Machine({ ...OURS, mark: null }), { start: null }, "unsure"],
  ["one that cannot be looked at", () => new Machine("unknown"), {}, "unsure"],
  ["one that is gone", () => new Machine("gone"), {}, "gone"],
  [
    "one that is gone, with a group that is somebody else's",
    () => new Machine("gone", [{ ...OURS, mark: MARK.replace("0", "1") }]),
    {},
    "gone",
  ],
  ["one that is gone, with a group that does not tell", () => new Machine("gone", [{ ...OURS, mark: null }]), {}, "unsure"],
  ["one that is gone, with a group that cannot be looked at", () => new Machine("gone", ["unknown"]), {}, "unsure"],
];

for (const [what, machineOf, entry, expected] of STRANGERS) {
  Deno.test(`dealWith() touches no stranger: ${what}`, async () => {
    const machine = machineOf();
    const { outcome } = await dealt(machine, "stop", { ...ENTRY, ...entry });
    assertEquals([outcome, machine.signals], [expected, []]);
  });
}

for (
  const [shown, outcome] of [
    ["Sat Nov 28 15:51:26 2026", "unsure"],
    ["Sat Nov 28 15:51:27 2026", "unsure"],
    ["Sat Nov 28 15:51:30 2026", "gone"],
    ["Sat Nov 28 15:50:26 2026", "gone"],
    ["nonsense", "gone"],
  ] as const
) {
  Deno.test(`dealWith() takes dates for the same that differ by as much as systems make them differ: ${shown}`, async () => {
    const start = `date:${shown}`;
    const entry = { ...ENTRY, start: "date:Sat Nov 28 15:51:26 2026" };
    assertEquals((await dealt(new Machine({ ...OURS, start, mark: null }), "stop", entry)).outcome, outcome);
    // The calendar may have been set meanwhile, and the mark is had by nobody else.
    assertEquals((await dealt(new Machine({ ...OURS, start }), "stop", entry)).outcome, "stopped");
  });
}

for (const [what, start, seen] of [["was not written down", null, OURS.start], ["cannot be read any more", ENTRY.start, null]] as const) {
  Deno.test(`dealWith() ends the one with the mark whose start ${what}`, async () => {
    const machine = new Machine({ ...OURS, start: seen });
    const { outcome } = await dealt(machine, "stop", { ...ENTRY, start });
    assertEquals([outcome, machine.signals], ["stopped", ["0 SIGTERM 4711"]]);
  });
}

for (const leader of ["gone", { ...OURS, mark: null, isOver: true }] as const) {
  Deno.test(`dealWith() ends those whom one has started that has ended itself (${typeof leader})`, async () => {
    const machine = new Machine(leader, [{ start: "ticks:boot:9", mark: MARK, isOver: false }]);
    const { outcome } = await dealt(machine);
    assertEquals([outcome, machine.signals], ["stopped", ["0 SIGTERM 4711"]]);
  });
}
