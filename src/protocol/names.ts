/** How events are called on the wire, and how grave they are. */
import { pascalCase } from "../base/mod.ts";
import type { EventType } from "../event/mod.ts";

/** How grave an event is. */
export type WireSeverity = "error" | "warning" | "info";

const SEVERITIES: ReadonlyMap<EventType, WireSeverity> = new Map([
  ["child_failed", "error"],
  ["meltdown", "error"],
  ["child_unhealthy", "error"],
  ["supervisor_escalated", "error"],
  ["child_abandoned", "error"],
  ["backoff_scheduled", "warning"],
  ["child_restarting", "warning"],
  ["child_lint", "warning"],
  ["child_declaration_rejected", "warning"],
]);

/** The name of an event on the wire: its own, in PascalCase. */
export function wireName(type: EventType): string {
  return pascalCase(type);
}

/** How grave an event is on the wire. */
export function wireSeverity(type: EventType): WireSeverity {
  return SEVERITIES.get(type) ?? "info";
}
