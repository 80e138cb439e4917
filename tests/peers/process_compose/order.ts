/** process-compose's cases of order, dependencies and projects. */
import { assertEquals, assertRejects } from "@std/assert";
import { child, ReeveError, SpecError, supervise } from "../../../mod.ts";
import { type Actor, delayed, otp, type PeerCase, play, type Stage } from "../helpers.ts";
import { untilAborted } from "../../support/tasks.ts";

/** Opens a tree in which every actor waits for the next one to be ready, or done. */
async function chain(stage: Stage, names: readonly string[], mode: "immediate" | "completed"): Promise<Actor[]> {
  const actors = names.map((name, index) => {
    const next = names[index + 1];
    return stage.actor(name, {
      ...delayed(1_000),
      readiness: { mode },
      restartPolicy: mode === "completed" ? "transient" : "permanent",
      dependencies: next === undefined ? [] : [next],
    });
  });
  await stage.open({ children: actors.map(({ spec }) => spec) });
  return actors;
}

const NAMES = ["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8"];
const LOG_FILES = "what children print is kept in memory and told; files of it do not belong to the engine";

export const CASES: readonly PeerCase[] = [
  {
    name: "TestSystem_TestFixtures",
    means: "every example file of the project runs",
    not: "the examples of the peer are in its own format; ours have tests of their own",
  },
  { name: "TestSystem_TestComposeWithLog", means: "logs are written to the files that were declared", not: LOG_FILES },
  {
    name: "TestSystem_TestComposeChain",
    means: "in a chain of eight, each starts when the next has run to its end",
    run: play(async (stage) => {
      const actors = await chain(stage, NAMES, "completed");
      for (const actor of actors.toReversed()) {
        assertEquals(stage.log.at(-1), `+${actor.name}`);
        actor.finish();
        await stage.advance(1);
      }
      assertEquals(stage.log.filter((line) => line.startsWith("+")), NAMES.toReversed().map((name) => `+${name}`));
    }),
  },
  {
    name: "TestSystem_TestComposeChainExit",
    means: "a failure that gives the whole its exit code ends all of the chain",
    run: play(async (stage) => {
      const [a, b] = [stage.actor("a", { dependencies: ["b"] }), stage.actor("b", otp(1))];
      await stage.open({ policy: { escalation: { exitCode: 42 } }, children: [a.spec, b.spec] });
      b.fail();
      await stage.advance(1);
      b.fail();
      await stage.advance(1);
      assertEquals([(await stage.tree.finished).exitCode, a.live, b.live], [42, false, false]);
    }),
  },
  {
    name: "TestSystem_TestComposeCircular",
    means: "who waits for each other in a circle is refused before anybody starts; a diamond is no circle",
    run: play(async (stage) => {
      const started: string[] = [];
      const one = (name: string, ...dependencies: string[]): ReturnType<typeof child.task> =>
        child.task(name, () => void started.push(name), { dependencies, restartPolicy: "transient", readiness: { mode: "completed" } });
      const error = await assertRejects(() => supervise({ children: [one("a", "b"), one("b", "c"), one("c", "a")] }), SpecError);
      assertEquals([error.problems.map(({ rule }) => rule), started], [["dependency_cycle"], []]);
      await stage.open({ children: [one("top", "left", "right"), one("left", "base"), one("right", "base"), one("base")] });
      assertEquals(started.length, 4);
    }),
  },
  {
    name: "TestSystem_TestComposeScale",
    means: "a process is scaled up and down by number; here to none as well, as templates are not running themselves",
    run: play(async (stage) => {
      const template = child.task("one", untilAborted);
      const tree = await stage.open({ children: [], templates: [template] });
      for (const count of [4, 2, 7, 0]) {
        await tree.scale("one", count);
        await stage.advance();
        assertEquals(tree.counts(), count === 0 ? {} : { ready: count });
      }
      await assertRejects(() => tree.scale("one", -1), ReeveError);
    }),
  },
  {
    name: "TestSystem_TestTransitiveDependency",
    means: "when the one at the bottom fails for good, nobody above it is ever started, and each says for whom it waits",
    run: play(async (stage) => {
      const base = stage.actor("base", { restartPolicy: "temporary", readiness: { mode: "completed" } });
      const middle = stage.actor("middle", { dependencies: ["base"] });
      const top = stage.actor("top", { dependencies: ["middle"] });
      const tree = await stage.open({ children: [top.spec, middle.spec, base.spec] });
      base.fail();
      await stage.advance(3_600_000);
      assertEquals([base.starts, middle.starts, top.starts], [1, 0, 0]);
      assertEquals([tree.child("/middle").waitingFor, tree.child("/top").waitingFor], [["base"], ["middle"]]);
      assertEquals(tree.child("/base").phase, "failed");
    }),
  },
  {
    name: "TestSystem_TestProcListToRun",
    means: "of a project some processes are run, with or without what they depend on",
    not: "a declaration runs as a whole; who wants a part of it declares that part",
  },
  {
    name: "TestSystem_TestProcListShutsDownInOrder",
    means: "each is asked to stop when all that depend on it have ended, however long they take",
    run: async () => {
      await play(async (stage) => {
        const [c, b, a] = await chain(stage, ["c", "b", "a"], "immediate");
        c!.stopMs = 300;
        b!.stopMs = 200;
        a!.stopMs = 100;
        await stage.close();
        assertEquals(stage.log, ["+a", "+b", "+c", "-c", "-b", "-a"]);
        assertEquals((await stage.events("child_stopping")).map(({ path, atMs }) => `${path} ${atMs}`), ["/c 0", "/b 300", "/a 500"]);
      })();
      await play(async (stage) => {
        const [base, quick, slow] = ["base", "quick", "slow"].map((name) =>
          stage.actor(name, { dependencies: name === "base" ? [] : ["base"] })
        );
        slow!.stopMs = 400;
        await stage.open({ children: [base!.spec, quick!.spec, slow!.spec] });
        await stage.close();
        assertEquals((await stage.events("child_stopping")).map(({ path, atMs }) => `${path} ${atMs}`), [
          "/slow 0",
          "/quick 0",
          "/base 400",
        ]);
      })();
    },
  },
  {
    name: "TestSystem_TestReadyLine",
    means: "who depends on a child that is ready with a line of its output starts when that line has been written",
    run: play(async (stage) => {
      const talking = child.task("talking", ({ signal, log }) => {
        log("loading");
        stage.clock.setTimer(() => log("now ready to serve"), 300);
        return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      }, { readiness: { mode: "log_line", pattern: "ready" } });
      const after = stage.actor("after", { dependencies: ["talking"] });
      await stage.open({ children: [talking, after.spec] });
      await stage.advance(299);
      assertEquals([...stage.phases("/talking", "/after"), after.starts], ["/talking running", "/after waiting", 0]);
      await stage.advance(1);
      assertEquals([...stage.phases("/talking", "/after"), after.starts], ["/talking ready", "/after ready", 1]);
    }),
  },
  { name: "TestUpdateProject", means: "a changed declaration changes, adds and removes what differs, and tells which", needs: "reload" },
  {
    name: "TestUpdateProcessReadyLogLineHealthyDependentFailsWithoutHanging",
    means: "after a change of a process, who is added and depends on it looks at its new attempt",
    needs: "reload",
  },
  {
    name: "TestSystem_WaitForStartShutDown",
    means: "a tree in which most wait for one another can be shut down at once, and nobody of them is started",
    run: play(async (stage) => {
      const last = stage.actor("last", { restartPolicy: "transient", readiness: { mode: "completed" } });
      const third = stage.actor("third", { dependencies: ["last"] });
      const [one, two] = [stage.actor("one", { dependencies: ["third"] }), stage.actor("two", { dependencies: ["third"] })];
      await stage.open({ children: [one.spec, two.spec, third.spec, last.spec] });
      await stage.advance(300);
      const { exitCode, children } = await stage.close(0);
      assertEquals([exitCode, children.map(({ starts }) => starts).toSorted()], [0, [0, 0, 0, 1]]);
    }),
  },
  {
    name: "TestSystem_TestEnvCmds",
    means: "variables of the environment are the output of commands",
    not: "variables are declared as values; nothing is run to find them",
  },
  { name: "TestSystem_TestLogTruncate", means: "the log of a process is emptied at its start", not: LOG_FILES },
  {
    name: "TestProject_GetDependenciesOrderNames",
    means: "the order of starting follows the dependencies, not the order of the declaration; who depends on nobody known is refused",
    run: play(async (stage) => {
      await chain(stage, ["p1", "p2", "p3", "p4"], "immediate");
      assertEquals(stage.log, ["+p4", "+p3", "+p2", "+p1"]);
      await assertRejects(() => supervise({ children: [child.task("p1", () => {}, { dependencies: ["p4"] })] }), SpecError, '"p4"');
    }),
  },
  {
    name: "TestProjectRunner_GetProjectName",
    means: "a tree has the name it was given, and one of the package without",
    run: async () => {
      for (const [name, expected] of [["my project", "my project"], [undefined, "reeve"]] as const) {
        await play(async (stage) => {
          const tree = await stage.open({ name, children: [] });
          assertEquals([tree.name, tree.snapshot().name], [expected, expected]);
        })();
      }
    },
  },
  {
    name: "TestProjectRunner_EnvironmentExpansion",
    means: "variables are expanded from those of the project by a template language",
    not: "placeholders belong to the configuration file, and have tests of their own",
  },
];
