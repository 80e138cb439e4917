/** The pipeline around a service that counts what is run, with time in the test's hand. */
import { type AuditRecord, AuditTrail } from "../../src/observe/mod.ts";
import type { AuditOptions, SecurityConfig } from "../../src/spec/mod.ts";
import { type Client, Pipeline } from "../../src/ipc/security/pipeline.ts";
import { securitySettings } from "../../src/ipc/security/settings.ts";
import type { Pushes } from "../../src/ipc/subscriptions.ts";
import { validationError, wireError } from "../../src/protocol/mod.ts";

/** What a test holds. */
export interface Piped {
  readonly pipeline: Pipeline;
  readonly trail: AuditTrail;
  /** What was run, in order. */
  readonly ran: string[];
  /** Time in milliseconds. */
  nowMs: number;
  /** Finishes commands; they are answered at once while it is `null`. */
  hold: Promise<void> | null;
  /** What goes on after a read. */
  streams: readonly Pushes[];
  /** Lets somebody in, who is the owner where no uid is named. */
  client(uid?: number): Client;
  /** Sends a line and returns the answer. */
  send(client: Client, line: string | object): Promise<Record<string, unknown>>;
}

/** User id of the socket's owner in these tests. */
export const OWNER = 1000;

/** Makes a pipeline. */
export function piped(
  securityConfig: SecurityConfig = {},
  { audit = {}, append }: { readonly audit?: AuditOptions; readonly append?: (text: string) => Promise<void> } = {},
): Piped {
  const held: Pick<Piped, "nowMs" | "hold" | "streams"> = { nowMs: 1_000, hold: null, streams: [] };
  const ran: string[] = [];
  const trail = new AuditTrail(audit, { append, wallNow: () => held.nowMs, now: () => held.nowMs });
  const pipeline = new Pipeline({
    settings: securitySettings(securityConfig),
    ownerUid: OWNER,
    trail,
    now: () => held.nowMs,
    service: {
      read: ({ method }) => {
        ran.push(method);
        return { result: { type: method, count: ran.length }, streams: held.streams };
      },
      command: ({ method, params }) => {
        if (params === "malformed") return validationError("command_validate", "reason is blank", "t");
        return {
          facts: { commandId: "c", requestedBy: "ops", reason: "because", targetPath: "/a" },
          run: async () => {
            ran.push(method);
            await held.hold;
            const error = params === "refused" ? wireError("command_failed", "no", "t") : null;
            return { result: { type: "command_result", count: ran.length }, error };
          },
        };
      },
    },
  });
  return Object.assign(held, {
    pipeline,
    trail,
    ran,
    client(uid = OWNER): Client {
      const found = pipeline.admit({ credentials: { uid, gid: 7, pid: 42 }, isTold: true }, new AbortController().signal);
      if ("code" in found) throw new Error(found.code);
      return found;
    },
    async send(client: Client, line: string | object): Promise<Record<string, unknown>> {
      const text = typeof line === "string" ? line : JSON.stringify(line);
      const { line: answer } = await pipeline.answer({ text, bytes: text.length }, client, held.nowMs);
      return JSON.parse(typeof answer === "string" ? answer : answer.join(""));
    },
  });
}

/** The code of a refusal, or "ok". */
export function codeOf({ ok, error }: Record<string, unknown>): string {
  return ok === true ? "ok" : String(typeof error === "object" && error !== null ? Reflect.get(error, "code") : error);
}

/** A record in short: what, by which id, and where it was refused. */
export function brief({ kind, method, correlationId, denialCode, denialControlPoint }: AuditRecord): string {
  return [kind, method, correlationId, denialControlPoint, denialCode].filter((part) => part !== null && part !== undefined).join(" ");
}
