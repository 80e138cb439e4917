/** How events are called on the wire. */
import { pascalCase } from "../base/mod.ts";
import type { EventType } from "../event/mod.ts";

/** The name of an event on the wire: its own, in PascalCase. */
export function wireName(type: EventType): string {
  return pascalCase(type);
}
