/** The link to one target: what it does when the target hangs, goes and comes back. */
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { systemClock } from "../../src/platform/mod.ts";
import { Hub } from "../../src/relay/hub.ts";
import { TargetAwayError, TargetLink } from "../../src/relay/target_link.ts";
import type { WireMessage } from "../../src/relay/wire.ts";
import { FakeTarget, obedient } from "../support/fake_target.ts";
import { inFolder } from "../support/folder.ts";
import { eventOf } from "../support/relays.ts";
import { socketTest } from "../support/sockets.ts";
import { until } from "../support/until.ts";

interface Linked {
  readonly target: FakeTarget;
  readonly link: TargetLink;
  readonly said: WireMessage[];
  readonly states: string[];
}

function whileLinked(run: (linked: Linked) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const path = join(folder, "shop.sock");
    const target = await FakeTarget.listen(path, obedient("shop"));
    const said: WireMessage[] = [];
    const states: string[] = [];
    const link: TargetLink = new TargetLink({ targetId: "shop", displayName: "Shop", path, supportedCommands: null }, {
      clock: systemClock(),
      listener: { said: (message) => said.push(message), changed: () => states.push(link.row.connectionState) },
      probeMs: 100,
      timeoutMs: 1_000,
    });
    await link.begin();
    // Whoever has a command for it hears what comes of it.
    assertEquals(target.isFollowed, true);
    try {
      assertEquals(said.splice(0).map(({ type }) => type), ["state"]);
      await run({ target, link, said, states });
    } finally {
      await link.close();
      await target.close();
    }
  });
}

socketTest(
  "target link: one that takes questions and answers none is unavailable, and says how it is before all else when it is back",
  () =>
    whileLinked(async ({ target, link, said, states }) => {
      const { answer } = target;
      target.answer = () => null;
      await until(() => link.row.connectionState === "unavailable", () => states.join());
      target.push(eventOf(1));
      target.push(eventOf(2));
      await new Promise((resolve) => setTimeout(resolve, 100));
      assertEquals(said.map(({ type }) => type), []);
      target.answer = answer;
      await until(() => said.length === 3, () => states.join());
      assertEquals(said.map(({ type }) => type), ["state", "event", "event"]);
      assertEquals(states, ["connecting", "connected", "unavailable", "connected"]);
    }),
);

socketTest("target link: one whose lease is over is let go, and stays so", () =>
  whileLinked(async ({ target, link, states }) => {
    link.expire();
    await until(() => !target.isFollowed, () => "it is followed still");
    assertEquals([link.row.registrationState, link.row.connectionState, states.at(-1)], ["expired", "expired", "expired"]);
  }));

socketTest(
  "target link: nothing is asked of one that is away, and whoever asks hears so at once",
  () =>
    whileLinked(async ({ target, link, states }) => {
      target.answer = () => null;
      await until(() => states.at(-1) === "unavailable", () => states.join(" "));
      const asked = target.asked.length;
      await assertRejects(() => link.request("command.pause_child", {}), TargetAwayError);
      assertEquals(target.asked.slice(asked).some(({ method }) => method === "command.pause_child"), false);
      target.answer = obedient("shop");
      await until(() => states.at(-1) === "connected", () => states.join(" "));
      await link.request("command.pause_child", {});
    }),
);

socketTest(
  "hub: a target that registers otherwise is connected to anew, and its numbers go on where they were",
  () =>
    inFolder(async (folder) => {
      const path = join(folder, "shop.sock");
      const target = await FakeTarget.listen(path, obedient("shop"));
      const hub = new Hub(systemClock());
      const said: WireMessage[] = [];
      hub.listen({ said: (_, message) => said.push(message), changed: () => {}, failed: () => {} });
      const known = { targetId: "shop", displayName: "Shop", path, supportedCommands: null };
      const follows = async (): Promise<void> => {
        await until(() => hub.find("shop")?.row.connectionState === "connected" && target.isFollowed, () => "nobody follows it");
      };
      hub.add(known);
      await follows();
      target.push(eventOf(4));
      await until(() => said.some(({ type }) => type === "event"), () => "no event");
      // It is the same one: nothing is done.
      const connections = target.connections;
      hub.add({ ...known });
      assertEquals([hub.find("shop")?.row.connectionState, target.connections], ["connected", connections]);
      const before = target.asked.length;
      hub.add({ ...known, displayName: "The shop" });
      await until(() => target.asked.slice(before).some(({ method }) => method === "events.subscribe"), () => "it is not asked again");
      await follows();
      said.length = 0;
      target.push(eventOf(7));
      await until(() => said.some(({ type }) => type === "event"), () => "no event");
      assertEquals(said.filter(({ type }) => type === "dropped_count").map((message) => message["dropped_event_count"]), [2]);
      await hub.close();
      await target.close();
    }),
);
