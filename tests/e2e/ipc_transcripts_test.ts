/** Recorded traffic of the reference, replayed against a tree that is served; where ours is to be better, the table says how and why. */
import { assert, assertEquals } from "@std/assert";
import process from "node:process";
import { LineClient } from "../support/lines.ts";
import { CLOSES_OTHERS } from "../support/sockets.ts";
import { type Served, whileServed } from "../support/served.ts";
import { comparable } from "../transcripts/comparable.ts";
import { FRAMING, HANDSHAKE_AND_STATE, PROTOCOL_ERRORS, SUBSCRIPTIONS } from "../transcripts/recorded.ts";

interface Case {
  readonly case: string;
  readonly config?: string;
  readonly conn: string | null;
  readonly send?: string | readonly string[] | null;
  readonly send_base64?: string;
  readonly send_fill?: { readonly prefix: string; readonly fill: string; readonly count: number; readonly suffix: string };
  readonly split_at?: readonly number[];
  readonly half_close?: boolean;
  readonly times?: number;
  readonly expect: readonly Record<string, unknown>[];
  readonly then?: "eof" | "reset" | "timeout";
}

/** What is expected instead, as parts of the answers; `null` where a case cannot be replayed. */
interface Otherwise {
  readonly why: string;
  readonly expect: readonly (readonly [code: string, requestId: string])[] | null;
}

const ECHOED = "section 12, 12: the id is echoed for an unknown method";
const TOLD = "section 12, 13: one error line before the close";

const OTHERWISE: ReadonlyMap<string, Otherwise> = new Map<string, Otherwise>([
  ["unsupported-method", { why: ECHOED, expect: [["unsupported_method", "req-0105"]] }],
  ["unsupported-alias", { why: ECHOED, expect: [["unsupported_method", "req-0106"]] }],
  ["unsupported-case", { why: ECHOED, expect: [["unsupported_method", "req-0107"]] }],
  ["unsupported-command", { why: ECHOED, expect: [["unsupported_method", "req-0108"]] }],
  ["unsupported-empty", { why: ECHOED, expect: [["unsupported_method", "req-0109"]] }],
  ["array-as-struct", {
    why: "section 2: an accident of the decoder, not something to offer",
    expect: [["invalid_json", "invalid-request"]],
  }],
  ["invalid-utf8", { why: TOLD, expect: [["invalid_utf8", "invalid-request"]] }],
  ["overlong-utf8", { why: TOLD, expect: [["invalid_utf8", "invalid-request"]] }],
  ["cut-utf8", { why: TOLD, expect: [["invalid_utf8", "invalid-request"]] }],
  ["incomplete-frame-at-eof", { why: TOLD, expect: [["incomplete_frame", "invalid-request"]] }],
  ["one-frame-then-incomplete", { why: TOLD, expect: [["ok", "eof-2"], ["incomplete_frame", "invalid-request"]] }],
  ["frame-1048577-bytes", { why: TOLD, expect: [["frame_too_large", "invalid-request"]] }],
  ["no-lf-2MiB", { why: TOLD, expect: [["frame_too_large", "invalid-request"]] }],
  ["bad-json-over-64KiB", { why: "section 12, 11: the size counts before the parser", expect: [["request_too_large", "invalid-request"]] }],
  ["log-of-the-target", { why: "a note about the reference's log", expect: null }],
  ["hello-registration-off", { why: "section 12, 29: hello answers all the same", expect: [["ok", "req-0014"]] }],
  ["push-after-subscribe", { why: "section 12, 4: subscriptions push, see ipc_test.ts", expect: null }],
  ["restart-after-subscribing", { why: "section 12, 4: pushes come in between, see ipc_test.ts", expect: null }],
]);

function bytesOf({ send, send_base64: base64, send_fill: filled }: Case): Uint8Array {
  if (base64 !== undefined) return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const encoder = new TextEncoder();
  if (filled !== undefined) return encoder.encode(filled.prefix + filled.fill.repeat(filled.count) + filled.suffix);
  if (typeof send === "string") return encoder.encode(`${send}\n`);
  return encoder.encode((send ?? []).map((line) => `${line}\n`).join(""));
}

/** Whether a line is sent that is empty: the recording has no text for it. */
const isEmptyLine = ({ case: name }: Case): boolean => name === "empty-line";

/** The code of an answer and its id. */
function shown(answer: Record<string, unknown>): [string, string] {
  const { error, request_id: id } = answer;
  const code: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "code") : "ok";
  return [String(code), String(id)];
}

/** A state has rows of other children here; its shape is looked at elsewhere. */
function withoutState(answer: Record<string, unknown>): unknown {
  const { result } = answer;
  if (typeof result !== "object" || result === null || Reflect.get(result, "type") !== "state") return comparable(answer);
  return [answer["request_id"], answer["ok"], Object.keys(result)];
}

async function replay(recorded: Case, { path }: Served): Promise<void> {
  const otherwise = OTHERWISE.get(recorded.case);
  if (otherwise?.expect === null) return;
  const isHalf = recorded.half_close === true;
  if (isHalf && CLOSES_OTHERS) return;
  const client = await (isHalf ? LineClient.openHalf(path) : LineClient.open(path));
  try {
    const bytes = isEmptyLine(recorded) ? Uint8Array.of(10) : bytesOf(recorded);
    const offsets = [0, ...recorded.split_at ?? [], bytes.length];
    for (let round = 0; round < (recorded.times ?? 1); round++) {
      for (let part = 1; part < offsets.length; part++) {
        client.send(bytes.slice(offsets[part - 1], offsets[part]));
        if (offsets.length > 2) await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
    if (isHalf) client.halfClose();
    const wanted = otherwise?.expect?.length ?? recorded.expect.length * (recorded.expect.length === 1 ? recorded.times ?? 1 : 1);
    const answers: Record<string, unknown>[] = [];
    for (let count = 0; count < wanted; count++) answers.push(await client.json());
    if (otherwise !== undefined) assertEquals(answers.map(shown), otherwise.expect!.map(([code, id]) => [code, id]), otherwise.why);
    else {answers.forEach((answer, index) =>
        assertEquals(withoutState(answer), withoutState(recorded.expect[index] ?? recorded.expect[0]!))
      );}
    if (recorded.then === "eof" || recorded.then === "reset") await client.ended();
  } finally {
    client.close();
  }
}

const FILES = {
  "handshake-and-state": HANDSHAKE_AND_STATE,
  subscriptions: SUBSCRIPTIONS,
  "protocol-errors": PROTOCOL_ERRORS,
  framing: FRAMING,
};

for (const [file, lines] of Object.entries(FILES)) {
  Deno.test({
    name: `transcript ${file}: every recorded case gets the recorded answer, or the better one of the table`,
    ignore: process.platform === "win32",
    async fn(): Promise<void> {
      const cases: Case[] = lines.map((line) => JSON.parse(line));
      assert(cases.length > 5);
      await whileServed(async (served) => {
        for (const recorded of cases) {
          try {
            await replay(recorded, served);
          } catch (error) {
            throw new Error(`case ${recorded.case}: ${error instanceof Error ? error.message : error}`);
          }
        }
      });
    },
  });
}
