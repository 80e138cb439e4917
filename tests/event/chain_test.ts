/** What belongs together by its correlation number, out of what real trees tell (contract, section 22). */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type ChainStage, correlationChain, type GapMarker, stageOf, type SupervisorEvent } from "../../src/event/mod.ts";
import { ReeveError } from "../../src/base/mod.ts";
import { SCENES } from "../support/scenes.ts";

type Item = SupervisorEvent | GapMarker;

function scene(name: string): Promise<SupervisorEvent[]> {
  const play = SCENES[name];
  assert(play !== undefined, name);
  return play();
}

/** A child that fails each second and comes back a tenth of a second later. */
const failing = (): Promise<SupervisorEvent[]> => scene("a critical child that fails");

function firstOf(events: readonly SupervisorEvent[], type: SupervisorEvent["type"]): SupervisorEvent {
  const found = events.find((event) => event.type === type);
  assert(found !== undefined, `there is a ${type}`);
  return found;
}

/** The same events, as a reader gets them that missed some. */
function without(events: readonly SupervisorEvent[], isMissed: (event: SupervisorEvent) => boolean): Item[] {
  return events.map((event) => isMissed(event) ? { type: "gap", from: event.seq, to: event.seq } : event);
}

Deno.test("a chain goes from a failure over the decision and the restart to the ready that follows, each event with its stage", async () => {
  const events = await failing();
  const { correlation } = firstOf(events, "child_failed");
  const { entries, complete, missing, truncated } = correlationChain(events, correlation);
  assertEquals(entries.map(({ stage, event }) => `${event.type}: ${stage}`), [
    "child_failed: failure_decision",
    "escalation_bifurcated: failure_decision",
    "backoff_scheduled: restart_attempt",
    "child_restarting: restart_attempt",
    "child_starting: spawn",
    "child_ready: ready",
  ]);
  assertEquals([complete, missing, truncated], [true, [], false]);
});

Deno.test("the first chain of a child is its start; the others need not have happened", async () => {
  const events = await failing();
  const { entries, complete } = correlationChain(events, firstOf(events, "child_starting").correlation);
  assertEquals([entries.map(({ stage }) => stage), complete], [["spawn", "ready"], true]);
});

Deno.test("a chain in which no attempt follows is whole without one", async () => {
  const events = await scene("a supervisor that gives up");
  const last = events.findLastIndex((event) => event.type === "child_failed" && event.decision.action === "escalate");
  const { complete, missing } = correlationChain(events, events[last]!.correlation);
  assertEquals([complete, missing], [true, []]);
});

Deno.test("what ends while its shutdown runs, and what belongs to no child, need not get ready", async () => {
  const events = await scene("children that wait, get ready, are ready no more, and stop");
  for (const type of ["child_shutdown", "shutdown_requested", "shutdown_completed"] as const) {
    const { correlation } = firstOf(events, type);
    assertEquals(correlationChain(events, correlation).complete, true, type);
  }
});

Deno.test("an attempt that began and never got ready is missed in its chain, whoever looks and when", async () => {
  const events = await scene("a child that runs and never gets ready");
  const starting = firstOf(events, "child_starting");
  const { complete, missing, truncated } = correlationChain(events.slice(0, events.indexOf(starting) + 2), starting.correlation);
  assertEquals([complete, missing, truncated], [false, ["ready"], false]);
});

Deno.test("what a reader missed of a chain is named, and that it may be why", async () => {
  const events = await failing();
  const { correlation } = firstOf(events, "child_failed");
  const told = (...missed: readonly SupervisorEvent["type"][]): readonly [readonly ChainStage[], boolean] => {
    const { missing, truncated } = correlationChain(
      without(events, (event) => event.correlation === correlation && missed.includes(event.type)),
      correlation,
    );
    return [missing, truncated];
  };
  assertEquals(told("child_failed", "escalation_bifurcated", "backoff_scheduled"), [["failure_decision"], true]);
  assertEquals(told("backoff_scheduled", "child_restarting"), [["restart_attempt"], true]);
  assertEquals(told("child_starting"), [["spawn"], true]);
  assertEquals(told("child_ready"), [["ready"], true]);
  assertEquals(told("escalation_bifurcated"), [[], true], "nothing that must be there, but something is");
  const later = correlationChain(without(events, (event) => event.type === "shutdown_completed"), correlation);
  assertEquals([later.complete, later.truncated], [true, false], "what is missed after its end is not its own");
});

Deno.test("a chain has each event once and in order, however they come", async () => {
  const events = await failing();
  const { correlation } = firstOf(events, "child_failed");
  assertEquals(correlationChain([...[...events].reverse(), ...events], correlation), correlationChain(events, correlation));
});

Deno.test("one stage or one child can be had alone; whether the chain is whole does not depend on the stage", async () => {
  const events = await scene("a supervisor that gives up");
  const escalated = firstOf(events, "supervisor_escalated");
  const { correlation } = escalated;
  const paths = (path?: string): string[] => correlationChain(events, correlation, { path }).entries.map(({ event }) => event.path);
  assert(new Set(paths()).size > 1, "the supervisor tells with the number of its child");
  assertEquals([...new Set(paths(escalated.path))], [escalated.path]);
  const { entries, complete } = correlationChain(events, correlation, { stage: "failure_decision" });
  assertEquals([[...new Set(entries.map(({ stage }) => stage))], complete], [["failure_decision"], true]);
});

Deno.test("a number that no event has is refused, with what was missed", async () => {
  const events = await failing();
  const refusal = (items: Iterable<Item>, path?: string): string => {
    const error = assertThrows(() => correlationChain(items, 1_000_000, { path }), ReeveError);
    assertEquals(error.code, "correlation_not_found");
    return error.message;
  };
  assertEquals(refusal(events), "Cannot find a chain: no event has the number 1000000");
  assertEquals(refusal(events, "/a"), 'Cannot find a chain: no event about "/a" has the number 1000000');
  assertEquals(
    refusal([{ type: "gap", from: 1, to: 12 }]),
    "Cannot find a chain: no event has the number 1000000. 12 events were missed, and may have had it",
  );
});

Deno.test("every event of every scene is in one chain, in its stage; a chain that got ready is whole", async () => {
  for (const [name, play] of Object.entries(SCENES)) {
    const events = await play();
    const chains = [...new Set(events.map(({ correlation }) => correlation))].map((correlation) => correlationChain(events, correlation));
    assertEquals(chains.reduce((sum, { entries }) => sum + entries.length, 0), events.length, name);
    for (const { entries, complete, missing, truncated } of chains) {
      for (const { stage, event } of entries) assertEquals(stage, stageOf(event.type));
      const types = entries.map(({ event }) => event.type);
      assertEquals(truncated, false, "nothing was missed");
      assertEquals(complete, missing.length === 0);
      if (types.includes("child_ready")) assertEquals(missing, [], `${name}: ${types}`);
      assertEquals(missing.filter((stage) => stage !== "spawn" && stage !== "ready"), [], `${name}: ${types}`);
    }
  }
});
