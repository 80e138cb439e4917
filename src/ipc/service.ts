/** Answers to the methods of the socket. */
import { RawJson, toJson } from "../base/mod.ts";
import type { RegistrationState } from "../event/mod.ts";
import { parseCommand, PROTOCOL_VERSION, type WireError, wireError, type WireRequest } from "../protocol/mod.ts";
import type { ChildSnapshot } from "../runtime/mod.ts";
import { type CommandHost, type Outcome, runCommand } from "./commands.ts";
import { History } from "./history.ts";
import { eventRecord, logRecord, type RecordSource } from "./records.ts";
import type { CommandFacts } from "./security/audit.ts";
import { WIRE_STATES } from "./registration.ts";
import { runtimeRecord, runtimeRow } from "./rows.ts";
import { topologyOf } from "./topology.ts";

/** What the service is made of. */
export interface ServiceOptions extends CommandHost, RecordSource {
  /** What the target says of itself. */
  readonly registration: object;
  /** How its registration at a relay stands. */
  readonly registrationState: () => RegistrationState;
  readonly displayName: string;
  readonly signal: AbortSignal;
}

/** The result of a request, or its error; a subscription goes on afterwards. */
export type Answer =
  | { readonly result: object; readonly stream?: AsyncIterable<object> }
  | { readonly error: WireError };

/** Whose request it is. */
export interface Reader {
  /** Ends what the answer began. */
  readonly signal: AbortSignal;
  /** How many subscriptions there are already. */
  readonly streams: number;
}

/** A command that can be carried out. */
export interface PreparedCommand {
  readonly facts: CommandFacts;
  run(): Promise<Outcome>;
}

/** Subscriptions that one connection may have. */
const MOST_STREAMS = 16;

/** Serves one tree. */
export class Service {
  readonly #options: ServiceOptions;
  readonly #history: History;
  #topology: { readonly paths: string; readonly text: RawJson } | null = null;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#history = new History(options.tree, options.signal);
  }

  /** Answers a request that changes nothing. */
  read({ method, params }: WireRequest, reader: Reader): Answer {
    switch (method) {
      case "hello":
        return this.#hello();
      case "state":
        return { result: { type: "state", target_id: this.#options.targetId, state: this.#state() } };
      case "events.subscribe":
        return this.#subscription("events", params, reader, (since) => this.#events(since, reader.signal));
      case "logs.tail":
        return this.#subscription("logs", params, reader, (since) => this.#logs(since, reader.signal));
      default:
        return { error: wireError("unsupported_method", `${method} is a command`) };
    }
  }

  /** Looks at a command; nothing is done before it is run. */
  command({ method, params }: WireRequest): PreparedCommand | WireError {
    const command = parseCommand(method, params, this.#options.targetId);
    if ("code" in command) return command;
    const { commandId, requestedBy, reason, childPath } = command;
    return {
      facts: { commandId, requestedBy, reason, targetPath: childPath },
      run: async () => {
        const { result, error } = await runCommand(this.#options, command);
        return { result: { type: "command_result", target_id: this.#options.targetId, result }, error };
      },
    };
  }

  #hello(): Answer {
    return { result: { type: "hello", protocol_version: PROTOCOL_VERSION, registration: this.#options.registration } };
  }

  #state(): object {
    const { tree, targetId, displayName, configVersion, time, registrationState } = this.#options;
    const snapshot = tree.snapshot();
    const children = flatten(snapshot.children);
    const { events, logs } = this.#history;
    return {
      target: { target_id: targetId, display_name: displayName, ...WIRE_STATES[registrationState()] },
      topology: this.#drawn(children.map(({ path }) => path).join()),
      runtime_state: children.map((child) => runtimeRow(child, snapshot)),
      child_runtime_records: children.map((child) => runtimeRecord(child, time)),
      recent_events: events.items.map((event) => eventRecord(this.#options, event)),
      recent_logs: logs.items.map((record) => logRecord(this.#options, record)),
      dropped_event_count: events.dropped,
      dropped_log_count: logs.dropped,
      config_version: configVersion,
      generated_at_unix_nanos: time.now(),
      state_generation: snapshot.seq,
    };
  }

  /** Who is there changes seldom: the text is kept until somebody came or went. */
  #drawn(paths: string): RawJson {
    if (this.#topology?.paths !== paths) this.#topology = { paths, text: new RawJson(toJson(topologyOf(this.#options.tree))) };
    return this.#topology.text;
  }

  /** Who names a sequence number goes on after it, and is told from which one the stream goes on; who names none gets what comes from now on. */
  #subscription(
    subscription: "events" | "logs",
    params: unknown,
    { streams }: Reader,
    open: (since: number | "now") => AsyncIterable<object>,
  ): Answer {
    const { targetId } = this.#options;
    if (streams >= MOST_STREAMS) {
      return { error: wireError("too_many_subscriptions", `this connection has ${MOST_STREAMS} subscriptions already`, targetId) };
    }
    const fields = new Map<string, unknown>(typeof params === "object" && params !== null ? Object.entries(params) : []);
    if (fields.get("session_established") !== true) return { error: wireError("session_required", NO_SESSION, targetId) };
    const since = fields.get("since_sequence");
    const result = { type: "subscription", target_id: targetId, subscription };
    if (since === undefined) return { result, stream: open("now") };
    if (typeof since !== "number" || !Number.isSafeInteger(since) || since < 0) {
      return { error: wireError("invalid_subscription", "since_sequence must be a whole number, 0 or more", targetId) };
    }
    return { result: { ...result, since_sequence: since }, stream: open(since) };
  }

  async *#events(since: number | "now", signal: AbortSignal): AsyncIterable<object> {
    const { tree, targetId } = this.#options;
    for await (const event of tree.events({ since, signal })) {
      yield event.type === "gap"
        ? lagged(targetId, event.to - event.from + 1, "events")
        : { type: "event", target_id: targetId, event: eventRecord(this.#options, event) };
    }
  }

  async *#logs(since: number | "now", signal: AbortSignal): AsyncIterable<object> {
    const { tree, targetId } = this.#options;
    for await (const record of tree.logs({ since, signal })) {
      yield "from" in record
        ? lagged(targetId, record.to - record.from + 1, "logs")
        : { type: "log", target_id: targetId, log: logRecord(this.#options, record) };
    }
  }
}

const NO_SESSION = "event and log subscription must be triggered by an established dashboard session";

/** A reader that is too slow is told how much it missed. */
function lagged(targetId: string, count: number, what: "events" | "logs"): object {
  return {
    type: "error",
    error: {
      code: "subscriber_lagged",
      stage: "subscription",
      target_id: targetId,
      message: `${count} ${what} were dropped`,
      retryable: true,
    },
  };
}

function flatten(children: readonly ChildSnapshot[]): ChildSnapshot[] {
  return children.flatMap((child) => [child, ...flatten(child.children)]);
}
