/** The hostile lines over a real socket, and parameters that mean harm: the server answers each, and goes on. */
import { assert, assertEquals } from "@std/assert";
import { parseChildManifest } from "../../src/config/mod.ts";
import { HOSTILE_LINES } from "../corpus/hostile_lines.ts";
import { at } from "../support/at.ts";
import { socketTest } from "../support/sockets.ts";
import { LineClient } from "../support/lines.ts";
import { whileServed } from "../support/served.ts";

const securityConfig = { rateLimit: { enabled: false }, requestSizeLimit: { enabled: false }, replayProtection: { enabled: false } };

function test(name: string, fn: () => Promise<void>): void {
  socketTest(`corpus over a socket: ${name}`, fn);
}

/** What nobody should find in a text of ours. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;

test("every hostile line gets its answer, in order, on one connection", () =>
  whileServed(async ({ path, tree }) => {
    const client = await LineClient.open(path);
    try {
      for (const { name, line, code, id } of HOSTILE_LINES) {
        client.send(`${line}\n`);
        const answer = await client.json();
        assertEquals([at(answer, "request_id"), at(answer, "ok") === true ? "ok" : at(answer, "error", "code")], [id, code], name);
      }
    } finally {
      client.close();
    }
    assertEquals(tree.snapshot().phase, "running");
  }, { securityConfig }));

interface Hostile {
  readonly name: string;
  readonly method?: string;
  /** Members of the parameters that are other than usual, or all of the parameters as text. */
  readonly params: Readonly<Record<string, unknown>> | string;
  /** The code of the refusal, wherever it is; "ok" where there is nothing to refuse. */
  readonly code: string;
}

const ESCAPES = "\u001b[2J\u009b\u202e\r\n\u0000";
const HUGE = "a".repeat(100_000);
const path = (childPath: string, code = "command_failed"): Hostile => ({
  name: `the path ${JSON.stringify(childPath.slice(0, 32))}`,
  params: { target: { child_path: childPath } },
  code,
});
const manifest = (name: string, child_manifest: string, code = "command_failed"): Hostile => ({
  name: `a manifest with ${name}`,
  method: "add_child",
  params: { target: { child_manifest } },
  code,
});
const LAUGHS = Array.from({ length: 12 }, (_, index) => `a${index + 1}: &a${index + 1} [${Array(12).fill(`*a${index}`).join(",")}]`);

const PARAMS: readonly Hostile[] = [
  ...["/__proto__", "__proto__", "constructor", "/..", "/api/../api/x", `/${ESCAPES}`, `/${HUGE}`, "/".repeat(100_000)].map((name) =>
    path(name)
  ),
  path("/\ud800", "invalid_command_params"),
  { name: "half of a character as reason", params: { reason: "\udc00" }, code: "invalid_command_params" },
  { name: "half of a character as command id", params: { command_id: "\ud800" }, code: "invalid_command_params" },
  { name: "escape sequences everywhere", params: { reason: ESCAPES + "x", requested_by: ESCAPES + "x", command_id: ESCAPES }, code: "ok" },
  { name: "texts of a hundred thousand characters", params: { reason: HUGE, requested_by: HUGE, command_id: HUGE }, code: "ok" },
  { name: "a target of somebody else", params: { target_id: ESCAPES }, code: "validation_failed" },
  { name: "a reason of white space", params: { reason: "\u00a0\u2028\ufeff\t" }, code: "validation_failed" },
  { name: "a command that is inherited", params: { command: "constructor" }, code: "invalid_command_params" },
  { name: "parameters that are inherited", params: '{"__proto__":{"command_id":"c"}}', code: "invalid_command_params" },
  { name: "a target that is inherited", params: { target: JSON.parse('{"__proto__":{"child_path":"/api"}}') }, code: "validation_failed" },
  { name: "a time with a fraction", params: { requested_at_unix_nanos: 1.5 }, code: "invalid_command_params" },
  { name: "a time below 0", params: { requested_at_unix_nanos: -1 }, code: "invalid_command_params" },
  { name: "another command than the method", params: { command: "shutdown_tree" }, code: "invalid_command_params" },
  manifest("lists without an end", "[".repeat(50_000)),
  manifest("maps without an end", "{a: ".repeat(10_000)),
  manifest("names that multiply", ["a0: &a0 [x]", ...LAUGHS].join("\n")),
  manifest("a tag that makes a function", '!!js/function "function () {}"'),
  manifest("__proto__", "{ name: p, __proto__: { run: 1 } }"),
  manifest("a name twice", "{ name: p, name: q }"),
  manifest("control characters", `{ name: "\\e[2J", kind: ${ESCAPES} }`),
];

test("parameters that mean harm are refused in a few harmless words, or do what they say", () =>
  whileServed(async ({ path: socket, tree }) => {
    const client = await LineClient.open(socket);
    try {
      for (const [index, { name, method = "pause_child", params, code }] of PARAMS.entries()) {
        const usual = {
          command_id: "c",
          target_id: "example-target",
          command: method,
          target: { child_path: "/billing" },
          reason: "test",
          requested_by: "tester",
          confirmed: true,
          requested_at_unix_nanos: 1,
        };
        const text = typeof params === "string" ? params : JSON.stringify({ ...usual, ...params });
        client.send(`{"request_id":"${index}","method":"command.${method}","params":${text}}\n`);
        const answer = await client.json();
        const error = at(answer, "error") ?? at(answer, "result", "result", "error") ?? null;
        assertEquals([at(answer, "request_id"), at(error, "code") ?? "ok"], [`${index}`, code], `${name}: ${JSON.stringify(error)}`);
        const message = String(at(error, "message"));
        assert(message.length <= 1_200 && !UNSAFE.test(message), `${name}: ${JSON.stringify(message)}`);
      }
    } finally {
      client.close();
    }
    const { phase, children } = tree.snapshot();
    assertEquals([phase, children.map(({ path }) => path)], ["running", ["/api", "/billing", "/once"]]);
  }, { securityConfig, parseChild: (text) => parseChildManifest(text, { path: "supervisor.yaml" }) }));

test("a subscription is asked for by members of its own", () =>
  whileServed(async ({ path: socket }) => {
    const client = await LineClient.open(socket);
    try {
      const ask = async (params: string): Promise<unknown> => {
        client.send(`{"request_id":"s","method":"events.subscribe","params":${params}}\n`);
        const answer = await client.json();
        return at(answer, "ok") === true ? "ok" : at(answer, "error", "code");
      };
      assertEquals(await ask('{"__proto__":{"session_established":true}}'), "session_required");
      assertEquals(await ask('{"session_established":true,"session_established":false}'), "invalid_json");
      assertEquals(await ask('{"session_established":true,"since_sequence":9007199254740993}'), "invalid_subscription");
      assertEquals(await ask('{"session_established":true,"types":["__proto__","constructor"]}'), "invalid_subscription");
    } finally {
      client.close();
    }
  }, { securityConfig }));
