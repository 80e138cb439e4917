/** The command finds the run that it looks at, and says by its exit code what it found. */
import { assert, assertEquals } from "@std/assert";
import { join } from "node:path";
import process from "node:process";
import { reeve, type RunningCommand } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";

const treeOf = (name: string): string =>
  `name: ${name}\nchildren:\n  - { name: web, task_role: service, run: { process: { command: sleep, args: ["60"] } } }\n`;

interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Runs something beside runs of these files, which are in one folder. */
function beside(
  files: readonly string[],
  use: (ask: (args: readonly string[], env?: Record<string, string>) => Promise<Ended>, folder: string) => Promise<void>,
): Promise<void> {
  const texts = Object.fromEntries(files.map((file) => [file, treeOf(file.replace(/\W/g, "_"))]));
  return withFolder(texts, async (folder) => {
    const runs: RunningCommand[] = files.map((file) => reeve(["run", file], { cwd: folder, runtimeDir: folder }));
    try {
      await Promise.all(runs.map((run) => run.until("everything is ready")));
      await use(async (args, env) => {
        const command = reeve(args, { cwd: folder, runtimeDir: folder, env });
        return { code: await command.ended, output: command.output() };
      }, folder);
    } finally {
      for (const run of runs) run.signal("SIGTERM");
      await Promise.all(runs.map((run) => run.ended));
    }
  });
}

function test(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: process.platform === "win32", fn });
}

test("reeve status finds the run of the file in the folder, and every form tells of it", () =>
  beside(["supervisor.yaml"], async (ask) => {
    const [table, json, tree, ready, why, chain, unknown] = await Promise.all([
      ask(["status"]),
      ask(["status", "--json"]),
      ask(["tree"]),
      ask(["is-ready"]),
      ask(["why", "web"]),
      ask(["critical-chain"]),
      ask(["describe", "wbe"]),
    ]);
    assertEquals([table.code, json.code, tree.code, ready.code, why.code, chain.code, unknown.code], [0, 0, 0, 0, 0, 0, 1]);
    assert(table.output.startsWith("● supervisor_yaml  ready, up "), table.output);
    assertEquals(JSON.parse(json.output).children[0].childPath, "/web");
    assert(tree.output.includes("└─ ● web  process, ready"), tree.output);
    assertEquals(ready.output, "supervisor_yaml is ready\n");
    assert(why.output.includes("All is well with it."), why.output);
    assert(chain.output.includes("/web  @"), chain.output);
    assertEquals(unknown.output, 'reeve: there is no child "wbe". Did you mean "web"?\n');
  }));

test("where several trees run, they are listed; a file, a socket and REEVE_SOCKET choose", () =>
  beside(["one.yaml", "two.yaml"], async (ask, folder) => {
    const several = await ask(["status"]);
    assertEquals(several.code, 2);
    const [, one = "", two = ""] = /choose with --socket (\S+) or (\S+)/.exec(several.output) ?? [];
    assert(one.startsWith(join(folder, "reeve", "one_yaml-")) && two.startsWith(join(folder, "reeve", "two_yaml-")), several.output);
    const [byFile, bySocket, byVariable, both] = await Promise.all([
      ask(["is-ready", "--file", "two.yaml"]),
      ask(["is-ready", "--socket", two]),
      ask(["is-ready"], { REEVE_SOCKET: one }),
      ask(["is-ready", "-f", "two.yaml"], { REEVE_SOCKET: one }),
    ]);
    assertEquals([byFile, bySocket, byVariable, both].map(({ code, output }) => [code, output.split(" ")[0]]), [
      [0, "two_yaml"],
      [0, "two_yaml"],
      [0, "one_yaml"],
      [0, "two_yaml"],
    ]);
  }));

test("the only run of the user is found where the folder has no file, and where nobody runs the one that it has, which is said", () =>
  beside(["elsewhere.yaml"], async (ask, folder) => {
    assertEquals(await ask(["is-ready"]), { code: 0, output: "elsewhere_yaml is ready\n" });
    await withFolder({ "supervisor.yaml": treeOf("idle") }, async (other) => {
      const command = reeve(["is-ready"], { cwd: other, runtimeDir: folder });
      assertEquals(await command.ended, 0);
      // Two streams have no order.
      const [answer, told] = command.output().trimEnd().split("\n").sort();
      assert(told?.startsWith("reeve: nobody runs supervisor.yaml; this is the run at "), told);
      assertEquals(answer, "elsewhere_yaml is ready");
    });
  }));

test("where nobody runs anything, it is said what to do", () =>
  withFolder({ "supervisor.yaml": treeOf("idle"), "bad.yaml": "children: 7\n" }, async (folder) => {
    const ask = async (...args: string[]): Promise<Ended> => {
      const command = reeve(args, { cwd: folder, runtimeDir: folder });
      return { code: await command.ended, output: command.output() };
    };
    const [none, named, bad] = await Promise.all([ask("status"), ask("status", "-f", "supervisor.yaml"), ask("status", "-f", "bad.yaml")]);
    assertEquals(none, {
      code: 2,
      output:
        "reeve: nobody runs supervisor.yaml, and no run of this user listens; start one with: reeve run supervisor.yaml, or name its --socket\n",
    });
    assertEquals(named, { code: 2, output: "reeve: nobody runs supervisor.yaml; start it with: reeve run supervisor.yaml\n" });
    assertEquals([bad.code, bad.output.includes("bad.yaml is refused: 1 violation")], [1, true]);
  }));
