/** What was imported runs, and what is installed starts with the permissions that it got. */
import { assertEquals, assertMatch } from "@std/assert";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { importFile } from "../../src/cli/commands/import.ts";
import { install } from "../../src/cli/commands/install.ts";
import { RecordingIo } from "../cli/helpers.ts";
import { outcomeOf } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { freePort } from "../support/free_port.ts";
import { reeveMarked, runMarked, withoutWarnings } from "../support/marked.ts";
import { moduleUrl } from "../support/runtime.ts";

/** A program that says what it was given, and ends when it is asked to. */
const PROGRAM = `for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => { console.log("bye by", signal); process.exit(0); });
console.log("got", process.argv.slice(2).join("|"), process.env.GREETING ?? "", process.cwd());
setInterval(() => {}, 1000);
`;

const SOURCES: Readonly<Record<string, (folder: string) => { readonly name: string; readonly text: string; readonly expected: RegExp }>> = {
  systemd: (folder) => ({
    name: "one.service",
    text: `[Service]
ExecStartPre=/bin/echo before it
ExecStart=/usr/bin/env node ${folder}/program.cjs $\{GREETING} "a b" 100%%
Environment="GREETING=hello you"
WorkingDirectory=${folder}
Restart=always
TimeoutStopSec=4
`,
    expected: /got hello you\|a b\|100% hello you .*[^]*bye by SIGTERM/,
  }),
  pm2: () => ({
    name: "ecosystem.json",
    text: JSON.stringify({ apps: [{ name: "one", script: "program.cjs", args: "x 'a b'", env: { GREETING: "${NO}" } }] }),
    expected: /got x\|a b \$\{NO\} .*[^]*bye by SIGINT/,
  }),
  procfile: () => ({
    name: "Procfile",
    text: 'one: exec node program.cjs "$PORT" "$GREETING" $((1 + 1))\n',
    expected: /got 5000\|from file\|2 from file .*[^]*bye by SIGTERM/,
  }),
  "process-compose": () => ({
    name: "process-compose.yaml",
    text: `processes:
  one:
    command: exec node program.cjs "$$GREETING" \${NOBODY_SETS_THIS:-fallback}
    environment: ["GREETING=hi"]
    ready_log_line: got hi
    depends_on: { before: { condition: process_completed_successfully } }
  before: { command: "sleep 0.1; echo went before" }
`,
    expected: /went before[^]*got hi\|fallback hi .*[^]*bye by SIGTERM/,
  }),
};

for (const [kind, sourceIn] of Object.entries(SOURCES)) {
  Deno.test(`import: what was made of ${kind} passes the check, becomes ready, and stops in order`, async () => {
    await withFolder({ "program.cjs": PROGRAM, ".env": "GREETING=from file\n" }, async (folder) => {
      const { name, text, expected } = sourceIn(folder);
      await writeFile(join(folder, name), text);
      const out = join(folder, "made.yaml");
      const io = new RecordingIo();
      assertEquals(await importFile({ file: join(folder, name), out, json: false }, io), 0, io.err);
      const checked = await reeveMarked(["check", out]);
      assertEquals([checked.code, withoutWarnings(checked.err)], [0, ""]);
      const { code, out: told, err, leftovers } = await reeveMarked(["run", out, "--no-socket"], {
        endAfter: /got [^]*everything is ready|everything is ready[^]*got /,
      });
      assertEquals([code, withoutWarnings(err), leftovers], [0, "", []]);
      assertMatch(told, expected);
    });
  });
}

Deno.test("import: needs no permission but to read, and says so without it", async () => {
  await withFolder({ "one.service": "[Service]\nExecStart=/bin/sleep 1\n" }, async (folder) => {
    const program = `import { importFile } from ${JSON.stringify(moduleUrl("src/cli/commands/import"))};
const io = { color: false, stdout: (text) => console.log(text), stderr: (text) => console.log(text) };
console.log("code", await importFile({ file: ${JSON.stringify(join(folder, "one.service"))}, json: false }, io));
`;
    const allowed = await outcomeOf(program, `--allow-read=${folder}`);
    assertMatch(allowed.output, /all was taken over[^]*code 0/);
    if (moduleUrl("mod").endsWith(".js")) return;
    assertMatch((await outcomeOf(program)).output, /--allow-read[^]*code 2/);
  });
});

Deno.test("install: the command of the unit runs the tree with the permissions that it names", async () => {
  const port = await freePort();
  const files = {
    "program.cjs": `require("node:http").createServer((_, answer) => answer.end("ok")).listen(${port}, "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
`,
    "task.js":
      'export default async function ({ signal, log }) { log("works"); await new Promise((end) => signal.addEventListener("abort", end)); }\n',
    "web.env": "A=1\n",
    "open.yaml": `name: open
observability: { journal: { path: ./var/j/events.jsonl } }
audit: { backend: file, file_path: ./var/a/audit.jsonl }
children:
  - name: web
    run: { process: { command: node, args: [./program.cjs], cwd: ./, env_file: ./web.env } }
    readiness: { mode: http, port: ${port} }
    health_check: { mode: tcp, port: ${port} }
    logs: { file: ./var/l/web.log }
  - name: task
    run: { module: { url: ./task.js } }
    dependencies: [web]
`,
    "closed.yaml": 'name: closed\nchildren:\n  - name: task\n    run: { module: { url: ./task.js } }\n    args: ["${MODE:-x}"]\n',
  };
  await withFolder(files, async (folder) => {
    for (const name of ["open", "closed"]) {
      const io = new RecordingIo();
      const isNode = moduleUrl("mod").endsWith(".js");
      const code = await install({ file: join(folder, `${name}.yaml`), user: false, print: true, enable: false }, io, {
        system: "linux",
        runtime: isNode ? "node" : "deno",
        runtimePath: process.execPath,
        entry: fileURLToPath(moduleUrl("src/cli/bin")),
        path: process.env["PATH"] ?? "",
        systemFolder: folder,
        userFolder: folder,
        systemctl: () => Promise.resolve(),
      });
      assertEquals([code, io.err], [0, ""]);
      const [, line = ""] = /^ExecStart=(.*)$/m.exec(io.out) ?? [];
      const [command = "", ...args] = line.split(" ");
      const outcome = await runMarked(command, [...args, ...args.includes("--no-socket") ? [] : ["--no-socket"]], {
        cwd: "/",
        endAfter: /works[^]*everything is ready/,
      });
      assertEquals([outcome.code, withoutWarnings(outcome.err), outcome.leftovers], [0, "", []], outcome.out);
      assertMatch(outcome.out, /works[^]*everything is ready/);
    }
  });
});
