/** What counts for a child of a file in the end, and which line says so. */
import { didYouMean, ReeveError } from "../base/mod.ts";
import { childPlaces, type ChildSpec, explainChild, type SupervisorOptions, type TreeSpec, type ValueSource } from "../spec/mod.ts";
import type { LoadedConfig } from "./load.ts";

/** One effective value of a child. */
export interface ExplainedSetting {
  /** Key in the form of the file, such as `backoff.initial_ms`. */
  readonly key: string;
  /** The value that counts. */
  readonly value: string | number | boolean | null;
  /** What decided: the child itself, a section of the file, its role, or a default. */
  readonly source: ValueSource;
  /** File and line that say so; absent for roles and defaults. */
  readonly place?: string;
}

/**
 * Lists the effective values of a child with their sources, in a fixed order.
 *
 * The path may be just the name where only one child has it. Throws `child_not_found` otherwise.
 *
 * @example
 * ```ts
 * import { explain, loadText } from "@reeve/supervisor/config";
 *
 * const loaded = await loadText("children: [{ name: web, run: { process: { command: caddy } } }]", "shop.yaml");
 * const rows = explain(loaded, "/web");
 * console.log(rows.find((row) => row.key === "restart_policy")); // { key: "restart_policy", value: "permanent", source: "default" }
 * ```
 */
export function explain(loaded: LoadedConfig, path: string): ExplainedSetting[] {
  const { child, pointer, supervisor, index } = findChild(loaded.spec, path);
  const rows: ExplainedSetting[] = [];
  for (const row of explainChild(child, loaded.spec, childPlaces(supervisor, loaded.spec.policy)[index])) {
    const target = pointerOf(row.key, row.source, child, loaded.spec, pointer);
    rows.push(target === undefined ? row : { ...row, place: loaded.place(target) });
  }
  return rows;
}

interface Found {
  readonly child: ChildSpec;
  readonly pointer: string;
  /** The supervisor that it is a child of, and at which index. */
  readonly supervisor: SupervisorOptions;
  readonly index: number;
}

function findChild(root: SupervisorOptions, wanted: string): Found {
  const all = new Map(everyChild(root, "", ""));
  const path = wanted.startsWith("/") ? wanted : `/${wanted}`;
  const exact = all.get(path);
  if (exact !== undefined) return exact;
  const named = [...all.keys()].filter((candidate) => candidate.endsWith(path));
  const only = named.length === 1 ? all.get(named[0] ?? "") : undefined;
  if (only !== undefined) return only;
  if (named.length > 1) {
    throw new ReeveError("child_not_found", `Cannot tell which child "${wanted}" is: ${named.join(", ")}`, {
      path: wanted,
      hint: "Give the whole path",
    });
  }
  const hint = didYouMean(path, all.keys()) ?? `The children are ${[...all.keys()].slice(0, 20).join(", ")}`;
  throw new ReeveError("child_not_found", `Cannot find child "${wanted}"`, { path: wanted, hint });
}

function* everyChild(supervisor: SupervisorOptions, parentPath: string, parentPointer: string): Generator<[string, Found]> {
  for (const [index, child] of supervisor.children.entries()) {
    const path = `${parentPath}/${child.name}`;
    const pointer = `${parentPointer}/children/${index}`;
    yield [path, { child, pointer, supervisor, index }];
    if (child.run.kind === "supervisor") yield* everyChild(child.run, path, `${pointer}/run/supervisor`);
  }
}

/** Keys of a child with the key of the policy or of the shutdown that is their default. */
const INHERITED: Readonly<Record<string, string>> = {
  "backoff.initial_ms": "/policy/initial_backoff_ms",
  "backoff.max_ms": "/policy/max_backoff_ms",
  "backoff.ratio": "/policy/jitter_ratio",
  "health_check.check_interval_secs": "/policy/heartbeat_interval_ms",
  "health_check.stale_after_ms": "/policy/stale_after_ms",
  "stop.timeout_ms": "/shutdown/graceful_timeout_ms",
  "stop.kill_wait_ms": "/shutdown/abort_wait_ms",
  "shutdown.abort_after_timeout": "/shutdown/abort_after_timeout",
};

function pointerOf(key: string, source: ValueSource, child: ChildSpec, { policy }: TreeSpec, pointer: string): string | undefined {
  switch (source) {
    case "child":
      return `${pointer}/${key === "severity" && child.severity === undefined ? "criticality" : key.replace(".", "/")}`;
    case "severity_defaults":
      return "/severity_defaults";
    case "policy":
    case "shutdown":
      if (key === "limit.max_restarts") {
        return policy?.childRestartLimit === undefined ? "/policy/failure_window/threshold" : "/policy/child_restart_limit";
      }
      if (key === "limit.half_life_ms") return "/policy/failure_window";
      if (key === "limit.window_ms") {
        return policy?.childRestartWindowMs === undefined ? "/policy/failure_window" : "/policy/child_restart_window_ms";
      }
      return INHERITED[key];
    case "strategy":
    case "role":
    case "default":
      return undefined;
  }
}
