/** Commands that look at a run: what they print of a tree that is served beside them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import process from "node:process";
import { child } from "../../mod.ts";
import type { ChildDescription } from "../../src/client/mod.ts";
import { criticalChainOf, describe, isReady, status, tree, why } from "../../src/cli/commands/look.ts";
import { criticalChain, type Startup } from "../../src/cli/render/critical_chain.ts";
import { cutVisible, depthOf } from "../../src/cli/render/status.ts";
import { age, bytes, lookOf, percent, soon } from "../../src/cli/render/words.ts";
import { type Served, type ServedOptions, whileServed } from "../support/served.ts";
import { untilAborted } from "../support/tasks.ts";
import { until } from "../support/until.ts";
import { RecordingIo } from "./helpers.ts";

const CHILDREN = [
  child.task("db", untilAborted),
  child.supervisor("pool", {
    children: [child.task("one", untilAborted), child.task("two", untilAborted, { dependencies: ["one"] })],
    dependencies: ["db"],
  }),
  child.task("mail", ({ log }) => {
    log("connecting\u001b[2J");
    return Promise.reject(new Error("no route"));
  }, { backoff: { initialMs: 3_600_000, maxMs: 3_600_000 }, readiness: { mode: "explicit" }, limit: { maxRestarts: 3, windowMs: 60_000 } }),
  child.task("report", untilAborted, { dependencies: ["mail"] }),
  child.task("once", () => {}, { restartPolicy: "temporary" }),
];

/** Looks at a tree that has come to rest. */
function test(name: string, look: (served: Served) => Promise<void>, options: ServedOptions = { children: CHILDREN }): void {
  Deno.test({
    name,
    ignore: process.platform === "win32",
    fn: () =>
      whileServed(async (served) => {
        const { tree } = served;
        const isAtRest = (): boolean => tree.child("/mail").phase === "backoff" && tree.child("/report").phase === "waiting";
        if (options.children === CHILDREN) await until(isAtRest, () => "it does not come to rest");
        await look(served);
      }, options),
  });
}

/** What depends on the moment, and on the machine. */
function steady(text: string): string {
  return text
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "DATE")
    .replace(/\d\d:\d\d:\d\d/g, "TIME")
    .replace(/\bin [\d.]+ (?:ms|s|min|h)(?: \d+ (?:s|min))?/g, "in T")
    .replace(/\d+ m?s\b/g, "T")
    .replace(/ +$/gm, "");
}

test("status shows a heading and a row for each child, and says by its exit code whether all is ready", async ({ path }) => {
  const io = new RecordingIo();
  assertEquals(await status({ socket: path, json: false }, io), 1);
  assertEquals(io.err, "");
  const [heading, ...rest] = steady(io.out).split("\n");
  assertEquals(heading, "◐ reeve  not ready, up T");
  assertEquals(
    rest.slice(-9, -1).map((line) => line.replace(/ {2,}/g, " | ")),
    [
      "NAME | STATE | SINCE | RESTARTS | CPU | MEMORY | PID",
      "● db | ready | T | 0 | - | - | -",
      "● pool | ready | T | 0 | - | - | -",
      " | ● one | ready | T | 0 | - | - | -",
      " | ● two | ready | T | 0 | - | - | -",
      "↻ mail | restarting | T | 0 (1 of 3) | - | - | - | failed: no route; starts in T",
      "… report | waiting | T | 0 | - | - | - | waits for mail",
      "✓ once | done | T | 0 | - | - | -",
    ],
  );
});

test("status as JSON has everything, with times as digits", async ({ path }) => {
  const io = new RecordingIo();
  assertEquals(await status({ socket: path, json: true }, io), 1);
  const { socket, tree: root, children } = JSON.parse(io.out);
  assertEquals([socket, root.name, children.length, /^\d{19}$/.test(root.startedAtUnixNanos)], [path, "reeve", 7, true]);
  assertEquals(children.find(({ childPath }: ChildDescription) => childPath === "/mail").lastExit, "failed: no route");
});

test("status leaves columns out where there is no room, and no line is wider than the terminal", async ({ path }) => {
  for (const columns of [30, 44, 60, 90]) {
    const io = new RecordingIo(true, { columns });
    await status({ socket: path, json: false }, io);
    const rows = io.out.split("\n\n")[1]!.trimEnd().split("\n").map((line) =>
      line.split("\u001b").map((part, index) => index === 0 ? part : part.slice(part.indexOf("m") + 1)).join("")
    );
    assert(rows.every((row) => [...row].length <= columns), `${columns}:\n${rows.join("\n")}`);
    assertEquals([rows[0]!.includes("SINCE"), rows[0]!.includes("CPU")], [columns >= 40, columns >= 80]);
  }
});

test("tree draws who belongs to whom, and who comes after whom", async ({ path }) => {
  const io = new RecordingIo();
  assertEquals(await tree({ socket: path, json: false }, io), 1);
  assertEquals(
    steady(io.out),
    `◐ reeve  not ready
├─ ● db  task, ready
├─ ● pool  supervisor, ready  after db
│  ├─ ● one  task, ready
│  └─ ● two  task, ready  after one
├─ ↻ mail  task, restarting (failed: no route; starts in T)
├─ … report  task, waiting (waits for mail)  after mail
└─ ✓ once  task, done
`,
  );
});

test("describe tells everything about a child, with what it did and said last, made harmless", async ({ path }) => {
  const io = new RecordingIo();
  assertEquals(await describe({ socket: path, child: "mail", json: false }, io), 0);
  assertEquals(
    steady(io.out),
    `↻ /mail  restarting since DATE; T
        kind  task, standard
     attempt  1 of generation 0; 0 restarts, 1 failure
       limit  1 of 3 failures in T
   last exit  failed: no route
        then  restart (within restart budget)
  next start  DATE, in T

TIME starting, attempt 1
TIME running, not ready yet
TIME failed: no route after T (failure 1, limit 3); back in T
TIME next attempt in T

TIME │ connecting\\u{1b}[2J
`,
  );
});

test("why says what lies behind it, and what to do", async ({ path, tree }) => {
  const told = async (child: string): Promise<string> => {
    const io = new RecordingIo();
    assertEquals(await why({ socket: path, child, json: false }, io), 0);
    return steady(io.out);
  };
  assertEquals(
    await told("report"),
    `… /report is waiting since DATE (T)
  It waits until mail is ready.
  /mail is restarting since T
  Last time it failed: no route.
  That is 1 of 3 failures that it may have in T.
  It starts by itself in T, at TIME.
`,
  );
  assertStringIncludes(await told("/pool/one"), "  All is well with it.\n");
  await tree.child("/db").pause({ by: "ada", reason: "test" });
  await until(() => tree.child("/db").phase === "stopped", () => "it runs on");
  assertStringIncludes(await told("db"), "Somebody paused it: it stays down until reeve resume /db");
});

test("a child is found by its path or its name; where it is not, the nearest name is told", async ({ path }) => {
  for (const [asked, code, told] of [["one", 0, "/pool/one"], ["/pool/one", 0, "/pool/one"], ["pool/one", 0, "/pool/one"]] as const) {
    const io = new RecordingIo();
    assertEquals([await describe({ socket: path, child: asked, json: false }, io), io.out.includes(told)], [code, true]);
  }
  const io = new RecordingIo();
  assertEquals([await describe({ socket: path, child: "mial", json: false }, io), io.out], [1, ""]);
  assertEquals(io.err, 'reeve: there is no child "mial". Did you mean "mail"?\n');
});

test("a name that several children have is refused with their paths", async ({ path }) => {
  const io = new RecordingIo();
  assertEquals(await why({ socket: path, child: "x", json: false }, io), 1);
  assertEquals(io.err, 'reeve: several children are called "x": name one of /a/x, /b/x\n');
}, { children: ["a", "b"].map((name) => child.supervisor(name, { children: [child.task("x", untilAborted)] })) });

test("is-ready speaks by its exit code, of the tree and of a child", async ({ path }) => {
  const io = new RecordingIo();
  assertEquals(await isReady({ socket: path, quiet: false }, io), 1);
  assertEquals(await isReady({ socket: path, child: "two", quiet: false }, io), 0);
  assertEquals(await isReady({ socket: path, child: "mail", quiet: true }, io), 1);
  assertEquals(await isReady({ socket: `${path}.none`, quiet: true }, io), 2);
  assertEquals([io.out, io.err], ["reeve is not ready\n/pool/two is ready\n", ""]);
});

test("critical-chain shows what each had to wait for", async ({ path }) => {
  const io = new RecordingIo();
  assertEquals(await criticalChainOf({ socket: path, child: "pool", json: true }, io), 0);
  const { chain } = JSON.parse(io.out);
  assertEquals(chain.map((startup: Startup) => startup.path), ["/pool", "/pool/two", "/pool/one", "/db"]);
});

Deno.test("the chain goes from who was ready last to who held it up, through supervisors, and ends where nobody did", () => {
  const row = (childPath: string, more: Partial<ChildDescription> = {}): ChildDescription =>
    Object.assign(Object.create(null), { childPath, dependencies: [], bindsTo: [], wants: [], children: [], ...more });
  const children = [
    row("/a"),
    row("/b", { wants: ["a"] }),
    row("/s", { bindsTo: ["b"], children: ["/s/x", "/s/y"] }),
    row("/s/x"),
    row("/s/y"),
    row("/late", { dependencies: ["s", "a"] }),
  ];
  const times: readonly (readonly [path: string, startedMs: number, readyMs: number])[] = [
    ["/a", 0, 10],
    ["/b", 10, 40],
    ["/s", 40, 95],
    ["/s/x", 41, 50],
    ["/s/y", 41, 95],
    ["/late", 95, 120],
  ];
  const startups = new Map(times.map(([path, startedMs, readyMs]) => [path, { path, startedMs, readyMs }]));
  assertEquals(criticalChain(children, startups).map(({ path }) => path), ["/late", "/s", "/s/y", "/b", "/a"]);
  assertEquals(criticalChain(children, startups, "/b").map(({ path }) => path), ["/b", "/a"]);
  assertEquals(criticalChain(children, new Map()), []);
  // Who names itself in a circle ends the chain as well.
  const circle = [row("/a", { wants: ["b"] }), row("/b", { wants: ["a"] })];
  assertEquals(criticalChain(circle, startups, "/a").map(({ path }) => path), ["/a", "/b"]);
});

Deno.test("times, sizes and shares are told in words", () => {
  assertEquals([0, 999, 1_000, 61_000, 3_600_000, 90_061_000, -5].map(age), ["0 s", "0 s", "1 s", "1 min 1 s", "1 h", "1 d 1 h", "0 s"]);
  assertEquals([0, 1_023, 1_024, 1_536, 200 * 1_024, 5 * 2 ** 30].map(bytes), ["0 B", "1023 B", "1 KiB", "1.5 KiB", "200 KiB", "5 GiB"]);
  assertEquals([0, 0.25, 9.96, 250.4].map(percent), ["0 %", "0.3 %", "10 %", "250 %"]);
  assertEquals([0n, 1_500_000_000n, 90_000_000_000n].map((at) => soon(at, 0n)), ["at once", "in 1.5 s", "in 1 min 30 s"]);
  assertEquals([depthOf("/a"), depthOf("/a/b/c")], [0, 2]);
});

Deno.test("a child looks like what it is: held, done, scheduled, or in a phase that nobody knows", () => {
  const look = (phase: string, operation = "active", lastExit: string | null = null, next?: bigint): string => {
    const { mark, word } = lookOf({ phase, operation, lastExit, nextStartUnixNanos: next });
    return `${mark} ${word}`;
  };
  assertEquals([
    look("stopped", "paused"),
    look("stopping", "paused"),
    look("stopped", "active", "finished"),
    look("stopped", "active", "finished", 5n),
    look("stopped"),
    look("failed", "quarantined"),
    look("x\u001b"),
  ], ["‖ paused", "◑ stopping", "✓ done", "◷ scheduled", "○ stopped", "⊘ quarantined", "? x\\u{1b}"]);
});

Deno.test("a line that is cut keeps its colours whole", () => {
  const red = (text: string): string => `\u001b[31m${text}\u001b[0m`;
  assertEquals(cutVisible(`${red("abc")}def`, 5), `${red("abc")}d…`);
  assertEquals(cutVisible(`ab${red("cdefgh")}`, 4), `ab${red("c…")}`);
  assertEquals(cutVisible(`abcd${red("x")}`, 4), `abc…${red("")}`);
});
