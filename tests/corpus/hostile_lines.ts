/** Lines of clients that mean harm, or are broken, and what they get for an answer. */

/** One line. */
export interface HostileLine {
  readonly name: string;
  readonly line: string;
  /** The code of the refusal; "ok" where there is nothing to refuse. */
  readonly code: string;
  /** The id that is answered, where it is another than that of `asked()`. */
  readonly id?: string;
}

const ID = "x";
const LONG = 100_000;

/** A request that reads; everything is text, so that it may be no JSON. */
export const asked = (params: string, { id = `"${ID}"`, method = '"state"' } = {}): string =>
  `{"request_id":${id},"method":${method},"params":${params}}`;

const refused = (name: string, line: string): HostileLine => ({ name, line, code: "invalid_json", id: "invalid-request" });
const taken = (name: string, line: string, id = ID): HostileLine => ({ name, line, code: "ok", id });
const unknown = (name: string, method: string): HostileLine => ({
  name,
  line: asked("null", { method }),
  code: "unsupported_method",
  id: ID,
});
const nested = (depth: number): string => asked("[".repeat(depth) + "]".repeat(depth));

const DEPTH = [
  taken("lists as deep as they may be", nested(126)),
  refused("lists too deep by one", nested(127)),
  refused("a million brackets", "[".repeat(1_000_000)),
  refused("a hundred thousand objects", '{"a":'.repeat(LONG)),
  refused("brackets that close nothing", "]".repeat(LONG)),
  taken("brackets in a text", asked(`"${"[{".repeat(LONG / 2)}"`)),
];

const DOUBLED = [
  refused("an id twice", '{"request_id":"x","request_id":"y","method":"state"}'),
  refused("an id twice in two spellings", '{"request_id":"x","request\\u005fid":"y","method":"state"}'),
  refused("a method twice", '{"request_id":"x","method":"state","method":"hello"}'),
  refused("params twice", '{"request_id":"x","method":"state","params":1,"params":2}'),
  refused("an unknown member twice", '{"request_id":"x","method":"state","more":1,"more":2}'),
  refused("an unknown member twice beside an object", '{"request_id":"x","method":"state","params":{},"more":1,"more":2}'),
  refused("a member of params twice", asked('{"confirmed":false,"confirmed":true}')),
  refused("a member twice inside a list", asked('[[{"a":1,"a":2}]]')),
  refused("__proto__ twice", asked('{"__proto__":1,"__proto__":2}')),
  taken("one name in two objects", asked('[{"a":1},{"a":{"a":2}}]')),
];

const PROTOTYPES = [
  refused("a method that is inherited", '{"__proto__":{"method":"state"},"request_id":"x"}'),
  refused("an id that is inherited", '{"__proto__":{"request_id":"x"},"method":"state"}'),
  taken("members that are inherited elsewhere", asked('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')),
  ...["__proto__", "constructor", "toString", "hasOwnProperty", "valueOf"].map((name) => unknown(`the method ${name}`, `"${name}"`)),
];

const HALVES = [
  refused("the first half of a character as id", asked("null", { id: '"\\ud800"' })),
  refused("the second half of a character as id", asked("null", { id: '"a\\udc00"' })),
  refused("two halves the wrong way round", asked("null", { id: '"\\udc00\\ud800"' })),
  refused("half of a character as method", asked("null", { method: '"\\ud800"' })),
  refused("an escape that is cut off", asked("null", { id: '"\\ud8"' })),
  taken("two halves that make a character", asked("null", { id: '"\\ud83d\\ude00"' }), "\u{1f600}"),
  taken("half of a character in what nobody reads", asked('"\\ud800"')),
];

const NUMBERS = [
  taken("a whole number that a double does not hold", asked("9007199254740993")),
  taken("a number of 64 bits and one more", asked("18446744073709551616")),
  taken("a number that is all but 0", asked("1e-400")),
  taken("the greatest number", asked("1.7976931348623157e308")),
  refused("a number beyond a double", asked("1e309")),
  refused("a number below a double", asked("[[-1E+0309]]")),
  refused("digits beyond a double", asked("1".repeat(400))),
  refused("digits and a short exponent beyond a double", asked(`${"1".repeat(250)}e99`)),
  refused("a hundred thousand digits", asked("7".repeat(LONG))),
  ...["NaN", "Infinity", "0x10", "01", "+1", ".5", "1.", "-"].map((number) => refused(`the number ${number}`, asked(number))),
];

const CHARACTERS = [
  taken("an id with escaped control characters", asked("null", { id: '"\\u0000\\u001b[2J\\r\\n"' }), "\u0000\u001b[2J\r\n"),
  taken("an id with control characters that JSON allows", asked("null", { id: '"\u007f\u009b31m"' }), "\u007f\u009b31m"),
  taken("an id that turns the direction of the text", asked("null", { id: '"\u202eevil\u2066"' }), "\u202eevil\u2066"),
  taken("an id with separators of lines", asked("null", { id: '"a\u2028b\u2029"' }), "a\u2028b\u2029"),
  ...["\u0000", "\t", "\u001b", "\u001f"].map((raw) =>
    refused(`control character ${raw.codePointAt(0)} in an id`, asked("null", { id: `"${raw}"` }))
  ),
  unknown("a method with an escape sequence", '"\\u001b]0;title\\u0007"'),
  unknown("a method with a direction of its own", '"\u202ehello\u009b2J"'),
  unknown("a method with breaks of lines", '"hello\\r\\nok\\u2028"'),
  refused("an unknown word with an escape sequence", "\u001b[2J\u009b\u202e"),
  refused("a NUL alone", "\u0000"),
  refused("a NUL after the end", `${asked("null")}\u0000`),
  refused("a byte order mark before", `\ufeff${asked("null")}`),
  taken("a byte order mark in an id", asked("null", { id: '"\ufeffx"' }), "\ufeffx"),
  taken("a carriage return before the end of the line", `${asked("null")}\r`),
  refused("a space that does not break", `\u00a0${asked("null")}`),
  refused("a vertical tab", `\u000b${asked("null")}`),
];

const SHAPES = [
  taken("an empty id", asked("null", { id: '""' }), ""),
  taken("an id of a hundred thousand characters", asked("null", { id: `"${"i".repeat(LONG)}"` }), "i".repeat(LONG)),
  taken("an id of many backslashes", asked("null", { id: `"${"\\\\".repeat(LONG)}"` }), "\\".repeat(LONG)),
  ...["1", "null", "true", "[]", "{}"].map((id) => refused(`the id ${id}`, asked("null", { id }))),
  ...["1", "null", "[]", "{}"].map((method) => refused(`the method ${method}`, asked("null", { method }))),
  unknown("a method of a hundred thousand characters", `"${"m".repeat(LONG)}"`),
  unknown("an empty method", '""'),
  ...["", " ", "null", "true", "42", '"state"', "[]", '["x","state",null]', "{}"].map((line) =>
    refused(`the line ${line || "without anything"}`, line)
  ),
  refused("two requests in one line", asked("null").repeat(2)),
  refused("a comma too many", '{"request_id":"x","method":"state",}'),
  refused("a comment", `/**/${asked("null")}`),
  refused("single quotes", "{'request_id':'x','method':'state'}"),
  refused("a text without an end", `{"request_id":"${"a".repeat(LONG)}`),
  refused("backslashes without an end", `{"request_id":"${"\\".repeat(LONG)}`),
  taken("white space between all members", asked("null").replaceAll(/[:,]/g, (found) => `${found}${" \t\r".repeat(LONG / 30)}`)),
];

/** All of them. */
export const HOSTILE_LINES: readonly HostileLine[] = [
  ...DEPTH,
  ...DOUBLED,
  ...PROTOTYPES,
  ...HALVES,
  ...NUMBERS,
  ...CHARACTERS,
  ...SHAPES,
];
