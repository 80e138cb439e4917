/** Who is at the other end of a connection, told by the kernel: clients of other users, many at once, and gone before they are looked at. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type ChildProcess, spawn } from "node:child_process";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { child, ReeveError, supervise } from "../../mod.ts";
import { type DashboardOptions, serveDashboard } from "../../src/ipc/mod.ts";
import { type ByteConnection, platform, type UnixListener } from "../../src/platform/mod.ts";
import { inFolder } from "../support/folder.ts";
import { LineClient } from "../support/lines.ts";
import { untilAborted } from "../support/tasks.ts";

const IS_ROOT = process.platform === "linux" && process.getuid?.() === 0;

/** Two users that everybody has: nobody, and one without a name. */
const NOBODY = 65_534;
const STRANGER = 12_345;

/** Each of these connects again and again, and says who it is; the last argument is how often. */
const SPEAKER = `
const { connect } = require("node:net");
const [path, times] = process.argv.slice(1);
const next = (left) => {
  if (left === 0) return;
  const socket = connect(path, () => socket.end(process.getuid() + " " + process.getgid() + " " + process.pid + "\\n"));
  socket.on("finish", () => next(left - 1));
  socket.on("error", () => process.exit(3));
  socket.resume();
};
next(Number(times));
`;

/** Asks one line and prints the answer. */
const ASKER = `
const socket = require("node:net").connect(process.argv[1], () => socket.write(process.argv[2] + "\\n"));
socket.on("error", (error) => console.log(error.code));
socket.once("data", (data) => { process.stdout.write(data); socket.destroy(); });
`;

function asUser(uid: number, script: string, args: readonly string[]): ChildProcess {
  return spawn("node", ["-e", script, ...args], {
    uid,
    gid: uid,
    cwd: "/",
    stdio: ["ignore", "pipe", "inherit"],
    env: { PATH: process.env["PATH"] },
  });
}

async function printed(program: ChildProcess): Promise<string> {
  let text = "";
  program.stdout?.on("data", (data) => text += data);
  await new Promise<void>((resolve) => program.once("close", () => resolve()));
  return text;
}

function inOpenFolder(run: (path: string) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    await chmod(folder, 0o755);
    await run(join(folder, "t.sock"));
  });
}

async function listening(run: (listener: UnixListener, path: string) => Promise<void>): Promise<void> {
  await inOpenFolder(async (path) => {
    const listener = await platform.listenUnix(path, { peers: true });
    try {
      assert(listener.tellsPeers, `the kernel could not be asked: ${platform.peerCredentialsHint}`);
      await chmod(path, 0o666);
      await run(listener, path);
    } finally {
      await listener.close();
    }
  });
}

async function textOf(connection: ByteConnection): Promise<string> {
  let text = "";
  await connection.receive((block) => {
    text += new TextDecoder().decode(block);
    return true;
  });
  return text.trim();
}

function test(name: string, fn: () => Promise<void>, ignore = !IS_ROOT): void {
  Deno.test({ name: ignore ? `${name} (needs Linux and root)` : name, ignore, fn });
}

test("every client is told by uid, gid and pid, also while others of other users connect", () =>
  listening(async (listener, path) => {
    const users = [0, NOBODY, STRANGER, NOBODY];
    const spoken = Promise.all(users.map((uid) => printed(asUser(uid, SPEAKER, [path, "50"]))));
    const keepAlive = setInterval(() => {}, 1_000);
    const left: ByteConnection[] = [];
    for (let count = 0; count < 50 * users.length; count++) {
      const connection = await listener.accept();
      assert(connection !== null);
      const { peer } = connection;
      assertEquals(`${peer?.uid} ${peer?.gid} ${peer?.pid}`, await textOf(connection));
      // Some are closed at once, some much later, so that descriptors are used again in every order.
      if (count % 3 === 0) left.push(connection);
      else connection.close();
      if (left.length > 10) left.splice(5, 3).forEach((old) => old.close());
    }
    left.forEach((connection) => connection.close());
    await spoken;
    clearInterval(keepAlive);
  }));

test("who connects and is gone at once is told all the same", () =>
  listening(async (listener, path) => {
    const keepAlive = setInterval(() => {}, 1_000);
    const vanishing = asUser(
      STRANGER,
      `
      const { connect } = require("node:net");
      let left = 200;
      const next = () => { if (left-- > 0) { const socket = connect(process.argv[1], () => { socket.destroy(); next(); }); } };
      next();
    `,
      [path],
    );
    const gone = printed(vanishing);
    for (let count = 0; count < 200; count++) {
      const connection = await listener.accept();
      assertEquals([connection?.peer?.uid, connection?.peer?.pid], [STRANGER, vanishing.pid]);
      connection?.close();
    }
    await gone;
    clearInterval(keepAlive);
  }));

async function served(options: Partial<DashboardOptions>, run: (path: string) => Promise<void>): Promise<void> {
  await inOpenFolder(async (path) => {
    await using tree = await supervise({ children: [child.task("api", untilAborted)] });
    await using _dashboard = await serveDashboard(tree, { targetId: "t", path, permissions: "0660", ...options });
    // The group of the socket is ours; that others get at it is what this is about.
    await chmod(path, 0o666);
    await run(path);
  });
}

const HELLO = JSON.stringify({ request_id: "h", method: "hello" });
const PAUSE = JSON.stringify({
  request_id: "p",
  method: "command.pause_child",
  params: {
    command_id: "c",
    target_id: "t",
    command: "pause_child",
    target: { child_path: "/api" },
    reason: "test",
    requested_by: "tester",
    confirmed: true,
    requested_at_unix_nanos: 1,
  },
});

test("C2: another user is refused with one line when it connects; the owner is not", () =>
  served({}, async (path) => {
    assertMatch(await printed(asUser(STRANGER, ASKER, [path, HELLO])), /"peer_cred_uid_mismatch".*uid 12345/);
    assertMatch(await printed(asUser(0, ASKER, [path, HELLO])), /"ok":true/);
  }));

test("C2: gids and pids that are not allowed are refused", async () => {
  await served({ securityConfig: { peerIdentity: { requireUidMatch: false, allowedGids: [0, NOBODY] } } }, async (path) => {
    assertMatch(await printed(asUser(STRANGER, ASKER, [path, HELLO])), /"peer_cred_gid_not_allowed"/);
    assertMatch(await printed(asUser(NOBODY, ASKER, [path, HELLO])), /"ok":true/);
  });
  await served({ securityConfig: { peerIdentity: { allowedPids: [process.pid] } } }, async (path) => {
    assertMatch(await printed(asUser(0, ASKER, [path, HELLO])), /"peer_cred_pid_not_allowed"/);
    const client = await LineClient.open(path);
    client.send(`${HELLO}\n`);
    assertEquals((await client.json())["ok"], true);
    client.close();
  });
});

test("C3: a user that may connect may read, and command only when it is on the list", () =>
  served({ securityConfig: { peerIdentity: { requireUidMatch: false }, authorization: { allowedUids: [NOBODY] } } }, async (path) => {
    assertMatch(await printed(asUser(STRANGER, ASKER, [path, HELLO])), /"ok":true/);
    assertMatch(await printed(asUser(STRANGER, ASKER, [path, PAUSE])), /"authz_denied"/);
    assertMatch(await printed(asUser(0, ASKER, [path, PAUSE])), /"authz_denied"/);
    assertMatch(await printed(asUser(NOBODY, ASKER, [path, PAUSE])), /"accepted":true/);
  }));

Deno.test({
  name: "a rule that only the kernel can answer starts where it can be asked, and nowhere else",
  ignore: process.platform !== "linux",
  fn: () =>
    inOpenFolder(async (path) => {
      await using tree = await supervise({ children: [] });
      const serve = (securityConfig: DashboardOptions["securityConfig"]): ReturnType<typeof serveDashboard> =>
        serveDashboard(tree, { targetId: "t", path, securityConfig });
      const listener = await platform.listenUnix(`${path}2`, { peers: true });
      const { tellsPeers } = listener;
      await listener.close();
      const wish = { peerIdentity: { allowedGids: [1] } };
      if (tellsPeers) {
        await (await serve(wish)).close();
        return;
      }
      const { code, message } = await assertRejects(() => serve(wish), ReeveError);
      assertEquals(code, "dashboard_not_started");
      assertMatch(message, /peerIdentity\.allowedGids needs to know who connects/);
    }),
});
