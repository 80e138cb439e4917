import { assertEquals } from "@std/assert";
import { isRead, newestFirst, relayRow, targetRow } from "../../src/web/model/audit.ts";
import { personOf } from "../../src/web/model/person.ts";

const RELAYED = {
  identity: { principal: "ada" },
  command: "pause_child",
  target: { child_path: "/web" },
  reason: "try",
  result: "completed",
  detail: null,
  occurred_at: "2026-01-02T03:04:05.006Z",
};

Deno.test("a record of the relay has the time at which the relay made it", () => {
  const row = relayRow(RELAYED, null);
  assertEquals(row, {
    at: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
    who: "ada",
    what: "pause_child",
    where: "/web",
    why: "try",
    result: "completed",
    detail: null,
  });
  assertEquals(relayRow(RELAYED, "shop").where, "shop /web");
  assertEquals(relayRow({ occurred_at_unix_nanos: "1795891591859842000" }, null).at, 1_795_891_591_859);
  assertEquals(Object.values(relayRow({ identity: 5, target: null, occurred_at: {} }, null)), Array(7).fill(null));
});

Deno.test("a record of a target has the time at which the target made it, and says what was refused", () => {
  const row = targetRow({
    timestamp: "2026-01-02T03:04:05.006Z",
    kind: "outcome",
    method: "command.pause_child",
    requested_by: "ada",
    allowed: false,
    denial_code: "not_allowed",
  });
  assertEquals([row.at, row.who, row.result, row.detail], [Date.UTC(2026, 0, 2, 3, 4, 5, 6), "ada", "rejected", "not_allowed"]);
  assertEquals(targetRow({ occurred_at: "2026-01-02T03:04:05.006Z" }).at, Date.UTC(2026, 0, 2, 3, 4, 5, 6));
  assertEquals([targetRow({ method: "reeve.status" }), targetRow({ method: "command.pause_child" })].map(isRead), [true, false]);
});

Deno.test("the last records come first by their own times, whenever they came; one without a time stays with those that it came with", () => {
  const rows = [5, 1, null, 9, 9].map((at, index) => ({ ...relayRow({}, null), at, why: `${index}` }));
  assertEquals(newestFirst(rows).map(({ why }) => why), ["4", "3", "0", "2", "1"]);
  assertEquals(newestFirst(Array.from({ length: 600 }, () => rows[0]!)).length, 500);
});

Deno.test("a person is called by the common name of their certificate, else as they are known", () => {
  assertEquals(personOf("O=peer test, CN=operator one"), "operator one");
  assertEquals(personOf("CN=Ada Lovelace, OU=ops"), "Ada Lovelace");
  assertEquals(personOf("O=x, CN=Lovelace\\, Ada"), "Lovelace, Ada");
  assertEquals(personOf("ada"), "ada");
  assertEquals(personOf("O=CN company"), "O=CN company");
});
