/** One file serves one tree. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
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
