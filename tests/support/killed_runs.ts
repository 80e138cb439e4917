/** Kills `reeve run` at a step of a reload or of writing its state, starts it again, and looks at what that made of its children. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers";
import { readJournal } from "../../mod.ts";
import { connect } from "../../src/client/mod.ts";
import { verifyAudit } from "../../src/observe/mod.ts";
import { readLedger } from "../../src/runtime/process_ledger.ts";
import { stateIn } from "../../src/runtime/state_file.ts";
import { isRunning, TreeRun, type TreeRunOptions } from "./tree_run.ts";
import { until } from "./until.ts";

/** When to kill: so many events, or milliseconds, after the reload was asked for, or when a file comes or goes the so-and-so-manieth time. */
export type Moment =
  | { readonly events: number }
  | { readonly ms: number }
  | { readonly file: string; readonly is: "there" | "gone"; readonly time: number };

/** Says with which file it was started, by whom and as whom; whoever finds its lock held tells that it runs twice. */
const CHILD = `exec 9>>"locks/$1"
flock -n 9 || echo "$1" >> twice
echo "start $$ $SAYS" >> "lives/$1"
trap 'echo "stop $$" >> "lives/$1"; exit 0' TERM
echo up
while :; do sleep 0.2 9>&- & wait $!; done`;

function declaration(name: string, says: number, diesWithSupervisor: boolean): object {
  return {
    name,
    run: { process: { command: "sh", args: ["-c", CHILD, "sh", name], cwd: ".", stop_on_parent_death: diesWithSupervisor } },
    environment: [{ name: "SAYS", value: `${says}` }],
    readiness: { mode: "log_line", pattern: "^up$" },
    logs: { file: `logs/${name}.log` },
  };
}

/** Who is the same in every file, who is declared otherwise, who comes and goes, and who is held. */
function spec(version: number): object {
  return {
    state: { path: "state.json" },
    observability: { journal: { path: "events.jsonl" } },
    audit: { backend: "file", file_path: "audit.jsonl" },
    children: [
      declaration("stays", 0, false),
      declaration("turns", version, false),
      declaration("dies", version, true),
      ...(version % 2 === 0 ? [] : [declaration("comes", version, false)]),
      declaration("held", 0, false),
    ],
  };
}

/** One folder, and the runs in it, one after the other. */
export class KilledRuns {
  readonly #folder: string;
  readonly #options: TreeRunOptions;
  #run: TreeRun;
  #version = 0;

  private constructor(folder: string, options: TreeRunOptions, run: TreeRun) {
    this.#folder = folder;
    this.#options = options;
    this.#run = run;
  }

  /** Starts the first run, and has one of its children held by an operator. */
  static async begin(folder: string, options: TreeRunOptions = {}): Promise<KilledRuns> {
    for (const name of ["locks", "lives", "logs"]) mkdirSync(join(folder, name));
    const runs = new KilledRuns(folder, options, TreeRun.start(folder, spec(0), options));
    for (const said of ["everything is ready", "dashboard on "]) await runs.#run.command.until(said);
    const [, socket = ""] = /dashboard on (\S+)/.exec(runs.#run.command.output()) ?? [];
    await using client = await connect(socket);
    await client.command("quarantine_child", { childPath: "/held", requestedBy: "ops", reason: "suspect" });
    await until(() => runs.#isHeld(), () => "nobody is held");
    return runs;
  }

  /**
   * Asks for a reload, kills the supervisor at the moment, and starts it again; throws where anything is torn, lost or doubled.
   *
   * Before that, further ones are killed so many milliseconds after they were started, each of which may have begun to end what was left.
   */
  async round(moment: Moment, startsMs: readonly number[] = []): Promise<void> {
    const before = this.#run;
    const begun = statSync(this.#at("events.jsonl")).size;
    const reloading = before.reload(spec(++this.#version)).then(() => true, () => true);
    await this.#comes(moment, begun, reloading);
    before.command.signal("SIGKILL");
    await before.command.ended;
    await reloading;
    try {
      await this.#checkFiles();
      for (const ms of startsMs) await this.#startAndKill(ms);
      this.#run = TreeRun.start(this.#folder, spec(this.#version), this.#options);
      await this.#run.command.until("everything is ready");
      await this.#checkChildren(before);
    } catch (error) {
      throw new Error(
        `${JSON.stringify([moment, startsMs])}: ${error instanceof Error ? error.message : error}\n${this.#run.command.output()}`,
        {
          cause: error,
        },
      );
    } finally {
      await before.clear();
    }
  }

  /** Stops the last run in order. */
  async end(): Promise<void> {
    const code = await this.#run.stop();
    const left = [...this.#run.processes(), ...this.#living().values()].flat();
    if (code !== 0 || left.length > 0) throw new Error(`exit code ${code}, left are ${left}`);
    for await (const entry of readJournal(this.#at("events.jsonl"))) {
      if (entry.kind !== "event") throw new Error(`the journal has ${JSON.stringify(entry)}`);
    }
  }

  /** Ends what is left, whatever happened. */
  async clear(): Promise<void> {
    await this.#run.clear();
  }

  async #startAndKill(ms: number): Promise<void> {
    const { command } = TreeRun.start(this.#folder, spec(this.#version), this.#options);
    await new Promise((resolve) => setTimeout(resolve, ms));
    command.signal("SIGKILL");
    await command.ended;
    await this.#checkFiles();
  }

  #at(name: string): string {
    return join(this.#folder, name);
  }

  /** Resolves at the moment, or when the reload is over and what it changed is written. */
  async #comes(moment: Moment, journalSize: number, reloading: Promise<boolean>): Promise<void> {
    const fromMs = performance.now();
    let isOver = false;
    reloading.then(() => setTimeout(() => isOver = true, 400));
    let [times, was] = [0, false];
    const is = (): boolean => {
      if ("ms" in moment) return performance.now() - fromMs >= moment.ms;
      if ("events" in moment) return linesFrom(this.#at("events.jsonl"), journalSize) >= moment.events;
      const there = existsSync(this.#at(moment.file));
      if (there !== was && there === (moment.is === "there")) times++;
      was = there;
      return times >= moment.time;
    };
    while (!is() && !isOver) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  #isHeld(): boolean {
    const { children } = stateIn(readFileSync(this.#at("state.json"), "utf8"));
    const held = children.find(({ path }) => path === "/held");
    return held?.operation === "quarantined" && held.hold?.by === "ops" && held.hold.reason === "suspect";
  }

  /** What the killed program left on the disk. */
  async #checkFiles(): Promise<void> {
    if (!this.#isHeld()) throw new Error("the state has lost who is held");
    const { damaged } = await readLedger(this.#at("state.json.processes"));
    const { problems } = await verifyAudit(this.#at("audit.jsonl"));
    if (damaged > 0 || problems.length > 0) throw new Error(`${damaged} lines of the ledger, ${JSON.stringify(problems)} of the audit`);
    const seqs = new Map<string, number>();
    for await (const entry of readJournal(this.#at("events.jsonl"))) {
      if (entry.kind !== "event") throw new Error(`the journal has ${JSON.stringify(entry)}`);
      const { run, event: { seq } } = entry;
      if (seq !== (seqs.get(run) ?? 0) + 1) throw new Error(`event ${seq} of ${run} follows ${seqs.get(run)}`);
      seqs.set(run, seq);
    }
  }

  /** Whom the new run has, and what became of those of the one before. */
  async #checkChildren(before: TreeRun): Promise<void> {
    const wanted = ["dies", "stays", "turns", ...(this.#version % 2 === 0 ? [] : ["comes"])].sort();
    // Those that die with their supervisor are ended by a shell, which takes its time.
    await until(() => before.processes().length === 0, () => `${before.processes()} are left behind`);
    const living = this.#living();
    const names = [...living].flatMap(([name, pids]) => pids.map(() => name)).sort();
    if (`${names}` !== `${wanted}`) throw new Error(`there run ${names}, wanted are ${wanted}`);
    for (const name of ["turns", "dies"]) {
      if (livesOf(this.#at(`lives/${name}`)).at(-1)?.says !== `${this.#version}`) throw new Error(`${name} runs as it was declared before`);
    }
    if (existsSync(this.#at("twice"))) throw new Error(`ran twice: ${readFileSync(this.#at("twice"), "utf8")}`);
    await until(() => this.#isHeld(), () => "nobody is held any more");
  }

  /** The processes of each child that run, by what they wrote themselves. */
  #living(): Map<string, number[]> {
    return new Map(
      readdirSync(this.#at("lives")).map((name) => [
        name,
        livesOf(this.#at(`lives/${name}`)).filter(({ pid }) => isRunning(pid)).map(({ pid }) => pid),
      ]),
    );
  }
}

function livesOf(path: string): { readonly pid: number; readonly says: string }[] {
  return readFileSync(path, "utf8").split("\n").flatMap((line) => {
    const [what, pid = "", says = ""] = line.split(" ");
    return what === "start" ? [{ pid: Number(pid), says }] : [];
  });
}

function linesFrom(path: string, size: number): number {
  return readFileSync(path).subarray(size).filter((byte) => byte === 10).length;
}
