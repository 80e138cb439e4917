/** A file that is read anew while its tree runs: who is the same is not touched. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readdirSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { dirname, join } from "node:path";
import process from "node:process";
import { reeve, type RunningCommand } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { freePort } from "../support/free_port.ts";
import { programArgs } from "../support/runtime.ts";

/** Counts what it is asked, as long as it lives. */
const SERVER = `
import { createServer } from "node:net";
import process from "node:process";
let asked = 0;
createServer((socket) => socket.on("data", () => socket.write(process.pid + " " + ++asked + " " + process.env.SAYS + "\\n"))).listen(Number(process.argv[2]), "127.0.0.1");
`;

class Client {
  readonly #socket: Socket;
  #text = "";
  #wake = (): void => {};
  isOver = false;

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("data", (data) => {
      this.#text += data;
      this.#wake();
    });
    for (const event of ["close", "error"]) {
      this.#socket.on(event, () => {
        this.isOver = true;
        this.#wake();
      });
    }
  }

  /** Process, how often it was asked, and what it says. */
  async ask(): Promise<string[]> {
    this.#socket.write("?");
    while (!this.#text.includes("\n")) {
      if (this.isOver) throw new Error("the connection is gone");
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const line = this.#text.slice(0, this.#text.indexOf("\n"));
    this.#text = this.#text.slice(line.length + 1);
    return line.split(" ");
  }

  end(): void {
    this.#socket.destroy();
  }
}

function child(name: string, port: number, says: string, more = ""): string {
  const args = JSON.stringify([...programArgs("./server.mjs", ["-A"]), String(port)]);
  return `  - name: ${name}
    run: { process: { command: ${JSON.stringify(process.execPath)}, args: ${args} } }
    environment: [{ name: SAYS, value: ${says} }]
    readiness: { mode: tcp, port: ${port} }
    ${more}
`;
}

/** Runs a tree of two servers while a test changes its file. */
async function withServers(
  use: (it: { readonly command: RunningCommand; readonly file: string; readonly ports: readonly [number, number] }) => Promise<void>,
): Promise<void> {
  await withFolder({ "server.mjs": SERVER }, async (folder) => {
    const ports = [Number(await freePort()), Number(await freePort())] as const;
    const file = join(folder, "supervisor.yaml");
    writeFileSync(file, `children:\n${child("one", ports[0], "a")}${child("two", ports[1], "a")}`);
    const command = reeve(["run", "supervisor.yaml"], { cwd: folder, runtimeDir: folder });
    try {
      await command.until("everything is ready");
      await use({ command, file, ports });
    } finally {
      command.signal("SIGTERM");
      await command.ended;
    }
  });
}

const test = (name: string, fn: () => Promise<void>): void => Deno.test({ name, ignore: process.platform === "win32", fn });

test("SIGHUP: what has changed is started anew, and who is the same keeps its process, its connections and what it counts", () =>
  withServers(async ({ command, file, ports }) => {
    const [one, two] = ports.map((port) => new Client(port)) as [Client, Client];
    const [before, other] = [await one.ask(), await two.ask()];
    assertEquals([before.slice(1), other.slice(1)], [["1", "a"], ["1", "a"]]);
    writeFileSync(file, `children:\n${child("one", ports[0], "a", "limit: { max_restarts: 9 }")}${child("two", ports[1], "b")}`);
    command.signal("SIGHUP");
    await command.until("reeve: reloaded");
    assertEquals(await one.ask(), [before[0], "2", "a"]);
    assert(two.isOver);
    const again = new Client(ports[1]);
    const after = await again.ask();
    assertEquals(after.slice(1), ["1", "b"]);
    assert(after[0] !== other[0]);
    assertMatch(command.output(), /\/one\s+changed at once\s+limit/);
    assertMatch(command.output(), /\/two\s+started anew\s+environment/);
    for (const client of [one, two, again]) client.end();
  }));

test("SIGHUP: a file that cannot be read is no file without children: all run on", () =>
  withServers(async ({ command, file, ports }) => {
    const clients = ports.map((port) => new Client(port));
    const before = await Promise.all(clients.map((client) => client.ask()));
    for (const text of ["children: [", "children:\n  - name: one\n    run: { prozess: {} }\n", ""]) {
      const times = command.output().split("the tree runs on as it was").length;
      writeFileSync(file, text);
      command.signal("SIGHUP");
      while (command.output().split("the tree runs on as it was").length === times) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const after = await Promise.all(clients.map((client) => client.ask()));
    assertEquals(after, before.map(([pid]) => [pid, "2", "a"]));
    assertEquals(command.output().includes("reeve: reloaded"), false);
    for (const client of clients) client.end();
  }));

test("SIGHUP: a child that does not get up with what is new is as it was, and that is said", () =>
  withServers(async ({ command, file, ports }) => {
    const text = `children:\n${child("one", ports[0], "a")}`;
    writeFileSync(file, text.replace("./server.mjs", "./nowhere.mjs"));
    command.signal("SIGHUP");
    await command.until("reeve: reloaded");
    assertStringIncludes(command.output(), "FAILED, RUNS AS BEFORE");
    await command.until("rolled back");
    let answer: string[] = [];
    // It takes a moment until it listens again.
    while (answer.length === 0) {
      const one = new Client(ports[0]);
      answer = await one.ask().catch(() => []);
      one.end();
    }
    assertEquals(answer.slice(1), ["1", "a"]);
  }));

test("reeve reload says beforehand what it would do, then does it and waits for it, and says no where the file is refused", () =>
  withServers(async ({ command, file, ports }) => {
    const folder = dirname(file);
    const ask = async (...args: string[]): Promise<[code: number, output: string]> => {
      const asked = reeve(["reload", ...args], { runtimeDir: folder });
      return [await asked.ended, asked.output()];
    };
    const one = new Client(ports[0]);
    const before = await one.ask();
    assertEquals(await ask(file, "--dry-run"), [0, "reeve: nothing has changed, 2 children are as before\n"]);
    writeFileSync(file, `children:\n${child("one", ports[0], "a", "limit: { max_restarts: 9 }")}${child("two", ports[1], "b")}`);
    const [code, plan] = await ask(file, "--dry-run");
    assertEquals(code, 0, plan);
    assertMatch(
      plan,
      /^CHILD +WHAT +CHANGED\n\/one +would change at once +limit\n\/two +would start anew +environment\nreeve: nothing was done/,
    );
    const two = new Client(ports[1]);
    assertEquals((await two.ask()).slice(1), ["1", "a"]);
    const [done, json] = await ask(file, "--json", "--reason", "more restarts");
    assertEquals(done, 0, json);
    const { applied, failed, changes } = JSON.parse(json);
    assertEquals([applied, failed, changes.map(({ kind }: { kind: string }) => kind)], [true, [], ["live", "restart"]]);
    const again = new Client(ports[1]);
    assertEquals([(await again.ask()).slice(1), await one.ask()], [["1", "b"], [before[0]!, "2", "a"]]);
    assertStringIncludes(command.output(), "more restarts");

    writeFileSync(file, "children: [");
    const [socket = ""] = readdirSync(join(folder, "reeve")).filter((name) => name.endsWith(".sock"));
    assertEquals([(await ask(file))[0], (await ask("--socket", join(folder, "reeve", socket)))[0]], [1, 1]);
    assertEquals((await one.ask()).slice(0, 2), [before[0]!, "3"]);
    for (const client of [one, two, again]) client.end();
  }));

test("what counts from the next start on is told once, whichever way the file was read anew, and problems are where they are in the new one", () =>
  withServers(async ({ command, file, ports }) => {
    const write = (head: string, more = ""): void => writeFileSync(file, `${head}children:\n${child("one", ports[0], "a", more)}`);
    const times = (text: string): number => command.output().split(text).length - 1;
    write("signals: { SIGUSR2: reload }\n");
    assertEquals(await reeve(["reload", file, "--dry-run"], { runtimeDir: dirname(file) }).ended, 0);
    assertEquals(times('what is new in "signals"'), 0);
    assertEquals(await reeve(["reload", file], { runtimeDir: dirname(file) }).ended, 0);
    await command.until('what is new in "signals"');
    command.signal("SIGHUP");
    await command.until("nothing has changed");
    assertEquals(times('what is new in "signals"'), 1);
    write("# a line more\nsignals: { SIGUSR2: reload }\n", "watch: { paths: [./not-there] }");
    command.signal("SIGHUP");
    await command.until("the tree runs on as it was");
    assertMatch(command.output(), /supervisor\.yaml:8:\d+/);
  }));

test("reeve reload says where nobody runs the file", () =>
  withFolder({ "supervisor.yaml": "children: []\n" }, async (folder) => {
    for (
      const [args, why] of [[["supervisor.yaml"], "nobody runs supervisor.yaml"], [["--socket", join(folder, "no.sock")], "no.sock"], [
        [],
        "no run of this user listens",
      ]] as const
    ) {
      const asked = reeve(["reload", ...args], { cwd: folder, runtimeDir: folder });
      assertEquals([await asked.ended, asked.output().includes(why)], [2, true], asked.output());
    }
  }));
