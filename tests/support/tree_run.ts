/** A tree of a file that `reeve run` runs, with a view of what it started that does not ask the tree. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { readJournal, type SupervisorEvent } from "../../mod.ts";
import { type RunningCommand, start, type StartOptions } from "./command.ts";
import { denyingNothing, reeveArgs } from "./runtime.ts";

/** The variable that all which a run starts inherit. */
const VARIABLE = "REEVE_TEST_MARK";

/** How a tree is run. */
export interface TreeRunOptions extends StartOptions {
  /** Arguments beside the file. */
  readonly args?: readonly string[];
  /** Whether Deno denies nothing, since it opens `/proc` to nobody else. @default {false} */
  readonly mayAll?: boolean;
  /** Another command than this runtime with this package, and its first arguments. */
  readonly reeve?: readonly string[];
}

/** A file of a tree, and who runs it. */
export class TreeRun {
  readonly folder: string;
  readonly command: RunningCommand;
  readonly #mark: string;

  private constructor(folder: string, command: RunningCommand, mark: string) {
    this.folder = folder;
    this.command = command;
    this.#mark = mark;
  }

  /** Writes the file and starts `reeve run`; in the folder lie the journal and what else the file names. */
  static start(folder: string, spec: object, options: TreeRunOptions = {}): TreeRun {
    declare(folder, spec);
    const { args = [], env = {}, mayAll = false, reeve, ...rest } = options;
    const mark = crypto.randomUUID();
    const [program, ...first] = reeve ?? [process.execPath, ...reeveArgs([])];
    const all = [...first, "run", "supervisor.yaml", ...args];
    const command = start(mayAll ? denyingNothing(all) : all, {
      command: program,
      cwd: folder,
      runtimeDir: folder,
      ...rest,
      env: { ...env, [VARIABLE]: mark },
    });
    return new TreeRun(folder, command, mark);
  }

  /** Writes another file, and asks the run to carry it out. */
  async reload(spec: object): Promise<void> {
    const times = this.command.output().split("reeve: reloaded").length;
    declare(this.folder, spec);
    this.command.signal("SIGHUP");
    while (this.command.output().split("reeve: reloaded").length === times) {
      await Promise.race([
        new Promise((resolve) => setTimeout(resolve, 20)),
        this.command.ended.then(() => this.command.until("reloaded")),
      ]);
    }
  }

  /** What the journal has, which the file must name `events.jsonl`. */
  async events(): Promise<SupervisorEvent[]> {
    const found: SupervisorEvent[] = [];
    for await (const entry of readJournal(join(this.folder, "events.jsonl"))) if (entry.kind === "event") found.push(entry.event);
    return found;
  }

  /** Who runs that this run has started, itself left out; only where there is `/proc`. */
  processes(): number[] {
    return processesWith(`${VARIABLE}=${this.#mark}`).filter((pid) => pid !== this.command.pid);
  }

  /** The same without the shell that outlives the run. */
  ofChildren(): number[] {
    return this.processes().filter((pid) => environmentOf(pid).some((variable) => variable.startsWith("REEVE_MARK=")));
  }

  /** Ends it in order; returns its exit code. */
  async stop(): Promise<number> {
    this.command.signal("SIGTERM");
    return await this.command.ended;
  }

  /** Ends what is left of it, whatever happened. */
  async clear(): Promise<void> {
    for (const pid of [this.command.pid, ...this.processes()]) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It is gone, as it should be.
      }
    }
    await this.command.ended;
  }
}

function declare(folder: string, spec: object): void {
  // What is JSON is YAML as well.
  writeFileSync(join(folder, "supervisor.yaml"), JSON.stringify(spec));
}

/** Who has something in the environment with which it was started, and has not ended. */
export function processesWith(variable: string): number[] {
  return readdirSync("/proc").map(Number).filter((pid) => pid > 0 && environmentOf(pid).includes(variable) && isRunning(pid));
}

function environmentOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
  } catch {
    return [];
  }
}

/** Whether a process is there and has not ended; who clears it away does not matter. */
export function isRunning(pid: number): boolean {
  try {
    return /\) [^ZX]/.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

/** Who is in the process group of a leader and has not ended; for programs that write over their environment. */
export function groupOf(leader: number): number[] {
  return readdirSync("/proc").map(Number).filter((pid) => pid > 0 && isRunning(pid) && groupIn(pid) === leader);
}

function groupIn(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1");
    return Number(text.slice(text.lastIndexOf(")")).split(" ")[3]);
  } catch {
    return 0;
  }
}

/** Whether somebody takes connections at a port. */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const end = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once("connect", () => end(true));
    socket.once("error", () => end(false));
  });
}
