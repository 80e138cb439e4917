/** What a tree tells as records of LogTape, for programs that have loaded it: nothing else is loaded for that, and nothing happens without it. */
import { thrownMessage } from "../base/mod.ts";
import { describe, type EventSeverity, type EventType, severityOf, type SupervisorEvent } from "../event/mod.ts";
import type { LogRecord } from "./log.ts";

/** How much a record matters. */
export type DiagnosticsLevel = "debug" | EventSeverity;

/** The tree that is told of. */
export interface DiagnosticsSource {
  /** Its name. */
  readonly tree: string;
  /** Tells the numbers of one run from those of another. */
  readonly run: string;
  /** Which configuration counts now. */
  configVersion(): string;
  /** Milliseconds since the Unix epoch at a time of the tree's clock. */
  wallAt(atMs: number): number;
  /** Milliseconds since the Unix epoch. */
  wallNow(): number;
}

/** What takes the records of one tree. */
export interface Diagnostics {
  /** Takes an event; category `reeve`, `events`. */
  event(event: SupervisorEvent): void;
  /** Takes a line of a child; category `reeve`, `output`. */
  output(record: LogRecord): void;
  /** Takes what the package has to say of itself; category `reeve`, `internal`. */
  internal(level: DiagnosticsLevel, text: string, properties?: Readonly<Record<string, unknown>>): void;
}

/** Makes the diagnostics of a tree. */
export type DiagnosticsMaker = (source: DiagnosticsSource) => Diagnostics;

/** Where LogTape keeps its loggers, whichever of its copies a program has loaded. */
const ROOT = Symbol.for("logtape.rootLogger");

/** The categories of the records. */
const EVENTS = ["reeve", "events"] as const;
const OUTPUT = ["reeve", "output"] as const;
const INTERNAL = ["reeve", "internal"] as const;

/** Where LogTape tells of its own troubles. */
const META = ["logtape", "meta"] as const;

/** A record as LogTape takes it; one that has its category already is not copied once more. */
interface TakenRecord {
  readonly category: readonly string[];
  readonly level: DiagnosticsLevel;
  readonly message: readonly unknown[];
  readonly rawMessage: string;
  readonly timestamp: number;
  readonly properties: Record<string, unknown>;
}

/** A logger of LogTape, as much of it as is used; before 2.0 it does not say what it would take. */
interface Logger {
  getChild(category: readonly string[]): Logger;
  isEnabledFor?(level: DiagnosticsLevel): boolean;
  emit(record: TakenRecord): void;
}

/** Steps of which other events tell as well; who looks for a fault wants them. */
const STEPS: ReadonlySet<EventType> = new Set<EventType>([
  "child_starting",
  "child_running",
  "escalation_bifurcated",
  "child_restart_queued",
  "child_draining",
  "child_stopping",
  "child_killing",
  "child_control_operation_changed",
  "child_restart_fence_entered",
  "child_restart_fence_abort_requested",
  "child_restart_fence_released",
]);

/** Which level an event has. */
export function levelOf(type: EventType): DiagnosticsLevel {
  return STEPS.has(type) ? "debug" : severityOf(type);
}

/** Returns what makes diagnostics, `null` where the program has not loaded LogTape. */
export function loadDiagnostics(): DiagnosticsMaker | null {
  const root: unknown = Reflect.get(globalThis, ROOT);
  return isLogger(root) ? (source) => new LogTapeDiagnostics(root, source) : null;
}

function isLogger(value: unknown): value is Logger {
  return typeof value === "object" && value !== null && "getChild" in value && typeof value.getChild === "function" && "emit" in value &&
    typeof value.emit === "function";
}

class LogTapeDiagnostics implements Diagnostics {
  readonly #source: DiagnosticsSource;
  readonly #root: Logger;
  readonly #events: Logger;
  readonly #output: Logger;
  readonly #internal: Logger;
  #isTelling = false;
  #hasComplained = false;

  constructor(root: Logger, source: DiagnosticsSource) {
    this.#source = source;
    this.#root = root;
    this.#events = root.getChild(EVENTS);
    this.#output = root.getChild(OUTPUT);
    this.#internal = root.getChild(INTERNAL);
  }

  event(event: SupervisorEvent): void {
    this.#tell(this.#events, levelOf(event.type), (level) => {
      const { seq, atMs, type, path, correlation, ...own } = event;
      const text = describe(event);
      const { tree, run } = this.#source;
      const properties = {
        ...own,
        tree,
        run,
        config_version: this.#source.configVersion(),
        sequence: seq,
        correlation,
        event_name: type,
        path,
        text,
      };
      return {
        category: EVENTS,
        level,
        message: ["", path, " ", text, ""],
        rawMessage: "{path} {text}",
        timestamp: this.#source.wallAt(atMs),
        properties,
      };
    });
  }

  output(record: LogRecord): void {
    this.#tell(this.#output, record.stream === "stderr" ? "warning" : "info", (level) => {
      const { seq, atMs, path, line, ...own } = record;
      const { tree, run } = this.#source;
      return {
        category: OUTPUT,
        level,
        message: ["", path, " ", line, ""],
        rawMessage: "{child} {line}",
        timestamp: this.#source.wallAt(atMs),
        properties: { ...own, tree, run, sequence: seq, child: path, line },
      };
    });
  }

  internal(level: DiagnosticsLevel, text: string, properties: Readonly<Record<string, unknown>> = {}): void {
    this.#tell(this.#internal, level, () => {
      const { tree, run } = this.#source;
      return {
        category: INTERNAL,
        level,
        message: [text],
        // Braces would be places for properties.
        rawMessage: text.replace(/[{}]/g, "$&$&"),
        timestamp: this.#source.wallNow(),
        properties: { ...properties, tree, run },
      };
    });
  }

  /** What a program does with its records must not disturb what it supervises, nor must what children say because of that go round in circles. */
  #tell(logger: Logger, level: DiagnosticsLevel, make: (level: DiagnosticsLevel) => TakenRecord): void {
    if (this.#isTelling) return this.#complain("A record that was made while one was taken is left out");
    this.#isTelling = true;
    try {
      if (logger.isEnabledFor?.(level) ?? true) logger.emit(make(level));
    } catch (error) {
      this.#complain(`Cannot take a record: ${thrownMessage(error)}`);
    }
    this.#isTelling = false;
  }

  /** Tells once. */
  #complain(text: string): void {
    if (this.#hasComplained) return;
    this.#hasComplained = true;
    try {
      const record = {
        category: META,
        level: "error",
        message: [`@reeve/supervisor: ${text}`],
        rawMessage: "@reeve/supervisor: {text}",
      } as const;
      this.#root.getChild(META).emit({ ...record, timestamp: this.#source.wallNow(), properties: { text } });
    } catch {
      // Nobody is left who could be told.
    }
  }
}
