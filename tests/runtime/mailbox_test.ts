import { assertEquals } from "@std/assert";
import type { Message } from "../../src/core/mod.ts";
import { Mailbox } from "../../src/runtime/mailbox.ts";

function message(node: number): Message {
  return { type: "begin", node, stamp: 0 };
}

Deno.test("Mailbox gives messages out in order, and knows how many wait and how many did", () => {
  const mailbox = new Mailbox();
  for (let node = 0; node < 3; node++) mailbox.push(message(node));
  assertEquals([mailbox.take()?.node, mailbox.depth, mailbox.peak], [0, 2, 3]);
  mailbox.resetPeak();
  assertEquals(mailbox.peak, 2);
  assertEquals([mailbox.take()?.node, mailbox.take()?.node, mailbox.take(), mailbox.depth], [1, 2, undefined, 0]);
});

Deno.test("Mailbox.probe() calls back when what waited then was handled, not before, and not later for what came after", () => {
  const mailbox = new Mailbox();
  let answers = 0;
  mailbox.probe(() => answers++);
  assertEquals(answers, 1, "nothing waits");
  mailbox.push(message(0));
  mailbox.push(message(1));
  mailbox.probe(() => answers++);
  mailbox.push(message(2));
  mailbox.take();
  mailbox.take();
  assertEquals(answers, 1, "the second one was only taken");
  mailbox.take();
  assertEquals(answers, 2);
  mailbox.take();
  assertEquals(answers, 2);
});

Deno.test("Mailbox keeps order and probes over any number of messages, and forgets those that were taken although it is never empty", () => {
  const mailbox = new Mailbox();
  let [pushed, taken, answeredAt] = [0, 0, 0];
  for (; pushed < 10; pushed++) mailbox.push(message(pushed));
  for (let round = 0; round < 200_000; round++) {
    mailbox.push(message(pushed++));
    if (round === 65_530) mailbox.probe(() => answeredAt = taken);
    assertEquals(mailbox.take()?.node, taken++);
  }
  assertEquals([mailbox.depth, answeredAt], [10, 65_530 + 11]);
});
