/** The commands that print what happened, as people use them: beside a run that is killed and comes back, and in pipes. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spawn } from "node:child_process";
import process from "node:process";
import { reeve, type RunningCommand } from "../support/command.ts";
import { inFolder, withFolder } from "../support/folder.ts";
import { reeveArgs } from "../support/runtime.ts";
import { until } from "../support/until.ts";

const UNIX = process.platform !== "win32";

/** Each run says its number, and then thousands of numbered lines, a hundred at a time. */
const COUNTS = `name: counting
children:
  - name: web
    run:
      process:
        command: sh
        args:
          - -c
          - |
            echo x >>runs; run=$(wc -l <runs); i=0
            while [ $i -lt 2000 ]; do i=$((i+1)); echo "run $((run)) line $i"; [ $((i % 100)) -ne 0 ] || sleep 0.1; done
            echo "run $((run)) is through"; exec sleep 60
        cwd: .
`;

/** A command whose two outputs are told apart. */
interface Parted {
  readonly out: () => string;
  readonly err: () => string;
  /** Reads standard output no more. */
  readonly leave: () => void;
  readonly interrupt: () => void;
  readonly ended: Promise<number | null>;
}

function parted(args: readonly string[], cwd: string, variables: Readonly<Record<string, string>> = {}): Parted {
  const command = spawn(process.execPath, reeveArgs(args), {
    cwd,
    env: { ...process.env, NO_COLOR: "1", ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  command.stdout.setEncoding("utf8").on("data", (text: string) => out += text);
  command.stderr.setEncoding("utf8").on("data", (text: string) => err += text);
  const limit = setTimeout(() => command.kill("SIGKILL"), 30_000);
  const ended = new Promise<number | null>((resolve) =>
    command.once("close", (code) => {
      clearTimeout(limit);
      resolve(code);
    })
  );
  return {
    out: () => out,
    err: () => err,
    leave: () => void command.stdout.destroy(),
    // In Deno `command.kill()` would make every later end look like one by that signal.
    interrupt: () => void process.kill(command.pid ?? 0, "SIGINT"),
    ended,
  };
}

/** Runs a file, and lets commands find it in a folder for sockets of its own. */
async function whileRun(
  text: string,
  options: readonly string[],
  use: (scene: { readonly cwd: string; readonly sockets: string; readonly start: () => RunningCommand }) => Promise<void>,
): Promise<void> {
  await withFolder({ "supervisor.yaml": text }, (cwd) =>
    inFolder(async (sockets) => {
      const runs = new Set<RunningCommand>();
      const start = (): RunningCommand => {
        const run = reeve(["run", "supervisor.yaml", "--no-output", ...options], { cwd, runtimeDir: sockets });
        runs.add(run);
        run.ended.then(() => runs.delete(run));
        return run;
      };
      try {
        await use({ cwd, sockets, start });
      } finally {
        for (const run of runs) run.signal("SIGKILL");
        await Promise.all([...runs].map(({ ended }) => ended));
      }
    }));
}

/** Lines that were dropped because somebody was too slow, which is told. */
function toldMissing(err: string): number {
  return [...err.matchAll(/reeve: (\d+) (?:logs|pushes) were dropped/g)].reduce((sum, [, count]) => sum + Number(count), 0);
}

Deno.test({
  name: "reeve logs --follow goes on when the run is killed and started anew: thousands of lines, no gap, no double",
  ignore: !UNIX,
  fn: () =>
    whileRun(COUNTS, [], async ({ cwd, sockets, start }) => {
      const first = start();
      await first.until("everything is ready");
      const follow = parted(["logs", "web", "--follow", "--limit", "1000"], cwd, { XDG_RUNTIME_DIR: sockets });
      await until(() => / line (?:1\d{3}|2000)\n/.test(follow.out()), () =>
        `it shows nothing: ${follow.out().slice(-300)}${follow.err()}`, 25_000);
      first.signal("SIGKILL");
      await first.ended;
      await until(() =>
        follow.err().includes("waiting for it"), () =>
        `the loss is not told: ${follow.err()}`);
      start();
      await until(() =>
        follow.out().includes("run 2 is through"), () =>
        `it does not go on: ${follow.out().slice(-300)}${follow.err()}`, 25_000);
      follow.interrupt();
      assertEquals(await follow.ended, 130);
      assertStringIncludes(follow.err(), "reeve: a run answers again\n");
      assertStringIncludes(follow.err(), "reeve: the target was started again: its numbers begin anew\n");
      const shown = [...follow.out().matchAll(/│ run (\d) line (\d+)\n/g)].map(([, run, line]) => ({
        run: Number(run),
        line: Number(line),
      }));
      const ofRun = (number: number): number[] =>
        shown.filter(({ run }) =>
          run === number
        ).map(({ line }) => line);
      const [before, after] = [ofRun(1), ofRun(2)];
      assertEquals(shown.map(({ run }) => run), [...before.map(() => 1), ...after.map(() => 2)], "one run after the other");
      for (const lines of [before, after]) {
        assertEquals(lines.filter((line, index) => index > 0 && line <= lines[index - 1]!), [], "a double");
      }
      // Where this machine was too slow, that was told.
      const missing = (before.at(-1) ?? 0) - (before[0] ?? 1) + 1 - before.length + 2_000 - after.length;
      assertEquals(missing, toldMissing(follow.err()), "a gap");
    }),
});

Deno.test({
  name: "events and logs end well when the reader of their pipe goes, also where they follow",
  ignore: !UNIX,
  fn: () =>
    // Not so much at once that a reader misses some.
    whileRun(
      COUNTS.replace("-lt 2000", "-lt 500").replace("exec sleep 60", "while true; do echo more; sleep 0.02; done"),
      [],
      async ({ cwd, sockets, start }) => {
        await start().until("everything is ready");
        for (const args of [["logs", "--follow"], ["logs", "--json", "--follow"], ["logs", "--limit", "1000"], ["events", "--verbose"]]) {
          const command = parted(args, cwd, { XDG_RUNTIME_DIR: sockets, TERM: "dumb" });
          await until(() => command.out().includes("\n"), () => `${args.join(" ")} shows nothing: ${command.err()}`);
          command.leave();
          assertEquals([await command.ended, command.err()], [0, ""], args.join(" "));
        }
      },
    ),
});

Deno.test({
  name: "the commands find the run of the folder, and Ctrl-C ends those that follow with 130",
  ignore: !UNIX,
  fn: () =>
    whileRun(COUNTS, ["--metrics", "127.0.0.1:0"], async ({ cwd, sockets, start }) => {
      await start().until("everything is ready");
      const variables = { XDG_RUNTIME_DIR: sockets };
      const endOf = async (...args: string[]): Promise<Parted> => {
        const command = parted(args, cwd, variables);
        await command.ended;
        return command;
      };
      assertMatch((await endOf("events")).out(), /^── .*, run [0-9a-f]{32} ──\n(?:.*\n)*.*● \/ +everything is ready after .*\n/);
      assertMatch((await endOf("audit")).out(), /^── run [0-9a-f]{32}\n.* socket:[0-9a-f]{8} +\S+ +- +read\n/);
      assertMatch((await endOf("metrics")).out(), /^supervisor_child_state\{supervisor_path="\/",child_id="web",state="ready"\} 1$/m);
      const [sample = ""] = (await endOf("metrics", "--json")).out().split("\n");
      assertEquals(Object.keys(JSON.parse(sample)), ["name", "labels", "value"]);
      const unknown = await endOf("logs", "wbe");
      assertEquals([await unknown.ended, unknown.out(), unknown.err()], [1, "", 'reeve: there is no child "wbe". Did you mean "web"?\n']);
      for (const args of [["events", "--follow"], ["logs", "--follow"], ["audit", "show", "--follow"], ["audit", "--follow", "--json"]]) {
        const command = parted(args, cwd, variables);
        await until(() => command.out() !== "", () => `${args.join(" ")} shows nothing: ${command.err()}`);
        command.interrupt();
        assertEquals([await command.ended, command.err()], [130, ""], args.join(" "));
      }
    }),
});

Deno.test({
  name: "a run without metrics says how to have them, and where nobody runs the commands say so",
  ignore: !UNIX,
  fn: () =>
    whileRun(COUNTS, [], async ({ cwd, sockets, start }) => {
      const nobody = parted(["logs", "--file", "supervisor.yaml"], cwd, { XDG_RUNTIME_DIR: sockets });
      assertEquals(await nobody.ended, 2);
      assertEquals(nobody.err(), "reeve: nobody runs supervisor.yaml; start it with: reeve run supervisor.yaml\n");
      await start().until("everything is ready");
      const refused = parted(["metrics"], cwd, { XDG_RUNTIME_DIR: sockets });
      assertEquals([await refused.ended, refused.out()], [1, ""]);
      assert(refused.err().includes("--metrics 127.0.0.1:9464"), refused.err());
    }),
});
