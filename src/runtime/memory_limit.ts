/** Watches the memory of attempts that run, beside their probes. */
import type { Clock } from "../base/mod.ts";
import { MemoryWatch } from "./children/mod.ts";
import type { ProbeStarter } from "./interpreter.ts";

/** Probes, and one watch for the memory of all attempts whose declaration limits it. */
export function withMemoryWatch(startProbes: ProbeStarter, clock: Clock): ProbeStarter {
  const watch = new MemoryWatch({ clock });
  return (attempt, post, onProbed) => {
    const stopProbes = startProbes(attempt, post, onProbed);
    const { node, child, stamp, spec: { resourceLimits } } = attempt.identity;
    const limitMb = resourceLimits?.maxMemoryMb ?? null;
    const pid = attempt.handle?.pid;
    if (limitMb === null || pid === undefined) return stopProbes;
    const stopWatch = watch.add(pid, limitMb, {
      exceeded: (message) => post({ type: "exceeded", node, child, stamp, category: "memory_limit", message }),
      unmeasured: (reason) => attempt.output("log", `Its memory cannot be measured any more: ${reason}`),
    });
    return () => {
      stopProbes?.();
      stopWatch();
    };
  };
}
