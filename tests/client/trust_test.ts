/** Whom a socket must belong to. */
import { assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { distrust } from "../../src/client/trust.ts";
import { inFolder } from "../support/folder.ts";
import { socketTest } from "../support/sockets.ts";

socketTest("a socket must belong to the user who is named, or to the own one, or root", () =>
  inFolder(async (folder) => {
    const path = join(folder, "shop.sock");
    await assertRejects(() => distrust(path));
    const server = createServer().listen(path);
    await once(server, "listening");
    const uid = process.getuid?.() ?? 0;
    assertEquals(await distrust(path), null);
    assertEquals(await distrust(path, uid), null);
    assertEquals(await distrust(path, uid + 1), "it belongs to somebody else");
    await new Promise((resolve) => server.close(resolve));
  }));
