/** The scripts of `reeve completions` in the shells that are here, with a run that answers. */
import { assert, assertEquals } from "@std/assert";
import { spawn, spawnSync } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import process from "node:process";
import { reeve } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { reeveArgs } from "../support/runtime.ts";

const TREE = `name: shop
children:
  - name: web
    task_role: service
    run: { process: { command: sleep, args: ["60"] } }
  - name: worker
    task_role: service
    run: { process: { command: sleep, args: ["60"] } }
`;

function isHere(shell: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${shell}`]).status === 0;
}

/** Runs a program of a shell beside a run, with `reeve` in PATH; returns what it says. */
type Ask = (shell: string, program: string, ...args: string[]) => Promise<string[]>;

/** The script of the shell is in the file `script`: each start of a runtime takes its time. */
async function besideRun(shell: string, use: (ask: Ask) => Promise<void>): Promise<void> {
  await withFolder({ "supervisor.yaml": TREE }, async (folder) => {
    await mkdir(join(folder, "bin"));
    const words = [process.execPath, ...reeveArgs([])].map((word) => `'${word}'`).join(" ");
    // On a loaded machine the answer takes longer than somebody who types waits.
    const patient = 'if [ "$1" = __complete ]; then shift; set -- __complete --limit 15000 "$@"; fi';
    await writeFile(join(folder, "bin/reeve"), `#!/bin/sh\n${patient}\nexec ${words} "$@"\n`);
    await chmod(join(folder, "bin/reeve"), 0o755);
    const completions = reeve(["completions", shell]);
    assertEquals(await completions.ended, 0);
    await writeFile(join(folder, "script"), completions.output());
    const run = reeve(["run", "supervisor.yaml"], { cwd: folder, runtimeDir: folder });
    try {
      await run.until("everything is ready");
      await use(async (shell, program, ...args) => {
        const env = {
          ...process.env,
          PATH: `${join(folder, "bin")}${delimiter}${process.env["PATH"]}`,
          XDG_RUNTIME_DIR: folder,
          XDG_CONFIG_HOME: folder,
          XDG_DATA_HOME: folder,
        };
        const child = spawn(shell, ["-c", program, shell, ...args], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
        let [out, err] = ["", ""];
        child.stdout.on("data", (chunk: Uint8Array) => out += `${chunk}`);
        child.stderr.on("data", (chunk: Uint8Array) => err += `${chunk}`);
        await new Promise((resolve) => child.on("close", resolve));
        assertEquals(err, "", program);
        return out.split("\n").filter((line) => line !== "");
      });
    } finally {
      run.signal("SIGTERM");
      await run.ended;
    }
  });
}

/** What is completed, and what comes of it, in every shell. */
const CASES: readonly (readonly [words: readonly string[], expected: readonly string[]])[] = [
  [["stat"], ["status"]],
  [["audit", ""], ["verify", "show"]],
  [["completions", ""], ["bash", "fish", "zsh"]],
  [["why", "w"], ["web", "worker"]],
  [["why", "--file", "supervisor.yaml", "/we"], ["/web"]],
  [["check", "--js"], ["--json"]],
  [["import", "--from", "pm"], ["pm2"]],
  [["check", "superv"], ["supervisor.yaml"]],
  [["events", "--child", "wo"], ["worker"]],
  [["run", "--for", ""], []],
];

async function compare(answer: (words: readonly string[]) => Promise<readonly string[]>): Promise<void> {
  for (const [words, expected] of CASES) {
    const current = words.at(-1) ?? "";
    const found = (await answer(words)).filter((word) => word.startsWith(current));
    assertEquals([...found].sort(), [...expected].sort(), words.join(" "));
  }
}

const BASH = `source ./script
ask() {
  COMP_WORDS=(reeve "$@"); COMP_CWORD=$#; _reeve
  printf '%s\\n' "\${COMPREPLY[@]}"
}
ask "$@"`;

Deno.test({
  name: "completions: bash completes commands, options, choices, files and children",
  ignore: !isHere("bash"),
  fn: () =>
    besideRun("bash", async (ask) => {
      await compare((words) => ask("bash", BASH, ...words));
      const [registered = ""] = await ask("bash", "source ./script; complete -p reeve");
      assert(registered.endsWith("-F _reeve reeve"), registered);
    }),
});

// The functions of completion work while somebody types only: others stand in for them, and say what they are given.
const ZSH = `compadd() { shift; print -l -- "$@" }
_describe() { print -l -- "\${(@)\${(@P)4}%%:*}" }
_files() { print -l -- *(N) }
source ./script
words=(reeve "$@"); CURRENT=$(( $# + 1 )); _reeve`;

Deno.test({
  name: "completions: zsh completes commands, options, choices, files and children",
  ignore: !isHere("zsh"),
  fn: () => besideRun("zsh", (ask) => compare((words) => ask("zsh", ZSH, ...words))),
});

Deno.test({
  name: "completions: fish completes commands, options, choices, files and children",
  ignore: !isHere("fish"),
  fn: () =>
    besideRun("fish", (ask) =>
      compare(async (words) => {
        const line = ["reeve", ...words].join(" ");
        const found = await ask("fish", `source ./script; complete -C '${line}'`);
        return found.map((word) => word.split("\t")[0] ?? "");
      })),
});

Deno.test("completions: without a run nothing is said of children", () =>
  withFolder({}, async (cwd) => {
    const command = reeve(["__complete", "children", "--", "why", ""], { cwd });
    assertEquals([await command.ended, command.output()], [2, ""]);
  }));
