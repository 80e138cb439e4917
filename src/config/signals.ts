/** What a file says of signals. */
import { fileSchema } from "./schema.ts";

/** What each signal does: stop in order, by force, read the file anew, or nothing. */
export type SignalSettings = Readonly<
  Partial<Record<"SIGINT" | "SIGTERM" | "SIGHUP" | "SIGQUIT" | "SIGUSR2", "graceful" | "force" | "reload" | "ignore">>
>;

const USUAL: SignalSettings = { SIGINT: "graceful", SIGTERM: "graceful", SIGHUP: "reload" };

/** Reads the section, which has been checked; what it does not name is as usual. */
export function signalSettings(section: unknown): SignalSettings {
  return { ...USUAL, ...fileSchema.shape.signals.safeParse(section).data };
}
