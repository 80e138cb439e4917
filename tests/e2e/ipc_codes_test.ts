/** Every code with which something is refused comes over a real socket, with its stage, and with the id of what was refused. */
import { assert, assertEquals } from "@std/assert";
import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ReeveError } from "../../mod.ts";
import { parseChildManifest } from "../../src/config/mod.ts";
import { NO_REQUEST_ID, STAGES } from "../../src/protocol/mod.ts";
import { at } from "../support/at.ts";
import { inFolder } from "../support/folder.ts";
import { LineClient } from "../support/lines.ts";
import { type ServedOptions, whileServed } from "../support/served.ts";
import { socketTest } from "../support/sockets.ts";

type Line = string | object | Uint8Array;

interface Row {
  readonly code: string;
  /** Where it comes up, for codes that have no stage of their own. */
  readonly stage?: string;
  readonly options?: ServedOptions;
  /** What is sent; the last answer is the one. */
  readonly lines: readonly Line[];
  /** Something to be done before it is sent. */
  readonly before?: (path: string) => Promise<void>;
  /** Whether the refusal is inside the result of a command. */
  readonly isInside?: boolean;
  /** Whether the whole connection is refused or ended. */
  readonly isOver?: boolean;
  /** Whether the id could not be read. */
  readonly isAnonymous?: boolean;
  readonly retryable?: boolean;
  /** Whether only the kernel can tell. */
  readonly asksTheKernel?: boolean;
  /** How many clients there are before it. */
  readonly clientsBefore?: number;
}

const FREE = { rateLimit: { enabled: false } };
const command = (id: string, method = "pause_child", more: object = {}): object => ({
  request_id: id,
  method: `command.${method}`,
  params: {
    command_id: id,
    target_id: "example-target",
    command: method,
    target: { child_path: "/api" },
    reason: "test",
    requested_by: "tester",
    confirmed: true,
    requested_at_unix_nanos: 1,
    ...more,
  },
});
const read = (id: string, method: string, params: object = {}): object => ({ request_id: id, method, params });
const add = (manifest: string): object => command("last", "add_child", { target: { child_manifest: manifest } });
const parseChild = (manifest: string) => parseChildManifest(manifest, { path: "supervisor.yaml" });
const PROCESS = "{ name: p, run: { process: { command: /bin/true } } }";

/** The file of the audit becomes a folder: nothing can be written any more. */
async function breakAudit(path: string): Promise<void> {
  const file = join(dirname(path), "audit.jsonl");
  await rm(file);
  await mkdir(file);
}
const audit = (failureStrategy: "fail_closed" | "defer_bounded") => (path: string): ServedOptions => ({
  audit: { backend: "file", filePath: join(dirname(path), "audit.jsonl"), failureStrategy, maxDeferQueue: 1 },
});

const ROWS: readonly (Row & { readonly optionsAt?: (path: string) => ServedOptions })[] = [
  { code: "invalid_json", lines: ["{"], isAnonymous: true },
  { code: "unsupported_method", lines: [read("last", "nonsense")] },
  { code: "invalid_command_params", lines: [command("last", "pause_child", { reason: 5 })] },
  { code: "validation_failed", stage: "command_validate", lines: [command("last", "pause_child", { reason: " " })] },
  { code: "session_required", lines: [read("last", "events.subscribe")] },
  { code: "invalid_subscription", lines: [read("last", "logs.tail", { session_established: true, path: 5 })] },
  {
    code: "too_many_subscriptions",
    lines: Array.from({ length: 17 }, (_, index) => read(index < 16 ? `${index}` : "last", "logs.tail", { session_established: true })),
  },
  { code: "command_failed", lines: [command("last", "restart_child", { target: { child_path: "/nobody" } })], isInside: true },
  { code: "metrics_unavailable", lines: [read("last", "reeve.metrics")] },
  { code: "child_not_found", lines: [read("last", "reeve.describe", { child_path: "/nobody" })] },
  {
    code: "peer_cred_gid_not_allowed",
    options: { securityConfig: { ...FREE, peerIdentity: { allowedGids: [54_321] } } },
    lines: [],
    isOver: true,
    asksTheKernel: true,
  },
  {
    code: "peer_cred_pid_not_allowed",
    options: { securityConfig: { ...FREE, peerIdentity: { allowedPids: [1] } } },
    lines: [],
    isOver: true,
    asksTheKernel: true,
  },
  {
    code: "authz_not_configured",
    options: { securityConfig: { ...FREE, authorization: { allowedUids: [] } } },
    lines: [command("last")],
  },
  {
    code: "authz_denied",
    options: { securityConfig: { ...FREE, authorization: { allowedUids: [54_321] } } },
    lines: [command("last")],
    asksTheKernel: true,
  },
  { code: "replay_detected", lines: [command("last"), command("last", "resume_child")] },
  { code: "request_too_large", lines: [read("last", "hello", { padding: "x".repeat(70_000) })] },
  {
    code: "rate_limit_exceeded",
    options: { securityConfig: { rateLimit: { refillRate: 0.001, burstCapacity: 1 } } },
    lines: [read("first", "hello"), read("last", "hello")],
    retryable: true,
  },
  { code: "audit_write_failed", optionsAt: audit("fail_closed"), lines: [command("last")], before: breakAudit, retryable: true },
  {
    code: "audit_queue_full",
    optionsAt: audit("defer_bounded"),
    lines: [command("first"), command("last", "resume_child")],
    before: breakAudit,
    retryable: true,
  },
  { code: "allowlist_empty", options: { parseChild }, lines: [add(PROCESS)], isInside: true },
  {
    code: "allowlist_denied",
    options: { parseChild, securityConfig: { ...FREE, allowlist: { allowedPaths: ["/usr/bin/env"] } } },
    lines: [add(PROCESS)],
    isInside: true,
  },
  { code: "frame_too_large", lines: ["x".repeat(1_100_000)], isOver: true },
  { code: "invalid_utf8", lines: [Uint8Array.of(0xff, 10)], isOver: true },
  { code: "incomplete_frame", lines: [new TextEncoder().encode('{"request_id"')], isOver: true },
  { code: "ipc_idle_timeout", options: { idleTimeoutMs: 50 }, lines: [], isOver: true },
  { code: "too_many_connections", options: { maxConnections: 1 }, clientsBefore: 1, lines: [], isOver: true, retryable: true },
];

/** What no client here can bring about, with the test that shows it. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  peer_cred_uid_mismatch: "../e2e/peer_credentials_test.ts",
  peer_cred_unavailable: "../ipc/pipeline_test.ts",
};

Deno.test("codes: each has a line here, or a test elsewhere", async () => {
  const named = [...ROWS.map(({ code }) => code), ...Object.keys(ELSEWHERE)].filter((code) => code !== "validation_failed");
  assertEquals([...named].sort(), Object.keys(STAGES).sort());
  // The sources of tests are not beside them once they are built for Node.
  if (!import.meta.url.endsWith(".ts")) return;
  for (const [code, file] of Object.entries(ELSEWHERE)) {
    assert((await readFile(new URL(file, import.meta.url), "utf8")).includes(`"${code}"`), `${file} says nothing of ${code}`);
  }
});

for (const row of ROWS) socketTest(`codes: ${row.code}`, () => inFolder((folder) => refuse(row, folder)));

async function refuse(row: (typeof ROWS)[number], folder: string): Promise<void> {
  const options = { ...row.options, ...row.optionsAt?.(join(folder, "audit")) };
  try {
    await whileServed(async ({ path }) => {
      const before = await Promise.all(Array.from({ length: row.clientsBefore ?? 0 }, () => LineClient.open(path)));
      const client = await (row.code === "incomplete_frame" ? LineClient.openHalf(path) : LineClient.open(path));
      try {
        await tell(row, client, folder);
      } finally {
        for (const open of [client, ...before]) open.close();
      }
    }, options);
  } catch (error) {
    // In Node without koffi nobody can ask; the refusal to start says so.
    if (row.asksTheKernel !== true || !(error instanceof ReeveError) || !error.message.includes("needs to know who connects")) throw error;
  }
}

async function tell(
  { code, lines, isInside, isOver, before, retryable = false, ...row }: Row,
  client: LineClient,
  folder: string,
): Promise<void> {
  let answer: unknown = null;
  if (lines.length === 0) answer = await client.json();
  await before?.(join(folder, "audit"));
  for (const line of lines) {
    client.send(line instanceof Uint8Array ? line : `${typeof line === "string" ? line : JSON.stringify(line)}\n`);
    if (code === "incomplete_frame") client.halfClose();
    answer = await client.json();
  }
  const error = isInside === true ? at(answer, "result", "result", "error") : at(answer, "error");
  const stage: unknown = row.stage ?? Reflect.get(STAGES, code);
  assertEquals([at(error, "code"), at(error, "stage"), at(error, "retryable")], [code, stage, retryable]);
  assertEquals(at(answer, "ok"), isInside === true);
  assertEquals(at(answer, "request_id"), isOver === true || row.isAnonymous === true ? NO_REQUEST_ID : "last");
  if (isOver === true) await client.ended();
}
