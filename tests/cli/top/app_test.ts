/** `reeve top` on a terminal, with a real tree behind a real socket. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { createServer, type Socket } from "node:net";
import process from "node:process";
import { child, supervise } from "../../../mod.ts";
import { top } from "../../../src/cli/commands/top.ts";
import { withoutColors } from "../../../src/cli/top/text.ts";
import { main } from "../../../src/cli/main.ts";
import { serveDashboard } from "../../../src/ipc/mod.ts";
import { inFolder } from "../../support/folder.ts";
import { socketTest } from "../../support/sockets.ts";
import { type Served, whileServed } from "../../support/served.ts";
import { until } from "../../support/until.ts";
import { untilAborted } from "../../support/tasks.ts";
import { RecordingIo } from "../helpers.ts";
import { FakeTerminal } from "./terminal.ts";

const ESC = "\u001b";

class TerminalIo extends RecordingIo {
  constructor(readonly terminal: FakeTerminal) {
    super(false, { columns: terminal.size().columns });
  }
}

interface Shown extends Served {
  readonly terminal: FakeTerminal;
  readonly io: TerminalIo;
  /** The exit code. */
  readonly ended: Promise<number>;
}

/** Shows a tree on a terminal; at the end everything must be as it was before. */
async function shown(use: (shown: Shown) => Promise<void>, served: Parameters<typeof whileServed>[1] = {}): Promise<void> {
  await whileServed(async (target) => {
    const terminal = new FakeTerminal();
    const io = new TerminalIo(terminal);
    const ended = top({ socket: target.path, once: false, mouse: true, json: false }, io);
    await terminal.shows("● live");
    assertEquals([terminal.isRaw, terminal.screen.modes.has("1049"), terminal.screen.modes.has("25")], [true, true, false]);
    await use({ ...target, terminal, io, ended });
    assertEquals([terminal.isRaw, terminal.screen.modes.has("1049"), terminal.screen.modes.has("25"), terminal.listeners], [
      false,
      false,
      true,
      0,
    ]);
  }, served);
}

socketTest("top shows the tree, follows what happens, and ends with q", () =>
  shown(async ({ tree, terminal, ended, io }) => {
    await terminal.shows(/› {3}● api +ready/);
    await terminal.shows(/✓ once +done/);
    await tree.child("/billing").pause({ by: "ops", reason: "too dear" });
    await terminal.shows(/‖ billing +paused/);
    await terminal.shows("paused by ops: too dear");
    await tree.add(child.task("late", untilAborted));
    await terminal.shows(/● late +ready/);
    terminal.type("q");
    assertEquals([await ended, io.err], [0, ""]);
  }));

socketTest("top asks for a command with its reason, and says what became of it", () =>
  shown(async ({ tree, terminal, ended }) => {
    await terminal.shows("› ");
    terminal.type("p");
    await terminal.shows("Why pause /api?");
    terminal.type("a look at it\r");
    await terminal.shows("✓ pause /api: done");
    await terminal.shows(/‖ api +paused/);
    assertEquals(tree.child("/api").operation, "paused");
    assert(tree.auditRecords.some(({ reason }) => reason === "a look at it"));
    terminal.type("p\r");
    await terminal.shows("✓ pause /api: it was so already");
    terminal.type("R");
    await terminal.shows("/api has no copies");
    terminal.type("F\r");
    await terminal.shows("reset the fuse of /api");
    terminal.type("\u0003");
    assertEquals(await ended, 0);
  }, { audit: { enabled: true } }));

socketTest("top shuts a tree down when its name was typed, and shows how it ends", () =>
  shown(async ({ tree, terminal, ended }) => {
    await terminal.shows("● reeve ready");
    terminal.type("X\r");
    await terminal.shows("To shut the tree down, type its name (reeve)");
    terminal.type("reeve\r");
    await terminal.shows("■ reeve stopped");
    await terminal.shows("✓ shut the tree down: done");
    await tree.finished;
    terminal.type("q");
    assertEquals(await ended, 0);
  }));

socketTest("top shows details with the last events and lines", () =>
  shown(async ({ terminal, ended }) => {
    terminal.type("\r");
    await terminal.shows("── details of /talks ──");
    await terminal.shows("│ said before");
    terminal.type("w");
    await terminal.shows("/talks is ready since");
    terminal.type(ESC);
    await terminal.shows("STATE");
    terminal.type("q");
    assertEquals(await ended, 0);
  }, {
    children: [child.task("talks", async ({ signal, log }) => {
      log("said before");
      await untilAborted({ signal });
    })],
  }));

socketTest("top follows the size of the terminal, and can be left in the background", () =>
  shown(async ({ terminal, ended }) => {
    terminal.resize(60, 12);
    await terminal.shows("› ");
    assertEquals(terminal.screen.lines().length, 12);
    terminal.resize(30, 8);
    await terminal.shows("30x8 is too small");
    terminal.resize(100, 24);
    await terminal.shows("CPU");
    terminal.type("\u001a");
    await until(() => terminal.suspended === 1 && terminal.isRaw, () => "it does not come back");
    await terminal.shows("CPU");
    terminal.type("q");
    assertEquals(await ended, 0);
  }));

for (const code of [129, 143]) {
  socketTest(`top leaves the terminal as it was, and ends with ${code}, after a signal`, () =>
    shown(async ({ terminal, ended }) => {
      terminal.end({ code });
      assertEquals(await ended, code);
    }));
}

socketTest("top leaves the terminal as it was after an error that nobody caught", () =>
  shown(async ({ terminal, ended }) => {
    const failed = ended.then(() => "", (error) => error.message);
    terminal.end({ error: new Error("out of luck") });
    assertEquals(await failed, "out of luck");
  }));

socketTest("top waits while nobody answers, says since when, and goes on with the next run", () =>
  inFolder(async (folder) => {
    const path = join(folder, "target.sock");
    const begin = async (name: string) => {
      const tree = await supervise({ name: "shop", children: [child.task(name, untilAborted)] });
      return { tree, dashboard: await serveDashboard(tree, { targetId: "shop", path, bindMode: "replace_stale" }) };
    };
    const first = await begin("one");
    const terminal = new FakeTerminal();
    const ended = top({ socket: path, once: false, mouse: false, json: false }, new TerminalIo(terminal));
    await terminal.shows(/● one +ready/);
    await first.dashboard.close();
    await first.tree.shutdown();
    await terminal.shows(/✗ lost \d+ s ago, (?:again in \d+ s|connecting)/);
    await terminal.shows("~  ● one");
    const second = await begin("two");
    await terminal.shows("● live");
    await terminal.shows(/● two +ready/);
    assert(!terminal.screen.lines().some((line) => / one +/.test(line)), terminal.screen.lines().join("\n"));
    await terminal.shows("begin anew");
    terminal.type("q");
    assertEquals(await ended, 0);
    await second.dashboard.close();
    await second.tree.shutdown();
  }));

socketTest("top leaves the screen and says why where the target refuses it for good", () =>
  inFolder(async (folder) => {
    const path = join(folder, "target.sock");
    const tree = await supervise({ children: [child.task("one", untilAborted)] });
    const dashboard = await serveDashboard(tree, { targetId: "shop", path, bindMode: "replace_stale" });
    const terminal = new FakeTerminal();
    const io = new TerminalIo(terminal);
    const ended = top({ socket: path, once: false, mouse: false, json: false }, io);
    await terminal.shows("● live");
    await dashboard.close();
    await tree.shutdown();
    const error = { code: "authz_denied", stage: "authorization", target_id: null, message: "you may not", retryable: false };
    const refused = new Set<Socket>();
    const refusing = createServer((socket) => {
      refused.add(socket.on("error", () => {}));
      socket.end(`${JSON.stringify({ request_id: "invalid-request", ok: false, error })}\n`);
    });
    await new Promise<void>((resolve) => refusing.listen(path, resolve));
    assertEquals(await ended, 1);
    assertStringIncludes(io.err, "The target refused: you may not (authz_denied)");
    assertEquals([terminal.isRaw, terminal.screen.modes.has("1049"), terminal.listeners], [false, false, 0]);
    for (const socket of refused) socket.destroy();
    await new Promise<void>((resolve) => refusing.close(() => resolve()));
  }));

socketTest("top says what to do where there is no terminal, or nobody runs, and draws nothing", async () => {
  const outcome = async (
    args: readonly string[],
    io: RecordingIo,
  ): Promise<[number, string, string]> => [await main(["top", ...args], io), io.out, io.err];
  const [code, out, err] = await outcome(["--socket", "/nowhere"], new RecordingIo());
  assertEquals([code, out], [2, ""]);
  assertStringIncludes(err, "reeve status --json");
  assertStringIncludes((await outcome(["--json"], new RecordingIo()))[2], "reeve status --json");
  const terminal = new FakeTerminal();
  const [refused, , why] = await outcome(["--socket", "/nowhere/at/all.sock"], new TerminalIo(terminal));
  assertEquals([refused, terminal.written, terminal.isRaw], [2, "", false]);
  assertStringIncludes(why, "Cannot use the dashboard");
  const before = process.env["TERM"];
  process.env["TERM"] = "dumb";
  try {
    const [dumb, , said] = await outcome([], new TerminalIo(terminal));
    assertEquals([dumb, terminal.written], [2, ""]);
    assertStringIncludes(said, "reeve status");
  } finally {
    if (before === undefined) delete process.env["TERM"];
    else process.env["TERM"] = before;
  }
});

socketTest("top --once prints one picture, without any sequence where there are no colours", () =>
  whileServed(async ({ path }) => {
    const io = new RecordingIo(false, { columns: 90 });
    assertEquals(await main(["top", "--once", "--socket", path], io), 0);
    const lines = io.out.split("\n");
    assertMatch(lines[0]!, /^● reeve ready, up .* {2}3 children: 2 ready, 1 done +● live$/);
    assertMatch(io.out, /● billing +ready/);
    assert(!io.out.includes(ESC) && lines.every((line) => line.length <= 90), io.out);
    const colored = new RecordingIo(true, { columns: 90 });
    await main(["top", "--once", "--socket", path], colored);
    assertStringIncludes(colored.out, `${ESC}[32m● `);
    // Nothing but colours.
    assert(!withoutColors(colored.out).includes(ESC));
  }));
