import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { child, type ChildSpec, supervise } from "../../mod.ts";
import { reeve } from "../support/command.ts";
import { inFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";

function test(name: string, run: (folder: string) => Promise<void>): void {
  Deno.test({
    name,
    // Scripts use setsid and /proc.
    ignore: process.platform !== "linux",
    fn: () =>
      inFolder(async (folder) => {
        try {
          await run(folder);
        } finally {
          const files = (await readdir(folder)).filter((file) => file.endsWith(".pid"));
          for (const file of files) {
            const pid = Number(await readFile(join(folder, file), "utf8"));
            if (pid > 1 && await isRunning(pid)) process.kill(pid, "SIGKILL");
          }
        }
      }),
  });
}

async function isRunning(pid: number): Promise<boolean> {
  return /\) [^ZX]/.test(await readFile(`/proc/${pid}/stat`, "latin1").catch(() => ""));
}

async function pidIn(folder: string, name: string, output = (): string => ""): Promise<number> {
  const file = join(folder, `${name}.pid`);
  await until(
    async () => existsSync(file) && (await readFile(file, "utf8")).endsWith("\n"),
    () => `nobody wrote ${name}.pid\n${output()}`,
  );
  return Number(await readFile(file, "utf8"));
}

function script(name: string, text: string, more: Partial<ChildSpec> = {}): ChildSpec {
  return { ...child.process(name, { command: "sh", args: ["-c", text] }), ...more };
}

const DAEMON = "(setsid sh -c '(echo $$ >between.pid; exec sh -c \"echo \\$\\$ >escaped.pid; exec sleep 60\") & exit' &)";

test("what a process left outside of its group is ended with it, and that is said", async (folder) => {
  const tree = await supervise({ children: [script("a", `cd ${folder}; ${DAEMON}; echo $$ >own.pid; exec sleep 60`)] });
  const [own, escaped] = [await pidIn(folder, "own"), await pidIn(folder, "escaped")];
  await tree.close();
  assertEquals([await isRunning(own), await isRunning(escaped)], [false, false]);
  const lines: string[] = [];
  for await (const record of tree.logs()) if ("line" in record) lines.push(record.line);
  assertEquals(lines, ["Ended a process that had left its process group"]);
});

test("with killTree: false, what a process left behind is nobody's business", async (folder) => {
  const tree = await supervise({
    children: [script("a", `cd ${folder}; ${DAEMON}; echo $$ >own.pid; exec sleep 60`, { stop: { killTree: false } })],
  });
  await pidIn(folder, "own");
  const escaped = await pidIn(folder, "escaped");
  await tree.close();
  assertEquals(await isRunning(escaped), true);
});

test("a child above its limit of memory is restarted, and the cause is named", async (folder) => {
  const hungry =
    `cd ${folder}; if [ -e second ]; then exec sleep 60; fi; touch second; (head -c 150000000 /dev/zero; sleep 60) | tail >/dev/null`;
  const tree = await supervise({ children: [script("a", hungry, { resourceLimits: { maxMemoryMb: 64 }, backoff: { initialMs: 1 } })] });
  const failures: string[] = [];
  for await (const event of tree.events()) {
    if (event.type === "child_unhealthy") failures.push(event.reason);
    if (event.type === "child_failed" && "failure" in event.exit) {
      failures.push(`${event.exit.failure.kind} ${event.exit.failure.category} ${event.exit.failure.message}`);
    }
    if (event.type === "child_ready" && failures.length > 0) break;
  }
  assertEquals(failures.length, 2, failures.join());
  assertMatch(failures[0]!, /^its \d processes used \d+ MiB of memory, more than its limit of 64 MiB$/);
  assertEquals(failures[1], `unhealthy memory_limit ${failures[0]}`);
  await tree.close();
});

test("a process has its limit of open files, and one that the system refuses keeps the tree from starting", async (folder) => {
  const told = script("a", `ulimit -n >${folder}/files; exec sleep 60`, { resourceLimits: { maxFileDescriptors: 99 } });
  const tree = await supervise({ children: [told] });
  await until(
    async () => existsSync(`${folder}/files`) && (await readFile(`${folder}/files`, "utf8")) === "99\n",
    () => "it has another limit",
  );
  await tree.close();
  const refused = await supervise({ children: [script("a", "true", { resourceLimits: { maxFileDescriptors: 0x7fff_ffff } })] }).then(
    () => "",
    String,
  );
  assertStringIncludes(refused, "Cannot limit open files to 2147483647");
});

const YAML = (folder: string): string =>
  `children:
  - name: polite
    run: { process: { command: sh, args: [-c, "echo $$ >polite.pid; exec sleep 60"], cwd: ${folder} } }
  - name: stubborn
    run: { process: { command: sh, args: [-c, 'trap "" TERM; sh -c "echo \\$\\$ >grandchild.pid; sleep 60; true" & echo $$ >stubborn.pid; wait; sleep 60'], cwd: ${folder} } }
  - name: hooked
    run:
      process:
        command: sleep
        args: ["60"]
        cwd: ${folder}
    hooks: { after_start: { command: sh, args: [-c, "echo $$ >hook.pid; exec sleep 60"], timeout_ms: 60000 } }
  - name: loose
    run: { process: { command: sh, args: [-c, "echo $$ >loose.pid; exec sleep 60"], cwd: ${folder}, stop_on_parent_death: false } }
`;

test("when the command is killed, its processes are gone within 1.5 s, but those that may live on", async (folder) => {
  await writeFile(join(folder, "tree.yaml"), YAML(folder));
  const command = reeve(["run", join(folder, "tree.yaml")]);
  const pids = await Promise.all(["polite", "stubborn", "grandchild", "hook"].map((name) => pidIn(folder, name, command.output)));
  const loose = await pidIn(folder, "loose");
  // Whoever has just been started is not known to the shell for a moment.
  await new Promise((resolve) => setTimeout(resolve, 500));
  command.signal("SIGKILL");
  await command.ended;
  const fromMs = performance.now();
  await until(async () => !(await Promise.all(pids.map(isRunning))).includes(true), () => "some of them still run");
  assert(performance.now() - fromMs < 1_500, `it took ${performance.now() - fromMs} ms`);
  assertEquals(await isRunning(loose), true);
});
