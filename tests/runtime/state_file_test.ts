/** The file of the state: what is refused, and that it is replaced as a whole. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import process from "node:process";
import type { SavedState } from "../../src/runtime/saved_state.ts";
import { makeFolderOf, readState, refuseStranger, stateIn, textOf, writeState } from "../../src/runtime/state_file.ts";
import { STATE } from "../fixtures/state/version_1.ts";
import { inFolder } from "../support/folder.ts";

const STATE_NOW: SavedState = {
  tree: "shop – ü",
  atMs: 5,
  children: [{
    path: "/a",
    specHash: "h",
    operation: "paused",
    generation: 1,
    attempt: 2,
    restartsTotal: 3,
    failuresTotal: 4,
    window: { timesMs: [1, 2.5], level: 0, levelAtMs: 0 },
    hold: { by: "ops", reason: "line\nbreak", sinceMs: 4 },
  }],
  lastRuns: { "/a": 3 },
};

const isPosix = process.platform !== "win32";

Deno.test("writeState() makes a file for its owner only, in a folder for its owner only, and leaves nothing beside it", () =>
  inFolder(async (folder) => {
    const path = join(folder, "var", "lib", "state.json");
    assertEquals(await readState(join(folder, "state.json")), null);
    await makeFolderOf(path);
    await writeFile(`${path}.next`, "half of one that was killed");
    await writeState(path, STATE_NOW);
    assertEquals(await readState(path), STATE_NOW);
    await writeState(path, { ...STATE_NOW, atMs: 6 });
    assertEquals((await readState(path))?.atMs, 6);
    assertEquals(await readdir(dirname(path)), ["state.json"]);
    if (isPosix) assertEquals([(await stat(path)).mode & 0o777, (await stat(dirname(path))).mode & 0o777], [0o600, 0o700]);
  }));

Deno.test("readState() reads version 1 as it is on disks today", () => {
  const { tree, children, lastRuns } = stateIn(STATE);
  assertEquals([tree, children.length, children[0]?.hold?.by, lastRuns["/jobs/report"]], ["shop", 2, "alice", 1_795_990_000_000]);
});

Deno.test("readState() refuses a newer version by name, whatever its content is", () => {
  assertThrows(() => stateIn(STATE.replace('"version":1', '"version":2')), Error, "newer version (2), must be at most 1");
});

Deno.test("readState() takes no damage for a state: not one byte less, more or changed", () => {
  const whole = textOf(STATE_NOW);
  const end = whole.length - 1;
  for (let cut = 0; cut < end; cut++) assertThrows(() => stateIn(whole.slice(0, cut)), Error, "damaged");
  for (let at = 0; at < end; at++) {
    const changed = `${whole.slice(0, at)}${whole[at] === "7" ? "8" : "7"}${whole.slice(at + 1)}`;
    const { message } = assertThrows(() => stateIn(changed), Error);
    assert(/it is damaged|newer version \(7\)/.test(message), `${at}: ${message}`);
  }
});

Deno.test("readState() takes nothing for a state whose checksum is right and whose content is none", () => {
  for (
    const content of [
      { ...STATE_NOW, children: [{ ...STATE_NOW.children[0], attempt: -1 }] },
      { ...STATE_NOW, children: [{ ...STATE_NOW.children[0], operation: "removed" }] },
      { ...STATE_NOW, children: [{ ...STATE_NOW.children[0], window: { timesMs: ["x"], level: 0, levelAtMs: 0 } }] },
      { ...STATE_NOW, children: [{ ...STATE_NOW.children[0], hold: { by: "x" } }] },
      { ...STATE_NOW, lastRuns: { "/a": "soon" } },
      { ...STATE_NOW, children: {} },
    ]
  ) {
    const text = textOf(JSON.parse(JSON.stringify(content)));
    assertThrows(() => stateIn(text), Error, "its content is no state");
  }
});

Deno.test({
  name: "readState() refuses links, folders, and what others may write",
  ignore: !isPosix,
  fn: () =>
    inFolder(async (folder) => {
      const path = join(folder, "state.json");
      await writeState(path, STATE_NOW);
      const link = join(folder, "link.json");
      await symlink(path, link);
      await assertRejects(() => readState(link), Error, "it is a link");
      await assertRejects(() => refuseStranger(link), Error, `"${link}": it is a link`);
      await mkdir(join(folder, "folder"));
      await assertRejects(() => readState(join(folder, "folder")), Error, "it is no file");
      await chmod(path, 0o620);
      await assertRejects(() => readState(path), Error, "others may write it");
      await chmod(path, 0o600);
      assert((await readFile(path, "utf8")).includes("reeve-state"));
      await refuseStranger(join(folder, "not there"));
    }),
});
