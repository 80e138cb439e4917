import { assertThrows } from "@std/assert";
import { serveWorker } from "../../src/worker/mod.ts";

Deno.test("serveWorker() throws when the file is not run as a worker", () => {
  assertThrows(() => serveWorker(() => {}), Error, "Start it with child.worker(name, url)");
});
