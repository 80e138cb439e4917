/** Registrations, their leases and what they are refused for, on a clock of our own. */
import { assertEquals } from "@std/assert";
import { Hub } from "../../src/relay/hub.ts";
import { type LookedAt, Registry } from "../../src/relay/registry.ts";
import { VirtualClock } from "../../src/testing/mod.ts";
import { registrationOf } from "../support/relays.ts";

interface Tried {
  readonly clock: VirtualClock;
  readonly hub: Hub;
  /** Registers; resolves with the code, or the status. */
  readonly say: (line: object | string, uid?: number | null) => Promise<string>;
  /** What is told of a target. */
  readonly rowOf: (targetId: string) => string | undefined;
}

/** Users are told apart by number: 500 runs the relay. */
async function tried(run: (tried: Tried) => Promise<void>, look: (path: string) => Partial<LookedAt> = () => ({})): Promise<void> {
  const clock = new VirtualClock();
  const hub = new Hub(clock);
  const registry = new Registry({
    clock,
    hub,
    policy: { prefixes: ["/run/shops"], defaultLeaseSeconds: 20, maxLeaseSeconds: 60, graceSeconds: 10 },
    look: (path) =>
      Promise.resolve({
        folder: path.slice(0, path.lastIndexOf("/")),
        prefixes: ["/run/shops"],
        found: { kind: "socket", uid: 1_000 },
        ...look(path),
      }),
    ownUid: 500,
  });
  const say = async (line: object | string, uid: number | null = 1_000): Promise<string> => {
    const answer = await registry.take(typeof line === "string" ? line : JSON.stringify(line), uid);
    return "status" in answer ? answer.status : answer.code;
  };
  await run({ clock, hub, say, rowOf: (targetId) => hub.rows.find((row) => row.targetId === targetId)?.registrationState });
  registry.close();
  await hub.close();
}

/** A path that is longer than an address can be, so that nobody looks whether there is something. */
function place(name: string): string {
  return `/run/shops/${name.padStart(120, "-")}.sock`;
}

const PATH = place("a");

Deno.test("registry: what is refused, and under which code", () =>
  tried(async ({ say }) => {
    const command = { name: "pause_child", idempotent: false, timeout_seconds: 30 };
    const cases: readonly (readonly [string, object | string])[] = [
      ["empty_target_id", registrationOf(" ", PATH)],
      ["invalid_target_id", registrationOf("x".repeat(300), PATH)],
      ["invalid_target_id", registrationOf("a\u001b[2J", PATH)],
      ["relative_ipc_path", registrationOf("a", "a.sock")],
      ["ipc_path_not_allowed", registrationOf("a", "/var/tmp/a.sock")],
      ["ipc_path_not_allowed", registrationOf("a", "/run/shopsandmore/a.sock")],
      ["ipc_path_not_allowed", registrationOf("a", "/run/shops/../../a.sock")],
      ["ipc_path_not_allowed", registrationOf("a", "/run/shops/../shops/a.sock")],
      ["invalid_ipc_path", registrationOf("a", "/run/shops/b/")],
      ["invalid_ipc_path", registrationOf("a", "/run/shops/a\0.sock")],
      ["invalid_lease_seconds", registrationOf("a", PATH, { lease_seconds: 0 })],
      ["invalid_lease_seconds", registrationOf("a", PATH, { lease_seconds: 61 })],
      ["invalid_registration_schema", registrationOf("a", PATH, { lease_seconds: 1.5 })],
      ["invalid_registration_schema", registrationOf("a", PATH, { supported_commands: [{ ...command, more: 1 }] })],
      ["unsupported_command_schema", registrationOf("a", PATH, { supported_commands: [{ ...command, timeout_seconds: 0 }] })],
      ["unsupported_command_schema", registrationOf("a", PATH, { supported_commands: [{ ...command, name: " " }] })],
      ["invalid_registration_schema", registrationOf("a", PATH, { type: "renew" })],
      ["invalid_registration_schema", "[]"],
      ["invalid_registration_json", '{"target_id":"a","target_id":"b"}'],
      ["target_not_registered", { type: "unregister", target_id: "a" }],
    ];
    for (const [code, line] of cases) assertEquals(await say(line), code, JSON.stringify(line).slice(0, 200));
  }));

Deno.test("registry: what is found at the path counts", async () => {
  const seen = (found: LookedAt["found"]) => (): Partial<LookedAt> => ({ found });
  const line = registrationOf("a", PATH);
  await tried(async ({ say }) => assertEquals(await say(line), "invalid_ipc_path"), seen({ kind: "link", uid: 1_000 }));
  await tried(async ({ say }) => assertEquals(await say(line), "invalid_ipc_path"), seen({ kind: "other", uid: 1_000 }));
  await tried(async ({ say }) => {
    assertEquals(await say(line, 1_001), "ipc_path_owner_mismatch");
    assertEquals(await say(line, 1_000), "registered");
  }, seen({ kind: "socket", uid: 1_000 }));
  // Root may register for others.
  await tried(async ({ say }) => assertEquals(await say(line, 0), "registered"), seen({ kind: "socket", uid: 1_000 }));
  // A folder that is a link out of the prefix.
  await tried(async ({ say }) => assertEquals(await say(line), "ipc_path_not_allowed"), () => ({ folder: "/home" }));
});

Deno.test("registry: another user can neither renew nor end a registration, and no other target takes its path", () =>
  tried(async ({ say }) => {
    assertEquals(await say(registrationOf("a", PATH)), "registered");
    assertEquals(await say(registrationOf("a", PATH), 1_001), "target_id_owner_mismatch");
    assertEquals(await say({ type: "unregister", target_id: "a" }, 1_001), "target_id_owner_mismatch");
    assertEquals(await say(registrationOf("b", PATH)), "ipc_path_conflict");
    assertEquals(await say(registrationOf("a", place("moved"))), "registered");
    assertEquals(await say(registrationOf("b", PATH)), "registered");
  }));

Deno.test("registry: a lease that is not renewed ends, and its name and path are free a grace time later", () =>
  tried(async ({ say, clock, rowOf }) => {
    const { lease_seconds: _, ...line } = { lease_seconds: 0, ...registrationOf("a", PATH) };
    assertEquals(await say(line), "registered");
    await clock.advance(19_000);
    assertEquals(await say(line), "registered");
    await clock.advance(19_999);
    assertEquals(rowOf("a"), "active");
    await clock.advance(1);
    assertEquals(rowOf("a"), "expired");
    assertEquals(await say(registrationOf("b", PATH)), "ipc_path_conflict");
    assertEquals(await say(line, 1_001), "target_id_owner_mismatch");
    assertEquals(await say(line), "registered");
    assertEquals(rowOf("a"), "active");
    await clock.advance(30_000);
    assertEquals(rowOf("a"), undefined);
    assertEquals(await say(registrationOf("b", PATH), 0), "registered");
    assertEquals(await say({ type: "unregister", target_id: "b" }, 0), "unregistered");
    assertEquals(rowOf("b"), undefined);
  }));

Deno.test("registry: a place is taken by no one before its socket is there, and a socket's owner takes it back", async () => {
  let found: LookedAt["found"] = null;
  await tried(async ({ say, rowOf, hub }) => {
    // Somebody wants the place of a socket that another one will bind.
    assertEquals(await say(registrationOf("mine", PATH), 1_001), "ipc_path_not_ready");
    assertEquals(rowOf("mine"), undefined);
    found = { kind: "socket", uid: 1_001 };
    assertEquals(await say(registrationOf("mine", PATH), 1_001), "registered");
    assertEquals(await say(registrationOf("mine too", PATH), 1_001), "ipc_path_conflict");
    assertEquals(await say(registrationOf("shop", PATH), 1_000), "ipc_path_owner_mismatch");
    found = { kind: "socket", uid: 1_000 };
    assertEquals(await say(registrationOf("mine", PATH), 1_001), "ipc_path_owner_mismatch");
    assertEquals(await say(registrationOf("shop", PATH), 1_000), "registered");
    assertEquals([rowOf("mine"), rowOf("shop")], [undefined, "active"]);
    assertEquals(hub.find("shop")?.known.ownerUid, 1_000);
  }, () => ({ found }));
  // The user of the relay, and root, may say before what will be there; nobody takes that from them.
  await tried(async ({ say, hub }) => {
    found = null;
    assertEquals(await say(registrationOf("own", PATH), 500), "registered");
    found = { kind: "socket", uid: 1_000 };
    assertEquals(await say(registrationOf("shop", PATH), 1_000), "ipc_path_conflict");
    assertEquals(await say(registrationOf("root's", place("b")), 0), "registered");
    assertEquals(await say(registrationOf("shop", place("b")), 1_000), "ipc_path_conflict");
    // What root registers for somebody is that somebody's.
    assertEquals(hub.find("root's")?.known.ownerUid, 1_000);
  }, () => ({ found }));
});

Deno.test("registry: one user has so many targets, each of so many commands", () =>
  tried(async ({ say, rowOf }) => {
    const many = (count: number): object[] =>
      Array.from({ length: count }, () => ({ name: "x".repeat(10_000), idempotent: false, timeout_seconds: 1 }));
    assertEquals(await say(registrationOf("a", PATH, { supported_commands: many(65) })), "invalid_registration_schema");
    for (let count = 0; count < 256; count++) {
      assertEquals(await say(registrationOf(`t${count}`, place(`${count}`))), "registered");
    }
    assertEquals(await say(registrationOf("one more", PATH)), "too_many_targets");
    assertEquals(await say(registrationOf("t0", place("0"))), "registered");
    assertEquals(await say(registrationOf("root's", PATH, { supported_commands: many(64) }), 0), "registered");
    assertEquals(rowOf("root's"), "active");
  }));
