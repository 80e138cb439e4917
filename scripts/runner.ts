/** Runs checks and tests one after the other, and sums them up in a last line: `N passed, N failed`. */
import { fileURLToPath } from "node:url";

interface Outcome {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
}

/** Changes to how a command is run. */
export interface RunOptions {
  /** The command. @default {the deno that runs this} */
  readonly command?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Tests wait for programs much of the time: there is room for more of them than there are processors. */
export const IN_PARALLEL: Readonly<Record<string, string>> = { DENO_JOBS: String(Math.ceil(1.5 * navigator.hardwareConcurrency)) };

/** The folder of the project. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url));

/** Runs, counts, and remembers. `REEVE_REQUIRE=all` makes a skipped test a failure. */
export class Runner {
  readonly #outcomes: Outcome[] = [];
  #running: Deno.ChildProcess | undefined;

  constructor() {
    // Whoever ends this program means the tests as well.
    Deno.addSignalListener("SIGTERM", () => {
      try {
        this.#running?.kill("SIGTERM");
      } catch {
        // It ended in this moment.
      }
      Deno.exit(143);
    });
  }

  /** Runs a check that passes or fails as a whole; returns whether it passed. */
  async check(
    name: string,
    args: readonly string[],
    options: RunOptions & { readonly inspect?: (output: string, code: number) => string | undefined } = {},
  ): Promise<boolean> {
    const { code, output, seconds } = await this.#run(name, args, false, options);
    const inspect = options.inspect ?? (() => code === 0 ? undefined : `exit code ${code}`);
    const complaint = inspect(output, code);
    if (complaint !== undefined) console.log(`${output}\n${name}: ${complaint}`);
    this.#outcomes.push({ name, passed: complaint === undefined ? 1 : 0, failed: complaint === undefined ? 0 : 1, skipped: 0, seconds });
    return complaint === undefined;
  }

  /** Runs tests, and reads how many there were from the last line that says so; returns whether all passed. */
  async tests(name: string, args: readonly string[], options: RunOptions = {}): Promise<boolean> {
    const { code, output, seconds } = await this.#run(name, args, true, options);
    const line = output.match(/\d+ passed\b.*\b\d+ failed\b.*/g)?.at(-1) ?? "";
    const count = (word: string): number => Number(line.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0);
    const failed = count("failed");
    const isBroken = failed === 0 && (code !== 0 || count("passed") === 0);
    this.#outcomes.push({
      name,
      passed: count("passed"),
      failed: isBroken ? 1 : failed,
      skipped: count("ignored") + count("skipped"),
      seconds,
    });
    return failed === 0 && !isBroken;
  }

  /** Counts something that cannot be run here. */
  skip(name: string, reason: string): void {
    console.log(`\n== ${name}: skipped, ${reason}`);
    this.#outcomes.push({ name: `${name} (${reason})`, passed: 0, failed: 0, skipped: 1, seconds: 0 });
  }

  /** Prints the sum and ends the program. */
  finish(): never {
    const total = (key: "passed" | "failed" | "skipped"): number => this.#outcomes.reduce((sum, outcome) => sum + outcome[key], 0);
    console.log("");
    for (const { name, passed, failed, skipped, seconds } of this.#outcomes) {
      const counts = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
      console.log(`${failed === 0 ? "ok    " : "FAILED"}  ${name}: ${counts} (${seconds.toFixed(1)} s)`);
    }
    const skips = total("skipped");
    const required = Deno.env.get("REEVE_REQUIRE") === "all" ? skips : 0;
    const failed = total("failed") + required + (total("passed") === 0 ? 1 : 0);
    console.log(`${total("passed")} passed, ${failed} failed${skips > required ? `, ${skips} skipped` : ""}`);
    Deno.exit(failed === 0 ? 0 : 1);
  }

  async #run(
    name: string,
    args: readonly string[],
    show: boolean,
    { command = Deno.execPath(), env = {} }: RunOptions,
  ): Promise<{ code: number; output: string; seconds: number }> {
    console.log(`\n== ${name}`);
    const start = performance.now();
    const options: Deno.CommandOptions = { args: [...args], cwd: ROOT, env: { ...env }, stdout: "piped", stderr: "piped", stdin: "null" };
    const child = new Deno.Command(command, options).spawn();
    this.#running = child;
    const [out, error] = await Promise.all([
      collect(child.stdout, show ? Deno.stdout : undefined),
      collect(child.stderr, show ? Deno.stderr : undefined),
    ]);
    const { code } = await child.status;
    const plain = `${out}${error}`.replace(new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, "g"), "");
    return { code, output: plain, seconds: (performance.now() - start) / 1000 };
  }
}

async function collect(stream: ReadableStream<Uint8Array>, copyTo: { writeSync(bytes: Uint8Array): number } | undefined): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    copyTo?.writeSync(chunk);
    text += decoder.decode(chunk, { stream: true });
  }
  return text;
}

/** The test files below a folder of `tests/`, or of all folders but some. */
export function testFiles(without: readonly string[] = []): string[] {
  const found: string[] = [];
  const walk = (folder: string): void => {
    for (const { name, isDirectory } of Deno.readDirSync(`${ROOT}/${folder}`)) {
      const path = `${folder}/${name}`;
      if (isDirectory && !without.includes(path)) walk(path);
      else if (name.endsWith("_test.ts")) found.push(path);
    }
  };
  walk("tests");
  return found.sort();
}
