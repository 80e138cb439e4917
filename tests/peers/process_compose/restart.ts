/** process-compose's races of restarting, stopping and waiting, and its probes. */
import { assert, assertEquals } from "@std/assert";
import { type Actor, delayed, otp, type PeerCase, play, type Stage } from "../helpers.ts";

/** Opens a tree in which `b` waits for `a`, which has not said that it is ready. */
async function waiting(stage: Stage): Promise<[Actor, Actor]> {
  const a = stage.actor("a", { ...delayed(1_000), readiness: { mode: "explicit" } });
  const b = stage.actor("b", { ...delayed(1_000), dependencies: ["a"] });
  await stage.open({ children: [a.spec, b.spec] });
  assertEquals([...stage.phases("/a", "/b"), ...stage.tree.child("/b").waitingFor], ["/a running", "/b waiting", "a"]);
  return [a, b];
}

export const CASES: readonly PeerCase[] = [
  {
    name: "TestRestartWhilePendingOnDependency",
    means: "a restart of a child that waits for its dependency leaves it waiting, and one copy of it starts when the dependency is ready",
    run: play(async (stage) => {
      const [a, b] = await waiting(stage);
      const { outcome, decision } = await stage.tree.child("/b").restart();
      assertEquals([outcome, decision], ["idempotent", "already_pending"]);
      await stage.advance(60_000);
      assertEquals([...stage.phases("/b"), b.starts], ["/b waiting", 0]);
      a.ready();
      await stage.advance(1);
      assertEquals([...stage.phases("/b"), b.starts], ["/b ready", 1]);
      assertEquals((await stage.tree.child("/b").start()).outcome, "idempotent");
      await stage.advance(60_000);
      assertEquals(b.starts, 1);
    }),
  },
  {
    name: "TestStopDuringRestartCancelsTheRestart",
    means: "who is stopped while its restart is under way stays down: the later wish wins, while the old attempt stops as in the delay",
    run: play(async (stage) => {
      const [stopping, delaying] = [stage.actor("stopping", { stop: { timeoutMs: 10_000 } }), stage.actor("delaying", delayed(2_000))];
      stopping.stopMs = 1_000;
      const tree = await stage.open({ children: [stopping.spec, delaying.spec] });
      assertEquals((await tree.child("/stopping").restart()).decision, "queued_after_stop");
      delaying.fail();
      await stage.advance(500);
      assertEquals(stage.phases("/stopping", "/delaying"), ["/stopping stopping", "/delaying backoff"]);
      const answers = await Promise.all([tree.child("/stopping").terminate(), tree.child("/delaying").terminate()]);
      assertEquals(answers.map(({ outcome }) => outcome), ["accepted", "accepted"]);
      await stage.advance(60_000);
      assertEquals([...stage.phases("/stopping", "/delaying"), stopping.starts, delaying.starts], [
        "/stopping stopped",
        "/delaying stopped",
        1,
        1,
      ]);
    }),
  },
  {
    name: "TestStopWhilePendingReleasesTheProcess",
    means:
      "who is stopped while it waits is down at once, whatever it waits for, does not start with its dependency, and can be started again",
    run: async () => {
      for (const mode of ["explicit", "completed"] as const) {
        await play(async (stage) => {
          const a = stage.actor("a", { ...delayed(1_000), restartPolicy: "transient", readiness: { mode } });
          const b = stage.actor("b", { dependencies: ["a"] });
          const tree = await stage.open({ children: [a.spec, b.spec] });
          await tree.child("/b").terminate();
          assertEquals(stage.phases("/b"), ["/b stopped"], mode);
          if (mode === "explicit") a.ready();
          else a.finish();
          await stage.advance(60_000);
          assertEquals([...stage.phases("/b"), b.starts], ["/b stopped", 0], mode);
          await tree.child("/b").start();
          await stage.advance(1);
          assertEquals([...stage.phases("/b"), b.starts], ["/b ready", 1], mode);
        })();
      }
    },
  },
  {
    name: "TestRestartWhilePendingPrematureProjectShutdown",
    means: "a restart of who waits does not end the whole, and it starts when its dependency has run to its end",
    run: play(async (stage) => {
      const a = stage.actor("a", { ...otp(), restartPolicy: "transient", readiness: { mode: "completed" } });
      const b = stage.actor("b", { dependencies: ["a"], restartPolicy: "transient", significant: true });
      const tree = await stage.open({ autoShutdown: "all_significant", children: [a.spec, b.spec] });
      await tree.child("/b").restart();
      a.finish();
      await stage.advance(1);
      assertEquals([...stage.phases("/a", "/b"), tree.snapshot().phase, b.starts], ["/a stopped", "/b ready", "running", 1]);
    }),
  },
  {
    name: "ConcurrentRestartRaceCondition",
    means: "many restarts of one child at once make one new attempt, and never two copies",
    run: play(async (stage) => {
      const one = stage.actor("one", { stop: { timeoutMs: 10_000 } });
      one.stopMs = 100;
      const tree = await stage.open({ children: [one.spec] });
      const answers = await Promise.all(Array.from({ length: 50 }, () => tree.child("/one").restart()));
      assertEquals(answers.filter(({ outcome }) => outcome === "accepted").length, 1);
      assertEquals(answers.filter(({ decision }) => decision === "already_pending").length, 49);
      await stage.advance(60_000);
      assertEquals([one.starts, tree.child("/one").generation, ...stage.phases("/one")], [2, 1, "/one ready"]);
      assertEquals((await stage.events("child_restart_conflict")).length, 49);
    }),
  },
  {
    name: "TerminatingWithOrphanedChildHoldingPipe",
    means: "a grandchild that keeps the pipe of a process open does not keep its end from being seen",
    not: "it has no meaning for tasks on virtual time; the tests of processes run it with real ones",
  },
  {
    name: "StartProcessResetsStaleTerminatingState",
    means: "a start of a child that is on its way out is done after that: nothing of the stop is left, and it can be stopped again",
    run: play(async (stage) => {
      const one = stage.actor("one", { stop: { timeoutMs: 10_000 } });
      one.stopMs = 100;
      const tree = await stage.open({ children: [one.spec] });
      await tree.child("/one").terminate();
      await stage.advance(50);
      assertEquals((await tree.child("/one").start()).decision, "queued_after_stop");
      await stage.advance(60_000);
      assertEquals([...stage.phases("/one"), one.starts], ["/one ready", 2]);
      assertEquals((await stage.events("child_killing")).length, 0, "the time of the first stop no longer counts");
      await tree.child("/one").terminate();
      await stage.advance(100);
      assertEquals([...stage.phases("/one"), one.starts], ["/one stopped", 2]);
    }),
  },
  {
    name: "TestSystem_TestProcShutDownNoRestart",
    means: "who is stopped by somebody stays down, whatever its policy, and nobody else is touched",
    run: play(async (stage) => {
      const [again, never] = [stage.actor("again", otp()), stage.actor("never", { restartPolicy: "temporary" })];
      const tree = await stage.open({ children: [again.spec, never.spec] });
      await tree.child("/again").terminate();
      await stage.advance(60_000);
      assertEquals([...stage.phases("/again", "/never"), again.starts], ["/again stopped", "/never ready", 1]);
      await tree.child("/never").terminate();
      await stage.advance(60_000);
      assertEquals([...stage.phases("/never"), never.starts, tree.snapshot().phase], ["/never stopped", 1, "running"]);
    }),
  },
  {
    name: "TestSystem_TestProcShutDownWithConfiguredTimeOut",
    means: "who ignores being asked to stop has the time it was given and is forced then; who obeys is down at once",
    run: play(async (stage) => {
      const [deaf, fine] = ["deaf", "fine"].map((name) => stage.actor(name, { stop: { timeoutMs: 3_000 } }));
      deaf!.stopMs = null;
      const tree = await stage.open({ children: [deaf!.spec, fine!.spec] });
      await Promise.all([tree.child("/deaf").terminate(), tree.child("/fine").terminate()]);
      await stage.advance(2_999);
      assertEquals(stage.phases("/deaf", "/fine"), ["/deaf stopping", "/fine stopped"]);
      await stage.advance(1);
      assertEquals((await stage.events("child_killing")).map(({ path, atMs }) => `${path} ${atMs}`), ["/deaf 3000"]);
      assertEquals(stage.phases("/deaf"), ["/deaf abandoned"]);
    }),
  },
  {
    name: "TestSystem_TestRestartingProcessShutDown",
    means: "who waits for its next start can be stopped, and is down at once",
    run: play(async (stage) => {
      const one = stage.actor("one", delayed(1_000));
      const tree = await stage.open({ children: [one.spec] });
      one.finish();
      await stage.advance(100);
      assertEquals(stage.phases("/one"), ["/one backoff"]);
      await tree.child("/one").terminate();
      assertEquals(stage.phases("/one"), ["/one stopped"]);
      await stage.advance(60_000);
      assertEquals(one.starts, 1);
    }),
  },
  {
    name: "TestReadinessProbeRestart",
    means: "who never gets ready is restarted when its time is over, as often as the limit allows",
    run: play(async (stage) => {
      const limit = { maxRestarts: 1, onExceeded: "give_up" } as const;
      const one = stage.actor("one", { ...otp(), limit, readiness: { mode: "explicit" }, timeouts: { startMs: 3_000 } });
      const tree = await stage.open({ children: [one.spec] });
      await stage.advance(60_000);
      const { restartsTotal, phase, lastExit } = tree.child("/one");
      assertEquals([one.starts, restartsTotal, phase, lastExit?.kind], [2, 1, "failed", "timed_out"]);
      assertEquals((await stage.events("child_failed")).map(({ atMs }) => atMs), [3_000, 6_000]);
    }),
  },
  {
    name: "TestLivenessProbeRestart",
    means: "who no longer shows that it is alive is restarted, as often as the limit allows",
    run: play(async (stage) => {
      const limit = { maxRestarts: 1, onExceeded: "give_up" } as const;
      const one = stage.actor("one", { ...otp(), limit, healthCheck: { checkIntervalSecs: 1, maxRetries: 1 } });
      const tree = await stage.open({ children: [one.spec] });
      await stage.advance(60_000);
      const { restartsTotal, phase, lastExit } = tree.child("/one");
      assertEquals([one.starts, restartsTotal, phase], [2, 1, "failed"]);
      assert(lastExit !== null && "failure" in lastExit);
      assertEquals(lastExit.failure.kind, "unhealthy");
      assertEquals((await stage.events("child_unhealthy")).length, 2);
    }),
  },
];
