/** A real terminal for tests: a shell in tmux. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { reeveArgs } from "./runtime.ts";
import { until } from "./until.ts";

/** Whether there is tmux. */
export const HAS_TMUX: boolean = spawnSync("tmux", ["-V"]).status === 0;

/** One window with a shell. */
export class Tmux {
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  /** Runs something beside a shell in a folder; the terminal goes away with it. */
  static async with(folder: string, { columns = 120, rows = 30 }, use: (tmux: Tmux) => Promise<void>): Promise<void> {
    const tmux = new Tmux(join(folder, "tmux.sock"));
    const env = { ...process.env, LC_ALL: "C.UTF-8", XDG_RUNTIME_DIR: folder, TERM: "xterm-256color" };
    const size = ["-x", String(columns), "-y", String(rows)];
    tmux.#run(["-u", "-f", "/dev/null", "new-session", "-d", ...size, "-c", folder, "sh"], { ...env, NO_COLOR: undefined });
    try {
      await tmux.shows(/[#$]/);
      await use(tmux);
    } finally {
      tmux.#run(["kill-server"]);
    }
  }

  /** Starts `reeve ARGS`; its number is in the file `pid`, and its exit code is told at the end. */
  start(...args: readonly string[]): void {
    const words = [process.execPath, ...reeveArgs(args)].map((word) => `'${word}'`).join(" ");
    this.type(`clear; sh -c 'echo $$ > pid; exec "$@"' sh ${words}; echo "ended with $?"`);
    this.press("Enter");
  }

  /** Types a text. */
  type(text: string): void {
    this.#run(["send-keys", "-l", text]);
  }

  /** Presses keys as tmux calls them: `Enter`, `C-c`, `Down`. */
  press(...keys: readonly string[]): void {
    this.#run(["send-keys", ...keys]);
  }

  resize(columns: number, rows: number): void {
    this.#run(["resize-window", "-x", String(columns), "-y", String(rows)]);
  }

  /** What is on the screen. */
  screen(): string {
    return this.#run(["capture-pane", "-p"]);
  }

  /** How the terminal is: the other screen, the cursor, the mouse. */
  modes(): string {
    return this.#run(["display-message", "-p", "#{alternate_on} #{cursor_flag} #{mouse_any_flag}"]).trim();
  }

  /** Waits until a text is on the screen. */
  async shows(text: string | RegExp, patienceMs = 30_000): Promise<void> {
    let seen = "";
    const has = async (): Promise<boolean> => {
      // Each look is a program of its own.
      await new Promise((resolve) => setTimeout(resolve, 50));
      seen = this.screen();
      return typeof text === "string" ? seen.includes(text) : text.test(seen);
    };
    await until(has, () => `the terminal does not show ${text}:\n${seen}`, patienceMs);
  }

  #run(args: readonly string[], env?: NodeJS.ProcessEnv): string {
    const { status, stdout, stderr } = spawnSync("tmux", ["-S", this.#socket, ...args], {
      encoding: "utf8",
      ...env === undefined ? {} : { env },
    });
    if (status !== 0) throw new Error(`tmux ${args.join(" ")}: ${stderr}`);
    return stdout;
  }
}
