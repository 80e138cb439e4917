/** Names of events elsewhere, and what tells the same here (contract, section 18). */
import { assert, assertEquals } from "@std/assert";
import { EVENT_TYPES, isEventType } from "../../src/event/mod.ts";

const NAMES =
  `ChildStarting ChildReady ChildRunning ChildHeartbeat ChildFailed ChildPanicked BackoffScheduled ChildRestarting ChildRestarted ChildQuarantined ChildStopped
  ChildUnhealthy Meltdown BudgetExhausted BudgetDenied GroupFuseTriggered EscalationBifurcated FairnessProbeStarvation ChildRestartFenceEntered
  ChildRestartFenceAbortRequested ChildRestartFencePendingDrained ChildRestartFenceReleased ChildRestartConflict ChildAttemptStaleReport GenerationFenced
  ChildControlCancelDelivered ChildControlStopCompleted ChildControlStopFailed ChildControlOperationChanged ChildControlCommandCompleted
  ChildRuntimeRestartLimitUpdated ChildRuntimeStateRemoved ChildHeartbeatStale HealthCheckPassed HealthCheckFailed Paused Resumed Quarantined ShutdownRequested
  ShutdownPhaseChanged ShutdownCompleted ChildShutdownCancelDelivered ChildShutdownGraceful ChildShutdownLateReport ChildShutdownAborted CommandAccepted
  CommandCompleted RuntimeControlLoopStarted RuntimeControlLoopShutdownRequested RuntimeControlLoopCompleted RuntimeControlLoopFailed
  RuntimeControlLoopJoinCompleted SubscriberLagged BackpressureAlert BackpressureDegradation AuditRecorded ChildDeclarationAccepted ChildDeclarationRejected`
    .split(/\s+/);

/** What is here of each name: the events, and whether it is said that there is none. */
async function table(): Promise<ReadonlyMap<string, { readonly events: readonly string[]; readonly hasNone: boolean }>> {
  const page = await Deno.readTextFile(new URL("../../docs/reference/events.md", import.meta.url));
  const [, section = ""] = page.split("\n## By other names\n");
  const rows = [...section.matchAll(/^\| `(\w+)`\s+\| (.*?)\s*\|$/gm)].map(([, name = "", here = ""]) => {
    const events = [...here.matchAll(/`(\w+)`/g)].map(([, event = ""]) => event);
    return [name, { events, hasNone: here.includes("no event") }] as const;
  });
  assertEquals(new Set(rows.map(([name]) => name)).size, rows.length, "a name is there twice");
  return new Map(rows);
}

Deno.test("the page of events has every name of the contract, with events that there are, or says that there is none", async () => {
  const rows = await table();
  assertEquals([...rows.keys()], NAMES);
  for (const [name, { events, hasNone }] of rows) {
    assertEquals(events.filter((event) => !isEventType(event)), [], name);
    assert(events.length > 0 || hasNone, `${name} is told by nothing, and that is not said`);
  }
});

Deno.test("an event of the same name as one of the contract is what tells it", async () => {
  const rows = await table();
  for (const type of EVENT_TYPES) {
    const name = type.split("_").map((word) => `${word[0]?.toUpperCase()}${word.slice(1)}`).join("");
    const row = rows.get(name);
    if (row !== undefined) assert(row.events.includes(type), `${name} is there, and its row does not name ${type}`);
  }
});
