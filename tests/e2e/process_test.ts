import { assert, assertEquals, assertMatch } from "@std/assert";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { processAdapter, type ProcessPlan } from "../../src/runtime/children/process.ts";
import type { RunningChild } from "../../src/runtime/children/types.ts";
import { Recorder, type RecorderOptions } from "../runtime/children/recorder.ts";
import { keptAlive } from "../support/alive.ts";
import { until } from "../support/until.ts";

interface Started {
  readonly recorder: Recorder;
  readonly child: RunningChild;
}

interface StartOptions extends RecorderOptions {
  readonly signal?: string;
  readonly killTree?: boolean;
}

function start(plan: ProcessPlan, { signal = "SIGTERM", killTree = true, ...options }: StartOptions = {}): Started {
  const recorder = new Recorder(options);
  return { recorder, child: processAdapter(plan, { signal, killTree }).start(recorder) };
}

function script(text: string, options: Partial<ProcessPlan> = {}): ProcessPlan {
  return { command: "sh", args: ["-c", text], ...options };
}

/** Runs a test while something keeps the program alive, and the shell that outlives it, as a tree does. */
function test(name: string, run: () => Promise<void>): void {
  Deno.test({
    name,
    ignore: process.platform === "win32",
    fn: () => keptAlive(run),
  });
}

function failed(category: string, message: string, more: { exitCode?: number; signal?: string } = {}): unknown {
  return { kind: "failed", failure: { kind: "error", category, message, ...more } };
}

/** The state that `ps` shows; a process that is dead but not yet reaped counts as gone. */
function isAlive(pid: number): Promise<boolean> {
  return new Promise((resolve) => execFile("ps", ["-o", "stat=", "-p", `${pid}`], (_, stdout) => resolve(/^[^Z]/.test(stdout.trim()))));
}

async function saidPid(recorder: Recorder): Promise<number> {
  await recorder.until(() => recorder.lines.length > 0);
  return Number(/\d+/.exec(recorder.lines[0]!)![0]);
}

// --- running -----------------------------------------------------------------------------------------------------------------------------

test("processAdapter() runs a command with the program's and the child's environment, and reports its output", async () => {
  const { recorder, child } = start(script('echo "$GREETING $PATH"; echo oops >&2; printf "no end"'), {
    environment: [["GREETING", "hi"]],
  });
  assert(child.pid !== undefined && child.pid > 0);
  assertEquals(await recorder.exit(), { kind: "succeeded", exitCode: 0 });
  assertEquals(recorder.reports, ["running", "exited succeeded"]);
  assertEquals(recorder.lines.filter((line) => line.startsWith("stdout")), [`stdout: hi ${process.env["PATH"]}`, "stdout: no end"]);
  assertEquals(recorder.lines.filter((line) => line.startsWith("stderr")), ["stderr: oops"]);
});

test("processAdapter() lets a process wait while the file of its output is full, and loses no line", async () => {
  let drain = (): void => {};
  const sink = { isFull: true, write: (): void => {}, onceDrained: (callback: () => void): void => void (drain = callback) };
  const { recorder } = start(script("seq -f %.0f 1 200000"), { sink });
  await recorder.until(() => recorder.lines.length > 0);
  // Long enough for a process that need not wait.
  await new Promise((resolve) => setTimeout(resolve, 500));
  assertEquals(recorder.exits, []);
  assert(recorder.lines.length < 100_000, `${recorder.lines.length} lines were read`);
  sink.isFull = false;
  drain();
  assertEquals(await recorder.exit(), { kind: "succeeded", exitCode: 0 });
  assertEquals(recorder.lines, Array.from({ length: 200_000 }, (_, index) => `stdout: ${index + 1}`));
});

test("processAdapter() runs in the working directory, with a shell when asked", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reeve-process-"));
  try {
    const { recorder } = start({ command: 'pwd; echo "$1" | tr a-z A-Z', args: ["loud"], shell: true, cwd: folder });
    await recorder.exit();
    assert(recorder.lines[0]!.endsWith(folder));
    assertEquals(recorder.lines[1], "stdout: LOUD");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("processAdapter() gives the child nothing to read", async () => {
  const { recorder } = start(script("cat; echo done"));
  await recorder.exit();
  assertEquals(recorder.lines, ["stdout: done"]);
});

test("processAdapter() captures each of 100 000 lines exactly once, up to the last before the exit", async () => {
  const { recorder } = start(script("seq 1 100000; exit 3"));
  assertEquals(await recorder.exit(), failed("exit_code", "exited with code 3", { exitCode: 3 }));
  assertEquals(recorder.lines.length, 100_000);
  assert(recorder.lines.every((line, index) => line === `stdout: ${index + 1}`));
});

// --- how a process ends ------------------------------------------------------------------------------------------------------------------

test("processAdapter() reports exit codes and signals", async () => {
  const cases: readonly (readonly [ProcessPlan, unknown])[] = [
    [script("exit 3"), failed("exit_code", "exited with code 3", { exitCode: 3 })],
    [script("exit 3", { successExitCodes: [0, 3] }), { kind: "succeeded", exitCode: 3 }],
    [script("exit 0", { successExitCodes: [3] }), failed("exit_code", "exited with code 0", { exitCode: 0 })],
    [script("kill -SEGV $$"), failed("signal", "ended by signal SIGSEGV", { signal: "SIGSEGV" })],
    [script("kill -TERM $$"), failed("signal", "ended by signal SIGTERM", { signal: "SIGTERM" })],
    [script("kill -KILL $$"), failed("signal", "ended by signal SIGKILL", { signal: "SIGKILL" })],
  ];
  for (const [plan, expected] of cases) {
    const { recorder } = start(plan);
    assertEquals(await recorder.exit(), expected, plan.args?.join(" "));
  }
});

test("processAdapter() says why a process could not be started", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reeve-process-"));
  try {
    const plain = join(folder, "plain");
    const lost = join(folder, "lost");
    await writeFile(plain, "no program");
    await writeFile(lost, "#!/nonexistent/interpreter\n");
    await chmod(lost, 0o755);
    const cases: readonly (readonly [ProcessPlan, string])[] = [
      [{ command: "reeve-no-such-command" }, 'Cannot run "reeve-no-such-command": it is not in PATH'],
      [{ command: "sh", cwd: join(folder, "none") }, `Cannot run "sh" in "${join(folder, "none")}": the directory does not exist`],
      [{ command: "sh", cwd: plain }, `Cannot run "sh" in "${plain}": it is not a directory`],
      [{ command: "./none", cwd: folder }, `Cannot run "./none": "${join(folder, "none")}" is not a file`],
      [{ command: plain }, `Cannot run "${plain}": "${plain}" is not executable. Make it executable: chmod +x ${plain}`],
      [{ command: lost }, `Cannot run "${lost}": the interpreter that its first line names does not exist`],
    ];
    for (const [plan, message] of cases) {
      const { recorder, child } = start(plan);
      child.cancel();
      child.kill();
      assertEquals(await recorder.exit(), failed("start_failed", message));
      assertEquals(recorder.reports, ["exited failed"]);
    }
    const { recorder } = start({ command: "echo", args: ["a\0b"] });
    const exit = await recorder.exit();
    assert(exit.kind === "failed");
    assertEquals(exit.failure.category, "start_failed");
    assertMatch(exit.failure.message, /^Cannot run "echo": .*null bytes/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

// --- stopping ----------------------------------------------------------------------------------------------------------------------------

test("cancel() asks by the signal, and an end by it or with a success code counts as cancelled", async () => {
  const cases: readonly (readonly [string, string, unknown])[] = [
    ["echo up; exec sleep 60", "SIGTERM", { kind: "cancelled" }],
    ["trap 'exit 0' TERM; echo up; while :; do sleep 0.05; done", "SIGTERM", { kind: "cancelled" }],
    ["trap 'exit 143' TERM; echo up; while :; do sleep 0.05; done", "SIGTERM", { kind: "cancelled" }],
    ["trap 'exit 0' INT; echo up; while :; do sleep 0.05; done", "SIGINT", { kind: "cancelled" }],
    ["trap 'exit 4' TERM; echo up; while :; do sleep 0.05; done", "SIGTERM", failed("exit_code", "exited with code 4", { exitCode: 4 })],
  ];
  for (const [text, signal, expected] of cases) {
    const { recorder, child } = start(script(text), { signal });
    await recorder.until(() => recorder.lines.length > 0);
    child.cancel();
    child.cancel();
    assertEquals(await recorder.exit(), expected, text);
    child.cancel();
    child.kill();
  }
});

test("cancel() sends the signal only once, because a second one means haste to many programs", async () => {
  const text =
    'n=0; trap \'n=$((n+1)); echo "$n"\' TERM; echo up; while [ $n -eq 0 ]; do sleep 0.05; done; i=0; while [ $i -lt 10 ]; do sleep 0.05; i=$((i+1)); done; echo "got $n"';
  const { recorder, child } = start(script(text), { killTree: false });
  await recorder.until(() => recorder.lines.includes("stdout: up"));
  child.cancel();
  await recorder.until(() => recorder.lines.includes("stdout: 1"));
  child.cancel();
  await recorder.exit();
  assertEquals(recorder.lines.at(-1), "stdout: got 1");
});

test("kill() ends a process that ignores the signal", async () => {
  const { recorder, child } = start(script("trap '' TERM; echo up; while :; do sleep 0.05; done"));
  await recorder.until(() => recorder.lines.length > 0);
  child.cancel();
  child.kill();
  assertEquals(await recorder.exit(), { kind: "killed" });
  assertEquals(await isAlive(child.pid!), false);
});

test("kill() after the exit does not change what the exit was", async () => {
  // The grandchild holds the pipes, so that the report takes a moment after the exit.
  const { recorder, child } = start(script("sleep 60 & echo $!; exit 5"), { killTree: false });
  const grandchild = await saidPid(recorder);
  try {
    while (await isAlive(child.pid!)) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 20));
    child.cancel();
    child.kill();
    assertEquals(await recorder.exit(), failed("exit_code", "exited with code 5", { exitCode: 5 }));
  } finally {
    process.kill(grandchild, "SIGKILL");
  }
});

test("processAdapter() leaves no grandchild behind, even one that holds the pipes", async () => {
  const { recorder } = start(script("sleep 60 & echo $!; exit 7"));
  const grandchild = await saidPid(recorder);
  assertEquals(await recorder.exit(), failed("exit_code", "exited with code 7", { exitCode: 7 }));
  await until(async () => !await isAlive(grandchild), () => "it was left behind");
});

test("cancel() and kill() reach the whole group", async () => {
  const { recorder, child } = start(script("trap '' TERM; (trap '' TERM; sleep 60) & echo $!; wait"));
  const grandchild = await saidPid(recorder);
  child.cancel();
  child.kill();
  assertEquals(await recorder.exit(), { kind: "killed" });
  await until(async () => !await isAlive(grandchild), () => "it was left behind");
});

test("killTree false spares the group, and a grandchild that holds the pipes does not delay the report for long", async () => {
  const { recorder } = start(script("sleep 60 & echo $!; exit 7"), { killTree: false });
  const grandchild = await saidPid(recorder);
  try {
    const before = performance.now();
    assertEquals(await recorder.exit(), failed("exit_code", "exited with code 7", { exitCode: 7 }));
    // The grandchild sleeps for a minute.
    assert(performance.now() - before < 20_000);
    assertEquals(await isAlive(grandchild), true);
  } finally {
    process.kill(grandchild, "SIGKILL");
  }
});

test("processAdapter() runs many processes at once and mixes nothing up", async () => {
  const all = Array.from({ length: 40 }, (_, index) => start(script(`echo ${index}; exit ${index}`)));
  for (const [index, { recorder }] of all.entries()) {
    const exit = await recorder.exit();
    assertEquals("failure" in exit ? exit.failure.exitCode : exit.kind === "succeeded" ? exit.exitCode : undefined, index);
    assertEquals(recorder.lines, [`stdout: ${index}`]);
  }
});
