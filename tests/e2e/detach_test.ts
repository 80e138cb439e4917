/** `reeve run FILE --detach`: a process of its own that outlives who started it. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { isAlive, reeve } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";

const HEAD = "name: shop\nchildren:\n  - name: clock\n    task_role: service\n";
const TICKS = `${HEAD}    run: { process: { command: sh, args: [-c, "echo ticking; exec sleep 60"] } }
    readiness: { mode: log_line, pattern: ticking }
`;
const GIVES_UP = `${HEAD}    run: { process: { command: sh, args: [-c, "echo broken; exit 3"] } }
    backoff: { initial_ms: 10 }
    limit: { max_restarts: 1, window_ms: 10000, on_exceeded: escalate }
    readiness: { mode: log_line, pattern: ticking }
`;
const NEVER_READY = `${HEAD}    run: { process: { command: sleep, args: ["60"] } }
    readiness: { mode: log_line, pattern: ticking }
`;
const AT_ONCE =
  "name: shop\nchildren:\n  - name: job\n    restart_policy: temporary\n    significant: true\n    run: { process: { command: 'true' } }\n" +
  "supervisor: { auto_shutdown: all_significant }\n";

interface Background {
  readonly folder: string;
  readonly code: number;
  readonly said: string;
  /** Its number; `null` where there is no file. */
  readonly pid: () => Promise<number | null>;
  readonly detach: (...more: string[]) => Promise<{ code: number; said: string }>;
}

/** Starts a tree in the background, and leaves nothing of it. */
async function inBackground(text: string, more: readonly string[], use: (background: Background) => Promise<void>): Promise<void> {
  await withFolder({ "shop.yaml": text }, async (folder) => {
    const pids = new Set<number>();
    const pid = async (): Promise<number | null> => {
      const found = Number(await readFile(join(folder, "shop.pid"), "utf8").catch(() => 0));
      if (found > 0 && found !== process.pid) pids.add(found);
      return found > 0 ? found : null;
    };
    const detach = async (...words: string[]): Promise<{ code: number; said: string }> => {
      const files = ["--pid-file", "shop.pid", "--log-file", "shop.log"];
      const command = reeve(["run", "shop.yaml", "--detach", ...files, ...words], { cwd: folder, runtimeDir: folder });
      return { code: await command.ended, said: command.output() };
    };
    try {
      const { code, said } = await detach(...more);
      await use({ folder, code, said, pid, detach });
    } finally {
      await pid();
      for (const each of pids) if (isAlive(each)) process.kill(each, "SIGTERM");
      await until(() => ![...pids].some(isAlive), () => `still there: ${[...pids].join(", ")}`);
    }
  });
}

Deno.test("reeve run --detach returns when all is ready, and the run goes on until it is stopped", () =>
  inBackground(TICKS, [], async ({ folder, code, said, pid, detach }) => {
    const own = await pid();
    assert(own !== null, said);
    assertEquals(code, 0, said);
    assertMatch(said, new RegExp(`shop runs in the background\\n  pid     ${own} .*\\n  socket  .*\\n  log     .*shop\\.log`));
    const status = reeve(["status", "--file", "shop.yaml", "--json"], { cwd: folder, runtimeDir: folder });
    assertEquals(await status.ended, 0, status.output());
    assertEquals(JSON.parse(status.output()).tree.pid, own);

    const again = await detach();
    assertEquals(again.code, 2);
    assertStringIncludes(again.said, `is that of process ${own}, which runs; stop it with: kill ${own}`);
    assertEquals(await pid(), own);

    process.kill(own, "SIGTERM");
    await until(() => !isAlive(own), () => "it does not stop");
    const log = await readFile(join(folder, "shop.log"), "utf8");
    assertMatch(log, /ticking/);
    assertMatch(log, /ended by signal \(SIGTERM\), exit code 0/);
    // Nothing is left beside the log and the file.
    assertEquals((await readdir(folder)).filter((name) => name.startsWith("shop")).sort(), ["shop.log", "shop.yaml"]);
  }));

Deno.test("reeve run --detach tells a run that failed by its exit code, with its last lines", () =>
  inBackground(GIVES_UP, [], async ({ folder, code, said, pid }) => {
    assertEquals([code, await pid()], [70, null], said);
    assertMatch(said, /broken/);
    assertMatch(said, /has ended before it was ready, with exit code 70; the log is .*shop\.log/);
    assert(!existsSync(join(folder, "shop.log.stderr")));
  }));

Deno.test("reeve run --detach says what is missing when not all is ready in time", () =>
  inBackground(NEVER_READY, ["--wait", "0.5", "--json"], async ({ code, said, pid }) => {
    const own = await pid();
    assertEquals(code, 1, said);
    assertMatch(said, /not ready within 500 ms: \/clock is (?:starting|running)/);
    const { ready, pid: told } = JSON.parse(said.split("\n").find((line) => line.startsWith("{")) ?? "{}");
    assertEquals([ready, told], [false, own]);
    assert(own !== null && isAlive(own));
  }));

Deno.test("reeve run --detach of a tree whose work is done at once is no failure", () =>
  inBackground(AT_ONCE, [], async ({ code, said, pid }) => {
    assertEquals(code, 0, said);
    const own = await pid();
    if (own !== null) process.kill(own, "SIGTERM");
  }));

Deno.test("reeve run --detach refuses a file with violations, and starts nothing", () =>
  inBackground("children: [{ name: a, colour: red }]\n", [], async ({ folder, code, said, pid }) => {
    assertEquals([code, await pid()], [1, null]);
    assertMatch(said, /colour/);
    assertEquals((await readdir(folder)).sort(), ["shop.yaml"]);
  }));

Deno.test("reeve run --detach takes over the file of a process that is gone, and of another that got its number", () =>
  withFolder({}, async () => {
    for (const stale of ["999999999\n", "not a number", `${process.pid}\n`]) {
      await inBackground("children: [{ name: a, colour: red }]\n", [], async ({ folder, detach }) => {
        await writeFile(join(folder, "shop.yaml"), TICKS);
        await writeFile(join(folder, "shop.pid"), stale);
        const { code, said } = await detach();
        // This program wrote the file itself, as far as anybody can see.
        assertEquals(code, stale === `${process.pid}\n` ? 2 : 0, said);
      });
    }
  }));

Deno.test("options for the background are refused without --detach", async () => {
  for (const option of [["--pid-file", "x"], ["--log-file", "x"], ["--wait", "3"]]) {
    const command = reeve(["run", "nowhere.yaml", ...option]);
    assertEquals(await command.ended, 2);
    assertStringIncludes(command.output(), `${option[0]} goes with --detach`);
  }
});
