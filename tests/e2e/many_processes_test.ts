/** Fifty processes in one tree with all that is written of them; `deno task many` does the same with five hundred. */
import { assertEquals } from "@std/assert";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { start } from "../support/command.ts";
import { inFolder } from "../support/folder.ts";
import { runMany } from "../support/many_processes.ts";
import { denyingNothing, moduleUrl, programArgs } from "../support/runtime.ts";

const ignore = process.platform !== "linux";

Deno.test({
  name:
    "fifty processes: who is killed comes back once, who is declared otherwise starts anew once, nobody else is touched, and none is left",
  ignore,
  fn: async () => void await runMany({ count: 50, kills: 10, changes: 5 }),
});

Deno.test({
  name: "a tree of fifty processes with logs, journal and state leaves no descriptor in its program",
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const program = `
import { readdirSync, readlinkSync } from "node:fs";
import { child, supervise } from ${JSON.stringify(moduleUrl("mod"))};
const at = (name) => ${JSON.stringify(folder)} + "/" + name;
const linkOf = (fd) => {
  try {
    return readlinkSync("/proc/self/fd/" + fd);
  } catch {
    return "";
  }
};
const links = () => readdirSync("/proc/self/fd").map(linkOf).sort();
const open = () => links().length;
const once = async (count) => {
  const tree = await supervise({
    state: { path: at("state.json") },
    observability: { journal: { path: at("events.jsonl") } },
    audit: { backend: "file", filePath: at("audit.jsonl") },
    children: Array.from({ length: count }, (_, index) => child.process("p" + index, {
      command: "sh",
      args: ["-c", "echo up; exec sleep 600"],
      readiness: { mode: "log_line", pattern: "up" },
      logs: { file: at("p" + index + ".log") },
    })),
  });
  await tree.ready();
  const most = open();
  const { exitCode, unwritten, reconcile } = await tree.shutdown();
  return [most > 2 * count, exitCode, unwritten.length, reconcile.left.length].join();
};
// What the runtime itself opens now and then stays; what a tree leaves open is more with each of them.
const ends = [];
const told = new Set();
for (let round = 0; round < 5 && (round < 2 || ends.at(-1) !== ends.at(-2)); round++) {
  told.add(await once(50));
  for (let tries = 0; open() > (ends.at(-1) ?? 0) && tries < 100; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  ends.push(open());
}
console.log([...told].join(), ends.at(-1) === ends.at(-2) ? "no more" : ends.join() + " " + JSON.stringify(links()));
`;
      const file = join(folder, "main.mjs");
      writeFileSync(file, program);
      const run = start(denyingNothing(programArgs(file, ["-A", "--no-check"])));
      assertEquals([await run.ended, run.output().split("\n").at(-2)], [0, "true,0,0,0 no more"], run.output());
    }),
});
