import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { cleanText, Redactor } from "../../src/base/mod.ts";

const SECRET = "hunter2/with+signs?&ümläut";

function redactor(...values: readonly string[]): Redactor {
  const made = new Redactor();
  made.add(values);
  return made;
}

Deno.test("Redactor.clean() leaves every text as it is while there are no secrets", () => {
  assertEquals(redactor().clean("nothing to hide"), "nothing to hide");
  assertEquals(redactor().cleanCut("nothing to hi…"), "nothing to hi…");
  assertEquals(redactor().unfinished("nothing"), 0);
});

Deno.test("Redactor.clean() replaces a secret however it is written", () => {
  const made = redactor(SECRET);
  const base64 = Buffer.from(SECRET).toString("base64");
  const forms: Readonly<Record<string, string>> = {
    raw: SECRET,
    "in JSON": JSON.stringify(SECRET).slice(1, -1),
    base64,
    "base64 without padding": base64.replace(/=+$/, ""),
    "base64 for URLs": Buffer.from(SECRET).toString("base64url"),
    "in a URL": encodeURIComponent(SECRET),
    "in a URL, lower case": encodeURIComponent(SECRET).replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    "in a form": new URLSearchParams({ a: SECRET }).toString().slice(2),
  };
  for (const [name, form] of Object.entries(forms)) assertEquals(made.clean(`a ${form} b ${form}`), "a *** b ***", name);
});

Deno.test("Redactor.clean() finds a secret in the base64 of something longer, wherever it begins there", () => {
  const made = redactor(SECRET);
  for (const before of ["", "a", "ab", "abc", "user:"]) {
    for (const after of ["", "a", "ab", ":more"]) {
      const header = Buffer.from(before + SECRET + after).toString("base64");
      const cleaned = made.clean(`Basic ${header}`);
      assert(cleaned.includes("***"), `${before}|${after}: ${cleaned}`);
      const left = cleaned.slice("Basic ".length).split("***").map((part) => Buffer.from(part, "base64").toString("latin1")).join("|");
      assert(!left.includes("unter"), `${before}|${after}: ${left}`);
    }
  }
});

Deno.test("Redactor.clean() finds the lines of base64 that a program broke", () => {
  const key = "0123456789abcdefghijklmnopqrstuvwxyz".repeat(6);
  const base64 = Buffer.from(key).toString("base64");
  const made = redactor(key);
  for (const width of [64, 76]) {
    const lines = base64.match(new RegExp(`.{1,${width}}`, "g"))!;
    assert(lines.length > 3);
    for (const line of lines) assertEquals(made.clean(line), "***", `${width}: ${line}`);
  }
});

Deno.test("Redactor.clean() replaces a value with several lines, its longer lines, and what stands between spaces", () => {
  const key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\r\nshort\n-----END KEY-----\n";
  const made = redactor(key, "hunter2\n");
  assertEquals(made.clean(`a ${key} b`), "a *** b");
  assertEquals(made.clean(cleanText(key, Infinity)), "***");
  assertEquals(made.clean(JSON.stringify({ key })), '{"key":"***"}');
  assertEquals(key.split(/\r?\n/).map((line) => made.clean(line)), ["***", "***", "short", "***", ""]);
  assertEquals(made.clean("the password hunter2 is"), "the password *** is");
});

Deno.test("Redactor.clean() takes the longest secret first, and what is special in patterns as it is", () => {
  const made = redactor("word", "word.and(more)*", "a|b|c", "^x$\\d[", "{2,}-/");
  assertEquals(made.clean("word word.and(more)* wordXand(more)"), "*** *** ***Xand(more)");
  assertEquals(made.clean("a|b|c a b ^x$\\d[ 7 {2,}-/"), "*** a b *** 7 ***");
});

Deno.test("Redactor.add() does not take values of fewer than four characters, and more can come later", () => {
  const made = redactor("abc", "", "a\nb");
  assertEquals(made.clean("abc a b"), "abc a b");
  made.add(["abcd"]);
  assertEquals(made.clean("abc abcd"), "abc ***");
  made.add(["later"]);
  assertEquals(made.clean("abcd later"), "*** ***");
});

Deno.test("Redactor.add() takes values that are no proper text", () => {
  const made = redactor("\ud800lone", "nul\0inside", "💥💥");
  assertEquals(made.clean("a \ud800lone b nul\0inside c 💥💥"), "a *** b *** c ***");
  assertEquals(made.clean(cleanText("nul\0inside")), "***");
});

Deno.test("Redactor.cleanCut() takes the beginning of a secret out of a message that was cut within it", () => {
  const made = redactor("correct horse battery");
  assertEquals(made.cleanCut("it is correct horse ba…"), "it is ***…");
  assertEquals(made.cleanCut("it is correct horse ba…. Say more, corr… too"), "it is ***…. Say more, ***… too");
  assertEquals(made.cleanCut("it is correct horse battery…"), "it is ***…");
  assertEquals(made.cleanCut("it is cor…"), "it is cor…");
  assertEquals(made.cleanCut("it is correct horse ba"), "it is correct horse ba");
});

Deno.test("Redactor.cleanCut() leaves no beginning of four characters, wherever a message is cut", () => {
  const made = redactor(SECRET, "hunter2");
  const message = `cannot open the store with ${SECRET}, it is locked`;
  for (let most = 1; most < message.length; most++) {
    const cleaned = made.cleanCut(cleanText(message, most));
    assert(!cleaned.includes("hunt"), `${most}: ${cleaned}`);
  }
});

Deno.test("Redactor.unfinished() says how much at the end may belong to a secret that goes on", () => {
  const made = redactor("secret-one", "cream");
  const cases: readonly (readonly [string, number])[] = [["a sec", 3], ["a s", 1], ["a secret-one", 0], ["a", 0], ["", 0], ["icecrea", 4], [
    "ssss",
    1,
  ]];
  for (const [text, expected] of cases) assertEquals(made.unfinished(text), expected, text);
});

Deno.test("Redactor.unfinished() lets a text be cut anywhere without telling a part of a secret", () => {
  const secrets = ["aab", "abab", "babaab", "aaaa"].map((text) => `${text}${text}`);
  const made = redactor(...secrets);
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "b", "-"), { maxLength: 60 }), fc.nat(60), (letters, place) => {
      const text = letters.join("");
      const first = text.slice(0, place);
      const end = first.length - made.unfinished(first);
      const parts = made.clean(first.slice(0, end)) + made.clean(text.slice(end));
      for (const secret of secrets) assert(!parts.includes(secret), `${text} at ${place}: ${parts}`);
    }),
    { numRuns: 2_000, seed: 1 },
  );
});

Deno.test("Redactor takes a great many secrets", () => {
  const values = Array.from({ length: 5_000 }, (_, index) => `secret-number-${index}-${"x".repeat(index % 40)}`);
  const made = redactor(...values);
  assertEquals(made.clean(values.join(" ")), values.map(() => "***").join(" "));
});
