/** C5: how long a request may be. */
import { type WireError, wireError } from "../../protocol/mod.ts";
import type { SecuritySettings } from "./settings.ts";

/** Looks at the length of a line before anything is made of it. */
export function refuseSize({ enabled, maxBytes }: SecuritySettings["requestSizeLimit"], bytes: number): WireError | null {
  if (!enabled || bytes <= maxBytes) return null;
  return wireError("request_too_large", `request body ${bytes} bytes exceeds limit of ${maxBytes} bytes`);
}
