import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import process from "node:process";
import { main } from "../../src/cli/main.ts";
import { RecordingIo, withFile } from "./helpers.ts";

/** A process that says something and ends well at once; the tree then has nothing left to do. */
const SPEAKS = `name: small
children:
  - name: speaks
    restart_policy: transient
    run: { process: { command: sh, args: [-c, "printf 'hello \\\\033[31mred\\\\n'"] } }
`;

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Outputs that do something once a text was written. */
class ReactingIo extends RecordingIo {
  #text: string | undefined;
  readonly #react: () => void;

  constructor(text: string | undefined, react: () => void) {
    super();
    this.#text = text;
    this.#react = react;
  }

  override stdout(text: string): void {
    super.stdout(text);
    if (this.#text === undefined || !this.out.includes(this.#text)) return;
    this.#text = undefined;
    this.#react();
  }
}

/** What Ctrl-C does. */
function interrupt(): void {
  process.emit("SIGINT", "SIGINT");
}

async function run(text: string, options: readonly string[] = [], reactTo?: string, react = interrupt): Promise<Outcome> {
  let outcome: Outcome = { code: -1, out: "", err: "" };
  await withFile(text, async (file) => {
    const io = new ReactingIo(reactTo, react);
    const code = await main(["run", file, "--no-socket", ...options], io);
    outcome = { code, out: io.out.replaceAll(file, "FILE"), err: io.err.replaceAll(file, "FILE") };
  });
  return outcome;
}

/** Control characters that a terminal would obey. */
function hasControls(text: string): boolean {
  return [...text].some((character) => character < " " && character !== "\n" || character === "\u007f");
}

Deno.test("run() shows events, output and a summary, and returns 0 after an interrupt", async () => {
  const { code, out, err } = await run(SPEAKS, [], "finished after");
  assertEquals([code, err], [0, ""]);
  assertMatch(out, /^\d\d:\d\d:\d\d\.\d{3} · \/ +supervising 1 child\n/);
  assertMatch(out, /\n\d\d:\d\d:\d\d\.\d{3} │ \/speaks {2}hello \\u\{1b\}\[31mred\n/);
  assertMatch(out, /✓ \/speaks {2}finished after \d+ ms; stays down, as wanted\n/);
  assertMatch(out, /shutdown by signal: SIGINT\n/);
  assertMatch(out, /\nsmall ran \S+ m?s, ended by signal \(SIGINT\), exit code 0\n/);
  assertMatch(
    out,
    /\nCHILD +KIND +STARTS +RESTARTS +FAILURES +LAST EXIT +STOPPED\n\/speaks +process +1 +0 +0 +finished +was not running\n$/,
  );
  assert(!hasControls(out), "what a child prints must not reach the terminal raw");
});

Deno.test("run() does not show what the children print with --no-output", async () => {
  const { code, out } = await run(SPEAKS, ["--no-output"], "finished after");
  assertEquals(code, 0);
  assertEquals(out.includes("hello"), false);
  assertStringIncludes(out, "/speaks  finished");
});

Deno.test("run() shows every step with --verbose", async () => {
  const again = SPEAKS.replace("transient", "permanent");
  const [brief, verbose] = [await run(again, [], "attempt 2"), await run(again, ["--verbose"], "attempt 2")];
  assertEquals(brief.out.includes("next attempt in"), false);
  assertMatch(verbose.out, /next attempt in \d+ ms\n/);
  assertMatch(verbose.out, /restarting after completed, restart 1\n/);
});

Deno.test("run() writes nothing but JSON with --json, one item a line, and the report last", async () => {
  const { code, out, err } = await run(SPEAKS, ["--json"], "child_succeeded");
  assertEquals([code, err], [0, ""]);
  const items = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  const events = items.filter((item) => "correlation" in item);
  assertEquals(events.map(({ seq }) => seq), events.map((_, index) => index + 1));
  assertEquals(items.filter((item) => "line" in item).map(({ path, stream, line }) => `${path} ${stream} ${line}`), [
    "/speaks stdout hello \\u{1b}[31mred",
  ]);
  const { type, exitCode, children, abandoned } = items.at(-1);
  assertEquals([type, exitCode, children.length, abandoned], ["report", 0, 1, []]);
});

Deno.test("run() shuts down after the time of --for", async () => {
  const { code, out } = await run(SPEAKS.replace("    run:", "    severity: optional\n    run:"), ["--for", "0.1"]);
  assertEquals(code, 0);
  assertMatch(out, /shutdown by reeve: 0\.1 s are over\n/);
  assertMatch(out, /ended by reeve \(0\.1 s are over\), exit code 0\n/);
});

Deno.test("run() returns 1 when the tree was never ready in the time of --for, and says so", async () => {
  const { code, out, err } = await run(
    `children:
  - name: mute
    run: { process: { command: sleep, args: ["60"] } }
    readiness: { mode: log_line, pattern: never said }
`,
    ["--for", "0.1"],
  );
  assertEquals([code, err], [1, "reeve: the tree was never ready as a whole in 0.1 s\n"]);
  assertMatch(out, /\/mute +process .* in order\n$/, "the summary is shown all the same");
});

Deno.test("run() returns 1 for a bad file, with every problem and its line, and starts nothing", async () => {
  const { code, out, err } = await run(`${SPEAKS}    colour: red\n    dependencies: [db]\n`);
  assertEquals([code, out], [1, ""]);
  assertStringIncludes(err, "FILE:6:5  /children/0/colour: unknown key");
  assertMatch(err, /FILE:7:\d+ {2}\/children\/0\/dependencies\/0: /);
  assertStringIncludes(err, "FILE is refused: 2 violations, no warnings\n");
});

Deno.test("run() returns 1 for missing files and commands, with the line of each", async () => {
  const { code, err } = await run(`children:
  - name: a
    run: { module: { url: ./nope.js } }
  - name: b
    run: { process: { command: no-such-command } }
`);
  assertEquals(code, 1);
  assertMatch(err, /FILE:3:\d+ {2}\/children\/0\/run: Cannot read module/);
  assertMatch(err, /FILE:5:\d+ {2}\/children\/1\/run: Cannot run "no-such-command": it is not in PATH/);
});

Deno.test("run() returns 2 for a file that is not there, and for wrong usage", async () => {
  for (const args of [["run", "/no/such/file.yaml"], ["run"], ["run", "x.yaml", "--for", "0"], ["run", "x.yaml", "--bogus"]]) {
    const io = new RecordingIo();
    assertEquals([await main(args, io), io.out], [2, ""], args.join(" "));
    assert(io.err.length > 0, args.join(" "));
  }
});

Deno.test("run() returns the exit code of an escalation", async () => {
  const { code, out } = await run(`policy: { escalation: { exit_code: 41 } }
children:
  - name: wild
    run: { process: { command: "false" } }
    backoff: { initial_ms: 10 }
    limit: { max_restarts: 1, window_ms: 10000, on_exceeded: escalate }
`);
  assertEquals(code, 41);
  assertMatch(out, /ended by escalation: "\/wild" exceeded its restart limit: exited with code 1, exit code 41\n/);
});

Deno.test("run() keeps warnings out of the JSON of --json", async () => {
  const { code, out } = await run(SPEAKS.replace("    run:", "    instances: 2\n    run:"), ["--json"], "child_succeeded");
  assertEquals(code, 0);
  for (const line of out.trimEnd().split("\n")) assertEquals(typeof JSON.parse(line), "object", line);
});

Deno.test("run() never writes the name of a tree raw to the terminal", async () => {
  const { code, out } = await run(SPEAKS.replace("name: small", String.raw`name: "small \e[2J"`), [], "finished after");
  assertEquals(code, 0);
  assert(!hasControls(out), JSON.stringify(out));
});

Deno.test("run() goes on after a stray error, says so, and never writes it raw", async () => {
  const { code, err } = await run(SPEAKS, [], "finished after", () => {
    process.emit("unhandledRejection", new Error(`stray ${String.fromCharCode(27)}[2J`), Promise.resolve());
    interrupt();
  });
  assertEquals([code, err], [0, "reeve: an error outside of any child was caught: stray \\u{1b}[2J\n"]);
});
