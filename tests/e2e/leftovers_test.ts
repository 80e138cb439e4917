import { assert, assertEquals, assertMatch } from "@std/assert";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { killSurvivors, noteDescendants } from "../../src/runtime/children/descendants.ts";
import { MemoryWatch } from "../../src/runtime/children/memory_watch.ts";
import { PROC_READER, ProcessTable, PS_READER } from "../../src/runtime/children/process_table.ts";
import { limitChecker, wrapCommand } from "../../src/runtime/children/resource_limits.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { type RunningCommand, start } from "../support/command.ts";
import { inFolder } from "../support/folder.ts";
import { moduleUrl, programArgs } from "../support/runtime.ts";
import { until } from "../support/until.ts";

/** Runs a test with a folder; what its scripts started and wrote down the number of is ended. */
function test(name: string, run: (folder: string) => Promise<void>): void {
  Deno.test({
    name,
    // Scripts use setsid and /proc.
    ignore: process.platform !== "linux",
    fn: () =>
      inFolder(async (folder) => {
        // As a tree does: timers of what is tested do not keep the program alive.
        const keepAlive = setInterval(() => {}, 1_000);
        try {
          await run(folder);
        } finally {
          clearInterval(keepAlive);
          for (const pid of await pidsIn(folder)) if (await isRunning(pid)) process.kill(pid, "SIGKILL");
        }
      }),
  });
}

/** The numbers that scripts wrote into files of the folder. */
async function pidsIn(folder: string): Promise<number[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith(".pid"));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), "utf8")));
  return texts.map(Number).filter((pid) => pid > 1);
}

async function pidIn(folder: string, name: string): Promise<number> {
  const file = join(folder, `${name}.pid`);
  await until(async () => existsSync(file) && (await readFile(file, "utf8")).endsWith("\n"), () => `nobody wrote ${name}.pid`);
  return Number(await readFile(file, "utf8"));
}

/** Whether a process is there and has not ended; who clears it away does not matter. */
async function isRunning(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
  return /\) [^ZX]/.test(text);
}

async function running(pids: readonly number[]): Promise<number[]> {
  const all = await Promise.all(pids.map(async (pid) => await isRunning(pid) ? [pid] : []));
  return all.flat();
}

function script(text: string, env: Record<string, string> = {}): ChildProcess {
  return spawn("sh", ["-c", text], { detached: true, stdio: "ignore", env: { ...process.env, ...env } });
}

async function endGroup(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  process.kill(-child.pid!, "SIGKILL");
  await ended;
}

function ps(...columns: string[]): Promise<string[]> {
  return new Promise((resolve) =>
    execFile("ps", ["-A", "-ww", "-o", columns.join()], (_, stdout) => resolve(stdout.split("\n").map((line) => line.trim())))
  );
}

// --- descendants that left the group -----------------------------------------------------------------------------------------------------

const SETSID = "setsid sh -c 'echo $$ >escaped.pid; exec sleep 60' & echo $$ >own.pid; exec sleep 60";
const STUBBORN = `setsid sh -c 'trap "" TERM; echo $$ >escaped.pid; while :; do sleep 0.1; done' & echo $$ >own.pid; exec sleep 60`;

/** A daemon as in the book: its parent has ended, and it belongs to the first process of the system. */
const DAEMON = "(setsid sh -c '(echo $$ >between.pid; exec sh -c \"echo \\$\\$ >escaped.pid; exec sleep 60\") & exit' &); exec sleep 60";

const CASES: readonly (readonly [name: string, text: string, reader: typeof PS_READER, killed: number])[] = [
  ["with setsid, seen by /proc", SETSID, PROC_READER, 0],
  ["with setsid, seen by ps", SETSID, PS_READER, 0],
  ["with setsid and ignores SIGTERM, seen by /proc", STUBBORN, PROC_READER, 1],
  ["with setsid and ignores SIGTERM, seen by ps", STUBBORN, PS_READER, 1],
  ["by forking twice", DAEMON, PROC_READER, 0],
];

for (const [name, text, reader, killed] of CASES) {
  test(`who leaves the group ${name} is ended after the group is gone`, async (folder) => {
    const table = new ProcessTable(reader);
    const child = script(`cd ${folder}; ${text}`, { REEVE_MARK: folder });
    const escaped = await pidIn(folder, "escaped");
    if (text === DAEMON) {
      await until(
        async () => (await ps("pid=", "ppid=")).some((line) => new RegExp(`^${escaped}\\s+1$`).test(line)),
        () => "it is no daemon",
      );
    }
    const noted = await noteDescendants(child.pid!, { mark: folder, table });
    assert(noted.some(({ pid }) => pid === escaped), JSON.stringify(noted));
    await endGroup(child);
    assertEquals(await isRunning(escaped), true, "it is in no group that was signalled");
    const report = await killSurvivors(noted, { graceMs: 300, table });
    assertEquals([report.found >= 1, report.killed >= killed, report.left], [true, true, []]);
    await until(async () => !await isRunning(escaped), () => "it still runs");
  });
}

test("a stranger who has the number of a noted process is left alone", async (folder) => {
  const stranger = script(`cd ${folder}; echo $$ >stranger.pid; exec sleep 60`);
  const pid = await pidIn(folder, "stranger");
  for (const reader of [PROC_READER, PS_READER]) {
    const report = await killSurvivors([{ pid, start: "a long time ago" }], { graceMs: 50, table: new ProcessTable(reader) });
    assertEquals([report.found, report.killed], [0, 0]);
  }
  assertEquals(await isRunning(pid), true);
  await endGroup(stranger);
});

// --- the death of the program ------------------------------------------------------------------------------------------------------------

/** A program with children as the adapter starts them; those named `loose` are not to be ended. */
function programWith(scripts: Readonly<Record<string, string>>, rest: string): string {
  return `import { spawn } from "node:child_process";
import process from "node:process";
import { parentDeath } from ${JSON.stringify(moduleUrl("src/runtime/children/parent_death"))};
const release = parentDeath.hold();
const children = {};
for (const [name, text] of Object.entries(${JSON.stringify(scripts)})) {
  const child = children[name] = spawn("sh", ["-c", text], { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  if (name !== "loose") parentDeath.add(child.pid, console.log);
}
setInterval(() => {}, 1000);
console.log("up");
${rest}
`;
}

async function run(
  folder: string,
  scripts: Readonly<Record<string, string>>,
  rest = "",
): Promise<RunningCommand & { readonly pid: number }> {
  const file = join(folder, "main.mjs");
  await writeFile(file, programWith(scripts, `${rest}\nconsole.log("pid " + process.pid + ".");`));
  const program = start(programArgs(file, ["-A"]));
  await program.until(".\n");
  return { ...program, pid: Number(/pid (\d+)\./.exec(program.output())?.[1]) };
}

function scriptsIn(folder: string): Record<string, string> {
  const cd = `cd ${folder}`;
  return {
    polite: `${cd}; echo $$ >polite.pid; exec sleep 60`,
    stubborn:
      `${cd}; trap "" TERM; (echo $(exec sh -c 'echo $PPID') >grandchild.pid; while :; do sleep 0.1; done) & echo $$ >stubborn.pid; wait; while :; do sleep 0.1; done`,
    loose: `${cd}; echo $$ >loose.pid; exec sleep 60`,
  };
}

const NAMES = ["polite", "stubborn", "grandchild", "loose"];

async function watcherOf(pid: number): Promise<number> {
  let found = 0;
  await until(async () => {
    const line = (await ps("pid=", "ppid=", "args=")).find((line) => new RegExp(`^\\d+\\s+${pid}\\s.*reeve-parent-death`).test(line));
    found = Number.parseInt(line ?? "0", 10);
    return found > 0;
  }, () => "there is no watcher");
  return found;
}

async function assertEnded(pids: readonly number[], loose: number): Promise<void> {
  await until(async () => (await running(pids)).length === 0, () => "some of them still run");
  assertEquals(await isRunning(loose), true);
}

test("when the program is killed, its children and theirs are gone soon, and who may live on does", async (folder) => {
  const program = await run(folder, scriptsIn(folder));
  const pids = await Promise.all(NAMES.map((name) => pidIn(folder, name)));
  const watcher = await watcherOf(program.pid);
  program.signal("SIGKILL");
  await program.ended;
  await assertEnded(pids.slice(0, -1), pids.at(-1)!);
  await until(async () => !await isRunning(watcher), () => "the watcher still runs");
});

test("what ends programs from a terminal does not end the watcher, and whoever kills it gets another one", async (folder) => {
  const program = await run(folder, scriptsIn(folder));
  const pids = await Promise.all(NAMES.map((name) => pidIn(folder, name)));
  const watcher = await watcherOf(program.pid);
  const line = (await ps("pid=", "pgid=", "sid=")).find((line) => line.startsWith(`${watcher} `));
  assertEquals(line?.split(/\s+/), [`${watcher}`, `${watcher}`, `${watcher}`], "it has a session of its own");
  await until(() => ignoresTerm(watcher), () => "it does not ignore what it should");
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const) process.kill(watcher, signal);
  // One that is reached by a signal would be gone when another one comes.
  await new Promise((resolve) => setTimeout(resolve, 100));
  assertEquals(await isRunning(watcher), true);
  process.kill(watcher, "SIGKILL");
  await until(async () => !await isRunning(watcher), () => "it is still there");
  assert(await watcherOf(program.pid) !== watcher);
  program.signal("SIGKILL");
  await program.ended;
  await assertEnded(pids.slice(0, -1), pids.at(-1)!);
});

test("the watcher holds nothing of the program but its pipe", async (folder) => {
  const program = await run(folder, scriptsIn(folder));
  await Promise.all(NAMES.map((name) => pidIn(folder, name)));
  const watcher = await watcherOf(program.pid);
  const inherited = new Set((await linksOf(process.pid)).map(([, link]) => link));
  let foreign: unknown[] = [];
  // It reads of a process now and then.
  await until(async () => {
    foreign = (await linksOf(watcher)).filter(([fd, link]) => fd !== "0" && link !== "/dev/null" && !inherited.has(link));
    return foreign.length === 0;
  }, () => JSON.stringify(foreign));
  assertEquals(await readlink(`/proc/${watcher}/cwd`), "/");
  program.signal("SIGKILL");
  await program.ended;
  await until(async () => !await isRunning(watcher), () => "the watcher still runs");
});

async function ignoresTerm(pid: number): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/status`, "latin1").catch(() => "");
  const ignored = BigInt(`0x${/^SigIgn:\s*([0-9a-f]+)$/m.exec(text)?.[1] ?? "0"}`);
  return (ignored >> 14n & 1n) === 1n;
}

async function linksOf(pid: number): Promise<[fd: string, link: string][]> {
  const fds = await readdir(`/proc/${pid}/fd`);
  const links = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "/dev/null")));
  return fds.map((fd, index) => [fd, links[index]!]);
}

test("a program that has taken its groups back ends nobody, and leaves no watcher", async (folder) => {
  const rest = "for (const child of Object.values(children)) parentDeath.remove(child.pid);\nawait release();\nconsole.log('released');";
  const program = await run(folder, scriptsIn(folder), rest);
  const pids = await Promise.all(NAMES.map((name) => pidIn(folder, name)));
  assertEquals(
    (await ps("ppid=", "args=")).filter((line) => line.startsWith(`${program.pid} `) && line.includes("reeve-parent-death")),
    [],
  );
  program.signal("SIGKILL");
  await program.ended;
  // Longer than a watcher would take.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assertEquals(await running(pids), pids);
});

/** The shell is told of a number that nobody has yet; then somebody gets it, since numbers are given in turn. */
const STRANGER = `let stranger = 0;
for (let attempt = 0; stranger === 0 && attempt < 20; attempt++) {
  const wanted = spawn("true").pid + 50;
  parentDeath.add(wanted, console.log);
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (let pid = 0; pid < wanted && stranger === 0;) {
    const child = spawn("sleep", ["60"], { detached: true, stdio: "ignore" });
    pid = child.pid;
    if (pid === wanted) stranger = pid;
    else child.kill("SIGKILL");
  }
  if (stranger === 0) parentDeath.remove(wanted);
}
console.log("stranger", stranger);`;

test("a group whose number was given to somebody else meanwhile is left alone", async (folder) => {
  const program = await run(folder, { polite: scriptsIn(folder)["polite"]! }, STRANGER);
  const stranger = Number(/stranger (\d+)/.exec(program.output())?.[1]);
  await writeFile(join(folder, "stranger.pid"), `${stranger}`);
  assert(stranger > 0, "nobody got the number, in 20 attempts");
  const polite = await pidIn(folder, "polite");
  program.signal("SIGKILL");
  await program.ended;
  await until(async () => !await isRunning(polite), () => "it still runs");
  // Longer than the watcher takes.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assertEquals(await isRunning(stranger), true);
});

// --- limits ------------------------------------------------------------------------------------------------------------------------------

function outputOf(file: string, argv: readonly string[]): Promise<{ readonly output: string; readonly pid: number | undefined }> {
  return new Promise((resolve, reject) => {
    const child: ChildProcess = execFile(
      file,
      [...argv],
      (error, stdout) => error === null ? resolve({ output: stdout.trim(), pid: child.pid }) : reject(error),
    );
  });
}

test("a command under a limit of open files has it, and is the process that was started", async () => {
  assertEquals(await limitChecker()({ maxFileDescriptors: 64 }), null);
  const { file, argv } = wrapCommand({ maxFileDescriptors: 64 }, "sh", ["-c", "ulimit -Sn; ulimit -Hn; echo $$"]);
  const { output, pid } = await outputOf(file, argv);
  assertEquals(output.split("\n"), ["64", "64", `${pid}`]);
});

test("a limit of open files that the system refuses is refused before anything starts, and so is one without prlimit", async (folder) => {
  const tooMany = await limitChecker()({ maxFileDescriptors: 0x7fff_ffff });
  assertEquals([tooMany?.rule, tooMany?.key], ["unsupported_limit", "maxFileDescriptors"]);
  assertMatch(tooMany!.reason, /^Cannot limit open files to 2147483647: prlimit: /);
  const missing = await limitChecker()({ maxFileDescriptors: 64 }, { path: folder });
  assertEquals(missing?.reason, "Cannot limit open files: there is no prlimit in PATH");
});

test("the memory of a process and what it started is measured, and more than its limit is reported", async (folder) => {
  assertEquals(await limitChecker()({ maxMemoryMb: 64 }), null);
  // What has no end of line is kept whole, to know its last lines.
  const child = script(`cd ${folder}; echo $$ >own.pid; (head -c 150000000 /dev/zero; sleep 60) | tail >/dev/null; true`);
  const small = script(`cd ${folder}; echo $$ >small.pid; exec sleep 60`);
  const told: string[] = [];
  for (const reader of [PROC_READER, PS_READER]) {
    const watch = new MemoryWatch({ clock: systemClock(), everyMs: 50, table: new ProcessTable(reader) });
    const before = told.length;
    const unmeasured = (reason: string): void => void told.push(reason);
    const remove = watch.add(small.pid!, 64, { exceeded: () => told.push("the small one"), unmeasured });
    watch.add(child.pid!, 64, { exceeded: (message) => told.push(message), unmeasured });
    await until(() => told.length > before, () => "nothing is reported");
    remove();
  }
  assertEquals(told.length, 2);
  for (const message of told) assertMatch(message, /^its \d processes used \d+ MiB of memory, more than its limit of 64 MiB$/);
  await endGroup(child);
  await endGroup(small);
});
