import { assertEquals } from "@std/assert";
import { schema } from "../../src/cli/commands/schema.ts";
import { jsonSchema } from "../../src/config/mod.ts";
import { RecordingIo } from "./helpers.ts";

Deno.test("schema() prints the JSON Schema and nothing else", () => {
  const io = new RecordingIo();
  assertEquals(schema(io), 0);
  assertEquals(JSON.parse(io.out), JSON.parse(JSON.stringify(jsonSchema())));
  assertEquals(io.err, "");
});
