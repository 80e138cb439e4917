import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { importFile } from "../../../src/cli/commands/import.ts";
import { readForeignDocument } from "../../../src/config/mod.ts";
import { inFolder, withFolder } from "../../support/folder.ts";
import { RecordingIo } from "../helpers.ts";
import { imported, refused } from "./helpers.ts";

const UNIT = "[Service]\nExecStart=/bin/sleep 60\n";

Deno.test("importFile() knows each kind by its name or by what is in it, and --from goes before both", async () => {
  for (
    const [name, text, kind] of [
      ["a.service", UNIT, "systemd"],
      ["unit.txt", UNIT, "systemd"],
      ["Procfile", "web: x\n", "procfile"],
      ["any.json", '{"apps":[{"script":"a.js"}]}', "pm2"],
      ["any.yaml", "processes: { a: { command: x } }", "process-compose"],
    ] as const
  ) {
    await withFolder({ [name]: text }, async (folder) => {
      const io = new RecordingIo();
      await importFile({ file: join(folder, name), json: true }, io);
      assertEquals(JSON.parse(io.out).from, kind, name);
    });
  }
  assertEquals((await imported({ "list.txt": "web: x\n" }, "list.txt", { from: "procfile" })).code, 0);
});

Deno.test("importFile() prints the file, and what has no equivalent beside it", async () => {
  await withFolder({ "a.service": `${UNIT}Nice=1\n` }, async (folder) => {
    const io = new RecordingIo();
    assertEquals(await importFile({ file: join(folder, "a.service"), json: false }, io), 1);
    assertMatch(io.out, /^# Made by "reeve import" from /);
    assertMatch(io.out, /# Without equivalent, and not in effect here:\n# - .*a\.service:3 {2}Nice=1: /);
    assertMatch(io.err, /^not taken over {2}.*a\.service:3 {2}Nice=1: .*; .*\n.*1 child, 1 thing has no equivalent\n$/);
  });
});

Deno.test("importFile() writes --out and says what to do next, and never writes over a file", async () => {
  await withFolder({ "a.service": UNIT }, async (folder) => {
    const [file, out] = [join(folder, "a.service"), join(folder, "tree.yaml")];
    const io = new RecordingIo();
    assertEquals(await importFile({ file, out, json: false }, io), 0);
    assertEquals(io.out, "");
    assertStringIncludes(io.err, `all was taken over; look through ${out}, then: reeve check ${out}`);
    await writeFile(out, "mine");
    const again = new RecordingIo();
    assertEquals(await importFile({ file, out, json: false }, again), 2);
    assertMatch(again.err, /is there already, and nothing is written over/);
    assertEquals(await readFile(out, "utf8"), "mine");
    const wrong = new RecordingIo();
    assertEquals(await importFile({ file, out: join(folder, "tree.txt"), json: false }, wrong), 2);
    assertMatch(wrong.err, /must end with \.yaml or \.yml/);
  });
});

Deno.test("importFile() makes paths of the result start where it lies", async () => {
  await inFolder(async (folder) => {
    const made = await imported({ "deep/Procfile": "web: x\n" }, "deep/Procfile");
    assertStringIncludes(made.yaml, "cwd: ./deep");
    const far = await imported({ Procfile: "web: x\n" }, "Procfile", { out: join(folder, "far.yaml"), json: true }).catch((error) => error);
    // The helper loads its own place; what counts is that the file was written there with a whole path.
    assert(far instanceof Error);
    assertMatch(await readFile(join(folder, "far.yaml"), "utf8"), /cwd: \/.*reeve-test-/);
  });
});

Deno.test("importFile() returns 2 with a reason for what it cannot use", async () => {
  assertMatch(await refused({}, "none.service"), /"\/none\.service" does not exist/);
  assertMatch(await refused({ "a.yaml": "services: {}\n" }, "a.yaml"), /it is none of systemd, pm2, procfile, process-compose/);
  assertMatch(await refused({ "a.yaml": "a: [\n" }, "a.yaml"), /--from is one of/);
  assertMatch(await refused({ "a.service": `${UNIT}\0` }, "a.service"), /it is no UTF-8 text/);
  assertMatch(await refused({ "a.service": "x".repeat(1024 * 1024 + 1) }, "a.service"), /must have at most 1048576/);
  assertMatch(await refused({ "u/x.timer": "" }, "u"), /has no \.service/);
  assertMatch(await refused({ "e.json": `{"apps":${"[".repeat(200)}${"]".repeat(200)}}` }, "e.json", { from: "pm2" }), /nested deeper/);
  assertMatch(await refused({ "e.json": '{"apps":[{"__proto__":1}]}' }, "e.json", { from: "pm2" }), /reserved key/);
  const bomb = `a: &a [x,x,x,x,x,x,x,x,x,x]\n${
    "bcdefg".split("").map((k, i) => `${k}: &${k} [${Array(10).fill(`*${"abcdef"[i]}`).join(",")}]`).join("\n")
  }\nprocesses: *g\n`;
  assertMatch(await refused({ "p.yaml": bomb }, "p.yaml", { from: "process-compose" }), /values once its aliases are written out/);
});

Deno.test("importFile() lets no control character of the file through, and no comment become a key", async () => {
  const made = await imported(
    {
      "e.json": JSON.stringify({
        apps: [{ name: "x\nchildren: []\u001b[31m\u0085y", script: "a.js", args: ["\u0085\u2028\ud800 # ${A}"] }],
      }),
    },
    "e.json",
    { from: "pm2" },
  );
  assertEquals(made.spec.children.length, 1);
  assertEquals(/(?!\n)[\p{Cc}\u2028]/u.test(made.yaml), false);
});

Deno.test("importFile() takes out what a file of Reeve cannot have, and tells it", async () => {
  const made = await imported(
    { "e.json": JSON.stringify({ apps: [{ name: "a", script: "a.js", watch: ["x"], ignore_watch: [" "] }] }) },
    "e.json",
  );
  assertEquals([made.spec.children[0]?.watch, made.gaps.length], [undefined, 1]);
  assertMatch(made.told, /watch of \\"a\\"/);
});

Deno.test("importFile() makes of anything a file that loads, or says why not", async () => {
  const scalar = fc.oneof(
    fc.string({ unit: "binary", maxLength: 12 }),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom("${X}", "$${X}", "1s", "max", "%n", "/dev/null"),
  );
  const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 3 }), fc.dictionary(fc.string({ maxLength: 6 }), scalar, { maxKeys: 3 }));
  const keys = [
    "name",
    "script",
    "args",
    "cwd",
    "env",
    "instances",
    "max_memory_restart",
    "restart_delay",
    "watch",
    "cron_restart",
    "autorestart",
    "kill_timeout",
    "out_file",
    "uid",
    "gid",
    "interpreter",
    "command",
    "depends_on",
    "availability",
    "readiness_probe",
    "liveness_probe",
    "shutdown",
    "environment",
    "working_dir",
    "replicas",
    "schedule",
    "log_location",
    "namespace",
    "ready_log_line",
  ];
  const app = fc.dictionary(fc.constantFrom(...keys), value, { maxKeys: 10 });
  await inFolder(async (folder) => {
    const file = join(folder, "in.json");
    await fc.assert(
      fc.asyncProperty(fc.constantFrom("pm2", "process-compose"), fc.array(app, { maxLength: 3 }), async (from, apps) => {
        const named = Object.fromEntries(apps.map((one, index) => [`p${index}`, { command: "x", ...one }]));
        const content = from === "pm2" ? { apps: apps.map((one) => ({ script: "a.js", ...one })) } : { processes: named };
        await writeFile(file, JSON.stringify(content));
        const io = new RecordingIo();
        const code = await importFile({ file, from, json: true }, io);
        if (code === 2) return assert(JSON.parse(io.out).reason.length > 0);
        assertEquals(code, JSON.parse(io.out).gaps.length === 0 ? 0 : 1);
      }),
      { numRuns: 150 },
    );
    const unit = join(folder, "in.service");
    const directive = fc.tuple(
      fc.constantFrom(
        "ExecStart",
        "ExecStop",
        "Environment",
        "User",
        "Restart",
        "RestartSec",
        "After",
        "KillSignal",
        "TimeoutStopSec",
        "LimitNOFILE",
        "MemoryMax",
        "StandardOutput",
        "SuccessExitStatus",
        "WorkingDirectory",
        "StartLimitBurst",
        "Type",
      ),
      fc.oneof(fc.string({ unit: "binary", maxLength: 20 }), fc.constantFrom("always", "5", "infinity", "root", "a=b", "'", "notify")),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(directive, { maxLength: 8 }), async (lines) => {
        await writeFile(unit, `${UNIT}${lines.map(([key, text]) => `${key}=${text}`).join("\n")}\n`);
        const io = new RecordingIo();
        const code = await importFile({ file: unit, json: true }, io);
        assert(code === 2 ? JSON.parse(io.out).reason.length > 0 : code === 0 || code === 1);
      }),
      { numRuns: 150 },
    );
  });
});

Deno.test("readForeignDocument() finds the line of a value, and of what is around one that is not there", () => {
  const document = readForeignDocument("a:\n  - b: 1\n    c: 2\n");
  if ("reason" in document) throw new Error(document.reason);
  assertEquals([document.lineOf(["a", 0, "c"]), document.lineOf(["a", 0, "none"]), document.lineOf(["nothing"])], [3, 2, 1]);
  assert("reason" in readForeignDocument("a: 'b\n"));
});
