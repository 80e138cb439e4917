import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { check } from "../../src/cli/commands/check.ts";
import { RecordingIo, withFile } from "./helpers.ts";

const GOOD = "children:\n  - name: web\n    run: { process: { command: sh } }\n";

Deno.test("check() returns 0 and says so when a file is valid", async () => {
  await withFile(GOOD, async (file) => {
    const io = new RecordingIo();
    assertEquals(await check({ file, json: false }, io), 0);
    assertEquals([io.out, io.err], [`${file} is valid: 1 child, no warnings\n`, ""]);
  });
});

Deno.test("check() returns 0 and shows warnings when there are only warnings", async () => {
  await withFile(`${GOOD}    wait_timeout_ms: 5\n`, async (file) => {
    const io = new RecordingIo();
    assertEquals(await check({ file, json: false }, io), 0);
    assertStringIncludes(io.out, `warning  ${file}:4:5  /children/0/wait_timeout_ms: `);
    assertStringIncludes(io.out, "1 warning\n");
  });
});

Deno.test("check() returns 1 and shows all problems when a file has violations", async () => {
  await withFile(`${GOOD}    colour: red\n    dependencies: [db]\n`, async (file) => {
    const io = new RecordingIo();
    assertEquals(await check({ file, json: false }, io), 1);
    const lines = io.err.trimEnd().split("\n");
    assertEquals(lines.length, 3);
    assertStringIncludes(lines[0] ?? "", `error  ${file}:4:5  /children/0/colour: unknown key "colour"`);
    assertStringIncludes(lines[1] ?? "", "/children/0/dependencies/0");
    assertEquals(lines[2], `${file} is refused: 2 violations, no warnings`);
  });
});

Deno.test("check() returns 2 when a file cannot be read", async () => {
  for (const file of ["/does/not/exist.yaml", "/does/not/exist.json"]) {
    const io = new RecordingIo();
    assertEquals(await check({ file, json: false }, io), 2);
    assertStringIncludes(io.err, file);
  }
});

Deno.test("check() prints JSON with every problem when asked to", async () => {
  await withFile(`${GOOD}    colour: red\n`, async (file) => {
    const io = new RecordingIo();
    assertEquals(await check({ file, json: true }, io), 1);
    const { ok, code, problems } = JSON.parse(io.out);
    assertEquals([ok, code, io.err], [false, "invalid_config", ""]);
    assertEquals(problems, [{
      severity: "error",
      rule: "unknown_key",
      pointer: "/children/0/colour",
      reason: 'unknown key "colour"',
      file,
      line: 4,
      column: 5,
    }]);
  });
  await withFile(GOOD, async (file) => {
    const io = new RecordingIo();
    assertEquals(await check({ file, json: true }, io), 0);
    const { ok, files, config_version: version } = JSON.parse(io.out);
    assertEquals([ok, files], [true, [file]]);
    assert(/^sha256-[0-9a-f]{64}$/.test(version));
  });
});

Deno.test("check() uses colors only where they are wanted, and lets no control character of the file through", async () => {
  await withFile('children: [{ name: "a\\e[31mb\\u202e" }]', async (file) => {
    for (const color of [false, true]) {
      const io = new RecordingIo(color);
      assertEquals(await check({ file, json: false }, io), 1);
      assertEquals(io.err.includes("\u001b[31merror"), color);
      assertEquals(io.err.includes("\u001b[31mb"), false);
      assertEquals(io.err.includes("\u202e"), false);
    }
  });
});

Deno.test("check() returns 1 and says which files and commands are missing", async () => {
  await withFile(
    "children:\n  - name: a\n    run: { module: { url: ./nope.ts } }\n  - name: b\n    run: { process: { command: no-such-command } }\n",
    async (file) => {
      const io = new RecordingIo();
      assertEquals(await check({ file, json: false }, io), 1);
      const lines = io.err.trimEnd().split("\n");
      assertStringIncludes(lines[0] ?? "", `error  ${file}:3:5  /children/0/run: Cannot read module`);
      assertStringIncludes(lines[1] ?? "", `error  ${file}:5:5  /children/1/run: Cannot run "no-such-command": it is not in PATH`);
    },
  );
});
