/** The registration socket on connections that are made up. */
import { assertEquals } from "@std/assert";
import type { ByteConnection } from "../../src/platform/mod.ts";
import { NO_LOG } from "../../src/relay/log.ts";
import { RegistrationSocket } from "../../src/relay/registration_socket.ts";
import { VirtualClock } from "../../src/testing/mod.ts";

/** What somebody is answered who says a line, and whether it was taken. */
async function answerTo(peer: ByteConnection["peer"], tellsPeers: boolean): Promise<readonly [code: string, uids: (number | null)[]]> {
  let text = "";
  const uids: (number | null)[] = [];
  let close = (): void => {};
  const closed = new Promise<void>((resolve) => close = resolve);
  const bytes: ByteConnection = {
    peer,
    receive: (take) => Promise.resolve(take(new TextEncoder().encode("a line\n"))).then(() => {}),
    write: (data) => {
      text += typeof data === "string" ? data : new TextDecoder().decode(data);
      return undefined;
    },
    close: () => close(),
  };
  const waiting = [bytes];
  const listener = {
    tellsPeers,
    accept: () => Promise.resolve(waiting.shift() ?? null),
    close: () => Promise.resolve(),
  };
  const socket = new RegistrationSocket({ listener, ownerUid: 1_000, isInPlace: () => Promise.resolve(true), close: listener.close }, {
    path: "/run/relay.sock",
    mode: 0o660,
    maxConnections: 4,
    maxLineBytes: 1_024,
    timeoutMs: 1_000,
    clock: new VirtualClock(),
    log: NO_LOG,
    take: (_, uid) => {
      uids.push(uid);
      return Promise.resolve({ targetId: "shop", status: "registered" });
    },
    answered: () => {},
  });
  await socket.acceptAll();
  await closed;
  // Nobody accepts any more.
  assertEquals(await socket.isReachable(), false);
  const { ok, status, error } = JSON.parse(text);
  return [ok === true ? status : error.code, uids];
}

Deno.test("registration socket: whoever the kernel does not name is refused where it names everybody else", async () => {
  assertEquals(await answerTo(null, true), ["peer_unknown", []]);
  assertEquals(await answerTo({ uid: 1_001, gid: 1_001, pid: 7 }, true), ["registered", [1_001]]);
  assertEquals(await answerTo(null, false), ["registered", [null]]);
});
