/** A served tree for hostile clients: `fuzzed_server PATH`; nothing limits how often it is asked. */
import process from "node:process";
import { child, supervise } from "../../mod.ts";
import { serveDashboard } from "../../src/ipc/mod.ts";
import { untilAborted } from "./tasks.ts";

await serveDashboard(await supervise({ children: [child.task("api", untilAborted), child.task("billing", untilAborted)] }), {
  targetId: "example-target",
  path: process.argv[2] ?? "",
  maxConnections: 2_000,
  writeTimeoutMs: 2_000,
  securityConfig: { rateLimit: { enabled: false } },
});
console.log("listening");
