import { assertEquals } from "@std/assert";
import { SYSTEMD_VARIABLES, withoutSystemd } from "../../src/runtime/systemd_variables.ts";

Deno.test("withoutSystemd() leaves everything but that by which a child could speak for the unit", () => {
  const own = Object.fromEntries(SYSTEMD_VARIABLES.map((name) => [name, "x"]));
  assertEquals(withoutSystemd({ ...own, PATH: "/bin", EMPTY: "" }), { PATH: "/bin", EMPTY: "" });
});
