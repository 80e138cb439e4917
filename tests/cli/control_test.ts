/** Commands that ask a run for something, with a person beside them and without. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import { child, type TaskFunction, type Tree, type TreeSpec } from "../../mod.ts";
import { main } from "../../src/cli/main.ts";
import { parseChildManifest } from "../../src/config/mod.ts";
import { inFolder, withFolder } from "../support/folder.ts";
import { type Served, type ServedOptions, whileServed } from "../support/served.ts";
import { untilAborted } from "../support/tasks.ts";
import { RecordingIo } from "./helpers.ts";

/** Two that belong together, a set, a supervisor for others, and a template. */
const CHILDREN: TreeSpec["children"] = [
  child.task("db", untilAborted),
  child.task("api", untilAborted, { dependencies: ["db"] }),
  child.task("web", untilAborted, { instances: 2 }),
  child.supervisor("pool", { children: [child.task("one", untilAborted), child.task("two", untilAborted)] }),
];

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly io: RecordingIo;
}

type Ask = (...args: string[]) => Promise<Outcome>;

interface Asking extends Served {
  /** Nobody sits there. */
  readonly ask: Ask;
  /** Somebody sits there, and answers so, one question after the other. */
  readonly askAs: (...answers: string[]) => Ask;
}

/** A terminal at which somebody sits, or a pipe. */
class Terminal extends RecordingIo {
  readonly text: string;
  readonly isWatched: boolean;

  constructor({ answers = [], text = "", isWatched = false }: { answers?: readonly string[]; text?: string; isWatched?: boolean }) {
    super(false, { answers });
    this.text = text;
    this.isWatched = isWatched;
  }

  input(): Promise<string> {
    return Promise.resolve(this.text);
  }
}

async function outcome(io: RecordingIo, args: readonly string[]): Promise<Outcome> {
  const code = await main(args, io);
  return { code, out: io.out, err: io.err, io };
}

function whileRuns(run: (asking: Asking) => Promise<void>, options: ServedOptions = {}): Promise<void> {
  return whileServed(async (served) => {
    Object.assign(FICKLE, { isBroken: false, isSilent: false });
    await served.tree.ready({ timeoutMs: 20_000 });
    const asked = (answers: readonly string[]): Ask => (...args) => outcome(new Terminal({ answers }), [...args, "--socket", served.path]);
    await run({ ...served, ask: asked([]), askAs: (...answers) => asked(answers) });
  }, { children: CHILDREN, ...options });
}

async function until(what: () => boolean): Promise<void> {
  while (!what()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** How often something was asked. */
function intents(tree: Tree): number {
  return tree.auditRecords.filter(({ kind }) => kind === "intent").length;
}

function lastRequest(tree: Tree): readonly (string | null)[] {
  const { method, requestedBy, reason } = tree.auditRecords.filter(({ kind }) => kind === "intent").at(-1)!;
  return [method ?? null, requestedBy === "" ? "" : "somebody", reason ?? null];
}

Deno.test("every command to children does what it says, and says so", () =>
  whileRuns(async ({ tree, ask }) => {
    const steps: readonly [args: readonly string[], out: string, operation: string][] = [
      [["pause", "/db"], "/db is paused\n", "paused"],
      [["pause", "db"], "/db was paused before\n", "paused"],
      [["resume", "db"], "/db goes on\n", "active"],
      [["resume", "db"], "/db was not held\n", "active"],
      [["quarantine", "db"], "/db is quarantined\n", "quarantined"],
      [["quarantine", "db"], "/db was quarantined before\n", "quarantined"],
      [["release", "db"], "/db is released\n", "active"],
      [["release", "db"], "/db was not quarantined\n", "active"],
      [["reset-fuse", "db"], "/db has no open fuse\n", "active"],
    ];
    for (const [args, out, operation] of steps) {
      const got = await ask(...args);
      assertEquals([got.code, got.out, got.err, tree.child("/db").operation], [0, out, "", operation], args.join(" "));
    }
    assertEquals((await ask("stop", "db")).out, "/db stops, until somebody starts it\n");
    await until(() => tree.child("/db").phase === "stopped");
    assertEquals((await ask("terminate", "db")).out, "/db was down before\n");
    assertEquals((await ask("start", "db")).out, "/db starts\n");
    assertEquals((await ask("start", "db")).out, "/db runs already, or is about to\n");
    await until(() => tree.child("/db").phase === "ready");
    const { generation } = tree.child("/db");
    assertEquals((await ask("restart", "db")).out, "/db stops and starts anew\n");
    await until(() => tree.child("/db").generation === generation + 1);
  }));

Deno.test("restart --wait returns when the new attempt is ready, and says so", () =>
  whileRuns(async ({ tree, ask }) => {
    const before = tree.child("/api").generation;
    const got = await ask("restart", "--wait", "api", "/web");
    assertEquals([got.code, got.out, got.err], [
      0,
      "/api stops and starts anew\n/web stops and starts anew\n/api is ready\n/web is ready\n",
      "",
    ]);
    assertEquals([tree.child("/api").generation, tree.child("/api").phase, tree.child("/web").phase], [before + 1, "ready", "ready"]);
    await tree.child("/api").pause();
    assertEquals((await ask("resume", "api", "--wait=20")).out, "/api goes on\n/api is ready\n");
    assertEquals((await ask("resume", "api", "--wait")).out, "/api was not held\n/api is ready\n");
    await tree.child("/api").terminate();
    assertEquals((await ask("start", "api", "--wait")).out, "/api starts\n/api is ready\n");
  }));

/** Is ready the first time, and then as told. */
const FICKLE: { isBroken: boolean; isSilent: boolean } = { isBroken: false, isSilent: false };

const SLOWLY = { backoff: { initialMs: 60_000, maxMs: 60_000, jitter: "none" }, readiness: { mode: "explicit" } } as const;

const fickle: TaskFunction = async ({ signal, ready, log }) => {
  if (FICKLE.isBroken) {
    log("cannot open\u001b[2J the configuration");
    throw new Error("it is broken");
  }
  if (!FICKLE.isSilent) ready();
  await untilAborted({ signal });
};

const TROUBLED: TreeSpec["children"] = [
  child.task("mail", fickle, SLOWLY),
  child.task("late", untilAborted, { dependencies: ["mail"] }),
  child.task("once", () => {}, { restartPolicy: "transient" }),
  child.supervisor("nest", { children: [child.task("egg", fickle, SLOWLY)] }),
];

Deno.test("who waits is told why a child did not get ready, with its last lines", () =>
  whileRuns(async ({ ask, tree }) => {
    FICKLE.isBroken = true;
    const got = await ask("restart", "mail", "--wait");
    assertEquals([got.code, got.out], [1, "/mail stops and starts anew\n"]);
    assertMatch(
      got.err,
      /^reeve: \/mail failed: .*it is broken.*; it starts again in .*\n {2}│ cannot open\\u\{1b\}\[2J the configuration\n$/,
    );
    const json = await ask("restart", "mail", "--wait", "--json", "--reason", "again");
    const { command, reason, results } = JSON.parse(json.out);
    const [{ childPath, outcome, ready, lastLines }] = results;
    assertEquals([json.code, command, reason, childPath, outcome, ready], [1, "restart", "again", "/mail", "done", false]);
    assertEquals(lastLines.length, 1);

    const nest = await ask("restart", "nest", "--wait", "20");
    assertEquals([nest.code, nest.out], [1, "/nest stops and starts anew\n"]);
    assertMatch(nest.err, /^reeve: \/nest is not ready: \/nest\/egg failed: .*it is broken[^]*│ cannot open/);

    FICKLE.isBroken = false;
    FICKLE.isSilent = true;
    const silent = await ask("restart", "mail", "--wait", "0.3");
    assertEquals(silent.code, 1);
    assertMatch(silent.err, /^reeve: \/mail is not ready after 0\.3 s( \(.*\))?\n$/);
    assertEquals((await ask("restart", "mail", "--wait", "0.001")).code, 1);
    await until(() => tree.child("/late").phase === "ready" || tree.child("/late").phase === "waiting");
    FICKLE.isSilent = false;
    assertEquals((await ask("restart", "mail", "--wait")).code, 0);
    assertEquals((await ask("start", "once", "--wait")).out, "/once starts\n/once is done\n");
    await tree.child("/once").pause();
    const stays = await ask("resume", "once", "--wait");
    assertEquals([stays.code, stays.err], [1, "reeve: /once does not start by itself: reeve start /once\n"]);
  }, { children: TROUBLED }));

Deno.test("children are named by path, name, pattern, or all of the root", () =>
  whileRuns(async ({ tree, ask }) => {
    const paused = (): string[] =>
      ["/db", "/api", "/web", "/pool", "/web/web:1", "/web/web:2", "/pool/one", "/pool/two"].filter((path) =>
        tree.child(path).operation === "paused"
      );
    assertEquals((await ask("pause", "/pool/*", "pool", "two")).out, "/pool/one is paused\n/pool/two is paused\n/pool is paused\n");
    assertEquals(paused(), ["/pool", "/pool/one", "/pool/two"]);
    assertEquals((await ask("resume", "**")).code, 0);
    assertEquals(paused(), []);
    assertEquals((await ask("pause", "/*/?eb:[1]", "d?")).err, 'reeve: no child fits "/*/?eb:[1]". reeve tree shows who is there\n');
    assertEquals(paused(), []);
    await ask("pause", "/web/?eb:1", "d?");
    assertEquals(paused(), ["/db", "/web/web:1"]);
    await ask("resume", "**");
    await ask("pause", "--all");
    assertEquals(paused(), ["/db", "/api", "/web", "/pool"]);
    const none = await ask("stop");
    assertEquals([none.code, none.err], [2, "reeve: name a child: reeve tree shows who is there. Nothing was asked\n"]);
    assertMatch((await ask("restart")).err, /or --all/);
  }));

Deno.test("a child that is not there is refused with the nearest name, and then nobody is asked", () =>
  whileRuns(async ({ tree, ask }) => {
    const got = await ask("pause", "db", "apu", "zzzzzz");
    assertEquals([got.code, got.out], [1, ""]);
    assertEquals(
      got.err,
      'reeve: there is no child "apu". Did you mean "api"?\nreeve: there is no child "zzzzzz". reeve tree shows who is there\n',
    );
    assertEquals(tree.child("/db").operation, "active");
  }));

Deno.test("what a child refuses is told with what to do first", () =>
  whileRuns(async ({ tree, ask }) => {
    await tree.child("/db").quarantine();
    const got = await ask("restart", "db", "api");
    assertEquals([got.code, got.out], [1, "/api stops and starts anew\n"]);
    assertMatch(got.err, /^reeve: \/db: .*paused or quarantined.* First: reeve release \/db\n$/);
    const { results } = JSON.parse((await ask("start", "db", "--json")).out);
    assertEquals([results[0].outcome, results[0].operation], ["refused", null]);
    await tree.child("/db").release();
  }));

Deno.test("the reason is what was said, what a person answers, or a default, and never blank", () =>
  whileRuns(async ({ tree, ask, askAs }) => {
    await ask("pause", "db", "--reason", "the disk is full");
    assertEquals(lastRequest(tree), ["command.pause_child", "somebody", "the disk is full"]);
    await ask("resume", "db");
    assertEquals(lastRequest(tree), ["command.resume_child", "somebody", "by hand"]);
    const said = await askAs(" it was emptied ")("pause", "db");
    assertEquals([lastRequest(tree)[2], said.io.questions], ["it was emptied", ["Why? It is kept in the audit (by hand): "]]);
    await askAs("")("resume", "db");
    assertEquals(lastRequest(tree)[2], "by hand");
    const asked = intents(tree);
    for (
      const args of [["pause", "db"], ["scale", "web", "1"], ["shutdown"], ["remove", "/api"], ["start-template", "x"], [
        "restart",
        "--rolling",
        "web",
      ]]
    ) {
      const blank = await ask(...args, "--reason", "  ");
      assertEquals(blank.code, 2, args.join(" "));
      assertMatch(blank.err, /^reeve: the reason is blank: .*Nothing was asked\n$/);
    }
    assertEquals(intents(tree), asked);
  }));

Deno.test("remove wants the path, and is confirmed by the name of the child", () =>
  whileRuns(async ({ tree, ask, askAs }) => {
    const isThere = (path: string): boolean => JSON.stringify(tree.snapshot()).includes(`"${path}"`);
    const named = await ask("remove", "one", "--yes");
    assertEquals([named.code, named.err], [1, 'reeve: "one" is no path: name it /pool/one\n']);
    const nobody = await ask("remove", "/pool/one");
    assertEquals([nobody.code, nobody.out], [2, ""]);
    assertMatch(
      nobody.err,
      /^reeve: \/pool\/one of ".*" is stopped and taken out of the tree: nobody is here .* --yes\. Nothing was asked\n$/,
    );
    const wrong = await askAs("one", "tow")("remove", "/pool/one", "/pool/two");
    assertEquals([wrong.code, wrong.err, wrong.io.questions.length], [2, 'reeve: "tow" is not "two". Nothing was asked\n', 2]);
    assert(isThere("/pool/one"));
    const right = await askAs("one", "no longer needed")("remove", "/pool/one");
    assertEquals([right.code, right.out, lastRequest(tree)[2]], [0, "/pool/one is removed\n", "no longer needed"]);
    await until(() => !isThere("/pool/one"));
    assertEquals((await ask("remove", "/pool/two", "-y", "--json")).code, 0);
    const needed = await ask("remove", "/db", "--yes");
    assertEquals(needed.code, 1);
    assertMatch(needed.err, /siblings name it, remove them first: api/);
  }));

Deno.test("restart --rolling replaces the copies of a set one by one, and says how to make one of a child that is none", () =>
  whileRuns(async ({ tree, ask }) => {
    const before = tree.child("/web/web:1").attempt;
    const got = await ask("restart", "--rolling", "web");
    assertEquals([got.code, got.out, got.err], [0, "/web/web:1 is started anew\n/web/web:2 is started anew\n", ""]);
    assertEquals(tree.child("/web/web:1").attempt, before + 1);
    const json = JSON.parse((await ask("restart", "--rolling", "web", "--json")).out);
    assertEquals([json.rolling, json.results[0].restarted], [true, ["/web/web:1", "/web/web:2"]]);
    const single = await ask("restart", "--rolling", "db");
    assertEquals(single.code, 1);
    assertMatch(single.err, /declare "instances", or "rolling"/);
  }));

const TEMPLATES: readonly ReturnType<typeof child.task>[] = [
  child.task("session", untilAborted, { restartPolicy: "temporary", args: { user: 0 } }),
];

Deno.test("scale: more at once, fewer only when that is meant; a set, a template, and a child that is neither", () =>
  whileRuns(async ({ tree, ask, askAs }) => {
    const more = await ask("scale", "web", "3");
    assertEquals([more.code, more.out, more.err], [0, "/web/web:3 is added\nweb has 3 copies\n", ""]);
    assertEquals((await ask("scale", "/web", "3")).out, "web has 3 copies already\n");
    const nobody = await ask("scale", "web", "1");
    assertEquals(nobody.code, 2);
    assertMatch(nobody.err, /^reeve: 2 of 3 copies of "web" in ".*" are stopped and removed: nobody is here/);
    assertEquals((await askAs("wbe")("scale", "web", "1")).code, 2);
    assertEquals(tree.child("/web").children.length, 3);
    const right = await askAs("web", "night")("scale", "web", "1");
    assertEquals([right.code, lastRequest(tree)[2]], [0, "night"]);
    assertStringIncludes(right.out, "web has 1 copy\n");

    assertEquals((await ask("scale", "session", "2", "--to", "/pool")).code, 0);
    const json = JSON.parse((await ask("scale", "/pool/session", "0", "--yes", "--json")).out);
    assertEquals([json.outcome, json.before, json.count, json.removed.length], ["done", 2, 0, 2]);

    const single = await ask("scale", "db", "2");
    assertEquals([single.code, single.err.split(". ")[1]], [
      1,
      '/db is one child without copies: give it "instances: 1" in the file that runs, then reeve reload\n',
    ]);
    assertMatch((await ask("scale", "sesion", "2")).err, /Did you mean "session"\? Templates are declared/);
    assertMatch((await ask("scale", "session", "2", "--to", "/db")).err, /\/db is a task, and only a supervisor has children/);
    assertMatch((await ask("scale", "session", "2", "--to", "pool")).err, /"pool" is no path: name it \/pool/);
    assertEquals((await ask("scale", "/pool/session", "2", "--to", "/pool")).code, 2);
    assertEquals((await ask("scale", "web", "two")).code, 2);
  }, { templates: TEMPLATES }));

Deno.test("start-template starts a copy with what it is given, where it is wanted", () =>
  whileRuns(async ({ tree, ask }) => {
    const got = await ask("start-template", "session", "--to", "pool", "--args", '{"user":7}', "--wait");
    assertEquals([got.code, got.out, got.err], [0, "/pool/session:1 is added\n/pool/session:1 is ready\n", ""]);
    assertEquals(tree.child("/pool/session:1").spec.args, { user: 7 });
    const { added, outcome, to } = JSON.parse((await ask("start-template", "session", "--json", "--args", "null")).out);
    assertEquals([added, outcome, to, tree.child("/session:1").spec.args], [["/session:1"], "done", "/", null]);
    await ask("start-template", "session");
    assertEquals(tree.child("/session:2").spec.args, { user: 0 });
    assertEquals((await ask("start-template", "session", "--args", "{")).code, 2);
    assertEquals((await ask("start-template", "session", "--to", "/nowhere")).code, 1);
    const unknown = await ask("start-template", "nothing", "--json");
    assertEquals([unknown.code, JSON.parse(unknown.out).outcome], [1, "refused"]);
  }, { templates: TEMPLATES }));

function broken(): void {
  throw new Error("it is broken");
}

const ADDING: ServedOptions = {
  parseChild: (manifest) => parseChildManifest(manifest, { path: "supervisor.yaml", factories: { idle: untilAborted, broken } }),
};

Deno.test("add takes the declaration of a child from a file or from standard input, and says where it came", () =>
  whileRuns(
    ({ tree, ask, path }) =>
      withFolder({ "idle.yaml": "name: idle\n", "empty.yaml": "\n", "bad.yaml": "{ name: [\n" }, async (folder) => {
        const got = await ask("add", join(folder, "idle.yaml"), "--to", "pool", "--wait", "--reason", "more work");
        assertEquals([got.code, got.out, got.err], [0, "/pool/idle is added\n/pool/idle is ready\n", ""]);
        assertEquals([tree.child("/pool/idle").phase, lastRequest(tree)[2]], ["ready", "more work"]);
        const piped = await outcome(new Terminal({ text: "name: idle\n" }), ["add", "-", "--json", "--socket", path]);
        assertEquals([piped.code, JSON.parse(piped.out).added], [0, ["/idle"]]);
        const again = await ask("add", join(folder, "idle.yaml"));
        assertEquals(again.code, 1);
        assertMatch(again.err, /has a child of that name/);
        assertMatch((await ask("add", join(folder, "bad.yaml"))).err, /Failed to parse child manifest/);
        const asked = intents(tree);
        for (const file of [join(folder, "empty.yaml"), join(folder, "nowhere.yaml"), "-"]) {
          assertEquals((await ask("add", file)).code, 2, file);
        }
        const unknown = await ask("add", join(folder, "idle.yaml"), "--to", "/db");
        assertEquals([unknown.code, intents(tree)], [1, asked]);
      }),
    ADDING,
  ));

Deno.test("add --wait says why what was added did not get ready, and it stays", () =>
  whileRuns(async ({ tree, path }) => {
    const text = "{ name: broken, restart_policy: transient, backoff: { initial_ms: 60000, max_ms: 60000, jitter: none } }";
    const got = await outcome(new Terminal({ text }), ["add", "-", "--wait", "--socket", path]);
    assertEquals([got.code, got.out], [1, "/broken is added\n"]);
    assertMatch(got.err, /^reeve: \/broken failed: .*it is broken/);
    assertEquals(tree.child("/broken").operation, "active");
  }, ADDING));

Deno.test("add says how a program gets on the list of those that may run", () =>
  whileRuns(async ({ path }) => {
    const io = new Terminal({ text: "{ name: extra, run: { process: { command: sh } } }" });
    const got = await outcome(io, ["add", "-", "--socket", path]);
    assertEquals(got.code, 1);
    assertMatch(got.err, /"sh" may not run: .*List it in dashboard\.security_config\.allowlist\.allowed_paths/);
  }, ADDING));

Deno.test("shutdown is confirmed by the name of the tree, ends it and says how that went", () =>
  whileRuns(async ({ tree, ask, askAs }) => {
    for (const [asking, why] of [[ask, /nobody is here/], [askAs("shop"), /"shop" is not/]] as const) {
      const got = await asking("shutdown");
      assertEquals([got.code, got.out, tree.snapshot().phase], [2, "", "running"]);
      assertMatch(got.err, why);
    }
    const got = await askAs(tree.name, "new machine")("shutdown");
    assertEquals([got.code, got.err], [0, ""]);
    assertEquals(got.out, `${tree.name} is shut down: 8 ended in time\n`);
    const { cause } = await tree.finished;
    assertEquals(cause.reason, "new machine");
  }));

Deno.test("shutdown --force forces what stops already", async () => {
  let end = (): void => {};
  const deaf = new Promise<void>((resolve) => end = resolve);
  await whileRuns(async ({ tree, ask }) => {
    const gentle = ask("shutdown", "--yes");
    await until(() => tree.snapshot().phase === "stopping");
    const got = await ask("shutdown", "--yes", "--force", "--json");
    const { completed, clean, children } = JSON.parse(got.out);
    assertEquals([got.code, completed, clean, children.length], [1, true, false, 1]);
    assertEquals((await gentle).code, 1);
    assertMatch((await gentle).out, /^\/deaf did not end\n/);
    end();
  }, { children: [child.task("deaf", () => deaf, { stop: { timeoutMs: 20_000 } })] });
});

Deno.test("who asks for much at once is not turned away for asking fast", () =>
  whileRuns(async ({ tree, ask }) => {
    const got = await ask("pause", "--all");
    assertEquals([got.code, got.err], [0, ""]);
    assert(tree.snapshot().children.every(({ operation }) => operation === "paused"));
  }, {
    children: Array.from({ length: 40 }, (_, index) => child.task(`t${index}`, untilAborted)),
    securityConfig: { rateLimit: { refillRate: 60, burstCapacity: 6 } },
  }));

Deno.test("plan says what a new declaration would do, as reload --dry-run does, and nothing is done", () =>
  whileRuns(async ({ tree, ask }) => {
    const plan = await ask("plan");
    assertEquals([plan.code, plan.err], [0, ""]);
    assertMatch(plan.out, /^CHILD +WHAT +CHANGED\n\/extra +would be added/);
    assertEquals((await ask("reload", "--dry-run")).out, plan.out);
    const json = await ask("plan", "--json");
    assertEquals([JSON.parse(json.out).applied, (await ask("reload", "--dry-run", "--json")).out], [false, json.out]);
    assertEquals(tree.snapshot().children.length, CHILDREN.length);
  }, { reload: () => Promise.resolve({ spec: { children: [...CHILDREN, child.task("extra", untilAborted)] } }) }));

Deno.test("progress is shown to who looks on, when it takes longer than a second, and goes away", () =>
  whileRuns(async ({ path }) => {
    FICKLE.isSilent = true;
    const [seen, unseen] = await Promise.all(
      [true, false].map((isWatched) => outcome(new Terminal({ isWatched }), ["restart", "mail", "--wait", "1.5", "--socket", path])),
    );
    FICKLE.isSilent = false;
    assertMatch(seen!.err, /\r\S*reeve: waiting for \/mail.*?, [1-9] s\r\S*reeve: \/mail is not ready after/);
    assertMatch(unseen!.err, /^reeve: \/mail is not ready after 1\.5 s( \(.*\))?\n$/);
  }, { children: TROUBLED }));

Deno.test("a run that is not there is said to be so by every command, with 2", () =>
  inFolder(async (folder) => {
    const socket = ["--socket", join(folder, "no.sock")];
    const commands = [
      "restart a",
      "restart --rolling a",
      "pause a",
      "resume a",
      "quarantine a",
      "release a",
      "start a",
      "stop a",
      "reset-fuse a",
    ];
    for (const text of [...commands, "remove /a -y", "scale a 1", "start-template a", "shutdown -y", "plan"]) {
      const got = await outcome(new RecordingIo(), [...text.split(" "), ...socket]);
      assertEquals([got.code, got.out], [2, ""], text);
      assertStringIncludes(got.err, "no.sock", text);
    }
  }));

for (
  const name of [
    "restart",
    "pause",
    "resume",
    "quarantine",
    "release",
    "start",
    "stop",
    "reset-fuse",
    "remove",
    "add",
    "scale",
    "start-template",
    "shutdown",
    "plan",
  ]
) {
  Deno.test(`reeve ${name} --help has examples and exit codes`, async () => {
    const got = await outcome(new RecordingIo(), [name, "--help"]);
    assertEquals(got.code, 0);
    assertMatch(got.out, new RegExp(`Exit code 0: [^]*2: [^]*Examples?:\\n  reeve ${name}`));
  });
}
