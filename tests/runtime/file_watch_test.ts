import { assert, assertEquals } from "@std/assert";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { WatchOptions } from "../../src/spec/mod.ts";
import type { FolderWatcher } from "../../src/platform/mod.ts";
import { FileWatch } from "../../src/runtime/file_watch.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { inFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";

interface StandIn {
  readonly watcher: FolderWatcher;
  isClosed: boolean;
}

/** Watches in the hands of a test, over real folders. */
class Bench {
  readonly clock = new VirtualClock({ automatic: false });
  readonly told: (readonly [file: string, count: number])[] = [];
  readonly complaints: string[] = [];
  readonly open = new Map<string, StandIn>();
  readonly watch: FileWatch;
  /** Folders that the system refuses, and why. */
  readonly refused = new Map<string, Error>();

  constructor(options: WatchOptions, mostFolders?: number) {
    this.watch = new FileWatch(options, {
      clock: this.clock,
      changed: (file, count) => this.told.push([file, count]),
      complain: (message) => this.complaints.push(message),
      mostFolders,
      open: (folder, watcher) => {
        const error = this.refused.get(folder);
        if (error !== undefined) throw error;
        const standIn = { watcher, isClosed: false };
        this.open.set(folder, standIn);
        return () => void (standIn.isClosed = true);
      },
    });
  }

  /** Something changed in a folder; throws where nobody watches it. */
  change(path: string, event: "rename" | "change" = "change"): void {
    const found = this.open.get(dirname(path));
    assert(found !== undefined && !found.isClosed, `nobody watches ${dirname(path)}`);
    found.watcher.changed(event, path.slice(dirname(path).length + 1));
  }

  pass(durationMs: number): void {
    this.clock.jumpTo(this.clock.now() + durationMs);
  }

  isWatched(folder: string): boolean {
    return this.open.get(folder)?.isClosed === false;
  }
}

async function watching(
  options: Omit<WatchOptions, "paths">,
  use: (bench: Bench, root: string) => Promise<void> | void,
  mostFolders?: number,
): Promise<void> {
  await inFolder(async (folder) => {
    const root = join(folder, "src");
    await mkdir(join(root, "lib", "deep"), { recursive: true });
    await mkdir(join(root, "node_modules", "x"), { recursive: true });
    await mkdir(join(root, ".git"));
    const bench = new Bench({ paths: [root], ...options }, mostFolders);
    await bench.watch.begin();
    try {
      await use(bench, root);
    } finally {
      bench.watch.close();
    }
  });
}

Deno.test("a burst of changes is told once, when it has been quiet", () =>
  watching({}, (bench, root) => {
    bench.change(join(root, "a.ts"));
    bench.pass(150);
    bench.change(join(root, "lib", "b.ts"));
    bench.change(join(root, "lib", "b.ts"));
    bench.pass(199);
    assertEquals(bench.told, []);
    bench.pass(1);
    assertEquals(bench.told, [[join(root, "a.ts"), 2]]);
    bench.pass(10_000);
    assertEquals(bench.told.length, 1);
  }));

Deno.test("the quiet time is that of the declaration", () =>
  watching({ debounceMs: 50 }, (bench, root) => {
    bench.change(join(root, "a.ts"));
    bench.pass(50);
    assertEquals(bench.told.length, 1);
  }));

Deno.test("folders are watched with all below them, but for those that do not count", () =>
  watching({ ignore: ["deep"] }, (bench, root) => {
    assertEquals([...bench.open.keys()].sort(), [dirname(root), root, join(root, "lib")]);
  }));

Deno.test("what does not count is not told", () =>
  watching({ ignore: ["*.tmp", "lib/**", "docs/*.md"] }, (bench, root) => {
    for (const name of ["x.tmp", "a.ts~", ".a.ts.swp", "4913", "node_modules", ".git"]) bench.change(join(root, name), "change");
    bench.change(join(dirname(root), "other"));
    bench.pass(1_000);
    assertEquals(bench.told, []);
    bench.change(join(root, "x.ts"));
    bench.pass(1_000);
    assertEquals(bench.told.length, 1);
  }));

Deno.test("a folder that is new is watched, and what comes with it belongs to the same change", () =>
  watching({}, async (bench, root) => {
    const made = join(root, "made");
    await mkdir(join(made, "inner"), { recursive: true });
    bench.change(made, "rename");
    await until(() => bench.isWatched(join(made, "inner")), () => [...bench.open.keys()].join());
    bench.change(join(made, "inner", "c.ts"));
    bench.pass(200);
    assertEquals(bench.told, [[made, 2]]);
  }));

Deno.test("a folder that is replaced is watched anew", () =>
  watching({}, async (bench, root) => {
    const lib = join(root, "lib");
    const before = bench.open.get(lib);
    await rm(lib, { recursive: true });
    await mkdir(lib);
    bench.change(lib, "rename");
    await until(() => bench.open.get(lib) !== before, () => "the folder is watched as before");
    assertEquals([before?.isClosed, bench.isWatched(lib)], [true, true]);
    bench.change(join(lib, "b.ts"));
    bench.pass(200);
    assertEquals(bench.told.length, 1);
  }));

Deno.test("what was named may go and come back", () =>
  watching({}, async (bench, root) => {
    const aside = `${root}-aside`;
    await rename(root, aside);
    bench.change(root, "rename");
    await until(() => !bench.isWatched(root), () => "the folder is still watched");
    bench.pass(200);
    await rename(aside, root);
    bench.change(root, "rename");
    await until(() => bench.isWatched(join(root, "lib", "deep")), () => "the folder is not watched again");
    bench.pass(200);
    assertEquals(bench.told.map(([file]) => file), [root, root]);
  }));

Deno.test("of a file only that file counts, however it is replaced", () =>
  inFolder(async (folder) => {
    const file = join(folder, "a.ts");
    await writeFile(file, "");
    const bench = new Bench({ paths: [file] });
    await bench.watch.begin();
    bench.change(join(folder, "b.ts"));
    bench.change(join(folder, "a.ts.tmp"), "rename");
    bench.pass(1_000);
    assertEquals(bench.told, []);
    bench.change(file, "rename");
    bench.pass(200);
    assertEquals([bench.told, [...bench.open.keys()]], [[[file, 1]], [folder]]);
    bench.watch.close();
  }));

Deno.test("what the system refuses is told once with what to do, and the rest is watched", () =>
  inFolder(async (folder) => {
    const root = join(folder, "src");
    for (const name of ["a", "b", "c"]) await mkdir(join(root, name), { recursive: true });
    const bench = new Bench({ paths: [root] });
    for (const name of ["a", "b"]) {
      bench.refused.set(
        join(root, name),
        Object.assign(new Error("ENOSPC: System limit for number of file watchers reached"), { code: "ENOSPC" }),
      );
    }
    await bench.watch.begin();
    assertEquals(bench.complaints.length, 1);
    assert(bench.complaints[0]?.includes("raise fs.inotify.max_user_watches"), bench.complaints[0]);
    bench.change(join(root, "c", "x.ts"));
    bench.pass(200);
    assertEquals(bench.told.length, 1);
    bench.watch.close();
  }));

Deno.test("a watch that fails later is told, and is no error of the program", () =>
  watching({}, (bench, root) => {
    bench.open.get(join(root, "lib"))?.watcher.failed(new Error("too many open files (os error 24)"));
    assert(bench.complaints[0]?.includes("max_user_instances"), bench.complaints[0]);
    assertEquals(bench.isWatched(join(root, "lib")), false);
  }));

Deno.test("only so many folders are watched, and that is told", () =>
  watching({}, (bench) => {
    assertEquals(bench.watch.folders, 3);
    assertEquals(bench.complaints, ["watches 3 folders, and no more: name fewer, or ignore some"]);
  }, 3));

Deno.test("after its end nothing is watched nor told", () =>
  watching({}, (bench, root) => {
    bench.change(join(root, "a.ts"));
    bench.watch.close();
    bench.pass(1_000);
    assertEquals([bench.told, bench.watch.folders, bench.clock.timers], [[], 0, 0]);
    assert([...bench.open.values()].every(({ isClosed }) => isClosed));
  }));
