/** Output of real processes in real files. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { Buffer } from "node:buffer";
import { mkdir, readdir, readFile, rename, rmdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { gunzipSync } from "node:zlib";
import { child, type ChildOptions, type ChildSpec, type LogOptions, supervise, type SupervisorEvent, type Tree } from "../../mod.ts";
import { inFolder } from "../support/folder.ts";
import { moduleUrl } from "../support/runtime.ts";
import { untilAborted } from "../support/tasks.ts";
import { until } from "../support/until.ts";

function test(name: string, run: (folder: string) => Promise<void>): void {
  Deno.test({ name, ignore: process.platform === "win32", fn: () => inFolder(run) });
}

/** A shell that runs a script once; the tree ends with it. */
function script(text: string, logs: LogOptions, options: Pick<ChildOptions, "readiness" | "significant"> = {}): ChildSpec {
  return child.process("a", { command: "sh", args: ["-c", text], restartPolicy: "temporary", significant: true, logs, ...options });
}

/** What was written, the oldest file first. */
async function textIn(folder: string, name: string): Promise<string> {
  const age = (file: string): number => Number(/\.(\d+)(?:\.gz)?$/.exec(file)?.[1] ?? 0);
  const files = (await readdir(folder)).filter((file) => file.startsWith(name)).sort((a, b) => age(b) - age(a));
  const texts = files.map(async (file) => {
    const bytes = await readFile(join(folder, file));
    return (file.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString();
  });
  return (await Promise.all(texts)).join("");
}

function linesOf(text: string): string[] {
  assert(text === "" || text.endsWith("\n"), "a line is not whole");
  return text.split("\n").slice(0, -1);
}

function range(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `${from + index}`);
}

/** How many lines the notes about lost lines tell of. */
function lostOf(lines: readonly string[]): number {
  return lines.reduce((sum, line) => sum + Number(/^(\d+) lines? (?:was|were) lost: /.exec(line)?.[1] ?? 0), 0);
}

type SinkEvent = SupervisorEvent & { type: "sink_changed" };

function sinkEvents(tree: Tree): SinkEvent[] {
  const found: SinkEvent[] = [];
  (async () => {
    for await (const event of tree.events()) if (event.type === "sink_changed") found.push(event);
  })();
  return found;
}

// --- files -------------------------------------------------------------------------------------------------------------------------------

test("a process that prints 200 000 lines has each of them once in its files, rotated and compressed", async (folder) => {
  const file = join(folder, "deep", "er", "a.log");
  const logs = { file, maxBytes: 100_000, keep: 1_000, compress: true };
  const tree = await supervise({ autoShutdown: "all_significant", children: [script("seq -f %.0f 1 200000", logs)] });
  await tree.finished;
  const inside = join(folder, "deep", "er");
  assertEquals(linesOf(await textIn(inside, "a.log")), range(1, 200_001));
  const files = await readdir(inside);
  assert(files.length > 8 && files.filter((name) => name.endsWith(".gz")).length > 6, files.join());
  for (const name of files.filter((name) => !name.endsWith(".gz"))) assert((await stat(join(inside, name))).size < 120_000);
  assertEquals((await stat(file)).mode & 0o777, 0o600);
  for (const made of [inside, join(folder, "deep")]) assertEquals((await stat(made)).mode & 0o777, 0o700);
});

test("the attempts of two children share a file, one after the other", async (folder) => {
  const file = join(folder, "both.log");
  const talking = (name: string): ChildSpec =>
    child.process(name, {
      command: "sh",
      args: ["-c", `echo ${name} says one; echo ${name} says two >&2; exit 3`],
      limit: { maxRestarts: 1, windowMs: 60_000, onExceeded: "give_up" },
      backoff: { initialMs: 1, maxMs: 1 },
      restartPolicy: "transient",
      logs: { file, format: "json" },
    });
  const tree = await supervise({ children: [talking("a"), talking("b")] });
  await until(() => tree.snapshot().children.every(({ phase }) => phase === "failed"), () => JSON.stringify(tree.snapshot().children));
  await tree.close();
  const records = linesOf(await readFile(file, "utf8")).map((line) => JSON.parse(line));
  for (const name of ["a", "b"]) {
    const own = records.filter(({ path }) => path === `/${name}`);
    assertEquals(own.map(({ attempt }) => attempt), [1, 1, 2, 2], "an attempt's lines come before those of the next one");
    assertEquals(own.map(({ stream, line }) => `${stream} ${line}`).sort(), [
      `stderr ${name} says two`,
      `stderr ${name} says two`,
      `stdout ${name} says one`,
      `stdout ${name} says one`,
    ]);
    for (const { time, generation } of own) {
      assertEquals(generation, own[0].generation);
      assert(Math.abs(Date.now() - Date.parse(time)) < 60_000, time);
    }
  }
  assertEquals(records.length, 8);
});

test("a stream that is not kept is read and goes nowhere, but makes the child ready", async (folder) => {
  const file = join(folder, "a.log");
  const text = "seq 1 50000; echo now it serves; echo kept >&2; sleep 60";
  const spec = script(text, { file, stdout: false }, { readiness: { mode: "log_line", pattern: "serves$" }, significant: false });
  const tree = await supervise({ children: [spec] });
  await tree.ready({ timeoutMs: 10_000 });
  await until(async () => (await textIn(folder, "a.log")) === "kept\n", () => "the other stream is not kept");
  await tree.close();
  const lines: string[] = [];
  for await (const record of tree.logs()) if ("line" in record) lines.push(record.line);
  assertEquals(lines, ["kept"]);
});

// --- a disk that refuses -----------------------------------------------------------------------------------------------------------------

test("a child is never blocked by a file that cannot be written, and the loss is told and counted", async (folder) => {
  const file = join(folder, "a.log");
  await mkdir(file);
  const startedAtMs = Date.now();
  const tree = await supervise({ children: [script("seq -f %.0f 1 500000; echo done; sleep 60", { file }, { significant: false })] });
  const events = sinkEvents(tree);
  // A reader that is not prompt is told of what it missed before that.
  for await (const record of tree.logs({ filter: ({ line }) => line === "done", capacity: Infinity })) if ("line" in record) break;
  assert(Date.now() - startedAtMs < 60_000, "the child had to wait");
  await until(() => events.length > 0, () => "nobody says that the file cannot be written");
  assertEquals(events.map(({ healthy, sink }) => [healthy, sink]), [[false, "logs"]]);
  assertMatch(events[0]!.reason, /a\.log/);
  await rmdir(file);
  await until(() => events.length === 2, () => "nobody says that the file is well again");
  const told = events[1]!;
  assertEquals(told.healthy, true);
  await until(async () => (await textIn(folder, "a.log")).length > 0, () => "nothing is written");
  await tree.close();
  const lines = linesOf(await textIn(folder, "a.log"));
  const numbers = lines.filter((line) => /^(\d+|done)$/.test(line));
  assertEquals(lostOf(lines), told.lost);
  assertEquals(numbers.length + told.lost, 500_001, "every line is there or counted");
  assertEquals(new Set(numbers).size, numbers.length, "no line is there twice");
});

test("a file that others replace by a folder loses what comes meanwhile, and says so where it goes on", async (folder) => {
  const before = join(folder, "before");
  const after = join(folder, "after");
  const logs = join(folder, "logs");
  await mkdir(before);
  await mkdir(join(after, "a.log"), { recursive: true });
  await symlink(before, logs);
  const text = "i=0; while :; do i=$((i+1)); echo $i; sleep 0.005; done";
  const tree = await supervise({ children: [script(text, { file: join(logs, "a.log") }, { significant: false })] });
  const events = sinkEvents(tree);
  await until(async () => (await textIn(before, "a.log")).length > 20, () => "nothing is written");
  // A link is replaced in one step, between two lines.
  await symlink(after, `${logs}.new`);
  await rename(`${logs}.new`, logs);
  await until(() => events.length === 1, () => "nobody says that the file cannot be written");
  await rmdir(join(after, "a.log"));
  await until(() => events.length === 2, () => "nobody says that the file is well again");
  await tree.close();
  const lines = [...linesOf(await textIn(before, "a.log")), ...linesOf(await textIn(after, "a.log"))];
  assertEquals(events.map(({ healthy }) => healthy), [false, true]);
  const { lost } = events[1]!;
  assert(lost > 0);
  const place = lines.findIndex((line) => line.includes("lost"));
  const all = lines.toSpliced(place, 1, ...range(place + 1, place + 1 + lost));
  assertEquals(lostOf(lines), lost);
  assertEquals(all, range(1, all.length + 1), "the note stands where the lines would");
});

test("a folder that others take away is made anew", async (folder) => {
  const file = join(folder, "logs", "a.log");
  const tree = await supervise({ children: [script("while :; do echo line; sleep 0.005; done", { file }, { significant: false })] });
  const events = sinkEvents(tree);
  const isThere = (): Promise<boolean> => stat(file).then(() => true, () => false);
  await until(isThere, () => "nothing is written");
  await rename(join(folder, "logs"), join(folder, "gone"));
  await until(isThere, () => "the folder is not made anew");
  await tree.close();
  assertEquals(events, []);
});

// --- secrets -----------------------------------------------------------------------------------------------------------------------------

test("a secret is seen nowhere, whoever says it and however", async (folder) => {
  const secret = "hunter2/with+signs?&more";
  const once = { restartPolicy: "temporary" } as const;
  const logs = { file: join(folder, "a.log") };
  const environment = [{ name: "TOKEN", value: secret, secret: true }];
  const inPath = "hunter2-in-a-path";
  await writeFile(join(folder, inPath), "#!/no/such/shell\n", { mode: 0o700 });
  const tree = await supervise({
    children: [
      child.process("prints", {
        command: "sh",
        args: ["-c", 'echo "raw $TOKEN"; printf "base64 "; printf "%s" "$TOKEN" | base64; echo "err $TOKEN" >&2; exit 1'],
        environment,
        logs,
        ...once,
      }),
      child.worker("worker", moduleUrl("tests/fixtures/workers/tells_secret"), { environment, logs, ...once }),
      child.task("other", ({ attempt, log, requestRestart }) => {
        log(`what I found: ${secret}`);
        if (attempt === 1) requestRestart(`because of ${secret}`);
        const error = new Error(`cannot use ${secret}`);
        error.name = secret;
        throw error;
      }, { logs: { ...logs, format: "json" }, commandPermissions: { allowRestart: true }, ...once }),
      child.task("cut", () => Promise.reject(new Error("x".repeat(1_015) + secret)), once),
      child.process("broken", { command: join(folder, inPath), environment: [{ name: "WHERE", value: inPath, secret: true }], ...once }),
      child.task("stays", untilAborted, {
        healthCheck: { mode: "exec", command: `./${secret}`, checkIntervalSecs: 0.05, maxRetries: 0, onUnhealthy: "event" },
      }),
    ],
  });
  const isOver = (): boolean => tree.snapshot().children.filter(({ phase }) => phase === "failed").length === 5;
  await until(isOver, () => JSON.stringify(tree.snapshot().children.map(({ path, phase }) => `${path} ${phase}`)), 20_000);
  const events: unknown[] = [];
  const reading = (async () => {
    for await (const event of tree.events()) events.push(event);
  })();
  await until(() => JSON.stringify(events).includes("child_unhealthy"), () => "the health check does not fail");
  const snapshot = tree.snapshot();
  const report = await tree.shutdown();
  await reading;
  const records: unknown[] = [];
  for await (const record of tree.logs()) records.push(record);
  const channels: Readonly<Record<string, string>> = {
    events: JSON.stringify(events),
    logs: JSON.stringify(records),
    snapshot: JSON.stringify(snapshot),
    report: JSON.stringify(report),
    file: await readFile(logs.file, "utf8"),
  };
  const base64 = Buffer.from(secret).toString("base64");
  for (const [channel, text] of Object.entries(channels)) {
    for (const form of ["hunter2", base64, base64.slice(0, 12), encodeURIComponent(secret)]) {
      assertEquals(text.includes(form), false, `${channel} tells ${form}`);
    }
    assert(text.includes("***"), `${channel} does not tell what was said`);
  }
  for (const said of ["raw ***", "base64 ***", "err ***", "log ***", "what I found: ***"]) {
    assert(channels["file"]!.includes(said) && channels["logs"]!.includes(said), said);
  }
  assertMatch(channels["events"]!, /cannot use \*\*\*/);
  assertMatch(channels["events"]!, /cannot go on with \*\*\*/);
  assertMatch(channels["events"]!, /"category":"redacted"/);
});
