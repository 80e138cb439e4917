/** OTP's cases beyond its groups: trees, counts, loops of restarts, order, reports. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { child, describe } from "../../../mod.ts";
import { delayed, flatten, otp, type PeerCase, play, type Stage } from "../helpers.ts";
import { untilAborted } from "../../support/tasks.ts";

const hotCode = "no code is exchanged in a running program here; what a changed declaration does belongs to reload";

/** How many children there are, how many of them run, and how many are supervisors. */
function counts(stage: Stage): readonly [all: number, active: number, supervisors: number] {
  const all = flatten(stage.tree.snapshot().children);
  return [all.length, all.filter(({ phase }) => phase === "ready").length, all.filter(({ kind }) => kind === "supervisor").length];
}

/** A child that can no longer be started answers commands in between, can be taken out of the loop, and does not hold up the end. */
function loops(strategy: "one_for_one" | "rest_for_one"): () => Promise<void> {
  return play(async (stage) => {
    const [before, looping, after] = [stage.actor("before"), stage.actor("looping", delayed(2_000)), stage.actor("after", delayed(2_000))];
    const tree = await stage.open({ strategy, children: [before.spec, looping.spec, after.spec] });
    looping.opening = () => "fail";
    looping.fail();
    await stage.advance(2_001);
    assertEquals([looping.starts, ...stage.phases("/before", "/looping")], [2, "/before ready", "/looping backoff"]);
    assertEquals(tree.child("/looping").retryAtMs, 4_000, "it says when it tries again");
    assertEquals((await tree.child("/looping").terminate()).outcome, "accepted");
    await stage.advance(60_000);
    assertEquals([looping.starts, ...stage.phases("/looping", "/after")], [2, "/looping stopped", "/after ready"]);
    assertEquals((await tree.child("/looping").start()).outcome, "accepted");
    await stage.advance(2_001);
    assertEquals([looping.starts, ...stage.phases("/looping")], [4, "/looping backoff"]);
    const { exitCode } = await stage.close(0);
    await stage.advance(60_000);
    assertEquals([exitCode, looping.starts], [0, 4]);
  });
}

export const CASES: readonly PeerCase[] = [
  {
    name: "child_unlink",
    means: "a child that cut its link to its supervisor can still be terminated",
    not: "there are no links between processes here that a child could cut",
  },
  {
    name: "tree",
    means: "supervisors below supervisors: a failure is answered by the nearest, and the whole ends from the leaves to the root",
    run: play(async (stage) => {
      const [a, b, c, d] = ["a", "b", "c", "d"].map((name) => stage.actor(name, otp(1)));
      const left = child.supervisor("left", { ...otp(1), strategy: "one_for_one", children: [a!.spec, b!.spec] });
      const right = child.supervisor("right", { ...otp(1), strategy: "one_for_all", children: [c!.spec, d!.spec], dependencies: ["left"] });
      await stage.open({ children: [left, right] });
      a!.fail();
      await stage.advance(1);
      d!.fail();
      await stage.advance(1);
      assertEquals(stage.log.splice(0).join(" "), "+a +b +c +d -a +a -d -c +c +d");
      d!.fail();
      await stage.advance(1);
      assertEquals(stage.log.splice(0).join(" "), "-d -c +c +d", "the supervisor was restarted as a whole");
      assertEquals([stage.tree.child("/left").failuresTotal, stage.tree.child("/right").failuresTotal], [0, 1]);
      d!.fail();
      await stage.advance(1);
      assertEquals(stage.tree.child("/right").failuresTotal, 1, "what was before its restart no longer counts");
      const report = await stage.close();
      assertEquals(report.children.map(({ path }) => path), ["/right/d", "/right/c", "/right", "/left/b", "/left/a", "/left"]);
    }),
  },
  {
    name: "count_children",
    means: "children can be counted by whether they run, and the count goes down with those that end for good",
    run: play(async (stage) => {
      const actors = Array.from({ length: 1_000 }, (_, index) => stage.actor(`c${index}`, { restartPolicy: "temporary" }));
      await stage.open({ children: actors.map(({ spec }) => spec) });
      assertEquals(counts(stage), [1_000, 1_000, 0]);
      for (const actor of actors.slice(0, 400)) actor.fail();
      await stage.advance(1);
      assertEquals(counts(stage), [1_000, 600, 0]);
    }),
  },
  {
    name: "count_children_supervisor",
    means: "nested supervisors are counted as such, and as running only while they do",
    run: play(async (stage) => {
      const actors = Array.from({ length: 100 }, (_, index) => stage.actor(`c${index}`, otp(1)));
      const nested = actors.map((actor, index) => child.supervisor(`s${index}`, { ...delayed(1_000), children: [actor.spec] }));
      await stage.open({ children: nested });
      assertEquals(counts(stage), [200, 200, 100]);
      for (let round = 0; round < 2; round++) {
        for (const actor of actors.slice(0, 10)) actor.fail();
        await stage.advance(1);
      }
      assertEquals(counts(stage), [200, 180, 100]);
    }),
  },
  {
    name: "count_restarting_children",
    means: "who waits for its next start counts as a child and not as running",
    run: play(async (stage) => {
      const actors = ["a", "b", "c"].map((name) => stage.actor(name, delayed(1_000)));
      await stage.open({ children: actors.map(({ spec }) => spec) });
      for (const [index, actor] of actors.entries()) {
        actor.fail();
        await stage.advance(1);
        assertEquals(counts(stage), [3, 2 - index, 0]);
      }
      await stage.advance(1_000);
      assertEquals(counts(stage), [3, 3, 0]);
    }),
  },
  {
    name: "get_callback_module",
    means: "the module behind a supervisor can be asked for",
    not: "a supervisor is data: there is no module behind it",
  },
  {
    name: "do_not_save_start_parameters_for_temporary_children",
    means: "what a temporary child was started with is let go when it ends: nothing of it is in the tree any more",
    run: play(async (stage) => {
      const one = stage.actor("one", { restartPolicy: "temporary", args: { large: true } });
      const tree = await stage.open({ children: [] });
      await tree.add(one.spec);
      one.fail();
      await stage.advance();
      assertEquals([tree.snapshot().children, tree.counts()], [[], {}]);
    }),
  },
  {
    name: "do_not_save_child_specs_for_temporary_children",
    means: "the name of a temporary child that was added and ended is free again",
    run: play(async (stage) => {
      const [first, second] = [stage.actor("one", { restartPolicy: "temporary" }), stage.actor("one", { restartPolicy: "temporary" })];
      const tree = await stage.open({ children: [] });
      await tree.add(first.spec);
      first.finish();
      await stage.advance();
      await tree.add(second.spec);
      await stage.advance();
      assertEquals([first.starts, second.starts, ...stage.phases("/one")], [1, 1, "/one ready"]);
    }),
  },
  {
    name: "simple_one_for_one_scale_many_temporary_children",
    means: "many temporary instances start and end, nothing is left of any, and the thousandth takes as many steps as the first",
    run: play(async (stage) => {
      let ended = 0;
      const once = child.task("once", () => void ended++, { restartPolicy: "temporary" });
      const tree = await stage.open({ children: [], templates: [once], observability: { eventJournalCapacity: 100_000 } });
      const steps = new Set<number>();
      for (let count = 0; count < 1_000; count++) {
        const before = tree.snapshot().seq;
        await tree.startTemplate("once");
        await stage.advance();
        steps.add(tree.snapshot().seq - before);
      }
      assertEquals([ended, tree.counts(), steps.size], [1_000, {}, 1]);
    }),
  },
  {
    name: "simple_global_supervisor",
    means: "names that are registered in a cluster are free before the supervisor starts their owners again",
    not: "there is no registry of names across programs; that no two attempts live at once is checked in every case",
  },
  {
    name: "hanging_restart_loop",
    means: "a child in a loop of failing starts can be looked at, terminated and started, and the tree can end",
    run: loops("one_for_one"),
  },
  {
    name: "hanging_restart_loop_rest_for_one",
    means: "the same with rest_for_one: those before it run on, those after it come up when it leaves the loop",
    run: loops("rest_for_one"),
  },
  {
    name: "hanging_restart_loop_simple",
    means: "the same for an instance of a template, which can be taken out of its loop for good",
    run: play(async (stage) => {
      const loop = child.task("loop", () => Promise.reject(new Error("never")), { ...delayed(10) });
      const tree = await stage.open({ children: [], templates: [loop] });
      await tree.startTemplate("loop");
      await stage.advance(1_000);
      assertEquals(tree.child("/loop:1").restartsTotal > 50, true);
      await tree.child("/loop:1").remove();
      await stage.advance(1_000);
      assertEquals(tree.counts(), {});
    }),
  },
  { name: "code_change", means: "the declaration changes with the code of a running supervisor", not: hotCode },
  { name: "code_change_map", means: "the same, declared with maps instead of tuples", not: hotCode },
  { name: "code_change_simple", means: "the template changes with the code of a running supervisor", not: hotCode },
  { name: "code_change_simple_map", means: "the same, declared with maps instead of tuples", not: hotCode },
  {
    name: "order_of_children",
    means: "children start from left to right and are asked to stop from right to left, the same after a common restart",
    run: play(async (stage) => {
      const actors = [..."abcde"].map((name) => stage.actor(name, otp()));
      const chained = actors.map(({ spec }, index) => index === 0 ? spec : { ...spec, dependencies: [actors[index - 1]!.name] });
      await stage.open({ strategy: "one_for_all", children: chained });
      assertEquals(stage.log.splice(0).join(""), "+a+b+c+d+e");
      actors[2]!.fail();
      await stage.advance(1);
      assertEquals(stage.log.splice(0).join(""), "-c-e-b-d-a+a+b+c+d+e", "nobody waits for c any more, so that b and e stop at once");
      await stage.close();
      assertEquals(stage.log.splice(0).join(""), "-e-d-c-b-a");
    }),
  },
  {
    name: "scale_start_stop_many_children",
    means: "many children start, and stop again, each of them once",
    run: play(async (stage) => {
      const actors = Array.from({ length: 2_000 }, (_, index) => stage.actor(`c${index}`));
      await stage.open({ observability: { eventJournalCapacity: 20_000 }, children: actors.map(({ spec }) => spec) });
      assertEquals(counts(stage), [2_000, 2_000, 0]);
      const { children } = await stage.close();
      assertEquals(children.filter(({ status, starts }) => status === "graceful" && starts === 1).length, 2_000);
      assertEquals(stage.asked.at(0), "c1999", "the last declared is asked first");
    }),
  },
  {
    name: "format_log_1",
    means: "a failure is told in one line: who, what went wrong, and what follows",
    run: play(async (stage) => {
      const one = stage.actor("one", delayed(1_500));
      await stage.open({ children: [one.spec] });
      one.fail(new TypeError("no such table"));
      await stage.advance(1);
      const text = (await stage.events("child_failed")).map(describe).join();
      assertStringIncludes(text, "no such table");
      assert(!text.includes("\n"), text);
      assertStringIncludes((await stage.events("backoff_scheduled")).map(describe).join(), "1.5 s");
    }),
  },
  {
    name: "format_log_2",
    means: "what a child says of its failure is cut to size, and cannot write on a terminal",
    run: play(async (stage) => {
      const one = stage.actor("one", otp());
      await stage.open({ children: [one.spec] });
      one.fail(new Error(`\u001b[31m${"x".repeat(1_000_000)}`));
      await stage.advance(1);
      const text = (await stage.events("child_failed")).map(describe).join();
      assert(text.length < 2_048, `${text.length} characters`);
      assertStringIncludes(text, "\\u{1b}[31mxxx");
    }),
  },
  {
    name: "already_started_outside_supervisor",
    means: "a child whose registered name is taken by a process of somebody else is refused with that",
    not: "a child's name belongs to its supervisor; nothing outside can take it",
  },
  {
    name: "which_children",
    means: "all children are listed in the order of their declaration, with kind and phase, those that are down too",
    run: play(async (stage) => {
      const [a, b, c] = [stage.actor("a"), stage.actor("b", { restartPolicy: "temporary" }), stage.actor("c", delayed(1_000))];
      await stage.open({ children: [c.spec, child.supervisor("s", { children: [b.spec] }), a.spec] });
      b.fail();
      c.fail();
      await stage.advance(1);
      const listed = flatten(stage.tree.snapshot().children).map(({ path, kind, phase }) => `${path} ${kind} ${phase}`);
      assertEquals(listed, ["/c task backoff", "/s supervisor ready", "/s/b task failed", "/a task ready"]);
    }),
  },
  {
    name: "which_children_simple_one_for_one",
    means: "instances of a template are listed, the oldest first, with kind and phase",
    run: play(async (stage) => {
      const template = child.task("one", untilAborted);
      const tree = await stage.open({ children: [], templates: [template] });
      await tree.scale("one", 3);
      await tree.child("/one:1").remove();
      await tree.scale("one", 3);
      await stage.advance();
      const listed = tree.snapshot().children.map(({ path, kind, phase }) => `${path} ${kind} ${phase}`);
      assertEquals(listed, ["/one:2 task ready", "/one:3 task ready", "/one:4 task ready"]);
    }),
  },
];
