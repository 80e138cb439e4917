/** One file serves one tree. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { lockFile } from "../../src/runtime/file_lock.ts";
import { type ProcessReader, systemProcesses } from "../../src/runtime/process_reader.ts";
import { inFolder } from "../support/folder.ts";

const NOBODY = 4_194_303;

Deno.test("lockFile() lets in one after the other, and leaves nothing behind", () =>
  inFolder(async (folder) => {
    const path = join(folder, "state.json");
    const first = await lockFile(path, systemProcesses());
    assert(await first.isHeld());
    await assertRejects(() => lockFile(path, systemProcesses()), Error, "another tree of this program uses it");
    await first.release();
    await first.release();
    assertEquals(readdirSync(folder), []);
    const second = await lockFile(path, systemProcesses());
    assertEquals([await first.isHeld(), await second.isHeld()], [false, true]);
    await first.release();
    assert(await second.isHeld());
    await second.release();
  }));

Deno.test("lockFile() takes over what a program left that is gone, or whose number another one has by now", () =>
  inFolder(async (folder) => {
    const path = join(folder, "state.json");
    for (const holder of [`${NOBODY},ticks.boot.5,x`, `${NOBODY},,x`, `${process.pid},ticks.another boot.5,x`.replaceAll(" ", "_")]) {
      mkdirSync(join(`${path}.lock`, holder), { recursive: true });
      const lock = await lockFile(path, systemProcesses());
      assert(await lock.isHeld());
      await lock.release();
      assert(!existsSync(`${path}.lock`), holder);
    }
  }));

Deno.test("lockFile() waits for a sign where it cannot tell who is there: who gives one keeps the lock, who does not has lost it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "state.json");
    const blind: ProcessReader = {
      ...systemProcesses(),
      startNow: () => null,
      starts: () => Promise.resolve(new Map()),
      look: () => Promise.resolve("unknown"),
    };
    const living = await lockFile(path, blind, { beatMs: 20 });
    await assertRejects(() => lockFile(path, blind, { patienceMs: 10_000 }), Error, "another tree of this program uses it");
    await living.release();
    mkdirSync(join(`${path}.lock`, `${process.pid},ticks.boot.5,x`), { recursive: true });
    const lock = await lockFile(path, blind, { patienceMs: 100 });
    assert(await lock.isHeld());
    await lock.release();
    mkdirSync(join(folder, "other.lock", "something else"), { recursive: true });
    await assertRejects(() => lockFile(join(folder, "other"), blind), Error, "something that is no lock of ours");
  }));

Deno.test("lockFile() takes nobody for gone because the calendar was set, by which systems say when a process began", () =>
  inFolder(async (folder) => {
    const other = spawn("sleep", ["60"], { stdio: "ignore" });
    await new Promise((resolve) => other.once("spawn", resolve));
    const by = (hour: string): ProcessReader => ({
      ...systemProcesses(),
      startNow: () => null,
      starts: (pids) => Promise.resolve(new Map(pids.map((pid) => [pid, `date:Thu Oct 1 ${hour}:00:00 2026`]))),
      look: () => Promise.resolve({ start: `date:Thu Oct 1 ${hour}:00:00 2026`, mark: null, isOver: false }),
    });
    // Of another program, which gives signs of life, and stops giving them.
    const path = join(folder, "state.json");
    const entry = join(`${path}.lock`, `${other.pid},date.Thu_Oct_1_12.00.00_2026,x`);
    mkdirSync(entry, { recursive: true });
    const beat = setInterval(() => utimesSync(entry, new Date(), Date.now() / 1_000), 20);
    await assertRejects(() => lockFile(path, by("13"), { patienceMs: 10_000 }), Error, `process ${other.pid} uses it`);
    clearInterval(beat);
    const taken = await lockFile(path, by("13"), { patienceMs: 100 });
    // Of this program, for which nobody has to wait.
    await assertRejects(() => lockFile(path, by("14"), { patienceMs: 100_000 }), Error, "another tree of this program uses it");
    await taken.release();
    const gone = new Promise((resolve) => other.once("exit", resolve));
    other.kill("SIGKILL");
    await gone;
  }));

Deno.test("lockFile() lets one of many in that come at once, to a free place and to one that was left", () =>
  inFolder(async (folder) => {
    for (const isLeft of [false, true]) {
      const path = join(folder, `state-${isLeft}.json`);
      if (isLeft) mkdirSync(join(`${path}.lock`, `${NOBODY},,x`), { recursive: true });
      const results = await Promise.allSettled(Array.from({ length: 20 }, () => lockFile(path, systemProcesses())));
      const locks = results.flatMap((result) => result.status === "fulfilled" ? [result.value] : []);
      assertEquals(locks.length, 1);
      assert(await locks[0]?.isHeld());
      await locks[0]?.release();
    }
    assertEquals(readdirSync(folder), []);
  }));
