/** What a client looks at before it speaks to a socket. */
import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { spawn } from "node:child_process";
import { chmod, chown, mkdir, symlink } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { ReeveError } from "../../mod.ts";
import { connect } from "../../src/client/mod.ts";
import { inFolder } from "../support/folder.ts";
import { socketTest } from "../support/sockets.ts";

/** Somebody else. */
const NOBODY = 65_534;

function test(name: string, run: (folder: string) => Promise<void>, options: { readonly root?: boolean } = {}): void {
  socketTest(`client: ${name}`, () => inFolder(run), options);
}

/** Somebody who listens and says nothing; the folder is there. */
async function whileListening(path: string, use: () => Promise<void>): Promise<void> {
  const server = createServer((socket) => socket.on("error", () => {}));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    await use();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Why a path is refused; `null` when it is not. */
async function why(path: string): Promise<string | null> {
  try {
    await (await connect(path)).close();
    return null;
  } catch (error) {
    return error instanceof ReeveError && error.code === "dashboard_unreachable" ? error.message : `not that: ${error}`;
  }
}

test("a link among the folders is followed, and where it leads is looked at", async (folder) => {
  await mkdir(join(folder, "real", "in"), { recursive: true });
  await symlink("real", join(folder, "relative"));
  await symlink(join(folder, "real"), join(folder, "absolute"));
  await symlink("in/../in", join(folder, "real", "round"));
  await symlink("circle", join(folder, "circle"));
  await whileListening(join(folder, "real", "in", "s"), async () => {
    for (const way of ["real/in", "relative/in", "absolute/in", "relative/round", "absolute/round"]) {
      assertEquals(await why(join(folder, way, "s")), null, way);
    }
    assertMatch(String(await why(join(folder, "circle", "s"))), /ELOOP|loop|too many/i);
    await chmod(join(folder, "real"), 0o777);
    for (const way of ["real/in", "relative/in", "absolute/round"]) {
      assertMatch(String(await why(join(folder, way, "s"))), /anybody may write in ".*\/real"/, way);
    }
    await chmod(join(folder, "real"), 0o1777);
    assertEquals(await why(join(folder, "relative", "in", "s")), null, "in a sticky folder everybody has what is theirs");
  });
});

test("a folder in which a group may write is refused, but for the group that is the user's own", async (folder) => {
  const inside = join(folder, "g");
  await mkdir(inside);
  await whileListening(join(inside, "s"), async () => {
    await chmod(inside, 0o770);
    await chown(inside, 0, 0);
    assertEquals(await why(join(inside, "s")), null);
    await chown(inside, 0, 7);
    assertMatch(String(await why(join(inside, "s"))), /a group may write in ".*\/g"/);
    await chmod(inside, 0o750);
    assertEquals(await why(join(inside, "s")), null);
  });
}, { root: true });

test("a socket, a folder or a link of somebody else is refused", async (folder) => {
  await chmod(folder, 0o1777);
  const mine = join(folder, "mine");
  await mkdir(mine);
  await symlink("mine", join(folder, "link"));
  await whileListening(join(mine, "s"), async () => {
    assertEquals(await why(join(folder, "link", "s")), null);
    await chown(join(mine, "s"), NOBODY, NOBODY);
    assertMatch(String(await why(join(mine, "s"))), /it belongs to somebody else/);
    await chown(join(mine, "s"), 0, 0);
    await chown(mine, NOBODY, NOBODY);
    assertMatch(String(await why(join(mine, "s"))), /"\/.*\/mine" belongs to somebody else/);
    await chown(mine, 0, 0);
    await ownLink(join(folder, "link"));
    assertMatch(String(await why(join(folder, "link", "s"))), /"\/.*\/link" belongs to somebody else/);
    assertEquals(await why(join(mine, "s")), null);
  });
}, { root: true });

/** Gives a link itself away; what it leads to stays. */
function ownLink(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const program = spawn("chown", ["-h", `${NOBODY}:${NOBODY}`, path]);
    program.once("error", reject);
    program.once("exit", (code) => code === 0 ? resolve() : reject(new Error(`chown ended with ${code}`)));
  });
}

test("addresses without a file, and paths that cannot be, are refused by their form", async (folder) => {
  assertMatch(String(await why("@reeve")), /abstract address/);
  assertMatch(String(await why("\0reeve")), /abstract address/);
  assertMatch(String(await why(`${folder}/s\0.sock`)), /NUL/);
  assertMatch(String(await why("s.sock")), /must be absolute/);
  const long = join(folder, "x".repeat(108 - folder.length - 1));
  assertMatch(String(await why(long)), /has 108 bytes, must have at most 107/);
  const longest = long.slice(0, -1);
  await whileListening(longest, async () => assertEquals(await why(longest), null));
  const accented = join(folder, "é".repeat(54));
  assertMatch(String(await why(accented)), /bytes, must have at most 107/);
});

test("a socket that goes while it is looked at is a refusal", async (folder) => {
  const path = join(folder, "s");
  let [refused, connected] = [0, 0];
  for (let round = 0; round < 40; round++) {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const connecting = why(path);
    if (round % 2 === 0) await null;
    const closing = new Promise((resolve) => server.close(resolve));
    const found = await connecting;
    if (found === null) connected++;
    else {
      assertMatch(found, /^Cannot use the dashboard/);
      refused++;
    }
    await closing;
  }
  assertEquals(refused + connected, 40);
  await assertRejects(() => connect(path), ReeveError);
});
