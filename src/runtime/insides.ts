/** What parts of the package beside the tree get at: they make something known in its stream, and read its streams as they are. */
import type { Calendar } from "../base/mod.ts";
import type { EventFacts, SupervisorEvent } from "../event/mod.ts";
import type { AuditTrail, Bus, LogRecord } from "../observe/mod.ts";
import type { ChildSpec } from "../spec/mod.ts";
import type { MailboxReading } from "./mailbox.ts";
import type { Tree } from "./tree.ts";
import type { Usage } from "./usage.ts";

/** The inside of a tree. */
export interface Insides {
  readonly events: Bus<SupervisorEvent>;
  readonly logs: Bus<LogRecord>;
  /** Where it is recorded who asked for what, `null` where that is not wanted. */
  readonly trail: AuditTrail | null;
  /** What waits to be handled. */
  readonly mailbox: MailboxReading;
  /** When the tree was made, on its monotonic clock. */
  readonly startedAtMs: number;
  /** What the calendar says at times of that clock, the same for everybody who writes times. */
  readonly calendar: Calendar;
  /** Version of the configuration. */
  configVersion(): string;
  /** How a child is declared, `undefined` when it is not there; costs less than its handle. */
  specOf(path: string): ChildSpec | undefined;
  /** Tells the numbers of these streams from those of another tree: 32 hexadecimal digits. */
  readonly runId: string;
  /** Grows with whatever may change how a child is, but for the passing of time. */
  readonly changes: number;
  /** Grows when a child comes or goes, so that one that came back under its name is told from the one before. */
  readonly memberships: number;
  /** What its processes take now. */
  usage(): Promise<Usage>;
  /** Makes an event of the tree itself, in order with all others; after its end nothing is told any more. */
  tell(facts: EventFacts): void;
}

const insides = new WeakMap<Tree, Insides>();

/** Remembers the inside of a tree. */
export function keepInsides(tree: Tree, inside: Insides): void {
  insides.set(tree, inside);
}

/** The inside of a tree; throws a `TypeError` for what `supervise` did not make. */
export function insidesOf(tree: Tree): Insides {
  const inside = insides.get(tree);
  if (inside === undefined) throw new TypeError("This is no tree that supervise() made");
  return inside;
}
