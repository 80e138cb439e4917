/** What cannot be written in the end is told by the report, and keeps nobody waiting for long. */
import { assert, assertEquals } from "@std/assert";
import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { child, readJournal, supervise } from "../../mod.ts";
import { inFolder } from "../support/folder.ts";
import { untilAborted } from "../support/tasks.ts";
import { until } from "../support/until.ts";

/** Puts a folder where the file is, so that nothing can be appended. */
async function breakFile(path: string): Promise<void> {
  await until(() => stat(path).then(({ size }) => size > 0, () => false), () => `nothing was written to ${path}`);
  // What is being written may put it there again.
  await until(async () => {
    await rm(path, { force: true });
    return await mkdir(path).then(() => true, () => false);
  }, () => `${path} comes back`);
}

Deno.test("what could not be written of journal, audit and output is in the report, with why; the tree ends all the same", () =>
  inFolder(async (folder) => {
    const journal = join(folder, "events.jsonl");
    const audit = join(folder, "audit.jsonl");
    const output = join(folder, "a.log");
    let speak = (_line: string): void => {};
    const tree = await supervise({
      children: [
        child.task("a", async (context) => {
          speak = context.log.bind(context);
          speak("here");
          await untilAborted(context);
        }, { logs: { file: output } }),
      ],
      observability: { journal: { path: journal } },
      audit: { backend: "file", filePath: audit, failureStrategy: "defer_bounded" },
    });
    await tree.child("/a").resume({ by: "ada" });
    for (const path of [journal, audit, output]) await breakFile(path);
    speak("nowhere");
    await tree.child("/a").resume({ by: "ada" });
    const startedAtMs = performance.now();
    const report = await tree.shutdown();
    assert(performance.now() - startedAtMs < 10_000);
    assertEquals(report.exitCode, 0);
    const told = report.unwritten.map(({ sink, lost, reason }) => [sink, lost > 0, reason !== ""]).sort();
    assertEquals(told, [["audit", true, true], ["journal", true, true], ["logs", true, true]]);
    assertEquals((await tree.finished).unwritten, report.unwritten);
  }));

Deno.test("a tree whose files can be written has nothing in that list, and everything in the files when it has finished", () =>
  inFolder(async (folder) => {
    const path = join(folder, "events.jsonl");
    const tree = await supervise({ children: [child.task("a", untilAborted)], observability: { journal: { path } } });
    const { unwritten, summary } = await tree.shutdown();
    assertEquals(unwritten, []);
    const types: string[] = [];
    for await (const entry of readJournal(path)) types.push(entry.kind === "event" ? entry.event.type : entry.kind);
    assertEquals(types.at(-1), "shutdown_completed");
    assertEquals(types.length, summary.recentEvents.at(-1)?.seq);
  }));
