import { assertEquals } from "@std/assert";
import { platform } from "../../src/platform/deno.ts";

Deno.test("permissionHint() of Deno names the flag to add", { permissions: { read: false, env: false } }, () => {
  const refusals: readonly (readonly [() => unknown, string])[] = [
    [() => Deno.readTextFileSync("x"), "Add --allow-read to the command"],
    [() => Deno.env.get("X"), "Add --allow-env to the command"],
  ];
  for (const [refused, hint] of refusals) assertEquals(hintOf(refused), hint);
  assertEquals(platform.permissionHint(new Deno.errors.NotCapable("something")), "Give the program the permission that the message names");
});

function hintOf(refused: () => unknown): string | undefined {
  try {
    refused();
  } catch (error) {
    return platform.permissionHint(error);
  }
}

Deno.test("guardUnknownSignals() of Deno keeps exactly one kind of rejection from ending the program while anybody wants it", () => {
  const isIgnored = (reason: unknown): boolean => {
    const promise = Promise.resolve();
    const event = new PromiseRejectionEvent("unhandledrejection", { promise, reason, cancelable: true });
    dispatchEvent(event);
    return event.defaultPrevented;
  };
  const [first, second] = [platform.guardUnknownSignals(), platform.guardUnknownSignals()];
  assertEquals(isIgnored(new TypeError("Invalid signal: 36")), true);
  assertEquals(isIgnored(new TypeError("Invalid signal: SIGFOO")), false);
  assertEquals(isIgnored(new Error("Invalid signal: 36")), false);
  first();
  first();
  assertEquals(isIgnored(new TypeError("Invalid signal: 36")), true);
  second();
  assertEquals(isIgnored(new TypeError("Invalid signal: 36")), false);
});
