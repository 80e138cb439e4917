/** `reeve dashboard`: an address that lets in once, a page, and a session with the trees that run. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import process from "node:process";
// @ts-types="@types/ws"
import { WebSocket } from "ws";
import { reeve } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";

const TREE = `name: shop
children:
  - { name: web, task_role: service, run: { process: { command: sleep, args: ["60"] } } }
`;

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: process.platform === "win32", fn });
}

interface Message {
  readonly type?: string;
  readonly [member: string]: unknown;
}

/** What a session says, message by message. */
class Session {
  readonly said: Message[] = [];
  readonly #socket: WebSocket;

  constructor(url: string, cookie: string) {
    this.#socket = new WebSocket(url, { headers: { cookie } });
    this.#socket.on("message", (data) => this.said.push(JSON.parse(String(data))));
    this.#socket.on("error", () => {});
  }

  say(message: Message): void {
    this.#socket.send(JSON.stringify(message));
  }

  async first(type: string): Promise<Message> {
    const find = (): Message | undefined => this.said.find((message) => message.type === type);
    await until(() => find() !== undefined, () => `no ${type} came: ${JSON.stringify(this.said).slice(0, 500)}`);
    return find()!;
  }

  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#socket.once("close", () => resolve()));
    this.#socket.close();
    return closed;
  }
}

test("reeve dashboard shows the page to whoever has the address, and speaks of the trees that run", () =>
  withFolder({ "supervisor.yaml": TREE }, async (folder) => {
    const run = reeve(["run", "supervisor.yaml"], { cwd: folder, runtimeDir: folder });
    const command = reeve(["dashboard", "--no-open"], { cwd: folder, runtimeDir: folder });
    try {
      await Promise.all([run.until("everything is ready"), command.until("Ctrl-C ends it"), command.until("token=")]);
      const [url = ""] = /^http:\S+token=\S+$/m.exec(command.output()) ?? [];
      const { origin, host } = new URL(url);

      const stranger = await fetch(origin, { redirect: "manual" });
      assertEquals(stranger.status, 401);
      await stranger.body?.cancel();
      const entry = await fetch(url, { redirect: "manual" });
      await entry.body?.cancel();
      assertEquals([entry.status, entry.headers.get("location")], [303, "/"]);
      const cookie = entry.headers.get("set-cookie")?.split(";")[0] ?? "";
      const again = await fetch(url, { redirect: "manual" });
      assertEquals(again.status, 401);
      await again.body?.cancel();

      const page = await fetch(origin, { headers: { cookie } });
      assertEquals(page.status, 200);
      const policy = page.headers.get("content-security-policy") ?? "";
      assertMatch(policy, /default-src 'none'; script-src 'self'; style-src 'self'/);
      const html = await page.text();
      for (const [, path = ""] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
        const file = await fetch(`${origin}${path}`, { headers: { cookie } });
        assertEquals(file.status, 200, path);
        assert((await file.text()).length > 1_000, path);
      }

      const session = new Session(`ws://${host}/session`, cookie);
      assertEquals((await session.first("server_hello"))["role"], "dangerous");
      session.say({ type: "client_hello", client_store_id: "a test" });
      const isThere = (): boolean =>
        session.said.some(({ type, targets }) => type === "target_list" && JSON.stringify(targets).includes('"connected"'));
      await until(isThere, () => "no target");
      session.say({ type: "request", request_id: "1", target_id: "shop", method: "reeve.status", params: { usage: true } });
      assertMatch(JSON.stringify(await session.first("response")), /"child_path":"\/web"/);
      session.say({
        type: "command",
        command_id: "c",
        target_id: "shop",
        command: "pause_child",
        target: { child_path: "/web" },
        reason: "a test",
        confirmed: false,
      });
      assertMatch(JSON.stringify(await session.first("command_result")), /"accepted":true/);
      await session.close();
      command.signal("SIGINT");
      assertEquals(await command.ended, 0);
    } finally {
      for (const one of [run, command]) {
        try {
          one.signal("SIGTERM");
        } catch {
          // It has ended.
        }
      }
      await Promise.all([run.ended, command.ended]);
    }
  }));

test("reeve dashboard says which port it cannot have, and what is no port", async () => {
  const wrong = reeve(["dashboard", "--port", "70000"]);
  assertEquals(await wrong.ended, 2);
  assertMatch(wrong.output(), /from 0 to 65535/);
  const first = reeve(["dashboard", "--no-open"]);
  for (const said of ["Ctrl-C ends it", "token="]) await first.until(said);
  const port = new URL(/http:\S+/.exec(first.output())?.[0] ?? "").port;
  const second = reeve(["dashboard", "--no-open", "--port", port]);
  assertEquals(await second.ended, 1);
  assertMatch(second.output(), new RegExp(`Cannot listen on 127\\.0\\.0\\.1:${port}`));
  first.signal("SIGINT");
  assertEquals(await first.ended, 0);
});
