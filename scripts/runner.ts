/** Runs checks and tests, and sums them up in a last line: `N passed, N failed`. */
import { fileURLToPath } from "node:url";

interface Outcome {
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  /** Lines that name tests that failed. */
  readonly names?: readonly string[];
}

/** Most names of failed tests that are told at the end. */
const MOST_NAMES = 20;

/** What a command did. */
interface Ran {
  readonly code: number;
  readonly output: string;
  readonly beginMs: number;
  readonly endMs: number;
}

/** Changes to how a command is run. */
export interface RunOptions {
  /** The command. @default {the deno that runs this} */
  readonly command?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Tests wait for programs much of the time: there is room for more of them than there are processors. */
const PROCESSES = Math.ceil(1.5 * navigator.hardwareConcurrency);

/** How many files one process runs: those that run at once in one process share its variables and descriptors, and wait for each other. */
const FILES_OF_A_PROCESS = 8;

/** Tests with programs that are not on every machine; a task of their own runs them. */
export const PROGRAM_TESTS = "tests/programs";

/** The folder of the project. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url));

/** Runs, counts, and remembers. `REEVE_REQUIRE=all` makes a skipped test a failure. */
export class Runner {
  readonly #outcomes: Outcome[] = [];
  readonly #running = new Set<Deno.ChildProcess>();

  constructor() {
    // Whoever ends this program means the tests as well.
    Deno.addSignalListener("SIGTERM", () => {
      for (const child of this.#running) {
        try {
          child.kill("SIGTERM");
        } catch {
          // It ended in this moment.
        }
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
    const { code, output, beginMs, endMs } = await this.#run(name, args, false, options);
    const inspect = options.inspect ?? (() => code === 0 ? undefined : `exit code ${code}`);
    const complaint = inspect(output, code);
    if (complaint !== undefined) console.log(`${output}\n${name}: ${complaint}`);
    const passed = complaint === undefined ? 1 : 0;
    this.#outcomes.push({ name, passed, failed: 1 - passed, skipped: 0, seconds: (endMs - beginMs) / 1000 });
    return complaint === undefined;
  }

  /** Runs tests, and reads how many there were from the last line that says so; returns whether all passed. */
  async tests(name: string, args: readonly string[], options: RunOptions = {}): Promise<boolean> {
    return this.#count(name, [await this.#run(name, args, true, options)]);
  }

  /** Runs files of tests, a few in each of many processes, some of which run at once; returns whether all passed. */
  async testsApart(name: string, args: readonly string[], files: readonly string[], options: RunOptions = {}): Promise<boolean> {
    const count = Math.ceil(files.length / FILES_OF_A_PROCESS);
    // Those that take long stand beside each other in the list.
    const shares = Array.from({ length: count }, (_, share) => files.filter((_, index) => index % count === share));
    const ran: Ran[] = [];
    await Promise.all(Array.from({ length: PROCESSES }, async () => {
      for (let share = shares.pop(); share !== undefined; share = shares.pop()) {
        const one = await this.#run(`${name}, ${count - shares.length} of ${count}`, [...args, ...share], false, options);
        console.log(one.output);
        ran.push(one);
      }
    }));
    return this.#count(name, ran);
  }

  #count(name: string, ran: readonly Ran[]): boolean {
    const sum = { passed: 0, failed: 0, skipped: 0 };
    for (const { code, output } of ran) {
      const line = output.match(/\d+ passed\b.*\b\d+ failed\b.*/g)?.at(-1) ?? "";
      const count = (word: string): number => Number(line.match(new RegExp(`(\\d+) ${word}`))?.[1] ?? 0);
      const [passed, failed] = [count("passed"), count("failed")];
      sum.passed += passed;
      sum.failed += failed === 0 && (code !== 0 || passed === 0) ? 1 : failed;
      sum.skipped += count("ignored") + count("skipped");
    }
    const begin = Math.min(...ran.map(({ beginMs }) => beginMs));
    const end = Math.max(...ran.map(({ endMs }) => endMs));
    const names = ran.flatMap(({ output }) => output.match(/^.* \.\.\. FAILED.*$|^FAILED .*\.js\b.*$/gm) ?? []);
    this.#outcomes.push({ name, ...sum, seconds: (end - begin) / 1000, names });
    return sum.failed === 0;
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
    for (const { name, passed, failed, skipped, seconds, names = [] } of this.#outcomes) {
      const counts = `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
      console.log(`${failed === 0 ? "ok    " : "FAILED"}  ${name}: ${counts} (${seconds.toFixed(1)} s)`);
      for (const line of names.slice(0, MOST_NAMES)) console.log(`          ${line}`);
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
  ): Promise<Ran> {
    console.log(`\n== ${name}`);
    const beginMs = performance.now();
    const options: Deno.CommandOptions = { args: [...args], cwd: ROOT, env: { ...env }, stdout: "piped", stderr: "piped", stdin: "null" };
    const child = new Deno.Command(command, options).spawn();
    this.#running.add(child);
    const [out, error] = await Promise.all([
      collect(child.stdout, show ? Deno.stdout : undefined),
      collect(child.stderr, show ? Deno.stderr : undefined),
    ]);
    const { code } = await child.status;
    this.#running.delete(child);
    const plain = `${out}${error}`.replace(new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m`, "g"), "");
    return { code, output: plain, beginMs, endMs: performance.now() };
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
