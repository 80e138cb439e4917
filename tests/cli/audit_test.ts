import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { auditShow, auditVerify } from "../../src/cli/commands/audit.ts";
import { VERSION_1 } from "../fixtures/audit/version_1.ts";
import { VERSION_2 } from "../fixtures/audit/version_2.ts";
import { withFolder } from "../support/folder.ts";
import { RecordingIo } from "./helpers.ts";

const LAST_HASH: string = JSON.parse(VERSION_2.trimEnd().split("\n").at(-1) ?? "").hash;

/** Runs a command over files, and returns its exit code and what it wrote. */
async function over(
  text: string,
  command: (file: string, io: RecordingIo) => Promise<number>,
  color = false,
): Promise<[number, string, string, string]> {
  const io = new RecordingIo(color);
  let [code, path] = [NaN, ""];
  await withFolder({ "audit.jsonl": text }, async (folder) => {
    path = `${folder}/audit.jsonl`;
    code = await command(path, io);
  });
  return [code, io.out.replaceAll(path, "FILE"), io.err.replaceAll(path, "FILE"), path];
}

Deno.test("auditVerify() returns 0 and says what is there when an audit is whole", async () => {
  const [code, out, err] = await over(VERSION_2, (file, io) => auditVerify({ file, json: false }, io));
  assertEquals([code, err], [0, ""]);
  const [first, second, third, ...rest] = out.trimEnd().split("\n");
  assertMatch(first ?? "", /^FILE: 8 records in 1 file, 2026-09-2\d [\d:.]{12} to 2026-09-2\d [\d:.]{12}, by 2 runs of the program$/);
  assertEquals([second, rest], [`every record with a hash is as it was written; the last hash is ${LAST_HASH}`, []]);
  assertStringIncludes(third ?? "", "--expect HASH");
});

Deno.test("auditVerify() returns 1 and shows each problem with file and line when somebody changed something", async () => {
  const [code, out, err] = await over(
    VERSION_2.replace('"ops"', '"eve"'),
    (file, io) => auditVerify({ file, json: false }, io),
  );
  assertEquals(code, 1);
  assertEquals(err.trimEnd().split("\n"), [
    "error  FILE:1  it was changed: its hash is not that of what stands there",
    "FILE is not as it was written: 1 problem",
  ]);
  assert(!out.includes("is as it was written"), out);
});

Deno.test("auditVerify() tells beside the problems what is no problem", async () => {
  const [code, out] = await over(VERSION_2 + '{"version":2,"ru', (file, io) => auditVerify({ file, json: false }, io));
  assertEquals(code, 0);
  assertStringIncludes(out, "note  FILE:9  it was cut off by a crash, and is no record\n");
});

Deno.test("auditVerify() says of files of version 1 that they are not chained", async () => {
  const [code, out, err] = await over(VERSION_1, (file, io) => auditVerify({ file, json: false }, io));
  assertEquals([code, err], [0, ""]);
  assertStringIncludes(out, "8 records of version 1: not chained, so that nobody can tell about them\n");
  assert(!out.includes("last hash"), out);
});

Deno.test("auditVerify() finds with --expect whether lines at the end are gone; the hash may be in capitals", async () => {
  const expect = LAST_HASH.toUpperCase();
  const [whole, out] = await over(VERSION_2, (file, io) => auditVerify({ file, expect, json: false }, io));
  assertEquals(whole, 0);
  assertStringIncludes(out, "the expected hash is there\n");
  const cut = VERSION_2.split("\n").slice(0, 7).join("\n");
  const [code, , err] = await over(`${cut}\n`, (file, io) => auditVerify({ file, expect, json: false }, io));
  assertEquals(code, 1);
  assertStringIncludes(err, `error  FILE:7  no line up to here has the hash ${LAST_HASH}: lines at the end are gone`);
});

Deno.test("auditVerify() returns 2 for a hash that is none, and for a file that is not there", async () => {
  const [code, , err] = await over(VERSION_2, (file, io) => auditVerify({ file, expect: "abc\u001b[2J", json: false }, io));
  assertEquals([code, err], [2, 'reeve: Cannot look for the hash "abc\\u{1b}[2j": it must have 64 digits from 0 to f\n']);
  for (const command of [auditVerify, auditShow]) {
    const [code, out, err] = await over("", (file, io) => command({ file: `${file}.none`, json: true }, io));
    assertEquals([code, out, err], [2, "", 'reeve: Cannot read the audit "FILE.none": it is not there\n']);
  }
});

Deno.test("auditVerify() prints JSON when asked to", async () => {
  const [code, out, err] = await over(
    VERSION_2.replace('"sequence":3', '"sequence":4'),
    (file, io) => auditVerify({ file, json: true }, io),
  );
  assertEquals([code, err], [1, ""]);
  assertEquals(JSON.parse(out), {
    ok: false,
    file: "FILE",
    files: ["FILE"],
    records: 8,
    unchained: 0,
    first: "2026-09-21T14:13:21.234Z",
    last: JSON.parse(out).last,
    runs: 2,
    last_hash: LAST_HASH,
    problem_count: 1,
    problems: [{ file: "FILE", line: 3, what: "it was changed: its hash is not that of what stands there" }],
    remark_count: 0,
    remarks: [],
  });
});

Deno.test("auditShow() prints a line for each record: when, who, what, which child, why, and what became of it", async () => {
  const [code, out, err] = await over(VERSION_2, (file, io) => auditShow({ file, json: false }, io));
  assertEquals([code, err], [0, ""]);
  const lines = out.trimEnd().split("\n");
  assertEquals(lines.map((line) => line.replace(/^2026-09-2\d [\d:.]{12} /, "")).slice(0, 6), [
    "── run 0123456789abcdef0123456789abcdef",
    '▸ ops               command.pause_child       /db                   asked: the disk of "db" is exchanged — später weiter',
    '✓ ops               command.pause_child       /db                   done: the disk of "db" is exchanged — später weiter',
    "✗ socket:7a7a7a7a   command.remove_child      -                     refused: not_authorized C3 (12 more of its kind left out)",
    "! runtime           policy.give_up            /web                  by itself: restart_budget_exhausted",
    "── run fedcba9876543210fedcba9876543210",
  ]);
  assertEquals(lines.length, 10);
});

Deno.test("auditShow() shows only what is wanted: since when, which command, by whom", async () => {
  const shown = async (wanted: object): Promise<number> => {
    const [, out] = await over(VERSION_2, (file, io) => auditShow({ file, json: true, ...wanted }, io));
    return out.split("\n").length - 1;
  };
  assertEquals(
    [
      await shown({}),
      await shown({ command: "pause_child" }),
      await shown({ command: "command.pause_child" }),
      await shown({ command: "child" }),
      await shown({ by: "ops" }),
      await shown({ by: "op" }),
      await shown({ since: "2026-09-21T14:13:26.170Z" }),
      await shown({ since: "2026-09-21T14:13:26.170Z", command: "policy.give_up" }),
    ],
    [8, 4, 4, 0, 4, 0, 4, 1],
  );
});

Deno.test("auditShow() returns 2 for a moment that is none", async () => {
  const [code, out, err] = await over(VERSION_2, (file, io) => auditShow({ file, since: "soon", json: false }, io));
  assertEquals([code, out], [2, ""]);
  assertStringIncludes(err, 'reeve: Cannot understand --since "soon": it must be a time such as');
});

Deno.test("auditShow() prints the lines of the file with --json, and says how many were no records or changed", async () => {
  const lines = VERSION_2.trimEnd().split("\n");
  const text = [lines[0], "hello", lines[1]?.replace('"ops"', '"eve"'), ""].join("\n");
  const [code, out, err] = await over(text, (file, io) => auditShow({ file, json: true }, io));
  assertEquals([code, out], [0, [lines[0], lines[1]?.replace('"ops"', '"eve"'), ""].join("\n")]);
  assertEquals(err, 'reeve: 2 lines are not as written; "reeve audit verify FILE" tells where\n');
});

Deno.test("auditShow() reads files of version 1, and lets no control character of a file through", async () => {
  const hostile =
    '{"version":1,"timestamp":"x","kind":"\\u001b[2J","method":"\\u001b[31m","requested_by":"\\u202eeve","reason":"a\\nb","run":"\\u001b[1m"}\n';
  const [code, out, err] = await over(VERSION_1 + hostile, (file, io) => auditShow({ file, json: false }, io));
  assertEquals([code, err, out.includes("\u001b"), out.includes("\u202e")], [0, "", false, false]);
  assertEquals(out.split("\n").length - 1, 10);
  assertMatch(out, /no time {17}! \\u\{202e\}eve/);
});

Deno.test("auditShow() uses colours only where they are wanted", async () => {
  const [, out] = await over(VERSION_2, (file, io) => auditShow({ file, json: false }, io), true);
  assertStringIncludes(out, "\u001b[31m✗\u001b[0m");
});
