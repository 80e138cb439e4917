/** `reeve top` on a real terminal, beside a real run. */
import { assert, assertEquals } from "@std/assert";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { reeve, type RunningCommand } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { HAS_TMUX, Tmux } from "../support/tmux.ts";

const TREE = `name: small
children:
  - name: db
    run: { process: { command: sh, args: [-c, "echo db is up; exec sleep 600"] } }
    readiness: { mode: log_line, pattern: is up }
    backoff: { initial_ms: 50 }
  - name: api
    run: { process: { command: sh, args: [-c, "echo api is up; exec sleep 600"] } }
    dependencies: [db]
  - name: web
    instances: 2
    run: { process: { command: sleep, args: ["600"] } }
`;

function test(name: string, run: (tmux: Tmux, folder: string) => Promise<void>): void {
  Deno.test({
    name,
    ignore: !HAS_TMUX,
    fn: () => withFolder({ "supervisor.yaml": TREE }, (folder) => Tmux.with(folder, {}, (tmux) => run(tmux, folder))),
  });
}

async function runIn(folder: string): Promise<RunningCommand> {
  const command = reeve(["run", "supervisor.yaml"], { cwd: folder, runtimeDir: folder, limitMs: 180_000 });
  await command.until("everything is ready");
  return command;
}

async function ended(command: RunningCommand): Promise<void> {
  command.signal("SIGTERM");
  assertEquals(await command.ended, 0, command.output());
}

function signal(folder: string, name: "SIGTERM" | "SIGHUP"): Promise<void> {
  return readFile(join(folder, "pid"), "utf8").then((pid) => void process.kill(Number(pid), name));
}

test("reeve top: children as they come and go, a filter, details, a command, another size", async (tmux, folder) => {
  const command = await runIn(folder);
  tmux.start("top");
  await tmux.shows(/● small ready, up .* 5 children: 5 ready +● live/);
  await tmux.shows(/› {3}● db +ready +.* \d+ *\n/);
  assertEquals(tmux.modes(), "1 0 1");
  const [, pid = ""] = /● db +ready.* (\d+) *\n/.exec(tmux.screen()) ?? [];
  assert(Number(pid) > 1, tmux.screen());
  process.kill(Number(pid), "SIGKILL");
  await tmux.shows(/● db +ready +\d+ s +1 /);
  await tmux.shows(/✗ \/db +failed: ended by signal SIGKILL/);
  tmux.type("/web:2");
  await tmux.shows(/› +● web:2/);
  await tmux.shows('"web:2": 1 found');
  tmux.press("Enter", "Enter");
  await tmux.shows("── details of /web/web:2 ──");
  await tmux.shows(/kind +process/);
  tmux.press("Escape");
  await tmux.shows("STATE");
  tmux.press("Escape");
  await tmux.shows(/● api +ready/);
  tmux.press("Home", "Down", "p");
  await tmux.shows("Why pause /api?");
  tmux.type("no need");
  tmux.press("Enter");
  await tmux.shows("✓ pause /api: done");
  await tmux.shows(/‖ api +paused/);
  await tmux.shows(/paused by .*: no need/);
  tmux.resize(60, 14);
  await tmux.shows(/‖ api +paused/);
  await tmux.shows(/^\? help {2}q quit {2}Enter details/m);
  assertEquals(tmux.screen().trimEnd().split("\n").every((line) => line.length <= 60), true, tmux.screen());
  tmux.type("q");
  await tmux.shows("ended with 0");
  assertEquals(tmux.modes(), "0 1 0");
  await ended(command);
});

test("reeve top leaves the terminal as it was, however it ends", async (tmux, folder) => {
  const command = await runIn(folder);
  const ends: readonly (readonly [code: number, end: () => unknown])[] = [
    [143, () => signal(folder, "SIGTERM")],
    [129, () => signal(folder, "SIGHUP")],
    [0, () => tmux.press("C-c")],
  ];
  for (const [code, end] of ends) {
    tmux.start("top");
    await tmux.shows("● live");
    assertEquals(tmux.modes(), "1 0 1");
    await end();
    await tmux.shows(`ended with ${code}`);
    assertEquals(tmux.modes(), "0 1 0");
    tmux.type("stty -a | tr ' ;' '\\n\\n' | grep -x -e icanon -e echo -e isig | tr '\\n' ,");
    tmux.press("Enter");
    await tmux.shows("isig,icanon,echo,");
  }
  await ended(command);
});

test("reeve top waits for a run that was ended, and goes on with the next one, wherever that listens", async (tmux, folder) => {
  const first = await runIn(folder);
  tmux.start("top", "--no-mouse");
  await tmux.shows("● live");
  assertEquals(tmux.modes(), "1 0 0");
  await ended(first);
  await tmux.shows(/✗ lost .* ago/);
  await tmux.shows(/~ {2}. db /);
  const second = await runIn(folder);
  await tmux.shows("● live");
  await tmux.shows(/ {4}● api +ready|› {3}● api +ready/);
  tmux.type("q");
  await tmux.shows("ended with 0");
  await ended(second);
});

test("reeve top says what to do where it cannot draw", async (tmux) => {
  tmux.type("export TERM=dumb");
  tmux.press("Enter");
  tmux.start("top");
  await tmux.shows("use: reeve status");
  await tmux.shows("ended with 2");
  tmux.start("top", "--json");
  await tmux.shows("reeve status --json");
  assertEquals(tmux.modes(), "0 1 0");
});
