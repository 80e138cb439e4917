/** Commands that ask a run for something, through the command itself. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { reeve, type RunningCommand } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";

const SLEEPER = `{ process: { command: /bin/sh, args: [-c, "echo is up; exec sleep 600"] } }`;

const TREE = `name: shop
children:
  - name: db
    run: ${SLEEPER}
    readiness: { mode: log_line, pattern: is up }
  - name: api
    run: { process: { command: /bin/sh, args: [-c, "[ -e broken ] && { echo no configuration; exit 3; }; echo is up; exec sleep 600"], cwd: . } }
    readiness: { mode: log_line, pattern: is up }
    backoff: { initial_ms: 60000, max_ms: 60000, jitter: none }
    dependencies: [db]
  - name: web
    instances: 2
    run: ${SLEEPER}
    readiness: { mode: log_line, pattern: is up }
  - name: pool
    run: { supervisor: { children: [{ name: first, run: ${SLEEPER} }] } }
templates:
  - { name: session, run: ${SLEEPER} }
`;

/** Each test asks it a dozen times, each time with a process of its own. */
const LONGEST_RUN_MS = 180_000;

interface Running {
  readonly folder: string;
  readonly run: RunningCommand;
  /** Asks beside the file that runs, and returns the exit code and what was printed. */
  ask(...args: string[]): Promise<readonly [code: number, output: string]>;
  /** The same, with something on standard input. */
  pipe(input: string, ...args: string[]): Promise<readonly [code: number, output: string]>;
}

async function whileRuns(use: (running: Running) => Promise<void>): Promise<void> {
  await withFolder({}, async (folder) => {
    // Only programs on the list are added.
    const socket = join(folder, "s.sock");
    const dashboard = `dashboard: { target_id: shop, path: "${socket}", security_config: { allowlist: { allowed_paths: [/bin/sh] } } }\n`;
    writeFileSync(join(folder, "supervisor.yaml"), `${dashboard}${TREE}`);
    const place = { cwd: folder, runtimeDir: folder };
    const run = reeve(["run", "supervisor.yaml"], { ...place, limitMs: LONGEST_RUN_MS });
    const pipe: Running["pipe"] = async (input, ...args) => {
      const asked = reeve(args, { ...place, input });
      return [await asked.ended, asked.output()];
    };
    try {
      await run.until("everything is ready");
      await use({ folder, run, pipe, ask: (...args) => pipe("", ...args) });
    } finally {
      await end(run);
    }
  });
}

/** Ends a run that may have ended. */
async function end(run: RunningCommand): Promise<void> {
  try {
    run.signal("SIGTERM");
  } catch {
    // It has.
  }
  await run.ended;
}

const test = (name: string, fn: () => Promise<void>): void => Deno.test({ name, ignore: process.platform === "win32", fn });

test("children are held, started and restarted, and who waits hears why one does not come back", () =>
  whileRuns(async ({ folder, ask }) => {
    assertEquals(await ask("pause", "api", "db"), [0, "/api is paused\n/db is paused\n"]);
    assertEquals(await ask("resume", "--all", "--wait"), [
      0,
      "/db goes on\n/api goes on\n/web was not held\n/pool was not held\n/db is ready\n/api is ready\n/web is ready\n/pool is ready\n",
    ]);
    assertEquals(await ask("stop", "/web/web:*"), [
      0,
      "/web/web:1 stops, until somebody starts it\n/web/web:2 stops, until somebody starts it\n",
    ]);
    assertEquals((await ask("start", "/web/*", "--wait"))[0], 0);
    assertEquals(await ask("quarantine", "/pool/first"), [0, "/pool/first is quarantined\n"]);
    const [refused, why] = await ask("restart", "/pool/first");
    assertEquals(refused, 1);
    assertStringIncludes(why, "reeve release /pool/first");
    assertEquals(await ask("release", "first", "--wait=20"), [0, "/pool/first is released\n/pool/first is ready\n"]);
    assertEquals((await ask("reset-fuse", "db"))[0], 0);

    writeFileSync(join(folder, "broken"), "");
    const [code, output] = await ask("restart", "api", "--wait", "--reason", "a new configuration");
    assertEquals(code, 1);
    assertMatch(output, /reeve: \/api failed: exited with code 3; it starts again in .*\n {2}│ no configuration\n/);
    assertEquals(await ask("restart", "ap"), [1, 'reeve: there is no child "ap". Did you mean "api"?\n']);
  }));

test("a tree grows and shrinks by command, and what cannot be undone is not done without a yes", () =>
  whileRuns(async ({ folder, ask, pipe }) => {
    writeFileSync(join(folder, "extra.yaml"), `name: extra\nrun: ${SLEEPER}\n`);
    assertEquals(await ask("add", "extra.yaml", "--to", "/pool", "--wait"), [0, "/pool/extra is added\n/pool/extra is ready\n"]);
    const [, json] = await pipe(`{ name: piped, run: ${SLEEPER} }`, "add", "-", "--json");
    assertEquals(JSON.parse(json).added, ["/piped"]);
    assertEquals((await ask("add", "-"))[0], 2);

    assertEquals(await ask("scale", "web", "3"), [0, "/web/web:3 is added\nweb has 3 copies\n"]);
    const [fewer, why] = await ask("scale", "web", "2");
    assertEquals(fewer, 2);
    assertMatch(why, /say it with --yes\. Nothing was asked\n$/);
    assertEquals(await ask("scale", "web", "2", "--yes"), [0, "/web/web:3 is removed\nweb has 2 copies\n"]);
    assertEquals(await ask("restart", "--rolling", "web"), [0, "/web/web:1 is started anew\n/web/web:2 is started anew\n"]);
    assertEquals(await ask("start-template", "session", "--to", "pool", "--wait"), [
      0,
      "/pool/session:1 is added\n/pool/session:1 is ready\n",
    ]);

    assertEquals((await ask("remove", "/pool/extra"))[0], 2);
    assertEquals(await ask("remove", "/pool/extra", "/piped", "--yes"), [0, "/pool/extra is removed\n/piped is removed\n"]);
  }));

test("a plan is told, and a shutdown ends the run and says how", () =>
  whileRuns(async ({ folder, run, ask }) => {
    assertMatch((await ask("plan"))[1], /^reeve: nothing has changed/);
    const file = join(folder, "new.yaml");
    writeFileSync(file, "children: []\n");
    assertEquals(await ask("plan", "new.yaml"), [2, "reeve: nobody runs new.yaml; start it with: reeve run new.yaml\n"]);
    assertEquals((await ask("shutdown"))[0], 2);
    const [code, output] = await ask("shutdown", "--yes", "--reason", "new machine");
    assertEquals(code, 0, output);
    assertMatch(output, /^shop is shut down: \d+ ended in time\n$/);
    assertEquals(await run.ended, 0);
    assertStringIncludes(run.output(), "new machine");
    assertEquals((await ask("restart", "db"))[0], 2);
  }));

test("of two runs the one must be named, and the other is left alone", () =>
  withFolder({
    "a.yaml": `name: a\nchildren: [{ name: x, run: ${SLEEPER} }]\n`,
    "b.yaml": `name: b\nchildren: [{ name: x, run: ${SLEEPER} }]\n`,
  }, async (folder) => {
    const place = { cwd: folder, runtimeDir: folder };
    const runs = ["a.yaml", "b.yaml"].map((file) => reeve(["run", file], { ...place, limitMs: LONGEST_RUN_MS }));
    const ask = async (...args: string[]): Promise<readonly [number, string]> => {
      const asked = reeve(args, place);
      return [await asked.ended, asked.output()];
    };
    try {
      await Promise.all(runs.map((run) => run.until("everything is ready")));
      const [code, output] = await ask("shutdown", "--yes");
      assertEquals(code, 2);
      assertMatch(output, /several trees run: choose with --socket .*a-\d+\.sock or .*b-\d+\.sock/);
      assertEquals(await ask("pause", "x", "--file", "b.yaml"), [0, "/x is paused\n"]);
      const [ended, said] = await ask("shutdown", "--file", "b.yaml", "--yes");
      assertEquals(ended, 0);
      // It may still have been on its way to the pause.
      assertMatch(said, /^b is shut down: 1 (?:not running|ended in time)\n$/);
      assertEquals(await runs[1]!.ended, 0);
      assertEquals(await ask("restart", "x", "--wait"), [0, "/x stops and starts anew\n/x is ready\n"]);
    } finally {
      await Promise.all(runs.map(end));
    }
  }));
