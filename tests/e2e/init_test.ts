/** A file of `reeve init` runs as it is. */
import { assertEquals, assertMatch } from "@std/assert";
import { reeve } from "../support/command.ts";
import { inFolder } from "../support/folder.ts";

Deno.test("reeve init makes a file that reeve check and reeve run take as it is", () =>
  inFolder(async (cwd) => {
    const init = reeve(["init"], { cwd });
    assertEquals(await init.ended, 0, init.output());
    assertMatch(init.output(), /supervisor\.yaml is written\.\nNext:\n {2}reeve run supervisor\.yaml/);
    const check = reeve(["check", "supervisor.yaml"], { cwd });
    assertEquals([await check.ended, check.output()], [0, "supervisor.yaml is valid: 1 child, no warnings\n"]);
    const run = reeve(["run", "supervisor.yaml"], { cwd });
    await run.until("it is ");
    run.signal("SIGTERM");
    assertEquals(await run.ended, 0, run.output());
  }));
