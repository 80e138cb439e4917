/** Tells systemd how a tree is: ready, stopping, in one line, and that its loop still turns. */
import { execFile } from "node:child_process";
import process from "node:process";
import { type Clock, codeOf, ReeveError, thrownMessage } from "../base/mod.ts";
import type { ChildPhase } from "../core/mod.ts";
import { platform } from "../platform/mod.ts";
import { systemClock } from "./clock.ts";
import { insidesOf } from "./insides.ts";
import { SYSTEMD_VARIABLES } from "./systemd_variables.ts";
import type { Tree } from "./tree.ts";

/** Options of {@linkcode notifySystemd}. */
export interface SystemdOptions {
  /** Where the variables of systemd are looked for; they are taken out, so that no child speaks for the unit. @default {process.env} */
  readonly env?: Record<string, string | undefined>;
  /** Sends assignments such as `READY=1` to the socket of systemd. @default {runs systemd-notify, for five seconds at most} */
  readonly run?: (assignments: readonly string[], socket: string) => Promise<void>;
  /** Is told when systemd cannot be told, and again only after it could; what it throws is ignored. @default {nobody is} */
  readonly onFailure?: (error: ReeveError) => void;
  /** Where time comes from. @default {the real clock} */
  readonly clock?: Pick<Clock, "now" | "setTimer">;
}

/** Speaks to systemd until the tree has finished; it does not keep the program alive. */
export interface SystemdNotifier extends AsyncDisposable {
  /** Says that the program stops, unless that was said, and then nothing more; resolves when systemd has it. Harmless when repeated. */
  close(): Promise<void>;
}

/**
 * Tells systemd how a tree is, for a unit with `Type=notify` and `NotifyAccess=all`; `null` where systemd does not wait for that.
 *
 * `READY=1` when the tree is ready for the first time, `STATUS=` when it changes, `STOPPING=1` when a shutdown begins, and for a unit with `WatchdogSec=` a
 * `WATCHDOG=1` twice in that time, as long as the loop of the tree handles what is posted to it. It goes through the program `systemd-notify`; in Deno that needs
 * `--allow-run=systemd-notify --allow-env=NOTIFY_SOCKET,WATCHDOG_USEC,WATCHDOG_PID,NODE_V8_COVERAGE`. Rejects with `systemd_not_told` where the variables
 * may not be read; what fails later disturbs nothing.
 *
 * @example
 * ```ts
 * import { child, notifySystemd, supervise } from "@reeve/supervisor";
 *
 * await using tree = await supervise({ children: [child.task("once", () => {}, { restartPolicy: "transient" })] });
 * await using systemd = await notifySystemd(tree, { env: {} });
 * console.log(systemd); // null: nobody waits
 * ```
 */
export function notifySystemd(tree: Tree, options: SystemdOptions = {}): Promise<SystemdNotifier | null> {
  return Promise.resolve().then(() => {
    const wish = takeWish(options.env);
    return wish === null ? null : new Notifier(tree, wish, options);
  });
}

/** What systemd wants. */
interface Wish {
  readonly socket: string;
  /** How often it wants to hear that the program lives, in milliseconds; `null` where it does not. */
  readonly pingMs: number | null;
}

/** A ping costs a process. */
const SHORTEST_PING_MS = 10;
const LONGEST_PING_MS = 2 ** 31 - 1;

function takeWish(env: Record<string, string | undefined> = process.env): Wish | null {
  try {
    // One by one: for each there is a permission in Deno.
    const { NOTIFY_SOCKET } = env;
    if (NOTIFY_SOCKET === undefined || NOTIFY_SOCKET === "") return null;
    const { WATCHDOG_USEC = "", WATCHDOG_PID = "" } = env;
    for (const name of SYSTEMD_VARIABLES) delete env[name];
    const isForUs = WATCHDOG_PID === "" || WATCHDOG_PID === String(process.pid);
    return { socket: NOTIFY_SOCKET, pingMs: isForUs ? pingMsOf(WATCHDOG_USEC) : null };
  } catch (error) {
    throw notTold(error);
  }
}

function pingMsOf(watchdogUsec: string): number | null {
  const usec = /^\d{1,19}$/.test(watchdogUsec) ? Number(watchdogUsec) : 0;
  return usec === 0 ? null : Math.min(LONGEST_PING_MS, Math.max(SHORTEST_PING_MS, usec / 2_000));
}

/** The status changes once in so many milliseconds at most. */
const STATUS_MS = 1_000;

/** What failed is tried again after so many milliseconds, and then after twice as many each time, up to the second. */
const RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/** Implements {@linkcode SystemdNotifier}: one run at a time, and what comes meanwhile goes together. */
class Notifier implements SystemdNotifier {
  readonly #tree: Tree;
  readonly #wish: Wish;
  readonly #clock: Pick<Clock, "now" | "setTimer">;
  readonly #run: (assignments: readonly string[], socket: string) => Promise<void>;
  readonly #onFailure: (error: ReeveError) => void;
  readonly #over = new AbortController();
  readonly #timers = new Map<"status" | "ping" | "retry", () => void>();
  /** What is to be said, by variable: what is newer stands for what is older. */
  readonly #unsaid = new Map<string, string>();
  #saying: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  #failures = 0;
  #changes = -1;
  #status = "";
  #stage: "starting" | "ready" | "stopping" = "starting";

  constructor(tree: Tree, wish: Wish, { clock = systemClock(), run = runSystemdNotify, onFailure = () => {} }: SystemdOptions) {
    this.#tree = tree;
    this.#wish = wish;
    this.#clock = clock;
    this.#run = run;
    this.#onFailure = onFailure;
    const { signal } = this.#over;
    tree.ready({ signal }).then(() => this.#ready(), () => {});
    this.#listen(signal).catch(() => {});
    tree.finished.then(() => this.close());
    this.#lookAtStatus();
    if (wish.pingMs !== null) this.#ping(wish.pingMs);
  }

  close(): Promise<void> {
    return this.#closing ??= this.#end();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(): Promise<void> {
    this.#over.abort();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
    await this.#saying;
    this.#stopping();
    this.#saySoon();
    await this.#saying;
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const isShutdown = ({ type, path }: { readonly type: string; readonly path: string }): boolean =>
      type === "shutdown_requested" && path === "/";
    for await (const { type } of this.#tree.events({ filter: isShutdown, signal, subscriber: "systemd" })) {
      if (type !== "gap") this.#stopping();
    }
  }

  #ready(): void {
    if (this.#stage !== "starting") return;
    this.#stage = "ready";
    this.#say("READY", "1");
  }

  #stopping(): void {
    if (this.#stage === "stopping") return;
    this.#stage = "stopping";
    this.#say("STOPPING", "1");
  }

  readonly #lookAtStatus = (): void => {
    this.#timers.set("status", this.#clock.setTimer(this.#lookAtStatus, STATUS_MS));
    const { changes } = insidesOf(this.#tree);
    if (changes === this.#changes) return;
    this.#changes = changes;
    const status = statusLine(this.#tree.counts());
    if (status === this.#status) return;
    this.#status = status;
    this.#say("STATUS", status);
  };

  /** A timer that comes shows that the program's loop turns; that the tree's own handles what is posted to it, the tree has measured. */
  #ping(everyMs: number): void {
    this.#timers.set("ping", this.#clock.setTimer(() => this.#ping(everyMs), everyMs));
    if (this.#tree.health().queueWaitMs < everyMs) this.#say("WATCHDOG", "1");
  }

  #say(variable: string, value: string): void {
    this.#unsaid.set(variable, value);
    if (!this.#timers.has("retry")) this.#saySoon();
  }

  /** What happens at the same time goes together. */
  #saySoon(): void {
    this.#saying ??= Promise.resolve().then(() => this.#sayAll()).finally(() => this.#saying = null);
  }

  async #sayAll(): Promise<void> {
    while (this.#unsaid.size > 0) {
      const said = [...this.#unsaid];
      this.#unsaid.clear();
      try {
        await this.#run(said.map(([variable, value]) => `${variable}=${value}`), this.#wish.socket);
        this.#failures = 0;
      } catch (error) {
        return this.#failed(said, error);
      }
    }
  }

  #failed(said: readonly (readonly [string, string])[], error: unknown): void {
    // That the loop turned a while ago is no news.
    for (const [variable, value] of said) {
      if (variable !== "WATCHDOG" && !this.#unsaid.has(variable)) this.#unsaid.set(variable, value);
    }
    if (this.#closing === null) {
      const delayMs = Math.min(LONGEST_RETRY_MS, RETRY_MS * 2 ** this.#failures);
      this.#timers.set(
        "retry",
        this.#clock.setTimer(() => {
          this.#timers.delete("retry");
          if (this.#unsaid.size > 0) this.#saySoon();
        }, delayMs),
      );
    }
    if (this.#failures++ > 0) return;
    try {
      this.#onFailure(notTold(error));
    } catch {
      // Whoever is told must not disturb who tells.
    }
  }
}

/** What the phases are called in a line for people. */
const PHASES: Readonly<Record<Exclude<ChildPhase, "ready">, string>> = {
  declared: "not started",
  waiting: "waiting",
  backoff: "in backoff",
  queued: "queued",
  starting: "starting",
  running: "not ready yet",
  draining: "draining",
  stopping: "stopping",
  killing: "being killed",
  abandoned: "left behind",
  stopped: "stopped",
  failed: "failed",
};

function statusLine({ ready = 0, ...others }: Partial<Record<ChildPhase, number>>): string {
  let all = ready;
  let line = "";
  for (const [phase, name] of Object.entries(PHASES)) {
    const count = Reflect.get(others, phase) ?? 0;
    if (count === 0) continue;
    all += count;
    line += `, ${count} ${name}`;
  }
  return `${ready} of ${all} ${all === 1 ? "child" : "children"} ready${line}`;
}

/** Longest time in milliseconds for one run. */
const RUN_MS = 5_000;

/** What Deno needs for it; `node:child_process` asks for the last variable, whether it is there or not. */
const FLAGS = "--allow-run=systemd-notify --allow-env=NOTIFY_SOCKET,WATCHDOG_USEC,WATCHDOG_PID,NODE_V8_COVERAGE";

/** Gives the program no other variables than it needs: in Deno, handing on all of them takes the permission to read all of them. */
async function runSystemdNotify(assignments: readonly string[], socket: string): Promise<void> {
  // Node looks for the program where the variable of the child says, Deno where its own does.
  const env = platform.name === "node" ? { NOTIFY_SOCKET: socket, PATH: process.env.PATH } : { NOTIFY_SOCKET: socket };
  await new Promise<void>((resolve, reject) => {
    execFile("systemd-notify", [...assignments], { env, timeout: RUN_MS, killSignal: "SIGKILL" }, (error, _, stderr) => {
      if (error === null) resolve();
      else if (error.killed === true) reject(new Error(`systemd-notify did not end within ${RUN_MS} ms`));
      else reject(stderr.trim() === "" ? error : new Error(stderr.trim()));
    });
  });
}

function notTold(error: unknown): ReeveError {
  const isDenied = platform.name === "deno" && platform.permissionHint(error) !== undefined;
  const hint = isDenied
    ? `Add ${FLAGS} to the command`
    : codeOf(error) === "ENOENT"
    ? "Install systemd-notify, which belongs to systemd"
    : undefined;
  return new ReeveError("systemd_not_told", `Cannot tell systemd how the tree is: ${thrownMessage(error)}`, {
    cause: error,
    hint,
  });
}
