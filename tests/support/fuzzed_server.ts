/** A served tree for hostile clients: `fuzzed_server PATH`; nothing limits how often it is asked. Each line on its input makes it tell what it holds. */
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
process.stdin.on("data", () => {
  // There where the program was started with --expose-gc.
  const collect: unknown = Reflect.get(globalThis, "gc");
  if (typeof collect === "function") collect();
  const { heapUsed, rss } = process.memoryUsage();
  console.log(`holds ${(heapUsed / 2 ** 20).toFixed(1)} ${(rss / 2 ** 20).toFixed(0)}`);
});
console.log("listening");
