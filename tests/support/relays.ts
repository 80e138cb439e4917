/** A relay with certificates of its own, and trees that register at it. */
import { assertEquals } from "@std/assert";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ClientOptions } from "ws";
import { relaySettings } from "../../src/config/mod.ts";
import { type Relay, startRelay } from "../../src/relay/mod.ts";
import { Authority } from "./certificates.ts";
import { inFolder } from "./folder.ts";
import { type Answering, FakeTarget, obedient } from "./fake_target.ts";
import { type Frame, register, RelayClient } from "./relay_client.ts";
import { until } from "./until.ts";

/** A relay under test. */
export interface TestRelay {
  readonly relay: Relay;
  readonly folder: string;
  /** Where targets register. */
  readonly registration: string;
  readonly authority: Authority;
  readonly lines: string[];
  /** Opens a session as "operator one", or as somebody else. */
  open(options?: ClientOptions, path?: string): Promise<RelayClient>;
  /** Opens one with a certificate. */
  openAs(name: string): Promise<RelayClient>;
  /** Ends the relay and starts it anew, at another port. */
  restart(): Promise<void>;
}

/** What a client says with its certificate. */
export function certificateOf(authority: Authority, name: string): ClientOptions {
  return { ...authority.issue([["O", "peer test"], ["CN", name]]), ca: authority.cert };
}

/** Runs something beside a relay; keys as in its file. */
export function whileRelaying(
  run: (test: TestRelay) => Promise<void>,
  more: (folder: string) => Readonly<Record<string, unknown>> = () => ({}),
): Promise<void> {
  return inFolder(async (folder) => {
    const raw = more(folder);
    const authority = new Authority();
    const { cert, key } = authority.issue([["CN", "localhost"]]);
    for (const [name, text] of [["relay.pem", cert], ["relay.key", key], ["ca.pem", authority.cert]] as const) {
      await writeFile(join(folder, name), text);
    }
    const registration = join(folder, "relay.sock");
    const lines: string[] = [];
    const settings = relaySettings({
      tls: {
        certificate_path: join(folder, "relay.pem"),
        private_key_path: join(folder, "relay.key"),
        client_ca_path: join(folder, "ca.pem"),
      },
      registration: { listen_path: registration, allowed_ipc_path_prefixes: [folder] },
      ...raw,
      listen: { bind: "127.0.0.1:0", public_url: "wss://localhost/session", hosts: ["localhost", "127.0.0.1"], ...Object(raw["listen"]) },
    });
    const start = (): Promise<Relay> => startRelay(settings, { log: (line) => lines.push(line) });
    let relay = await start();
    const clients: RelayClient[] = [];
    const operator = certificateOf(authority, "operator one");
    const open = async (options: ClientOptions = operator, path = "/session"): Promise<RelayClient> => {
      const client = await RelayClient.open(`wss://localhost:${relay.port}${path}`, { ca: authority.cert, ...options });
      clients.push(client);
      return client;
    };
    try {
      await run({
        get relay(): Relay {
          return relay;
        },
        folder,
        registration,
        authority,
        lines,
        open,
        openAs: (name) => open(certificateOf(authority, name)),
        restart: async () => {
          await relay.close();
          relay = await start();
        },
      });
    } finally {
      await Promise.all(clients.map((client) => client.close().catch(() => {})));
      await relay.close();
    }
  });
}

/** A place of which nobody looks whether there is something: it is longer than an address can be. */
export const NOWHERE: string = `/nowhere/${"-".repeat(120)}.sock`;

/** A registration as the reference's targets send it. */
export function registrationOf(targetId: string, path: string, more: object = {}): object {
  const names = ["restart_child", "pause_child", "resume_child", "quarantine_child", "remove_child", "add_child", "shutdown_tree"];
  return {
    target_id: targetId,
    display_name: targetId,
    ipc_path: path,
    lease_seconds: 30,
    supported_commands: names.map((name) => ({ name, idempotent: false, timeout_seconds: 30 })),
    ...more,
  };
}

/** A command as a client sends it. */
export function commandFor(targetId: string, command: string, more: object = {}): Frame {
  return {
    type: "command",
    command_id: crypto.randomUUID(),
    target_id: targetId,
    command,
    target: { child_path: "/api" },
    reason: "a test",
    confirmed: false,
    ...more,
  };
}

/** A target that has registered and is connected. */
export async function joined(
  { folder, registration, relay }: TestRelay,
  targetId: string,
  more: object = {},
  answer: Answering = obedient(targetId),
): Promise<FakeTarget> {
  const path = join(folder, `${targetId}.sock`);
  const target = await FakeTarget.listen(path, answer);
  assertEquals(JSON.parse(await register(registration, registrationOf(targetId, path, more))).ok, true);
  await until(() => relay.targets.get(targetId) === "connected" && target.isFollowed, () => `${targetId} is not connected`);
  return target;
}

/** An event as the target "shop" pushes it. */
export function eventOf(sequence: number): { readonly type: string } {
  return Object.assign({ type: "event" }, {
    target_id: "shop",
    event: {
      target_id: "shop",
      sequence,
      event_type: "child_failed",
      severity: "error",
      target_path: "/api",
      occurred_at_unix_nanos: 1_795_390_397_026,
      payload: {},
    },
  });
}
