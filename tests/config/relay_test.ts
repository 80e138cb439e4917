/** The file of a relay: what is wrong with it is told at once, with its place and the code of the reference. */
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "node:path";
import { ConfigError, loadRelayFile, relaySettings } from "../../src/config/mod.ts";
import { withFolder } from "../support/folder.ts";

const TLS = { certificate_path: "relay.pem", private_key_path: "relay.key", client_ca_path: "ca.pem" };

/** A file as the reference has it. */
const REFERENCE = `
listen:
  bind: "127.0.0.1:9443"
  public_url: "wss://relay.example:9443/"
tls:
  certificate_path: /etc/relay/cert.pem
  private_key_path: /etc/relay/key.pem
  client_ca_path: /etc/relay/ca.pem
trusted_proxy:
  enabled: false
  allowed_remote_addrs: []
  identity_header: x-verified-client-subject
registration:
  listen_path: /run/supervisor/relay.sock
  permissions: "0660"
  allowed_ipc_path_prefixes: [/run/supervisor]
  default_lease_seconds: 30
  max_lease_seconds: 120
`;

Deno.test("relay file: one of the reference is accepted as it is", () =>
  withFolder({ "relay.yaml": REFERENCE }, async (folder) => {
    const { settings, warnings } = await loadRelayFile(join(folder, "relay.yaml"));
    assertEquals(warnings, []);
    assertEquals([settings.listen.path, settings.registration?.mode, settings.registration?.maxLeaseSeconds], ["/", 0o660, 120]);
    assertEquals(settings.listen.hosts, ["relay.example:9443", "127.0.0.1:9443"]);
    assertEquals(settings.trustedProxy, null);
  }));

Deno.test("relay file: everything that is wrong, in its order, each with its code", () =>
  withFolder({
    "relay.yaml": `listen:
  bind: localhost:9443
  public_url: https://relay.example
  orgins: []
tls:
  certificate_path: relay.pem
trusted_proxy:
  enabled: true
  allowed_remote_addrs: [10.0.0.0/33]
  identity_header: "a b"
tokens:
  - { name: ci, sha256: abc }
  - { name: ci }
registration:
  listen_path: relay.sock
  permissions: rwx
  allowed_ipc_path_prefixes: [run]
  default_lease_seconds: 600
metrics:
  listen: 0.0.0.0:9464
targets:
  - path: shop.sock
`,
  }, async (folder) => {
    const error = await assertRejects(() => loadRelayFile(join(folder, "relay.yaml")), ConfigError);
    assertEquals(error.problems.map(({ line, rule, pointer }) => [line, rule, pointer]), [
      [2, "invalid_bind_address", "/listen/bind"],
      [3, "invalid_public_url", "/listen/public_url"],
      [4, "unknown_key", "/listen/orgins"],
      [5, "missing_tls_identity", "/tls/private_key_path"],
      [9, "invalid_trusted_proxy_addr", "/trusted_proxy/allowed_remote_addrs/0"],
      [10, "empty_identity_header", "/trusted_proxy/identity_header"],
      [12, "wrong_text", "/tokens/0/sha256"],
      [13, "wrong_text", "/tokens/1"],
      [13, "wrong_text", "/tokens/1/name"],
      [15, "relative_registration_path", "/registration/listen_path"],
      [16, "wrong_text", "/registration/permissions"],
      [17, "relative_allowed_ipc_path_prefix", "/registration/allowed_ipc_path_prefixes/0"],
      [18, "invalid_registration_lease_policy", "/registration/default_lease_seconds"],
      [20, "wrong_text", "/metrics/listen"],
      [22, "wrong_text", "/targets/0/path"],
    ]);
  }));

Deno.test("relay file: what is missing, empty or no YAML has the code of the reference", async () => {
  const codesOf = (raw: Readonly<Record<string, unknown>>): string[] => {
    const error = assertThrows(() => relaySettings(raw), ConfigError);
    return error.problems.filter(({ severity }) => severity === "error").map(({ rule }) => rule);
  };
  assertEquals(codesOf({}), ["missing_tls_identity"]);
  assertEquals(codesOf({ tls: { ...TLS, client_ca_path: "" } }), ["missing_client_ca"]);
  assertEquals(codesOf({ tls: TLS, registration: { listen_path: "/run/r.sock" } }), ["empty_allowed_ipc_path_prefixes"]);
  assertEquals(codesOf({ tls: TLS, trusted_proxy: { enabled: true } }), ["empty_trusted_proxy_addrs"]);
  // Who is known by a token needs no authority.
  assertEquals(relaySettings({ tls: { ...TLS, client_ca_path: undefined }, tokens: [{ name: "ci", file: "t" }] }).tls.clientCaPath, null);
  await withFolder({ "relay.yaml": "listen: [" }, async (folder) => {
    const error = await assertRejects(() => loadRelayFile(join(folder, "relay.yaml")), ConfigError);
    assertEquals([error.code, error.problems[0]?.rule], ["invalid_config", "invalid_config_yaml"]);
    const missing = await assertRejects(() => loadRelayFile(join(folder, "no.yaml")), ConfigError);
    assertEquals([missing.code, missing.problems[0]?.rule], ["config_unreadable", "config_read_failed"]);
  });
});

Deno.test("relay file: IPv4 addresses of a proxy are written as such, because no other one is ever seen", () => {
  const codesFor = (address: string): string[] => {
    try {
      relaySettings({ tls: TLS, trusted_proxy: { enabled: true, allowed_remote_addrs: [address] }, targets: [{ path: "/run/a.sock" }] });
      return [];
    } catch (error) {
      return error instanceof ConfigError ? error.problems.map(({ rule }) => rule) : [String(error)];
    }
  };
  for (const address of ["::ffff:10.0.0.0/104", "::FFFF:10.0.0.1", "0:0:0:0:0:ffff:a00:1", "::ffff:0:0/96"]) {
    assertEquals(codesFor(address), ["invalid_trusted_proxy_addr"], address);
  }
  for (const address of ["10.0.0.0/8", "::1", "fd00::/8", "::ffff:1", "2001:db8::ffff:1:2"]) assertEquals(codesFor(address), [], address);
});
