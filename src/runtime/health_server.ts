/** Answers over HTTP to those who ask whether a program lives and serves, as Kubernetes and load balancers do. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { cleanText, ReeveError, thrownMessage } from "../base/mod.ts";
import { platform } from "../platform/mod.ts";
import type { ChildSnapshot } from "./snapshot.ts";
import type { Tree } from "./tree.ts";

/** Options of {@linkcode serveHealth}. */
export interface HealthOptions {
  /** Where to listen; 0 is any free port. */
  readonly port: number;
  /** Address to listen on. @default {"127.0.0.1"} */
  readonly host?: string;
}

/** A server that answers how a tree is; it does not keep the program alive. */
export interface HealthServer extends AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  /** Listens no more; harmless when repeated. */
  close(): Promise<void>;
}

/** Longest time in milliseconds for a request, and for one connection without any. */
const REQUEST_MS = 5_000;

/** Most connections at a time. */
const MOST_CONNECTIONS = 64;

/** How many children are named that are not ready. */
const MOST_NAMED = 20;

/**
 * Answers `GET` and `HEAD` over HTTP: `/livez` whether the tree has not ended, `/startupz` whether all of it was ready once, `/readyz` whether it is now.
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
export async function serveHealth(tree: Tree, { port, host = "127.0.0.1" }: HealthOptions): Promise<HealthServer> {
  const notStarted = (why: string, hint: string | undefined, cause?: unknown): ReeveError =>
    new ReeveError("health_not_started", `Cannot listen on ${cleanText(host, 128)}:${port}: ${why}`, { cause, hint });
  const hint = platform.listenHint(host, port);
  if (hint !== undefined) throw notStarted("it is not permitted", hint);
  const { createServer } = await import("node:http");
  let wasReady = false;
  tree.ready().then(() => wasReady = true, () => {});
  const server = createServer((request, response) => answer(tree, () => wasReady, request, response));
  server.requestTimeout = REQUEST_MS;
  server.headersTimeout = REQUEST_MS;
  server.keepAliveTimeout = REQUEST_MS;
  server.maxConnections = MOST_CONNECTIONS;
  try {
    await listening(server, port, host);
  } catch (error) {
    throw notStarted(thrownMessage(error), platform.permissionHint(error), error);
  }
  server.unref();
  const address = server.address();
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function listening(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** What is asked, and whether the answer is yes. */
interface Health {
  readonly isWell: boolean;
  readonly says: object;
}

function answer(tree: Tree, wasReady: () => boolean, { method, url = "/" }: IncomingMessage, response: ServerResponse): void {
  const health = healthOf(tree, wasReady, url.split("?", 1)[0]!);
  const isAsked = method === "GET" || method === "HEAD";
  const status = health === null ? 404 : !isAsked ? 405 : health.isWell ? 200 : 503;
  const body = health === null
    ? { error: "/livez, /readyz and /startupz are answered" }
    : !isAsked
    ? { error: "GET or HEAD" }
    : health.says;
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    "content-type": "application/json",
    "cache-control": "no-store",
    "content-length": new TextEncoder().encode(text).length,
    ...status === 405 ? { allow: "GET, HEAD" } : {},
  });
  response.end(method === "HEAD" ? "" : text);
}

function healthOf(tree: Tree, wasReady: () => boolean, path: string): Health | null {
  const { phase, children } = tree.snapshot();
  switch (path) {
    case "/livez":
      return { isWell: phase !== "stopped", says: { alive: phase !== "stopped", phase } };
    case "/startupz":
      return { isWell: wasReady(), says: { started: wasReady(), phase } };
    case "/readyz": {
      const missing = missingIn(children);
      const isWell = phase === "running" && missing.length === 0;
      return {
        isWell,
        says: { ready: isWell, phase, waitingFor: missing.slice(0, MOST_NAMED), more: Math.max(0, missing.length - MOST_NAMED) },
      };
    }
    default:
      return null;
  }
}

/** Those of every depth that should be ready and are not; who is done, or down because somebody wants that, should not. */
function missingIn(children: readonly ChildSnapshot[]): string[] {
  return children.filter(({ severity, operation }) => severity !== "optional" && operation === "active").flatMap((child) => {
    const { path, phase } = child;
    if (phase === "stopped") return [];
    return phase === "ready" ? missingIn(child.children) : [`${path} is ${phase}`];
  });
}
