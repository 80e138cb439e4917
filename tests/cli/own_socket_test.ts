import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { lstat, mkdir, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import process from "node:process";
import { ownSocketPath, successorOf } from "../../src/cli/own_socket.ts";
import { inFolder } from "../support/folder.ts";

Deno.test("ownSocketPath() is in the runtime folder of the user, else in the cache", () =>
  inFolder(async (HOME) => {
    const end = `shop_1-${process.pid}.sock`;
    assertEquals(await ownSocketPath("shop/1", { HOME, XDG_RUNTIME_DIR: `${HOME}/run` }), `${HOME}/run/reeve/${end}`);
    for (const XDG_RUNTIME_DIR of [undefined, "", "run"]) {
      assertEquals(await ownSocketPath("shop/1", { HOME, XDG_RUNTIME_DIR }), `${HOME}/.cache/reeve/${end}`);
    }
    assertEquals((await lstat(`${HOME}/.cache/reeve`)).mode & 0o777, 0o700);
  }));

Deno.test("ownSocketPath() leaves room for the folder in which the socket is bound first", () =>
  inFolder(async (HOME) => {
    const path = await ownSocketPath("ä".repeat(300), { HOME });
    const [folder, name] = [`${HOME}/.cache/reeve`, path.slice(HOME.length + "/.cache/reeve/".length)];
    assertMatch(name, /^_+-\d+\.sock$/);
    assertEquals(new TextEncoder().encode(`${folder}/.${name}.d/s`).length, 107);
  }));

Deno.test("ownSocketPath() refuses a folder that is a link, no folder, or open to others", () =>
  inFolder(async (HOME) => {
    const refused = (XDG_RUNTIME_DIR: string, why: string): Promise<unknown> =>
      assertRejects(() => ownSocketPath("a", { HOME, XDG_RUNTIME_DIR }), Error, why);
    for (const name of ["link", "file", "open", "elsewhere"]) await mkdir(`${HOME}/${name}`);
    await symlink(`${HOME}/elsewhere`, `${HOME}/link/reeve`);
    await refused(`${HOME}/link`, "is no folder");
    await writeFile(`${HOME}/file/reeve`, "");
    await refused(`${HOME}/file`, "EEXIST");
    await mkdir(`${HOME}/open/reeve`, { mode: 0o750 });
    await refused(`${HOME}/open`, "is open to others");
  }));

Deno.test("ownSocketPath() leaves alone what is no socket, and where somebody answers", () =>
  inFolder(async (HOME) => {
    const folder = `${HOME}/.cache/reeve`;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(`${folder}/notes.sock`, "");
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${folder}/live-1.sock`, resolve));
    try {
      await ownSocketPath("a", { HOME });
      assertEquals([(await lstat(`${folder}/notes.sock`)).isFile(), (await lstat(`${folder}/live-1.sock`)).isSocket()], [true, true]);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }));

Deno.test({
  name: "successorOf() finds the socket of the next run of the same name, when there is just one",
  ignore: process.platform === "win32",
  fn: () =>
    inFolder(async (HOME) => {
      const folders = { HOME };
      const before = (await ownSocketPath("shop", folders)).replace(/-\d+\.sock$/, "-1.sock");
      const folder = before.slice(0, -"/shop-1.sock".length);
      const listen = async (name: string): Promise<() => void> => {
        const server = createServer();
        await new Promise<void>((resolve) => server.listen(`${folder}/${name}`, resolve));
        return () => server.close();
      };
      assertEquals(await successorOf(before, folders), null);
      const closeOther = await listen("shop-2-7.sock");
      assertEquals(await successorOf(before, folders), null, "another name");
      const close = await listen("shop-2.sock");
      assertEquals(await successorOf(before, folders), `${folder}/shop-2.sock`);
      assertEquals(await successorOf(`${HOME}/shop-1.sock`, folders), null, "another folder");
      assertEquals(await successorOf(`${folder}/shop.sock`, folders), null, "no socket of ours");
      const closeThird = await listen("shop-3.sock");
      assertEquals(await successorOf(before, folders), null, "nobody knows which");
      for (const end of [close, closeOther, closeThird]) end();
    }),
});
