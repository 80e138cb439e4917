/** Commands that print what happened, asked of a tree in this program. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "node:path";
import process from "node:process";
import { child, supervise, type TaskContext } from "../../mod.ts";
import { auditShow, type AuditShowArgs, auditVerify } from "../../src/cli/commands/audit.ts";
import { events, type EventsArgs } from "../../src/cli/commands/events.ts";
import { logs, type LogsArgs } from "../../src/cli/commands/logs.ts";
import { metrics } from "../../src/cli/commands/metrics.ts";
import { serveDashboard } from "../../src/ipc/mod.ts";
import { inFolder } from "../support/folder.ts";
import { whileServed } from "../support/served.ts";
import { socketTest } from "../support/sockets.ts";
import { untilAborted } from "../support/tasks.ts";
import { until } from "../support/until.ts";
import { RecordingIo } from "./helpers.ts";

interface Printed {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function printed(work: (io: RecordingIo) => Promise<number>, color = false): Promise<Printed> {
  const io = new RecordingIo(color);
  const code = await work(io);
  return { code, out: io.out, err: io.err };
}

const showEvents = (args: Partial<EventsArgs>): Promise<Printed> => printed((io) => events({ json: false, ...args }, io));
const showAudit = (args: Partial<AuditShowArgs>): Promise<Printed> => printed((io) => auditShow({ json: false, ...args }, io));
const LOGS: LogsArgs = { children: [], follow: false, limit: 100, stderr: false, json: false };
const showLogs = (args: Partial<LogsArgs>, color = false): Promise<Printed> => printed((io) => logs({ ...LOGS, ...args }, io), color);

/** Says a line as often as it is told to. */
class Talker {
  readonly #name: string;
  #context: TaskContext | null = null;

  constructor(name: string) {
    this.#name = name;
  }

  get spec(): ReturnType<typeof child.task> {
    return child.task(this.#name, async (context) => {
      this.#context = context;
      await untilAborted(context);
    });
  }

  say(text: string): void {
    this.#context?.log(text);
  }
}

/** What is printed in the end, without the times. */
function withoutTimes(text: string): string[] {
  return text.trimEnd().split("\n").map((line) => line.replace(/^\d\d:\d\d:\d\d\.\d{3} /, ""));
}

/** What Ctrl-C does. */
function interrupt(): void {
  process.emit("SIGINT", "SIGINT");
}

socketTest("events shows the same of a run as of its journal", () =>
  inFolder(async (folder) => {
    const journal = join(folder, "events.jsonl");
    const socket = join(folder, "t.sock");
    const fails = child.task("fails", () => Promise.reject(new Error("no \u001b[31mink")), {
      backoff: { initialMs: 30_000, jitter: "none" },
    });
    const spec = {
      children: [fails, child.supervisor("s", { children: [child.task("inner", untilAborted)] })],
      observability: { journal: { path: journal } },
    };
    await using tree = await supervise(spec);
    await using _dashboard = await serveDashboard(tree, { targetId: "t", path: socket });
    for await (
      const event of tree.events()
    ) if (event.type === "child_failed" && event.decision.retryAtMs !== null && event.decision.delayMs >= 1_000) break;
    await tree.child("/s/inner").restart();
    const args: readonly Partial<EventsArgs>[] = [
      {},
      { verbose: true },
      { type: "child_failed,child_ready" },
      { severity: "error" },
      { child: "inner" },
      { child: "/s", limit: 2 },
      { since: "1h", limit: 3 },
      { until: "1h" },
    ];
    const ofRun = await showEvents({ socket });
    assertMatch(ofRun.out, /^── \d{4}-\d\d-\d\d, run [0-9a-f]{32} ──\n/);
    assertMatch(ofRun.out, /✗ \/fails +failed: no \\u\{1b\}\[31mink after .*; back in [\d.]+ s.* \(\d\d:\d\d:\d\d\)\n/);
    // The journal is written a moment later.
    for (const more of args) {
      let said: unknown;
      await until(async () => {
        const [run, file] = [await showEvents({ socket, ...more }), await showEvents({ journal, ...more })];
        said = { run, file };
        return run.code === 0 && run.err === "" && run.out === file.out;
      }, () => JSON.stringify([more, said]));
    }
    assertEquals((await showEvents({ socket, child: "/s", limit: 2 })).out.split("\n").length, 4, "a heading and two events");
  }));

socketTest("events and logs print JSON, one object a line, with times as texts of digits", () => {
  const talker = new Talker("talker");
  return whileServed(async ({ path: socket, tree }) => {
    await tree.ready();
    talker.say("hello");
    const { out } = await showEvents({ socket, json: true });
    const found: unknown[] = out.trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(found.length, (await showEvents({ socket, verbose: true })).out.trimEnd().split("\n").length - 1);
    const first = JSON.parse(out.slice(0, out.indexOf("\n")));
    assertEquals(Object.keys(first), ["event", "description"]);
    assertMatch(first.event.occurredAtUnixNanos, /^\d{19}$/);
    assertEquals([first.event.eventType, first.event.targetPath, first.description], ["SupervisorStarted", "/", "supervising 1 child"]);
    const line = JSON.parse((await showLogs({ socket, json: true })).out);
    assertEquals([line.message, line.fields, line.severity], ["hello", { target_path: "/talker", attempt: "1", stream: "log" }, "info"]);
    assertMatch(line.occurredAtUnixNanos, /^\d{19}$/);
  }, { children: [talker.spec] });
});

socketTest(
  "events and logs refuse what is not understood, and name the nearest child",
  () =>
    whileServed(async ({ path: socket, tree }) => {
      await tree.ready();
      const asked: readonly (readonly [Promise<Printed>, number, RegExp])[] = [
        [showEvents({ socket, child: "biling" }), 1, /there is no child "biling"\. Did you mean "billing"\?/],
        [showEvents({ socket, severity: "warn" }), 2, /There is no severity "warn": it must be one of error, warning, info/],
        [showEvents({ socket, type: "child_redy" }), 2, /Did you mean "child_ready"\?/],
        [showEvents({ socket, follow: true, until: "1h" }), 2, /without --until/],
        [showEvents({ journal: "x", follow: true }), 2, /--journal names a file/],
        [showEvents({ socket: `${socket}.no` }), 2, /Cannot use the dashboard/],
        [showLogs({ socket, children: ["api", "/onc"] }), 1, /there is no child "\/onc"\. Did you mean "\/once"\?/],
        [showLogs({ socket, grep: "(" }), 2, /Cannot use --grep "\("/],
        [showLogs({ socket, grep: "(a+)+" }), 2, /may take for ever/],
        [showLogs({ socket, since: "soon" }), 2, /Cannot understand --since "soon"/],
      ];
      for (const [asking, code, reason] of asked) {
        const found = await asking;
        assertEquals([found.code, found.out], [code, ""], found.err);
        assertMatch(found.err, reason);
        assertEquals(found.err.split("\n").length, 2, "one line");
      }
      await tree.child("/once").remove({ by: "test", reason: "done" });
      assertMatch((await showEvents({ socket, child: "/once" })).out, /\/once +removed\n/);
    }),
);

socketTest("logs shows several children with a column of names, and one alone without", () => {
  const [web, mail] = [new Talker("web"), new Talker("mail-out")];
  return whileServed(async ({ path: socket, tree }) => {
    await tree.ready();
    for (const count of [1, 2, 3]) {
      web.say(`request ${count}`);
      mail.say(`letter ${count}`);
    }
    web.say("\u001b[2J\u0007bell\u202e");
    web.say("x".repeat(1_000_000));
    assertEquals(withoutTimes((await showLogs({ socket, limit: 5 })).out).map((line) => line.slice(0, 40)), [
      "s/mail-out │ letter 2",
      "web        │ request 3".padEnd(0),
      "s/mail-out │ letter 3",
      "web        │ \\u{1b}[2J\\u{7}bell\\u{202e}",
      `web        │ ${"x".repeat(27)}`,
    ]);
    assertEquals(withoutTimes((await showLogs({ socket, children: ["mail-out"] })).out), ["│ letter 1", "│ letter 2", "│ letter 3"]);
    assertEquals(withoutTimes((await showLogs({ socket, children: ["s"], limit: 1 })).out), ["s/mail-out │ letter 3"]);
    assertEquals(withoutTimes((await showLogs({ socket, children: ["web", "s"], grep: "(?:quest|letter) [12]$", limit: 3 })).out), [
      "s/mail-out │ letter 1",
      "web        │ request 2",
      "s/mail-out │ letter 2",
    ]);
    assertEquals(await showLogs({ socket, stderr: true }), { code: 0, out: "", err: "" });
    assertEquals((await showLogs({ socket, since: "2001-01-01", limit: 1_000 })).out.split("\n").length, 9);
    const colored = (await showLogs({ socket }, true)).out;
    const escape = String.fromCharCode(27);
    for (const color of ["36mweb", "35ms/mail-out"]) assertStringIncludes(colored, `${escape}[${color}`);
    assert((await showLogs({ socket })).out.split("\n").every((line) => line.length < 5_000), "long lines are cut");
  }, { children: [web.spec, child.supervisor("s", { children: [mail.spec] })] });
});

socketTest("logs --follow begins with what is remembered and goes on with what comes: no gap, no double, and Ctrl-C ends it", () => {
  const talker = new Talker("talker");
  return whileServed(async ({ path: socket, tree }) => {
    await tree.ready();
    let said = 0;
    const say = (count: number): void => {
      for (const last = said + count; said < last;) talker.say(`line ${++said} of many`);
    };
    say(500);
    const io = new RecordingIo();
    const following = logs({ ...LOGS, socket, follow: true, limit: 400, grep: "^line" }, io);
    // More comes while it connects, subscribes, and is told of the past; never more than is remembered.
    const shown = (): number => Number(/line (\d+) of many\n$/.exec(io.out)?.[1] ?? 500);
    while (said < 5_000) {
      if (said - shown() < 400) say(50);
      await new Promise((resolve) => setTimeout(resolve));
    }
    await until(() => shown() === said, () => `only ${shown()} of ${said} lines came`);
    interrupt();
    assertEquals([await following, io.err], [130, ""]);
    const numbers = [...io.out.matchAll(/│ line (\d+) of many\n/g)].map(([, number]) => Number(number));
    const [first = 0] = numbers;
    assert(first > 100, `the limit counts: it begins with ${first}`);
    assertEquals(numbers, Array.from({ length: said - first + 1 }, (_, index) => first + index));
  }, { children: [talker.spec] });
});

socketTest(
  "events --follow begins with what is remembered, shows each event once, and stops with its tree's socket only by Ctrl-C",
  () =>
    whileServed(async ({ path: socket, tree, dashboard }) => {
      await tree.ready();
      const io = new RecordingIo();
      const following = events({ json: true, socket, follow: true, child: "api", limit: 1 }, io);
      await until(() => io.out !== "", () => "nothing came");
      for (let count = 0; count < 20; count++) await tree.child("/api").restart();
      const { out } = await showEvents({ json: true, socket, child: "api" });
      await until(() => io.out.endsWith(out.slice(out.lastIndexOf("\n", out.length - 2) + 1)), () => "the last event never came");
      assertEquals(io.out.trimEnd().split("\n"), out.trimEnd().split("\n").slice(-io.out.trimEnd().split("\n").length));
      assert(io.out.length < out.length);
      await dashboard.close();
      await until(() => io.err !== "", () => "nothing was told");
      interrupt();
      assertEquals([await following, io.err], [130, "reeve: the run is gone, or does not answer; waiting for it (Ctrl-C ends)\n"]);
    }),
);

socketTest("events --follow goes on where the journal of its file ends", () =>
  inFolder(async (folder) => {
    const [journal, socket, file] = [join(folder, "events.jsonl"), join(folder, "t.sock"), join(folder, "supervisor.yaml")];
    const { writeFile } = await import("node:fs/promises");
    await writeFile(
      file,
      `observability: { journal: { path: events.jsonl } }\ndashboard: { target_id: t, path: ${socket} }\nchildren: []\n`,
    );
    const observability = { journal: { path: journal } };
    const earlier = await supervise({ children: [], observability });
    await earlier.shutdown({ by: "test", reason: "the run before" });
    await using tree = await supervise({ children: [child.task("api", untilAborted)], observability });
    await using _dashboard = await serveDashboard(tree, { targetId: "t", path: socket });
    await tree.ready();
    await until(async () => (await showEvents({ journal })).out.includes("everything is ready"), () => "the journal is not written");
    const io = new RecordingIo();
    const following = events({ json: false, file, follow: true }, io);
    await tree.child("/api").restart();
    await until(() => io.out.split("/api").length > 4, () => io.out);
    await until(async () => (await showEvents({ journal })).out === io.out, () => `it is not what the journal says in the end:\n${io.out}`);
    interrupt();
    assertEquals([await following, io.err], [130, ""]);
    assertEquals(io.out.match(/── .*, run /g)?.length, 2, "one heading for each run");
  }));

socketTest("audit shows of a run what it would of a file, with the same filters", () =>
  inFolder(async (folder) => {
    const file = join(folder, "audit.jsonl");
    await whileServed(async ({ path: socket, tree }) => {
      await tree.ready();
      await tree.child("/api").pause({ by: "ops", reason: "look at \u001b[31mit" });
      await tree.child("/api").resume({ by: "eve", reason: "done" });
      await until(async () => (await showAudit({ file })).out.includes("done"), () => "the file is not written");
      const asFile = await showAudit({ file, by: "ops" });
      const ofRun = await showAudit({ socket, by: "ops" });
      assertEquals(ofRun, asFile);
      assertMatch(ofRun.out, /^── run [0-9a-f]{32}\n.*▸ ops +\S*pause_child +\/api +asked: look at \\u\{1b\}\[31mit\n/);
      const { out } = await showAudit({ socket, command: "resume_child", json: true });
      const records = out.trimEnd().split("\n").map((line) => JSON.parse(line));
      assertEquals(records.map(({ kind, requestedBy, targetPath }) => [kind, requestedBy, targetPath]), [
        ["intent", "eve", "/api"],
        ["outcome", "eve", "/api"],
      ]);
      assertMatch(records[0].timestamp, /^\d{4}-\d\d-\d\dT[\d:.]{12}Z$/);
      const io = new RecordingIo();
      const following = auditShow({ socket, json: false, follow: true }, io);
      await until(() => io.out.includes("eve"), () => "nothing came");
      await tree.child("/api").pause({ by: "late", reason: "again" });
      await until(() => io.out.includes("late"), () => "nothing new came");
      interrupt();
      assertEquals([await following, io.err, io.out.includes("reeve.audit")], [130, "", false]);
      assertEquals(io.out.match(/asked: again/g)?.length, 1);
      assertEquals((await showAudit({ file, follow: true })).code, 2);
    }, { audit: { backend: "file", filePath: file } });
  }));

socketTest("metrics prints what the run measures, also as JSON, and says what to do where it measures nothing", () => {
  const TEXT = '# TYPE up gauge\nup{name="a\\"b\\\\c\\nd",x="y"} 1\nlate +Inf\nodd\u001b[2J 3\nplain 0.5\n';
  const show = (socket: string, json: boolean): Promise<Printed> => printed((io) => metrics({ socket, json }, io));
  return whileServed(async ({ path: socket }) => {
    assertEquals(await show(socket, false), { code: 0, err: "", out: TEXT.replace("\u001b", "\\u{1b}") });
    assertEquals((await show(socket, true)).out.trimEnd().split("\n").map((line) => JSON.parse(line)), [
      { name: "up", labels: { name: 'a"b\\c\nd', x: "y" }, value: 1 },
      { name: "late", labels: {}, value: "+Inf" },
      { name: "plain", labels: {}, value: 0.5 },
    ]);
    await whileServed(async (other) => {
      const { code, out, err } = await show(other.path, false);
      assertEquals([code, out], [1, ""]);
      assertMatch(err, /this run measures nothing: start it with reeve run FILE --metrics 127\.0\.0\.1:9464/);
    });
    await whileServed(async (other) => assertMatch((await show(other.path, false)).err, /out of ink/), {
      metrics: () => Promise.reject(new Error("out of ink")),
    });
  }, { metrics: () => Promise.resolve(TEXT) });
});

Deno.test("logs says in which files output is where nobody runs the tree, and audit where its file is", () =>
  inFolder(async (folder) => {
    const { writeFile } = await import("node:fs/promises");
    const file = join(folder, "supervisor.yaml");
    const web = "{ name: web, run: { process: { command: x } }, logs: { file: web.log } }";
    const api = "{ name: api, run: { process: { command: x } } }";
    await writeFile(file, `name: nobody-runs-this\naudit: { backend: file, file_path: audit.jsonl }\nchildren: [${web}, ${api}]\n`);
    const all = await showLogs({ file });
    assertEquals([all.code, all.out], [2, ""]);
    assertStringIncludes(all.err, `reeve: what /web printed is in ${join(folder, "web.log")}\n`);
    assert(!(await showLogs({ file, children: ["api"] })).err.includes("web.log"));
    assertStringIncludes((await showAudit({ config: file })).err, `reeve audit show ${join(folder, "audit.jsonl")}\n`);
    const verified = await printed((io) => auditVerify({ config: file, json: false }, io));
    assertEquals([verified.code, verified.err], [2, `reeve: Cannot read the audit "${join(folder, "audit.jsonl")}": it is not there\n`]);
  }));
