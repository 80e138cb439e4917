import { assertEquals } from "@std/assert";
import { startFailure } from "../../../src/runtime/children/start_failure.ts";

const NOTHING: ReadonlyMap<string, string> = new Map();

Deno.test("startFailure() says who may not run a process as somebody else", async () => {
  const error = Object.assign(new Error("spawn EPERM"), { code: "EPERM" });
  assertEquals(await startFailure(error, { command: "sh", uid: 1, gid: 2 }, NOTHING), {
    kind: "error",
    category: "start_failed",
    message: 'Cannot run "sh" as user 1 with group 2: not permitted. Run the supervisor as root, or leave uid and gid out',
  });
  assertEquals((await startFailure(error, { command: "sh" }, NOTHING)).message, 'Cannot run "sh": spawn EPERM');
});
