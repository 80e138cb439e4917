/** Elixir's cases of stopping: the whole supervisor, or one child. */
import { assertEquals } from "@std/assert";
import type { ChildOptions } from "../../../mod.ts";
import { type Actor, delayed, otp, type PeerCase, play, type Stage } from "../helpers.ts";

/** Three actors that stop in one way, and how they ended in a shutdown. */
async function stopThree(stage: Stage, stop: ChildOptions["stop"], prepare: (actor: Actor, index: number) => void): Promise<string[]> {
  const actors = ["a", "b", "c"].map((name) => stage.actor(name, { ...otp(), stop }));
  actors.forEach(prepare);
  await stage.open({ children: actors.map(({ spec }) => spec) });
  const { children } = await stage.close();
  return children.map(({ path, status, lastExit }) => `${path} ${status} ${lastExit?.kind ?? "none"}`).toSorted();
}

export const CASES: readonly PeerCase[] = [
  {
    name: "terminates children with brutal kill",
    means:
      "children that are to be killed get no time to obey; a task cannot be forced, so that one that does not obey is told as abandoned",
    run: play(async (stage) => {
      const ends = await stopThree(stage, { mode: "kill", killWaitMs: 10 }, (actor, index) => actor.stopMs = index === 1 ? null : 0);
      assertEquals(ends.map((end) => end.split(" ").slice(0, 2).join(" ")), ["/a aborted", "/b abort_failed", "/c aborted"]);
      assertEquals((await stage.events("child_killing")).map(({ path, atMs }) => `${path} ${atMs}`), ["/c 0", "/b 0", "/a 0"]);
      assertEquals(await stage.events("child_stopping"), []);
    }),
  },
  {
    name: "terminates children with infinity shutdown",
    means: "children that may take for ever are asked, waited for and not forced",
    run: play(async (stage) => {
      const ends = await stopThree(stage, { mode: "wait" }, (actor) => actor.stopMs = 90_000);
      assertEquals(ends, ["/a graceful cancelled", "/b graceful cancelled", "/c graceful cancelled"]);
      assertEquals(await stage.events("child_killing"), []);
    }),
  },
  {
    name: "terminates children with infinity shutdown and abnormal reason",
    means: "children that answer with an error are down as well; the error stays with them",
    run: play(async (stage) => {
      const ends = await stopThree(stage, { mode: "wait" }, (actor) => actor.stopError = new Error("oops"));
      assertEquals(ends, ["/a graceful panicked", "/b graceful panicked", "/c graceful panicked"]);
    }),
  },
  {
    name: "terminates children with integer shutdown",
    means: "children that are down within their time are not forced",
    run: play(async (stage) => {
      const ends = await stopThree(stage, { timeoutMs: 1_000 }, (actor) => actor.stopMs = 999);
      assertEquals([ends, await stage.events("child_killing")], [[
        "/a graceful cancelled",
        "/b graceful cancelled",
        "/c graceful cancelled",
      ], []]);
    }),
  },
  {
    name: "terminates children with integer shutdown and abnormal reason",
    means: "children that answer with an error within their time are not forced, and not started again",
    run: play(async (stage) => {
      const ends = await stopThree(stage, { timeoutMs: 1_000 }, (actor) => actor.stopError = new Error("oops"));
      assertEquals(ends, ["/a graceful panicked", "/b graceful panicked", "/c graceful panicked"]);
      assertEquals(stage.log.filter((line) => line.startsWith("+")).length, 3);
    }),
  },
  {
    name: "terminates children with expired integer shutdown",
    means: "only the child whose time is over is forced, when it is over",
    run: play(async (stage) => {
      const ends = await stopThree(stage, { timeoutMs: 10, killWaitMs: 1 }, (actor, index) => actor.stopMs = index === 1 ? null : 0);
      assertEquals(ends.map((end) => end.split(" ").slice(0, 2).join(" ")), ["/a graceful", "/b abort_failed", "/c graceful"]);
      assertEquals((await stage.events("child_killing")).map(({ path, atMs }) => `${path} ${atMs}`), ["/b 10"]);
    }),
  },
  {
    name: "terminates children with permanent restart and normal reason",
    means: "permanent children that end well when they are asked to stop are not started again",
    run: play(async (stage) => {
      await stopThree(stage, { mode: "wait" }, () => {});
      assertEquals(stage.log, ["+a", "+b", "+c", "-c", "-b", "-a"]);
    }),
  },
  {
    name: "terminates with mixed children",
    means: "one child is waited for, the other is forced at once, and both are told as what they are",
    run: play(async (stage) => {
      const [one, two] = [stage.actor("one", { stop: { mode: "wait" } }), stage.actor("two", { stop: { mode: "kill" } })];
      one.stopMs = 20_000;
      await stage.open({ children: [one.spec, two.spec] });
      const { children, durationMs } = await stage.close();
      assertEquals(children.map(({ path, status }) => `${path} ${status}`).toSorted(), ["/one graceful", "/two aborted"]);
      assertEquals(durationMs, 20_000);
    }),
  },
  {
    name: "terminates child with brutal kill",
    means: "terminating a child that is to be killed gives it no time; a task that does not obey goes on as abandoned and has no successor",
    run: play(async (stage) => {
      const [fine, deaf] = [
        stage.actor("fine", { ...otp(), stop: { mode: "kill" } }),
        stage.actor("deaf", { ...otp(), stop: { mode: "kill" } }),
      ];
      deaf.stopMs = null;
      const tree = await stage.open({ children: [fine.spec, deaf.spec] });
      await Promise.all([tree.child("/fine").terminate(), tree.child("/deaf").terminate()]);
      await stage.advance(60_000);
      assertEquals([...stage.phases("/fine", "/deaf"), fine.starts, deaf.starts], ["/fine stopped", "/deaf abandoned", 1, 1]);
      assertEquals((await stage.events("child_killing")).map(({ path }) => path), ["/fine", "/deaf"]);
    }),
  },
  {
    name: "terminates child with integer shutdown",
    means: "terminating a child asks it; it is down then, and terminating it again does nothing",
    run: play(async (stage) => {
      const one = stage.actor("one", { ...otp(), stop: { timeoutMs: 1_000 } });
      one.stopMs = 999;
      await stage.open({ children: [one.spec] });
      assertEquals((await stage.tree.child("/one").terminate()).outcome, "accepted");
      await stage.advance(998);
      assertEquals(stage.phases("/one"), ["/one stopping"]);
      await stage.advance(1);
      assertEquals([...stage.phases("/one"), ...stage.asked, one.starts], ["/one stopped", "one", 1]);
      assertEquals((await stage.tree.child("/one").terminate()).outcome, "idempotent");
      assertEquals(await stage.events("child_killing"), []);
    }),
  },
  {
    name: "terminates restarting child",
    means: "a child that waits for its next start can be terminated, and is not started any more",
    run: play(async (stage) => {
      const one = stage.actor("one", delayed(1_000));
      await stage.open({ children: [one.spec] });
      one.fail();
      await stage.advance(500);
      assertEquals(stage.phases("/one"), ["/one backoff"]);
      assertEquals((await stage.tree.child("/one").terminate()).outcome, "accepted");
      assertEquals(stage.clock.timers, 1, "nothing is planned any more but the next look at the loop itself");
      await stage.advance(60_000);
      assertEquals([one.starts, ...stage.phases("/one"), stage.tree.child("/one").retryAtMs], [1, "/one stopped", null]);
    }),
  },
];
