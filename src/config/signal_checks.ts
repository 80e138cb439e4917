/** Whether a child is stopped with the signals that it may get. */
import { didYouMean } from "../base/mod.ts";
import { DEFAULTS, SIGNALS } from "../spec/mod.ts";
import { entries, type Report } from "./check_tools.ts";
import { isRaw, type Raw } from "./pointer.ts";

/** Checks `command_permissions.allowed_signals` of a child against how it is stopped. */
export function checkSignals({ run, stop, command_permissions: permissions }: Raw, place: string, report: Report): void {
  const allowed = isRaw(permissions) ? permissions["allowed_signals"] : undefined;
  if (!Array.isArray(allowed)) return;
  const list = `${place}/command_permissions/allowed_signals`;
  allowed.forEach((name: unknown, index) => checkName(name, `${list}/${index}`, report));
  if (!isRaw(run) || !isRaw(run["process"])) {
    return report("warning", "no_effect", list, "has no effect on a child that is no process: nothing sends it a signal");
  }
  const { mode, signal, then_signals: steps } = isRaw(stop) ? stop : {};
  const isAllowed = (name: unknown): boolean => typeof name !== "string" || allowed.includes(name);
  const refuse = (name: unknown, pointer: string): void => {
    report("error", "signal_not_allowed", pointer, `is ${quoted(name)}, which command_permissions.allowed_signals does not have`);
  };
  if (!isAllowed(signal)) refuse(signal, `${place}/stop/signal`);
  // Who is forced at once is not asked.
  if (signal === undefined && mode !== "kill" && !isAllowed(DEFAULTS.stopSignal)) {
    const reason = `lacks "${DEFAULTS.stopSignal}", with which the process is asked to stop`;
    report("error", "signal_not_allowed", list, reason, "Add it, or set stop.signal to one of the list");
  }
  entries(steps).forEach((step, index) => {
    if (!isAllowed(step["signal"])) refuse(step["signal"], `${place}/stop/then_signals/${index}/signal`);
  });
}

function checkName(name: unknown, pointer: string, report: Report): void {
  if (typeof name !== "string" || SIGNALS.includes(name)) return;
  const full = `SIG${name.toUpperCase()}`;
  const hint = SIGNALS.includes(full) ? `Did you mean "${full}"?` : didYouMean(name, SIGNALS);
  report("error", "unknown_signal", pointer, `is ${quoted(name)}, must be a signal that ends a process, such as "SIGTERM"`, hint);
}

function quoted(name: unknown): string {
  return JSON.stringify(String(name).slice(0, 64));
}
