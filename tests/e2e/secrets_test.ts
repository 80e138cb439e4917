/** Secrets of real stores in a real run: children have them, and nothing that is told anywhere does. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { reeve, type RunningCommand } from "../support/command.ts";
import { inFolder } from "../support/folder.ts";
import { LineClient } from "../support/lines.ts";
import { moduleUrl } from "../support/runtime.ts";
import { until } from "../support/until.ts";

function test(name: string, run: (folder: string) => Promise<void>): void {
  Deno.test({ name, ignore: process.platform === "win32", fn: () => inFolder(run) });
}

const FROM_FILE = "hunter2/with+signs?&more";
const FROM_VARIABLE = 'swordfish {in} "quotes"';
/** A secret of several lines, of which each is one. */
const LINES = ["-----BEGIN KEY-----", "MIIBVgIBADANBgkq", "-----END KEY-----"];

/** Ways to write a secret that are looked for; plain parts, so that a secret that is cut is found too. */
const FORMS: readonly string[] = [
  ...[FROM_FILE, FROM_VARIABLE].flatMap((secret) => {
    const base64 = Buffer.from(secret).toString("base64");
    return [secret, base64, base64.slice(0, 12), encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
  }),
  "hunter2",
  "swordfish",
  ...LINES.slice(1),
];

const SAYS = 'printf "%s\\n" "raw $TOKEN" "and $WORD" "$KEY"; printf "base64 "; printf "%s" "$TOKEN" | base64; echo "err $TOKEN" >&2';

/** Fails with the secrets of others, which it finds in its file as a program finds them in an answer. */
const MODULE = `import { readFileSync } from "node:fs";
export default ({ log, requestRestart, attempt }) => {
  const found = readFileSync(new URL("./secrets/prod/token", import.meta.url), "utf8").trim();
  log("what I found: " + found);
  if (attempt === 1) requestRestart("because of " + found);
  const error = new Error("cannot use " + found);
  error.name = found;
  throw error;
};
`;

/** A child of each kind that has secrets, or finds them. */
function treeText(): string {
  const secrets = `environment:
      - { name: TOKEN, secret_ref: "\${TOKEN}" }
      - { name: KEY, secret_ref: "\${KEY}" }
      - { name: WORD, secret_ref: "\${REEVE_TEST_WORD}" }
    secrets:
      - { name: TOKEN, key: prod/token, required: true }
      - { name: KEY, key: key.pem, required: true }`;
  return `name: shop
secret_store: { kind: files, path: ./secrets }
observability: { journal: { path: ./events.jsonl } }
audit: { backend: file, file_path: ./audit.jsonl }
children:
  - name: prints
    task_role: worker
    run: { process: { command: sh, args: [-c, ${JSON.stringify(`${SAYS}; exit 3`)}] } }
    restart_policy: temporary
    logs: { file: ./text.log }
    ${secrets}
  - name: serves
    task_role: service
    run: { process: { command: sh, args: [-c, ${JSON.stringify(`${SAYS}; echo serves; exec sleep 60`)}] } }
    readiness: { mode: log_line, pattern: serves }
    health_check: { mode: exec, command: ./secrets/probe, check_interval_secs: 1, max_retries: 0, on_unhealthy: event }
    logs: { file: ./lines.json, format: json }
    ${secrets}
  - name: worker
    task_role: worker
    run: { worker: { url: "${moduleUrl("tests/fixtures/workers/tells_secret")}" } }
    restart_policy: temporary
    logs: { file: ./text.log }
    ${secrets}
  - name: finds
    task_role: worker
    run: { module: { url: ./finds.mjs } }
    restart_policy: temporary
    command_permissions: { allow_restart: true }
    logs: { file: ./text.log }
  - name: nested
    run:
      supervisor:
        children:
          - name: inner
            task_role: service
            run: { process: { command: sh, args: [-c, "echo inner has $A; exec sleep 60"] } }
            environment: [{ name: A, secret_ref: "\${A}" }]
            secrets: [{ name: A, key: prod/token, required: true }]
templates:
  - name: copy
    task_role: worker
    run: { process: { command: "true" } }
    ${secrets}
`;
}

async function writeTree(folder: string): Promise<void> {
  await mkdir(join(folder, "secrets", "prod"), { recursive: true, mode: 0o700 });
  await writeFile(join(folder, "secrets", "prod", "token"), `${FROM_FILE}\n`, { mode: 0o600 });
  await writeFile(join(folder, "secrets", "key.pem"), `${LINES.join("\n")}\n`, { mode: 0o600 });
  await writeFile(join(folder, "secrets", "probe"), `#!/bin/sh\necho "no: $TOKEN ${FROM_FILE}" >&2\nexit 1\n`, { mode: 0o700 });
  await writeFile(join(folder, "finds.mjs"), MODULE);
  await writeFile(join(folder, "tree.yaml"), treeText());
}

/** Starts the command with the variable that one secret is in. */
function withWord(args: readonly string[], cwd: string): RunningCommand {
  process.env["REEVE_TEST_WORD"] = FROM_VARIABLE;
  try {
    return reeve(args, { cwd });
  } finally {
    delete process.env["REEVE_TEST_WORD"];
  }
}

async function outputOf(args: readonly string[], cwd: string, code: number): Promise<string> {
  const command = withWord(args, cwd);
  assertEquals(await command.ended, code, command.output());
  return command.output();
}

/** What the children say, and what becomes of them, in the words around the secrets. */
const LINES_SAID = ["raw ", "base64 ", "err ", "log ", "what I found: ", "inner has "];
const EVENTS_SAID = ["cannot use ", "cannot go on with "];

/** Everything that a socket tells, by what was asked. */
async function told(path: string): Promise<Record<string, string>> {
  const client = await LineClient.open(path);
  try {
    const answers: Record<string, string> = {};
    const ask = async (name: string, method: string, params: object = {}): Promise<void> => {
      client.ask({ request_id: name, method, params });
      answers[name] = await client.line() ?? "";
    };
    await ask("hello", "hello");
    await ask("state", "state");
    for (const child of ["/prints", "/serves", "/worker", "/finds", "/nested/inner"]) {
      await ask(child, "reeve.describe", { child_path: child });
    }
    await ask("audit", "reeve.audit");
    const from = { session_established: true, since_sequence: 0 };
    for (const [name, method] of [["events", "events.subscribe"], ["logs", "logs.tail"]] as const) {
      const own = await LineClient.open(path);
      own.ask({ request_id: name, method, params: from });
      const wanted = name === "events" ? EVENTS_SAID : LINES_SAID;
      answers[name] = "";
      while (!wanted.every((said) => answers[name]?.includes(said))) answers[name] += `${await own.line()}\n`;
      own.close();
    }
    return answers;
  } finally {
    client.close();
  }
}

function assertSilent(channels: Readonly<Record<string, string>>): void {
  for (const [channel, text] of Object.entries(channels)) {
    assert(text.trim() !== "", `${channel} tells nothing at all`);
    for (const form of FORMS) assert(!text.includes(form), `${channel} tells ${form}:\n${text}`);
  }
}

test("no channel of a run tells a secret, wherever it comes from and whoever says it", async (folder) => {
  await writeTree(folder);
  const channels: Record<string, string> = {};
  for (const form of [[], ["--json"]]) {
    const args = ["run", "tree.yaml", "--verbose", ...form, "--health", "127.0.0.1:0", "--metrics", "127.0.0.1:0"];
    const command = withWord(args, folder);
    const said = [...LINES_SAID, ...EVENTS_SAID, "unhealthy"];
    await until(() => said.every((words) => command.output().includes(words)), () => command.output(), 20_000);
    const name = form.join() || "pretty";
    const url = `http://127.0.0.1:${/metrics on 127\.0\.0\.1:(\d+)/.exec(command.output())?.[1]}`;
    for (const path of ["livez", "readyz", "startupz", "metrics"]) {
      channels[`${name} ${path}`] = await (await fetch(`${url}/${path}`)).text();
    }
    const socket = /dashboard on (.*)/.exec(command.output())?.[1] ?? "";
    for (const [asked, answer] of Object.entries(await told(socket))) channels[`${name} socket ${asked}`] = answer;
    command.signal("SIGTERM");
    assertEquals(await command.ended, 0, command.output());
    channels[`${name} output`] = command.output();
  }
  for (const file of ["text.log", "lines.json", "events.jsonl", "audit.jsonl"]) channels[file] = await readFile(join(folder, file), "utf8");
  channels["events"] = await outputOf(["events", "tree.yaml", "--verbose"], folder, 0);
  channels["audit show"] = await outputOf(["audit", "show", "audit.jsonl"], folder, 0);
  for (const json of [[], ["--json"]]) {
    channels[`check ${json}`] = await outputOf(["check", "tree.yaml", ...json], folder, 0);
    for (const child of ["/prints", "/serves", "/worker", "/finds", "/nested/inner"]) {
      channels[`explain ${child} ${json}`] = await outputOf(["explain", "tree.yaml", child, ...json], folder, 0);
    }
  }
  assertSilent(channels);
  // Where children speak, what they said is there, without the secret.
  for (const channel of ["pretty output", "--json output", "text.log", "lines.json", "pretty socket logs", "--json socket logs"]) {
    const text = channels[channel] ?? "";
    for (const said of ["raw ***", "base64 ***", "err ***"]) assertStringIncludes(text, said, channel);
  }
  for (const said of ["log ***", "what I found: ***"]) assertStringIncludes(channels["text.log"] ?? "", said);
  assertStringIncludes(channels["pretty output"] ?? "", "inner has ***");
  for (const channel of ["events.jsonl", "events", "pretty output", "--json output", "pretty socket events", "pretty socket /worker"]) {
    const text = channels[channel] ?? "";
    for (const said of EVENTS_SAID.slice(channel.endsWith("/worker") ? 1 : 0)) assertStringIncludes(text, `${said}***`, channel);
  }
  assertMatch(channels["pretty metrics"] ?? "", /failure_category="redacted"/);
});

test("children get the values as they are, each once and whole", async (folder) => {
  await writeTree(folder);
  const script = 'printf "%s|%s|%s" "$TOKEN" "$WORD" "$KEY" >seen';
  const text = treeText().replace(JSON.stringify(`${SAYS}; exit 3`), JSON.stringify(`${script}; exit 0`));
  await writeFile(join(folder, "tree.yaml"), text.replace("command: sh, args", "cwd: ., command: sh, args"));
  const command = withWord(["run", "tree.yaml", "--no-socket"], folder);
  await command.until("everything is ready");
  const wanted = `${FROM_FILE}|${FROM_VARIABLE}|${LINES.join("\n")}`;
  await until(async () => await readFile(join(folder, "seen"), "utf8").catch(() => "") === wanted, command.output);
  command.signal("SIGTERM");
  assertEquals(await command.ended, 0, command.output());
});

test("a secret with a new value reaches its child when the file is loaded anew, and neither value is told", async (folder) => {
  const [before, after] = ["hunter2-before", "swordfish-after"];
  await mkdir(join(folder, "secrets"), { mode: 0o700 });
  const write = (value: string): Promise<void> => writeFile(join(folder, "secrets", "token"), value, { mode: 0o600 });
  await write(before);
  const text = `name: shop
secret_store: { kind: files, path: ./secrets }
observability: { journal: { path: ./events.jsonl } }
audit: { backend: file, file_path: ./audit.jsonl }
children:
  - name: serves
    run: { process: { cwd: ., command: sh, args: [-c, 'printf %s "$TOKEN" >seen; echo "has $TOKEN"; exec sleep 60'] } }
    readiness: { mode: log_line, pattern: has }
    environment: [{ name: TOKEN, secret_ref: "\${TOKEN}" }]
    secrets: [{ name: TOKEN, key: token, required: true }]
`;
  await writeFile(join(folder, "tree.yaml"), text);
  const command = reeve(["run", "tree.yaml", "--verbose"], { cwd: folder });
  for (const said of ["everything is ready", "dashboard on "]) await command.until(said);
  const seen = (): Promise<string> => readFile(join(folder, "seen"), "utf8");
  assertEquals(await seen(), before);
  await write(after);
  const client = await LineClient.open(/dashboard on (.*)/.exec(command.output())?.[1] ?? "");
  const target = { target: {}, reason: "rotation", requested_by: "ops", confirmed: true, requested_at_unix_nanos: 1 };
  client.ask({ request_id: "plan", method: "reeve.reload", params: { command_id: "c", target_id: "shop", dry_run: true, ...target } });
  const plan = await client.line() ?? "";
  client.close();
  assertMatch(plan, /environment/);
  assertEquals(await seen(), before);
  command.signal("SIGHUP");
  await command.until("reeve: reloaded");
  assertEquals(await seen(), after);
  await rm(join(folder, "secrets", "token"));
  command.signal("SIGHUP");
  await command.until("the tree runs on as it was");
  command.signal("SIGTERM");
  assertEquals(await command.ended, 0, command.output());
  const files = await Promise.all(["events.jsonl", "audit.jsonl"].map((file) => readFile(join(folder, file), "utf8")));
  assertSilent({ plan, output: command.output(), events: files[0] ?? "", audit: files[1] ?? "" });
  assertEquals(command.output().split("has ***").length - 1, 2, command.output());
  assertStringIncludes(command.output(), 'secret "TOKEN" is missing');
});

test("what is refused names the secret, the store and the line, and starts nothing", async (folder) => {
  await writeTree(folder);
  await writeFile(
    join(folder, "tree.yaml"),
    treeText().replaceAll("key: key.pem", "key: ../finds.mjs").replaceAll("prod/token", "prod/none"),
  );
  for (const args of [["run", "tree.yaml"], ["check", "tree.yaml"], ["explain", "tree.yaml", "/prints"]]) {
    const output = await outputOf(args, folder, 1);
    assertMatch(
      output,
      /tree\.yaml:12:24 {2}\/children\/0\/environment\/0\/secret_ref: secret "TOKEN" is missing: folder ".*secrets" has no "prod\/none"/,
    );
    assertStringIncludes(output, `asked for "../finds.mjs": the key is no path inside of the folder`);
    assertSilent({ output });
  }
});
