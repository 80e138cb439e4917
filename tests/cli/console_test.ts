/** How `reeve run` shows events, as a file says and as the command line does. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "../../src/cli/main.ts";
import { RecordingIo, withFile } from "./helpers.ts";

/** Fails once, in a warning and an error, and is then done. */
const TREE = `name: small
supervisor: { auto_shutdown: any_significant }
children:
  - name: fails
    task_role: job
    significant: true
    restart_policy: transient
    run: { process: { command: sh, args: [-c, 'echo hello; [ -e once ] && exit 0; touch once; exit 3'], cwd: . } }
    backoff: { initial_ms: 10, max_ms: 10 }
`;

async function shown(console: string, ...options: readonly string[]): Promise<string> {
  let out = "";
  await withFile(`${TREE}observability: { exporters: { console: ${console} } }\n`, async (file) => {
    const io = new RecordingIo();
    const code = await main(["run", file, "--no-socket", ...options], io);
    assertEquals([code, io.err], [0, ""]);
    out = io.out;
  });
  return out;
}

/** What is shown in lines for people; that the machine stood still for a moment is nothing of the tree. */
function linesOf(out: string): string {
  return out.split("\n").filter((line) => /^\d\d:/.test(line) && !line.includes("the program does not get to its work")).map((line) =>
    line.slice(13, 14)
  ).join("");
}

function typesOf(out: string): string[] {
  return out.trimEnd().split("\n").map((line) => JSON.parse(line)).map(({ type, stream }) => type ?? stream)
    .filter((type) => type !== "fairness_probe_starvation");
}

Deno.test("run() shows failures and output alone where its file wants errors, and the report in any case", async () => {
  const out = await shown("{ level: error }");
  assertEquals(linesOf(out), "│✗│");
  assertMatch(out, /\nsmall ran [^]*\nCHILD /);
});

Deno.test("run() shows no steps in between where its file wants warnings, as without", async () => {
  assertEquals(linesOf(await shown("{ level: warning }", "--no-output")), "✗");
});

Deno.test("run() shows every step where its file wants to debug", async () => {
  assertMatch(await shown("{ level: debug }"), /next attempt in \d+ ms\n/);
  assertEquals(/next attempt in/.test(await shown("{ level: info }")), false);
});

Deno.test("run() shows every step with --verbose, whatever its file wants", async () => {
  assertMatch(await shown("{ level: error }", "--verbose"), /next attempt in \d+ ms\n/);
});

Deno.test("run() writes JSON where its file wants it, of the level that it wants", async () => {
  assertEquals(typesOf(await shown("{ format: json, level: error }", "--no-output")), ["child_failed", "report"]);
  assertEquals(typesOf(await shown("{ level: warning }", "--no-output", "--json")), [
    "child_failed",
    "backoff_scheduled",
    "child_restarting",
    "report",
  ]);
  const all = typesOf(await shown("{ format: json }"));
  for (const type of ["supervisor_started", "child_starting", "child_restarting", "stdout", "shutdown_completed"]) {
    assert(all.includes(type), type);
  }
});
