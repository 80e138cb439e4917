import { assertEquals } from "@std/assert";
import process from "node:process";
import { ParentDeathWatch } from "../../../src/runtime/children/parent_death.ts";

/** Watchers that write down what they are told. */
class Watchers {
  readonly all: { readonly told: string[]; readonly die: () => void; isEnded: boolean }[] = [];
  readonly watch: ParentDeathWatch;

  constructor(start?: () => void) {
    this.watch = new ParentDeathWatch((onGone) => {
      start?.();
      const watcher = { told: [] as string[], die: onGone, isEnded: false };
      this.all.push(watcher);
      return {
        write: (line) => void watcher.told.push(line),
        end: () => Promise.resolve(void (watcher.isEnded = true)),
      };
    });
  }
}

function test(name: string, run: () => void | Promise<void>): void {
  Deno.test({ name, ignore: process.platform === "win32", fn: run });
}

test("ParentDeathWatch starts one watcher with the first group, and ends it with the last tree", async () => {
  const { watch, all } = new Watchers();
  const first = watch.hold();
  const second = watch.hold();
  assertEquals(all.length, 0, "who starts no process needs none");
  watch.add(100, () => {});
  watch.add(200, () => {});
  watch.remove(100);
  watch.remove(200);
  await first();
  await first();
  assertEquals(all.map(({ isEnded }) => isEnded), [false]);
  const ending = second();
  assertEquals([all[0]!.isEnded, ending !== null], [true, true]);
  await ending;
  assertEquals(watch.hold()(), null, "there is nothing to wait for");
  assertEquals(all[0]!.told, ["+ 100\n", "+ 200\n", "- 100\n", "- 200\n"]);
});

test("ParentDeathWatch keeps its watcher as long as there is a group, and no longer where no tree holds it", () => {
  const { watch, all } = new Watchers();
  const release = watch.hold();
  watch.add(100, () => {});
  assertEquals(release(), null);
  assertEquals(all[0]!.isEnded, false);
  watch.remove(100);
  assertEquals(all[0]!.isEnded, true);
  watch.add(300, () => {});
  assertEquals(all.length, 2);
});

test("ParentDeathWatch takes back what it was given, once, and nothing else", async () => {
  const { watch, all } = new Watchers();
  const release = watch.hold();
  watch.add(100, () => {});
  for (const pgid of [100, 100, 55]) watch.remove(pgid);
  assertEquals(all[0]!.told, ["+ 100\n", "- 100\n"]);
  await release();
});

test("ParentDeathWatch never adds what would mean everybody", () => {
  const { watch, all } = new Watchers();
  for (const pgid of [1, 0, -1, -100, 1.5, NaN, Infinity]) watch.add(pgid, () => {});
  assertEquals(all.length, 0);
});

test("ParentDeathWatch starts another watcher with the groups of now when somebody ends it", () => {
  const { watch, all } = new Watchers();
  for (const pgid of [100, 200, 300]) watch.add(pgid, () => {});
  watch.remove(200);
  all[0]!.die();
  assertEquals(all.map(({ told }) => told).slice(1), [["+ 100\n", "+ 300\n"]]);
  all[0]!.die();
  assertEquals(all.length, 2, "the end of one is told once");
});

test("ParentDeathWatch says so when its watchers end again and again", () => {
  const { watch, all } = new Watchers();
  const said: string[] = [];
  watch.add(100, (line) => said.push(line));
  for (let index = 0; index < all.length; index++) all[index]!.die();
  assertEquals(all.length, 3);
  assertEquals(said, ["If this program is killed, its processes run on: the shell that has to do it ends again and again"]);
});

test("ParentDeathWatch says once that its watcher cannot be started, and lets the child run", () => {
  const { watch } = new Watchers(() => {
    throw new Error("no such shell");
  });
  const said: string[] = [];
  for (const pgid of [100, 200]) watch.add(pgid, (line) => said.push(line));
  watch.remove(100);
  assertEquals(said, ["If this program is killed, its processes run on: no such shell"]);
});
