/** OTP's group significant. */
import { assertEquals } from "@std/assert";
import { type AutoShutdown, child, type RestartPolicy, type TreeSpec } from "../../../mod.ts";
import { type Actor, delayed, otp, type PeerCase, play, type Stage } from "../helpers.ts";

type Auto = Exclude<AutoShutdown, "never">;
const MODES: readonly Auto[] = ["any_significant", "all_significant"];

/** Opens a tree with one actor of the policy for every name, and a permanent one beside them. */
async function open(stage: Stage, autoShutdown: Auto, restartPolicy: RestartPolicy, names: string, significant = true): Promise<Actor[]> {
  const actors = [...names].map((name) => stage.actor(name, { ...otp(), restartPolicy, significant }));
  const beside = stage.actor("beside", otp());
  await stage.open({ autoShutdown, children: [...actors.map(({ spec }) => spec), beside.spec] });
  return actors;
}

/** Runs a case once for each mode, on a stage of its own. */
function inBothModes(act: (stage: Stage, mode: Auto) => Promise<void>): () => Promise<void> {
  return async () => {
    for (const mode of MODES) await play((stage) => act(stage, mode))();
  };
}

const upgrade = (name: string): PeerCase => ({
  name,
  means: "the declaration of automatic shutdown, or of who is significant, changes while the supervisor runs",
  needs: "reload",
});

/** Whether the tree has ended because it was complete. */
async function isComplete(stage: Stage): Promise<boolean> {
  await stage.advance(1);
  if (stage.tree.snapshot().phase !== "stopped") return false;
  const { exitCode, cause } = await stage.tree.finished;
  return exitCode === 0 && cause.kind === "completed";
}

export const CASES: readonly PeerCase[] = [
  {
    name: "nonsignificant_temporary",
    means: "temporary children that are not significant may all end, and their supervisor goes on",
    run: inBothModes(async (stage, mode) => {
      const [a, b] = await open(stage, mode, "temporary", "ab", false);
      a!.fail();
      b!.finish();
      assertEquals([await isComplete(stage), ...stage.phases("/a", "/b", "/beside")], [false, "/a failed", "/b stopped", "/beside ready"]);
    }),
  },
  {
    name: "nonsignificant_transient",
    means: "transient children that are not significant may all end, and their supervisor goes on",
    run: inBothModes(async (stage, mode) => {
      const [a, b] = await open(stage, mode, "transient", "ab", false);
      a!.finish();
      b!.cancel();
      assertEquals([await isComplete(stage), ...stage.phases("/a", "/b", "/beside")], [false, "/a stopped", "/b stopped", "/beside ready"]);
    }),
  },
  {
    name: "significant_temporary",
    means: "the first (any) or last (all) significant temporary child to end ends its supervisor well, however it ended",
    run: async () => {
      for (const end of ["finish", "fail", "cancel"] as const) {
        await play(async (stage) => {
          const [a] = await open(stage, "any_significant", "temporary", "ab");
          a![end]();
          assertEquals(await isComplete(stage), true, end);
        })();
        await play(async (stage) => {
          const [a, b] = await open(stage, "all_significant", "temporary", "ab");
          a![end]();
          assertEquals(await isComplete(stage), false, end);
          b![end]();
          assertEquals(await isComplete(stage), true, end);
        })();
      }
    },
  },
  {
    name: "significant_transient",
    means: "a significant transient child that fails is started again; the first (any) or last (all) that is done ends its supervisor well",
    run: inBothModes(async (stage, mode) => {
      const [a, b] = await open(stage, mode, "transient", "ab");
      a!.fail();
      assertEquals([await isComplete(stage), a!.starts, ...stage.phases("/a")], [false, 2, "/a ready"]);
      a!.finish();
      assertEquals(await isComplete(stage), mode === "any_significant");
      if (mode === "any_significant") return;
      b!.cancel();
      assertEquals(await isComplete(stage), true);
    }),
  },
  {
    name: "significant_bystander",
    means:
      "a significant child that is stopped only because a sibling failed does not end its supervisor, nor does one that somebody terminates",
    run: inBothModes(async (stage, mode) => {
      const failing = stage.actor("failing", otp());
      const [a, b] = ["a", "b"].map((name) => stage.actor(name, { ...otp(), restartPolicy: "temporary", significant: true }));
      const spec: TreeSpec = { autoShutdown: mode, strategy: "rest_for_one", children: [a!.spec, failing.spec, b!.spec] };
      await stage.open(spec);
      failing.fail();
      assertEquals([await isComplete(stage), ...stage.phases("/a", "/failing", "/b")], [false, "/a ready", "/failing ready", "/b stopped"]);
      await stage.tree.child("/a").terminate();
      assertEquals([await isComplete(stage), ...stage.phases("/a", "/failing")], [false, "/a stopped", "/failing ready"]);
    }),
  },
  {
    name: "significant_escalation",
    means: "a supervisor that ends because of a significant child is itself a significant child that succeeded, and ends the one above",
    run: inBothModes(async (stage, mode) => {
      const leaf = stage.actor("leaf", { ...otp(), restartPolicy: "transient", significant: true });
      const beside = stage.actor("beside", delayed(1));
      const inner = child.supervisor("inner", {
        autoShutdown: mode,
        restartPolicy: "transient",
        significant: true,
        children: [leaf.spec, beside.spec],
      });
      const outer = stage.actor("outer", delayed(1));
      await stage.open({ autoShutdown: mode, children: [inner, outer.spec] });
      leaf.finish();
      assertEquals([await isComplete(stage), beside.starts, outer.starts], [true, 1, 1]);
      assertEquals((await stage.tree.finished).cause.path, "/inner");
    }),
  },
  ...["never_any", "any_never", "never_all", "all_never", "any_all", "all_any", "child"].map((change) =>
    upgrade(`significant_upgrade_${change}`)
  ),
];
