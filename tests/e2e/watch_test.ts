import { assert, assertEquals } from "@std/assert";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { child, type ChildSpec, SpecError, supervise, type SupervisorEvent, type Tree } from "../../mod.ts";
import { outcomeOf } from "../support/command.ts";
import { inFolder } from "../support/folder.ts";
import { moduleUrl } from "../support/runtime.ts";
import { until } from "../support/until.ts";

interface Scene {
  readonly tree: Tree;
  readonly events: SupervisorEvent[];
  /** What the child printed or logged. */
  readonly lines: string[];
  readonly folder: string;
  /** Waits until the child has printed a text so often. */
  said(text: string, times?: number): Promise<void>;
}

/** A child whose files the test changes. */
async function playing(make: (folder: string) => Promise<ChildSpec> | ChildSpec, look: (scene: Scene) => Promise<void>): Promise<void> {
  await inFolder(async (folder) => {
    const tree = await supervise({ children: [await make(folder)] });
    const events: SupervisorEvent[] = [];
    const lines: string[] = [];
    const reading = Promise.all([
      (async () => {
        for await (const event of tree.events()) if (event.type !== "gap") events.push(event);
      })(),
      (async () => {
        for await (const record of tree.logs()) if ("line" in record) lines.push(record.line);
      })(),
    ]);
    const said = (text: string, times = 1): Promise<void> =>
      until(
        () => lines.filter((line) => line === text).length >= times,
        () => `not ${times} times "${text}" in ${JSON.stringify(lines)}`,
        15_000,
      );
    try {
      await look({ tree, events, lines, folder, said });
    } finally {
      await tree.close();
      await reading;
    }
  });
}

/** A process that prints a file, and then waits. */
function printing(folder: string, watch: ChildSpec["watch"], file = join(folder, "src", "lib", "text")): ChildSpec {
  return child.process("app", { command: "sh", args: ["-c", `cat "${file}"; exec sleep 1000`], watch });
}

async function withSources(folder: string): Promise<string> {
  const lib = join(folder, "src", "lib");
  await mkdir(lib, { recursive: true });
  await writeFile(join(lib, "text"), "one\n");
  return join(folder, "src");
}

const test = (name: string, fn: () => Promise<void>): void => Deno.test({ name, ignore: process.platform === "win32", fn });

test("a process restarts once for a burst of changes, and its events say by whom and why", () =>
  playing(
    async (folder) => printing(folder, { paths: [await withSources(folder)], debounceMs: 3_000 }),
    async ({ tree, events, said, folder }) => {
      await said("one");
      const text = join(folder, "src", "lib", "text");
      for (let round = 0; round < 5; round++) await writeFile(text, "two\n");
      await writeFile(join(folder, "src", "new"), "");
      await said("two");
      const restarting = events.filter(({ type }) => type === "child_restarting");
      assertEquals(restarting.map((event) => event.type === "child_restarting" && event.cause), ["file"]);
      const told = events.find((event) => event.type === "child_control_command_completed");
      assert(told?.type === "child_control_command_completed");
      assertEquals([told.by, told.command, told.result], ["watch", "restart", "accepted"]);
      assert(told.reason.startsWith(text), told.reason);
      assertEquals([tree.child("/app").attempt, tree.child("/app").generation], [2, 1]);
    },
  ));

test("a file that an editor replaces by renaming is seen each time", () =>
  playing(async (folder) => printing(folder, { paths: [await withSources(folder)] }), async ({ said, folder }) => {
    const text = join(folder, "src", "lib", "text");
    await said("one");
    for (const content of ["two", "three", "four"]) {
      await writeFile(`${text}.new`, `${content}\n`);
      await rename(`${text}.new`, text);
      await said(content);
    }
  }));

test("a single file is seen when it is replaced, and when it goes and comes back; its neighbours do not count", () =>
  playing(async (folder) => {
    const source = await withSources(folder);
    return printing(folder, { paths: [join(source, "lib", "text")] });
  }, async ({ tree, said, folder }) => {
    const text = join(folder, "src", "lib", "text");
    await said("one");
    await writeFile(join(folder, "src", "lib", "other"), "");
    await writeFile(`${text}.new`, "two\n");
    await rename(`${text}.new`, text);
    await said("two");
    await rm(text);
    await writeFile(text, "three\n");
    await said("three");
    // A restart for each step at most.
    assert(tree.child("/app").attempt <= 6);
  }));

test("folders that are new, removed and made again are watched", () =>
  playing(async (folder) => printing(folder, { paths: [await withSources(folder)] }), async ({ said, folder }) => {
    const lib = join(folder, "src", "lib");
    await said("one");
    await rm(lib, { recursive: true });
    await mkdir(lib);
    await writeFile(join(lib, "text"), "two\n");
    await said("two");
    await writeFile(join(lib, "text"), "three\n");
    await said("three");
    await mkdir(join(folder, "src", "a", "b"), { recursive: true });
    await writeFile(join(lib, "text"), "four\n");
    await said("four");
  }));

test("what is watched as a whole may go and come back", () =>
  playing(async (folder) => printing(folder, { paths: [await withSources(folder)] }), async ({ said, folder }) => {
    await said("one");
    await rename(join(folder, "src"), join(folder, "aside"));
    await writeFile(join(folder, "aside", "lib", "text"), "two\n");
    await rename(join(folder, "aside"), join(folder, "src"));
    await said("two");
    await writeFile(join(folder, "src", "lib", "text"), "three\n");
    await said("three");
  }));

test("what is ignored restarts nothing", () =>
  playing(
    async (folder) => printing(folder, { paths: [await withSources(folder)], ignore: ["*.log", "out/**"], debounceMs: 300 }),
    async ({ tree, said, folder }) => {
      await said("one");
      await mkdir(join(folder, "src", "node_modules"));
      await writeFile(join(folder, "src", "node_modules", "x.js"), "");
      await writeFile(join(folder, "src", "a.log"), "");
      await writeFile(join(folder, "src", "text~"), "");
      // What counts comes after it, and is the first restart.
      await writeFile(join(folder, "two"), "two\n");
      await rename(join(folder, "two"), join(folder, "src", "lib", "text"));
      await said("two");
      assertEquals(tree.child("/app").attempt, 2);
    },
  ));

test("a process that failed for good starts again when its files change; one that was put down by hand does not", () =>
  playing(async (folder) => {
    const source = await withSources(folder);
    await writeFile(join(source, "lib", "text"), "exit 3\n");
    const options = { watch: { paths: [source], debounceMs: 20 }, restartPolicy: "temporary" } as const;
    return child.process("app", { command: "sh", args: [join(source, "lib", "text")], ...options });
  }, async ({ tree, said, folder }) => {
    await until(() => tree.child("/app").phase === "failed", () => tree.child("/app").phase);
    const text = join(folder, "src", "lib", "text");
    await writeFile(text, "echo well\nexec sleep 1000\n");
    await said("well");
    await tree.child("/app").terminate();
    await until(() => tree.child("/app").phase === "stopped", () => tree.child("/app").phase);
    const { attempt } = tree.child("/app");
    await tree.add({ ...printing(folder, { paths: [join(folder, "src")], debounceMs: 20 }, text), name: "second" });
    // Its files are watched soon after it is there, which only a change tells.
    await until(async () => {
      await writeFile(join(folder, "src", "lib", "other"), `${performance.now()}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return tree.child("/second").attempt > 1;
    }, () => "nobody watches");
    // The second child sees the same change, after which the first has seen it as well.
    await writeFile(text, "echo again\n");
    await said("echo again");
    assertEquals([tree.child("/app").phase, tree.child("/app").attempt], ["stopped", attempt]);
  }));

test("a worker loads its code anew", () =>
  playing(async (folder) => {
    const source = await withSources(folder);
    const file = join(source, "worker.mjs");
    await writeFile(file, workerThatSays("old"));
    return child.worker("app", pathToFileURL(file).href, { watch: { paths: [source] } });
  }, async ({ said, folder }) => {
    await said("old");
    await writeFile(join(folder, "src", "worker.mjs"), workerThatSays("new"));
    await said("new");
  }));

function workerThatSays(text: string): string {
  return `import { serveWorker } from "${moduleUrl("src/worker/mod")}";
serveWorker(({ log, signal }) => {
  log("${text}");
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
});`;
}

test("nothing is restarted after the end of the tree, and the watch does not keep the program alive", async () => {
  await inFolder(async (folder) => {
    const source = await withSources(folder);
    const program = `import { child, supervise } from "${moduleUrl("mod")}";
const tree = await supervise({ children: [child.process("app", { command: "sleep", args: ["1000"],  watch: { paths: ["${source}"] } })] });
await tree.ready();
await tree.close();
console.log("closed");`;
    const { code, output } = await outcomeOf(program, "-A");
    assertEquals([code, output.trim()], [0, "closed"]);
  });
});

test("a folder that is watched does not keep the program alive, even after something changed", async () => {
  await inFolder(async (folder) => {
    const program = `import { writeFileSync } from "node:fs";
import { platform } from "${moduleUrl("src/platform/mod")}";
let isOver = false;
platform.watchFolder(${JSON.stringify(folder)}, { changed: () => isOver = true, failed: (error) => console.log(String(error)) });
const look = () => {
  if (isOver) return console.log("seen");
  writeFileSync(${JSON.stringify(join(folder, "a"))}, String(Math.random()));
  setTimeout(look, 50);
};
look();`;
    const { code, output } = await outcomeOf(program, "-A");
    assertEquals([code, output.trim()], [0, "seen"]);
  });
});

test("a path that is not there is refused before anything starts", async () => {
  const spec = child.process("app", { command: "sleep", args: ["1000"], watch: { paths: ["/", "/nowhere/at/all"] } });
  const error = await supervise({ children: [spec] }).then(() => null, (reason: unknown) => reason);
  assert(error instanceof SpecError);
  assertEquals(error.problems.map(({ pointer, rule }) => [pointer, rule]), [["/children/0/watch/paths/1", "watch_path_not_found"]]);
});

Deno.test("a schedule without a time that will ever be is refused before anything starts", async () => {
  const spec = child.task("job", () => {}, { schedule: { cron: "0 0 30 2 *" } });
  const error = await supervise({ children: [spec] }).then(() => null, (reason: unknown) => reason);
  assert(error instanceof SpecError);
  assertEquals(error.problems.map(({ pointer, rule }) => [pointer, rule]), [["/children/0/schedule/cron", "never_due"]]);
});
