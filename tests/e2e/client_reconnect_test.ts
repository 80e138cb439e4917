/** The client whose connection is lost: what goes on, what is asked again, and what is not known. */
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "node:path";
import { child, ReeveError, supervise, type TaskContext, type Tree } from "../../mod.ts";
import { type Client, connect, type ConnectOptions, type EventPush, type LogPush } from "../../src/client/mod.ts";
import { type DashboardOptions, serveDashboard } from "../../src/ipc/mod.ts";
import { at } from "../support/at.ts";
import { Cutter } from "../support/cutter.ts";
import { inFolder } from "../support/folder.ts";
import { socketTest } from "../support/sockets.ts";
import { untilAborted } from "../support/tasks.ts";
import { until } from "../support/until.ts";

const WHO = { reason: "test", requestedBy: "tester" };
const FAST = { initialMs: 5, maxMs: 20 };
const FREE = { rateLimit: { enabled: false } };

interface Rope {
  readonly tree: Tree;
  readonly cutter: Cutter;
  /** Where clients connect. */
  readonly path: string;
  /** Serves the tree, or another one, anew. */
  serveAgain(other?: Tree): Promise<void>;
  connect(options?: ConnectOptions): Promise<Client>;
}

/** Says a line as often as it is told to. */
class Talker {
  #context: TaskContext | null = null;

  readonly spec = child.task("talker", async (context) => {
    this.#context = context;
    await untilAborted(context);
  });

  say(text: string): void {
    this.#context?.log(text);
  }
}

function test(name: string, run: (rope: Rope, talker: Talker) => Promise<void>, options: Partial<DashboardOptions> = {}): void {
  socketTest(`client: ${name}`, () =>
    inFolder(async (folder) => {
      const talker = new Talker();
      await using tree = await supervise({ children: [talker.spec, child.task("api", untilAborted)] });
      await tree.ready();
      const target = join(folder, "t.sock");
      const serve = (served: Tree) => serveDashboard(served, { targetId: "t", path: target, securityConfig: FREE, ...options });
      let dashboard = await serve(tree);
      await using cutter = await Cutter.between(join(folder, "c.sock"), target);
      const path = join(folder, "c.sock");
      const clients: Client[] = [];
      try {
        await run({
          tree,
          cutter,
          path,
          async serveAgain(other = tree): Promise<void> {
            await dashboard.close();
            dashboard = await serve(other);
          },
          async connect(more = {}): Promise<Client> {
            const client = await connect(path, { reconnect: FAST, ...more });
            clients.push(client);
            return client;
          },
        }, talker);
      } finally {
        for (const client of clients) await client.close();
        await dashboard.close();
      }
    }));
}

test("a stream that is cut again and again has every line once, in order", async ({ cutter, connect }, talker) => {
  const client = await connect();
  const lines = client.logs({ path: "/talker" });
  await lines.ready;
  const seen: LogPush[] = [];
  const reading = (async () => {
    for await (const push of lines) if (seen.push(push) === 300) break;
  })();
  for (let line = 0; line < 300; line++) {
    talker.say(`line ${line}`);
    if (line % 40 === 39) cutter.cut();
    if (line % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await reading;
  assertEquals(seen.map((push) => push.type === "log" ? push.log.message : push), seen.map((_, line) => `line ${line}`));
  assert(cutter.connections > 3, `${cutter.connections} connections`);
});

test("events go on when the same tree is served anew, and begin anew with another tree", async ({ tree, serveAgain, connect }) => {
  const client = await connect();
  const events = client.events();
  await events.ready;
  const next = async (): Promise<EventPush> => {
    const { value, done } = await events.next();
    assert(done !== true);
    return value;
  };
  await tree.child("/api").pause();
  const first = await next();
  assert(first.type === "event");
  await serveAgain();
  await tree.child("/api").resume();
  const last = tree.snapshot().seq;
  const between: EventPush[] = [];
  for (let push = await next();; push = await next()) {
    between.push(push);
    if (push.type !== "event" || push.event.sequence >= last) break;
  }
  assertEquals(
    between.map((push) => push.type === "event" ? push.event.sequence : push.type),
    Array.from({ length: last - first.event.sequence }, (_, index) => first.event.sequence + 1 + index),
  );
  await using other = await supervise({ children: [child.task("else", untilAborted)] });
  await other.ready();
  await serveAgain(other);
  let push = await next();
  while (push.type === "event" && push.event.targetPath !== "/else") push = await next();
  assertEquals(push.type, "restarted");
  const begun = await next();
  assert(begun.type === "event");
  assertEquals(begun.event.sequence, 1);
  await serveAgain(tree);
});

test("a read that was cut short is asked again", async ({ cutter, connect }) => {
  const client = await connect();
  cutter.cutsAnswersTo = "state";
  const asking = client.state();
  await until(() => cutter.count("state") >= 2, () => "it never came that it was asked again");
  cutter.cutsAnswersTo = null;
  assertEquals((await asking).target.targetId, "t");
});

test("a command that was cut short is answered, and done once", async ({ tree, cutter, connect }) => {
  const client = await connect();
  cutter.cutsAnswersTo = "command.restart_child";
  const asking = client.command("restart_child", { childPath: "/api", ...WHO });
  await until(() => cutter.count("command.restart_child") >= 2, () => "it never came that it was asked again");
  cutter.cutsAnswersTo = null;
  assertEquals((await asking).accepted, true);
  const [first, ...more] = cutter.asked.filter((line) => line.includes('"command.restart_child"'));
  assert(more.every((line) => line === first), "the very same line");
  assertEquals(tree.child("/api").attempt, 2);
});

test("a command that could not even be asked yet is asked when there is a connection", async ({ tree, cutter, connect }) => {
  const client = await connect();
  cutter.cutsAnswersTo = "hello";
  const asking = client.command("restart_child", { childPath: "/api", ...WHO });
  const late = assertRejects(() => client.command("pause_child", { childPath: "/api", ...WHO, timeoutMs: 60 }), ReeveError, "within 60 ms");
  await until(() => cutter.count("hello") >= 3, () => "it never came that it was tried again");
  await late;
  cutter.cutsAnswersTo = null;
  assertEquals([(await asking).accepted, tree.child("/api").attempt, tree.child("/api").operation], [true, 2, "active"]);
});

/** A command that was done, and whose answer is lost together with what `meanwhile` does. */
async function lost({ cutter, connect, tree }: Rope, meanwhile: () => Promise<void>, options: ConnectOptions = {}): Promise<ReeveError> {
  const client = await connect(options);
  cutter.cutsAnswersTo = "command.restart_child";
  cutter.refusesThen = true;
  const asking = client.command("restart_child", { childPath: "/api", ...WHO });
  const failing = assertRejects(() => asking, ReeveError);
  await until(() => cutter.refuses, () => "it never came that it was done and cut");
  await meanwhile();
  cutter.cutsAnswersTo = null;
  cutter.refusesThen = cutter.refuses = false;
  const error = await failing;
  assertEquals([tree.child("/api").attempt, cutter.count("command.restart_child")], [2, 1]);
  return error;
}

test("a command is not repeated to a target that may not know it any more", async (rope) => {
  const error = await lost(rope, () => rope.serveAgain());
  assertEquals(error.code, "dashboard_outcome_unknown");
  assertMatch(error.message, /command\.restart_child.*not known/);
});

test("a command is not repeated to a target that keeps no answers", async (rope) => {
  assertEquals((await lost(rope, () => Promise.resolve())).code, "dashboard_outcome_unknown");
  const { server, capabilities } = await (await rope.connect()).hello();
  assertEquals([server?.answersId, capabilities?.includes("commands.idempotent")], [undefined, false]);
}, { securityConfig: { ...FREE, idempotency: { enabled: false } } });

test("a command is not repeated when its answer may be forgotten", async (rope) => {
  const error = await lost(rope, () => new Promise((resolve) => setTimeout(resolve, 1_100)));
  assertEquals(error.code, "dashboard_outcome_unknown");
  assertEquals((await (await rope.connect()).hello()).server?.answersKeptSeconds, 1);
}, { securityConfig: { ...FREE, idempotency: { resultCacheTtlSeconds: 1 } } });

test("without reconnecting, a lost connection ends everything with its reason", async (rope) => {
  const states: string[] = [];
  const client = await rope.connect({ reconnect: false, onState: (state) => states.push(state) });
  const events = client.events({ path: "/talker" });
  await events.ready;
  const ending = assertRejects(() => events.next(), ReeveError);
  rope.cutter.cutsAnswersTo = "command.pause_child";
  const error = await assertRejects(() => client.command("pause_child", { childPath: "/api", ...WHO }), ReeveError);
  assertEquals(error.code, "dashboard_outcome_unknown");
  rope.cutter.cut();
  assertEquals((await ending).code, "dashboard_unreachable");
  assertEquals((await events.next()).done, true);
  assertEquals((await assertRejects(() => client.hello(), ReeveError)).code, "dashboard_unreachable");
  assertEquals([states, rope.cutter.connections], [["connected", "closed"], 2]);
});

test("too many attempts are the end, and that is told", async ({ cutter, connect }) => {
  const states: string[] = [];
  const client = await connect({ reconnect: { ...FAST, maxAttempts: 3 }, onState: (state) => states.push(state) });
  await cutter[Symbol.asyncDispose]();
  await assertRejects(() => client.state(), ReeveError, "Cannot use the dashboard");
  await until(() => states.at(-1) === "closed", () => "it never came that the end was told");
  assertEquals(states, ["connected", "reconnecting", "closed"]);
  await assertRejects(() => client.hello(), ReeveError);
});

test("states are told in their order, and a listener that throws costs nothing", async ({ cutter, connect }) => {
  const states: string[] = [];
  const onState = (state: string, reason: string): void => {
    states.push(state === "reconnecting" ? `${state}: ${reason.replace(/.*: /, "")}` : state);
    throw new Error("a listener's own affair");
  };
  const delays: number[] = [];
  const onRetry = (delayMs: number): void => {
    delays.push(delayMs);
    throw new Error("another one's");
  };
  const client = await connect({ onState, onRetry });
  cutter.cut();
  await until(() => states.length === 3, () => "it never came that it was connected again");
  await client.hello();
  await client.close();
  await client.close();
  assertEquals([states[0], states[2], states[3], states.length], ["connected", "connected", "closed", 4]);
  assertMatch(states[1]!, /^reconnecting: /);
  assert(delays.length > 0 && delays.every((delayMs) => delayMs <= FAST.maxMs), delays.join());
});

test("what nobody waits for any more is never sent", async ({ tree, cutter, connect }) => {
  const states: string[] = [];
  const client = await connect({ reconnect: { initialMs: 2_000, maxMs: 2_000 }, onState: (state) => states.push(state) });
  cutter.cut();
  await until(() => states.includes("reconnecting"), () => "it never came that the loss was seen");
  const stop = new AbortController();
  const asked = [
    client.request("command.pause_child", {}, { timeoutMs: 50 }),
    client.request("state", null, { timeoutMs: 50 }),
    client.request("command.resume_child", {}, { signal: stop.signal }),
  ];
  const failures = asked.map((asking) => asking.then(() => "answered", (error) => error.message));
  stop.abort(new Error("enough"));
  const [first = "", second = "", third] = await Promise.all(failures);
  assertMatch(first, /did not answer command\.pause_child within 50 ms/);
  assertMatch(second, /did not answer state within 50 ms/);
  assertEquals(third, "enough");
  await client.hello();
  assertEquals(["command.pause_child", "state", "command.resume_child"].map((method) => cutter.count(method)), [0, 0, 0]);
  assertEquals(tree.child("/api").operation, "active");
});

test("all who wait share one attempt to connect again", async ({ cutter, connect }) => {
  const client = await connect();
  const before = cutter.connections;
  cutter.cut();
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.hello()));
  assertEquals([answers.length, cutter.connections - before], [20, 1]);
});

test("a connection that is lost while it subscribes again is one more attempt", async ({ tree, cutter, connect }) => {
  const client = await connect();
  const events = client.events();
  await events.ready;
  const asked = cutter.count("events.subscribe");
  cutter.cutsAnswersTo = "events.subscribe";
  cutter.cut();
  await until(() => cutter.count("events.subscribe") >= asked + 3, () => "it never came that it was tried three times");
  cutter.cutsAnswersTo = null;
  await tree.child("/api").pause();
  const { value } = await events.next();
  assert(value?.type === "event");
});

test("a reader that goes ends its attempts, and close() ends all of them at once", async ({ cutter, connect }) => {
  const slow = { initialMs: 60_000, maxMs: 60_000 };
  const client = await connect({ reconnect: slow });
  const stop = new AbortController();
  const streams = [client.events(), client.logs({ signal: stop.signal }), client.logs()];
  await Promise.all(streams.map(({ ready }) => ready));
  const before = cutter.connections;
  cutter.cut();
  await new Promise((resolve) => setTimeout(resolve, 20));
  await streams[0]!.return?.();
  stop.abort();
  assertEquals([(await streams[0]!.next()).done, (await streams[1]!.next()).done], [true, true]);
  const [waiting, ending] = [assertRejects(() => client.state(), ReeveError, "the client was closed"), streams[2]!.next()];
  // No timer is left: the test would say so.
  await client.close();
  await waiting;
  assertEquals([(await ending).done, cutter.connections], [true, before]);
});

test("a signal ends the client, also while it connects", async ({ cutter, connect }) => {
  const states: string[] = [];
  const stop = new AbortController();
  const client = await connect({ signal: stop.signal, onState: (state, reason) => states.push(`${state} ${reason}`) });
  const asking = assertRejects(() => client.request("state", null), Error, "that is enough");
  cutter.isSilent = true;
  stop.abort(new Error("that is enough"));
  await asking;
  await assertRejects(() => client.hello(), Error, "that is enough");
  assertEquals(states, ["connected ", "closed that is enough"]);
  await assertRejects(() => connect({ signal: stop.signal }), Error, "that is enough");
  const late = new AbortController();
  const connecting = assertRejects(() => connect({ signal: late.signal }), Error, "late");
  late.abort(new Error("late"));
  await connecting;
});

test("a target that takes connections and says nothing keeps nobody for ever", async ({ cutter, connect }) => {
  cutter.isSilent = true;
  const client = await connect({ timeoutMs: 60 });
  await assertRejects(() => client.hello(), ReeveError, "did not answer hello within 60 ms");
  await assertRejects(() => client.command("pause_child", { childPath: "/api", ...WHO }), ReeveError, "within 60 ms");
  const events = client.events();
  await assertRejects(() => events.ready, ReeveError, "within 60 ms");
  await assertRejects(() => events.next(), ReeveError, "within 60 ms");
  const large = Array.from({ length: 100 }, () => client.request("state", { padding: "x".repeat(10_000) }).catch((error) => error.code));
  assertEquals([...new Set(await Promise.all(large))], ["dashboard_unreachable"]);
});

test("a thousand requests at once are each answered with their own", async ({ connect }) => {
  const client = await connect();
  const paths = ["/api", "/talker", "/nowhere"];
  const asked = Array.from({ length: 1_000 }, (_, index) => paths[index % 3]!);
  const answers = await Promise.all(
    asked.map((path) =>
      client.request("reeve.describe", { child_path: path }).then(
        (result) => at(result, "child", "child_path"),
        () => "/nowhere",
      )
    ),
  );
  assertEquals(answers, asked);
});

test("a refusal says whether to try again", async ({ connect }) => {
  const client = await connect();
  const failures = await Promise.all(Array.from({ length: 5 }, () => client.hello().then(() => null, (error) => error.wire)));
  const refused = failures.filter((wire) => wire !== null);
  assert(refused.length > 0);
  assertEquals(refused.map(({ code, retryable }) => `${code} ${retryable}`), refused.map(() => "rate_limit_exceeded true"));
}, { securityConfig: { rateLimit: { refillRate: 1, burstCapacity: 2 } } });

test("a crowd that connects at once is let in one after the other", async ({ connect }) => {
  const clients = await Promise.all(Array.from({ length: 60 }, () => connect()));
  const answers = await Promise.all(clients.map((client) => client.hello()));
  assertEquals(new Set(answers.map(({ registration }) => registration.targetId)).size, 1);
});

test(
  "a stream that begins with what is remembered has each line once however often it is cut, and is caught up once",
  async ({ cutter, connect }, talker) => {
    for (let number = 1; number <= 200; number++) talker.say(String(number));
    const client = await connect({ maxWaiting: 10_000 });
    const lines = client.logs({ path: "/talker", recent: 150 });
    const seen: LogPush[] = [];
    const reading = (async () => {
      for await (const push of lines) seen.push(push);
    })();
    const messages = (): string[] => seen.flatMap((push) => push.type === "log" ? [push.log.message] : []);
    await lines.ready;
    // The past itself may be cut short.
    cutter.cut();
    for (let number = 201; number <= 400; number++) {
      talker.say(String(number));
      if (number % 50 !== 0) continue;
      await until(() => messages().at(-1) === String(number), () => messages().join());
      cutter.cut();
    }
    assertEquals(messages(), Array.from({ length: 350 }, (_, index) => String(51 + index)));
    assertEquals(seen.filter(({ type }) => type === "caught_up").length, 1);
    await client.close();
    await reading;
  },
);

test(
  "who names the run to which a number belongs is told when another one runs, which is read from its beginning",
  async ({ connect, tree }, talker) => {
    talker.say("one");
    const client = await connect();
    const { server } = await client.hello();
    const take = async (run: string | undefined): Promise<string[]> => {
      const found: string[] = [];
      for await (const push of client.events({ since: 1, run, types: ["supervisor_started", "supervisor_ready"] })) {
        found.push(push.type === "event" ? push.event.eventType : push.type);
        if (found.at(-1) === "SupervisorReady") return found;
      }
      return found;
    };
    await tree.ready();
    assertEquals(await take(server?.runId), ["SupervisorReady"]);
    assertEquals(await take("another"), ["restarted", "SupervisorStarted", "SupervisorReady"]);
  },
);
