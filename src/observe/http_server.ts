/** A small server over HTTP for those who look at a program: it answers at a few paths, and looks at nothing that is sent to it. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import { cleanText, type ErrorCode, ReeveError, thrownMessage } from "../base/mod.ts";
import { platform } from "../platform/mod.ts";

/** What is answered at a path. */
export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

/** Makes the answer of a path, each time anew. */
export type HttpRoute = () => HttpAnswer | Promise<HttpAnswer>;

/** Where to listen, and what to answer. */
export interface HttpServerOptions {
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
  /** By path, without its query. */
  readonly routes: ReadonlyMap<string, HttpRoute>;
  /** Code of the error when it cannot listen. */
  readonly code: ErrorCode;
  /** Names under which it may be asked: a page elsewhere that has a name made for its address may not. @default {any} */
  readonly names?: readonly string[];
  /** Longest time in milliseconds for a request, for a connection without any, and for one that does not take its answer. @default {5000} */
  readonly patienceMs?: number;
}

/** A server that listens; it does not keep the program alive. */
export interface HttpServer extends AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
  /** Listens no more, and ends all connections; harmless when repeated. */
  close(): Promise<void>;
}

/** Most connections at a time. */
const MOST_CONNECTIONS = 64;

/** Answers `GET` and `HEAD`; in Deno it needs `--allow-net`. */
export async function serveHttp({ host, port, routes, code, names, patienceMs = 5_000 }: HttpServerOptions): Promise<HttpServer> {
  const notStarted = (why: string, hint: string | undefined, cause?: unknown): ReeveError =>
    new ReeveError(code, `Cannot listen on ${cleanText(host, 128)}:${port}: ${why}`, { cause, hint });
  const hint = platform.listenHint(host, port);
  if (hint !== undefined) throw notStarted("it is not permitted", hint);
  const { createServer } = await import("node:http");
  const server = createServer((request, response) => {
    // Who has asked is answered; then it may ask again, but not wait for ever.
    clearTimeout(patience.get(request.socket));
    response.on("close", () => watch(request.socket));
    void answer(isAskedBy(request, names) ? routes : null, request, response);
  });
  // The runtimes have limits of their own for this: one looks every half a minute, older ones never.
  const patience = new WeakMap<Socket, ReturnType<typeof setTimeout>>();
  const watch = (socket: Socket): void => {
    clearTimeout(patience.get(socket));
    if (socket.destroyed) return;
    const timer = setTimeout(() => socket.destroy(), patienceMs);
    timer.unref();
    patience.set(socket, timer);
  };
  server.on("connection", (socket) => {
    watch(socket);
    socket.once("close", () => clearTimeout(patience.get(socket)));
  });
  server.keepAliveTimeout = patienceMs;
  server.timeout = patienceMs;
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

/** An object as the answer. */
export function jsonAnswer(status: number, body: object): HttpAnswer {
  return { status, contentType: "application/json", text: `${JSON.stringify(body)}\n` };
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

async function answer(
  routes: HttpServerOptions["routes"] | null,
  { method, url = "/" }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const route = routes?.get(url.split("?", 1)[0]!);
  const isRead = method === "GET" || method === "HEAD";
  const { status, contentType, text } = routes === null
    ? jsonAnswer(403, { error: "this server does not go by that name" })
    : route === undefined
    ? jsonAnswer(404, { error: `${listed([...routes.keys()])} answered` })
    : isRead
    ? await answerOf(route)
    : jsonAnswer(405, { error: "GET or HEAD" });
  response.writeHead(status, {
    "content-type": contentType,
    "cache-control": "no-store",
    "content-length": new TextEncoder().encode(text).length,
    ...status === 405 ? { allow: "GET, HEAD" } : {},
  });
  response.end(method === "HEAD" ? "" : text);
}

/** Whether it is asked by one of its names, once. */
function isAskedBy({ headersDistinct: { host = [] } }: IncomingMessage, names: HttpServerOptions["names"]): boolean {
  if (names === undefined) return true;
  const [asked = "", ...more] = host;
  const name = asked.toLowerCase().replace(/:\d+$/, "");
  return more.length === 0 && names.includes(name);
}

/** What cannot be told is an error of the server, and of nobody else. */
async function answerOf(route: HttpRoute): Promise<HttpAnswer> {
  try {
    return await route();
  } catch (error) {
    return jsonAnswer(500, { error: thrownMessage(error) });
  }
}

function listed(paths: readonly string[]): string {
  if (paths.length < 2) return `${paths.join("")} is`;
  return `${paths.slice(0, -1).join(", ")} and ${paths.at(-1)} are`;
}
