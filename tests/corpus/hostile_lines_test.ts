/** What hostile clients send gets one line for an answer, which is harmless for whoever looks at it. */
import { assert, assertEquals } from "@std/assert";
import { readableId } from "../../src/protocol/mod.ts";
import { OWNER, type Piped, piped } from "../ipc/piped.ts";
import { at } from "../support/at.ts";
import { assertGrowsByLength } from "../support/growth.ts";
import { asked, HOSTILE_LINES, type HostileLine } from "./hostile_lines.ts";

const LIMITS = { rateLimit: { enabled: false }, requestSizeLimit: { enabled: false }, replayProtection: { enabled: false } };

/** What is measured, in characters, and how many times as much. */
const SHORT = 4_000;
const TIMES = 16;

const pipe = (): Piped => piped(LIMITS);

/** The answer to a line, as it goes out. */
async function answered({ pipeline }: Piped, client: ReturnType<Piped["client"]>, text: string): Promise<string> {
  const { line } = await pipeline.answer({ text, bytes: new TextEncoder().encode(text).length }, client, 0);
  return typeof line === "string" ? line : line.join("");
}

/** Looks at an answer without its line feed. */
function check(answer: string, { name, code, id }: HostileLine): void {
  for (let index = 0; index < answer.length; index++) assert(answer.charCodeAt(index) >= 32, `${name}: a raw control character`);
  const value: unknown = JSON.parse(answer);
  assertEquals(at(value, "request_id"), id, name);
  assertEquals(at(value, "ok"), code === "ok", name);
  if (code === "ok") return;
  assertEquals(at(value, "error", "code"), code, name);
  const message = String(at(value, "error", "message"));
  assert(message.length <= 512, `${name}: ${message.length} characters`);
  assert(!/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u.test(message), `${name}: ${JSON.stringify(message)}`);
}

Deno.test("corpus: every hostile line gets one line", async () => {
  assertEquals(new Set(HOSTILE_LINES.map(({ name }) => name)).size, HOSTILE_LINES.length, "names are unique");
  const held = pipe();
  const client = held.client(OWNER);
  for (const hostile of HOSTILE_LINES) {
    const answer = await answered(held, client, hostile.line);
    assert(answer.endsWith("\n"), hostile.name);
    check(answer.slice(0, -1), hostile);
  }
  assertEquals(Reflect.get({}, "polluted"), undefined);
});

/** Pieces of which a long line is made; each wants one of the expressions, or the search for doubled members, to go back. */
const REPEATED: Readonly<Record<string, (count: number) => string>> = {
  "white space before the id": (count) => `{${" ".repeat(count)}"request_id"${" ".repeat(count)}:"x"`,
  "an id of escapes": (count) => `{"request_id":"${"\\\\".repeat(count)}`,
  "escaped quotes": (count) => asked(`"${'\\"'.repeat(count)}"`),
  "backslashes without an end": (count) => asked(`"${"\\".repeat(2 * count + 1)}"`),
  "digits": (count) => asked("1".repeat(count)),
  "runs of digits": (count) => asked(`[${Array.from({ length: count / 100 }, () => "1".repeat(199)).join(",")}]`),
  "short exponents": (count) => asked(`[${Array.from({ length: count }, () => "1e99").join(",")}]`),
  "the usual line all but its end": (count) => asked("null", { id: `"${"x".repeat(count)}"` }).slice(0, -1),
  "quotes": (count) => '"'.repeat(count),
  "texts that are no names": (count) => asked(`{${'"a" '.repeat(count / 4)}}`),
  "names": (count) => asked(`{${Array.from({ length: count }, (_, index) => `"${index}":1`).join(",")}}`),
  "control characters in a method": (count) => asked("null", { method: `"${"\\u001b".repeat(count)}"` }),
  "colons": (count) => ":".repeat(count),
};

for (const [name, make] of Object.entries(REPEATED)) {
  Deno.test(`corpus: a longer line takes longer by its length alone: ${name}`, async () => {
    const held = pipe();
    const client = held.client(OWNER);
    const read = async (line: string): Promise<void> => {
      await answered(held, client, line);
      readableId(line);
    };
    const [short, long] = [make(SHORT), make(TIMES * SHORT)];
    await assertGrowsByLength(() => read(short), () => read(long), TIMES);
  });
}
