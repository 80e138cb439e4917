import { assert, assertEquals } from "@std/assert";
import { PassThrough } from "node:stream";
import type { LineSink } from "../../../src/observe/mod.ts";
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
  const capture = new OutputCapture({ canWait: false });
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
  const capture = new OutputCapture({ canWait: false });
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
  new OutputCapture({ canWait: false }).drain(() => called = true);
  assert(called);
});

/** The way to a file that a test fills. */
class FakeSink implements LineSink {
  isFull = false;
  #callbacks: (() => void)[] = [];

  write(): void {}

  onceDrained(callback: () => void): void {
    this.#callbacks.push(callback);
  }

  drain(): void {
    this.isFull = false;
    for (const callback of this.#callbacks.splice(0)) callback();
  }
}

async function turn(): Promise<void> {
  for (let index = 0; index < 3; index++) await new Promise<void>((goOn) => setImmediate(goOn));
}

for (const canWait of [true, false]) {
  Deno.test(`OutputCapture ${canWait ? "reads neither pipe" : "goes on"} while the file is full, for who ${canWait ? "can" : "cannot"} wait`, async () => {
    const sink = new FakeSink();
    const recorder = new Recorder({ sink });
    const capture = new OutputCapture({ canWait });
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    capture.add(stdout, "stdout", recorder);
    capture.add(stderr, "stderr", recorder);
    stdout.write("one\n");
    await turn();
    sink.isFull = true;
    stdout.write("two\n");
    await turn();
    stdout.write("three\n");
    stderr.write("four\n");
    await turn();
    const paused = canWait ? ["stdout: one", "stdout: two"] : ["stdout: one", "stdout: two", "stdout: three", "stderr: four"];
    assertEquals(recorder.lines, paused);
    assertEquals([stdout.isPaused(), stderr.isPaused()], [canWait, canWait]);
    sink.drain();
    await turn();
    assertEquals(recorder.lines.toSorted(), ["stderr: four", "stdout: one", "stdout: three", "stdout: two"]);
    await drained(capture);
  });
}

Deno.test("OutputCapture.drain() takes at once what a child wrote before its end, full or not", async () => {
  const sink = new FakeSink();
  const recorder = new Recorder({ sink });
  const capture = new OutputCapture({ canWait: true });
  const stdout = new PassThrough();
  capture.add(stdout, "stdout", recorder);
  sink.isFull = true;
  stdout.write("one\n");
  await turn();
  assert(stdout.isPaused());
  stdout.write("two\n");
  stdout.end("three");
  await drained(capture);
  assertEquals(recorder.lines, ["stdout: one", "stdout: two", "stdout: three"]);
});
