/** Recorded traffic of the reference's relay: what its clients and targets said is said again, and what they got comes again, or something better. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import type { ClientOptions } from "ws";
import { FakeTarget, obedient } from "../support/fake_target.ts";
import { type Frame, register, type RelayClient } from "../support/relay_client.ts";
import { type TestRelay, whileRelaying } from "../support/relays.ts";
import { socketTest } from "../support/sockets.ts";
import { until } from "../support/until.ts";
import { RELAY_RECORDINGS } from "../transcripts/recorded_relay.ts";

interface Line {
  readonly note?: string;
  readonly dir?: "relay->client" | "client->relay" | "target->relay" | "relay->target";
  readonly frame?: Frame | null;
  readonly via?: string;
  readonly t?: number;
  readonly closed?: number;
}

/** What comes instead of what was recorded, and why that is better. */
interface Better {
  readonly why: string;
  /** All frames that come, or for a connection that is refused its status. */
  readonly comes: readonly object[] | number;
  /** The code with which the session is closed, where it is. */
  readonly closes?: number;
}

const BETTER: Record<string, Better> = {
  ...Object.fromEntries(
    ([["C", "invalid_message_json"], ["D", "unsupported_message_type"], ["E", "invalid_message_schema"], ["F", "invalid_message_schema"], [
      "G",
      "unsupported_field",
    ], ["H", "invalid_message_schema"]] as const).map(([session, code]) => [
      `first-message ${session} 1`,
      { why: "6.10: an error before closing, and a code that says why", comes: [{ type: "error", error: { code } }], closes: 1008 },
    ]),
  ),
  ...Object.fromEntries(
    ["A", "B"].map((session) => [
      `first-message ${session} 1`,
      {
        why: "6.10: a code that says why",
        comes: [{ type: "error", error: { code: "protocol_error", stage: "session", target_id: null, retryable: false } }],
        closes: 1008,
      },
    ]),
  ),
  "registration acks 4": { why: "6.5: .. is refused", comes: [refused("ipc_path_not_allowed")] },
  "registration acks 6": { why: "6.5: .. is refused, so that nothing climbs out", comes: [refused("ipc_path_not_allowed")] },
  "registration-bad-line acks 2": { why: "6.5: a bad line gets an error", comes: [refused("invalid_registration_schema")] },
  "blocking acks 3": {
    why: "6.4: one target that never answers costs nobody else anything",
    comes: [{ ok: true, target_id: "good-target", status: "registered", retryable: false }],
  },
  "lease B 1": {
    why: "6.3: a target whose lease is over is shown as such for a grace time",
    comes: [{
      type: "target_list",
      targets: [{ target_id: "payments-worker-a", registration_state: "expired", connection_state: "expired" }],
    }],
  },
  "lease B 2": {
    why: "6.3: targets that register later are bound",
    comes: [{ type: "command_result", target_id: "payments-worker-a", result: { accepted: true, status: "completed" } }, {
      type: "state",
      target_id: "payments-worker-a",
    }],
  },
  "push pushes": { why: "6.1: what targets push goes to clients whole", comes: [] },
  "transport A 0": { why: "6.8: foreign pages and other paths are refused before the upgrade", comes: 403 },
  "trusted-proxy B 0": { why: "6.8: refused before the upgrade", comes: 401 },
  "trusted-proxy C 0": { why: "6.8: refused before the upgrade", comes: 401 },
};

/** Looked at where users can be made up. */
const ELSEWHERE: Readonly<Record<string, string>> = { "registration acks 19": "tests/relay/registry_test.ts: another user" };

const HEADERS: Readonly<Record<string, ClientOptions>> = {
  "transport A": { headers: { origin: "https://evil.example", "x-verified-client-subject": "CN=eve" } },
  "trusted-proxy A": { headers: { "x-verified-client-subject": "CN=alice,O=ops" } },
  "trusted-proxy B": {},
  "trusted-proxy C": { headers: { "x-verified-client-subject": "  " } },
  "trusted-proxy D": { headers: { "X-Verified-CLIENT-Subject": "CN=bob" } },
};

function refused(code: string): object {
  return { ok: false, error: { code }, retryable: false };
}

/** What need not be the same: names that are made up, times, the words of a message, and how a target is connected before a session binds it. */
function comparable(value: unknown, key = ""): unknown {
  if (key === "session_id") return "an id";
  if (key === "message" && typeof value === "string") return "words";
  if (key === "completed_at") return Array.isArray(value) || /^\d{4}-.*Z$/.test(String(value)) ? "a time" : value;
  if (key === "client_identity") return String(value).replace(/[0-9a-f]{64}$/, "a fingerprint");
  if (Array.isArray(value)) return value.map((entry) => comparable(entry));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, comparable(entry, name)]));
}

/** Of what came, what was recorded: more members are no difference. */
function partOf(came: unknown, wanted: unknown): unknown {
  if (Array.isArray(came) && Array.isArray(wanted)) return came.map((entry, index) => partOf(entry, wanted[index]));
  if (typeof came !== "object" || came === null || typeof wanted !== "object" || wanted === null) return came;
  return Object.fromEntries(
    Object.entries(came).filter(([key]) => key in wanted).map(([key, entry]) => [key, partOf(entry, Reflect.get(wanted, key))]),
  );
}

/** Time goes by so many times as slowly where leases are recorded, so that what comes in time does so on a busy machine too. */
const SLOWER = 4;

class Replay {
  readonly #file: string;
  readonly #lines: readonly Line[];
  readonly #test: TestRelay;
  readonly #targets = new Map<string, FakeTarget>();
  readonly #sessions = new Map<string, { readonly client: RelayClient; count: number }>();
  readonly #used: Set<string>;
  #acks = 0;

  constructor(file: string, test: TestRelay, used: Set<string>) {
    this.#file = file;
    this.#test = test;
    this.#used = used;
    const text = (RELAY_RECORDINGS[file] ?? []).join("\n").replaceAll("/run/supervisor/", `${join(test.folder, "run")}/`);
    const told = file === "lease" ? text.replaceAll('"lease_seconds":1,', `"lease_seconds":${SLOWER},`) : text;
    this.#lines = told.split("\n").map((line) => JSON.parse(line));
  }

  async run(): Promise<void> {
    await mkdir(join(this.#test.folder, "run"));
    await symlink("/nowhere", join(this.#test.folder, "run", "link.sock"));
    try {
      let before = 0;
      for (const [index, line] of this.#lines.entries()) {
        // Leases are the only thing that takes time.
        if (this.#file === "lease" && (line.t ?? before) - before > 400) await pause(SLOWER * ((line.t ?? 0) - before));
        before = line.t ?? before;
        await this.#step(line, index);
      }
    } finally {
      for (const { client } of this.#sessions.values()) await client.close().catch(() => {});
      for (const target of this.#targets.values()) await target.close();
    }
  }

  async #step({ dir, frame, via = "", closed }: Line, index: number): Promise<void> {
    if (dir === "target->relay" && via === "registration") return await this.#register(frame ?? {}, index);
    if (dir === "target->relay" && !via.includes("#")) return await this.#push(via, frame ?? {});
    if (!via.startsWith("session ")) return;
    const session = via.slice("session ".length);
    if (!this.#sessions.has(session)) {
      // What was recorded as accepted and dropped.
      if (frame === null && closed !== undefined && dir === "relay->client") return await this.#isRefused(session);
      if (dir === "relay->client") await this.#open(session, frame ?? {});
    } else if (dir === "client->relay") await this.#say(session, frame ?? {}, index);
  }

  async #register(frame: Frame, index: number): Promise<void> {
    const label = `${this.#file} acks ${++this.#acks}`;
    if (label in ELSEWHERE) return void this.#used.add(label);
    const { target_id: targetId, ipc_path: path } = frame;
    const isServed = this.#lines.some(({ dir, via }) => dir === "relay->target" && via?.startsWith(`${targetId} #`));
    const id = String(targetId);
    const isHere = String(path).endsWith(`/${id}.sock`);
    if (isServed && !this.#targets.has(id)) this.#targets.set(id, await FakeTarget.listen(String(path), this.#answering(id)));
    const next = this.#lines.slice(index + 1).find(({ via }) => via === "registration");
    const recorded = next?.dir === "relay->target" ? next.frame ?? null : null;
    const answer = JSON.parse(await register(this.#test.registration, frame));
    this.#compare(label, [answer], [recorded]);
    if (answer.ok === true && isServed && isHere && id !== "hung-target") {
      await until(() => this.#test.relay.targets.get(id) === "connected", () => `${label}: ${id} is not connected`);
    }
  }

  /** The commands as they were answered; a target that never answered says nothing from its state on. */
  #answering(targetId: string): FakeTarget["answer"] {
    const usual = obedient(targetId);
    const results = new Map<unknown, object>();
    for (const { dir, via, frame } of this.#lines) {
      const result = Object(Object(frame)["result"]);
      if (dir === "target->relay" && via?.startsWith(`${targetId} #`) && result.type === "command_result") {
        results.set(result.result.command_id, result);
      }
    }
    return (asked) => targetId === "hung-target" ? null : results.get(asked.params["command_id"]) ?? usual(asked);
  }

  async #open(session: string, recorded: Frame): Promise<void> {
    const label = `${this.#file} ${session} 0`;
    const options = { ...this.#isProxied ? {} : operatorOf(this.#test), ...HEADERS[`${this.#file} ${session}`] };
    const better = BETTER[label];
    if (typeof better?.comes === "number") {
      this.#used.add(label);
      await assertRejects(() => this.#test.open(options, "/other"), Error, `status ${better.comes}`);
    }
    const client = await this.#test.open(better === undefined ? options : operatorOf(this.#test));
    this.#sessions.set(session, { client, count: 0 });
    assertEquals(comparable(partOf(await client.next("server_hello"), recorded)), comparable(recorded), label);
  }

  async #isRefused(session: string): Promise<void> {
    const label = `${this.#file} ${session} 0`;
    this.#used.add(label);
    await assertRejects(() => this.#test.open(HEADERS[`${this.#file} ${session}`] ?? {}), Error, `status ${BETTER[label]?.comes}`);
  }

  get #isProxied(): boolean {
    return this.#file === "trusted-proxy";
  }

  async #say(session: string, frame: Frame, index: number): Promise<void> {
    const known = this.#sessions.get(session);
    assert(known !== undefined);
    const { client } = known;
    const label = `${this.#file} ${session} ${++known.count}`;
    this.#setStates(index);
    const recorded = this.#answersTo(session, index);
    const isList = recorded.some(({ frame }) => frame?.["type"] === "target_list");
    client.send(typeof frame["raw"] === "string" ? frame["raw"] : frame);
    const better = BETTER[label];
    const wanted: readonly (object | null)[] = Array.isArray(better?.comes) ? better.comes : recorded.map((line) => line.frame ?? null);
    const came: (Frame | null)[] = [];
    for (const one of wanted) {
      came.push(one === null ? null : await client.next((frame) => isSameKind(frame, { ...one })));
    }
    this.#compare(label, came.map((one) => isList ? this.#own(one) : one), recorded.map((line) => this.#own(line.frame ?? null)));
    if (better?.closes !== undefined) assertEquals(await client.closed(), better.closes, label);
    const asked = this.#lines.slice(index).find(({ dir, frame: sent }) =>
      dir === "relay->target" && commandIdOf(sent) === frame["command_id"]
    );
    if (frame["type"] === "command" && asked !== undefined) this.#wasAsked(label, asked.frame ?? {});
  }

  /** What the target was asked is what was recorded. */
  #wasAsked(label: string, { method, params }: Frame): void {
    const { requested_at_unix_nanos: _, ...wanted } = Object(params);
    const all = [...this.#targets.values()].flatMap((target) => target.asked);
    const asked = all.find((one) => one.params["command_id"] === wanted.command_id);
    assertEquals([asked?.method, partOf(asked?.params, wanted)], [method, wanted], label);
  }

  /** Of a list, the targets that are here, connected from the beginning on. */
  #own(frame: Frame | null): Frame | null {
    const { targets } = { ...frame };
    if (frame === null || !Array.isArray(targets)) return frame;
    return {
      ...frame,
      targets: targets.filter(({ target_id: id }) => this.#targets.has(id) && id !== "hung-target").map((row) => ({
        ...row,
        connection_state: row.connection_state === "expired" ? "expired" : "connected",
      })),
    };
  }

  /** What came in this session before its client spoke again. */
  #answersTo(session: string, index: number): readonly Line[] {
    const rest = this.#lines.slice(index + 1).filter(({ via }) => via === `session ${session}`);
    const end = rest.findIndex(({ dir }) => dir === "client->relay");
    return end === -1 ? rest : rest.slice(0, end);
  }

  /** Targets say the states that they said then. */
  #setStates(index: number): void {
    for (const { dir, via = "", frame } of this.#lines.slice(index + 1)) {
      if (dir === "client->relay") return;
      const result = Object(Object(frame)["result"]);
      const target = this.#targets.get(via.split(" #")[0] ?? "");
      if (dir !== "target->relay" || result.type !== "state" || target === undefined) continue;
      const { answer } = target;
      target.answer = (asked) => asked.method === "state" ? result : answer(asked);
    }
  }

  async #push(targetId: string, frame: Frame): Promise<void> {
    this.#used.add(`${this.#file} pushes`);
    const target = this.#targets.get(targetId);
    const session = this.#sessions.get("A");
    assert(target !== undefined && session !== undefined);
    await until(() => target.isFollowed, () => "nobody follows it");
    target.push({ ...frame, type: String(frame["type"]) });
    const came = await session.client.next(String(frame["type"]));
    assertEquals(partOf(came, frame), frame);
  }

  #compare(label: string, came: readonly unknown[], recorded: readonly unknown[]): void {
    const better = BETTER[label];
    if (better === undefined) {
      assertEquals(comparable(partOf(came, recorded)), comparable(recorded), label);
      return;
    }
    this.#used.add(label);
    const { comes, closes } = better;
    assert(Array.isArray(comes));
    assertEquals(comparable(partOf(came, comes)), comparable(comes), `${label}: ${better.why}`);
    const isOther = closes !== undefined || JSON.stringify(comparable(partOf(came, recorded))) !== JSON.stringify(comparable(recorded));
    assert(isOther, `${label}: it is as recorded, so that the table need not say it`);
  }
}

function operatorOf({ authority }: TestRelay): ClientOptions {
  return { ...authority.issue([["O", "peer test"], ["CN", "operator one"]]), ca: authority.cert };
}

function commandIdOf(frame: Frame | null | undefined): unknown {
  return Object(Object(frame)["params"])["command_id"];
}

/** Whether this is the answer that is waited for, and nothing of our own in between. */
function isSameKind(came: Frame, wanted: Frame): boolean {
  return came["type"] === wanted["type"] && (wanted["target_id"] === undefined || came["target_id"] === wanted["target_id"]);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What a file needs of its relay. */
function settingsFor(file: string): (folder: string) => Readonly<Record<string, unknown>> {
  return (folder) => ({
    registration: {
      listen_path: join(folder, "relay.sock"),
      allowed_ipc_path_prefixes: [join(folder, "run")],
      max_lease_seconds: 60,
    },
    ...file === "trusted-proxy" ? { trusted_proxy: { enabled: true, allowed_remote_addrs: ["127.0.0.0/8"] } } : {},
  });
}

socketTest("transcripts of the relay: every recorded file", async () => {
  const used = new Set<string>();
  for (const file of Object.keys(RELAY_RECORDINGS)) {
    await whileRelaying((test) => new Replay(file, test, used).run(), settingsFor(file)).catch((error) => {
      throw new Error(`relay-${file}: ${error.message}`, { cause: error });
    });
  }
  assertEquals(
    [...Object.keys(BETTER), ...Object.keys(ELSEWHERE)].filter((label) => !used.has(label)),
    [],
    "lines of the table that change nothing",
  );
});
