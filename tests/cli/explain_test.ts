import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { explain } from "../../src/cli/commands/explain.ts";
import { RecordingIo, withFile } from "./helpers.ts";

const TEXT =
  "policy: { max_backoff_ms: 700 }\nchildren:\n  - name: web\n    run: { process: { command: caddy } }\n    stop: { timeout_ms: 50 }\n";

Deno.test("explain() prints a table of effective values with their sources", async () => {
  await withFile(TEXT, async (file) => {
    const io = new RecordingIo();
    assertEquals(await explain({ file, child: "web", json: false }, io), 0);
    const lines = io.out.split("\n");
    assertMatch(lines[0] ?? "", /^KEY +VALUE +SOURCE +PLACE$/);
    assertMatch(lines.find((line) => line.startsWith("stop.timeout_ms")) ?? "", /^stop\.timeout_ms +50 +child .*supervisor\.yaml:5$/);
    assertMatch(lines.find((line) => line.startsWith("backoff.max_ms")) ?? "", /^backoff\.max_ms +700 +policy .*supervisor\.yaml:1$/);
    assertEquals(io.out.includes("\u001b"), false);
  });
});

Deno.test("explain() prints JSON when asked to", async () => {
  await withFile(TEXT, async (file) => {
    const io = new RecordingIo();
    assertEquals(await explain({ file, child: "/web", json: true }, io), 0);
    const { values } = JSON.parse(io.out);
    assertEquals(values.find(({ key }: { key: string }) => key === "stop.timeout_ms"), {
      key: "stop.timeout_ms",
      value: 50,
      source: "child",
      place: `${file}:5`,
    });
  });
});

Deno.test("explain() returns 2 for a child that is not there, and names the nearest", async () => {
  await withFile(TEXT, async (file) => {
    const io = new RecordingIo();
    assertEquals(await explain({ file, child: "wbe", json: false }, io), 2);
    assertStringIncludes(io.err, 'Did you mean "/web"?');
  });
});

Deno.test("explain() shows the problems of a file that is refused, and returns 1", async () => {
  await withFile("children: {}", async (file) => {
    const io = new RecordingIo();
    assertEquals(await explain({ file, child: "web", json: false }, io), 1);
    assertStringIncludes(io.err, "/children: is a map, must be a list");
  });
});

Deno.test("explain() returns 2 when the file is not there", async () => {
  assertEquals(await explain({ file: "/does/not/exist.yaml", child: "web", json: false }, new RecordingIo()), 2);
});
