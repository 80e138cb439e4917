import { assert, assertEquals } from "@std/assert";
import { PassThrough } from "node:stream";
import { OutputCapture } from "../../../src/runtime/children/output.ts";
import { Recorder } from "./recorder.ts";

/** The timers of the capture do not keep the program alive; in a tree something else does. */
function drained(capture: OutputCapture): Promise<void> {
  return new Promise((resolve) => {
    const keepAlive = setInterval(() => {}, 1_000);
    capture.drain(() => {
      clearInterval(keepAlive);
      resolve();
    });
  });
}

Deno.test("OutputCapture.drain() waits for what the pipes still hold, and gives out the last line without its end", async () => {
  const recorder = new Recorder();
  const capture = new OutputCapture();
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  capture.add(stdout, "stdout", recorder);
  capture.add(stderr, "stderr", recorder);
  stdout.end("one\ntwo");
  stderr.end("three");
  await drained(capture);
  assertEquals(recorder.lines.toSorted(), ["stderr: three", "stdout: one", "stdout: two"]);
});

Deno.test("OutputCapture.drain() gives up a pipe that stays open and silent, with its unfinished line", async () => {
  const recorder = new Recorder();
  const capture = new OutputCapture();
  const stdout = new PassThrough();
  capture.add(stdout, "stdout", recorder);
  capture.add(null, "stderr", recorder);
  stdout.write("half a li");
  await drained(capture);
  assertEquals(recorder.lines, ["stdout: half a li"]);
  assert(stdout.destroyed);
});

Deno.test("OutputCapture.drain() calls back at once when there is nothing to read", () => {
  let called = false;
  new OutputCapture().drain(() => called = true);
  assert(called);
});
