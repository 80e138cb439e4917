/** process-compose's cases of watched files; a restart by command stands in for the file where the case is about what follows. */
import { assertEquals } from "@std/assert";
import { otp, type PeerCase, play } from "../helpers.ts";

const needs = "file watch";

export const CASES: readonly PeerCase[] = [
  { name: "TestWatch_RestartsProcessOnFileChange", means: "a child is restarted when a file changes that it is to follow", needs },
  {
    name: "TestWatch_CascadeRestartsDependentsInOrder",
    means: "when a child that runs once is run again, who is bound to it stops before and starts after it",
    run: play(async (stage) => {
      const assets = stage.actor("assets", { restartPolicy: "transient", readiness: { mode: "completed" } });
      const api = stage.actor("api", { bindsTo: ["assets"] });
      const tree = await stage.open({ children: [api.spec, assets.spec] });
      assets.finish();
      await stage.advance(1);
      assertEquals(stage.log.splice(0), ["+assets", "-assets", "+api"]);
      await tree.child("/assets").restart();
      await stage.advance(1);
      assertEquals([...stage.phases("/assets", "/api"), api.live], ["/assets running", "/api waiting", false]);
      assets.finish();
      await stage.advance(1);
      assertEquals([api.starts, assets.starts, ...stage.phases("/api")], [2, 2, "/api ready"]);
    }),
    needs,
  },
  {
    name: "TestWatch_NoCascadeLeavesDependentAlone",
    means: "a restart of who depends does not run again what it depends on",
    run: play(async (stage) => {
      const assets = stage.actor("assets", { restartPolicy: "transient", readiness: { mode: "completed" } });
      const api = stage.actor("api", { bindsTo: ["assets"] });
      const tree = await stage.open({ children: [assets.spec, api.spec] });
      assets.finish();
      await stage.advance(1);
      await tree.child("/api").restart();
      await stage.advance(60_000);
      assertEquals([assets.starts, api.starts, ...stage.phases("/api")], [1, 2, "/api ready"]);
    }),
    needs,
  },
  {
    name: "TestWatch_ExitOnEndSurvivesRestart",
    means: "a restart that is wanted is no end: a significant child comes back, and the tree goes on",
    run: play(async (stage) => {
      const api = stage.actor("api", { ...otp(), restartPolicy: "transient", significant: true });
      const tree = await stage.open({ autoShutdown: "any_significant", children: [api.spec] });
      for (let round = 0; round < 3; round++) {
        await tree.child("/api").restart();
        await stage.advance(60_000);
      }
      assertEquals([...stage.phases("/api"), api.starts, tree.snapshot().phase], ["/api ready", 4, "running"]);
      assertEquals([tree.child("/api").failuresTotal, tree.child("/api").consecutiveRestarts], [0, 0], "and it counts against nothing");
      api.finish();
      await stage.advance(1);
      assertEquals((await tree.finished).cause.kind, "completed");
    }),
    needs,
  },
  { name: "TestWatch_ProcessStateIsWatching", means: "a child that has run and would run again says that it is watched", needs },
  { name: "TestWatch_NoWatchFlagDisablesEverything", means: "watching can be turned off for a whole run", needs },
  { name: "TestWatch_StoppedProcessIsNotRestarted", means: "a child that somebody stopped is not started by a changed file", needs },
  {
    name: "TestWatch_StopDisarmsWatchingProcess",
    means: "a child that has run and is watched can be stopped, and is not started any more",
    needs,
  },
  { name: "TestWatch_StartResumesPausedWatch", means: "a child that was stopped and is started again is watched again", needs },
];
