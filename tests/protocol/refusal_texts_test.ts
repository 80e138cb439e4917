/** What a refusal repeats of a line is short, and harmless wherever it is shown. */
import { assert, assertEquals } from "@std/assert";
import { cleanText } from "../../src/base/mod.ts";
import { parseRequest } from "../../src/protocol/mod.ts";

function messageOf(line: string): string {
  const found = parseRequest(line);
  return "error" in found ? found.error.message : "";
}

Deno.test("a refusal repeats no control characters and no half characters", () => {
  const lines = [
    `{"request_id":"a","method":"\\u001b[31mred\\u202e"}`,
    `{"request_id":"a","method":"${"x".repeat(127)}\u{1f600}${"y".repeat(60_000)}"}`,
    `{"request_id":"a","method": \u001b[31m`,
    `{"request_id":"a",\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}`,
    `x\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}\u{1f600}`,
    `{"a\u009b":1,"a\u009b":2,"${"z".repeat(300)}":3}`,
  ];
  for (const line of lines) {
    const message = messageOf(line);
    assert(message !== "" && message.length < 400, message);
    assert(message.isWellFormed(), JSON.stringify(message));
    assertEquals(cleanText(message), message);
  }
});
