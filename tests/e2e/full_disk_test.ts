/** A disk that takes no more in the middle of a line: it is told, nothing is doubled, and it goes on when there is room. */
import { assert, assertEquals } from "@std/assert";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { inFolder } from "../support/folder.ts";
import { moduleUrl, programArgs } from "../support/runtime.ts";

/** Where no file may be longer than 8 KiB, which stands for a disk that is full. */
const LIMITED = `trap '' XFSZ; ulimit -f 16; exec "$@"`;

/** Runs a program where files cannot grow as they like; returns what it printed. */
function runLimited(folder: string, program: string): string {
  const file = join(folder, "main.mjs");
  writeFileSync(file, program);
  const { stdout, stderr, status } = spawnSync("sh", ["-c", LIMITED, "sh", process.execPath, ...programArgs(file, ["-A", "--no-check"])], {
    encoding: "utf8",
    env: { ...process.env, DENO_NO_UPDATE_CHECK: "1" },
  });
  assertEquals([status, stderr], [0, ""]);
  return stdout;
}

Deno.test({
  name: "RotatingFile takes back what a full disk let it write in part, and the same lines are there once when there is room again",
  ignore: process.platform === "win32",
  async fn(): Promise<void> {
    await inFolder((folder) => {
      const path = join(folder, "lines.log");
      const output = runLimited(
        folder,
        `
import { truncateSync, readFileSync } from "node:fs";
import { RotatingFile } from ${JSON.stringify(moduleUrl("src/observe/rotating_file"))};
const path = ${JSON.stringify(path)};
const file = new RotatingFile({ path, maxBytes: 1e9, keep: 1, compress: false, fsync: "never" });
const lines = (from, count) => Array.from({ length: count }, (_, index) => "line " + (from + index) + "\\n").join("");
await file.append(lines(1000, 800));
await file.append(lines(1800, 10));
for (let round = 0; round < 3; round++) {
  const refused = await file.append(lines(1810, 10)).then(() => "", (error) => String(error));
  if (!/EFBIG|[Ff]ile too large/.test(refused)) throw new Error("was not refused: " + refused);
}
await file.append("x\\n");
console.log(readFileSync(path).length, readFileSync(path, "utf8").endsWith("line 1809\\nx\\n"));
truncateSync(path);
await file.append(lines(1810, 10));
await file.close();
`,
      );
      assertEquals(output, `${810 * 10 + 2} true\n`);
      assertEquals(readFileSync(path, "utf8").split("\n").length, 11);
      assert(readFileSync(path, "utf8").startsWith("line 1810\n"));
      return Promise.resolve();
    });
  },
});
