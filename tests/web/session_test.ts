import { assert, assertEquals, assertRejects } from "@std/assert";
import { type Raw, rawOf } from "../../src/web/model/read.ts";
import { secondsUntil, Session, type SocketLike } from "../../src/web/model/session.ts";
import { Store } from "../../src/web/model/store.ts";

interface Stage {
  readonly session: Session;
  readonly store: Store;
  readonly sockets: FakeSocket[];
  readonly timers: { readonly task: () => void; readonly ms: number; isOver: boolean }[];
  readonly answers: unknown[];
  isLetIn: boolean;
}

class FakeSocket implements SocketLike {
  readonly said: Raw[] = [];
  isClosed = false;
  onopen: (() => void) | null = null;
  onmessage: ((event: { readonly data: unknown }) => void) | null = null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null = null;
  send(text: string): void {
    this.said.push(JSON.parse(text));
  }
  close(): void {
    this.isClosed = true;
  }
  hear(message: unknown): void {
    this.onmessage?.({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }
}

function stage(): Stage {
  const store = new Store(() => 0);
  const sockets: FakeSocket[] = [];
  const timers: Stage["timers"] = [];
  const answers: unknown[] = [];
  const made = { store, sockets, timers, answers, isLetIn: true };
  const session = new Session({
    store,
    open: () => {
      const socket = new FakeSocket();
      sockets.push(socket);
      return socket;
    },
    setTimer: (task, ms) => {
      const timer = { task, ms, isOver: false };
      timers.push(timer);
      return () => timer.isOver = true;
    },
    now: () => 0,
    storeId: "this browser",
    random: () => 0.5,
    isLetIn: () => Promise.resolve(made.isLetIn),
    changed: () => {},
    answered: (...answer) => answers.push(answer),
  });
  return Object.assign(made, { session });
}

const HELLO = { type: "server_hello", session_id: "s", client_identity: "loopback:ada", principal: "ada", role: "control" };
const LIST = {
  type: "target_list",
  targets: [{
    target_id: "shop",
    connection_state: "connected",
    extensions: { "reeve.status": "read", "reeve.events": "read" },
    stream_epoch: "e",
  }],
};

Deno.test("a session says hello, asks each target that is connected once, and again when it is back", () => {
  const { session, sockets, store, timers } = stage();
  session.connect();
  sockets[0]!.hear(HELLO);
  assertEquals(session.state, "open");
  assertEquals(store.welcome?.role, "control");
  sockets[0]!.hear(LIST);
  sockets[0]!.hear(LIST);
  assertEquals(sockets[0]!.said.map(({ type, method }) => method ?? type), ["client_hello", "reeve.status", "reeve.events"]);
  assertEquals(sockets[0]!.said[2]?.["params"], { limit: 1_000 });
  sockets[0]!.hear({ type: "connection_state", target_id: "shop", state: "reconnecting" });
  sockets[0]!.hear({ type: "connection_state", target_id: "shop", state: "connected" });
  timers.find(({ ms }) => ms === 250)?.task();
  assertEquals(sockets[0]!.said.length, 5);
});

Deno.test("a target that does not say what it remembers is asked again after a while, for as long as it is there", async () => {
  const { session, sockets, timers } = stage();
  session.connect();
  const socket = sockets[0]!;
  socket.hear(HELLO);
  socket.hear(LIST);
  const asked = (): Raw[] => socket.said.filter(({ method }) => method === "reeve.events");
  const answer = async (ok: boolean): Promise<void> => {
    socket.hear({ type: "response", request_id: asked().at(-1)?.["request_id"], ok, result: { events: [] }, error: { message: "busy" } });
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  const pass = (ms: number): void => timers.filter((timer) => timer.ms === ms).forEach(({ task }) => task());
  assertEquals(asked().length, 1);
  pass(250);
  await answer(false);
  pass(5_000);
  assertEquals(asked().length, 2);
  timers.length = 0;
  await answer(true);
  pass(5_000);
  assertEquals(asked().length, 2);
});

Deno.test("a target that answers none of its questions is asked again as often as one that leaves one open", async () => {
  const { session, sockets, timers } = stage();
  session.connect();
  const socket = sockets[0]!;
  socket.hear(HELLO);
  socket.hear(LIST);
  for (let round = 1; round <= 4; round++) {
    const questions = socket.said.filter(({ type }) => type === "request");
    assertEquals(questions.map(({ method }) => method), Array.from({ length: round }, () => ["reeve.status", "reeve.events"]).flat());
    for (const { request_id } of questions.slice(-2)) socket.hear({ type: "response", request_id, ok: false, error: { message: "busy" } });
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (const ms of [250, 5_000, 250]) timers.filter((timer) => timer.ms === ms).forEach(({ task }) => task());
    timers.length = 0;
  }
});

interface Crowd {
  readonly session: Session;
  readonly socket: FakeSocket;
  /** What was asked with a method. */
  readonly asked: (method: string) => Raw[];
  /** The next part of the questions. */
  readonly next: () => void;
}

/** A session with so many targets, of which one is looked at. */
function crowd(count: number, looked: string | null): Crowd {
  const { session, sockets, timers } = stage();
  session.look(looked);
  session.connect();
  sockets[0]!.hear(HELLO);
  const targets = Array.from({ length: count }, (_, index) => ({ ...LIST.targets[0], target_id: `t${index}` }));
  sockets[0]!.hear({ type: "target_list", targets });
  const asked = (wanted: string): Raw[] => sockets[0]!.said.filter(({ method }) => method === wanted);
  const next = (): void => timers.filter(({ ms }) => ms === 250).at(-1)?.task();
  return { session, socket: sockets[0]!, asked, next };
}

Deno.test("many targets are asked one part after the other, since a relay takes only so many messages in a second: first how all are", () => {
  const { socket, asked, next } = crowd(80, null);
  const counts = (): number[] => ["reeve.status", "reeve.events"].map((method) => asked(method).length);
  assertEquals(counts(), [36, 0]);
  const before = socket.said.length;
  next();
  assertEquals(socket.said.length - before, 36);
  assertEquals(counts(), [72, 0]);
  next();
  assertEquals(counts(), [80, 14]);
  for (let turn = 0; turn < 4; turn++) next();
  assertEquals(counts(), [80, 80]);
  next();
  assertEquals(counts(), [80, 80]);
  assertEquals(asked("reeve.events")[0]?.["params"], { limit: 125 });
});

Deno.test("the target that is looked at goes first and is asked for all that it remembers, another when somebody looks at it, each once", () => {
  const { session, asked, next } = crowd(40, "t30");
  assertEquals(asked("reeve.status")[0]?.["target_id"], "t30");
  for (let turn = 0; turn < 4; turn++) next();
  const whole = (): unknown[] =>
    asked("reeve.events").filter(({ params }) => rawOf(params)["limit"] === 1_000).map((raw) => raw["target_id"]);
  assertEquals(whole(), ["t30"]);
  assertEquals(asked("reeve.events")[0]?.["target_id"], "t30");
  session.look("t5");
  session.look("t30");
  session.look("t5");
  session.look("gone");
  assertEquals(whole(), ["t30", "t5"]);
});

Deno.test("when it ends it begins anew, later each time, and goes on after what it has", () => {
  const { session, sockets, timers } = stage();
  session.connect();
  sockets[0]!.hear(HELLO);
  sockets[0]!.hear(LIST);
  sockets[0]!.hear({ type: "event", target_id: "shop", event: { sequence: 41, event_type: "ChildReady" } });
  sockets[0]!.hear({ type: "log", target_id: "shop", log: { sequence: 7, message: "a line" } });
  sockets[0]!.onclose?.({ code: 1006, reason: "" });
  const delays: number[] = [];
  for (let turn = 0; turn < 8; turn++) {
    assertEquals(session.state, "waiting");
    const timer = timers.at(-1)!;
    delays.push(timer.ms);
    timer.task();
    sockets.at(-1)!.onclose?.({ code: 1006, reason: "" });
  }
  assertEquals(delays, [500, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  session.connect();
  sockets.at(-1)!.hear(HELLO);
  assertEquals(session.sessions, 2);
  const place = { delivery_mode: "remote", filter_config_version: 0, stream_epoch: "e" };
  assertEquals(sockets.at(-1)!.said[0]?.["resume_cursor"], {
    events: { shop: { ...place, sequence: 41 } },
    logs: { shop: { ...place, sequence: 7 } },
  });
  assertEquals(secondsUntil(1_500, 0), 2);
});

Deno.test("of many targets as many places are said as a relay takes in one message, that of the target that is looked at among them", () => {
  const { session, socket } = crowd(1_000, null);
  for (let index = 0; index < 1_000; index++) socket.hear({ type: "event", target_id: `t${index}`, event: { sequence: index + 1 } });
  session.look("t999");
  socket.hear(HELLO);
  const hello = socket.said.findLast(({ type }) => type === "client_hello");
  const events = rawOf(rawOf(hello?.["resume_cursor"])["events"]);
  assertEquals(rawOf(events["t999"])["sequence"], 1_000);
  assert(Object.keys(events).length > 300, String(Object.keys(events).length));
  assert(JSON.stringify(hello).length < 50 * 1024, String(JSON.stringify(hello).length));
});

Deno.test("a target whose numbers began anew is asked once, whichever stream is told first, and goes on from its new ones", () => {
  const { session, sockets, timers } = stage();
  session.connect();
  const [socket] = sockets;
  socket!.hear(HELLO);
  socket!.hear(LIST);
  timers.find(({ ms }) => ms === 250)?.task();
  socket!.hear({ type: "event", target_id: "shop", event: { sequence: 41 } });
  socket!.hear({ type: "log", target_id: "shop", log: { sequence: 7 } });
  const before = socket!.said.length;
  for (const stream of ["event", "log"]) {
    socket!.hear({ type: "restarted", target_id: "shop", message: "anew", stream });
    socket!.hear({ type: stream, target_id: "shop", [stream]: { sequence: 3, occurred_at: "2026-01-01T00:00:00.000Z" } });
  }
  timers.filter(({ ms }) => ms === 250).at(-1)?.task();
  const asked = socket!.said.slice(before).map(({ method }) => method);
  assertEquals(asked.filter((method) => method === "reeve.events").length, 1, String(asked));
  socket!.hear(HELLO);
  const cursor = rawOf(socket!.said.at(-1)?.["resume_cursor"]);
  assertEquals(["events", "logs"].map((name) => rawOf(rawOf(cursor[name])["shop"])["sequence"]), [3, 3]);
});

Deno.test("a relay that does not know us any more is told from one that is away", async () => {
  const made = stage();
  made.isLetIn = false;
  made.session.connect();
  made.sockets[0]!.onclose?.({ code: 1006, reason: "" });
  await Promise.resolve();
  await Promise.resolve();
  assertEquals(made.session.state, "refused");
});

Deno.test("questions are answered, refused, or given up with the connection", async () => {
  const { session, sockets } = stage();
  session.connect();
  await assertRejects(() => session.request("shop", "hello", null), Error, "no connection");
  sockets[0]!.hear(HELLO);
  const [one, two, three] = ["a", "b", "c"].map((method) => session.request("shop", method, null));
  const [first, second] = sockets[0]!.said.slice(1).map((message) => message["request_id"]);
  sockets[0]!.hear({ type: "response", request_id: second, ok: false, error: { message: "not now" } });
  sockets[0]!.hear({ type: "response", request_id: first, ok: true, result: 5 });
  assertEquals(await one, 5);
  await assertRejects(() => two!, Error, "not now");
  sockets[0]!.onclose?.({ code: 1001, reason: "the relay ends" });
  await assertRejects(() => three!, Error, "is gone");
  assertEquals(session.lastEnd, "1001 the relay ends");
});

Deno.test("what became of a command is told by its id, done or not; what is no message is remembered", () => {
  const { session, sockets, answers, store } = stage();
  session.connect();
  sockets[0]!.hear(HELLO);
  sockets[0]!.hear({ type: "command_result", target_id: "shop", result: { command_id: "1", accepted: true } });
  sockets[0]!.hear({ type: "error", command_id: "2", error: { code: "not_permitted", message: "no" } });
  assertEquals(answers, [["1", { command_id: "1", accepted: true }, false], ["2", { code: "not_permitted", message: "no" }, true]]);
  for (const junk of ["{", "null", "5", '"x"', "[[]]"]) sockets[0]!.hear(junk);
  assert(store.troubles.some(({ code }) => code === "invalid_server_message"));
  assertEquals(session.state, "open");
});
