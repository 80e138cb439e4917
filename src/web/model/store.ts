/** What the page knows: of all targets, since it was opened. */
import { visible } from "./clean.ts";
import { type Child, childrenOfState, readChild, readUsage } from "./child.ts";
import { listOf, numberOf, type Raw, rawOf, textOf } from "./read.ts";
import { addSample, type Sample } from "./series.ts";
import { Timeline } from "./timeline.ts";

/** What is known of a tree as a whole. */
export interface TreeFacts {
  readonly name: string;
  readonly phase: string;
  readonly isReady: boolean;
  readonly version: string;
  readonly runtime: string;
  readonly pid: number | null;
  readonly restarts: number;
  readonly failures: number;
  readonly lagMs: number;
  readonly residentBytes: number;
  readonly startedAt: number | null;
}

/** What a target goes on telling. */
export type Stream = "event" | "log";

const STREAMS: readonly Stream[] = ["event", "log"];

/** A supervisor with its children. */
export interface Target {
  readonly id: string;
  name: string;
  connection: string;
  /** Names of the commands that it takes, also those of our own. */
  commands: ReadonlySet<string>;
  /** Names of the questions that it answers. */
  questions: ReadonlySet<string>;
  epoch: string | null;
  tree: TreeFacts | null;
  children: Map<string, Child>;
  /** Whether its children are known as Reeve tells them. */
  isDetailed: boolean;
  /** Changes when children come or go. */
  shape: number;
  /** Changes with its children, but for what their processes take. */
  version: number;
  /** Changes with what their processes take. */
  measured: number;
  /** Events, and lines of output, that were missed. */
  readonly dropped: Record<Stream, number>;
  /** Why it is not known what processes take. */
  unmeasured: string | null;
  /** When something came of it last. */
  heardAt: number | null;
}

/** The last values of a child. */
export interface History {
  readonly cpu: Sample[];
  readonly memory: Sample[];
  readonly restarts: Sample[];
}

/** Something that went wrong, for the diagnostics. */
export interface Trouble {
  readonly at: number;
  readonly code: string;
  readonly message: string;
  readonly target: string | null;
  count: number;
}

/** Who we are to the relay. */
export interface Welcome {
  readonly sessionId: string;
  readonly identity: string;
  readonly principal: string;
  readonly role: string;
}

/** Most different errors that are kept. */
const MOST_TROUBLES = 20;

/** A record of the audit, of the relay or of a target. */
export interface AuditRecord {
  readonly target: string;
  readonly raw: Raw;
}

/** Most records of audits. */
const MOST_AUDITS = 1_000;

/** What the page knows. */
export class Store {
  readonly targets = new Map<string, Target>();
  readonly timeline = new Timeline();
  readonly troubles: Trouble[] = [];
  readonly audits: AuditRecord[] = [];
  welcome: Welcome | null = null;
  /** Whether there has been a list of targets at all. */
  isListed = false;
  /** Changes with everything. */
  version = 0;
  readonly #history = new Map<string, History>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The last values of a child. */
  historyOf(target: string, path: string): History | undefined {
    return this.#history.get(`${target}\n${path}`);
  }

  /** Takes a message in; returns whether it was one that is known. */
  apply(message: Raw): boolean {
    this.version += 1;
    const id = textOf(message["target_id"]);
    const target = id === null ? undefined : this.targets.get(id);
    if (target !== undefined) target.heardAt = this.#now();
    switch (message["type"]) {
      case "server_hello":
        this.welcome = {
          sessionId: textOf(message["session_id"]) ?? "",
          identity: visible(textOf(message["client_identity"]) ?? "?", 256),
          principal: visible(textOf(message["principal"]) ?? textOf(message["client_identity"]) ?? "?", 128),
          role: textOf(message["role"]) ?? "dangerous",
        };
        return true;
      case "target_list":
        this.#list(listOf(message["targets"]).map(rawOf));
        return true;
      case "connection_state":
        if (target !== undefined) target.connection = textOf(message["state"]) ?? target.connection;
        if (target !== undefined && message["state"] === "expired") this.#remove(target.id);
        return true;
      case "state":
        if (target !== undefined && !target.isDetailed && !target.questions.has("reeve.status")) {
          this.#state(target, rawOf(message["state"]));
        }
        return true;
      case "state_delta":
        if (target !== undefined) this.#delta(target, rawOf(message["delta"]));
        return true;
      case "usage":
        if (target !== undefined) this.#usage(target, message);
        return true;
      case "event":
        if (id !== null) this.timeline.addEvent(id, message["event"], message["description"]);
        return true;
      case "log":
        if (id !== null) this.timeline.addLog(id, message["log"]);
        return true;
      case "audit_event":
        this.#audit(id, message["audit"]);
        return true;
      case "dropped_count":
        if (target !== undefined) target.dropped[streamOf(message) ?? "event"] += numberOf(message["dropped_event_count"]) ?? 0;
        if (textOf(message["message"]) !== null) this.trouble({ code: "dropped_count", message: message["message"] }, id);
        return true;
      case "restarted": {
        const stream = streamOf(message);
        if (id !== null) this.timeline.restart(id, stream === null ? STREAMS : [stream]);
        return true;
      }
      case "error":
        this.trouble(rawOf(message["error"]), id);
        return true;
      default:
        return message["type"] === "command_result" || message["type"] === "response" || message["type"] === "filter_config";
    }
  }

  /** Takes in the answer to `reeve.status`. */
  applyStatus(id: string, result: unknown): void {
    const target = this.targets.get(id);
    if (target === undefined) return;
    const raw = rawOf(result);
    target.tree = readTree(rawOf(raw["tree"]));
    target.isDetailed = true;
    target.heardAt = this.#now();
    this.#replace(target, listOf(raw["children"]).flatMap((row) => readChild(row) ?? []));
    this.version += 1;
  }

  /** Takes in events that a target remembers. */
  applyEvents(id: string, result: unknown): void {
    this.timeline.addEvents(id, listOf(rawOf(result)["records"]));
    this.version += 1;
  }

  /** Takes in lines of output that a target remembers. */
  applyLogs(id: string, result: unknown): void {
    this.timeline.addLogs(id, listOf(rawOf(result)["records"]));
    this.version += 1;
  }

  /** Remembers an error; the same one is counted. */
  trouble(error: Raw, target: string | null): void {
    const code = visible(textOf(error["code"]) ?? "unknown", 64);
    const message = visible(textOf(error["message"]) ?? "", 512);
    const known = this.troubles.findIndex((trouble) => trouble.code === code && trouble.message === message);
    const before = known < 0 ? undefined : this.troubles.splice(known, 1)[0];
    this.troubles.unshift({
      at: this.#now(),
      code,
      message,
      target: textOf(error["target_id"]) ?? target,
      count: (before?.count ?? 0) + 1,
    });
    this.troubles.splice(MOST_TROUBLES);
    this.version += 1;
  }

  #list(rows: readonly Raw[]): void {
    this.isListed = true;
    const ids = new Set<string>();
    for (const row of rows) {
      const id = textOf(row["target_id"]);
      if (id === null) continue;
      ids.add(id);
      const target = this.targets.get(id) ?? emptyTarget(id);
      const extensions = Object.keys(rawOf(row["extensions"]));
      const own = extensions.filter((name) => rawOf(row["extensions"])[name] !== "read").map((name) => name.replace(/^reeve\./, ""));
      const epoch = row["stream_epoch"] === undefined || row["stream_epoch"] === null ? null : String(row["stream_epoch"]);
      if (target.epoch !== null && epoch !== null && epoch !== target.epoch) this.timeline.restart(id, STREAMS);
      target.name = textOf(row["display_name"]) ?? id;
      target.connection = textOf(row["connection_state"]) ?? "registered";
      target.commands = new Set([...listOf(row["supported_commands"]).flatMap((entry) => commandName(entry) ?? []), ...own]);
      target.questions = new Set(extensions.filter((name) => rawOf(row["extensions"])[name] === "read"));
      target.epoch = epoch ?? target.epoch;
      this.targets.set(id, target);
    }
    for (const id of [...this.targets.keys()]) if (!ids.has(id)) this.#remove(id);
  }

  #remove(id: string): void {
    this.targets.delete(id);
    for (const key of [...this.#history.keys()]) if (key.startsWith(`${id}\n`)) this.#history.delete(key);
  }

  /** All that a target tells which is none of ours. */
  #state(target: Target, state: Raw): void {
    this.#replace(target, childrenOfState(state));
    for (const stream of STREAMS) target.dropped[stream] = numberOf(state[`dropped_${stream}_count`]) ?? 0;
    if (target.questions.has("reeve.events")) return;
    this.timeline.addEvents(target.id, listOf(state["recent_events"]).map((event) => ({ event })));
    this.timeline.addLogs(target.id, listOf(state["recent_logs"]));
  }

  #replace(target: Target, children: readonly Child[]): void {
    const before = target.children;
    target.version += 1;
    target.children = new Map(children.map((child) => [child.path, child]));
    if (before.size !== children.length || children.some(({ path }) => !before.has(path))) target.shape += 1;
    for (const child of children) this.#remember(target, child);
  }

  #delta(target: Target, delta: Raw): void {
    const rows = listOf(delta["children"]);
    if (rows.length === 0 && delta["whole"] !== true && listOf(delta["removed"]).length === 0) return;
    if (delta["whole"] === true && rows.length > 0) {
      target.isDetailed = true;
      return this.#replace(
        target,
        rows.flatMap((row) => readChild(row, target.children.get(textOf(rawOf(row)["child_path"]) ?? "")) ?? []),
      );
    }
    // A part is of no use where the whole is not known: it comes.
    if (!target.isDetailed) return;
    target.version += 1;
    for (const row of rows) {
      const child = readChild(row, target.children.get(textOf(rawOf(row)["child_path"]) ?? ""));
      if (child === null) continue;
      if (!target.children.has(child.path)) target.shape += 1;
      target.children.set(child.path, child);
      this.#remember(target, child);
    }
    for (const path of listOf(delta["removed"])) {
      if (typeof path !== "string" || !target.children.delete(path)) continue;
      target.shape += 1;
      this.#history.delete(`${target.id}\n${path}`);
    }
  }

  #usage(target: Target, message: Raw): void {
    target.unmeasured = textOf(message["unmeasured"]);
    target.measured += 1;
    const now = this.#now();
    const measured = new Map(listOf(message["children"]).map(rawOf).map((row) => [textOf(row["child_path"]), readUsage(row)]));
    for (const [path, child] of target.children) {
      const usage = measured.get(path) ?? null;
      if (usage === null && child.usage === null) continue;
      target.children.set(path, { ...child, usage });
      if (usage === null) continue;
      const { cpu, memory } = this.#historyFor(target.id, path);
      addSample(cpu, now, usage.cpu);
      addSample(memory, now, usage.memory);
    }
  }

  #remember(target: Target, child: Child): void {
    const { restarts } = this.#historyFor(target.id, child.path);
    if (restarts.at(-1)?.value !== child.restarts) addSample(restarts, this.#now(), child.restarts);
  }

  #historyFor(target: string, path: string): History {
    const key = `${target}\n${path}`;
    const known = this.#history.get(key);
    if (known !== undefined) return known;
    const made: History = { cpu: [], memory: [], restarts: [] };
    this.#history.set(key, made);
    return made;
  }

  #audit(id: string | null, audit: unknown): void {
    const raw = rawOf(audit);
    const target = id ?? textOf(raw["target_id"]) ?? "?";
    // The relay tells what it remembers to whoever comes again.
    const auditId = raw["audit_id"];
    if (auditId !== undefined && this.audits.some(({ raw: known }) => known["audit_id"] === auditId)) return;
    this.timeline.addAudit(target, audit);
    this.audits.push({ target, raw });
    if (this.audits.length > MOST_AUDITS) this.audits.shift();
  }
}

/** The stream that a message is about; `null` where it does not say. */
function streamOf(message: Raw): Stream | null {
  return STREAMS.find((stream) => stream === message["stream"]) ?? null;
}

function commandName(entry: unknown): string | null {
  return textOf(entry) ?? textOf(rawOf(entry)["name"]);
}

function emptyTarget(id: string): Target {
  return {
    id,
    name: id,
    connection: "registered",
    commands: new Set(),
    questions: new Set(),
    epoch: null,
    tree: null,
    children: new Map(),
    isDetailed: false,
    shape: 0,
    version: 0,
    measured: 0,
    dropped: { event: 0, log: 0 },
    unmeasured: null,
    heardAt: null,
  };
}

function readTree(raw: Raw): TreeFacts {
  const started = textOf(raw["started_at_unix_nanos"]);
  return {
    name: visible(textOf(raw["name"]) ?? "", 128),
    phase: textOf(raw["phase"]) ?? "unknown",
    isReady: raw["ready"] === true,
    version: visible(textOf(raw["version"]) ?? "?", 64),
    runtime: visible(textOf(raw["runtime"]) ?? "?", 64),
    pid: numberOf(raw["pid"]),
    restarts: numberOf(raw["restarts_total"]) ?? 0,
    failures: numberOf(raw["failures_total"]) ?? 0,
    lagMs: numberOf(raw["loop_lag_max_ms"]) ?? 0,
    residentBytes: numberOf(raw["resident_bytes"]) ?? 0,
    startedAt: started === null || !/^\d{7,}$/.test(started) ? null : Number(started.slice(0, -6)),
  };
}
