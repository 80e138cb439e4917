/** How one child is told of the ends of another, through the whole runtime. */
import { assertEquals, assertMatch } from "@std/assert";
import { child, type ChildEnd, type ChildOptions, type ChildSpec, supervise, type TaskContext, type Tree } from "../../mod.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { deaf, untilAborted } from "../support/tasks.ts";

const SOON: ChildOptions = { backoff: { initialMs: 10, maxMs: 10, jitter: "none" } };

const shown = ({ path, attempt, kind, returns }: ChildEnd): string => `${path} ${attempt} ${kind}${returns ? ", returns" : ""}`;

/** A task that watches a child and writes down what it hears. */
function watcher(of: string, heard: ChildEnd[], over: string[] = []): (context: TaskContext) => Promise<void> {
  return async ({ watch, name }) => {
    for await (const end of watch(of)) heard.push(end);
    over.push(name);
  };
}

async function started(...children: ChildSpec[]): Promise<{ tree: Tree; clock: VirtualClock }> {
  const clock = new VirtualClock();
  const tree = await supervise({ children }, { clock, keepAlive: false });
  await clock.advance(1);
  return { tree, clock };
}

Deno.test("watch() tells of every end of a sibling, how it ended and whether it returns, and ends when it is removed", async () => {
  const heard: ChildEnd[] = [];
  const over: string[] = [];
  let attempts = 0;
  const fragile = async (context: TaskContext): Promise<void> => {
    attempts++;
    if (attempts === 2) throw new Error("no port");
    if (attempts === 3) return;
    await untilAborted(context);
  };
  const { tree, clock } = await started(
    child.task("watcher", watcher("db", heard, over), { restartPolicy: "temporary" }),
    child.task("db", fragile, { ...SOON, restartPolicy: "permanent" }),
  );
  await tree.child("/db").restart({ by: "ops" });
  await clock.advance(50);
  await tree.child("/db").terminate();
  await clock.advance(1);
  await tree.child("/db").remove();
  await clock.advance(1);
  assertEquals(heard.map(shown), [
    "/db 1 stopped, returns",
    "/db 2 failed, returns",
    "/db 3 succeeded, returns",
    "/db 4 stopped",
    "/db 4 removed",
  ]);
  assertMatch(heard[1]!.message, /no port/);
  assertEquals(over, ["watcher"]);
  await tree.shutdown();
});

Deno.test("watch() tells at once of a child that is down, or left behind", async () => {
  const heard: ChildEnd[] = [];
  const { tree, clock } = await started(
    child.task("done", () => {}, { restartPolicy: "transient" }),
    child.task("broken", () => Promise.reject(new Error("no")), { restartPolicy: "temporary" }),
    child.task("deaf", deaf, { stop: { timeoutMs: 10, killWaitMs: 10 } }),
    child.task("alive", untilAborted),
  );
  await tree.child("/deaf").terminate();
  await clock.advance(100);
  for (const name of ["done", "broken", "deaf", "alive"]) await tree.add(child.task(`w-${name}`, watcher(name, heard)));
  await clock.advance(1);
  assertEquals(heard.map(shown).toSorted(), ["/broken 1 failed", "/deaf 1 abandoned", "/done 1 succeeded"]);
  const ending = tree.shutdown();
  await clock.advance(10_000);
  await ending;
});

Deno.test("watch() of a child that is not there says so, with the nearest name, and ends", async () => {
  const heard: ChildEnd[] = [];
  const over: string[] = [];
  const options = { restartPolicy: "temporary" } as const;
  const { tree } = await started(
    child.task("database", untilAborted),
    child.task("watcher", watcher("databse", heard, over), options),
    child.task("other", watcher("/no/such", heard, over), options),
  );
  assertEquals(heard.map(({ path, kind }) => `${path} ${kind}`), ["/databse not_found", "/no/such not_found"]);
  assertEquals(heard[0]!.message, 'there is no such child. Did you mean "/database"?');
  assertEquals(over, ["watcher", "other"]);
  await tree.shutdown();
});

Deno.test("watch() finds siblings by their names and any child by its path, at any depth", async () => {
  const heard: ChildEnd[] = [];
  const { tree, clock } = await started(
    child.supervisor("s", { children: [child.task("a", untilAborted), child.task("w", watcher("a", heard))] }),
    child.task("w2", watcher("/s/a", heard)),
    child.task("w3", watcher("/s", heard)),
    child.task("a", untilAborted),
  );
  await tree.child("/s/a").terminate();
  await tree.child("/a").terminate();
  await clock.advance(1);
  assertEquals(heard.map(shown), ["/s/a 1 stopped", "/s/a 1 stopped"]);
  await tree.shutdown();
});

Deno.test("watch() ends with the attempt: when it is asked to stop, and when its function is over", async () => {
  const heard: ChildEnd[] = [];
  const ended: string[] = [];
  const { tree, clock } = await started(
    child.task("db", untilAborted),
    child.task("asked", watcher("db", heard, ended), { restartPolicy: "transient" }),
    child.task("over", ({ spawn, watch }) => {
      spawn(async () => {
        for await (const end of watch("db")) heard.push(end);
        ended.push("sub-task of over");
      });
    }, { restartPolicy: "transient" }),
  );
  assertEquals([ended, tree.child("/over").phase], [["sub-task of over"], "stopped"]);
  await tree.child("/asked").terminate();
  await clock.advance(1);
  assertEquals(ended, ["sub-task of over", "asked"]);
  await tree.child("/db").terminate();
  await clock.advance(1);
  assertEquals(heard, []);
  await tree.shutdown();
});

Deno.test("watch() tells a watcher that is too slow that it missed something", async () => {
  const heard: ChildEnd[] = [];
  let go = (): void => {};
  const slow = async ({ watch }: TaskContext): Promise<void> => {
    for await (const end of watch("busy")) {
      heard.push(end);
      await new Promise<void>((resolve) => go = resolve);
    }
  };
  const clock = new VirtualClock();
  const busy = child.task("busy", () => {}, { backoff: { initialMs: 1, maxMs: 1, jitter: "none" }, restartPolicy: "permanent" });
  const tree = await supervise({ children: [child.task("slow", slow), busy], observability: { eventJournalCapacity: 16 } }, {
    clock,
    keepAlive: false,
  });
  await clock.advance(200);
  go();
  await clock.advance(0);
  assertEquals(heard.slice(0, 2).map(({ kind }) => kind), ["succeeded", "missed"]);
  assertMatch(heard[1]!.message, /^\d+ events were missed, look at the child$/);
  const ending = tree.shutdown();
  go();
  await clock.advance(10_000);
  await ending;
});
