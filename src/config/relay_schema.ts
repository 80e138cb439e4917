/** The schema of the file of a relay; keys of the reference have its names and meanings. */
import { z } from "zod";
import { positive, positiveSecs, rotation, setting, word } from "./fields.ts";

const patterns = z.array(word);
const list = z.array(z.string());

/** A file that is to be given. */
function path(description: string, example: string): z.ZodOptional<z.ZodString> {
  return setting(z.string(), description, { example });
}

const { max_age_secs: _maxAge, ...auditRotation } = rotation(67_108_864);

/** The whole file; texts with a form of their own are looked at afterwards, under the codes of the reference. */
export const relayFile = z.strictObject({
  listen: setting(
    z.strictObject({
      bind: setting(z.string(), "Where operators connect: an IP address and a port.", { default: "127.0.0.1:9443" }),
      public_url: setting(z.string(), "The address of sessions as operators have it, wss; its path is the path of sessions.", {
        default: "wss://BIND/session",
      }),
      hosts: setting(
        list,
        "Names under which the relay may be asked beside those of `public_url` and `bind`, one without a port at every port.",
        {
          default: [],
        },
      ),
      origins: setting(list, "Pages that may open sessions beside those of the relay itself.", { default: [] }),
    }),
    "Where operators connect.",
  ),
  tls: z.strictObject({
    certificate_path: path("Certificate of the relay with its chain, PEM.", "/etc/reeve/relay.pem"),
    private_key_path: path("Its key, PEM.", "/etc/reeve/relay.key"),
    client_ca_path: path(
      "Authorities of client certificates, PEM; needed unless operators are known by something else.",
      "/etc/reeve/ca.pem",
    ),
  }).optional().meta({ description: "Certificates; read again at SIGHUP." }),
  trusted_proxy: setting(
    z.strictObject({
      enabled: setting(z.boolean(), "Whether operators come through a proxy that says who they are.", { default: false }),
      allowed_remote_addrs: setting(list, "Addresses of the proxy, also as ranges such as 10.0.0.0/8.", { default: [] }),
      identity_header: setting(z.string(), "Header in which the proxy says who asks.", { default: "x-verified-client-subject" }),
    }),
    "A proxy that checks operators.",
  ),
  tokens: setting(
    z.array(z.strictObject({
      name: word.meta({ description: "Who has it: the principal." }),
      file: path("File with the token.", "/etc/reeve/tokens/ci"),
      sha256: setting(z.string(), "SHA-256 of the token, 64 hexadecimal digits.", { example: "9f86d081884c7d65…" }),
    })),
    "Fixed tokens for programs, sent as `Authorization: Bearer`.",
    { default: [] },
  ),
  oidc: setting(
    z.strictObject({
      issuer: word.meta({ description: "Who issues the tokens, as `iss` says it." }),
      audience: word.meta({ description: "For whom they must be, as `aud` says it." }),
      jwks_url: word.meta({ description: "Where the keys of the issuer are, https." }),
      principal_claim: setting(word, "The claim that says who asks; `email` counts where `email_verified` is true.", { default: "sub" }),
    }),
    "JSON web tokens of an issuer, sent as `Authorization: Bearer`.",
  ),
  roles: setting(
    z.strictObject({
      dangerous: setting(patterns, "Who may do everything.", { default: [] }),
      control: setting(patterns, "Who may command, but not remove, add or shut down.", { default: [] }),
      read: setting(patterns, "Who may look.", { default: [] }),
    }),
    "Who may do what, by patterns on the principal, or on the whole identity where they begin with `token:`, `oidc:`, `trusted_proxy:` or `mtls_cert_fingerprint:`; `*` is any text. Whoever fits none is refused. Left out, everybody who is let in may do everything.",
  ),
  registration: setting(
    z.strictObject({
      listen_path: path("Socket where targets register, absolute.", "/run/reeve/relay.sock"),
      permissions: setting(z.string(), "Mode of that socket, octal.", { default: "0600" }),
      allowed_ipc_path_prefixes: setting(list, "Folders in which the sockets of targets may be, absolute.", { example: ["/run/reeve"] }),
      default_lease_seconds: setting(z.int(), "Lease of a registration that names none.", { default: 45 }),
      max_lease_seconds: setting(z.int(), "Longest lease.", { default: 300 }),
      grace_seconds: setting(z.int().min(0).max(2_147_483), "How long the name and the path of a target stay its own after its lease.", {
        default: 60,
      }),
      max_connections: setting(positive, "Most connections at a time.", { default: 64 }),
      max_line_bytes: setting(z.int().min(1_024).max(1_048_576), "Longest registration.", { default: 65_536 }),
      io_timeout_seconds: setting(positiveSecs, "Time in which a registration must come and its answer be taken.", { default: 5 }),
    }),
    "Targets that register themselves.",
  ),
  targets: setting(
    z.array(z.strictObject({
      path: word.meta({ description: "Its socket, absolute." }),
    })),
    "Targets that are always looked for, whether they register or not.",
    { default: [] },
  ),
  audit: setting(
    z.strictObject({
      path: path(
        "File of the audit, one JSON object a line; with or without it the last 1 000 are in memory.",
        "/var/log/reeve/relay-audit.ndjson",
      ),
      ...auditRotation,
      on_failure: setting(z.enum(["refuse", "allow"]), "What happens to a command that cannot be recorded.", { default: "refuse" }),
    }),
    "Who asked for what.",
  ),
  limits: setting(
    z.strictObject({
      sessions: setting(positive, "Most sessions at a time.", { default: 256 }),
      sessions_per_identity: setting(positive, "Most sessions of one identity.", { default: 32 }),
      commands_per_second: setting(positive, "Commands of one identity in a second, in all of its sessions.", { default: 20 }),
      messages_per_second: setting(positive, "Messages of one session in a second.", { default: 200 }),
      hello_timeout_seconds: setting(positiveSecs, "Time until a client must have said hello.", { default: 10 }),
      idle_timeout_seconds: setting(positiveSecs.nullable(), "Time without a word after which a session ends; null is never.", {
        default: null,
      }),
      frame_bytes: setting(z.int().min(1_024).max(1_048_576), "Longest message of a client.", { default: 65_536 }),
      waiting_bytes: setting(z.int().min(65_536), "Bytes that may wait for a client that does not read.", { default: 4_194_304 }),
    }),
    "Bounds.",
  ),
  metrics: setting(
    z.strictObject({
      listen: setting(z.string(), "Loopback address and port of `/metrics` and `/healthz`.", { default: "127.0.0.1:9464" }),
    }),
    "Numbers for Prometheus; none where it is left out.",
  ),
  log: setting(
    z.strictObject({ format: setting(z.enum(["text", "json"]), "How lines are written to standard error.", { default: "text" }) }),
    "The log of the relay itself.",
  ),
});
