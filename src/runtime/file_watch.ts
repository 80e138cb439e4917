/**
 * Tells when files change: folder by folder, since the recursive watch of Node 20 loses files that are replaced and folders that come back.
 *
 * What an editor does at once, such as writing beside a file and renaming, is one change.
 */
import { readdir, stat } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import { cleanText, type Clock, thrownMessage } from "../base/mod.ts";
import { type FolderWatcher, platform } from "../platform/mod.ts";
import type { WatchOptions } from "../spec/mod.ts";
import { type Ignore, ignoring } from "./ignore.ts";

/** Most folders that are watched for one child. */
const MOST_FOLDERS = 10_000;

/** Quiet time before a change is told, in milliseconds. */
const DEBOUNCE_MS = 200;

/** What a watch needs. */
export interface FileWatchHost {
  readonly clock: Clock;
  /** Something changed and is quiet now: the file that changed first, and how many did. */
  changed(file: string, count: number): void;
  /** Something cannot be watched; the rest is. */
  complain(message: string): void;
  /** Opens one watch. @default {that of the runtime} */
  readonly open?: (folder: string, watcher: FolderWatcher) => () => void;
  /** Most folders that are watched. @default {10000} */
  readonly mostFolders?: number;
}

/** The files of one child. */
export class FileWatch {
  readonly #host: FileWatchHost;
  readonly #roots: readonly string[];
  readonly #debounceMs: number;
  readonly #ignores: Ignore;
  /** What ends the watch of each folder. */
  readonly #folders = new Map<string, () => void>();
  /** Those of them that are watched with all below them. */
  readonly #trees = new Set<string>();
  /** Files that changed and were not told yet, the first first; only some are remembered. */
  readonly #changed = new Set<string>();
  #isFull = false;
  #hasComplained = false;
  #isClosed = false;
  #cancel: () => void = () => {};

  constructor({ paths, ignore = [], debounceMs = DEBOUNCE_MS }: WatchOptions, host: FileWatchHost) {
    this.#host = host;
    this.#roots = paths.map((path) => resolve(path));
    this.#debounceMs = debounceMs;
    this.#ignores = ignoring(ignore);
  }

  /** How many folders are watched. */
  get folders(): number {
    return this.#folders.size;
  }

  /** Begins to watch; resolves when everything that is there is watched. */
  async begin(): Promise<void> {
    for (const root of this.#roots) {
      await this.#watchTree(root);
      this.#watchAround(root);
    }
  }

  /** Watches no more. */
  close(): void {
    this.#isClosed = true;
    this.#cancel();
    for (const end of this.#folders.values()) end();
    this.#folders.clear();
    this.#trees.clear();
  }

  /** The folder around what was named knows when that goes and comes back; of a file it knows everything. */
  #watchAround(root: string): void {
    this.#watchFolder(dirname(root), this.#trees.has(root));
  }

  /** Watches a folder with all below it; a file is watched by the folder around it. */
  async #watchTree(path: string): Promise<void> {
    for (let open = [path]; open.length > 0;) {
      // By level and in turns: a large tree must not keep the program from everything else.
      const below = await Promise.all(open.splice(0, 64).map((folder) => this.#foldersIn(folder)));
      open = [...open, ...below.flat()];
    }
  }

  /** Watches one folder before it is read, so that nothing comes unseen in between. */
  async #foldersIn(folder: string): Promise<string[]> {
    try {
      if (this.#trees.has(folder) || !(await stat(folder)).isDirectory() || !this.#watchFolder(folder)) return [];
      this.#trees.add(folder);
      const entries = await readdir(folder, { withFileTypes: true });
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(folder, name)).filter((path) => !this.#isIgnored(path));
    } catch (error) {
      this.#refused(folder, error, false);
      return [];
    }
  }

  /** Returns whether the folder is watched now; what one can do without need not be permitted. */
  #watchFolder(folder: string, isSpare = false): boolean {
    if (this.#isClosed) return false;
    if (this.#folders.has(folder)) return true;
    const { mostFolders = MOST_FOLDERS, open = platform.watchFolder } = this.#host;
    if (this.#folders.size >= mostFolders) {
      if (!this.#isFull) this.#host.complain(`watches ${mostFolders} folders, and no more: name fewer, or ignore some`);
      this.#isFull = true;
      return false;
    }
    try {
      const end = open(folder, {
        changed: (event, name) => this.#onChange(folder, event, name),
        failed: (error) => {
          this.#forget(folder, end);
          this.#refused(folder, error, isSpare);
        },
      });
      this.#folders.set(folder, end);
      return true;
    } catch (error) {
      this.#refused(folder, error, isSpare);
      return false;
    }
  }

  #forget(folder: string, end: () => void): void {
    if (this.#folders.get(folder) === end) {
      this.#folders.delete(folder);
      this.#trees.delete(folder);
    }
    end();
  }

  #onChange(folder: string, event: "rename" | "change", name: string | null): void {
    if (this.#isClosed) return;
    // A runtime that does not tell the name tells at least that there was something.
    const path = name === null || name === "" ? folder : join(folder, name);
    if (!this.#isOurs(path) || this.#isIgnored(path)) return;
    if (event === "rename") this.#lookAgain(path);
    this.#note(path);
  }

  /** Something came or went: a folder that is new, or is another one, is watched anew. */
  #lookAgain(path: string): void {
    if (this.#folders.has(path)) {
      for (const [folder, end] of this.#folders) {
        if (folder === path || folder.startsWith(`${path}${sep}`)) this.#forget(folder, end);
      }
    }
    this.#watchTree(path).then(() => {
      // What was named inside of it has the folder around it back as well.
      for (const root of this.#roots) if (root.startsWith(`${path}${sep}`)) this.#watchAround(root);
      // What came with it belongs to the same change.
      if (!this.#isClosed && this.#changed.size > 0) this.#note(path);
    });
  }

  #note(path: string): void {
    if (this.#changed.size < 1_000) this.#changed.add(path);
    this.#cancel();
    this.#cancel = this.#host.clock.setTimer(() => {
      const [first] = this.#changed;
      const count = this.#changed.size;
      this.#changed.clear();
      if (first !== undefined) this.#host.changed(first, count);
    }, this.#debounceMs);
  }

  /** Whether a path is what was named, or below it. */
  #isOurs(path: string): boolean {
    return this.#roots.some((root) => path === root || path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`));
  }

  /** Where a path is below several that were named, the one that is nearest counts. */
  #isIgnored(path: string): boolean {
    const roots = this.#roots.filter((root) => path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`));
    return roots.length > 0 && roots.every((root) => this.#ignores(relative(root, path).replaceAll(sep, "/")));
  }

  /** What is missing is the same for all folders, mostly: it is told once. What is gone again need not be watched. */
  #refused(folder: string, error: unknown, isSpare: boolean): void {
    if (this.#hasComplained || this.#isClosed || isGone(error) || (isSpare && platform.permissionHint(error) !== undefined)) return;
    this.#hasComplained = true;
    this.#host.complain(`Cannot watch "${cleanText(folder, 512)}": ${thrownMessage(error)}${hintFor(error)}; the rest is watched`);
  }
}

/** A path that cannot be watched because it is not there; `null` when it is. */
export async function whyUnwatchable(path: string): Promise<{ readonly reason: string; readonly hint?: string } | null> {
  try {
    await stat(path);
    return null;
  } catch (error) {
    const hint = platform.permissionHint(error);
    if (hint === undefined) return { reason: `Cannot watch "${path}": it does not exist` };
    return { reason: `Cannot watch "${path}": ${thrownMessage(error)}`, hint };
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
}

function isGone(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ENOTDIR" || (code === "EPERM" && sep === "\\");
}

function hintFor(error: unknown): string {
  const code = codeOf(error);
  const text = thrownMessage(error);
  const permission = platform.permissionHint(error);
  if (permission !== undefined) return ` (${permission})`;
  if (code === "ENOSPC" || /os error 28\b/.test(text)) return " (raise fs.inotify.max_user_watches)";
  if (code === "EMFILE" || /os error 24\b/.test(text)) return " (raise fs.inotify.max_user_instances, or the limit of open files)";
  return "";
}
