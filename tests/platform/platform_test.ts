import { assertEquals, assertMatch } from "@std/assert";
import { platform as node } from "../../src/platform/node.ts";
import { platform } from "../../src/platform/mod.ts";

Deno.test("platform has a name and a version that is new enough", () => {
  assertMatch(platform.version, /^\d+\.\d+\.\d+/);
  assertEquals(platform.tooOld, undefined);
  assertEquals(platform.terminateStopsBusyThreads, platform.name === "node");
});

Deno.test("permissionHint() says nothing about errors that have other causes", () => {
  for (const error of [new Error("--allow-read"), "text", undefined, Object.assign(new Error("x"), { code: "ENOENT" })]) {
    assertEquals(platform.permissionHint(error), undefined);
    assertEquals(node.permissionHint(error), undefined);
  }
});

Deno.test("permissionHint() of Node knows the refusals of its permission model", () => {
  const error = Object.assign(new Error("Access to this API has been restricted"), { code: "ERR_ACCESS_DENIED" });
  assertEquals(node.permissionHint(error), "Node runs with --permission; allow what the message names");
});

Deno.test("guardUnknownSignals() may be released twice", () => {
  for (const { guardUnknownSignals } of [platform, node]) {
    const release = guardUnknownSignals();
    release();
    release();
  }
});

Deno.test("loadHint() of Node tells TypeScript and CommonJS from other failures", () => {
  const typescript = Object.assign(new TypeError('Unknown file extension ".ts" for /a/b.ts'), { code: "ERR_UNKNOWN_FILE_EXTENSION" });
  const picture = Object.assign(new TypeError('Unknown file extension ".png" for /a/b.png'), { code: "ERR_UNKNOWN_FILE_EXTENSION" });
  const cases: readonly (readonly [unknown, RegExp | undefined])[] = [
    [typescript, /^Node [\d.]+ does not run TypeScript: compile it to JavaScript, or use Node 22\.18 or newer, or Deno$/],
    [picture, undefined],
    [new SyntaxError("Unexpected token 'export'"), /name it \.mjs/],
    [new SyntaxError("Cannot use import statement outside a module"), /name it \.mjs/],
    [new SyntaxError("Unexpected token '='"), undefined],
    ["text", undefined],
  ];
  for (const [error, expected] of cases) {
    const hint = node.loadHint(error);
    if (expected === undefined) assertEquals(hint, undefined);
    else assertMatch(hint ?? "", expected);
  }
});
