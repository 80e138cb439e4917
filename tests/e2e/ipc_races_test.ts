/** The place of a socket while others do what they like to it: nothing of theirs is touched, and nobody gets in who should not. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { lstatSync } from "node:fs";
import { chmod, chown, link, lstat, mkdir, readdir, readFile, rename, rm, symlink, unlink, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { ReeveError } from "../../mod.ts";
import { bindInPlace, type BindMode } from "../../src/platform/place.ts";
import { lockPlace } from "../../src/platform/place_lock.ts";
import { inFolder } from "../support/folder.ts";
import { LineClient } from "../support/lines.ts";
import { Program } from "../support/program.ts";
import { moduleUrl } from "../support/runtime.ts";
import { socketTest } from "../support/sockets.ts";

const NOBODY = 65_534;

function test(name: string, fn: (folder: string) => Promise<void>, options: { readonly root?: boolean } = {}): void {
  socketTest(`races: ${name}`, () => inFolder(fn), options);
}

/** Binds and lets go: `bind MODE PATH`, `close`. */
const BINDER = (umask: number): string => `
import process from "node:process";
import { createInterface } from "node:readline";
import { bindInPlace } from ${JSON.stringify(moduleUrl("src/platform/place"))};
process.umask(${umask});
let placed = null;
console.log("begun");
for await (const line of createInterface({ input: process.stdin })) {
  const [word, bindMode, path] = line.split(" ");
  try {
    if (word === "bind") placed = await bindInPlace({ path, mode: 0o600, bindMode });
    else await placed?.close();
    if (word === "close") placed = null;
    console.log(word === "bind" ? "won" : "closed");
  } catch (error) {
    console.log(\`lost \${error.code} \${error.message}\`);
  }
}`;

/** Puts a link where the socket is to be and takes away whatever is there, as fast as it can, until it is killed. */
const SWAPPER = (path: string, target: string): string => `
import { symlinkSync, unlinkSync } from "node:fs";
console.log("begun");
while (true) {
  for (let round = 0; round < 50; round++) {
    try { symlinkSync(${JSON.stringify(target)}, ${JSON.stringify(path)}); } catch {}
    try { unlinkSync(${JSON.stringify(path)}); } catch {}
  }
  await new Promise((resolve) => setTimeout(resolve, 1));
}`;

/** Puts a file of its own in the place of every socket that appears, as soon as it sees one, until it is killed. */
const REPLACER = (path: string): string => `
import { lstatSync, renameSync, writeFileSync } from "node:fs";
console.log("begun");
while (true) {
  for (let round = 0; round < 50; round++) {
    if (lstatSync(${JSON.stringify(path)}, { throwIfNoEntry: false })?.isSocket() !== true) continue;
    writeFileSync(${JSON.stringify(`${path}.new`)}, "theirs");
    renameSync(${JSON.stringify(`${path}.new`)}, ${JSON.stringify(path)});
  }
  await new Promise((resolve) => setTimeout(resolve, 1));
}`;

/** A socket behind which nobody listens any more. */
async function leaveStale(path: string): Promise<void> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}.live`, resolve));
  await link(`${path}.live`, path);
  await new Promise((resolve) => server.close(resolve));
  await rm(`${path}.live`, { force: true });
}

/** Tries to bind; why not, or `null` when it was let go again. */
async function bound(path: string, bindMode: BindMode): Promise<string | null> {
  try {
    const placed = await bindInPlace({ path, mode: 0o600, bindMode });
    await placed.close();
    return null;
  } catch (error) {
    assert(error instanceof ReeveError && error.code === "dashboard_not_started", String(error));
    return error.message;
  }
}

test("of two programs that want one path exactly one gets it, a hundred times, and nothing is left", async (folder) => {
  const inside = join(folder, "in");
  const path = join(inside, "t.sock");
  await mkdir(inside);
  const programs = await Promise.all(["a", "b"].map((name) => Program.start(folder, name, BINDER(0o022))));
  const wins = [0, 0];
  try {
    for (let round = 0; round < 100; round++) {
      const isStale = round % 2 === 1;
      if (isStale) await leaveStale(path);
      const mode = isStale || round % 4 === 0 ? "replace_stale" : "create_new";
      const outcomes = await Promise.all(programs.map((program) => program.ask(`bind ${mode} ${path}`)));
      const winner = outcomes.indexOf("won");
      assertEquals(outcomes.filter((outcome) => outcome === "won").length, 1, `round ${round}: ${outcomes}`);
      // How it is told depends on how far the other one was.
      const why = /^lost dashboard_not_started .*(something is there already|somebody listens there already|other programs? (are|has) )/;
      assertMatch(outcomes[1 - winner]!, why);
      const client = await LineClient.open(path);
      client.close();
      assertEquals(await programs[winner]!.ask("close"), "closed");
      assertEquals(await readdir(inside), [], `round ${round}`);
      wins[winner]!++;
    }
  } finally {
    for (const program of programs) await program.end();
  }
  assert(wins[0]! + wins[1]! === 100, `${wins}`);
});

test("a link that is swapped in and out while a socket is bound leads nowhere", async (folder) => {
  const outside = join(folder, "outside");
  await writeFile(outside, "precious");
  const inside = join(folder, "in");
  const path = join(inside, "t.sock");
  await mkdir(inside);
  const swapper = await Program.start(folder, "swapper", SWAPPER(path, outside));
  const counts = { bound: 0, refused: 0 };
  try {
    for (let round = 0; round < 200; round++) {
      const why = await bound(path, round % 2 === 0 ? "create_new" : "replace_stale");
      counts[why === null ? "bound" : "refused"]++;
    }
  } finally {
    await swapper.end();
  }
  assertEquals([await readFile(outside, "utf8"), (await lstat(outside)).isFile()], ["precious", true]);
  assertEquals(counts.bound + counts.refused, 200);
  assert(counts.bound > 0 && counts.refused > 0, JSON.stringify(counts));
  await rm(path, { force: true });
  assertEquals(await bound(path, "create_new"), null, "and afterwards it can be had");
  assertEquals(await readdir(inside), []);
});

test("with umask 0 a socket is never seen with another mode than its own, nor are its folders open", async (folder) => {
  const inside = join(folder, "made", "here");
  const path = join(inside, "t.sock");
  const binder = await Program.start(folder, "binder", BINDER(0));
  const seen = new Map<string, number>();
  const look = (): void => {
    for (const watched of [path, join(inside, ".t.sock.d")]) {
      const found = lstatSync(watched, { throwIfNoEntry: false });
      if (found === undefined) continue;
      const mode = `${found.isSocket() ? "socket" : "folder"} ${(found.mode & 0o777).toString(8)}`;
      seen.set(mode, (seen.get(mode) ?? 0) + 1);
    }
  };
  try {
    for (let round = 0; round < 200; round++) {
      for (const asked of [`bind create_new ${path}`, "close"]) {
        let isOver = false;
        const answer = binder.ask(asked).finally(() => isOver = true);
        while (!isOver) {
          look();
          await new Promise((resolve) => setImmediate(resolve));
        }
        assertMatch(await answer, /^(won|closed)$/);
      }
    }
  } finally {
    await binder.end();
  }
  assertEquals([...seen.keys()].sort().filter((mode) => mode !== "folder 700"), ["socket 600"]);
  for (const made of [join(folder, "made"), inside]) assertEquals((await lstat(made)).mode & 0o022, 0, made);
});

test("a link at the path, or a file with another name too, is left as it is; a link among the folders is followed", async (folder) => {
  const file = join(folder, "file");
  await writeFile(file, "precious");
  const path = join(folder, "t.sock");
  for (const put of [() => symlink("file", path), () => link(file, path), () => symlink("nowhere", path)]) {
    await put();
    for (const mode of ["create_new", "replace_stale"] as const) {
      assertMatch(String(await bound(path, mode)), /something is there already|symbolic link|no socket/);
    }
    await unlink(path);
  }
  assertEquals([await readFile(file, "utf8"), (await lstat(file)).nlink], ["precious", 1]);
  await mkdir(join(folder, "real"));
  await symlink("real", join(folder, "parent"));
  const placed = await bindInPlace({ path: join(folder, "parent", "t.sock"), mode: 0o600, bindMode: "create_new" });
  assertEquals(await readdir(join(folder, "real")), ["t.sock"]);
  await placed.close();
  assertEquals(await readdir(join(folder, "real")), []);
});

test("the socket of somebody who listens is never taken, by whatever name", async (folder) => {
  const server = createServer((socket) => socket.destroy());
  const [path, other] = [join(folder, "t.sock"), join(folder, "other.sock")];
  await new Promise<void>((resolve) => server.listen(path, resolve));
  await link(path, other);
  for (const name of [path, other]) assertMatch(String(await bound(name, "replace_stale")), /somebody listens there already/);
  await new Promise((resolve) => server.close(resolve));
  await rm(path, { force: true });
  assertEquals(await bound(other, "replace_stale"), null, "nobody listens any more");
});

test("what belongs to somebody else is refused: the socket there, and the folder in the way", async (folder) => {
  const path = join(folder, "t.sock");
  await leaveStale(path);
  await chown(path, NOBODY, NOBODY);
  assertMatch(String(await bound(path, "replace_stale")), /belongs to somebody else/);
  assert((await lstat(path)).isSocket());
  await unlink(path);
  await mkdir(join(folder, ".t.sock.d"));
  await chown(join(folder, ".t.sock.d"), NOBODY, NOBODY);
  assertMatch(String(await bound(path, "create_new")), /is in the way, and is not ours/);
  assert((await lstat(join(folder, ".t.sock.d"))).isDirectory());
}, { root: true });

test("close() touches nothing when its folder has gone, or another one is in its place", async (folder) => {
  const inside = join(folder, "in");
  const path = join(inside, "t.sock");
  const first = await bindInPlace({ path, mode: 0o600, bindMode: "create_new" });
  await rm(inside, { recursive: true });
  await first.close();
  assertEquals(await readdir(folder), []);
  const second = await bindInPlace({ path, mode: 0o600, bindMode: "create_new" });
  await rename(inside, join(folder, "moved"));
  const third = await bindInPlace({ path, mode: 0o600, bindMode: "create_new" });
  await second.close();
  assertEquals(await readdir(inside), ["t.sock"]);
  await assertRejects(() => bindInPlace({ path, mode: 0o600, bindMode: "replace_stale" }), ReeveError, "somebody listens");
  await third.close();
});

test("what is in the place of the socket is left as it is: a file put there as soon as it appeared, a link to where it was moved", async (folder) => {
  const path = join(folder, "t.sock");
  const replacer = await Program.start(folder, "replacer", REPLACER(path));
  try {
    for (let round = 0; round < 50; round++) {
      try {
        const placed = await bindInPlace({ path, mode: 0o600, bindMode: "create_new" });
        while ((await lstat(path)).isSocket()) await new Promise((resolve) => setTimeout(resolve, 1));
        await placed.close();
      } catch (error) {
        assertMatch(String(error), /another program has put its socket there/);
      }
      assertEquals(await readFile(path, "utf8"), "theirs", `round ${round}`);
      await unlink(path);
    }
  } finally {
    await replacer.end();
  }
  const placed = await bindInPlace({ path, mode: 0o600, bindMode: "create_new" });
  await rename(path, join(folder, "moved"));
  await symlink("moved", path);
  await placed.close();
  assert((await lstat(path)).isSymbolicLink());
});

test("a lock that was left behind is taken over by one of those who want it, and each has it alone", async (folder) => {
  const place = join(folder, ".t.sock.d");
  const { uid } = await lstat(folder);
  await mkdir(join(place, "by-somebody-killed"), { recursive: true });
  await leaveStale(join(place, "s"));
  let [holding, most] = [0, 0];
  await Promise.all(Array.from({ length: 5 }, async () => {
    const lock = await lockPlace(place, uid);
    most = Math.max(most, ++holding);
    assertEquals([await lock.isHeld(), (await readdir(place)).length], [true, 1]);
    holding--;
    await lock.release();
  }));
  assertEquals([most, await readdir(folder)], [1, []]);
});

test("what programs left that were killed while they began is taken away, and nothing else", async (folder) => {
  const [old, young] = [join(folder, ".t.sock.d.by-old"), join(folder, ".t.sock.d.by-young")];
  for (const left of [old, young]) await mkdir(join(left, "by-it"), { recursive: true });
  await utimes(old, 1_000, 1_000);
  const later = Date.now() / 1_000 + 60;
  await utimes(young, later, later);
  await writeFile(join(folder, ".t.sock.d.by-a-file"), "");
  assertEquals(await bound(join(folder, "t.sock"), "create_new"), null);
  assertEquals((await readdir(folder)).sort(), [".t.sock.d.by-a-file", ".t.sock.d.by-young"]);
});

test("of four programs one gets a path whose lock was left behind", async (folder) => {
  const inside = join(folder, "in");
  const path = join(inside, "t.sock");
  await mkdir(inside);
  const programs = await Promise.all(["a", "b", "c", "d"].map((name) => Program.start(folder, name, BINDER(0o022))));
  try {
    await leaveStale(path);
    await mkdir(join(inside, ".t.sock.d", "by-somebody-killed"), { recursive: true });
    const outcomes = await Promise.all(programs.map((program) => program.ask(`bind replace_stale ${path}`)));
    assertEquals(outcomes.filter((outcome) => outcome === "won").length, 1, `${outcomes}`);
    for (const outcome of outcomes) assertMatch(outcome, /^won$|somebody listens there already|other programs? (are|has) /);
    await programs[outcomes.indexOf("won")]!.ask("close");
    assertEquals(await readdir(inside), []);
  } finally {
    for (const program of programs) await program.end();
  }
});

test("who has had a lock for too long has lost it, and touches nothing of the one who has it now", async (folder) => {
  const place = join(folder, ".t.sock.d");
  const { uid } = await lstat(folder);
  const slow = await lockPlace(place, uid);
  const next = await lockPlace(place, uid);
  assertEquals([await slow.isHeld(), await next.isHeld()], [false, true]);
  await slow.release();
  assert(await next.isHeld());
  await next.release();
  assertEquals(await readdir(folder), []);
});

test("a folder in which others can put something else in the socket's place is refused, one that is sticky is not", async (folder) => {
  const inside = join(folder, "in");
  const path = join(inside, "deeper", "t.sock");
  await mkdir(join(inside, "deeper"), { recursive: true });
  const trial = async (mode: number, uid: number, gid: number): Promise<string | null> => {
    await chmod(inside, mode);
    await chown(inside, uid, gid);
    return await bound(path, "create_new");
  };
  assertMatch(String(await trial(0o755, NOBODY, NOBODY)), /in" belongs to somebody else, so that the socket could be replaced/);
  assertMatch(String(await trial(0o777, 0, 0)), /anybody may write in/);
  assertMatch(String(await trial(0o775, 0, NOBODY)), /a group may write in/);
  assertEquals(await trial(0o1777, 0, NOBODY), null);
  assertEquals(await trial(0o755, 0, NOBODY), null);
  await rename(inside, join(folder, "real"));
  await chmod(join(folder, "real"), 0o777);
  await symlink("real", inside);
  assertMatch(String(await bound(path, "create_new")), /anybody may write in/, "it is looked at where links lead");
  assertEquals(await readdir(join(inside, "deeper")), []);
}, { root: true });
