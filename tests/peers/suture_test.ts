/** suture's suture_test.go (v4), case by case; its decaying counter is a window here, its pause of a whole supervisor a delay of each child. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { child, ReeveError, type TreeSpec } from "../../mod.ts";
import { type Actor, delayed, type PeerCase, play, registerCases, type Stage } from "./helpers.ts";

/** A limit of three failures in a minute, after which the child waits 15 s. */
const PATIENT = {
  backoff: { initialMs: 0, maxMs: 15_000, factor: 1, jitter: "none" },
  limit: { maxRestarts: 3, windowMs: 60_000 },
} as const;

/** Opens a tree with one actor that ignores being asked to stop, and has a second for it. */
async function hung(stage: Stage): Promise<Actor> {
  const service = stage.actor("service", { stop: { timeoutMs: 1_000, killWaitMs: 100 } });
  service.stopMs = null;
  await stage.open({ children: [service.spec] });
  return service;
}

const CASES: readonly PeerCase[] = [
  {
    name: "TestTheHappyCase",
    means: "a service that ends is started again, and ends with its supervisor",
    run: play(async (stage) => {
      const service = stage.actor("service", delayed(0));
      const tree = await stage.open({ name: "A", children: [service.spec] });
      assertEquals(tree.name, "A");
      service.finish();
      await stage.advance(1);
      assertEquals([service.starts, service.live], [2, true]);
      await stage.close();
      assertEquals([service.live, stage.asked], [false, ["service"]]);
    }),
  },
  {
    name: "TestAddingToRunningSupervisor",
    means: "a service that is added to a running supervisor is started",
    run: play(async (stage) => {
      const service = stage.actor("service");
      const tree = await stage.open({ children: [child.supervisor("inner", { children: [] })] });
      await tree.add(service.spec, { to: "/inner" });
      await stage.advance();
      assertEquals([service.live, ...stage.phases("/inner/service")], [true, "/inner/service ready"]);
    }),
  },
  {
    name: "TestFailures",
    means:
      "failures below the limit are answered at once, panics too; beyond it the service waits and the other runs on; later all is forgotten",
    run: play(async (stage) => {
      const [one, two] = [stage.actor("one", PATIENT), stage.actor("two", PATIENT)];
      const tree = await stage.open({ children: [one.spec, two.spec] });
      for (let failures = 1; failures <= 3; failures++) {
        one.fail(failures === 2 ? new TypeError("panic") : undefined);
        await stage.advance(10);
        assertEquals([one.starts, tree.child("/one").limitUsed], [failures + 1, failures]);
      }
      two.fail();
      await stage.advance(10);
      assertEquals([two.starts, tree.child("/two").limitUsed], [2, 1], "each service has an account of its own");
      one.fail();
      await stage.advance(14_999);
      assertEquals([one.starts, ...stage.phases("/one", "/two")], [4, "/one backoff", "/two ready"]);
      assertEquals(tree.child("/one").lastDecision?.reason, "restart_limit_slow_down");
      await stage.advance(1);
      assertEquals([one.starts, ...stage.phases("/one")], [5, "/one ready"]);
      await stage.advance(60_000);
      assertEquals(tree.child("/one").limitUsed, 0);
      one.fail();
      await stage.advance(1);
      assertEquals([one.starts, ...stage.phases("/one")], [6, "/one ready"]);
      assertEquals(tree.child("/one").failuresTotal, 5, "the total never resets");
    }),
  },
  {
    name: "TestRunningAlreadyRunning",
    means: "a supervisor that runs cannot be run again",
    not: "there is nothing to run twice: `supervise` makes a new tree each time",
  },
  {
    name: "TestFullConstruction",
    means: "what is declared of threshold, window, delay and timeout is what the supervisor goes by",
    run: play(async (stage) => {
      const limit = { maxRestarts: 2, windowMs: 1_000 };
      const service = stage.actor("service", { ...delayed(3_000), limit, stop: { timeoutMs: 29_000 } });
      const tree = await stage.open({ name: "Moo", children: [service.spec] });
      assertEquals([tree.name, tree.child("/service").limit], ["Moo", 2]);
      service.fail();
      await stage.advance(1);
      assertEquals([tree.child("/service").retryAtMs, tree.child("/service").limitUsed], [3_000, 1]);
      await stage.advance(3_000);
      assertEquals(tree.child("/service").limitUsed, 0, "the window is over");
      await stage.close();
      assertEquals((await stage.events("child_stopping")).map(({ timeoutMs }) => timeoutMs), [29_000]);
    }),
  },
  {
    name: "TestDefaultLogging",
    means: "without a logger of the user a failure, the wait after it and the end are told by events",
    run: play(async (stage) => {
      const service = stage.actor("service", delayed(25));
      await stage.open({ children: [service.spec] });
      service.fail();
      await stage.advance(25);
      const told = [await stage.events("child_failed"), await stage.events("backoff_scheduled"), await stage.events("child_restarting")];
      assertEquals(told.map((events) => events.map(({ path, atMs }) => `${path} ${atMs}`)), [["/service 0"], ["/service 0"], [
        "/service 25",
      ]]);
      assertEquals(new Set(told.flat().map(({ correlation }) => correlation)).size, 1, "one number holds them together");
    }),
  },
  {
    name: "TestNestedSupervisors",
    means: "a service below two supervisors is started, and what it does is told by the one stream of the tree",
    run: play(async (stage) => {
      const service = stage.actor("service", delayed(0));
      await stage.open({ children: [child.supervisor("nested", { children: [service.spec] })] });
      service.fail();
      await stage.advance(1);
      assertEquals([service.starts, (await stage.events("child_failed")).map(({ path }) => path)], [2, ["/nested/service"]]);
    }),
  },
  {
    name: "TestStoppingSupervisorStopsServices",
    means: "stopping the supervisor stops the service; afterwards commands are refused and nobody is running in the list",
    run: play(async (stage) => {
      const service = stage.actor("service");
      const tree = await stage.open({ children: [service.spec] });
      const handle = tree.child("/service");
      await stage.close();
      assertEquals([service.live, ...stage.phases("/service")], [false, "/service stopped"]);
      assertEquals((await assertRejects(() => handle.start(), ReeveError)).code, "tree_finished");
    }),
  },
  {
    name: "TestStoppingStillWorksWithHungServices",
    means: "a service that does not stop does not keep the supervisor from ending; when it ends after all, nobody is disturbed",
    run: play(async (stage) => {
      const service = await hung(stage);
      const report = await stage.close(1_100);
      assertEquals([report.durationMs, report.abandoned, service.live], [1_000, ["/service"], true]);
      service.fail();
      await stage.advance(1);
      assertEquals([service.live, await stage.tree.finished === report], [false, true]);
    }),
  },
  {
    name: "TestRemovingHungService",
    means: "a service that does not stop can be taken out: it is told as abandoned, and is gone when it ends after all",
    run: play(async (stage) => {
      const service = await hung(stage);
      await stage.tree.child("/service").remove();
      await stage.advance(1_100);
      assertEquals([stage.tree.child("/service").phase, (await stage.events("child_abandoned")).length], ["abandoned", 1]);
      service.finish();
      await stage.advance(60_000);
      assertEquals([service.starts, stage.tree.counts()], [1, {}]);
    }),
  },
  {
    name: "TestRemoveService",
    means: "a service is taken out of its supervisor, and no other one; here the path says whose it is",
    run: play(async (stage) => {
      const [mine, other] = [stage.actor("service"), stage.actor("service")];
      const tree = await stage.open({ children: [mine.spec, child.supervisor("inner", { children: [other.spec] })] });
      await tree.child("/service").remove();
      await stage.advance();
      assertEquals([mine.live, other.live], [false, true]);
      assertThrows(() => tree.child("/service"), ReeveError);
    }),
  },
  {
    name: "TestServiceReport",
    means: "the report at the end names the services that did not stop, and only those; one that stopped too late is told as late",
    run: play(async (stage) => {
      const [deaf, late, fine] = ["deaf", "late", "fine"].map((name) =>
        stage.actor(name, { stop: { timeoutMs: name === "fine" ? 1_000 : 1 } })
      );
      deaf!.stopMs = null;
      late!.stopMs = 50;
      fine!.stopMs = 100;
      await stage.open({ children: [child.supervisor("inner", { children: [deaf!.spec] }), late!.spec, fine!.spec] });
      const { abandoned, children, durationMs } = await stage.close();
      assertEquals([abandoned, durationMs], [["/inner/deaf"], 100]);
      const status = (path: string): string | undefined => children.find((one) => one.path === path)?.status;
      assertEquals([status("/late"), status("/fine")], ["late_report", "graceful"]);
    }),
  },
  {
    name: "TestFailureToConstruct",
    means: "a supervisor that was never constructed cannot be run",
    not: "there is no half-made supervisor: a tree exists when `supervise` has resolved",
  },
  {
    name: "TestFailingSupervisors",
    means: "a supervisor that fails waits with its services down, and all of them come back with it",
    run: play(async (stage) => {
      const wild = stage.actor("wild", { backoff: { initialMs: 0, maxMs: 0 }, limit: { maxRestarts: 1, onExceeded: "escalate" } });
      const service = stage.actor("service", delayed(0));
      const nested = child.supervisor("nested", { ...delayed(15_000), children: [wild.spec, service.spec] });
      await stage.open({ children: [nested] });
      wild.fail();
      await stage.advance(1);
      wild.fail();
      await stage.advance(1);
      assertEquals([...stage.phases("/nested"), service.live, wild.live], ["/nested backoff", false, false]);
      await stage.advance(15_000);
      assertEquals([...stage.phases("/nested", "/nested/service"), service.starts, wild.starts], [
        "/nested ready",
        "/nested/service ready",
        2,
        3,
      ]);
    }),
  },
  {
    name: "TestNilSupervisorAdd",
    means: "adding to a supervisor that does not exist panics",
    not: "the types leave no handle of a tree that does not exist",
  },
  {
    name: "TestIssue11",
    means: "adding a service to a supervisor that was just added races with nothing",
    run: play(async (stage) => {
      const service = stage.actor("service");
      const tree = await stage.open({ children: [] });
      await tree.add(child.supervisor("inner", { children: [] }));
      await tree.add(service.spec, { to: "/inner" });
      await stage.advance();
      assertEquals([service.starts, ...stage.phases("/inner", "/inner/service")], [1, "/inner ready", "/inner/service ready"]);
    }),
  },
  {
    name: "TestRemoveAndWait",
    means: "who takes a service out can wait for its end, by its event, and only so long as it likes",
    run: play(async (stage) => {
      const service = stage.actor("service");
      service.stopMs = 500;
      const tree = await stage.open({ children: [service.spec] });
      const removed = tree.events({ since: "now", filter: ({ type }) => type === "child_removed" });
      await tree.child("/service").remove();
      await stage.advance(499);
      assertEquals([service.live, stage.tree.counts()], [true, { stopping: 1 }]);
      await stage.advance(1);
      const { value } = await removed.next();
      assertEquals([value.type, value.path, service.live], ["child_removed", "/service", false]);
    }),
  },
  {
    name: "TestSupervisorManagementIssue35",
    means: "a tree that is stopped in the moment it was started, with a hundred supervisors in it, ends in order",
    run: play(async (stage) => {
      const services = Array.from({ length: 100 }, (_, index) => stage.actor(`c${index}`));
      const spec: TreeSpec = { children: services.map(({ spec }, index) => child.supervisor(`s${index}`, { children: [spec] })) };
      await stage.open(spec);
      const { exitCode, children, abandoned } = await stage.close(0);
      assertEquals([exitCode, children.length, abandoned], [0, 200, []]);
      assertEquals(services.filter(({ live, starts }) => live || starts > 1), []);
    }),
  },
  {
    name: "TestCoverage",
    means: "a supervisor with hooks that do nothing is constructed",
    not: "there are no hooks to construct with: what happens is read from the stream of events",
  },
  {
    name: "TestStopAfterRemoveAndWait",
    means: "stopping after a service was taken out does not complain about that service",
    run: play(async (stage) => {
      const service = stage.actor("service");
      const tree = await stage.open({ children: [service.spec] });
      await tree.child("/service").remove();
      await stage.advance();
      const report = await stage.close();
      assertEquals([report.children, report.abandoned], [[], []]);
    }),
  },
  {
    name: "TestEverMultistarted",
    means:
      "no service is ever started while it runs, whatever commands and failures come together; the task itself sees to it, in every case",
    run: play(async (stage) => {
      const service = stage.actor("service", { ...delayed(5), stop: { timeoutMs: 20, killWaitMs: 10 } });
      const tree = await stage.open({ observability: { eventJournalCapacity: 100_000 }, children: [service.spec] });
      for (let round = 0; round < 200; round++) {
        // Now obedient, now slow, now deaf; what it is asked to do comes in every order, and often twice.
        service.stopMs = [0, 15, null][round % 3] ?? null;
        if (service.live && round % 2 === 0) service.fail();
        const handle = tree.child("/service");
        await Promise.allSettled([handle.restart(), handle.terminate(), handle.start(), handle.restart()]);
        await stage.advance(round % 7);
        if (round % 5 === 4 && service.live) service.finish();
      }
      service.stopMs = 0;
      if (service.live) service.finish();
      await stage.advance(1_000);
      assertEquals([service.multistarted, service.live, ...stage.phases("/service")], [false, true, "/service ready"]);
      assertEquals(service.starts, tree.child("/service").attempt);
    }),
  },
];

/** The cases of the suite. */
const NAMES = `TestTheHappyCase TestAddingToRunningSupervisor TestFailures TestRunningAlreadyRunning TestFullConstruction TestDefaultLogging
  TestNestedSupervisors TestStoppingSupervisorStopsServices TestStoppingStillWorksWithHungServices TestRemovingHungService TestRemoveService
  TestServiceReport TestFailureToConstruct TestFailingSupervisors TestNilSupervisorAdd TestIssue11 TestRemoveAndWait
  TestSupervisorManagementIssue35 TestCoverage TestStopAfterRemoveAndWait TestEverMultistarted`;

registerCases("suture", NAMES.split(/\s+/), CASES);
