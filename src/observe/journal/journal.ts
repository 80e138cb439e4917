/** Writes every event of a tree to a file, beside what the tree does. */
import { mkdir, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ReeveError, thrownMessage } from "../../base/mod.ts";
import type { GapMarker, SupervisorEvent } from "../../event/mod.ts";
import { platform } from "../../platform/mod.ts";
import type { JournalOptions } from "../../spec/mod.ts";
import type { Bus } from "../bus.ts";
import { type FileClock, OWN_CLOCK } from "../own_clock.ts";
import { RotatingFile } from "../rotating_file.ts";
import { newerVersionIn } from "./last_line.ts";
import { type RunFacts, toLines } from "./line.ts";
import { newerVersion } from "./read.ts";

/** How the writing of a journal goes. */
export interface JournalHealth {
  /** Whether it goes well again, or begins to fail. */
  readonly healthy: boolean;
  /** Why it fails, or failed. */
  readonly reason: string;
  /** How many events are not in the journal because it failed; the journal has a gap in their place. */
  readonly lost: number;
}

/** The tree of a journal. */
export interface JournalSource {
  /** Its events. */
  readonly bus: Bus<SupervisorEvent>;
  /** Id of its run. */
  readonly runId: string;
  /** Its name. */
  readonly tree: string;
  /** Milliseconds since the Unix epoch at a time of its clock. */
  wallAt(atMs: number): number;
  /** Called once when writing begins to fail, and once when it works again. */
  tell(facts: JournalHealth): void;
  /** Where time comes from. @default {the real clock} */
  readonly clock?: FileClock;
}

/** A journal that is written. */
export interface Journal extends AsyncDisposable {
  /** The file. */
  readonly path: string;
  /** Number of the last event that is in the file, or told there as missing. */
  readonly written: number;
  /** How many events could not be written before the journal was closed. */
  readonly unwritten: number;
  /** Why it cannot be written at the moment; `null` while it can. */
  readonly failure: string | null;
  /** Resolves when everything is written that had happened before; gives up when nothing can be written for two seconds. Never rejects. */
  close(): Promise<void>;
}

/** What the journal is called among the readers of a bus; for it may wait whatever is remembered. */
const READER = { subscriber: "journal", capacity: Infinity } as const;

/** So many events are written at once at most. */
const MOST_AT_ONCE = 256;

/** How long, in milliseconds, to wait before what could not be written is tried again: at first, and at most. */
const RETRY_MS = { first: 1_000, most: 30_000, whileClosing: 100 } as const;

/** After so long without a failure, in milliseconds, waiting begins with the first delay again. */
const GOOD_TIME_MS = 60_000;

/** How long, in milliseconds, a journal that is being closed goes on without writing anything. */
const GIVE_UP_MS = 2_000;

/** The journals that are open in this program, with the names of their trees: two would take each other's older files away. */
const OPEN = new Map<string, string>();

/**
 * Opens the file of a journal and writes every event of the tree to it from now on, also those that are still remembered of before.
 *
 * Makes its folder, only for its owner. Throws `journal_not_opened` where the file cannot be written, another tree of this program writes it, or a newer version
 * has. What goes wrong later disturbs nothing: it is told, and tried again.
 */
export async function openJournal(options: JournalOptions, source: JournalSource): Promise<Journal> {
  const { path, maxBytes = 64 * 1024 * 1024, maxAgeSecs = null, keep = 5, compress = true, fsync = "interval" } = options;
  const clock = source.clock ?? OWN_CLOCK;
  const { now, wallNow, setTimer } = clock;
  const file = new RotatingFile({
    path,
    maxBytes,
    maxAgeMs: maxAgeSecs === null ? null : 1_000 * maxAgeSecs,
    keep,
    compress,
    fsync,
    now: () => now.call(clock),
    wallNow: () => wallNow.call(clock),
    setTimer: (callback, delayMs) => setTimer.call(clock, callback, delayMs),
  });
  let place: string | null = null;
  try {
    place = await takePlace(path, source.tree);
    await file.append("");
    const version = await newerVersionIn(path);
    if (version !== null) throw newerVersion(path, version, "its last line");
    const taken = place;
    return new FileJournal(file, source, clock, () => OPEN.delete(taken));
  } catch (error) {
    if (place !== null) OPEN.delete(place);
    await file.close().catch(() => {});
    if (error instanceof ReeveError) throw error;
    const message = `Cannot open the journal "${path}" of tree "${source.tree}": ${thrownMessage(error)}`;
    throw new ReeveError("journal_not_opened", message, { path, hint: platform.permissionHint(error), cause: error });
  }
}

async function takePlace(path: string, tree: string): Promise<string> {
  const folder = dirname(resolve(path));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const place = join(await realpath(folder), basename(path));
  const other = OPEN.get(place);
  if (other !== undefined) throw new Error(`tree "${other}" of this program writes it already, one file serves one tree`);
  OPEN.set(place, tree);
  return place;
}

class FileJournal implements Journal {
  readonly path: string;
  readonly #file: RotatingFile;
  readonly #source: JournalSource;
  readonly #clock: FileClock;
  readonly #facts: RunFacts;
  readonly #release: () => void;
  readonly #stop = new AbortController();
  readonly #following: Promise<void>;
  #written = 0;
  #unwritten = 0;
  #failure: string | null = null;
  /** Whether writing works again, which is told as soon as it is known what is missing. */
  #isRecovered = false;
  #retryMs: number = RETRY_MS.first;
  #failedAtMs = -Infinity;
  #wake = (): void => {};
  #closing: Promise<void> | null = null;
  #hasGivenUp = false;

  constructor(file: RotatingFile, source: JournalSource, clock: FileClock, release: () => void) {
    this.path = file.path;
    this.#file = file;
    this.#source = source;
    this.#clock = clock;
    this.#facts = { runId: source.runId, wallAt: (atMs) => source.wallAt(atMs), wallNow: () => clock.wallNow() };
    this.#release = release;
    this.#following = this.#follow();
  }

  get written(): number {
    return this.#written;
  }

  get unwritten(): number {
    return this.#unwritten;
  }

  get failure(): string | null {
    return this.#failure;
  }

  close(): Promise<void> {
    return this.#closing ??= this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #follow(): Promise<void> {
    const batches = this.#source.bus.readBatches({ ...READER, signal: this.#stop.signal }, MOST_AT_ONCE);
    for await (const batch of batches) await this.#write(batch);
  }

  /** Writes a batch, as often as it takes. */
  async #write(batch: readonly (SupervisorEvent | GapMarker)[]): Promise<void> {
    const { bus } = this.#source;
    const first = batch[0];
    if (this.#isRecovered) this.#tellRecovery(first?.type === "gap" ? first.to - first.from + 1 : 0);
    const text = toLines(batch, this.#facts);
    while (!await this.#isAppended(text)) {
      if (this.#hasGivenUp) return;
      await this.#pause(this.#closing === null ? this.#retryMs : RETRY_MS.whileClosing);
      if (this.#hasGivenUp) return;
    }
    const last = batch.at(-1);
    if (last !== undefined) this.#written = last.type === "gap" ? last.to : last.seq;
    if (this.#failure === null) return;
    // What was overtaken meanwhile stands at the beginning of the next batch, if there is one.
    this.#isRecovered = true;
    if (bus.lastSeq === this.#written) this.#tellRecovery(0);
  }

  async #isAppended(text: string): Promise<boolean> {
    try {
      await this.#file.append(text);
      return true;
    } catch (error) {
      this.#onFailure(thrownMessage(error));
      return false;
    }
  }

  #onFailure(reason: string): void {
    const nowMs = this.#clock.now();
    // Who fails and works by turns is told of less and less often.
    this.#retryMs = nowMs - this.#failedAtMs > GOOD_TIME_MS ? RETRY_MS.first : Math.min(2 * this.#retryMs, RETRY_MS.most);
    this.#failedAtMs = nowMs;
    const isTold = this.#failure !== null;
    this.#failure = reason;
    if (!isTold) this.#tell({ healthy: false, reason, lost: 0 });
  }

  #tellRecovery(lost: number): void {
    const reason = this.#failure ?? "";
    this.#isRecovered = false;
    this.#failure = null;
    this.#tell({ healthy: true, reason, lost });
  }

  /** A tree that is over hears nothing any more. */
  #tell(facts: JournalHealth): void {
    if (!this.#source.bus.closed) this.#source.tell(facts);
  }

  async #pause(durationMs: number): Promise<void> {
    let cancel = (): void => {};
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      cancel = this.#clock.setTimer(resolve, durationMs);
    });
    cancel();
  }

  async #end(): Promise<void> {
    const { bus } = this.#source;
    const until = bus.lastSeq;
    let stopWatching = (): void => {};
    const isStuck = new Promise<void>((resolve) => stopWatching = this.#watchProgress(resolve));
    this.#stop.abort();
    this.#wake();
    await Promise.race([this.#writeUpTo(until), isStuck]);
    stopWatching();
    this.#hasGivenUp = true;
    this.#wake();
    this.#unwritten = Math.max(0, until - this.#written);
    const closed = this.#file.close().catch((error) => this.#failure ??= thrownMessage(error));
    // Where the disk does not answer, nothing ends.
    if (this.#unwritten === 0) await closed;
    this.#release();
  }

  async #writeUpTo(last: number): Promise<void> {
    await this.#following;
    const rest = this.#source.bus.readBatches({ ...READER, since: this.#written }, MOST_AT_ONCE);
    while (this.#written < last && !this.#hasGivenUp) {
      const next = await rest.next();
      if (next.done === true) break;
      await this.#write(next.value);
    }
    await rest.return?.();
  }

  /** Calls back once nothing was written for too long. */
  #watchProgress(stuck: () => void): () => void {
    let cancel = (): void => {};
    const look = (before: number): void => {
      cancel = this.#clock.setTimer(() => this.#written === before ? stuck() : look(this.#written), GIVE_UP_MS);
    };
    look(this.#written);
    return () => cancel();
  }
}
