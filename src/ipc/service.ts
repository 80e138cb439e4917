/** Answers to the methods of the socket. */
import process from "node:process";
import { type Clock, RawJson, thrownMessage, toJson, VERSION } from "../base/mod.ts";
import type { RegistrationState } from "../event/mod.ts";
import { auditJson, type AuditRecord } from "../observe/mod.ts";
import { platform } from "../platform/mod.ts";
import { EXTENSIONS, parseCommand, PROTOCOL_VERSION, type WireError, wireError, type WireRequest } from "../protocol/mod.ts";
import { insidesOf, type Usage } from "../runtime/mod.ts";
import { type CommandHost, findPath, type Outcome, runCommand } from "./commands.ts";
import { describeChild, describeStatus } from "./description.ts";
import { Records, type RecordSource, toldOf } from "./records.ts";
import { WIRE_STATES } from "./registration.ts";
import type { CommandFacts } from "./security/audit.ts";
import { type Pieces, StateView } from "./state_view.ts";
import {
  isCount,
  isWantedEvent,
  isWantedLog,
  lastOf,
  MOST_RECENT,
  pushedEvents,
  pushedLogs,
  pushedStates,
  pushedUsage,
  type Pushes,
  readWanted,
} from "./subscriptions.ts";

/** What the service is made of. */
export interface ServiceOptions extends CommandHost, RecordSource {
  /** What the target says of itself. */
  readonly registration: object;
  /** The last records of the audit after a number, so many at most. */
  readonly auditRecords: (after: number, most: number) => readonly AuditRecord[];
  /** How its registration at a relay stands. */
  readonly registrationState: () => RegistrationState;
  readonly displayName: string;
  /** Makes the text that Prometheus reads. */
  readonly metrics: (() => Promise<string>) | undefined;
  readonly clock: Clock;
  /** How long, in seconds, a command that comes again gets the answer of the first one; 0 where it does not. */
  readonly answersKeptSeconds: number;
}

/** The result of a request, whole or in pieces, or its error; a subscription goes on afterwards. */
export type Answer =
  | { readonly pieces: Pieces }
  | { readonly result: object; readonly streams?: readonly Pushes[] }
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

/** What this server does beyond the reference, for clients that ask for it. */
const CAPABILITIES = [
  "push",
  "subscriptions.since",
  "subscriptions.recent",
  "subscriptions.filter",
  "subscriptions.states",
  "subscriptions.details",
  "subscriptions.rows",
  "commands.options",
];

/** Records in one answer where nobody says how many. */
const USUAL_RECORDS = 1_000;

/** Subscriptions that one connection may have. */
const MOST_STREAMS = 16;

/** Serves one tree. */
export class Service {
  readonly #options: ServiceOptions;
  readonly #records: Records;
  readonly #state: StateView;
  readonly #stateHead: string;
  /** What never changes is written once. */
  readonly #helloText: RawJson;

  constructor(options: ServiceOptions) {
    this.#options = options;
    const { tree, targetId, displayName, time, registrationState } = options;
    this.#records = new Records(options);
    this.#stateHead = `{"type":"state","target_id":${toJson(targetId)},"state":`;
    this.#state = new StateView({
      tree,
      time,
      get configVersion(): string {
        return options.configVersion;
      },
      records: this.#records,
      target: () => ({ target_id: targetId, display_name: displayName, ...WIRE_STATES[registrationState()] }),
    });
    const keepsAnswers = options.answersKeptSeconds > 0;
    this.#helloText = new RawJson(toJson({
      type: "hello",
      protocol_version: PROTOCOL_VERSION,
      registration: options.registration,
      server: {
        name: "@reeve/supervisor",
        version: VERSION,
        runtime: `${platform.name} ${platform.version}`,
        pid: process.pid,
        run_id: options.runId,
        ...keepsAnswers ? { answers_id: crypto.randomUUID(), answers_kept_seconds: options.answersKeptSeconds } : {},
      },
      capabilities: keepsAnswers ? [...CAPABILITIES, "commands.idempotent"] : CAPABILITIES,
      extensions: EXTENSIONS,
    }));
  }

  /** Answers a request that changes nothing. */
  read({ method, params }: WireRequest, reader: Reader): Answer | Promise<Answer> {
    switch (method) {
      case "hello":
        return { result: this.#helloText };
      case "state":
        return { pieces: [this.#stateHead, ...this.#state.pieces(), "}"] };
      case "events.subscribe":
        return this.#subscription("events", params, reader);
      case "logs.tail":
        return this.#subscription("logs", params, reader);
      case "reeve.status":
        return this.#status(params);
      case "reeve.events":
      case "reeve.logs":
        return this.#recent(method, params);
      case "reeve.describe":
        return this.#describe(params);
      case "reeve.audit":
        return this.#auditRecords(params);
      case "reeve.metrics":
        return this.#metrics();
      default:
        return { error: wireError("unsupported_method", `${method} is a command`) };
    }
  }

  /** Looks at a command; nothing is done before it is run. */
  command({ method, params }: WireRequest): PreparedCommand | WireError {
    const command = parseCommand(method, params, this.#options.targetId);
    if ("code" in command) return command;
    const { commandId, requestedBy, reason, childPath, to } = command;
    return {
      facts: { commandId, requestedBy, reason, targetPath: childPath ?? to },
      run: async () => {
        const { result, error } = await runCommand(this.#options, command);
        return { result: { type: "command_result", target_id: this.#options.targetId, result }, error };
      },
    };
  }

  /** The tree and its children; what their processes take is measured where that is asked for. */
  #status(params: unknown): Answer | Promise<Answer> {
    const { tree } = this.#options;
    const wanted = fieldsOf(params).get("usage") ?? false;
    if (typeof wanted !== "boolean") {
      return { error: wireError("invalid_command_params", "usage must be true or false", this.#options.targetId) };
    }
    return wanted ? insidesOf(tree).usage().then((usage) => this.#statusWith(usage)) : this.#statusWith(null);
  }

  #statusWith(usage: Usage | null): Answer {
    const { tree, targetId, time } = this.#options;
    return { result: { type: "status", target_id: targetId, ...describeStatus(tree, time, usage) } };
  }

  #describe(params: unknown): Answer {
    const { tree, targetId, time } = this.#options;
    const asked = fieldsOf(params).get("child_path");
    if (typeof asked !== "string") return { error: wireError("invalid_command_params", "child_path must be a text", targetId) };
    try {
      const found = tree.child(findPath(tree, asked, false));
      const child = describeChild(found, found.spec, time);
      return { result: { type: "description", target_id: targetId, child } };
    } catch (error) {
      return { error: wireError("child_not_found", thrownMessage(error), targetId) };
    }
  }

  /** The last events or lines of output that are remembered, oldest first, of a child and those below it where one is named. */
  #recent(method: "reeve.events" | "reeve.logs", params: unknown): Answer {
    const { tree, targetId } = this.#options;
    const fields = fieldsOf(params);
    const limit = fields.get("limit") ?? USUAL_RECORDS;
    if (!isCount(limit)) return { error: wireError("invalid_command_params", "limit must be a whole number, 0 or more", targetId) };
    const wanted = readWanted(new Map([...fields, ["session_established", true]]), targetId);
    if ("code" in wanted) return { error: { ...wanted, code: "invalid_command_params", stage: "command_validate" } };
    const most = Math.min(limit, MOST_RECENT);
    const { events, logs } = insidesOf(tree);
    if (method === "reeve.logs") {
      const lines = lastOf(logs.recent(Infinity), isWantedLog(wanted), most).map((record) => this.#records.log(record));
      return { result: { type: "logs", target_id: targetId, records: lines } };
    }
    const found = lastOf(events.recent(Infinity), isWantedEvent(wanted), most);
    const records = found.map((event) => ({ event: this.#records.event(event), ...toldOf(event) }));
    return { result: { type: "events", target_id: targetId, records } };
  }

  /** The last records after a number, as many as are wanted. */
  #auditRecords(params: unknown): Answer {
    const { targetId, auditRecords } = this.#options;
    const { after = 0, limit = USUAL_RECORDS } = { after: fieldsOf(params).get("after_sequence"), limit: fieldsOf(params).get("limit") };
    if (!isCount(after) || !isCount(limit)) {
      return { error: wireError("invalid_command_params", "after_sequence and limit must be whole numbers, 0 or more", targetId) };
    }
    const records = auditRecords(after, Math.min(limit, MOST_RECENT));
    return { result: { type: "audit", target_id: targetId, records: records.map(auditJson) } };
  }

  /** What is measured, as Prometheus reads it. */
  async #metrics(): Promise<Answer> {
    const { targetId, metrics } = this.#options;
    if (metrics === undefined) return { error: wireError("metrics_unavailable", NO_METER, targetId) };
    try {
      return { result: { type: "metrics", target_id: targetId, text: await metrics() } };
    } catch (error) {
      return { error: wireError("metrics_unavailable", thrownMessage(error), targetId, true) };
    }
  }

  /**
   * Who names a sequence number goes on after it, and is told from which one the stream goes on; who names none gets what comes from now on, after as many of
   * what is remembered as are asked for.
   */
  #subscription(subscription: "events" | "logs", params: unknown, { streams: subscribed, signal }: Reader): Answer {
    const { targetId } = this.#options;
    if (subscribed >= MOST_STREAMS) {
      return { error: wireError("too_many_subscriptions", `this connection has ${MOST_STREAMS} subscriptions already`, targetId) };
    }
    const fields = fieldsOf(params);
    if (fields.get("session_established") !== true) return { error: wireError("session_required", NO_SESSION, targetId) };
    const wanted = readWanted(fields, targetId);
    if ("code" in wanted) return { error: wanted };
    const source = { ...this.#options, records: this.#records };
    const { since, pushes } = subscription === "events" ? pushedEvents(source, wanted, signal) : pushedLogs(source, wanted, signal);
    const streams = [
      pushes,
      ...wanted.states ? [pushedStates(source, wanted, signal)] : [],
      ...wanted.usageMs === null ? [] : [pushedUsage(source, wanted, signal)],
    ];
    const result = { type: "subscription", target_id: targetId, subscription };
    return { result: since === "now" ? result : { ...result, since_sequence: since }, streams };
  }
}

const NO_METER = "this run measures nothing: start it with reeve run FILE --metrics 127.0.0.1:9464, or give serveDashboard metrics";

const NO_SESSION = "event and log subscription must be triggered by an established dashboard session";

function fieldsOf(params: unknown): ReadonlyMap<string, unknown> {
  return new Map<string, unknown>(typeof params === "object" && params !== null ? Object.entries(params) : []);
}
