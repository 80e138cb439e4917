/** How strongly a child depends on a sibling: it requires it, wants it, or is bound to it. */
import { assertEquals } from "@std/assert";
import { CANCELLED, Driver, FAILED, scripted, SUCCEEDED } from "./driver.ts";
import type { ChildSpec } from "../../src/spec/mod.ts";

const EXPLICIT = { readiness: { mode: "explicit" } } as const;
const GIVES_UP = { limit: { maxRestarts: 1, onExceeded: "give_up" }, backoff: { initialMs: 0, maxMs: 0 } } as const;

function pair(strength: Partial<ChildSpec>, db: Partial<ChildSpec> = {}): Driver {
  return new Driver([scripted("db", db), scripted("web", strength)]).begin();
}

/** Both are up. */
function up(strength: Partial<ChildSpec>, db: Partial<ChildSpec> = {}): Driver {
  return pair(strength, db).running("db").running("web");
}

for (
  const [name, strength] of [["requires", { dependencies: ["db"] }], ["wants", { wants: ["db"] }], ["binds to", {
    bindsTo: ["db"],
  }]] as const
) {
  Deno.test(`strength: a child that ${name} another starts when it is ready, and stops before it does`, () => {
    const driver = pair(strength, EXPLICIT).running("db");
    assertEquals(driver.phase("web"), "waiting");
    assertEquals(driver.ready("db").started, ["web"]);
    assertEquals(driver.running("web").stop().cancelled, ["web"]);
    assertEquals(driver.exit("web", CANCELLED).cancelled, ["db"]);
  });

  Deno.test(`strength: a child that ${name} another waits through its restarts`, () => {
    const driver = pair(strength, EXPLICIT).running("db").exit("db").pass(1_000).running("db");
    assertEquals(driver.phase("web"), "waiting");
    assertEquals(driver.ready("db").started, ["web"]);
  });
}

Deno.test("wants: the child starts without the other when that is down for good", () => {
  const lost = pair({ wants: ["db"] }, { ...EXPLICIT, ...GIVES_UP }).running("db").exit("db").running("db").exit("db");
  assertEquals([lost.phase("db"), lost.started], ["failed", ["web"]]);
  const done = pair({ wants: ["db"] }, { ...EXPLICIT, restartPolicy: "transient" }).running("db").exit("db", SUCCEEDED);
  assertEquals(done.started, ["web"]);
  const held = pair({ wants: ["db"] }, EXPLICIT).running("db").command("db", "pause").exit("db", CANCELLED);
  assertEquals(held.started, ["web"]);
  const terminated = pair({ wants: ["db"] }, EXPLICIT).running("db").exit("db").command("db", "terminate");
  assertEquals(terminated.started, ["web"]);
});

Deno.test("wants: the child starts without one that cannot be forced to stop", () => {
  const driver = pair({ wants: ["db"] }, { ...EXPLICIT, timeouts: { startMs: 100 }, stop: { timeoutMs: 100 } }).running("db").pass(200);
  assertEquals(driver.abandon("db").started, ["web"]);
});

Deno.test("requires: the child goes on waiting for one that is down for good", () => {
  const driver = pair({ dependencies: ["db"] }, { ...EXPLICIT, ...GIVES_UP }).running("db").exit("db").running("db").exit("db");
  assertEquals([driver.phase("db"), driver.phase("web")], ["failed", "waiting"]);
});

Deno.test("requires, wants: a child that runs goes on when the other goes down", () => {
  for (const strength of [{ dependencies: ["db"] }, { wants: ["db"] }]) {
    const driver = up(strength).exit("db");
    assertEquals([driver.cancelled, driver.phase("web")], [[], "ready"]);
  }
});

Deno.test("binds to: the child stops when the other fails, and starts when it is back", () => {
  const driver = up({ bindsTo: ["db"] }).exit("db");
  assertEquals(driver.cancelled, ["web"]);
  driver.exit("web", CANCELLED);
  assertEquals([driver.phase("web"), driver.slot("web").failuresTotal], ["waiting", 0]);
  assertEquals(driver.pass(100).running("db").started, ["web"]);
  assertEquals(driver.events.flatMap((event) => event.type === "child_restarting" && event.path === "/web" ? [event.cause] : []), [
    "dependency",
  ]);
});

for (const command of ["restart", "terminate", "pause", "quarantine"] as const) {
  Deno.test(`binds to: the child stops with the other on ${command}`, () => {
    const driver = up({ bindsTo: ["db"] }).command("db", command);
    assertEquals([...driver.cancelled].sort(), ["db", "web"]);
    driver.exit("web", CANCELLED).exit("db", CANCELLED);
    assertEquals(driver.phase("web"), "waiting");
  });
}

Deno.test("binds to: the child comes back with one that was terminated and started again", () => {
  const driver = up({ bindsTo: ["db"] }).command("db", "terminate").exit("web", CANCELLED).exit("db", CANCELLED).command("db", "start");
  assertEquals(driver.running("db").started, ["web"]);
});

Deno.test("binds to: who is bound to the bound goes with it", () => {
  const driver = new Driver([scripted("db"), scripted("api", { bindsTo: ["db"] }), scripted("web", { bindsTo: ["api"] })]).begin();
  driver.running("db").running("api").running("web").exit("db");
  assertEquals([...driver.cancelled].sort(), ["api", "web"]);
});

Deno.test("binds to: a temporary child stays down", () => {
  const driver = up({ bindsTo: ["db"], restartPolicy: "temporary" }).exit("db").exit("web", CANCELLED).pass(100).running("db");
  assertEquals(driver.phase("web"), "stopped");
});

Deno.test("binds to: one that only says that it is not ready takes nobody down", () => {
  const driver = up({ bindsTo: ["db"] }, EXPLICIT).ready("db").running("web").ready("db", false);
  assertEquals([driver.cancelled, driver.phase("web")], [[], "ready"]);
});

Deno.test("binds to: a failure of the child itself does not touch the other", () => {
  const driver = up({ bindsTo: ["db"] }).exit("web", FAILED);
  assertEquals([driver.cancelled, driver.phase("db")], [[], "ready"]);
});

Deno.test("strength: a sibling that is named twice counts as the stronger says", () => {
  assertEquals(up({ wants: ["db"], bindsTo: ["db"] }).exit("db").cancelled, ["web"]);
  const driver = pair({ dependencies: ["db"], wants: ["db"] }, { ...EXPLICIT, ...GIVES_UP }).running("db").exit("db").running("db").exit(
    "db",
  );
  assertEquals(driver.phase("web"), "waiting");
});
