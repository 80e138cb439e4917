import { assert, assertEquals } from "@std/assert";
import { createServer } from "node:net";
import { join } from "node:path";
import { child, supervise } from "../../../mod.ts";
import { complete } from "../../../src/cli/shell/complete.ts";
import { serveDashboard } from "../../../src/ipc/mod.ts";
import { inFolder } from "../../support/folder.ts";
import { RecordingIo } from "../helpers.ts";

async function completed(...words: string[]): Promise<[number, string, string]> {
  const io = new RecordingIo();
  // However loaded the machine is.
  return [await complete(words, io, 15_000), io.out, io.err];
}

const idle = (name: string): ReturnType<typeof child.task> =>
  child.task(name, ({ signal }) => new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve())));

Deno.test("complete() prints names of children, and paths where a path was begun or a name has several", () =>
  inFolder(async (folder) => {
    const path = join(folder, "s.sock");
    const inner = (name: string): ReturnType<typeof child.supervisor> => child.supervisor(name, { children: [idle("db")] });
    await using tree = await supervise({ children: [idle("web"), inner("a"), inner("b")] });
    await using _dashboard = await serveDashboard(tree, { targetId: "x", path });
    assertEquals(await completed("why", "--socket", path, ""), [0, "web\na\n/a/db\nb\n/b/db\n", ""]);
    assertEquals(await completed("why", `--socket=${path}`, "/"), [0, "/web\n/a\n/a/db\n/b\n/b/db\n", ""]);
    assertEquals(await completed("why", "--socket", "=", path, "w"), [0, "web\na\n/a/db\nb\n/b/db\n", ""]);
  }));

Deno.test("complete() says nothing where nobody answers, or not in time", () =>
  inFolder(async (folder) => {
    assertEquals(await completed("why", "--socket", join(folder, "nobody.sock"), ""), [2, "", ""]);
    assertEquals(await completed("why", "--file", join(folder, "nowhere.yaml"), ""), [2, "", ""]);
    const path = join(folder, "silent.sock");
    const sockets = new Set<{ destroy(): void }>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("error", () => {});
    }).listen(path);
    await new Promise<void>((resolve) => server.on("listening", () => resolve()));
    const before = performance.now();
    const io = new RecordingIo();
    assertEquals([await complete(["why", "--socket", path, ""], io), io.out, io.err], [2, "", ""]);
    assert(performance.now() - before < 20_000);
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }));
