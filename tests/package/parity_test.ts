/** The command says and does the same in Deno and, from the package, in Node. */
import { assert, assertEquals } from "@std/assert";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { reeveArgs } from "../support/runtime.ts";
import { type Outcome, PACKAGE, run } from "./tools.ts";

const TREES = fileURLToPath(new URL("./parity/", import.meta.url));
const NODE_COMMAND = join(PACKAGE, "esm/src/cli/bin.js");
/** Keys whose values differ from run to run. */
const VOLATILE = /^(?:seq|correlation|pid|.*Ms)$/;

/** Runs `reeve ARGS` in Deno and in Node, at the same time and in the same folder. */
async function both(args: readonly string[], cwd: string): Promise<{ deno: Outcome; node: Outcome }> {
  const [deno, node] = await Promise.all([run(process.execPath, reeveArgs(args), cwd), run("node", [NODE_COMMAND, ...args], cwd)]);
  return { deno, node };
}

/** Makes a folder in which the package can be imported by its name. */
async function withTrees(files: Readonly<Record<string, string>>, use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "reeve-parity-"));
  try {
    await cp(TREES, folder, { recursive: true });
    await mkdir(join(folder, "node_modules/@reeve"), { recursive: true });
    await symlink(PACKAGE, join(folder, "node_modules/@reeve/supervisor"));
    await writeFile(join(folder, "package.json"), '{ "type": "module" }');
    for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What was told of each child, in its order, without what differs from run to run. */
function byChild(out: string): Record<string, unknown[]> {
  const told: Record<string, unknown[]> = {};
  for (const line of out.trimEnd().split("\n")) {
    const item = stable(JSON.parse(line));
    // A machine that stands still for a moment is no difference between runtimes.
    if (typeof item === "object" && item !== null && "type" in item && item.type === "fairness_probe_starvation") continue;
    const path = typeof item === "object" && item !== null && "path" in item ? `${item.path}` : "report";
    // What a child prints and what is told of it come from two streams.
    const isOutput = typeof item === "object" && item !== null && "line" in item;
    (told[isOutput ? `${path} prints` : path] ??= []).push(item);
  }
  return told;
}

function stable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([key]) => !VOLATILE.test(key)).map(([key, inner]) => [key, stable(inner)]));
}

/** The children of the report are in the order in which they ended. */
function withoutOrder(told: Record<string, unknown[]>): Record<string, unknown[]> {
  const [report] = told["report"] ?? [];
  if (typeof report !== "object" || report === null || !("children" in report) || !Array.isArray(report.children)) return told;
  const children = [...report.children].sort((a, b) => a.path < b.path ? -1 : 1);
  // What happened last is told in the order in which it did.
  const { failures, restarts }: Record<string, unknown> = { ...Object(Reflect.get(report, "summary")) };
  return { ...told, report: [{ ...report, children, summary: { failures, restarts } }] };
}

Deno.test("parity: children that end in every way leave the same events, output and report", () =>
  withTrees({}, async (folder) => {
    const { deno, node } = await both(["run", "supervisor.yaml", "--no-socket", "--for", "6", "--json"], folder);
    const [expected, found] = [deno, node].map(({ out }) => withoutOrder(byChild(out)));
    for (const path of new Set([...Object.keys(expected ?? {}), ...Object.keys(found ?? {})])) {
      assertEquals(found?.[path], expected?.[path], path);
    }
    assertEquals([deno.code, node.code], [1, 1]);
    assert(Object.keys(expected ?? {}).length > 40);
    // Deno itself prints the errors of workers beside that.
    assertEquals(node.err, "reeve: the tree was never ready as a whole in 6 s\n");
    assert(deno.err.endsWith(node.err));
  }));

Deno.test("parity: a tree goes on when nobody reads any more what it says", () =>
  withTrees({ "quiet.yaml": QUIET }, async (folder) => {
    const args = ["run", "quiet.yaml", "--no-socket", "--for", "2"];
    for (const command of [[process.execPath, ...reeveArgs(args)], ["node", NODE_COMMAND, ...args]]) {
      const piped = '{ "$@"; echo "ended with $?" >&2; } | head -n 1';
      const { out, err } = await run("sh", ["-c", piped, "sh", ...command], folder);
      assertEquals([out.trimEnd().split("\n").length, err], [1, "ended with 0\n"]);
    }
  }));

Deno.test("parity: what could not be written is no success, and does not hang", () =>
  withTrees({ "quiet.yaml": QUIET }, async (folder) => {
    for (const [args, expected] of [[["run", "quiet.yaml", "--no-socket", "--for", "2"], 1], [["schema"], 1], [["nonsense"], 2]] as const) {
      for (const command of [[process.execPath, ...reeveArgs(args)], ["node", NODE_COMMAND, ...args]]) {
        const { code } = await run("sh", ["-c", '"$@" >/dev/full 2>/dev/full', "sh", ...command], folder);
        assertEquals(code, expected, command.join(" "));
      }
    }
  }));

const QUIET = `children:
  - name: talks
    task_role: service
    run: { process: { command: sh, args: [-c, "while true; do echo still here; sleep 0.1; done"] } }
`;
const ESCALATES = `children:
  - name: wild
    task_role: service
    run: { process: { command: "false" } }
    backoff: { initial_ms: 10 }
    limit: { max_restarts: 1, window_ms: 10000, on_exceeded: escalate }
`;
const WRONG = `children:
  - name: a
    colour: red
    run: { module: { url: ./nowhere.js } }
    dependencies: [b]
`;
const MISSING = `children:
  - name: module
    run: { module: { url: ./nowhere.js } }
  - name: folder
    run: { module: { url: . } }
  - name: export
    run: { module: { url: ./task.js, export: nothing } }
  - name: worker
    run: { worker: { url: ./nowhere.js } }
  - name: command
    run: { process: { command: reeve-no-such-command } }
  - name: cwd
    run: { process: { command: sh, cwd: ./nowhere } }
`;

for (
  const args of [
    ["--help"],
    ["run", "--help"],
    ["--version"],
    ["nonsense"],
    ["run"],
    ["run", "nowhere.yaml"],
    ["run", "escalates.yaml", "--no-socket"],
    ["run", "wrong.yaml"],
    ["run", "missing.yaml"],
    ["run", "."],
    ["check", "supervisor.yaml"],
    ["check", "supervisor.yaml", "--json"],
    ["check", "wrong.yaml"],
    ["check", "wrong.yaml", "--json"],
    ["check", "missing.yaml"],
    ["check", "syntax.yaml"],
    ["explain", "supervisor.yaml", "exits"],
    ["explain", "supervisor.yaml", "/inner/wild", "--json"],
    ["explain", "supervisor.yaml", "exist"],
    ["schema"],
    ["template"],
  ]
) {
  Deno.test(`parity: reeve ${args.join(" ")}`, () =>
    withTrees({ "escalates.yaml": ESCALATES, "wrong.yaml": WRONG, "missing.yaml": MISSING, "syntax.yaml": "a: [" }, async (folder) => {
      const { deno, node } = await both(args, folder);
      assertEquals(timeless(node), timeless(deno));
    }));
}

/** Without times of the day and durations, and the spaces that depend on them. */
function timeless({ code, out, err }: Outcome): Outcome {
  const clean = (text: string): string => text.replace(/\d\d:\d\d:\d\d\.\d+|\b[\d.]+ m?s\b/g, "TIME").replace(/ +/g, " ");
  return { code, out: clean(out), err: clean(err) };
}
