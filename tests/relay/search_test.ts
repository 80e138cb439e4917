/** Targets that are looked for: what they are called. */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import { Hub } from "../../src/relay/hub.ts";
import { Search } from "../../src/relay/search.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { FakeTarget, obedient } from "../support/fake_target.ts";
import { inFolder } from "../support/folder.ts";
import { socketTest } from "../support/sockets.ts";

/** The names of targets that listen there and call themselves so, in the order of the paths. */
function namesOf(targets: readonly (readonly [file: string, targetId: string])[]): Promise<readonly string[]> {
  return inFolder(async (folder) => {
    const clock = new VirtualClock();
    const hub = new Hub(clock);
    const listening: FakeTarget[] = [];
    for (const [file, targetId] of targets) listening.push(await FakeTarget.listen(join(folder, file), obedient(targetId)));
    const paths = targets.map(([file]) => join(folder, file));
    const search = new Search(() => Promise.resolve(paths), hub, clock);
    await search.begin();
    const names = hub.rows.map(({ targetId }) => targetId);
    const found = paths.map((path) => names.find((name) => hub.find(name)?.known.path === path) ?? "");
    for (const { targetId, displayName } of hub.rows) assert(!`${targetId}${displayName}`.includes(folder), targetId);
    search.end();
    await hub.close();
    for (const target of listening) await target.close();
    return found;
  });
}

socketTest("search: those that are called the same are told apart, whatever their sockets are called", async () => {
  const found = await namesOf([["a.sock", "shop"], ["b.sock", "shop"], ["c.sock", "shop"], ["shop-77.sock", "shop"], [
    "d-77.sock",
    "shop",
  ]]);
  assert(found.includes("shop") && found.every((name) => /^shop( \(\d+\))?$/.test(name)), String(found));
  assertEquals(new Set(found).size, 5);
});

socketTest("search: what a target is called has a bound, and no control characters", async () => {
  const [long = "", wild = "", blank] = await namesOf([
    ["a.sock", "x".repeat(100_000)],
    ["b.sock", "a\u001b[2J\nb".repeat(1_000)],
    ["c.sock", " "],
  ]);
  assert(long.length > 100 && long.length < 210 && wild.length > 100 && wild.length < 210);
  assertEquals([wild.includes("\u001b"), wild.includes("\n"), blank], [false, false, "target"]);
});
