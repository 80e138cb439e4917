/** The parts of the measurement of a relay, each a process of its own: `relay`, `targets`, `readers`, `operator`, `echo`. */
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import { setInterval, setTimeout } from "node:timers";

const [, , part, modules, extension, folder, json] = process.argv;
const settings = JSON.parse(json);
const say = (figures) => process.stdout.write(`${JSON.stringify(figures)}\n`);
const idOf = (index) => `target-${String(index).padStart(3, "0")}`;
const read = (name) => readFileSync(join(folder, name), "utf8");

async function relay() {
  const { relaySettings } = await import(`${modules}/src/config/mod.${extension}`);
  const { startRelay } = await import(`${modules}/src/relay/mod.${extension}`);
  const running = await startRelay(relaySettings({
    listen: { bind: "127.0.0.1:0", public_url: "wss://localhost/session", hosts: ["localhost"] },
    tls: {
      certificate_path: join(folder, "relay.pem"),
      private_key_path: join(folder, "relay.key"),
      client_ca_path: join(folder, "ca.pem"),
    },
    registration: { listen_path: join(folder, "relay.sock"), allowed_ipc_path_prefixes: [folder], max_lease_seconds: 3_600 },
    audit: { path: join(folder, "audit.ndjson") },
    limits: { sessions: 1_000, sessions_per_identity: 1_000, commands_per_second: 10_000, messages_per_second: 10_000 },
  }));
  const mib = () => Math.round(process.memoryUsage().rss / 2 ** 20);
  const heap = () => {
    globalThis.gc?.();
    return Math.round(process.memoryUsage().heapUsed / 2 ** 20);
  };
  const [rssBefore, heapBefore] = [mib(), heap()];
  let [rssPeak, rssHalf] = [0, 0];
  setTimeout(() => rssHalf = mib(), 500 * settings.seconds);
  setInterval(() => rssPeak = Math.max(rssPeak, mib()), 100);
  const cpuBefore = process.cpuUsage();
  const begunAtMs = performance.now();
  createInterface({ input: process.stdin }).on("line", () => {
    const { user, system } = process.cpuUsage(cpuBefore);
    const cpu = Math.round((user + system) / 10 / (performance.now() - begunAtMs));
    say({ rssBefore, rssPeak, rssAfter: mib(), rssHalf, cpu, heapBefore, heapAfter: heap() });
  });
  say({ port: running.port });
}

const webSockets = () => import(extension === "js" ? new URL("../node_modules/ws/wrapper.mjs", `${modules}/`).href : "ws");

/** A server that says what it is told: what the machine does to everybody. */
async function echo() {
  const { createServer } = await import("node:https");
  const { WebSocketServer } = await webSockets();
  const server = createServer({ cert: read("relay.pem"), key: read("relay.key") });
  new WebSocketServer({ server }).on("connection", (socket) => socket.on("message", (data) => socket.send(String(data))));
  server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));
}

/** Time in milliseconds between two looks at what is to be pushed. */
const TICK_MS = 2;

/** Targets that push events round, as many as are wanted in a second; the last one hangs. */
async function targets() {
  const subscribed = new Set();
  let sequence = 0;
  for (let index = 0; index < settings.targets; index++) {
    const id = idOf(index);
    const path = join(folder, `${id}.sock`);
    const isHung = index === settings.targets - 1;
    await new Promise((resolve) => createServer((socket) => serve(socket, id, isHung)).listen(path, resolve));
    await new Promise((resolve, reject) => {
      const socket = connect(join(folder, "relay.sock"), () => socket.write(`${JSON.stringify(registration(id, path))}\n`));
      let answer = "";
      socket.on("data", (data) => answer += data);
      socket.on("close", () => answer.includes('"ok":true') ? resolve() : reject(new Error(answer)));
    });
  }

  function serve(socket, id, isHung) {
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (data) => {
      text += data;
      const lines = text.split("\n");
      text = lines.pop();
      for (const line of lines) {
        const { request_id: requestId, method, params } = JSON.parse(line);
        if (isHung && method !== "hello") continue;
        if (method === "events.subscribe") subscribed.add({ socket, id });
        socket.write(`${JSON.stringify({ request_id: requestId, ...answerTo(method, params, id) })}\n`);
      }
    });
  }

  // Targets are programs of their own, which do not all speak at the same time.
  const perTick = settings.events / 1_000 * TICK_MS;
  let owed = 0;
  let turn = 0;
  const all = () => [...subscribed];
  let list = [];
  setInterval(() => list = all(), 500);
  let lastAtMs = performance.now();
  setInterval(() => {
    const nowMs = performance.now();
    // Who was not let run does not make up for all of it at once.
    owed = Math.min(owed + perTick * (nowMs - lastAtMs) / TICK_MS, 20 * perTick);
    lastAtMs = nowMs;
    for (; owed >= 1 && list.length > 0; owed--) {
      const { socket, id } = list[turn++ % list.length];
      if (socket.writableLength < 1 << 20) socket.write(`${JSON.stringify(event(id, Math.floor(++sequence / list.length)))}\n`);
    }
  }, TICK_MS);
  say({});
}

function answerTo(method, params, id) {
  if (method === "hello") {
    return { ok: false, error: { code: "unsupported_method", stage: "x", target_id: null, message: "no", retryable: false } };
  }
  if (method === "state") {
    return {
      ok: true,
      result: { type: "state", target_id: id, state: { target: { target_id: id }, state_generation: 1, runtime_state: [] } },
    };
  }
  if (!method.startsWith("command.")) return { ok: true, result: { type: "subscription", target_id: id, subscription: "events" } };
  const result = { command_id: params.command_id, target_id: id, accepted: true, status: "completed", error: null, state_delta: null };
  return { ok: true, result: { type: "command_result", target_id: id, result } };
}

function registration(id, path) {
  const names = ["restart_child", "pause_child", "resume_child"];
  return {
    target_id: id,
    display_name: id,
    ipc_path: path,
    lease_seconds: 3_600,
    supported_commands: names.map((name) => ({ name, idempotent: false, timeout_seconds: 3_600 })),
  };
}

function event(id, sequence) {
  return {
    type: "event",
    target_id: id,
    event: {
      target_id: id,
      sequence,
      correlation_id: `run-${sequence}`,
      event_type: "child_started",
      severity: "info",
      target_path: "/shop/worker",
      child_id: "worker",
      occurred_at_unix_nanos: 1_795_390_397_026,
      config_version: "cfg-1",
      payload: { lifecycle_state: "running", previous_lifecycle_state: "starting" },
    },
  };
}

const hello = (name) => JSON.stringify({ type: "client_hello", client_store_id: name });

/** The targets of which a session wants events, unless it wants all. */
function shareOf(index) {
  const share = Math.ceil(settings.targets / settings.sessions);
  const own = Array.from({ length: share }, (_, at) => idOf((index * share + at) % settings.targets));
  return settings.all ? null : JSON.stringify({ type: "log_event_filter_conditions", target_ids: own });
}

/** Sessions that read as fast as can be: frames are counted, and looked into only where something was dropped. */
async function readers() {
  const { connect: connectTls } = await import("node:tls");
  const counts = { frames: 0, events: 0, dropped: 0, bytes: 0 };
  const open = (index) =>
    new Promise((resolve, reject) => {
      const port = Number(read("port"));
      const socket = connectTls({ port, host: "localhost", ca: read("ca.pem"), cert: read("operator.pem"), key: read("operator.key") });
      socket.on("error", reject);
      socket.once("secureConnect", () =>
        socket.write(
          `GET /session HTTP/1.1\r\nHost: localhost:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${
            Buffer.alloc(16).toString("base64")
          }\r\n\r\n`,
        ));
      let rest = Buffer.alloc(0);
      let isOpen = false;
      socket.on("data", (block) => {
        counts.bytes += block.length;
        rest = rest.length === 0 ? block : Buffer.concat([rest, block]);
        if (!isOpen) {
          const end = rest.indexOf("\r\n\r\n");
          if (end === -1) return;
          isOpen = true;
          rest = rest.subarray(end + 4);
          for (const text of [hello(`reader-${index}`), shareOf(index)]) if (text !== null) socket.write(masked(text));
          resolve();
        }
        rest = eatFrames(rest, socket, counts);
      });
    });
  for (let index = 1; index < settings.sessions; index++) await open(index);
  let before = { ...counts };
  createInterface({ input: process.stdin }).on("line", (line) => {
    if (line === "begin") before = { ...counts };
    else say(Object.fromEntries(Object.entries(counts).map(([key, value]) => [key, value - before[key]])));
  });
  say({});
}

/** A text as a client sends it, with a mask that changes nothing. */
function masked(text, opcode = 1) {
  const body = Buffer.from(text);
  const head = Buffer.alloc(body.length > 125 ? 8 : 6);
  head[0] = 0x80 | opcode;
  head[1] = 0x80 | (body.length > 125 ? 126 : body.length);
  if (body.length > 125) head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

const [E, V, D, R] = [..."evdr"].map((letter) => letter.charCodeAt(0));

function eatFrames(bytes, socket, counts) {
  let at = 0;
  while (bytes.length - at >= 10) {
    const short = bytes[at + 1] & 0x7f;
    const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(at + 2) : Number(bytes.readBigUInt64BE(at + 2));
    const body = at + (short < 126 ? 2 : short === 126 ? 4 : 10);
    if (bytes.length < body + length) break;
    const opcode = bytes[at] & 0x0f;
    if (opcode === 9) socket.write(masked(bytes.subarray(body, body + length).toString(), 10));
    else if (opcode === 8) throw new Error(`a session was closed: ${bytes.subarray(body + 2, body + length)}`);
    else {
      // {"type":"event" or {"type":"dropped_count"
      counts.frames++;
      if (bytes[body + 9] === E && bytes[body + 10] === V) counts.events++;
      else if (bytes[body + 9] === D && bytes[body + 10] === R) {
        counts.dropped += JSON.parse(bytes.subarray(body, body + length).toString()).dropped_event_count;
      }
    }
    at = body + length;
  }
  return at === 0 ? bytes : bytes.subarray(at);
}

/** One session that asks for one thing after the other, and waits for each. */
async function operator() {
  const { WebSocket } = await webSockets();
  const options = { ca: read("ca.pem"), cert: read("operator.pem"), key: read("operator.key") };
  const waiting = new Map();
  const socket = new WebSocket(`wss://localhost:${read("port")}/session`, options);
  await new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("message", (data) => {
      if (data[9] === E && data[10] === V) return;
      const message = JSON.parse(String(data));
      if (message.type === "server_hello") {
        socket.send(hello("operator"));
        const share = shareOf(0);
        if (share !== null) socket.send(share);
      } else if (message.type === "target_list") resolve();
      else if (message.type === "command_result") waiting.get(message.result.command_id)?.();
    });
  });
  const command = (target) => ({
    type: "command",
    command_id: crypto.randomUUID(),
    target_id: target,
    command: "pause_child",
    target: { child_path: "/shop/worker" },
    reason: "a measurement",
    confirmed: false,
  });
  // The one that hangs has something to do too, and never answers.
  socket.send(JSON.stringify(command(idOf(settings.targets - 1))));
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const [took, echoed] = [[], []];
  let lost = 0;
  const bare = new WebSocket(`wss://localhost:${read("echo_port")}/`, options);
  await new Promise((resolve) => bare.once("open", resolve));
  say({});
  const begunAtMs = performance.now();
  for (let index = 0; performance.now() - begunAtMs < 1_000 * settings.seconds; index++) {
    const one = command(idOf(index % (settings.targets - 1)));
    const answered = new Promise((resolve) => {
      waiting.set(one.command_id, () => resolve(true));
      setTimeout(() => resolve(false), 5_000);
    });
    const sentAtMs = performance.now();
    socket.send(JSON.stringify(one));
    if (!await answered) lost++;
    took.push(performance.now() - sentAtMs);
    waiting.delete(one.command_id);
    const askedAtMs = performance.now();
    const back = new Promise((resolve) => bare.once("message", resolve));
    bare.send(JSON.stringify(one));
    await back;
    echoed.push(performance.now() - askedAtMs);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const seconds = (performance.now() - begunAtMs) / 1_000;
  const at = (share, all) => {
    all.sort((a, b) => a - b);
    return Math.round(100 * all[Math.min(all.length - 1, Math.floor(share * all.length))]) / 100;
  };
  say({
    seconds,
    commands: took.length,
    lost,
    p50: at(0.5, took),
    p99: at(0.99, took),
    longest: at(1, took),
    echo50: at(0.5, echoed),
    echo99: at(0.99, echoed),
  });
}

await { relay, echo, targets, readers, operator }[part]();
