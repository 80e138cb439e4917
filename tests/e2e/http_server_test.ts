/** The server that health and metrics are asked of: what it answers, and what it does not let others do to it. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, type Socket } from "node:net";
import { ReeveError } from "../../mod.ts";
import { type HttpRoute, type HttpServer, type HttpServerOptions, jsonAnswer, serveHttp } from "../../src/observe/mod.ts";
import { until } from "../support/until.ts";

/** Serves some paths; everything that a test opened is gone when it ends. */
async function serving(
  routes: Readonly<Record<string, HttpRoute>>,
  use: (url: string, open: (text: string) => Promise<Socket>, server: HttpServer) => Promise<void>,
  options: Pick<HttpServerOptions, "patienceMs"> = {},
): Promise<void> {
  const place = { host: "127.0.0.1", port: 0, routes: new Map(Object.entries(routes)) };
  const server = await serveHttp({ ...place, code: "health_not_started", ...options });
  const sockets: Socket[] = [];
  const open = (text: string): Promise<Socket> =>
    new Promise((resolve) => {
      const socket = connect(server.port, "127.0.0.1", () => resolve(socket));
      socket.on("error", () => {});
      sockets.push(socket);
      socket.write(text);
    });
  try {
    await use(`http://127.0.0.1:${server.port}`, open, server);
  } finally {
    await server.close();
    for (const socket of sockets) socket.destroy();
  }
}

const HELLO: HttpRoute = () => ({ status: 200, contentType: "text/plain", text: "grüß dich\n" });

Deno.test("serveHttp() answers each path with what it says, in bytes, each time anew, whatever the query", () => {
  let count = 0;
  return serving({ "/hello": HELLO, "/count": () => Promise.resolve(jsonAnswer(200, { count: ++count })) }, async (url) => {
    const hello = await fetch(`${url}/hello?x=/count`);
    const { status, headers } = hello;
    assertEquals([status, headers.get("content-type"), headers.get("content-length"), headers.get("cache-control")], [
      200,
      "text/plain",
      "12",
      "no-store",
    ]);
    assertEquals(await hello.text(), "grüß dich\n");
    for (const expected of [1, 2]) assertEquals(await (await fetch(`${url}/count`)).json(), { count: expected });
    const missing = await fetch(`${url}/nothing`);
    assertEquals([missing.status, await missing.json()], [404, { error: "/hello and /count are answered" }]);
  });
});

Deno.test("serveHttp() goes on when a path cannot be answered, and says why to whom asked", () =>
  serving({
    "/hello": HELLO,
    "/throws": () => {
      throw new Error("no");
    },
    "/rejects": () => Promise.reject(new Error("never")),
  }, async (url) => {
    for (const [path, error] of [["throws", "no"], ["rejects", "never"]] as const) {
      const answer = await fetch(`${url}/${path}`);
      assertEquals([answer.status, await answer.json()], [500, { error }]);
    }
    assertEquals(await (await fetch(`${url}/hello`)).text(), "grüß dich\n");
  }));

Deno.test("serveHttp() takes 64 connections at a time, and serves again when some have gone", () =>
  serving({ "/hello": HELLO }, async (url, open) => {
    const silent = await Promise.all(Array.from({ length: 64 }, () => open("")));
    const refused = await fetch(`${url}/hello`).then((answer) => answer.status, () => "refused");
    assertEquals(refused, "refused");
    for (const socket of silent) socket.destroy();
    await until(
      () => fetch(`${url}/hello`).then(({ status, body }) => body?.cancel().then(() => status === 200) ?? false, () => false),
      () => "it serves no more",
    );
  }));

Deno.test("serveHttp() does not wait for whom says nothing, says it too slowly, or takes no answer", async () => {
  const large = "x".repeat(32 * 1024 * 1024);
  await serving({ "/large": () => ({ status: 200, contentType: "text/plain", text: large }) }, async (_url, open) => {
    const over: string[] = [];
    const sockets = {
      silent: await open(""),
      half: await open("GET /large HTTP/1.1\r\nhost: x\r\n"),
      slow: await open("GET /large HTTP/1.1\r\n"),
      deaf: await open("GET /large HTTP/1.1\r\nhost: x\r\n\r\n"),
    };
    let taken = 0;
    for (const [name, socket] of Object.entries(sockets)) {
      if (socket.closed) over.push(name);
      else socket.on("close", () => over.push(name));
    }
    for (const socket of [sockets.silent, sockets.half, sockets.slow]) socket.resume();
    const dripping = setInterval(() => sockets.slow.write("x"), 100);
    try {
      await until(() => over.length === 3, () => `only these are over: ${over}`);
    } finally {
      clearInterval(dripping);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    sockets.deaf.on("data", (data) => taken += data.length);
    await until(() => over.length === 4, () => `the deaf one is there, with ${taken} bytes`);
    assert(taken < large.length, `it got all ${taken} bytes`);
  }, { patienceMs: 300 });
});

Deno.test("serveHttp() says with the code of whom it serves that it cannot listen; close() may be called twice", () =>
  serving({}, async (_url, _open, server) => {
    const wish = { host: "127.0.0.1", port: server.port, routes: new Map<string, HttpRoute>(), code: "telemetry_not_started" } as const;
    const error = await assertRejects(() => serveHttp(wish), ReeveError);
    assert(error instanceof ReeveError);
    assertEquals([error.code, error.message.startsWith(`Cannot listen on 127.0.0.1:${server.port}: `)], ["telemetry_not_started", true]);
    await server.close();
    await server.close();
  }));
