/** A command that is still being carried out is never begun a second time, however long it takes and whatever comes meanwhile. */
import { assertEquals } from "@std/assert";
import { codeOf, piped } from "./piped.ts";

const FREE = { rateLimit: { enabled: false } } as const;

const pause = (id: string, params: unknown = { n: 1 }): object => ({ request_id: id, method: "command.pause_child", params });

Deno.test("C8: a repeat waits for a command that takes longer than ids and answers are kept", async () => {
  const it = piped({ ...FREE, replayProtection: { ttlSeconds: 1 }, idempotency: { resultCacheTtlSeconds: 1 } });
  let finish = (): void => {};
  it.hold = new Promise((resolve) => finish = resolve);
  const first = it.send(it.client(), pause("p"));
  it.nowMs += 5_000;
  const second = it.send(it.client(), pause("p"));
  finish();
  assertEquals(await second, await first);
  assertEquals(it.ran, ["command.pause_child"]);
  assertEquals(await it.send(it.client(), pause("p")), await first, "its answer is kept from its end on");
  it.nowMs += 1_000;
  it.hold = null;
  assertEquals(codeOf(await it.send(it.client(), pause("p"))), "ok");
  assertEquals(it.ran.length, 2);
});

Deno.test("C8: a crowd of others makes no command forgotten that is being carried out", async () => {
  const it = piped({ ...FREE, replayProtection: { enabled: false }, idempotency: { maxCachedResults: 2 } });
  let finish = (): void => {};
  it.hold = new Promise((resolve) => finish = resolve);
  const first = it.send(it.client(), pause("p"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  it.hold = null;
  for (const id of ["a", "b", "c"]) await it.send(it.client(), pause(id));
  const second = it.send(it.client(), pause("p"));
  finish();
  assertEquals(await second, await first);
  assertEquals(it.ran.length, 4);
});
