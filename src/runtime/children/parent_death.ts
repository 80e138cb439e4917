/**
 * Ends the process groups of children when the program dies without having stopped them.
 *
 * Nothing of the program can do that: a shell in a session of its own reads from a pipe which groups there are. The system closes the pipe when the
 * program is gone, whatever ended it, and the shell then ends the groups that were not taken back.
 */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { thrownMessage } from "../../base/mod.ts";
import { platform } from "../../platform/mod.ts";
import { HAS_GROUPS } from "./process_group.ts";

/** The shell, or what stands in for it in a test. */
export interface Watcher {
  write(line: string): void;
  /** Closes the pipe; resolves when the shell is gone. */
  end(): Promise<void>;
}

/** Starts a watcher; `onGone` is called when it ends although nobody asked. Throws where it cannot be started. */
export type WatcherStarter = (onGone: () => void) => Watcher;

/** What keeps this program from ending children after its own death, and what to do; `null` where nothing does. */
export function parentDeathRefusal(): { readonly rule: "parent_death_unwatched"; readonly reason: string; readonly hint: string } | null {
  const rule = "parent_death_unwatched";
  if (!HAS_GROUPS) return { rule, reason: "Windows has no process groups", hint: "Write stopOnParentDeath: false" };
  if (shell() !== undefined) return null;
  const hint = platform.name === "deno" ? "Add --allow-run=sh to the command" : "Allow child processes";
  return { rule, reason: "the runtime does not permit the shell that has to do it", hint };
}

/** Watchers that end so soon one after the other are not replaced any more: something ends them. */
const MOST_IN_A_ROW = 3;
const SOON_MS = 1_000;

/** The groups to be ended, and the one watcher that knows of them. */
export class ParentDeathWatch {
  readonly #start: WatcherStarter;
  readonly #groups = new Map<number, (line: string) => void>();
  #watcher: Watcher | null = null;
  #holds = 0;
  #startedAtMs = 0;
  #shortLives = 0;
  #ending: Promise<void> | null = null;
  #isTold = false;

  constructor(start: WatcherStarter = startShell) {
    this.#start = start;
  }

  /**
   * Keeps the watcher between children, as long as a tree runs; it is started with the first group all the same. The returned function lets go; it
   * returns what resolves when a watcher that nobody needs any more is gone, `null` where there is none.
   */
  hold(): () => Promise<void> | null {
    this.#holds++;
    let isHeld = true;
    return () => {
      if (isHeld) this.#holds--;
      isHeld = false;
      this.#endIfIdle();
      return this.#ending;
    };
  }

  /** Adds the group of a process, at once after its start. What cannot be done is said once in a program. */
  add(pgid: number, say: (line: string) => void): void {
    // To signal group 1 is to signal everybody.
    if (!Number.isSafeInteger(pgid) || pgid <= 1) return;
    this.#groups.set(pgid, say);
    if (this.#watcher === null) this.#begin();
    else this.#watcher.write(`+ ${pgid}\n`);
  }

  /** Takes a group back, as soon as it is known that its leader has ended: the number may be given again. Harmless when repeated. */
  remove(pgid: number): void {
    if (!this.#groups.delete(pgid)) return;
    this.#watcher?.write(`- ${pgid}\n`);
    this.#endIfIdle();
  }

  #begin(): void {
    const refusal = parentDeathRefusal();
    if (refusal !== null) return this.#tell(`${refusal.reason}. ${refusal.hint}`);
    try {
      const watcher = this.#start(() => this.#gone(watcher));
      this.#watcher = watcher;
      this.#startedAtMs = performance.now();
      for (const pgid of this.#groups.keys()) watcher.write(`+ ${pgid}\n`);
    } catch (error) {
      this.#tell(thrownMessage(error, 256));
    }
  }

  /** Somebody ended the watcher: another one takes its place. */
  #gone(watcher: Watcher): void {
    if (watcher !== this.#watcher) return;
    this.#watcher = null;
    this.#shortLives = performance.now() - this.#startedAtMs < SOON_MS ? this.#shortLives + 1 : 0;
    if (this.#groups.size === 0) return;
    if (this.#shortLives < MOST_IN_A_ROW) this.#begin();
    else this.#tell("the shell that has to do it ends again and again");
  }

  #tell(reason: string): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const [say] = this.#groups.values();
    say?.(`If this program is killed, its processes run on: ${reason}`);
  }

  #endIfIdle(): void {
    if (this.#watcher === null || this.#holds > 0 || this.#groups.size > 0) return;
    const watcher = this.#watcher;
    this.#watcher = null;
    const ending: Promise<void> = Promise.all([watcher.end(), this.#ending]).then(() => {
      if (this.#ending === ending) this.#ending = null;
    });
    this.#ending = ending;
  }
}

/** The watch of this program. */
export const parentDeath: ParentDeathWatch = new ParentDeathWatch();

/** What Deno permits by one of these names, it refuses by the other. */
const SHELLS = ["sh", "/bin/sh"];

function shell(): string | undefined {
  return SHELLS.find((name) => platform.mayRun(name));
}

/** Longest time in milliseconds for the shell to end. */
const END_MS = 1_000;

function startShell(onGone: () => void): Watcher {
  // Detached is a session of its own: what is typed into the terminal does not reach it. It holds nothing of the program but the pipe.
  const child = spawn(shell() ?? "sh", ["-c", SCRIPT, "reeve-parent-death"], {
    cwd: "/",
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin" },
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const { stdin } = child;
  // Whoever ends it breaks the pipe; that it is gone is told by its exit.
  stdin.on("error", () => {});
  child.unref();
  let isEnding = false;
  const gone = new Promise<void>((resolve) => {
    const once = (): void => {
      resolve();
      if (!isEnding) onGone();
    };
    child.once("exit", once);
    child.once("error", once);
  });
  return {
    write: (line) => void stdin.write(line),
    end(): Promise<void> {
      isEnding = true;
      stdin.end();
      return withinLimit(gone, child);
    },
  };
}

async function withinLimit(gone: Promise<void>, child: ChildProcess): Promise<void> {
  const limit = setTimeout(() => child.kill("SIGKILL"), END_MS);
  // Who waits for it must see it end.
  child.ref();
  await gone;
  clearTimeout(limit);
}

/**
 * What the shell does, in the language that all of them speak.
 *
 * It notes when the leader of a group began, where the system has `/proc`: a number that was given again meanwhile belongs to somebody who began later.
 * At the end of its input it sends SIGTERM, and SIGKILL a second later to groups that were there all the time. A variable for each group makes adding and
 * taking back quick, however many there are; the list of their names is cleared now and then.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM PIPE TSTP USR1 USR2 ALRM
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-
set -f
groups= count=0 limit=1024
look() {
  text=
  read -r text 2>/dev/null <"/proc/$1/stat" || text=
  set -- \${text##*) }
  began=\${20}
}
compact() {
  kept= count=0
  for group in $groups; do
    eval "noted=\\$g$group"
    if [ -n "$noted" ]; then
      kept="$kept $group"
      count=$((count + 1))
    else unset "l$group"; fi
  done
  groups=$kept limit=$((2 * count + 1024))
}
add() {
  look "$1"
  eval "g$1=at$began isListed=\\$l$1"
  [ -z "$isListed" ] || return 0
  eval "l$1=1"
  groups="$groups $1"
  count=$((count + 1))
  [ $count -le $limit ] || compact
}
while read -r what group; do
  case $group in '' | *[!0-9]* | 0 | 1) continue ;; esac
  case $what in
    +) add "$group" ;;
    -) unset "g$group" ;;
  esac
done
compact
each() {
  kept=
  for group in $groups; do
    kill -s 0 -- "-$group" 2>/dev/null || continue
    look "$group"
    eval "noted=\\$g$group"
    if [ -n "$began" ] && [ "at$began" != "$noted" ]; then continue; fi
    if [ "$1" != 0 ]; then kill -s "$1" -- "-$group" 2>/dev/null; fi
    kept="$kept $group"
  done
  groups=$kept
}
each TERM
turn=0
while [ -n "$groups" ] && [ $turn -lt 10 ]; do
  sleep 0.1 2>/dev/null || { sleep 1; turn=10; }
  turn=$((turn + 1))
  each 0
done
each KILL
`;
