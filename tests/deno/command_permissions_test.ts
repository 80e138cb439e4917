/** The command with some permissions, and without any: nobody is asked, and a process in the background has no more than who started it. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { isAlive, start } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { reeveArgs } from "../support/runtime.ts";
import { until } from "../support/until.ts";

const TREE = "name: shop\nchildren:\n  - name: sleeper\n    run: { process: { command: sleep, args: ['60'] } }\n";

Deno.test("reeve run --detach hands the permissions on that the command has, and no more", () =>
  withFolder({ "shop.yaml": TREE }, async (cwd) => {
    const flags = ["--allow-read", "--allow-write", "--allow-run", "--allow-env", "--allow-net"];
    const files = ["--pid-file", "shop.pid", "--log-file", "shop.log"];
    const command = start(reeveArgs(["run", "shop.yaml", "--detach", ...files], flags), { cwd, runtimeDir: cwd });
    assertEquals(await command.ended, 0, command.output());
    const pid = Number(await readFile(join(cwd, "shop.pid"), "utf8"));
    try {
      const words = (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0");
      assertEquals(words.filter((word) => word.startsWith("--allow")), flags);
      assert(words.includes("--deny-ffi") && words.includes("--no-prompt") && !words.includes("-A"));
    } finally {
      process.kill(pid, "SIGTERM");
      await until(() => !isAlive(pid), () => "it does not stop");
    }
  }));

Deno.test("reeve run --detach says which permission is missing", () =>
  withFolder({ "shop.yaml": TREE }, async (cwd) => {
    const command = start(reeveArgs(["run", "shop.yaml", "--detach"], ["--allow-read", "--allow-write", "--allow-env"]), {
      cwd,
      runtimeDir: cwd,
    });
    assertEquals(await command.ended, 2);
    assertStringIncludes(command.output(), "add --allow-run --allow-env");
  }));

Deno.test("reeve doctor without any permission asks for none, and says what each is for", async () => {
  const command = start(reeveArgs(["doctor"], []));
  assertEquals(await command.ended, 0, command.output());
  const said = command.output();
  for (const name of ["read", "write", "run", "env", "net", "ffi", "sys"]) assertMatch(said, new RegExp(`--allow-${name} \\(`));
  assert(!said.includes("Uncaught") && !said.includes("at async"), said);
});

Deno.test("reeve doctor FILE names the very permissions that the file needs and has not got", () =>
  withFolder({ "shop.yaml": `${TREE}    readiness: { mode: tcp, port: 8123 }\nstate: { path: var/state.json }\n` }, async (cwd) => {
    const flags = ["--allow-read", "--allow-env", "--allow-run=sleep"];
    const command = start(reeveArgs(["doctor", "shop.yaml", "--json"], flags), { cwd, runtimeDir: cwd });
    assertEquals(await command.ended, 1, command.output());
    const { findings }: { findings: { check: string; verdict: string; fix?: string }[] } = JSON.parse(command.output());
    assertEquals(findings.filter(({ check }) => check === "permissions").map(({ verdict, fix }) => [verdict, fix]), [
      ["wrong", `Add --allow-write=${join(cwd, "var")}`],
      ["wrong", "Add --allow-run"],
      ["wrong", "Add --allow-net=127.0.0.1:8123"],
    ]);
  }));
