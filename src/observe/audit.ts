/** Who asked for what and what became of it: kept in memory, and in a file where one is wanted. */
import { cleanText, RingBuffer, thrownMessage } from "../base/mod.ts";
import type { AuditFailureStrategy, AuditOptions } from "../spec/mod.ts";
import { AUDIT_VERSION, AuditChain, type ChainLine, TAMPERED } from "./audit_chain.ts";
import { AuditFile } from "./audit_file.ts";
import { type FileClock, OWN_CLOCK } from "./own_clock.ts";

/** What is told of one request, or of something that was done by itself. */
export interface AuditFact {
  /** What was asked before it is done, what became of it, what was read, or what was done without being asked. */
  readonly kind: "intent" | "outcome" | "read" | "auto";
  /** Where it came from: a client of the socket, the program itself, a child, or the tree of its own accord. @default {"socket"} */
  readonly origin?: "socket" | "program" | "child" | "runtime";
  /** What was asked: the method of a request, `null` where it could not be read. */
  readonly method: string | null;
  /** Stands for who asked. */
  readonly initiatorHash: string;
  /** Ties the records of one request together. */
  readonly correlationId: string | null;
  /** Whether it was done, or may be done. */
  readonly allowed: boolean;
  /** Code of the refusal. */
  readonly denialCode?: string | null;
  /** Where it was refused: `C2` to `C9`, `parse` or `dispatch`. */
  readonly denialControlPoint?: string | null;
  /** The client's number for a command. */
  readonly commandId?: string | null;
  /** Who says to have asked. */
  readonly requestedBy?: string | null;
  /** Why. */
  readonly reason?: string | null;
  /** Path of the child. */
  readonly targetPath?: string | null;
  /** How many of its kind were left out before it, because there were too many. */
  readonly suppressed?: number;
}

/** A fact in its order. */
export interface AuditRecord extends AuditFact {
  /** Where it came from. */
  readonly origin: NonNullable<AuditFact["origin"]>;
  /** Stands for one run of the program. */
  readonly run: string;
  /** Counts from 1 in each run. */
  readonly sequence: number;
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** How many records before it never got to the file. */
  readonly lost: number;
}

/** A record as it is kept: most are never looked at, so that they are made whole only when they are, and only once. */
interface Noted {
  readonly fact: AuditFact;
  readonly run: string;
  readonly sequence: number;
  readonly atMs: number;
  readonly lost: number;
  whole: AuditRecord | null;
}

/** Longest text of a client in a record. */
const LONGEST = 1_024;

/** How many records are kept in memory: what was read is kept apart, so that no crowd of reads pushes a command out. */
const MOST = 8_192;
const MOST_READS = 1_024;

const WRITTEN = Promise.resolve(true);

/** How long, in milliseconds, nothing is tried again after a failure, except for what needs its record; then what waits is. */
const REST_MS = 1_000;

/** How often, in milliseconds, it is recorded at most that somebody changed the end of the file, lest two programs with one file tell it of each other for ever. */
const TAMPERED_MS = 60_000;

/** What a record is to whoever made it: something is only done when it is written, something may be done while it waits, or it is only noted. */
type Need = "needed" | "deferred" | "noted";

interface Waiting extends ChainLine {
  readonly need: Need;
  /** Tells who waits how the first try went; `null` afterwards. */
  tell: ((isWritten: boolean) => void) | null;
}

/** What the audit writes and tells time with, and what bounds it beside its options. */
export interface AuditMeans {
  /** Appends lines to the file. @default {to the file of the options} */
  readonly append?: ((text: string) => Promise<void>) | undefined;
  /** Stands for this run of the program. @default {32 random hex digits} */
  readonly run?: string;
  /** How many records may wait that are only noted. @default {1024} */
  readonly channelCapacity?: number | undefined;
  /** Milliseconds since the Unix epoch, which may go back. @default {Date.now} */
  readonly wallNow?: () => number;
  /** Milliseconds that never go back. @default {performance.now} */
  readonly now?: () => number;
  /** Calls back later. @default {a timer that does not keep the program alive} */
  readonly setTimer?: FileClock["setTimer"];
}

/** Whether the file of the audit can be written. */
export interface AuditHealth {
  readonly healthy: boolean;
  /** Why it cannot, or could not. */
  readonly reason: string;
  /** How many records were lost meanwhile. */
  readonly lost: number;
}

/** Keeps records in their order; what is written stands in the file before anything that follows from it is done. */
export class AuditTrail {
  readonly #records = new RingBuffer<Noted>(MOST);
  readonly #reads = new RingBuffer<Noted>(MOST_READS);
  readonly #chain: AuditChain | null;
  readonly #strategy: AuditFailureStrategy;
  /** How many may wait. */
  readonly #most: Readonly<Record<Need, number>>;
  readonly #run: string;
  readonly #wallNow: () => number;
  readonly #now: () => number;
  readonly #setTimer: FileClock["setTimer"];
  #waiting: Waiting[] = [];
  /** How many of each sort wait. */
  #count = countOf([]);
  #writing: Promise<void> | null = null;
  #failedAtMs = -Infinity;
  /** Takes back that what waits is tried again. */
  #cancelRetry: (() => void) | null = null;
  #isClosing = false;
  #sequence = 0;
  #lost = 0;
  #tamperedAtMs = -Infinity;
  #tamperings = 0;
  #tell: (health: AuditHealth) => void = () => {};
  /** Why the file cannot be written, `null` while it can. */
  #failure: string | null = null;
  /** Records that were lost since it cannot be written. */
  #lostSince = 0;

  constructor(
    options: AuditOptions,
    {
      append,
      run = crypto.randomUUID().replaceAll("-", ""),
      channelCapacity = 1_024,
      wallNow = OWN_CLOCK.wallNow,
      now = OWN_CLOCK.now,
      setTimer = OWN_CLOCK.setTimer,
    }: AuditMeans = {},
  ) {
    const { backend = "memory", failureStrategy = "fail_closed", maxDeferQueue = 1_000 } = options;
    const sink = append === undefined ? new AuditFile(options) : { append };
    this.#chain = backend === "file" ? new AuditChain(sink, (change) => this.#tampered(change)) : null;
    this.#strategy = failureStrategy;
    this.#most = { needed: Infinity, deferred: maxDeferQueue, noted: channelCapacity };
    this.#run = run;
    this.#wallNow = wallNow;
    this.#now = now;
    this.#setTimer = setTimer;
  }

  /** The last records, oldest first. */
  get records(): readonly AuditRecord[] {
    return this.recordsAfter(0, Infinity);
  }

  /** The last records after a number, so many at most; numbers that are missing are those of reads that are not kept any more. */
  recordsAfter(sequence: number, most: number): readonly AuditRecord[] {
    const rings = [this.#records, this.#reads];
    const left = rings.map(({ length }) => length);
    const found: AuditRecord[] = [];
    while (found.length < most) {
      const [last, lastRead] = rings.map((ring, index) => ring.at(left[index]! - 1));
      const isRead = (lastRead?.sequence ?? 0) > (last?.sequence ?? 0);
      const newest = isRead ? lastRead : last;
      if (newest === undefined || newest.sequence <= sequence) break;
      left[isRead ? 1 : 0]!--;
      found.push(recordOf(newest));
    }
    return found.reverse();
  }

  /** Calls back once when the file cannot be written any more, and once when it can again. */
  tellTo(tell: (health: AuditHealth) => void): void {
    this.#tell = tell;
  }

  /** How many records are not in the file, because they still wait, or found no room. */
  get unwritten(): number {
    return this.#waiting.length + this.#lostSince;
  }

  /** Why the file cannot be written, `null` while it can. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Sees whether records can be written at all; rejects when they cannot, or when a newer version wrote the file. */
  async probe(): Promise<void> {
    await this.#chain?.open();
  }

  /** Records what must not be done without its record; resolves with why it may not be done, else `null`. */
  async intend(fact: AuditFact): Promise<"audit_write_failed" | "audit_queue_full" | null> {
    const mayWait = this.#strategy === "defer_bounded";
    if (mayWait && this.#isFull("deferred") && !await this.#retry()) return "audit_queue_full";
    const isWritten = await this.#write(fact, mayWait ? "deferred" : "needed");
    return isWritten || mayWait ? null : "audit_write_failed";
  }

  /** Records what is so already, as well as can be done. */
  note(fact: AuditFact): void {
    if (this.#chain !== null && this.#isFull("noted")) {
      this.#lost++;
      this.#lostSince++;
      // There may be room again, which nobody would know without trying.
      if (!this.#isResting) this.#drain();
      return;
    }
    this.#write(fact, "noted");
  }

  /** Writes what waits, if that can be done. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#retry();
    // What is written stays written, whether or not the system says so.
    await this.#chain?.close().catch(() => {});
  }

  #isFull(need: Need): boolean {
    return this.#count[need] >= this.#most[need];
  }

  /** Whether the file is left alone, because it could not be written just now. */
  get #isResting(): boolean {
    return this.#now() - this.#failedAtMs < REST_MS;
  }

  /** Tries once more; says whether there is room for commands again. */
  async #retry(): Promise<boolean> {
    this.#failedAtMs = -Infinity;
    await this.#drain();
    return !this.#isFull("deferred");
  }

  #write(fact: AuditFact, need: Need): Promise<boolean> {
    const noted = { fact, run: this.#run, sequence: ++this.#sequence, atMs: this.#wallNow(), lost: this.#lost, whole: null };
    this.#lost = 0;
    (fact.kind === "read" && fact.allowed ? this.#reads : this.#records).push(noted);
    if (this.#chain === null) return WRITTEN;
    const text = JSON.stringify({ version: AUDIT_VERSION, ...auditJson(recordOf(noted)) });
    const told = new Promise<boolean>((tell) => this.#waiting.push({ text, need, tell, hash: null, isWritten: false }));
    this.#count[need]++;
    this.#drain();
    return told;
  }

  /** Somebody changed the end of the file, which is seen before something is written. */
  #tampered(change: string): void {
    const nowMs = this.#now();
    if (nowMs - this.#tamperedAtMs < TAMPERED_MS) {
      this.#tamperings++;
      return;
    }
    this.#write({
      kind: "auto",
      origin: "runtime",
      method: TAMPERED,
      initiatorHash: "runtime",
      correlationId: null,
      allowed: true,
      reason: `somebody changed the end of the file: ${change}`,
      suppressed: this.#tamperings === 0 ? undefined : this.#tamperings,
    }, "noted");
    this.#tamperedAtMs = nowMs;
    this.#tamperings = 0;
  }

  #drain(): Promise<void> {
    return this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    // What is recorded in the same turn goes into the file in one piece.
    await Promise.resolve();
    do {
      const batch = this.#waiting;
      this.#waiting = [];
      this.#count = countOf([]);
      const isResting = this.#isResting && !batch.some(({ need }) => need === "needed");
      const isWritten = !isResting && await this.#tryToAppend(batch);
      for (const waiting of batch) {
        waiting.tell?.(isWritten);
        waiting.tell = null;
      }
      if (!isWritten) {
        // What was not done because of its record needs none any more.
        this.#waiting = [...batch.filter(({ need }) => need !== "needed"), ...this.#waiting];
        this.#count = countOf(this.#waiting);
      }
    } while (this.#waiting.some(({ tell }) => tell !== null));
    // In the turn of the last look: what comes later would wait for a writing that is over.
    this.#writing = null;
    this.#planRetry();
  }

  /** What waits is tried again although nobody records anything. */
  #planRetry(): void {
    if (this.#waiting.length > 0 && !this.#isClosing) {
      this.#cancelRetry ??= this.#setTimer(() => {
        this.#cancelRetry = null;
        this.#retry();
      }, REST_MS);
    } else {
      this.#cancelRetry?.();
      this.#cancelRetry = null;
    }
  }

  async #tryToAppend(batch: readonly Waiting[]): Promise<boolean> {
    if (batch.length === 0) return true;
    try {
      await this.#chain?.append(batch);
      this.#healed();
      return true;
    } catch (error) {
      this.#failedAtMs = this.#now();
      if (this.#failure === null) this.#tell({ healthy: false, reason: thrownMessage(error, 256), lost: 0 });
      this.#failure = thrownMessage(error, 256);
      return false;
    }
  }

  #healed(): void {
    if (this.#failure === null) return;
    this.#tell({ healthy: true, reason: this.#failure, lost: this.#lostSince });
    this.#failure = null;
    this.#lostSince = 0;
  }
}

function countOf(waiting: readonly Waiting[]): Record<Need, number> {
  const count = { needed: 0, deferred: 0, noted: 0 };
  for (const { need } of waiting) count[need]++;
  return count;
}

/** What clients wrote is bounded, and harmless for whoever looks at it. */
function recordOf(noted: Noted): AuditRecord {
  return noted.whole ??= cleaned(noted);
}

function cleaned({ fact, run, sequence, atMs, lost }: Noted): AuditRecord {
  const { correlationId, commandId, requestedBy, reason, targetPath } = fact;
  const texts = { correlationId, commandId, requestedBy, reason, targetPath };
  const harmless = Object.entries(texts).filter(([, text]) => typeof text === "string").map((
    [name, text],
  ) => [name, cleanText(String(text), LONGEST)]);
  return { ...fact, origin: fact.origin ?? "socket", ...Object.fromEntries(harmless), run, sequence, atMs, lost };
}

/** A record as others read it; what was not asked is left out. */
export function auditJson(record: AuditRecord): Record<string, unknown> {
  const { run, sequence, atMs, kind, origin, method, initiatorHash, correlationId, allowed } = record;
  const { denialCode = null, denialControlPoint = null } = record;
  return {
    run,
    sequence,
    timestamp: new Date(atMs).toISOString(),
    kind,
    origin,
    method,
    initiator_hash: initiatorHash,
    correlation_id: correlationId,
    allowed,
    denial_code: denialCode,
    denial_control_point: denialControlPoint,
    command_id: record.commandId,
    requested_by: record.requestedBy,
    reason: record.reason,
    target_path: record.targetPath,
    suppressed: record.suppressed,
    lost: record.lost === 0 ? undefined : record.lost,
  };
}
