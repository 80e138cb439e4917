/** OTP's cases of simple_one_for_one: instances of one declaration, here copies of a template. */
import { assertEquals, assertRejects } from "@std/assert";
import {
  child,
  type ChildOptions,
  type ChildSpec,
  ReeveError,
  type SupervisorChildOptions,
  type TaskContext,
  type Tree,
} from "../../../mod.ts";
import { delayed, otp, type PeerCase, play, type Stage } from "../helpers.ts";

/** Copies of a template in the hands of a test. */
class Copies {
  readonly template: ChildSpec;
  /** The arguments of every start, as `name args`. */
  readonly starts: string[] = [];
  /** Copies that ignore being asked to stop. */
  readonly deaf = new Set<string>();
  /** What a copy does at its start, when it is not to run. */
  opening: (context: TaskContext) => "run" | "fail" | "cancel" = () => "run";
  readonly #running = new Map<string, { readonly end: () => void; readonly fail: () => void }>();

  constructor(options: ChildOptions = {}) {
    this.template = child.task("one", (context) => this.#run(context), options);
  }

  fail(name: string): void {
    this.#running.get(name)!.fail();
  }

  finish(name: string): void {
    this.#running.get(name)!.end();
  }

  #run(context: TaskContext): Promise<void> | void {
    const { name, args, signal, cancel } = context;
    this.starts.push(`${name} ${JSON.stringify(args)}`);
    const opening = this.opening(context);
    if (opening === "fail") throw new Error(`${name} cannot start`);
    if (opening === "cancel") return cancel("not now");
    return new Promise((resolve, reject) => {
      this.#running.set(name, { end: resolve, fail: () => reject(new Error(`${name} broke`)) });
      signal.addEventListener("abort", () => this.deaf.has(name) ? undefined : resolve());
    });
  }
}

/** Opens a tree with a supervisor of so many copies. */
async function open(stage: Stage, copies: Copies, count: number, options: Partial<SupervisorChildOptions> = {}): Promise<Tree> {
  const tree = await stage.open({ children: [child.supervisor("s", { children: [], ...options })], templates: [copies.template] });
  await tree.scale("one", count, { to: "/s" });
  await stage.advance();
  return tree;
}

const names = (tree: Tree): string[] => tree.child("/s").children.map(({ path, phase }) => `${path} ${phase}`);

export const CASES: readonly PeerCase[] = [
  {
    name: "simple_one_for_one",
    means: "instances of a template are restarted alone",
    run: play(async (stage) => {
      const copies = new Copies(otp());
      const tree = await open(stage, copies, 3);
      copies.fail("one:2");
      await stage.advance(1);
      assertEquals(copies.starts.map((start) => start.split(" ")[0]), ["one:1", "one:2", "one:3", "one:2"]);
      assertEquals(names(tree), ["/s/one:1 ready", "/s/one:2 ready", "/s/one:3 ready"]);
    }),
  },
  {
    name: "simple_one_for_one_shutdown",
    means: "instances of a template are stopped at once, each within its own time",
    run: play(async (stage) => {
      const copies = new Copies({ stop: { timeoutMs: 1_000, killWaitMs: 10 } });
      await open(stage, copies, 5);
      for (const name of ["one:1", "one:4"]) copies.deaf.add(name);
      const { durationMs, abandoned } = await stage.close(1_010);
      assertEquals([durationMs, abandoned.toSorted()], [1_000, ["/s/one:1", "/s/one:4"]]);
    }),
  },
  {
    name: "simple_one_for_one_extra",
    means: "an instance of a template gets arguments of its own, at every restart",
    run: play(async (stage) => {
      const copies = new Copies({ ...otp(), args: "common" });
      const tree = await open(stage, copies, 0);
      await tree.startTemplate("one", { to: "/s", args: "own" });
      await stage.advance();
      copies.fail("one:1");
      await stage.advance(1);
      assertEquals(copies.starts, ['one:1 "own"', 'one:1 "own"']);
    }),
  },
  {
    name: "simple_one_for_one_escalation",
    means: "an instance of a template that fails too often ends its supervisor, which comes back with all its instances",
    run: play(async (stage) => {
      const copies = new Copies(otp(1));
      const tree = await open(stage, copies, 2, delayed(100));
      copies.fail("one:1");
      await stage.advance(1);
      copies.fail("one:1");
      await stage.advance(1);
      assertEquals([tree.child("/s").phase, tree.child("/s").failuresTotal], ["backoff", 1]);
      await stage.advance(100);
      assertEquals(names(tree), ["/s/one:1 ready", "/s/one:2 ready"]);
    }),
  },
  {
    name: "simple_one_for_one_corruption",
    means: "an instance that failed to start leaves the list of instances whole",
    run: play(async (stage) => {
      const copies = new Copies({ readiness: { mode: "immediate" }, ...delayed(50) });
      const tree = await open(stage, copies, 2);
      copies.opening = ({ name }) => name === "one:3" ? "fail" : "run";
      await tree.startTemplate("one", { to: "/s" });
      await stage.advance(10);
      await tree.child("/s/one:3").remove();
      await stage.advance(1_000);
      assertEquals(names(tree), ["/s/one:1 ready", "/s/one:2 ready"]);
    }),
  },
  {
    name: "simple_one_for_one_restart_ignore",
    means: "an instance that declines to be started again is stopped; a temporary one leaves the list, another one stays to be looked at",
    run: play(async (stage) => {
      const copies = new Copies(delayed(50));
      const tree = await open(stage, copies, 2);
      copies.opening = () => "cancel";
      copies.fail("one:1");
      await stage.advance(60_000);
      assertEquals(names(tree), ["/s/one:1 stopped", "/s/one:2 ready"]);
    }),
  },
  {
    name: "sup_stop_timeout_dynamic",
    means: "an instance of a template that is not down in time is forced then, the others go in peace",
    run: play(async (stage) => {
      const copies = new Copies({ stop: { timeoutMs: 1_000, killWaitMs: 1 } });
      await open(stage, copies, 3);
      copies.deaf.add("one:2");
      const { abandoned } = await stage.close(1_001);
      assertEquals(abandoned, ["/s/one:2"]);
      assertEquals((await stage.events("child_killing")).map(({ path, atMs }) => `${path} ${atMs}`), ["/s/one:2 1000"]);
    }),
  },
  {
    name: "sup_stop_brutal_kill_dynamic",
    means: "instances of a template that are to be killed get no time; a task cannot be forced, and is told as aborted when it obeyed",
    run: play(async (stage) => {
      const copies = new Copies({ stop: { mode: "kill", killWaitMs: 1 } });
      await open(stage, copies, 2);
      const { children } = await stage.close(1);
      assertEquals(children.map(({ path, status }) => `${path} ${status}`), ["/s/one:2 aborted", "/s/one:1 aborted", "/s graceful"]);
    }),
  },
  {
    name: "sup_stop_non_shutdown_exit_dynamic",
    means: "instances of a template that end badly while the tree stops neither come back nor hold up the end",
    run: play(async (stage) => {
      const copies = new Copies();
      await open(stage, copies, 3);
      for (const name of ["one:1", "one:2", "one:3"]) copies.deaf.add(name);
      const ending = stage.tree.shutdown();
      await stage.advance(10);
      for (const name of ["one:1", "one:2", "one:3"]) copies.fail(name);
      await stage.advance(10);
      assertEquals([(await ending).durationMs, copies.starts.length], [10, 3]);
    }),
  },
  {
    name: "significant_simple",
    means: "the first instance of a significant template that is done ends its supervisor",
    run: play(async (stage) => {
      const copies = new Copies({ restartPolicy: "transient", significant: true });
      const tree = await open(stage, copies, 2, { autoShutdown: "any_significant", restartPolicy: "transient" });
      copies.finish("one:1");
      await stage.advance(1);
      assertEquals([tree.child("/s").phase, tree.child("/s").lastExit?.kind], ["stopped", "succeeded"]);
    }),
  },
  {
    name: "child_adm_simple",
    means: "instances of a template are started, listed, terminated and taken out one by one",
    run: play(async (stage) => {
      const copies = new Copies();
      const tree = await open(stage, copies, 2);
      await tree.child("/s/one:1").terminate();
      await stage.advance();
      assertEquals(names(tree), ["/s/one:1 stopped", "/s/one:2 ready"]);
      await tree.child("/s/one:1").remove();
      await stage.advance();
      assertEquals(names(tree), ["/s/one:2 ready"]);
      assertEquals((await assertRejects(() => tree.startTemplate("two", { to: "/s" }), ReeveError)).code, "template_not_found");
    }),
  },
];
