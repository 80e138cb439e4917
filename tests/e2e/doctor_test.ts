/** `reeve doctor`, beside a run and what an earlier one left. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Finding } from "../../src/cli/doctor/types.ts";
import { reeve } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";

const TREE = `name: shop
children:
  - name: good
    task_role: service
    run: { process: { command: sleep, args: ["60"] } }
  - name: bad
    task_role: service
    run: { process: { command: sh, args: [-c, "exit 3"] } }
    backoff: { initial_ms: 60000 }
`;

async function findings(cwd: string): Promise<{ code: number; found: Finding[] }> {
  const doctor = reeve(["doctor", "shop.yaml", "--json"], { cwd, runtimeDir: cwd });
  const code = await doctor.ended;
  return { code, found: JSON.parse(doctor.output()).findings };
}

Deno.test("reeve doctor looks at the run of a file, and says why a child is not ready", () =>
  withFolder({ "shop.yaml": TREE }, async (cwd) => {
    const before = await findings(cwd);
    assertEquals(before.found.find(({ check }) => check === "run")?.found, "none answers");
    const run = reeve(["run", "shop.yaml"], { cwd, runtimeDir: cwd });
    try {
      await run.until("code 3");
      const { code, found } = await findings(cwd);
      assertEquals(code, 0, JSON.stringify(found));
      const of = (name: string): Finding | undefined => found.find(({ check }) => check === name);
      assertEquals(of("run")?.verdict, "fine");
      // On a busy machine it may have been late.
      assertMatch(of("loop")?.found ?? "", /ms late at most in the last minute/);
      assertEquals(of("children")?.verdict, "warning");
      assert(of("children")?.found.includes("/bad is restarting. Last time it failed: exited with code 3."), of("children")?.found);
    } finally {
      run.signal("SIGTERM");
      await run.ended;
    }
  }));

Deno.test("reeve doctor finds the socket and the pid file of a run that is gone", () =>
  withFolder({ "shop.yaml": TREE }, async (cwd) => {
    await mkdir(join(cwd, "reeve"), { mode: 0o700 });
    await writeFile(join(cwd, "reeve/old.pid"), "999999999\n");
    const path = join(cwd, "reeve/old-1.sock");
    const server = createServer().listen(path);
    await new Promise<void>((resolve) => server.on("listening", () => resolve()));
    const { found: whileThere } = await findings(cwd);
    assertEquals(whileThere.filter(({ check }) => check === "left behind").map(({ found }) => found), [
      "the process of old.pid is gone, and did not clear up",
    ]);
    await new Promise((resolve) => server.close(resolve));
    await writeFile(path, "");
    const { found } = await findings(cwd);
    assertEquals(found.filter(({ check }) => check === "left behind").length, 2);
  }));
