import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { execFile } from "node:child_process";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import type { OpenKind } from "../../mod.ts";
import { Ledger } from "../../src/runtime/ledger.ts";
import { checkOf, type Probe } from "../../src/runtime/probes/mod.ts";
import { until } from "../support/until.ts";

async function withServer(server: Server, run: (port: number) => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = server.address();
    assert(typeof address === "object" && address !== null);
    await run(address.port);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Asks, looks at what is on the account meanwhile, and that nothing is left on it. */
async function ask(probe: Probe, signal = new AbortController().signal, kind: OpenKind | null = null): Promise<string | null> {
  const ledger = new Ledger();
  const answer = checkOf(probe, (kind, detail, isThere) => ledger.open("/a", kind, detail, isThere))(signal);
  if (kind !== null) assertEquals(ledger.left().map((left) => left.kind), [kind]);
  const found = await answer;
  // A command that was killed may take a moment.
  await until(() => ledger.left().length === 0, () => JSON.stringify(ledger.left()));
  return found;
}

async function askBriefly(probe: Probe, ms = 50): Promise<string | null> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), ms);
  const answer = await ask(probe, controller.signal, probe.mode === "exec" ? "process" : "socket");
  clearTimeout(timer);
  return answer;
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  let closed = 0;
  await withServer(createServer(), (port) => {
    closed = port;
    return Promise.resolve();
  });
  return closed;
}

// --- http --------------------------------------------------------------------------------------------------------------------------------

Deno.test("checkOf() of http takes statuses from 200 to 399 for yes and does not follow redirects", async () => {
  const asked: string[] = [];
  const server = createHttpServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(Number(request.url?.slice(1)), { location: "/500" });
    response.end("x".repeat(100_000));
  });
  await withServer(server, async (port) => {
    const cases: readonly (readonly [string, string | null])[] = [
      ["/200", null],
      ["/204", null],
      ["/302", null],
      ["/399", null],
      ["/400", "answered with status 400"],
      ["/503", "answered with status 503"],
    ];
    for (const [path, expected] of cases) assertEquals(await ask({ mode: "http", port, path }), expected, path);
  });
  assertEquals(asked.length, 6);
});

Deno.test("checkOf() of http asks for / unless told otherwise", async () => {
  const server = createHttpServer((request, response) => response.writeHead(request.url === "/" ? 200 : 404).end());
  await withServer(server, async (port) => assertEquals(await ask({ mode: "http", port }), null));
});

Deno.test("checkOf() of http ends when it is aborted while the server is silent", async () => {
  const server = createHttpServer(() => {});
  await withServer(server, async (port) => assertEquals(await askBriefly({ mode: "http", port }), "did not answer in time"));
});

Deno.test("checkOf() of http says no when the server speaks something else or nothing", async () => {
  for (const words of ["SSH-2.0-something\r\n", ""]) {
    const server = createServer((socket) => socket.on("error", () => {}).resume().end(words));
    await withServer(server, async (port) => assert(await ask({ mode: "http", port }) !== null, words));
  }
});

// --- tcp ---------------------------------------------------------------------------------------------------------------------------------

Deno.test("checkOf() of tcp takes an accepted connection for yes", async () => {
  const server = createServer((socket) => socket.on("error", () => {}).end());
  await withServer(server, async (port) => assertEquals(await ask({ mode: "tcp", port }), null));
});

Deno.test("checkOf() of http and tcp says that nobody listens", async () => {
  const port = await closedPort();
  for (const mode of ["http", "tcp"] as const) {
    const answer = await ask({ mode, port });
    assert(answer !== null, mode);
    assertMatch(answer, /refused/i, mode);
  }
});

// --- exec --------------------------------------------------------------------------------------------------------------------------------

Deno.test("checkOf() of exec goes by the exit code", async () => {
  const cases: readonly (readonly [string, string | null])[] = [
    ["exit 0", null],
    ["exit 3", "exited with code 3"],
    ["kill -9 $$", "ended by signal SIGKILL"],
    ["yes | head -c 3000000; exit 0", null],
  ];
  for (const [script, expected] of cases) {
    assertEquals(await ask({ mode: "exec", command: "sh", args: ["-c", script] }), expected, script);
  }
});

Deno.test("checkOf() of exec says that the command is missing", async () => {
  const answer = await ask({ mode: "exec", command: "reeve-no-such-command" });
  assert(answer !== null);
  assertStringIncludes(answer, "ENOENT");
});

Deno.test("checkOf() of exec kills the command and what it started when it is aborted", async () => {
  const before = new Set(await sleepers());
  const probe: Probe = { mode: "exec", command: "sh", args: ["-c", "sleep 4321 & sleep 4321"] };
  assertEquals(await askBriefly(probe, 200), "did not answer in time");
  // What was killed may still be listed for a moment.
  for (let look = 0; look < 100 && (await sleepers()).some((pid) => !before.has(pid)); look++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assertEquals((await sleepers()).filter((pid) => !before.has(pid)), []);
});

/** Processes that sleep for as long as those of the test above; the dead that nobody has reaped do not count. */
async function sleepers(): Promise<string[]> {
  const list = await new Promise<string>((resolve, reject) => {
    execFile("ps", ["-eo", "pid=,stat=,args="], (error, stdout) => error === null ? resolve(stdout) : reject(error));
  });
  return list.split("\n").flatMap((line) => {
    const [, pid, state] = /^\s*(\d+)\s+(\S+)\s+sleep 4321$/.exec(line) ?? [];
    return pid === undefined || state?.startsWith("Z") ? [] : [pid];
  });
}
