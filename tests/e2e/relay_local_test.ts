/** The relay of one person: its address lets in once, its cookie afterwards. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { startLocalRelay } from "../../src/relay/mod.ts";
import { FakeTarget, obedient } from "../support/fake_target.ts";
import { inFolder } from "../support/folder.ts";
import { RelayClient } from "../support/relay_client.ts";
import { commandFor } from "../support/relays.ts";
import { socketTest } from "../support/sockets.ts";

const PAGE = new Map([["/", { contentType: "text/html", text: "<p>the page</p>" }]]);

socketTest("local relay: the address lets in once, targets are found, come and go, and take commands", () =>
  inFolder(async (folder) => {
    const path = join(folder, "shop.sock");
    const target = await FakeTarget.listen(path, obedient("shop"));
    let paths: readonly string[] = [path];
    await using relay = await startLocalRelay({ findTargets: () => Promise.resolve(paths), user: "ada", assets: PAGE });
    const base = `http://127.0.0.1:${relay.port}`;
    const refused = await fetch(`${base}/`);
    assertEquals([refused.status, (await refused.text()).includes("the page")], [401, false]);
    const entered = await fetch(relay.url, { redirect: "manual" });
    await entered.body?.cancel();
    const [cookie = "", ...how] = (entered.headers.get("set-cookie") ?? "").split("; ");
    assertEquals([entered.status, how], [303, ["HttpOnly", "SameSite=Strict", "Path=/"]]);
    assert(cookie.startsWith(`reeve_session_${relay.port}=`), cookie);
    const again = await fetch(relay.url, { redirect: "manual" });
    await again.body?.cancel();
    assertEquals(again.status, 401);
    const page = await fetch(`${base}/`, { headers: { cookie } });
    assertEquals(await page.text(), "<p>the page</p>");
    assert(page.headers.get("content-security-policy")?.includes("default-src 'none'"));

    const url = `ws://127.0.0.1:${relay.port}/session`;
    await assertRejects(() => RelayClient.open(url), Error, "status 401");
    await assertRejects(() => RelayClient.open(url, { headers: { cookie }, origin: "http://evil.example" }), Error, "status 403");
    await assertRejects(() => RelayClient.open(url, { headers: { cookie, host: `evil.example:${relay.port}` } }), Error, "status 403");
    const client = await RelayClient.open(url, { headers: { cookie } });
    assertEquals((await client.next("server_hello"))["principal"], "ada");
    client.send({ type: "client_hello", client_store_id: "store" });
    await client.next("state");
    client.send(commandFor("shop", "pause_child"));
    assertEquals(Object((await client.next("audit_event"))["audit"]).result, "accepted");
    assertEquals(Object((await client.next("command_result"))["result"]).requested_by, "ada");
    paths = [];
    assertEquals((await client.next(({ state }) => state === "expired"))["target_id"], "shop");
    assertEquals((await client.next("target_list"))["targets"], []);
    await client.close();
    await target.close();
  }));

socketTest(
  "local relay: a browser that comes from a file goes on from a page of the relay, and two relays do not take each other's cookie",
  async () => {
    const nothing = { findTargets: () => Promise.resolve([]), assets: PAGE };
    await using one = await startLocalRelay(nothing);
    await using other = await startLocalRelay(nothing);
    const cookies: string[] = [];
    for (const { url } of [one, other]) {
      const entered = await fetch(url, { redirect: "manual", headers: { "sec-fetch-site": "cross-site" } });
      assertEquals(entered.status, 200);
      assert((await entered.text()).includes('content="0; url=/"'));
      cookies.push((entered.headers.get("set-cookie") ?? "").split(";")[0] ?? "");
    }
    for (const { port } of [one, other]) {
      const page = await fetch(`http://127.0.0.1:${port}/`, { headers: { cookie: cookies.join("; ") } });
      assertEquals(await page.text(), "<p>the page</p>");
    }
  },
);
