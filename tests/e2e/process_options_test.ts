/** What a user declares of a process beside its command: variables from a file, another user, more signals, and programs around it. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { existsSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { child, supervise } from "../../mod.ts";
import { processAdapter, type ProcessPlan, type ProcessStop } from "../../src/runtime/children/process.ts";
import type { RunningChild } from "../../src/runtime/children/types.ts";
import type { HookProgram } from "../../src/spec/mod.ts";
import { VirtualClock } from "../../src/testing/virtual_clock.ts";
import { Recorder, type RecorderOptions } from "../runtime/children/recorder.ts";
import { isAlive } from "../support/command.ts";
import { inFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";
import { keptAlive } from "../support/alive.ts";

interface Started {
  readonly recorder: Recorder;
  readonly running: RunningChild;
}

interface Options extends RecorderOptions, Partial<ProcessStop> {}

function start(
  plan: ProcessPlan,
  { signal = "SIGTERM", killTree = true, thenSignals, timeoutMs, killWaitMs, ...options }: Options = {},
): Started {
  const recorder = new Recorder(options);
  return { recorder, running: processAdapter(plan, { signal, killTree, thenSignals, timeoutMs, killWaitMs }).start(recorder) };
}

function sh(text: string, timeoutMs?: number): HookProgram {
  return { command: "sh", args: ["-c", text], ...(timeoutMs === undefined ? {} : { timeoutMs }) };
}

/** Goes on until it is asked to stop, and is deaf to all else. */
const UP = "echo up; while :; do sleep 0.02; done";

/** Ignores SIGTERM, and says that it can be asked now. */
const DEAF = `trap '' TERM; ${UP}`;

/** Runs a test in a folder of its own, while something keeps the program alive, as a tree does: timers of the adapter do not. */
function test(name: string, run: (folder: string) => Promise<void>, ignore = false): void {
  Deno.test({
    name,
    ignore: ignore || process.platform === "win32",
    fn: () => keptAlive(() => inFolder(run)),
  });
}

async function isUp({ recorder }: Started): Promise<void> {
  await recorder.until(() => recorder.lines.includes("stdout: up"));
}

/** What it printed; shells also say on standard error that somebody was terminated. */
function printed({ recorder }: Started): string[] {
  return recorder.lines.filter((line) => !line.startsWith("stderr"));
}

/** The process ids that something printed as `pid N`. */
function pidsIn(lines: readonly string[]): number[] {
  return lines.flatMap((line) => /pid (\d+)$/.exec(line)?.[1] ?? []).map(Number);
}

async function assertGone(pids: readonly number[]): Promise<void> {
  assert(pids.length > 0, "nobody said its process id");
  for (const pid of pids) await until(() => !isAlive(pid), () => `process ${pid} is still there`);
}

function failure(category: string, message: string): unknown {
  return { kind: "failed", failure: { kind: "error", category, message } };
}

// --- variables from a file ---------------------------------------------------------------------------------------------------------------

test("envFile is read before each attempt; it wins over the program's environment, and environment over it", async (folder) => {
  const envFile = join(folder, "web.env");
  const plan: ProcessPlan = { command: 'echo "$REEVE_TEST_A $REEVE_TEST_B $REEVE_TEST_C"', shell: true, envFile };
  process.env["REEVE_TEST_A"] = "program";
  process.env["REEVE_TEST_B"] = "program";
  process.env["REEVE_TEST_C"] = "program";
  try {
    for (const value of ["first", "second"]) {
      await writeFile(envFile, `REEVE_TEST_B=${value}\nREEVE_TEST_C=${value}\n`);
      const { recorder } = start(plan, { environment: [["REEVE_TEST_C", "own"]] });
      assertEquals(await recorder.exit(), { kind: "succeeded", exitCode: 0 });
      assertEquals(recorder.lines, [`stdout: program ${value} own`]);
    }
  } finally {
    for (const name of ["REEVE_TEST_A", "REEVE_TEST_B", "REEVE_TEST_C"]) delete process.env[name];
  }
});

test("the command is looked up in the PATH of envFile", async (folder) => {
  const envFile = join(folder, "web.env");
  await writeFile(envFile, `PATH=${folder}:/bin:/usr/bin\n`);
  await writeFile(join(folder, "reeve-own-tool"), "#!/bin/sh\necho found\n");
  await chmod(join(folder, "reeve-own-tool"), 0o755);
  const { recorder } = start({ command: "reeve-own-tool", envFile });
  assertEquals(await recorder.exit(), { kind: "succeeded", exitCode: 0 });
  assertEquals(recorder.lines, ["stdout: found"]);
});

test("an attempt fails with the path where envFile is not there, and with the line but never its text where it is wrong", async (folder) => {
  const envFile = join(folder, "web.env");
  const plan: ProcessPlan = { command: "echo", args: ["ran"], envFile };
  const missing = start(plan);
  assertEquals(
    await missing.recorder.exit(),
    failure("start_failed", `Cannot read environment file "${envFile}": it does not exist`),
  );
  await writeFile(envFile, "A=1\nPASSWORD='s3cret\n");
  const wrong = start(plan);
  const exit = await wrong.recorder.exit();
  assert(exit.kind === "failed");
  assertEquals(exit.failure.category, "start_failed");
  assertMatch(exit.failure.message, /^Cannot read environment file ".*web\.env": line 2 has a quote that is not closed\. /);
  assert(!JSON.stringify([exit, wrong.recorder.lines]).includes("s3cret"));
  assertEquals(wrong.recorder.reports, ["exited failed"]);
});

test("cancel() and kill() while envFile is read end the attempt before anything starts", async (folder) => {
  const envFile = join(folder, "web.env");
  await writeFile(envFile, "A=1\n");
  for (const [end, kind] of [["cancel", "cancelled"], ["kill", "killed"]] as const) {
    const { recorder, running } = start({ command: "echo", envFile });
    running[end]();
    running.kill();
    assertEquals(await recorder.exit(), { kind });
    await new Promise((resolve) => setTimeout(resolve, 50));
    assertEquals([recorder.reports, running.pid], [[`exited ${kind}`], undefined]);
  }
});

// --- another user ------------------------------------------------------------------------------------------------------------------------

const isRoot = process.getuid?.() === 0;

test(
  `uid and gid run a process and what is around it as somebody else, with no group of root's${isRoot ? "" : " (this is not root)"}`,
  async () => {
    const who = 'echo "$(id -u) $(id -g) $(id -G)"';
    const { recorder } = start({
      command: who,
      shell: true,
      cwd: "/",
      uid: 12_345,
      gid: 23_456,
      hooks: { beforeStart: sh(who), afterExit: sh(who) },
    });
    assertEquals(await recorder.exit(), { kind: "succeeded", exitCode: 0 });
    assertEquals(recorder.lines, new Array(3).fill("stdout: 12345 23456 23456"));
  },
  !isRoot,
);

// --- more signals ------------------------------------------------------------------------------------------------------------------------

test("thenSignals follow the first signal at their times, and an end by one of them counts as cancelled", async () => {
  const clock = new VirtualClock();
  const text = `trap 'echo term' TERM; trap 'echo hup' HUP; trap 'exit 130' INT; ${UP}`;
  const thenSignals = [{ signal: "SIGHUP", afterMs: 1_000 }, { signal: "SIGINT", afterMs: 3_000 }];
  const it = start({ command: text, shell: true }, { clock, thenSignals });
  const { recorder, running } = it;
  await isUp(it);
  running.cancel();
  await recorder.until(() => recorder.lines.includes("stdout: term"));
  await clock.advance(999);
  await clock.advance(1);
  await recorder.until(() => recorder.lines.includes("stdout: hup"));
  await clock.advance(1_999);
  assertEquals(recorder.exits, []);
  await clock.advance(1);
  assertEquals(await recorder.exit(), { kind: "cancelled" });
  assertEquals(printed(it), ["stdout: up", "stdout: term", "stdout: hup"]);
});

test("thenSignals end a process that ignores SIGTERM", async () => {
  const it = start({ command: DEAF, shell: true }, { thenSignals: [{ signal: "SIGINT", afterMs: 30 }] });
  await isUp(it);
  it.running.cancel();
  assertEquals(await it.recorder.exit(), { kind: "cancelled" });
});

test("thenSignals are dropped with the end of the process, and SIGKILL among them counts as killed", async () => {
  const clock = new VirtualClock();
  const early = start({ command: UP, shell: true }, { clock, thenSignals: [{ signal: "SIGINT", afterMs: 1_000 }] });
  await isUp(early);
  early.running.cancel();
  assertEquals(await early.recorder.exit(), { kind: "cancelled" });
  assertEquals(clock.timers, 0);
  const late = start({ command: DEAF, shell: true }, { clock, thenSignals: [{ signal: "SIGKILL", afterMs: 1_000 }] });
  await isUp(late);
  late.running.cancel();
  await clock.advance(1_000);
  assertEquals(await late.recorder.exit(), { kind: "killed" });
});

// --- programs around it: in order --------------------------------------------------------------------------------------------------------

test("hooks run in order around a process, with its environment and folder, and their output is its own", async (folder) => {
  const note = (what: string): HookProgram =>
    sh(`echo "${what} $GREETING $REEVE_CHILD $REEVE_ATTEMPT \${REEVE_EXIT_CODE-none}" | tee -a trace`);
  const it = start({
    command: `trap 'echo "stopped" >> trace; exit 0' TERM; echo started >> trace; ${UP}`,
    shell: true,
    cwd: folder,
    hooks: { beforeStart: note("before"), afterStart: note("after"), beforeStop: note("stop"), afterExit: note("exit") },
  }, { environment: [["GREETING", "hi"]] });
  const { recorder, running } = it;
  await isUp(it);
  await recorder.until(() => recorder.reports.includes("running"));
  running.cancel();
  assertEquals(await recorder.exit(), { kind: "cancelled" });
  const trace = (await readFile(join(folder, "trace"), "utf8")).trim().split("\n");
  const own = "hi /tree/child 7";
  assertEquals(trace.filter((line) => line !== "started"), [
    `before ${own} none`,
    `after ${own} none`,
    `stop ${own} none`,
    "stopped",
    `exit ${own} 0`,
  ]);
  assert(trace.indexOf("started") > 0, "it started after its beforeStart");
  for (const line of trace.filter((line) => line.includes(own))) assert(recorder.lines.includes(`stdout: ${line}`), line);
  assertEquals(recorder.reports, ["running", "exited cancelled"]);
  assertEquals(recorder.ledger.left(), []);
});

test("afterExit is told the exit code or the signal, and the exit is reported when it has ended", async () => {
  const afterExit = sh('sleep 0.2; echo "${REEVE_EXIT_CODE-none} ${REEVE_EXIT_SIGNAL-none}"');
  for (const [text, told] of [["exit 3", "3 none"], ["kill -SEGV $$", "none SIGSEGV"]] as const) {
    const { recorder } = start({ command: text, shell: true, hooks: { afterExit } });
    const exit = await recorder.exit();
    assertEquals(exit.kind, "failed");
    assertEquals(recorder.lines, [`stdout: ${told}`]);
  }
});

test("a second attempt does not start before afterExit of the first one has ended", async (folder) => {
  const spec = child.process("job", {
    command: "mkdir busy || echo twice >> trouble; echo run >> trace",
    shell: true,
    cwd: folder,
    backoff: { initialMs: 1, maxMs: 1 },
    hooks: { afterExit: sh("sleep 0.1; rmdir busy") },
  });
  await using tree = await supervise({ children: [spec] });
  const runs = async (): Promise<number> =>
    existsSync(join(folder, "trace")) ? (await readFile(join(folder, "trace"), "utf8")).split("\n").length - 1 : 0;
  await until(async () => await runs() >= 3, () => "it did not run three times");
  await tree.shutdown();
  assertEquals(existsSync(join(folder, "trouble")), false);
});

test("what is left of a hook's group ends with the hook", async () => {
  const { recorder } = start({ command: "true", hooks: { beforeStart: sh("sleep 60 & echo pid $!") } });
  assertEquals(await recorder.exit(), { kind: "succeeded", exitCode: 0 });
  await assertGone(pidsIn(recorder.lines));
});

// --- programs around it: what they do wrong ----------------------------------------------------------------------------------------------

test("a beforeStart that fails fails the attempt, and nothing else of it runs", async () => {
  const cases: readonly (readonly [HookProgram, string])[] = [
    [sh("exit 3"), 'hook before_start "sh" exited with code 3'],
    [sh("kill -KILL $$"), 'hook before_start "sh" ended by signal SIGKILL'],
    [
      { command: "reeve-no-such-command" },
      'hook before_start "reeve-no-such-command" could not be started: Cannot run "reeve-no-such-command": it is not in PATH',
    ],
  ];
  for (const [beforeStart, message] of cases) {
    const { recorder } = start({ command: "echo ran", shell: true, hooks: { beforeStart, afterExit: sh("echo ran") } });
    assertEquals(await recorder.exit(), failure("before_start_failed", message));
    assertEquals([recorder.lines, recorder.reports], [[], ["exited failed"]]);
    assertEquals(recorder.ledger.left(), []);
  }
});

test("a hook that takes too long is killed with all that it started, and has failed", async () => {
  const clock = new VirtualClock();
  const beforeStart = sh(`trap '' TERM; sleep 60 & echo pid $!; echo pid $$; ${UP}`, 2_000);
  const it = start({ command: "true", hooks: { beforeStart } }, { clock });
  await isUp(it);
  await clock.advance(1_999);
  assertEquals(it.recorder.exits, []);
  await clock.advance(1);
  assertEquals(await it.recorder.exit(), failure("before_start_failed", 'hook before_start "sh" took longer than 2000 ms'));
  await assertGone(pidsIn(it.recorder.lines));
  assertEquals(clock.timers, 0);
});

test("a hook without a time of its own has ten seconds", async () => {
  const clock = new VirtualClock();
  const it = start({ command: "true", hooks: { beforeStart: sh(UP) } }, { clock });
  await isUp(it);
  await clock.advance(9_999);
  assertEquals(it.recorder.exits, []);
  await clock.advance(1);
  assertEquals(await it.recorder.exit(), failure("before_start_failed", 'hook before_start "sh" took longer than 10000 ms'));
});

test("cancel() during beforeStart ends it, and the attempt ends cancelled; kill() ends a deaf one", async () => {
  for (const [text, end, kind] of [[UP, "cancel", "cancelled"], [DEAF, "kill", "killed"]] as const) {
    const it = start({ command: "echo ran", shell: true, hooks: { beforeStart: sh(`echo pid $$; ${text}`) } });
    await isUp(it);
    it.running.cancel();
    if (end === "kill") it.running.kill();
    assertEquals(await it.recorder.exit(), { kind });
    assertEquals([it.recorder.reports, it.running.pid], [[`exited ${kind}`], undefined]);
    await assertGone(pidsIn(it.recorder.lines));
  }
});

test("an afterStart that fails lets the process be stopped as it wants, and forced when it does not stop", async (folder) => {
  const failing = sh("while ! [ -e trapped ]; do sleep 0.02; done; rm trapped; exit 4", 1_000_000);
  const asked = start({
    command: `trap 'echo asked; exit 0' TERM; touch trapped; ${UP}`,
    shell: true,
    cwd: folder,
    hooks: { afterStart: failing, beforeStop: sh("echo wrong"), afterExit: sh('echo "exit $REEVE_EXIT_CODE"') },
  });
  assertEquals(await asked.recorder.exit(), failure("after_start_failed", 'hook after_start "sh" exited with code 4'));
  assertEquals(printed(asked).filter((line) => line !== "stdout: up"), ["stdout: asked", "stdout: exit 0"]);
  assertEquals(asked.recorder.reports, ["exited failed"], "it never counted as running");

  const clock = new VirtualClock();
  const command = `trap '' TERM; touch trapped; ${DEAF}`;
  const deaf = start({ command, shell: true, cwd: folder, hooks: { afterStart: failing } }, { clock, timeoutMs: 5_000 });
  await isUp(deaf);
  await until(async () => (await clock.advance(1_000), deaf.recorder.exits.length > 0), () => "it was not forced");
  assertEquals(await deaf.recorder.exit(), failure("after_start_failed", 'hook after_start "sh" exited with code 4'));
});

test("a process that fails ends its afterStart, and is told itself; one that succeeds waits for it", async (folder) => {
  const failed = start({
    command: "while ! [ -e said ]; do sleep 0.02; done; exit 3",
    shell: true,
    cwd: folder,
    hooks: { afterStart: sh(`echo pid $$; touch said; ${DEAF}`) },
  });
  const exit = await failed.recorder.exit();
  assertEquals("failure" in exit ? exit.failure.message : exit.kind, "exited with code 3");
  assertEquals(failed.recorder.reports, ["exited failed"]);
  await assertGone(pidsIn(failed.recorder.lines));

  const done = start({ command: "true", hooks: { afterStart: sh("sleep 0.3; echo done") } });
  assertEquals(await done.recorder.exit(), { kind: "succeeded", exitCode: 0 });
  assertEquals([done.recorder.lines, done.recorder.reports], [["stdout: done"], ["running", "exited succeeded"]]);

  const half = start({ command: "true", hooks: { afterStart: sh("sleep 0.3; exit 1") } });
  assertEquals(await half.recorder.exit(), failure("after_start_failed", 'hook after_start "sh" exited with code 1'));
});

test("cancel() during afterStart ends it and asks the process at once", async () => {
  const it = start({
    command: `trap 'exit 0' TERM; ${UP}`,
    shell: true,
    hooks: { afterStart: sh(`echo hook; ${DEAF.replace("echo up;", "")}`) },
  });
  await isUp(it);
  await it.recorder.until(() => it.recorder.lines.includes("stdout: hook"));
  it.running.cancel();
  assertEquals(await it.recorder.exit(), { kind: "cancelled" });
  assertEquals(it.recorder.reports, ["exited cancelled"]);
});

test("a beforeStop that fails is told, and the process is asked all the same", async () => {
  const it = start({
    command: `trap 'echo asked; exit 0' TERM; ${UP}`,
    shell: true,
    hooks: { beforeStop: sh("sleep 0.2; echo first; exit 6") },
  });
  await isUp(it);
  it.running.cancel();
  it.running.cancel();
  assertEquals(await it.recorder.exit(), { kind: "cancelled" });
  assertEquals(printed(it), ["stdout: up", "stdout: first", 'log: hook before_stop "sh" exited with code 6', "stdout: asked"]);
});

test("kill() ends a beforeStop that hangs and the process alike", async () => {
  const it = start({
    command: `echo pid $$; ${UP}`,
    shell: true,
    hooks: { beforeStop: sh("trap '' TERM; sleep 60 & echo pid $!; echo pid $$; echo hangs; wait") },
  });
  await isUp(it);
  it.running.cancel();
  await it.recorder.until(() => it.recorder.lines.includes("stdout: hangs"));
  it.running.kill();
  assertEquals(await it.recorder.exit(), { kind: "killed" });
  const pids = pidsIn(it.recorder.lines);
  assertEquals(pids.length, 3);
  await assertGone(pids);
});

test("beforeStop does not even start where the process is to be forced at once", async (folder) => {
  const it = start({ command: UP, shell: true, cwd: folder, hooks: { beforeStop: sh("touch started") } });
  await isUp(it);
  it.running.cancel();
  it.running.kill();
  assertEquals(await it.recorder.exit(), { kind: "killed" });
  assertEquals(existsSync(join(folder, "started")), false);
});

test("a beforeStop that stops the process itself is as good as the signal", async (folder) => {
  const it = start({
    command: `echo $$ > web.pid; ${UP}`,
    shell: true,
    cwd: folder,
    hooks: { beforeStop: sh("kill -TERM $(cat web.pid); sleep 0.3; echo stopped") },
  });
  await isUp(it);
  it.running.cancel();
  assertEquals(await it.recorder.exit(), { kind: "cancelled" });
  assertEquals(it.recorder.lines, ["stdout: up", "stdout: stopped"]);
});

test("an afterExit that fails, or is killed, is told, and changes nothing about the exit", async () => {
  const failing = start({ command: "exit 3", shell: true, hooks: { afterExit: sh("exit 9") } });
  const exit = await failing.recorder.exit();
  assertEquals("failure" in exit ? exit.failure.exitCode : exit.kind, 3);
  assertEquals(failing.recorder.lines, ['log: hook after_exit "sh" exited with code 9']);

  const hanging = start({ command: "true", hooks: { afterExit: sh(`echo pid $$; ${DEAF}`) } });
  await isUp(hanging);
  hanging.running.cancel();
  hanging.running.kill();
  assertEquals(await hanging.recorder.exit(), { kind: "succeeded", exitCode: 0 });
  assertEquals(hanging.recorder.lines.at(-1), 'log: hook after_exit "sh" was killed');
  await assertGone(pidsIn(hanging.recorder.lines));
});

test("afterExit of a process that was forced has half of killWaitMs", async () => {
  const clock = new VirtualClock();
  const it = start({ command: DEAF, shell: true, hooks: { afterExit: sh("echo last; sleep 60") } }, { clock, killWaitMs: 1_000 });
  await isUp(it);
  it.running.cancel();
  it.running.kill();
  await it.recorder.until(() => it.recorder.lines.includes("stdout: last"));
  await clock.advance(499);
  assertEquals(it.recorder.exits, []);
  await clock.advance(1);
  assertEquals(await it.recorder.exit(), { kind: "killed" });
  assertEquals(it.recorder.lines.at(-1), 'log: hook after_exit "sh" took longer than 500 ms');
});

// --- in a tree ---------------------------------------------------------------------------------------------------------------------------

test("a child is ready only after its afterStart, and a line that it printed before counts", async (folder) => {
  const spec = (name: string, readiness: { readonly mode: "immediate" } | { readonly mode: "log_line"; readonly pattern: string }) =>
    child.process(name, {
      command: UP,
      shell: true,
      cwd: folder,
      readiness,
      hooks: { afterStart: sh(`sleep 0.3; echo other; touch ${name}`) },
    });
  await using tree = await supervise({
    children: [
      spec("a", { mode: "immediate" }),
      spec("b", { mode: "log_line", pattern: "^up$" }),
      spec("c", { mode: "log_line", pattern: "^other$" }),
    ],
  });
  for await (const event of tree.events()) {
    if (event.type !== "child_ready") continue;
    assertEquals(existsSync(join(folder, event.path.slice(1))), true, event.path);
    if (tree.child("/a").phase === "ready" && tree.child("/b").phase === "ready") break;
  }
  await until(() => tree.child("/c").phase === "running", () => tree.child("/c").phase);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assertEquals(tree.child("/c").phase, "running", "what a hook prints says nothing about the child");
});

test("the time to start holds for beforeStart too, and the time to stop for beforeStop", async () => {
  const slow = child.process("slow", {
    command: "true",
    hooks: { beforeStart: sh("exec sleep 60") },
    timeouts: { startMs: 100 },
    restartPolicy: "temporary",
  });
  const deaf = child.process("deaf", { command: UP, shell: true, hooks: { beforeStop: sh(DEAF) }, stop: { timeoutMs: 200 } });
  await using tree = await supervise({ children: [slow, deaf] });
  for await (const event of tree.events()) {
    if (event.type !== "child_failed" || event.path !== "/slow") continue;
    assertEquals(event.exit.kind, "timed_out");
    break;
  }
  await until(() => tree.child("/deaf").phase === "ready", () => tree.child("/deaf").phase);
  const before = performance.now();
  await tree.child("/deaf").terminate();
  await until(() => tree.child("/deaf").phase === "stopped", () => tree.child("/deaf").phase);
  assert(performance.now() - before >= 200, "it was forced after its time");
});

test("two restarts at once make one process", async (folder) => {
  const command = `mkdir busy || echo twice >> trouble; trap 'rmdir busy; exit 0' TERM; echo "pid $$" >> trace; ${UP}`;
  const spec = child.process("web", { command, shell: true, cwd: folder, readiness: { mode: "log_line", pattern: "up" } });
  await using tree = await supervise({ children: [spec] });
  await tree.ready({ timeoutMs: 30_000 });
  const web = tree.child("/web");
  await Promise.all([web.restart(), web.restart()]);
  const { phase, attempt } = web;
  assertEquals([phase, attempt], ["ready", 1], "it was so when it was asked for");
  await until(() => tree.child("/web").attempt === 2 && tree.child("/web").phase === "ready", () => tree.child("/web").phase);
  // One that is to come would come now.
  await tree.child("/web").restart();
  await until(() => tree.child("/web").attempt === 3 && tree.child("/web").phase === "ready", () => tree.child("/web").phase);
  const pids = pidsIn((await readFile(join(folder, "trace"), "utf8")).split("\n"));
  assertEquals(pids.length, 3, "the first two restarts began one process, and the last one another");
  assertEquals(pids.filter(isAlive).length, 1);
  assertEquals(existsSync(join(folder, "trouble")), false);
});
