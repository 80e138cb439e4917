/** OTP's groups of restart strategies, and multiple_restarts. */
import { assertEquals } from "@std/assert";
import { child, type Strategy } from "../../../mod.ts";
import { type Actor, delayed, otp, type PeerCase, play, type Stage } from "../helpers.ts";

/** A supervisor `s` with actors `a`, `b` and so on below a root that waits a minute before it starts `s` again. */
async function under(stage: Stage, strategy: Strategy, names: string, maxRestarts: number): Promise<Actor[]> {
  const actors = [...names].map((name) => stage.actor(name, otp(maxRestarts)));
  await stage.open({ children: [child.supervisor("s", { strategy, children: actors.map(({ spec }) => spec), ...delayed(60_000) })] });
  return actors;
}

/** The failure of a child that cannot be started again fails its supervisor once, with everybody else stopped. */
function escalates(strategy: Strategy, first: number): () => Promise<void> {
  return play(async (stage) => {
    const actors = await under(stage, strategy, "ab", 4);
    const [failing, other] = [actors[first]!, actors[1 - first]!];
    failing.opening = (start) => start === 1 ? "run" : "fail";
    failing.fail();
    await stage.advance(1);
    assertEquals([failing.starts, failing.live, other.live], [5, false, false], "four restarts, and the fifth failure is one too many");
    const { phase, failuresTotal } = stage.tree.child("/s");
    assertEquals([phase, failuresTotal, stage.tree.snapshot().phase], ["backoff", 1, "running"]);
    assertEquals((await stage.events("supervisor_escalated")).map((event) => `${event.path} ${event.child}`), [`/s /s/${failing.name}`]);
  });
}

/** A sibling that fails while it is started again is one more failure: all that belong together are stopped and tried again. */
function otherFails(strategy: Strategy): () => Promise<void> {
  return play(async (stage) => {
    const [a, b] = await under(stage, strategy, "ab", 3);
    b!.opening = (start) => start === 2 ? "fail" : "run";
    a!.fail();
    await stage.advance(1);
    const expected = strategy === "one_for_all" ? [3, 3] : [2, 3];
    assertEquals([a!.starts, b!.starts, ...stage.phases("/s", "/s/a", "/s/b")], [...expected, "/s ready", "/s/a ready", "/s/b ready"]);
    assertEquals([stage.tree.child("/s/a").failuresTotal, stage.tree.child("/s/b").failuresTotal], [1, 1]);
  });
}

export const CASES: readonly PeerCase[] = [
  {
    name: "multiple_restarts",
    means: "a child may fail for ever, as long as it fails seldom enough",
    run: play(async (stage) => {
      const one = stage.actor("one", otp(1, 1_000));
      await stage.open({ children: [one.spec] });
      for (let round = 1; round <= 5; round++) {
        one.fail();
        await stage.advance(2_100);
      }
      assertEquals([one.starts, ...stage.phases("/one"), stage.tree.snapshot().phase], [6, "/one ready", "running"]);
      one.fail();
      await stage.advance(500);
      one.fail();
      await stage.advance(1);
      assertEquals((await stage.tree.finished).cause.kind, "escalation", "twice within the window is too often");
    }),
  },
  {
    name: "one_for_one",
    means: "who fails is started again alone; one failure too many ends the supervisor; unlike in OTP each child has an account of its own",
    run: play(async (stage) => {
      const [a, b] = await under(stage, "one_for_one", "ab", 2);
      a!.fail();
      await stage.advance(1);
      assertEquals(stage.log, ["+a", "+b", "-a", "+a"]);
      b!.fail();
      await stage.advance(1);
      a!.fail();
      await stage.advance(1);
      assertEquals(stage.phases("/s", "/s/a", "/s/b"), ["/s ready", "/s/a ready", "/s/b ready"], "three failures of two children");
      a!.fail();
      await stage.advance(1);
      assertEquals([stage.tree.child("/s").phase, b!.live], ["backoff", false]);
    }),
  },
  {
    name: "one_for_one_escalation",
    means: "a child that cannot be started again ends its supervisor, and with it its sibling",
    run: escalates("one_for_one", 0),
  },
  {
    name: "one_for_all",
    means: "who fails takes all others along; they are stopped from right to left and started from left to right",
    run: play(async (stage) => {
      const [, b] = await under(stage, "one_for_all", "abc", 2);
      b!.fail();
      await stage.advance(1);
      assertEquals(stage.log, ["+a", "+b", "+c", "-b", "-c", "-a", "+a", "+b", "+c"]);
      for (let round = 0; round < 2; round++) {
        b!.fail();
        await stage.advance(1);
      }
      assertEquals([...stage.phases("/s"), String(stage.tree.child("/s").failuresTotal)], ["/s backoff", "1"]);
    }),
  },
  {
    name: "one_for_all_escalation",
    means: "a child that cannot be started again with the others ends its supervisor",
    run: escalates("one_for_all", 0),
  },
  {
    name: "one_for_all_other_child_fails_restart",
    means: "when another child fails while all are started again, those already up are stopped and all are tried once more",
    run: otherFails("one_for_all"),
  },
  {
    name: "rest_for_one",
    means: "who fails takes along those declared after it, and nobody before it; one failure too many ends the supervisor",
    run: play(async (stage) => {
      const [, b] = await under(stage, "rest_for_one", "abc", 2);
      b!.fail();
      await stage.advance(1);
      assertEquals(stage.log, ["+a", "+b", "+c", "-b", "-c", "+b", "+c"]);
      for (let round = 0; round < 2; round++) {
        b!.fail();
        await stage.advance(1);
      }
      assertEquals([...stage.phases("/s"), String(stage.tree.child("/s").failuresTotal)], ["/s backoff", "1"]);
    }),
  },
  {
    name: "rest_for_one_escalation",
    means: "a child that cannot be started again ends its supervisor, those before it too",
    run: escalates("rest_for_one", 1),
  },
  {
    name: "rest_for_one_other_child_fails_restart",
    means: "when a later child fails while it is started again, those before it stay up and it is tried once more; OTP stops them as well",
    run: otherFails("rest_for_one"),
  },
];
