/** OTP's groups sup_start, sup_start_map, and the cases of declarations and administration. */
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { child, type Problem, ReeveError, SpecError, supervise, type TreeSpec, validateTree } from "../../../mod.ts";
import { delayed, otp, type PeerCase, play } from "../helpers.ts";

/** Rule and place of every violation. */
function violations(spec: TreeSpec): string[] {
  return validateTree(spec).filter(({ severity }) => severity === "error").map(({ rule, pointer }: Problem) => `${rule} ${pointer}`);
}

/** A copy of a template that ends at once of its own will. */
function declines(restartPolicy: "temporary" | "permanent", left: readonly string[]): () => Promise<void> {
  return play(async (stage) => {
    const tree = await stage.open({ children: [], templates: [child.task("one", ({ cancel }) => cancel("not now"), { restartPolicy })] });
    await tree.startTemplate("one");
    await stage.advance(60_000);
    assertEquals(tree.snapshot().children.map(({ path, phase }) => `${path} ${phase}`), left);
  });
}

/** A declaration as it comes from somewhere that knows no types. */
function untyped(text: string): TreeSpec {
  return JSON.parse(text);
}

export const CASES: readonly PeerCase[] = [
  {
    name: "sup_start_normal",
    means: "a supervisor without children starts, is ready at once, and ends when it is asked to",
    run: play(async (stage) => {
      const tree = await stage.open({ children: [] });
      await tree.ready();
      assertEquals(tree.snapshot().phase, "running");
      const { exitCode, children } = await stage.close();
      assertEquals([exitCode, children, tree.snapshot().phase], [0, [], "stopped"]);
    }),
  },
  {
    name: "sup_start_ignore_init",
    means: "a supervisor's own function may decline to start it",
    not: "a supervisor is declared as data here; there is no function of its own that could decline",
  },
  {
    name: "sup_start_ignore_child",
    means:
      "a permanent child that declines to run stays in the list without being started again, and its siblings run; here it cancels itself",
    run: play(async (stage) => {
      const [one, two] = [stage.actor("one", otp()), stage.actor("two", otp())];
      one.opening = () => "cancel";
      const tree = await stage.open({ children: [one.spec, two.spec] });
      await stage.advance(60_000);
      assertEquals([...stage.phases("/one", "/two"), `${one.starts} ${two.starts}`], ["/one stopped", "/two ready", "1 1"]);
      assertEquals(tree.child("/one").failuresTotal, 0, "declining is no failure");
    }),
  },
  {
    name: "sup_start_ignore_temporary_child",
    means: "a temporary child that declines to run is down for good; unlike in OTP it stays in the list, so that one can see why",
    run: play(async (stage) => {
      const temporary = { restartPolicy: "temporary" } as const;
      const [one, two] = [stage.actor("one", temporary), stage.actor("two", temporary)];
      one.opening = () => "cancel";
      const tree = await stage.open({ children: [one.spec, two.spec] });
      await stage.advance(60_000);
      assertEquals([...stage.phases("/one", "/two"), String(one.starts)], ["/one stopped", "/two ready", "1"]);
      assertEquals(tree.child("/one").lastExit, { kind: "cancelled" });
    }),
  },
  {
    name: "sup_start_ignore_temporary_child_start_child",
    means: "a temporary child that is added at run time and declines to run leaves nothing behind",
    run: play(async (stage) => {
      const one = stage.actor("one", { restartPolicy: "temporary" });
      one.opening = () => "cancel";
      const tree = await stage.open({ children: [] });
      await tree.add(one.spec);
      await stage.advance();
      assertEquals([one.starts, tree.counts()], [1, {}]);
    }),
  },
  {
    name: "sup_start_ignore_temporary_child_start_child_simple",
    means: "an instance of a temporary template that declines to run leaves nothing behind",
    run: declines("temporary", []),
  },
  {
    name: "sup_start_ignore_permanent_child_start_child_simple",
    means: "an instance of a permanent template that declines to run stays in the list, stopped, until it is taken out",
    run: declines("permanent", ["/one:1 stopped"]),
  },
  {
    name: "sup_start_error_return",
    means: "what is no declaration at all is refused with all that is wrong, and nothing runs",
    run: async () => {
      for (const text of ["null", "7", '"tree"', "[]", "{}", '{"children":{}}', '{"children":[null]}']) {
        const error = await assertRejects(() => supervise(untyped(text)), SpecError, "Cannot start the tree");
        assertEquals(error.code, "invalid_spec");
        assert(error.problems.length > 0, text);
      }
    },
  },
  {
    name: "sup_start_fail",
    means: "one bad child among good ones refuses the whole tree before anybody is started",
    run: async () => {
      const started: string[] = [];
      const good = child.task("good", () => void started.push("good"));
      const error = await assertRejects(
        () => supervise({ children: [good, child.task("bad", () => void started.push("bad"), { dependencies: ["nobody"] })] }),
        SpecError,
      );
      assertEquals([started, error.problems.map(({ pointer }) => pointer)], [[], ["/children/1/dependencies/0"]]);
    },
  },
  {
    name: "sup_start_child_returns_error",
    means: "adding a child whose start fails is answered with its failure, and leaves nothing behind",
    run: play(async (stage) => {
      const one = stage.actor("one", { readiness: { mode: "explicit" } });
      one.opening = () => "fail";
      const tree = await stage.open({ children: [] });
      const error = await assertRejects(() => tree.add(one.spec, { untilReady: true }), ReeveError, "one cannot start");
      await stage.advance(60_000);
      assertEquals([error.code, one.starts, tree.counts()], ["addition_undone", 1, {}]);
    }),
  },
  {
    name: "sup_start_restart_child_returns_error",
    means: "a child that was terminated and fails when somebody starts it again is down and says why; unlike in OTP its policy tries again",
    run: play(async (stage) => {
      const one = stage.actor("one", delayed(5_000));
      one.opening = (start) => start === 2 ? "fail" : "run";
      const tree = await stage.open({ children: [one.spec] });
      await tree.child("/one").terminate();
      await stage.advance(60_000);
      assertEquals([one.starts, tree.child("/one").phase], [1, "stopped"]);
      assertEquals((await tree.child("/one").start()).outcome, "accepted");
      await stage.advance(1);
      const { phase, lastExit, retryAtMs } = tree.child("/one");
      assertEquals([phase, lastExit?.kind, retryAtMs], ["backoff", "panicked", 65_000]);
      await stage.advance(5_000);
      assertEquals([one.starts, tree.child("/one").phase], [3, "ready"]);
    }),
  },
  {
    name: "sup_start_child_returns_error_simple",
    means: "an instance of a template whose start fails is answered with its failure, and leaves nothing behind",
    run: play(async (stage) => {
      const template = child.task("one", () => Promise.reject(new Error("no port")), { readiness: { mode: "explicit" } });
      const tree = await stage.open({ children: [], templates: [template] });
      const error = await assertRejects(() => tree.startTemplate("one", { untilReady: true }), ReeveError, "no port");
      await stage.advance(60_000);
      assertEquals([error.code, tree.counts()], ["addition_undone", {}]);
    }),
  },
  {
    name: "sup_start_map",
    means:
      "without being told, a child is permanent and has 5 s to stop, a supervisor waits for its children, a child that is to be killed is not asked",
    run: play(async (stage) => {
      const [plain, killed, inner] = [
        stage.actor("plain", { backoff: { initialMs: 0, maxMs: 0 } }),
        stage.actor("killed", { stop: { mode: "kill" } }),
        stage.actor("inner"),
      ];
      const tree = await stage.open({ children: [plain.spec, killed.spec, child.supervisor("nested", { children: [inner.spec] })] });
      assertEquals(tree.snapshot().children.map(({ path, kind }) => `${path} ${kind}`), [
        "/plain task",
        "/killed task",
        "/nested supervisor",
      ]);
      plain.finish();
      await stage.advance(1);
      assertEquals(plain.starts, 2, "permanent");
      await stage.close();
      const budgets = (await stage.events("child_stopping")).map(({ path, timeoutMs }) => `${path} ${timeoutMs}`).toSorted();
      assertEquals(budgets, ["/nested null", "/nested/inner 5000", "/plain 5000"]);
      assertEquals((await stage.events("child_killing")).map(({ path }) => path), ["/killed"]);
    }),
  },
  {
    name: "sup_start_map_simple",
    means: "the declaration of a template can be read back, with its defaults",
    not: "a template is what the program declared itself; a file's is told by the command that explains",
  },
  {
    name: "sup_start_map_faulty_specs",
    means:
      "a child without name, without a way to run, or that is no object is refused by place; unlike in OTP an unknown option is refused too",
    run: () => {
      const refused = (children: string): string[] =>
        violations(untyped(`{"children":${children}}`)).map((found) => found.split(" ")[1] ?? "");
      const run = '"run":{"kind":"process","command":"x"}';
      assertEquals(refused(`[{${run}}]`), ["/children/0/name"]);
      assertEquals(refused('[{"name":"two"}]'), ["/children/0/run"]);
      assertEquals(refused(`[{"name":"three",${run},"sillyFlag":true}]`), ["/children/0/sillyFlag"]);
      assertEquals(refused('["four"]'), ["/children/0"]);
      assertEquals(refused(`[{"name":"fine",${run}}]`), []);
      return Promise.resolve();
    },
  },
  {
    name: "child_adm",
    means:
      "a child can be looked up, terminated and started by its name; each twice does it once, and a name that does not exist is refused",
    run: play(async (stage) => {
      const one = stage.actor("one", otp());
      const tree = await stage.open({ children: [one.spec] });
      assertEquals((await tree.child("/one").start()).outcome, "idempotent");
      assertEquals((await tree.child("/one").terminate()).outcome, "accepted");
      await stage.advance(1);
      assertEquals((await tree.child("/one").terminate()).outcome, "idempotent");
      assertEquals([one.live, tree.child("/one").phase], [false, "stopped"]);
      assertEquals((await tree.child("/one").start()).outcome, "accepted");
      await stage.advance(1);
      assertEquals([one.starts, tree.child("/one").phase], [2, "ready"]);
      const { code } = assertThrows(() => tree.child("/three"), ReeveError);
      assertEquals(code, "child_not_found");
      assertEquals(tree.child("/one").failuresTotal, 0, "commands are no failures");
      one.fail();
      await stage.advance(1);
      assertEquals([tree.child("/one").limitUsed, tree.child("/one").consecutiveRestarts], [1, 1]);
      await tree.child("/one").restart();
      await stage.advance(1);
      const { limitUsed, consecutiveRestarts, failuresTotal } = tree.child("/one");
      assertEquals([limitUsed, consecutiveRestarts, failuresTotal], [0, 0, 1], "who is started by somebody begins anew; the total stays");
      await tree.child("/one").remove();
      await stage.advance(1);
      const again = stage.actor("one", otp());
      await tree.add(again.spec);
      await stage.advance(1);
      assertEquals([again.starts, tree.child("/one").failuresTotal], [1, 0], "who is added again is another child");
    }),
  },
  {
    name: "child_specs",
    means: "every option of a child with a value it cannot have is refused where it stands",
    run: () => {
      const one = (options: string): string[] =>
        violations(untyped(`{"children":[{"name":"one","run":{"kind":"process","command":"x"},${options}}]}`));
      assertMatch(one('"restartPolicy":"prmanent"').join(), /\/children\/0\/restartPolicy$/);
      assertMatch(one('"stop":{"timeoutMs":-10}').join(), /\/children\/0\/stop\/timeoutMs$/);
      assertMatch(one('"stop":{"mode":"brutal"}').join(), /\/children\/0\/stop\/mode$/);
      assertMatch(one('"dependencies":"two"').join(), /\/children\/0\/dependencies$/);
      assertMatch(one('"significant":"yes"').join(), /\/children\/0\/significant$/);
      assertEquals(one('"restartPolicy":"permanent","stop":{"timeoutMs":10}'), []);
      const kind = untyped('{"children":[{"name":"one","run":{"kind":"wrker"}}]}');
      assertMatch(violations(kind).join(), /\/children\/0\/run\/kind$/);
      return Promise.resolve();
    },
  },
  {
    name: "child_specs_map",
    means: "two children of one name are refused, and so is a significant child that can never end its supervisor",
    run: () => {
      const task = (): void => {};
      const significant = (options: Parameters<typeof child.task>[2], autoShutdown?: TreeSpec["autoShutdown"]): string[] =>
        violations({ autoShutdown, children: [child.task("one", task, { significant: true, ...options })] });
      assertEquals(violations({ children: [child.task("one", task), child.task("one", task)] }), ["duplicate_name /children/1/name"]);
      assertEquals(significant({ restartPolicy: "permanent" }, "any_significant"), ["significant_permanent /children/0/significant"]);
      assertEquals(significant({ restartPolicy: "transient" }), ["significant_without_effect /children/0/significant"]);
      assertEquals(significant({ restartPolicy: "transient" }, "any_significant"), []);
      assertEquals(significant({ restartPolicy: "temporary" }, "all_significant"), []);
      return Promise.resolve();
    },
  },
  {
    name: "extra_return",
    means: "what a child's start function returns beside its process is handed to the caller",
    not: "a start is not a call that returns something: a child says that it is ready, and its supervisor's caller is told by an event",
  },
  {
    name: "sup_flags",
    means: "strategy, automatic shutdown and limits of a supervisor that it cannot have are refused where they stand",
    run: () => {
      assertMatch(violations(untyped('{"strategy":"none_for_one","children":[]}')).join(), / \/strategy$/);
      assertMatch(violations(untyped('{"autoShutdown":"some_significant","children":[]}')).join(), / \/autoShutdown$/);
      const limit = (maxRestarts: number, windowMs: number): string[] =>
        violations({ children: [child.task("one", () => {}, { limit: { maxRestarts, windowMs } })] });
      assertMatch(limit(-1, 3_600_000).join(), / \/children\/0\/limit\/maxRestarts$/);
      assertMatch(limit(2, -3_600_000).join(), / \/children\/0\/limit\/windowMs$/);
      assertEquals(limit(2, 3_600_000), []);
      return Promise.resolve();
    },
  },
];
