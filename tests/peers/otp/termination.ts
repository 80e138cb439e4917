/** OTP's groups sup_stop, normal_termination, shutdown_termination and abnormal_termination. */
import { assertEquals } from "@std/assert";
import { child, type ChildOptions, type ChildSpec, type RestartPolicy } from "../../../mod.ts";
import { type Actor, otp, type PeerCase, play, type Stage } from "../helpers.ts";

/** How a child ended, seen from its side. */
type End = "finish" | "cancel" | "fail";

/** Ends one of two children of a policy, and says how that child is a minute later, how often it ran, and what its limit counts. */
function ended(
  restartPolicy: RestartPolicy,
  how: End,
  expected: readonly [phase: string, starts: number, used: number],
): () => Promise<void> {
  return play(async (stage) => {
    const [one, two] = [stage.actor("one", { ...otp(), restartPolicy }), stage.actor("two", otp())];
    const tree = await stage.open({ children: [one.spec, two.spec] });
    one[how]();
    await stage.advance(60_000);
    const { phase, limitUsed } = tree.child("/one");
    assertEquals([phase, one.starts, limitUsed], expected);
    assertEquals([tree.child("/two").phase, two.starts, tree.snapshot().phase], ["ready", 1, "running"], "nobody else is touched");
  });
}

/** Status of every child in the report of a shutdown. */
async function statuses(stage: Stage, withinMs: number): Promise<string[]> {
  const { children } = await stage.close(withinMs);
  return children.map(({ path, status }) => `${path} ${status}`).toSorted();
}

/** Two actors with these ways to stop, the second one slow or deaf. */
function pair(stage: Stage, stop: ChildOptions["stop"], stopMs: number | null): { specs: ChildSpec[]; two: Actor } {
  const [one, two] = [stage.actor("one", { stop: { timeoutMs: 1_000 } }), stage.actor("two", { stop })];
  two.stopMs = stopMs;
  return { specs: [one.spec, two.spec], two };
}

export const CASES: readonly PeerCase[] = [
  {
    name: "sup_stop_infinity",
    means: "a child without a limit on its stop is waited for, however long it takes, and is not forced",
    run: play(async (stage) => {
      const { specs } = pair(stage, { mode: "wait" }, 3_600_000);
      await stage.open({ children: specs });
      const ending = stage.tree.shutdown();
      await stage.advance(3_599_999);
      assertEquals(stage.phases("/one", "/two"), ["/one stopped", "/two stopping"]);
      await stage.advance(1);
      assertEquals((await ending).children.map(({ status }) => status), ["graceful", "graceful"]);
      assertEquals(await stage.events("child_killing"), []);
    }),
  },
  {
    name: "sup_stop_timeout",
    means: "a child that is not down in time is forced then, the others go in peace; a task cannot be forced and is told as abandoned",
    run: play(async (stage) => {
      const { specs } = pair(stage, { timeoutMs: 1_000, killWaitMs: 1 }, null);
      await stage.open({ children: specs });
      assertEquals(await statuses(stage, 1_001), ["/one graceful", "/two abort_failed"]);
      assertEquals((await stage.events("child_killing")).map(({ path, atMs }) => `${path} ${atMs}`), ["/two 1000"]);
    }),
  },
  {
    name: "sup_stop_brutal_kill",
    means:
      "a child that is to be killed gets no time to obey, the others go in peace; a task cannot be forced, and is told as aborted when it obeyed",
    run: play(async (stage) => {
      const { specs } = pair(stage, { mode: "kill", killWaitMs: 1 }, 0);
      await stage.open({ children: specs });
      assertEquals(await statuses(stage, 1), ["/one graceful", "/two aborted"]);
      assertEquals((await stage.events("child_killing")).map(({ path, atMs }) => `${path} ${atMs}`), ["/two 0"]);
      assertEquals((await stage.events("child_stopping")).map(({ path }) => path), ["/one"]);
    }),
  },
  {
    name: "sup_stop_race",
    means: "children of every policy that end by themselves, well or badly, while the tree stops neither come back nor hold up the end",
    run: play(async (stage) => {
      const policies: readonly RestartPolicy[] = ["permanent", "transient", "temporary"];
      const actors = policies.flatMap((restartPolicy) => {
        const stop = { timeoutMs: 1_000 };
        const [good, bad] = [`${restartPolicy}-good`, `${restartPolicy}-bad`];
        return [stage.actor(good, { ...otp(), restartPolicy, stop }), stage.actor(bad, { ...otp(), restartPolicy, stop })];
      });
      const slow = stage.actor("slow", { dependencies: actors.map(({ name }) => name) });
      slow.stopMs = 500;
      await stage.open({ children: [...actors.map(({ spec }) => spec), slow.spec] });
      const ending = stage.tree.shutdown();
      await stage.advance(100);
      for (const actor of actors) actor.name.endsWith("bad") ? actor.fail() : actor.finish();
      await stage.advance(400);
      const { exitCode, durationMs, abandoned } = await ending;
      assertEquals([exitCode, durationMs, abandoned], [0, 500, []]);
      assertEquals(actors.map(({ starts }) => starts), [1, 1, 1, 1, 1, 1]);
    }),
  },
  {
    name: "external_start_no_progress_log",
    means: "a child that is started by a call of another process is not logged as progress of the supervisor",
    not: "there are no progress reports and no other processes: every start is one event",
  },
  {
    name: "permanent_normal",
    means: "a permanent child that succeeds is started again; unlike in OTP that does not count against its limit",
    run: ended("permanent", "finish", ["ready", 2, 0]),
  },
  { name: "transient_normal", means: "a transient child that succeeds stays down", run: ended("transient", "finish", ["stopped", 1, 0]) },
  { name: "temporary_normal", means: "a temporary child that succeeds stays down", run: ended("temporary", "finish", ["stopped", 1, 0]) },
  {
    name: "permanent_shutdown",
    means: "a permanent child that cancels itself stays down: stopped on purpose is stopped here, whereas OTP starts it again",
    run: play(async (stage) => {
      const one = stage.actor("one", { ...otp(), restartPolicy: "permanent" });
      await stage.open({ children: [one.spec] });
      one.cancel();
      await stage.advance(60_000);
      assertEquals([...stage.phases("/one"), String(one.starts)], ["/one stopped", "1"]);
      assertEquals((await stage.events("child_stopped")).map(({ decision }) => decision.reason), ["external_cancel_or_manual_stop"]);
    }),
  },
  {
    name: "transient_shutdown",
    means: "a transient child that cancels itself stays down",
    run: ended("transient", "cancel", ["stopped", 1, 0]),
  },
  {
    name: "temporary_shutdown",
    means: "a temporary child that cancels itself stays down",
    run: ended("temporary", "cancel", ["stopped", 1, 0]),
  },
  {
    name: "faulty_application_shutdown",
    means: "an application that stops with an odd reason does not disturb the one that started it",
    not: "there is no application around a tree: what it runs in is the user's program",
  },
  {
    name: "permanent_abnormal",
    means: "a permanent child that fails is started again, and its limit counts one failure",
    run: ended("permanent", "fail", ["ready", 2, 1]),
  },
  {
    name: "transient_abnormal",
    means: "a transient child that fails is started again, and its limit counts one failure",
    run: ended("transient", "fail", ["ready", 2, 1]),
  },
  { name: "temporary_abnormal", means: "a temporary child that fails stays down", run: ended("temporary", "fail", ["failed", 1, 1]) },
  {
    name: "temporary_bystander",
    means: "a temporary child that is stopped because a sibling failed stays down, with either strategy, and the sibling comes back",
    run: play(async (stage) => {
      const nested = (strategy: "one_for_all" | "rest_for_one"): [Actor, Actor, ChildSpec] => {
        const one = stage.actor(`${strategy}-1`, otp());
        const two = stage.actor(`${strategy}-2`, { ...otp(), restartPolicy: "temporary" });
        return [one, two, child.supervisor(strategy, { strategy, children: [one.spec, two.spec] })];
      };
      const [all, rest] = [nested("one_for_all"), nested("rest_for_one")];
      await stage.open({ children: [all[2], rest[2]] });
      all[0].fail();
      rest[0].fail();
      await stage.advance(60_000);
      assertEquals(stage.asked, ["one_for_all-2", "rest_for_one-2"], "they were stopped");
      assertEquals([all, rest].flatMap(([one, two]) => [one.starts, two.starts]), [2, 1, 2, 1]);
      assertEquals((await stage.events("supervisor_escalated")).length, 0);
    }),
  },
];
