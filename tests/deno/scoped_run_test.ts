import { assertEquals, assertStringIncludes } from "@std/assert";
import { isAlive, start } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { reeveArgs } from "../support/runtime.ts";

// With --allow-run for some commands only, Deno refuses to signal or look at processes by pid: that once looked as if they were gone.
Deno.test("a process is not taken for gone when it may not be looked at, and is stopped all the same", async () => {
  await withFolder({
    "tree.yaml": 'children:\n  - name: a\n    run: { process: { command: sh, args: [-c, "echo pid $$; exec sleep 25"] } }\n',
  }, async (folder) => {
    const flags = ["--allow-read", "--allow-env", "--allow-run=sh"];
    const command = start(reeveArgs(["run", `${folder}/tree.yaml`, "--for", "5"], flags));
    assertEquals(await command.ended, 0, command.output());
    const pids = [...command.output().matchAll(/pid (\d+)/g)].map(([, pid]) => Number(pid));
    assertEquals(pids.length, 1, command.output());
    assertStringIncludes(command.output(), "in order");
    for (const pid of pids) assertEquals(isAlive(pid), false, `process ${pid} is alive`);
  });
});
