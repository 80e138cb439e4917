import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
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
  const [own, escaped, between] = [await pidIn(folder, "own"), await pidIn(folder, "escaped"), await pidIn(folder, "between")];
  await until(async () => !await isRunning(between), () => "it is no daemon");
  await tree.close();
  assertEquals([await isRunning(own), await isRunning(escaped)], [false, false]);
  const lines: string[] = [];
  for await (const record of tree.logs()) if ("line" in record) lines.push(record.line);
  assertEquals(lines, ["Ended a process that had left its process group"]);
});

/** The numbers of processes that have this in their environment, and have not ended. */
async function carrying(variable: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => {
    const text = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    return text.split("\0").includes(variable) && await isRunning(pid) ? [pid] : [];
  }));
  return found.flat();
}

/** A child whose every attempt ends by itself, ten times; then it stays. */
function failing(name: string, folder: string, text: string, more: Partial<ChildSpec> = {}): ChildSpec {
  const last = `echo >>attempts; [ $(wc -l <attempts) -gt 10 ] && exec sleep 60`;
  const environment = [{ name: "LEFT_IN", value: folder }];
  return script(name, `cd ${folder}; ${last}; ${text}`, { environment, backoff: { initialMs: 1, maxMs: 1 }, ...more });
}

async function untilTenthRestart(folder: string): Promise<void> {
  await until(
    async () => (await readFile(`${folder}/attempts`, "utf8").catch(() => "")).length > 10,
    () => "it was not restarted ten times",
  );
}

test("what a process left that ended by itself is ended before the next attempt, each time", async (folder) => {
  const daemon = `(setsid sh -c "(exec sh -c 'trap \"\" HUP; echo \\$\\$ >>daemons; exec sleep 60') & exit" &)`;
  const overlap = `for pid in $(cat daemons); do grep -q "^State:.[^ZX]" /proc/$pid/status && echo $pid >>overlaps; done 2>/dev/null`;
  const written = `while [ $(cat daemons 2>/dev/null | wc -l) -lt $(wc -l <attempts) ]; do sleep 0.01; done`;
  const tree = await supervise({ children: [failing("a", folder, `${overlap}; ${daemon}; ${written}; exit 1`)] });
  await untilTenthRestart(folder);
  const daemons = (await readFile(`${folder}/daemons`, "utf8")).trim().split("\n").map(Number);
  assertEquals([daemons.length, new Set(daemons).size], [10, 10]);
  assertEquals(existsSync(`${folder}/overlaps`), false, "the one before was still there");
  assertEquals((await carrying(`LEFT_IN=${folder}`)).filter((pid) => daemons.includes(pid)), []);
  await tree.close();
  assertEquals(await carrying(`LEFT_IN=${folder}`), []);
  const lines: string[] = [];
  for await (const record of tree.logs()) if ("line" in record) lines.push(record.line);
  assertEquals(lines.length, 10);
  // The one between may be about to end by itself.
  for (const line of lines) assertMatch(line, /^Ended (a process|\d+ processes) that had left its process group$/);
});

test("what is still leaving its group when its process ends by itself is ended as well, whoever ends with success included", async (folder) => {
  const leaving = `(setsid sh -c "(setsid sleep 60 &) ; (sleep 60 &)" &)`;
  const children = [0, 1].map((code) =>
    failing(`a${code}`, `${folder}/${code}`, `${leaving}; exit ${code}`, { restartPolicy: "permanent" })
  );
  for (const code of [0, 1]) await mkdir(`${folder}/${code}`);
  const tree = await supervise({ children });
  for (const code of [0, 1]) await untilTenthRestart(`${folder}/${code}`);
  for (const code of [0, 1]) await until(async () => (await carrying(`LEFT_IN=${folder}/${code}`)).length === 1, () => "others are left");
  await tree.close();
  for (const code of [0, 1]) assertEquals(await carrying(`LEFT_IN=${folder}/${code}`), []);
});

test("a program after the start that still runs is no leftover of a process that has succeeded; what it leaves is", async (folder) => {
  const spec = script("a", `until [ -e ${folder}/hook.pid ]; do sleep 0.01; done; exit 0`, {
    environment: [{ name: "LEFT_IN", value: folder }],
    restartPolicy: "temporary",
    hooks: {
      afterStart: {
        command: "sh",
        args: ["-c", `cd ${folder}; (setsid sleep 60 &); echo $$ >hook.pid; sleep 0.5; echo >finished`],
      },
      afterExit: {
        command: "sh",
        args: [
          "-c",
          `(setsid sh -c 'echo $$ >${folder}/after.pid; exec sleep 60' &); until [ -s ${folder}/after.pid ]; do sleep 0.01; done`,
        ],
      },
    },
  });
  const tree = await supervise({ children: [spec] });
  await until(() => tree.child("/a").phase === "stopped", () => `it is ${tree.child("/a").phase}`);
  assertEquals(existsSync(`${folder}/finished`), true, "the hook was ended");
  await pidIn(folder, "after");
  assertEquals(await carrying(`LEFT_IN=${folder}`), []);
  await tree.close();
});

test("what a program before the start has left is ended before it is tried again", async (folder) => {
  const once = `echo >>attempts; [ $(wc -l <attempts) -gt 3 ] && exit 0; (setsid sleep 60 &); sleep 0.1; exit 1`;
  const spec = script("a", "exec sleep 60", {
    environment: [{ name: "LEFT_IN", value: folder }],
    backoff: { initialMs: 1, maxMs: 1 },
    hooks: { beforeStart: { command: "sh", args: ["-c", `cd ${folder}; ${once}`] } },
  });
  const tree = await supervise({ children: [spec] });
  await tree.ready();
  await until(async () => (await carrying(`LEFT_IN=${folder}`)).length === 1, () => "others are left");
  assertEquals(tree.child("/a").attempt, 4);
  await tree.close();
  assertEquals(await carrying(`LEFT_IN=${folder}`), []);
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

test("when the command is killed, its processes are gone soon, but those that may live on", async (folder) => {
  await writeFile(join(folder, "tree.yaml"), YAML(folder));
  const command = reeve(["run", join(folder, "tree.yaml")]);
  const pids = await Promise.all(["polite", "stubborn", "grandchild", "hook"].map((name) => pidIn(folder, name, command.output)));
  const loose = await pidIn(folder, "loose");
  // Whoever has just been started is not known to the shell for a moment.
  await new Promise((resolve) => setTimeout(resolve, 500));
  command.signal("SIGKILL");
  await command.ended;
  await until(async () => !(await Promise.all(pids.map(isRunning))).includes(true), () => "some of them still run");
  assertEquals(await isRunning(loose), true);
});
