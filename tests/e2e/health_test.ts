/** How a tree is, asked over HTTP. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, createServer } from "node:net";
import { child, ReeveError, serveHealth, supervise, type TaskContext, type Tree } from "../../mod.ts";
import { at } from "../support/at.ts";
import { untilAborted } from "../support/tasks.ts";
import { until } from "../support/until.ts";

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
    assertEquals(await ask("/livez"), { status: 200, body: { alive: true, stuck: false } });
    assertEquals(await ask("/startupz"), { status: 503, body: { started: false } });
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
  let letGo = (): void => {};
  const asked = new Promise<void>((resolve) => letGo = resolve);
  const tree = await supervise({
    children: [child.task("a", async (context) => {
      await untilAborted(context);
      await asked;
    }, { stop: { timeoutMs: 60_000 } })],
  }, { keepAlive: false });
  await tree.ready();
  await asking(tree, async (ask) => {
    const ending = tree.shutdown();
    await until(() => tree.snapshot().phase === "stopping", () => tree.snapshot().phase);
    assertEquals([(await ask("/livez")).status, (await ask("/readyz")).status], [200, 503]);
    assertEquals(at((await ask("/readyz")).body, "phase"), "stopping");
    letGo();
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

Deno.test("whether a tree lives and was started is told without a look at its children", async () => {
  await using tree = await supervise({ children: [child.task("a", untilAborted)] }, { keepAlive: false });
  await tree.ready();
  let looks = 0;
  const counting: Tree = new Proxy(tree, {
    get: (target, name) => {
      if (name === "snapshot" || name === "counts") looks++;
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  await asking(counting, async (ask) => {
    for (const path of ["/livez", "/startupz"]) assertEquals((await ask(path)).status, 200, path);
    assertEquals(looks, 0);
    await ask("/readyz");
    assertEquals(looks, 1);
  });
});

Deno.test("a tree whose loop is stuck lives no more", async () => {
  await using tree = await supervise({ children: [] }, { keepAlive: false });
  const stuck: Tree = new Proxy(tree, {
    get: (target, name) => {
      if (name === "health") return () => ({ ...target.health(), queueWaitMs: 60_000 });
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
  await asking(stuck, async (ask) => assertEquals(await ask("/livez"), { status: 503, body: { alive: true, stuck: true } }));
});

Deno.test("further paths are answered by the same server", async () => {
  await using tree = await supervise({ children: [] }, { keepAlive: false });
  const also = { "/version": () => Promise.resolve({ status: 200, contentType: "text/plain", text: "1.2.3\n" }) };
  await using health = await serveHealth(tree, { port: 0, also });
  const answer = await fetch(`http://127.0.0.1:${health.port}/version`);
  assertEquals([answer.status, answer.headers.get("content-type"), await answer.text()], [200, "text/plain", "1.2.3\n"]);
  const missing = await fetch(`http://127.0.0.1:${health.port}/`);
  assertEquals(await missing.json(), { error: "/livez, /readyz, /startupz and /version are answered" });
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
