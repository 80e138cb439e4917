/** A file to which lines are appended, and which begins anew when it is large or old; the older files lie beside it. */
import { Buffer } from "node:buffer";
import { type FileHandle, lstat } from "node:fs/promises";
import { type Clock, codeOf } from "../base/mod.ts";
import type { FsyncPolicy } from "../spec/mod.ts";
import { endsTorn, isOpenToOthers, openForAppending, OWNER_ONLY, writeBytes } from "./append_file.ts";
import { compressOlder, shiftFiles, syncFolder } from "./older_files.ts";
import { OWN_CLOCK } from "./own_clock.ts";

/** Options of {@linkcode RotatingFile}. */
export interface RotatingFileOptions {
  /** The file; its folder must be there. */
  readonly path: string;
  /** Size in bytes: a file that has so many becomes `PATH.1`, and a new one begins. */
  readonly maxBytes: number;
  /** Age in milliseconds at which a new file begins, whatever its size; `null` is any. @default {null} */
  readonly maxAgeMs?: number | null;
  /** How many older files are kept; with 0 what is full is removed. */
  readonly keep: number;
  /** Whether older files are compressed with gzip. */
  readonly compress: boolean;
  /** When what is written is forced to the disk: with each line, about once in a second while there is something new, or when the system likes. */
  readonly fsync: FsyncPolicy;
  /** Milliseconds since the Unix epoch, to which the age of a file is compared that was there before. @default {Date.now} */
  readonly wallNow?: () => number;
  /** Milliseconds on a monotonic clock. @default {performance.now} */
  readonly now?: () => number;
  /** Calls back once, without keeping the program alive. @default {setTimeout} */
  readonly setTimer?: Clock["setTimer"];
}

/** When a file begins anew, and what becomes of the older ones. */
export type Rotation = Required<Pick<RotatingFileOptions, "maxBytes" | "maxAgeMs" | "keep" | "compress">>;

/** About how often, in milliseconds, lines are forced to the disk with `fsync: "interval"`. */
const SYNC_MS = 1_000;

/** So many bytes of waiting lines are written at once at most. */
const GROUP_BYTES = 256 * 1024;

/** Lines that wait for their turn. */
interface Waiting {
  readonly text: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The file that is open. */
interface OpenFile {
  readonly handle: FileHandle;
  /** Which file it is, whatever it is called by now. */
  readonly id: FileId;
  /** When it began, on the monotonic clock. */
  readonly begunAtMs: number;
  /** How long it was when it was looked at last, or written to. */
  size: number;
  /** Whether it ends within a line, which must not swallow the next one. */
  isTorn: boolean;
  /** Whether something is to be forced to the disk. */
  isDirty: boolean;
}

/** What tells one file from every other. */
interface FileId {
  readonly dev: bigint;
  readonly ino: bigint;
}

/**
 * Appends lines to a file that only its owner can read.
 *
 * A file that is full becomes `PATH.1`, that one `PATH.2`, and so on up to `PATH.keep`; older ones go. Links, folders and devices are refused. Where somebody else
 * moves or removes the file, a new one begins. The age of a file that was there before counts from its birth, or from its last change where the system does not
 * tell that. One file serves one program.
 */
export class RotatingFile {
  /** The file. */
  readonly path: string;
  #options: Required<RotatingFileOptions>;
  readonly #waiting: Waiting[] = [];
  #open: OpenFile | null = null;
  #working: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  #compression: Promise<void> | null = null;
  #cancelSync: (() => void) | null = null;
  #isSyncDue = false;
  /** Why lines that count as written may not survive a crash of the machine, until somebody was told. */
  #syncFailure: { readonly error: unknown } | null = null;

  constructor(options: RotatingFileOptions) {
    const { path, maxAgeMs = null, wallNow = OWN_CLOCK.wallNow, now = OWN_CLOCK.now, setTimer = OWN_CLOCK.setTimer } = options;
    this.path = path;
    this.#options = { ...options, maxAgeMs, wallNow, now, setTimer };
  }

  /** Other sizes, ages and numbers count from the next line on. */
  revise(rotation: Rotation): void {
    this.#options = { ...this.#options, ...rotation };
  }

  /**
   * Appends whole lines, in the order of the calls; resolves when they are there, and rejects when they may not be there.
   *
   * Where a write fails in the middle, what it wrote is taken back as far as that can be done, so that the same lines can be appended again. An empty text writes
   * nothing, but opens the file.
   */
  append(text: string): Promise<void> {
    if (this.#closing !== null) return Promise.reject(new Error(`"${this.path}" was closed`));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ text, resolve, reject });
      this.#work();
    });
  }

  /** Writes what waits, forces it to the disk unless that is never to be done, and waits for a compression that is under way. */
  close(): Promise<void> {
    return this.#closing ??= this.#end();
  }

  /** The same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    this.#cancelSync?.();
    await this.#working;
    try {
      await this.#letGo();
    } finally {
      await this.#compression;
    }
    this.#tellSyncFailure();
  }

  #work(): void {
    this.#working ??= this.#workOff();
  }

  async #workOff(): Promise<void> {
    while (this.#waiting.length > 0 || this.#isSyncDue) {
      let group: readonly Waiting[] = [];
      try {
        if (this.#isSyncDue) await this.#syncLater();
        if (this.#waiting.length === 0) continue;
        const open = await this.#ready();
        group = this.#takeGroup(open.size);
        await this.#write(open, group.map(({ text }) => text).join(""));
        for (const { resolve } of group) resolve();
      } catch (error) {
        if (group.length === 0) group = this.#waiting.splice(0);
        for (const { reject } of group) reject(error);
      }
    }
    // At once: what comes a moment later must not count on this.
    this.#working = null;
  }

  /** The file as it is to be written to: there, not full, not old. */
  async #ready(): Promise<OpenFile> {
    this.#tellSyncFailure();
    if (this.#open !== null && !await this.#isInPlace(this.#open)) await this.#letGo();
    let open = this.#open ?? await this.#openFile();
    if (this.#isFull(open)) {
      await this.#beginAnew();
      open = await this.#openFile();
    }
    return open;
  }

  async #openFile(): Promise<OpenFile> {
    const { now, wallNow, fsync, compress } = this.#options;
    const handle = await openForAppending(this.path);
    try {
      const found = await handle.stat({ bigint: true });
      const size = Number(found.size);
      // Where a system tells no birth, the runtimes say 0 or the time of the last change.
      const birthMs = Number(found.birthtimeMs) || Number(found.mtimeMs);
      const begunAtMs = now() - (size === 0 ? 0 : Math.max(0, wallNow() - birthMs));
      // The name of a new file must be on the disk as well.
      if (size === 0 && fsync !== "never") await syncFolder(this.path);
      const isTorn = await endsTorn(handle, size);
      this.#open = { handle, id: found, begunAtMs, size, isTorn, isDirty: false };
      if (compress) this.#compression ??= compressOlder(this.path).catch(() => {});
      return this.#open;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Whether the path still leads to the file; sees what others did to it meanwhile. */
  async #isInPlace(open: OpenFile): Promise<boolean> {
    try {
      const found = await lstat(this.path, { bigint: true });
      if (found.dev !== open.id.dev || found.ino !== open.id.ino) return false;
      if (isOpenToOthers(Number(found.mode))) await open.handle.chmod(OWNER_ONLY);
      if (Number(found.size) === open.size) return true;
      open.size = Number(found.size);
      open.isTorn = await endsTorn(open.handle, open.size);
      return true;
    } catch (error) {
      if (codeOf(error) === "ENOENT") return false;
      throw error;
    }
  }

  #isFull({ size, begunAtMs }: OpenFile): boolean {
    const { maxBytes, maxAgeMs, now } = this.#options;
    return size > 0 && (size >= maxBytes || maxAgeMs !== null && now() - begunAtMs >= maxAgeMs);
  }

  async #beginAnew(): Promise<void> {
    // Files that are being compressed keep their names so long.
    await this.#compression;
    this.#compression = null;
    await this.#letGo();
    await shiftFiles(this.path, this.#options.keep);
  }

  /** As much of what waits as the file takes before it is full, as if one were written after the other. */
  #takeGroup(size: number): readonly Waiting[] {
    const room = Math.min(GROUP_BYTES, this.#options.maxBytes - size);
    let [count, bytes] = [0, 0];
    while (count < this.#waiting.length && (count === 0 || bytes < room)) bytes += Buffer.byteLength(this.#waiting[count++]!.text);
    return this.#waiting.splice(0, count);
  }

  async #write(open: OpenFile, text: string): Promise<void> {
    if (text === "") return;
    const bytes = new TextEncoder().encode(open.isTorn ? `\n${text}` : text);
    try {
      await writeBytes(open.handle, bytes);
      if (this.#options.fsync === "always") await open.handle.datasync();
    } catch (error) {
      await takeBack(open, bytes).catch(() => {});
      await this.#letGo().catch(() => {});
      throw error;
    }
    open.size += bytes.length;
    open.isTorn = !text.endsWith("\n");
    if (this.#options.fsync === "interval") this.#planSync(open);
  }

  #planSync(open: OpenFile): void {
    open.isDirty = true;
    if (this.#closing !== null) return;
    this.#cancelSync ??= this.#options.setTimer(() => {
      this.#isSyncDue = true;
      this.#work();
    }, SYNC_MS);
  }

  /** Nobody waits for this: who appends next is told when it fails. */
  async #syncLater(): Promise<void> {
    this.#isSyncDue = false;
    this.#cancelSync = null;
    await this.#sync().catch((error) => this.#syncFailure = { error });
  }

  async #sync(): Promise<void> {
    const open = this.#open;
    if (open?.isDirty !== true) return;
    open.isDirty = false;
    await open.handle.datasync();
  }

  #tellSyncFailure(): void {
    const failure = this.#syncFailure;
    this.#syncFailure = null;
    if (failure !== null) throw failure.error;
  }

  async #letGo(): Promise<void> {
    try {
      await this.#sync();
    } finally {
      const open = this.#open;
      this.#open = null;
      await open?.handle.close();
    }
  }
}

/** Removes what a write left that failed, which not every runtime tells; what somebody else has written meanwhile stays. */
async function takeBack({ handle, size }: OpenFile, bytes: Uint8Array): Promise<void> {
  const more = (await handle.stat()).size - size;
  if (more <= 0 || more > bytes.length) return;
  const { buffer, bytesRead } = await handle.read(new Uint8Array(more), 0, more, size);
  if (bytesRead === more && buffer.every((byte, index) => byte === bytes[index])) await handle.truncate(size);
}
