/** What the watchdog needs in Node. */
import { assertEquals } from "@std/assert";
import { join } from "node:path";
import process from "node:process";
import { start } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { moduleUrl, programArgs } from "../support/runtime.ts";

Deno.test("startWatchdog() names the flag where Node may start no thread", async () => {
  const program = `import { startWatchdog } from "${moduleUrl("src/runtime/watchdog")}";
try {
  const watchdog = await startWatchdog({ timeoutMs: 5_000 });
  await watchdog.close();
  console.log("watched");
} catch ({ code, message }) {
  console.log(code, message);
}
`;
  await withFolder({ "main.mjs": program }, async (folder) => {
    const [major = 0] = process.versions.node.split(".").map(Number);
    const permission = major < 22 ? "--experimental-permission" : "--permission";
    const outcome = async (...flags: string[]): Promise<string> => {
      const running = start(["--no-warnings", permission, "--allow-fs-read=*", ...flags, ...programArgs(join(folder, "main.mjs"))]);
      await running.ended;
      return running.output();
    };
    assertEquals(
      await outcome(),
      "watchdog_not_started Cannot watch the loop of the program: Node runs with --permission. Add --allow-worker to the command\n",
    );
    assertEquals(await outcome("--allow-worker"), "watched\n");
  });
});
