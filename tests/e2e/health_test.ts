/** How a tree is, asked over HTTP. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, createServer } from "node:net";
import { child, ReeveError, serveHealth, supervise, type TaskContext, type Tree } from "../../mod.ts";
import { at } from "../support/at.ts";
import { untilAborted } from "../support/tasks.ts";

interface Asked {
  readonly status: number;
  readonly body: unknown;
}

async function asking(
  tree: Tree,
  run: (ask: (path: string, init?: RequestInit) => Promise<Asked>, port: number) => Promise<void>,
): Promise<void> {
  await using health = await serveHealth(tree, { port: 0 });
  await run(async (path, init) => {
    const response = await fetch(`http://127.0.0.1:${health.port}${path}`, init);
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  }, health.port);
}

Deno.test("a tree is live at once, started when all of it was ready, and ready as long as it is", async () => {
  let context: TaskContext | undefined;
  const slow = child.task("slow", (given) => {
    context = given;
    return untilAborted(given);
  }, { readiness: { mode: "explicit" } });
  const tree = await supervise({
    children: [
      child.supervisor("s", { children: [slow] }),
      child.task("done", () => {}, { restartPolicy: "temporary" }),
      child.task("optional", () => Promise.reject(new Error("no")), { severity: "optional", backoff: { initialMs: 60_000 } }),
    ],
  }, { keepAlive: false });
  await asking(tree, async (ask) => {
    assertEquals((await ask("/livez")).status, 200);
    assertEquals((await ask("/startupz")).status, 503);
    const { status, body } = await ask("/readyz");
    assertEquals(status, 503);
    assertEquals(JSON.stringify(at(body, "waitingFor")), '["/s is running"]');
    context?.ready();
    await tree.ready();
    for (const path of ["/livez", "/startupz", "/readyz", "/readyz?verbose"]) assertEquals((await ask(path)).status, 200, path);
    context?.ready(false);
    while (tree.child("/s/slow").phase === "ready") await new Promise((resolve) => setTimeout(resolve, 1));
    assertEquals(JSON.stringify(at((await ask("/readyz")).body, "waitingFor")), '["/s/slow is running"]');
    assertEquals((await ask("/startupz")).status, 200, "it was, once");
    await tree.child("/s/slow").pause();
    assertEquals((await ask("/readyz")).status, 200, "it is down because somebody wants that");
    await tree.shutdown();
    assertEquals([(await ask("/livez")).status, (await ask("/readyz")).status], [503, 503]);
  });
});

Deno.test("a tree that is being shut down is not ready any more, but still lives", async () => {
  const tree = await supervise({
    children: [child.task("a", async (context) => {
      await untilAborted(context);
      await new Promise((resolve) => setTimeout(resolve, 300));
    })],
  }, { keepAlive: false });
  await tree.ready();
  await asking(tree, async (ask) => {
    const ending = tree.shutdown();
    await new Promise((resolve) => setTimeout(resolve, 10));
    assertEquals([(await ask("/livez")).status, (await ask("/readyz")).status], [200, 503]);
    assertEquals(at((await ask("/readyz")).body, "phase"), "stopping");
    await ending;
  });
});

Deno.test("only GET and HEAD of three paths are answered, and nobody who says nothing holds the server", async () => {
  await using tree = await supervise({ children: [] }, { keepAlive: false });
  await asking(tree, async (ask, port) => {
    assertEquals((await ask("/")).status, 404);
    assertEquals((await ask("/livez", { method: "POST", body: "x" })).status, 405);
    assertEquals(await ask("/livez", { method: "HEAD" }), { status: 200, body: null });
    const silent = connect(port, "127.0.0.1");
    await new Promise<void>((resolve) => silent.once("connect", () => resolve()));
    silent.on("error", () => {});
    assertEquals((await ask("/livez")).status, 200);
  });
});

Deno.test("a port that is taken is an error that says so", async () => {
  await using tree = await supervise({ children: [] }, { keepAlive: false });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  const error = await assertRejects(() => serveHealth(tree, { port: address.port }), ReeveError);
  assertEquals(error instanceof ReeveError && error.code, "health_not_started");
  await new Promise((resolve) => server.close(resolve));
});
