/** Answers over HTTP to those who ask whether a program lives and serves, as Kubernetes and load balancers do. */
import { type HttpAnswer, type HttpRoute, jsonAnswer, serveHttp } from "../observe/mod.ts";
import { isStuck } from "./loop_watch.ts";
import type { ChildSnapshot } from "./snapshot.ts";
import type { Tree } from "./tree.ts";

/** Options of {@linkcode serveHealth}. */
export interface HealthOptions {
  /** Where to listen; 0 is any free port. */
  readonly port: number;
  /** Address to listen on. @default {"127.0.0.1"} */
  readonly host?: string;
  /** What the same server answers at further paths, each time anew. @default {nothing} */
  readonly also?: Readonly<Record<string, () => Promise<{ readonly status: number; readonly contentType: string; readonly text: string }>>>;
}

/** A server that answers how a tree is; it does not keep the program alive. */
export interface HealthServer extends AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  /** Listens no more; harmless when repeated. */
  close(): Promise<void>;
}

/** How many children are named that are not ready. */
const MOST_NAMED = 20;

/**
 * Answers `GET` and `HEAD` over HTTP: `/livez` whether the tree has not ended and does its work, `/startupz` whether all of it was ready once, `/readyz`
 * whether it is now.
 *
 * 200 is yes, 503 no; the body is JSON and says why. From the moment on in which a shutdown is asked for it is not ready. A child counts unless it is
 * optional, is done, or is kept down by an operator. Rejects with `health_not_started`; in Deno it needs `--allow-net`.
 *
 * @example
 * ```ts
 * import { child, serveHealth, supervise } from "@reeve/supervisor";
 *
 * await using tree = await supervise({ children: [child.task("once", () => {}, { restartPolicy: "transient" })] });
 * await using health = await serveHealth(tree, { port: 0 });
 * const { status } = await fetch(`http://127.0.0.1:${health.port}/livez`);
 * console.log(status); // 200
 * ```
 */
export function serveHealth(tree: Tree, { port, host = "127.0.0.1", also = {} }: HealthOptions): Promise<HealthServer> {
  const routes = new Map<string, HttpRoute>([...healthRoutes(tree), ...Object.entries(also)]);
  return serveHttp({ host, port, routes, code: "health_not_started" });
}

function healthRoutes(tree: Tree): Map<string, HttpRoute> {
  // Asked every few seconds, by several: what was true at a moment is remembered, so that no answer costs more for a large tree.
  let [wasReady, hasEnded] = [false, false];
  tree.ready().then(() => wasReady = true, () => {});
  tree.finished.then(() => hasEnded = true);
  return new Map<string, HttpRoute>([
    ["/livez", () => {
      const stuck = isStuck(tree.health());
      return answered(!hasEnded && !stuck, { alive: !hasEnded, stuck });
    }],
    ["/readyz", () => readiness(tree)],
    ["/startupz", () => answered(wasReady, { started: wasReady })],
  ]);
}

function answered(isWell: boolean, says: object): HttpAnswer {
  return jsonAnswer(isWell ? 200 : 503, says);
}

function readiness(tree: Tree): HttpAnswer {
  const { phase, children } = tree.snapshot();
  const missing = missingIn(children);
  const ready = phase === "running" && missing.length === 0;
  return answered(ready, { ready, phase, waitingFor: missing.slice(0, MOST_NAMED), more: Math.max(0, missing.length - MOST_NAMED) });
}

/** Those of every depth that should be ready and are not; who is done, or down because somebody wants that, should not. */
function missingIn(children: readonly ChildSnapshot[]): string[] {
  return children.filter(({ severity, operation }) => severity !== "optional" && operation === "active").flatMap((child) => {
    const { path, phase } = child;
    if (phase === "stopped") return [];
    return phase === "ready" ? missingIn(child.children) : [`${path} is ${phase}`];
  });
}
