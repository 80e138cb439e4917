/** `reeve run FILE --detach`: the same run as a process of its own in the background. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, rmSync } from "node:fs";
import { mkdir, open, readFile, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import process from "node:process";
import { cleanText, codeOf, ReeveError, thrownMessage } from "../../base/mod.ts";
import { ConfigError, loadFile } from "../../config/mod.ts";
import { platform } from "../../platform/mod.ts";
import { DEFAULTS } from "../../spec/mod.ts";
import { AlreadyRuns, ownerOf, takePidFile } from "../detach/pid_file.ts";
import { readReport, type StartReport, tellReport } from "../detach/report.ts";
import { type BackgroundFiles, backgroundWords } from "../detach/words.ts";
import { type CommandIo, EXIT, refuse, talking } from "../io.ts";
import { exitCodeOf, printRefusal } from "../file_problems.ts";
import { ownFolder } from "../own_socket.ts";
import type { RunArgs } from "./run.ts";

/** Arguments of {@linkcode detach}. */
export interface DetachArgs extends RunArgs {
  /** The file for the number of the process; one named after the tree, in the folder of its socket, where absent. */
  readonly pidFile?: string | undefined;
  /** The file for what the run says; one named after the tree, in `~/.local/state/reeve`, where absent. */
  readonly logFile?: string | undefined;
  /** Longest time to wait until all is ready, in seconds. */
  readonly waitSecs: number;
}

/** How often it is looked how far the start is, in milliseconds. */
const LOOK_MS = 25;
/** Beyond its own time limit, the process gets so long to say how it is, in milliseconds. */
const SPARE_MS = 25_000;

/** Starts it and waits; returns 0 when all is ready, 1 when it is not in time, the exit code of the run when that is over, 2 when it cannot be started. */
export async function detach(args: DetachArgs, io: CommandIo): Promise<number> {
  if (process.platform === "win32") return refuse(io, "--detach is for systems with sessions; make it a service instead", EXIT.unusable);
  let files: BackgroundFiles;
  let name: string;
  try {
    const { spec } = await loadFile(args.file);
    name = spec.name ?? DEFAULTS.treeName;
    files = await filesOf(args, name);
  } catch (error) {
    if (!(error instanceof ConfigError)) return refuse(io, `cannot start in the background: ${reasonOf(error)}`, EXIT.unusable);
    printRefusal(error, args.file, talking(io));
    return exitCodeOf(error);
  }
  const owner = await ownerOf(files.pidFile);
  if (owner !== null) return refuse(io, new AlreadyRuns(files.pidFile, owner).message, EXIT.unusable);
  const reportFile = `${files.logFile}.${process.pid}.start`;
  try {
    await mkdir(dirname(files.logFile), { recursive: true, mode: 0o700 });
    await (await open(reportFile, "wx", 0o600)).close();
    const child = await begin(backgroundWords(args, files, args.waitSecs, reportFile), ownWordsFile(files.logFile));
    const { report, exitCode } = await outcomeOf(child, reportFile, 1_000 * args.waitSecs + SPARE_MS);
    return await tell({ name, pid: child.pid ?? 0, files, report, exitCode, args }, io);
  } catch (error) {
    return refuse(io, `cannot start in the background: ${reasonOf(error)}`, EXIT.unusable);
  } finally {
    await rm(reportFile, { force: true }).catch(() => {});
  }
}

function reasonOf(error: unknown): string {
  const hint = platform.permissionHint(error) ?? (codeOf(error) === "EACCES" ? "--log-file and --pid-file choose other places" : undefined);
  return `${thrownMessage(error)}${hint === undefined ? "" : `. ${hint}`}`;
}

async function filesOf({ pidFile, logFile }: DetachArgs, treeName: string): Promise<BackgroundFiles> {
  const name = treeName.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 100);
  const { XDG_STATE_HOME = "", HOME = homedir() } = process.env;
  const states = isAbsolute(XDG_STATE_HOME) ? XDG_STATE_HOME : join(HOME, ".local", "state");
  return {
    pidFile: pidFile === undefined ? join((await ownFolder()).folder, `${name}.pid`) : resolve(pidFile),
    logFile: logFile === undefined ? join(states, "reeve", `${name}.log`) : resolve(logFile),
  };
}

/** What the runtime itself writes, such as why it crashed, lies beside the log. */
function ownWordsFile(logFile: string): string {
  return `${logFile}.stderr`;
}

/** Starts the process in a session of its own. A shell hands over, since `node:child_process` of Deno changes the flags of a Deno that it starts. */
async function begin(words: readonly string[], ownWords: string): Promise<ChildProcess> {
  const { command, args } = await platform.selfCommand();
  // Never through a link that somebody put there.
  rmSync(ownWords, { force: true });
  const output = openSync(ownWords, "wx", 0o600);
  try {
    const child = spawn("/bin/sh", ["-c", 'exec "$@"', "sh", command, ...args, ...words], {
      detached: true,
      stdio: ["ignore", output, output],
    });
    await new Promise<void>((begun, failed) => child.once("spawn", begun).once("error", failed));
    child.unref();
    return child;
  } finally {
    closeSync(output);
  }
}

interface StartOutcome {
  readonly report: StartReport | null;
  /** Set when the process is over. */
  readonly exitCode: number | null;
}

async function outcomeOf(child: ChildProcess, reportFile: string, limitMs: number): Promise<StartOutcome> {
  let over: number | null = null;
  child.once("exit", (code) => over = code ?? EXIT.problems);
  for (const giveUpAtMs = performance.now() + limitMs;;) {
    // Looked at first: what is reported after the end is all that ever will be.
    const exitCode = over;
    const report = await readReport(reportFile);
    const isTold = report !== null && report.state !== "running" && report.state !== "ended";
    if (exitCode !== null || isTold || performance.now() > giveUpAtMs) return { report, exitCode };
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

interface Told extends StartOutcome {
  readonly name: string;
  readonly pid: number;
  readonly files: BackgroundFiles;
  readonly args: DetachArgs;
}

async function tell({ name, pid, files, report, exitCode, args }: Told, io: CommandIo): Promise<number> {
  const { pidFile, logFile } = files;
  const shown = cleanText(name);
  if (exitCode !== null) return await tellEnd({ name: shown, exitCode, report, logFile }, io);
  io.stderr(saidBeside(report));
  const isReady = report?.state === "ready";
  if (args.json) {
    const facts = { name, ready: isReady, pid, pid_file: pidFile, socket: report?.socket ?? null, log: logFile };
    io.stdout(`${JSON.stringify(facts)}\n`);
  } else {
    const rows = [["pid", `${pid} (${cleanText(pidFile)})`], ["socket", cleanText(report?.socket ?? "none")], ["log", cleanText(logFile)]];
    const state = isReady ? "runs in the background" : `runs in the background, but is not ready after ${args.waitSecs} s`;
    io.stdout(`${shown} ${state}\n${rows.map(([key = "", value = ""]) => `  ${key.padEnd(7)} ${value}\n`).join("")}`);
    io.stdout(`Next:\n  reeve status --file ${cleanText(args.file)}\n  kill ${pid}   # stops it in order\n`);
  }
  return isReady ? EXIT.clean : EXIT.problems;
}

async function tellEnd(
  { name, exitCode, report, logFile }: { name: string; exitCode: number; report: StartReport | null; logFile: string },
  io: CommandIo,
): Promise<number> {
  const ownWords = await readFile(ownWordsFile(logFile), "utf8").catch(() => "");
  if (ownWords === "") await rm(ownWordsFile(logFile), { force: true }).catch(() => {});
  io.stderr(report === null ? "" : await lastOf(logFile));
  if (ownWords !== "") io.stderr(`${cleanText(ownWords.slice(-4_096).trimEnd()).replaceAll("\\n", "\n")}\n`);
  if (report?.wasReady === true && exitCode === 0) {
    io.stdout(`${name} ran, and has ended already\n`);
    return EXIT.clean;
  }
  const how = report?.wasReady === true ? "ran, and has ended" : "has ended before it was ready";
  return refuse(io, `${name} ${how}, with exit code ${exitCode}; the log is ${logFile}`, exitCode === 0 ? EXIT.problems : exitCode);
}

/** What it complained of, without what is told of its socket anyway. */
function saidBeside(report: StartReport | null): string {
  return (report?.said ?? "").replace(/^reeve: dashboard on .*\n/gm, "");
}

/** Lines of a log that people read at one glance. */
const LAST_LINES = 12;

async function lastOf(logFile: string): Promise<string> {
  const text = await readFile(logFile, "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "").slice(-LAST_LINES).map((line) => `${cleanText(line)}\n`).join("");
}

/** What the process in the background does, whose own words go to a log; returns the exit code of the run. */
export async function runInBackground(
  { waitSecs, ...args }: DetachArgs & BackgroundFiles,
  reportFile: string,
  io: CommandIo,
): Promise<number> {
  const now: { socket: string | null; wasReady: boolean; said: string } = { socket: null, wasReady: false, said: "" };
  const report = async (state: StartReport["state"], exitCode: number | null = null): Promise<void> => {
    await tellReport(reportFile, { state, exitCode, ...now });
  };
  const [{ openBackgroundIo }, { run }] = await Promise.all([import("../detach/background_io.ts"), import("./run.ts")]);
  const log = await openBackgroundIo(args.logFile).catch((error: unknown) => `cannot write "${args.logFile}": ${reasonOf(error)}`);
  if (typeof log === "string") return refuse(io, log, EXIT.unusable);
  let code: number = EXIT.unusable;
  try {
    const pidFile = await takePidFile(args.pidFile);
    try {
      code = await run({
        ...args,
        onRunning(tree, socket): void {
          Object.assign(now, { socket, said: log.said() });
          const late = async (error: unknown): Promise<void> => {
            // Where the tree has ended instead, that is told at the end.
            if (!(error instanceof ReeveError) || error.code !== "tree_not_ready") return;
            now.said = `${log.said()}reeve: ${cleanText(error.message)}\n`;
            await report("late");
          };
          const ready = (): Promise<void> => {
            Object.assign(now, { wasReady: true, said: log.said() });
            return report("ready");
          };
          report("running").then(() => tree.ready({ timeoutMs: 1_000 * waitSecs })).then(ready, late).catch(() => {});
        },
      }, log.io);
    } finally {
      await pidFile.release();
    }
  } catch (error) {
    log.io.stderr(`reeve: ${cleanText(reasonOf(error))}\n`);
  }
  now.said = log.said();
  await report("ended", code);
  await log.close();
  await removeIfEmpty(ownWordsFile(args.logFile));
  return code;
}

async function removeIfEmpty(path: string): Promise<void> {
  const found = await stat(path).catch(() => null);
  if (found?.size === 0) await rm(path, { force: true }).catch(() => {});
}
