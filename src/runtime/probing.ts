/** What is asked of an attempt while it runs: readiness and health. */
import { cleanText } from "../base/mod.ts";
import { DEFAULTS } from "../spec/mod.ts";
import type { Attempt, AttemptHost } from "./attempt.ts";
import { checkOf, readinessDelay, startProber } from "./probes/mod.ts";

/** Failed readiness questions in a row after which a ready child no longer counts as ready. */
const READINESS_FAILURES = 3;

/** Longest reason of a failed probe in characters. */
const LONGEST_REASON = 256;

/** Starts what the child's declaration asks for; returns what ends it, or `null` when there is nothing to ask. */
export function startProbes(
  attempt: Attempt,
  post: AttemptHost["post"],
  onProbed?: (path: string, tookMs: number) => void,
): (() => void) | null {
  const { readiness, healthCheck } = attempt.identity.spec;
  if (readiness === undefined && healthCheck === undefined) return null;
  const stops = [watchReadiness(attempt), watchHealth(attempt, post, onProbed)];
  return () => stops.forEach((stop) => stop());
}

function watchReadiness(attempt: Attempt): () => void {
  const { readiness } = attempt.identity.spec;
  if (readiness?.mode === "log_line") return watchLines(attempt, readiness.pattern);
  if (readiness?.mode !== "http" && readiness?.mode !== "tcp" && readiness?.mode !== "exec") return () => {};
  let wasReady = false;
  return startProber({
    check: checkOf(readiness, (kind, detail, isThere) => attempt.opened(kind, detail, isThere)),
    clock: attempt.clock,
    delayMs: readinessDelay(1000 * (readiness.checkIntervalSecs ?? DEFAULTS.readinessIntervalSecs)),
    timeoutMs: 1000 * (readiness.timeoutSecs ?? DEFAULTS.readinessTimeoutSecs),
    onAnswer: (reason, failures) => {
      if (reason !== null && failures < READINESS_FAILURES) return;
      if (wasReady === (reason === null)) return;
      wasReady = reason === null;
      attempt.ready(wasReady);
    },
  });
}

function watchLines(attempt: Attempt, pattern: string): () => void {
  const wanted = new RegExp(pattern, "u");
  attempt.onLine = (line) => {
    if (!wanted.test(line)) return;
    attempt.onLine = null;
    attempt.ready(true);
  };
  return () => attempt.onLine = null;
}

function watchHealth(attempt: Attempt, post: AttemptHost["post"], onProbed?: (path: string, tookMs: number) => void): () => void {
  const { node, child, stamp, spec: { healthCheck }, policy: { health } } = attempt.identity;
  const told = (reason: string): string => cleanText(attempt.redactor.cleanCut(reason), LONGEST_REASON);
  if (health === null || (healthCheck?.mode !== "http" && healthCheck?.mode !== "tcp" && healthCheck?.mode !== "exec")) return () => {};
  return startProber({
    check: checkOf(healthCheck, (kind, detail, isThere) => attempt.opened(kind, detail, isThere)),
    clock: attempt.clock,
    delayMs: () => health.intervalMs,
    timeoutMs: health.timeoutMs,
    onAnswer: (reason, failures, tookMs) => {
      onProbed?.(attempt.path, tookMs);
      post({ type: "health", node, child, stamp, failed: failures, reason: told(reason ?? "") });
    },
  });
}
