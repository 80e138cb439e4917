/**
 * A target of the reference of which every name, event and line means harm; it registers at a relay and does what it is told.
 *
 * Arguments: the path of its socket, and that of the relay's socket of registrations.
 */
import process from "node:process";
import { setInterval } from "node:timers";
import { FakeTarget, obedient } from "../../support/fake_target.ts";
import { register } from "../../support/relay_client.ts";
import { registrationOf } from "../../support/relays.ts";

const HARM = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>';
const HIDDEN = "\u202eturned\u202c \u001b[31mred\u001b[0m \u0000\u200b";
const ID = "odd <b>id</b>";
const [path = "", relay = ""] = process.argv.slice(2);

const CHILDREN = [`/${HARM}`, `/${HIDDEN}`, "/__proto__", `/long ${"x".repeat(5_000)}`];
const state = {
  target: { target_id: ID, display_name: HARM },
  topology: {
    root: { path: "/", name: HARM, kind: "root_supervisor" },
    nodes: CHILDREN.map((path) => ({
      node_id: path,
      child_id: path.slice(1),
      path,
      name: path.slice(1),
      kind: HARM,
      tags: [HARM, HIDDEN],
    })),
    edges: CHILDREN.map((path, order) => ({ edge_id: HARM, source_path: "/", target_path: path, kind: "parent_child", order })),
    declaration_order: CHILDREN,
  },
  runtime_state: CHILDREN.map((path) => ({
    child_path: path,
    lifecycle_state: "failed",
    health: HARM,
    readiness: HIDDEN,
    last_failure: HARM,
  })),
  recent_events: [],
  recent_logs: [],
  state_generation: 1,
};

const last = { event: 0, log: 0 };
function record(kind: "event" | "log", members: object): object {
  const nanos = Date.now() * 1_000_000;
  return { target_id: ID, sequence: ++last[kind], correlation_id: HARM, severity: "error", occurred_at_unix_nanos: nanos, ...members };
}

const target = await FakeTarget.listen(path, (asked) => {
  const answer = obedient(ID)(asked);
  if (asked.method === "state") return { type: "state", target_id: ID, state };
  if (asked.method !== "command.quarantine_child") return answer;
  // What it is not to do it refuses with a word that means harm.
  const { command_id } = asked.params;
  const error = { code: HARM, stage: HIDDEN, target_id: ID, message: HARM + HIDDEN, retryable: false };
  const result = { command_id, target_id: ID, accepted: false, status: "rejected", error, state_delta: null };
  return { type: "command_result", target_id: ID, result };
});
const registration = registrationOf(ID, path, { display_name: HARM + HIDDEN });
await register(relay, registration);
process.stdout.write("registered\n");
setInterval(() => void register(relay, registration), 2_000);
setInterval(() => {
  if (!target.isFollowed) return;
  const say = (type: string, members: object): void => {
    const message = { type, target_id: ID, ...members };
    target.push(message);
  };
  const payload = { lifecycle_state: HARM, previous_lifecycle_state: HIDDEN };
  say("event", { event: record("event", { target_path: CHILDREN[0], child_id: HARM, config_version: HARM, event_type: HARM, payload }) });
  for (const message of [HARM + HIDDEN, `long ${"y".repeat(900_000)}`]) {
    say("log", { log: record("log", { message, fields: { target_path: CHILDREN[1], stream: HARM } }) });
  }
}, 1_000);
