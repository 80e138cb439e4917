/** The schema of the socket for dashboards, and of the audit of what is asked over it. */
import { z } from "zod";
import { fsync, natural, positive, positiveSecs, rotation, setting, word } from "./fields.ts";

/** The `dashboard.registration` section. */
export const registration = z.strictObject({
  enabled: setting(z.boolean(), "Whether the target registers.", { default: false }),
  relay_registration_path: setting(word, "Socket of the relay, absolute.", { example: "/run/shop/relay.sock" }),
  display_name: setting(z.string(), "Name for people.", { example: "Shop 1" }),
  lease_seconds: setting(positiveSecs, "How long a registration lasts, in seconds.", { example: 45 }),
  registration_heartbeat_interval_seconds: setting(positiveSecs, "Seconds between two registrations, less than the lease.", {
    default: 15,
  }),
  registration_connect_timeout_secs: setting(
    positiveSecs,
    "Seconds in which the relay must take a connection; at most a third of the lease.",
    {
      default: 5,
    },
  ),
  registration_io_timeout_secs: setting(positiveSecs, "Seconds in which the relay must answer; at most a third of the lease.", {
    default: 5,
  }),
});

/** The `dashboard` section. */
export const dashboard = z.strictObject({
  enabled: setting(z.boolean(), "Whether the socket is served.", { default: true }),
  target_id: setting(word, "Name of this target.", { example: "shop-1" }),
  path: setting(word, "Path of the socket, absolute.", { example: "/run/shop/reeve.sock" }),
  permissions: setting(z.string().regex(/^0?[0-7]{3}$/, "must be an octal mode"), "Mode of the socket.", { default: "0600" }),
  bind_mode: setting(z.enum(["create_new", "replace_stale"]), "What to do about a socket that is there.", { default: "create_new" }),
  registration: setting(registration, "Registration at a relay."),
  max_connections: setting(positive, "Most connections at a time.", { default: 64 }),
  write_timeout_secs: setting(positiveSecs, "Seconds in which a client must take what is written.", { default: 10 }),
  idle_timeout_secs: setting(
    positiveSecs.nullable(),
    "Seconds without a request after which a connection ends, where nothing is subscribed.",
    {
      default: null,
    },
  ),
  security_config: setting(
    z.strictObject({
      peer_identity: setting(
        z.strictObject({
          enabled: setting(z.boolean(), "Whether peers are identified.", { default: true }),
          require_uid_match: setting(z.boolean(), "Whether a peer must be the same user.", { default: true }),
          allowed_gids: setting(z.array(natural), "Groups allowed; empty is no check.", { default: [] }),
          allowed_pids: setting(z.array(natural), "Processes allowed; empty is no check.", { default: [] }),
        }),
        "Who may connect.",
      ),
      authorization: setting(
        z.strictObject({
          enabled: setting(z.boolean(), "Whether commands are checked.", { default: true }),
          high_risk_commands: setting(
            z.array(word),
            "Commands that are refused while the audit cannot be written; all of them where it is left out.",
            {
              example: ["command.restart_child"],
            },
          ),
          allowed_uids: setting(z.array(natural), "Users that may command; the own one and root where it is left out.", { example: [0] }),
        }),
        "Who may command.",
      ),
      replay_protection: setting(
        z.strictObject({
          enabled: setting(z.boolean(), "Whether repeated requests are noticed.", { default: true }),
          window_size: setting(
            positive,
            "Reads remembered for each user; sixteen times as many commands are taken within `ttl_seconds`, more are refused.",
            { default: 1024 },
          ),
          ttl_seconds: setting(positiveSecs, "For this many seconds.", { default: 60 }),
        }),
        "Repeated requests.",
      ),
      request_size_limit: setting(
        z.strictObject({
          enabled: setting(z.boolean(), "Whether requests are bounded.", { default: true }),
          max_bytes: setting(positive, "Bytes of a request.", { default: 65_536 }),
        }),
        "Size of requests.",
      ),
      rate_limit: setting(
        z.strictObject({
          enabled: setting(z.boolean(), "Whether requests are counted.", { default: true }),
          refill_rate: setting(z.number().gt(0), "Requests per second.", { default: 100 }),
          burst_capacity: setting(positive, "Requests at once.", { default: 20 }),
          peer_refill_rate: setting(
            z.number().gt(0),
            "Requests per second of all connections of one user; ten times as many as of one connection.",
            {
              example: 1_000,
            },
          ),
          peer_burst_capacity: setting(
            positive,
            "Requests at once of all connections of one user; ten times as many as of one connection.",
            {
              example: 200,
            },
          ),
        }),
        "Rate of requests.",
      ),
      idempotency: setting(
        z.strictObject({
          enabled: setting(z.boolean(), "Whether answers are remembered.", { default: true }),
          result_cache_ttl_seconds: setting(positiveSecs, "For this many seconds.", { default: 60 }),
          max_cached_results: setting(positive, "Answers remembered.", { default: 1024 }),
          max_cached_bytes: setting(positive, "Bytes of answers remembered.", { default: 8_388_608 }),
        }),
        "Repeated commands.",
      ),
      allowlist: setting(
        z.strictObject({
          enabled: setting(z.boolean(), "Whether programs are checked.", { default: true }),
          allowed_paths: setting(z.array(word), "Programs that may be added; empty denies all.", { default: [] }),
        }),
        "Programs that may be added.",
      ),
    }),
    "Security of the socket.",
  ),
}).nullable();

/** Records are kept by size alone. */
const { max_age_secs: _maxAge, ...auditRotation } = rotation(67_108_864);

/** The `audit` section. */
export const audit = z.strictObject({
  enabled: setting(z.boolean(), "Whether commands are recorded.", { default: true }),
  backend: setting(z.enum(["memory", "file"]), "Where.", { default: "memory" }),
  file_path: setting(word.nullable(), "File, for backend file.", { default: null }),
  failure_strategy: setting(z.enum(["fail_closed", "defer_bounded"]), "What happens to a command that cannot be recorded.", {
    default: "fail_closed",
  }),
  max_defer_queue: setting(positive, "Records of commands that may wait to be written, with defer_bounded.", { default: 1_000 }),
  ...auditRotation,
  fsync: setting(fsync, "When records are forced to disk.", { default: "interval" }),
});
