import { assertEquals } from "@std/assert";
import { child, explainChild, validateTree } from "../../src/spec/mod.ts";
import { loadCron } from "../../src/runtime/cron.ts";

/** What is cron, here and for what reads it. */
const CRONS = [
  "* * * * *",
  "*/5 0-12/3 1,15 JAN-MAR MON-FRI",
  "0 0 L * *",
  "0 0 ? * 1#2",
  "0 0 * * fri#L",
  "0 0 * * 7",
  "0 0 * * 0-7",
  "30 */10 * * * *",
];

for (const cron of CRONS) {
  Deno.test(`"${cron}" is cron, and what reads it agrees`, async () => {
    assertEquals(validateTree({ children: [child.task("job", () => {}, { schedule: { cron } })] }), []);
    const { timesOf } = await loadCron();
    assertEquals(typeof timesOf(cron, "UTC").after(0), "number");
  });
}

Deno.test("a scheduled child is tried again after a failure only, and counts as ready when it has succeeded, whatever its role", () => {
  for (const taskRole of [undefined, "service", "job"] as const) {
    const rows = explainChild(child.task("job", () => {}, { schedule: { everyMs: 1 }, taskRole }), {});
    const value = (key: string): unknown => rows.find((row) => row.key === key)?.value;
    assertEquals([value("restart_policy"), value("readiness.mode")], ["transient", "completed"]);
  }
});

Deno.test("a scheduled service is no contradiction", () => {
  const job = child.task("job", () => {}, { schedule: { everyMs: 1 }, taskRole: "service", readiness: { mode: "completed" } });
  assertEquals(validateTree({ children: [job] }), []);
});
