/** Runs the command as a user would, as a process of its own. */
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const CONFIG = fileURLToPath(new URL("../../deno.json", import.meta.url));

/** A command that runs. */
export interface RunningCommand {
  /** Everything it wrote so far. */
  readonly output: () => string;
  /** Resolves when a text was written; rejects when the command ends before. */
  readonly until: (text: string) => Promise<void>;
  readonly signal: (name: Deno.Signal) => void;
  /** Its exit code. */
  readonly ended: Promise<number>;
}

/** Starts `reeve ARGS`; it is killed when it takes longer than 30 seconds. */
export function reeve(args: readonly string[], options: { readonly cwd?: string } = {}): RunningCommand {
  return deno(["run", "-A", "--config", CONFIG, MAIN, ...args], options);
}

/** Starts `deno ARGS` with the same limit. */
export function deno(args: readonly string[], { cwd }: { readonly cwd?: string } = {}): RunningCommand {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", DENO_NO_PROMPT: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  let over = false;
  const waiting = new Set<() => void>();
  const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      for (const look of waiting) look();
    }
  };
  const limit = setTimeout(() => child.kill("SIGKILL"), 30_000);
  const ended = Promise.all([child.status, read(child.stdout), read(child.stderr)]).then(([{ code }]) => {
    clearTimeout(limit);
    over = true;
    for (const look of waiting) look();
    return code;
  });
  return {
    output: () => text,
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (text.includes(wanted)) resolve();
          else if (over) reject(new Error(`The command ended without writing "${wanted}":\n${text}`));
          else return;
          waiting.delete(look);
        };
        waiting.add(look);
        look();
      }),
    signal: (name) => child.kill(name),
    ended,
  };
}

/** Writes a file into a folder of its own, and removes both. */
export async function withFolder(files: Readonly<Record<string, string>>, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "reeve-test-" });
  try {
    for (const [name, content] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, content);
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
