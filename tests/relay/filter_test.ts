/** Filters of clients: what each condition lets through. */
import { assertEquals } from "@std/assert";
import { isWanted, readMessage } from "../../src/relay/messages.ts";

const EVENT = {
  sequence: 7,
  event_type: "child_failed",
  severity: "error",
  target_path: "/shop/api",
  correlation_id: "c",
  payload: { lifecycle_state: "failed" },
};

const LINE = { sequence: 7, severity: "info", message: "hello", fields: { target_path: "/shop/api", stream: "stdout" } };

/** Whether an event and a line get through a filter as a client says it. */
function through(conditions: object): readonly [event: boolean, line: boolean] {
  const message = readMessage(JSON.stringify({ type: "log_event_filter_conditions", ...conditions }));
  if (!("filter" in message)) throw new Error(JSON.stringify(message));
  return [isWanted(message.filter, "shop", EVENT), isWanted(message.filter, "shop", LINE)];
}

Deno.test("filters: each condition lets through what it names", () => {
  const cases: readonly (readonly [object, boolean, boolean])[] = [
    [{}, true, true],
    [{ target_ids: [] }, true, true],
    [{ target_ids: ["shop", "other"] }, true, true],
    [{ target_ids: ["other"] }, false, false],
    [{ child_paths: ["/"] }, true, true],
    [{ child_paths: ["/shop"] }, true, true],
    [{ child_paths: ["/shop/api"] }, true, true],
    [{ child_paths: ["/shop/ap"] }, false, false],
    [{ child_paths: ["/other", "/shop/api"] }, true, true],
    [{ severities: ["error"] }, true, false],
    [{ severities: ["info"] }, false, true],
    [{ event_types: ["child_failed"] }, true, true],
    [{ event_types: ["child_ready"] }, false, true],
    [{ lifecycle_states: ["failed"] }, true, false],
    [{ lifecycle_states: ["ready"] }, false, false],
    [{ sequence_min: 7 }, true, true],
    [{ sequence_min: 8 }, false, false],
    [{ correlation_id: "c" }, true, false],
    [{ correlation_id: "d" }, false, false],
    [{ correlation_id: "" }, true, true],
    [{ severities: ["error"], child_paths: ["/other"] }, false, false],
  ];
  for (const [conditions, event, line] of cases) assertEquals(through(conditions), [event, line], JSON.stringify(conditions));
});

Deno.test("filters: what is neither event nor line is let through", () => {
  const message = readMessage(JSON.stringify({ type: "log_event_filter_conditions", severities: ["error"], target_ids: ["other"] }));
  assertEquals("filter" in message && isWanted(message.filter, "shop", undefined), true);
});
