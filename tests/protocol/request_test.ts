import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { RawJson, toJson } from "../../src/base/mod.ts";
import { METHODS, parseCommand, parseRequest } from "../../src/protocol/mod.ts";

const codeOf = (line: string): string => {
  const found = parseRequest(line);
  return "error" in found ? `${found.error.code} ${found.requestId}` : `ok ${found.requestId}`;
};

Deno.test("parseRequest() reads every method, and ignores members that it does not know", () => {
  for (const method of Object.keys(METHODS)) assertEquals(codeOf(JSON.stringify({ request_id: "1", method, more: 1 })), "ok 1");
});

Deno.test("parseRequest() takes the names of built-in members for unknown methods", () => {
  for (const method of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
    assertEquals(codeOf(JSON.stringify({ request_id: "1", method })), "unsupported_method 1");
  }
});

Deno.test("parseRequest() refuses duplicate members in any spelling", () => {
  assertEquals(codeOf('{"request_id":"1","request\\u005fid":"2","method":"hello"}'), "invalid_json invalid-request");
  assertEquals(codeOf('{"request_id":"a\\":\\"request_id","method":"hello"}'), 'ok a":"request_id');
});

Deno.test("parseRequest() bounds the depth before it parses", () => {
  const nested = (depth: number): string => `{"request_id":"1","method":"hello","params":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  assertEquals([codeOf(nested(126)), codeOf(nested(127))], ["ok 1", "invalid_json invalid-request"]);
  assertEquals(codeOf(`{"request_id":"1","method":"hello","params":"${"[".repeat(500)}"}`), "ok 1");
  assertEquals(codeOf("[".repeat(1_000_000)), "invalid_json invalid-request");
});

Deno.test("parseRequest() never throws, and answers with the id or with none", () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom('"', "\\", "{", "}", "[", "]", ":", ",", "request_id", "method", "hello", "\\u", "1e999", "null"),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const found = parseRequest(pieces.join(""));
      assert(typeof found.requestId === "string");
    }),
    { numRuns: 5_000, seed: 6 },
  );
  fc.assert(
    fc.property(fc.json(), (json) => {
      const found = parseRequest(json);
      assert("error" in found || "method" in found);
    }),
    { numRuns: 2_000, seed: 6 },
  );
});

const PARAMS = {
  command_id: "c",
  target_id: "t",
  command: "pause_child",
  target: { child_path: "/a" },
  reason: "r",
  requested_by: "me",
  confirmed: false,
  requested_at_unix_nanos: 1_700_000_000_000_000_000,
};

Deno.test("parseCommand() wants each member, in its form", () => {
  assertEquals(parseCommand("command.pause_child", PARAMS, "t"), {
    commandId: "c",
    kind: "pause_child",
    childPath: "/a",
    childManifest: null,
    template: null,
    count: null,
    dryRun: false,
    to: null,
    args: undefined,
    force: false,
    reason: "r",
    requestedBy: "me",
  });
  for (const name of Object.keys(PARAMS)) {
    const { [name]: _, ...rest } = { ...PARAMS } as Record<string, unknown>;
    const found = parseCommand("command.pause_child", rest, "t");
    assert("message" in found);
    assertMatch(found.message, new RegExp(`missing field \`${name}\``));
  }
  for (
    const wrong of [{ confirmed: 1 }, { requested_at_unix_nanos: -1 }, { requested_at_unix_nanos: "1" }, { requested_at_unix_nanos: 1.5 }, {
      target: [],
    }, { reason: 1 }]
  ) {
    assert("code" in parseCommand("command.pause_child", { ...PARAMS, ...wrong }, "t"), JSON.stringify(wrong));
  }
});

Deno.test("parseCommand() takes an option only of a command that has it, and a dry run for no confirmation but that of a reload", () => {
  const codeOfCommand = (kind: string, more: object): string => {
    const method = ["scale", "reload"].includes(kind) ? `reeve.${kind}` : `command.${kind}`;
    const found = parseCommand(method, { ...PARAMS, command: kind, ...more }, "t");
    return "code" in found ? found.code : "ok";
  };
  for (const kind of ["remove_child", "add_child", "shutdown_tree"]) {
    assertEquals(codeOfCommand(kind, { dry_run: true }), "invalid_command_params", kind);
    assertEquals(codeOfCommand(kind, {}), "validation_failed", kind);
    assertEquals(codeOfCommand(kind, { confirmed: true }), "ok", kind);
  }
  const scale = { template: "t", count: 1 };
  assertEquals(codeOfCommand("scale", { ...scale, dry_run: true }), "invalid_command_params");
  assertEquals(codeOfCommand("scale", { ...scale, dry_run: false, confirmed: true }), "invalid_command_params");
  assertEquals(codeOfCommand("scale", scale), "validation_failed");
  assertEquals([codeOfCommand("reload", { dry_run: true }), codeOfCommand("reload", {})], ["ok", "validation_failed"]);
  for (const more of [{ template: "t" }, { count: 1 }, { to: "/" }, { args: 1 }, { force: true }]) {
    assertEquals(codeOfCommand("pause_child", more), "invalid_command_params", JSON.stringify(more));
  }
});

Deno.test("toJson() writes integers of any size, and what JSON.stringify writes for all else", () => {
  assertEquals(
    toJson({ at: 1_795_390_476_302_291_603n, raw: new RawJson('{"x":1}'), none: undefined }),
    '{"at":1795390476302291603,"raw":{"x":1}}',
  );
  fc.assert(fc.property(fc.jsonValue(), (value) => assertEquals(toJson(value), JSON.stringify(value))), { numRuns: 2_000, seed: 6 });
});

Deno.test("a member that is there twice is refused at every depth, however it is spelled; lists and other objects have their own", () => {
  const code = (params: string): string => {
    const read = parseRequest(`{"request_id":"a","method":"state","params":${params}}`);
    return "error" in read ? read.error.code : "ok";
  };
  const refused = ['{"a":1,"a":1}', '{"b":{"a":1,"c":{},"a":2}}', '[{"a":1,"\\u0061":2}]', '{"":1,"":2}', '{"__proto__":1,"__proto__":2}'];
  assertEquals(refused.map(code), refused.map(() => "invalid_json"));
  const fine = [
    '{"a":{"a":{"a":1}}}',
    '[{"a":1},{"a":2}]',
    '{"a":"a","b":"a"}',
    '{"a":["a","a"],"A":1}',
    '{"a":"{\\"a\\":1,","b":",\\"a\\":1}"}',
  ];
  assertEquals(fine.map(code), fine.map(() => "ok"));
});

Deno.test("a time of a command has at most 128 bits", () => {
  const at = (requestedAt: number): unknown =>
    parseCommand("command.pause_child", {
      command_id: "c",
      target_id: "t",
      command: "pause_child",
      target: { child_path: "/a" },
      reason: "r",
      requested_by: "b",
      confirmed: false,
      requested_at_unix_nanos: requestedAt,
    }, "t");
  assertEquals([2 ** 127, 2 ** 128, 1e308].map((time) => Object(at(time)).code), [
    undefined,
    "invalid_command_params",
    "invalid_command_params",
  ]);
});
