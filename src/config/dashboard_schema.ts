/** The schema of the socket for dashboards. */
import { z } from "zod";
import { natural, positive, positiveSecs, setting, word } from "./fields.ts";

/** The `dashboard` section. */
export const dashboard = z.strictObject({
  enabled: setting(z.boolean(), "Whether the socket is served.", { default: true }),
  target_id: setting(word, "Name of this target.", { example: "shop-1" }),
  path: setting(word, "Path of the socket, absolute.", { example: "/run/shop/reeve.sock" }),
  permissions: setting(z.string().regex(/^0?[0-7]{3}$/, "must be an octal mode"), "Mode of the socket.", { default: "0600" }),
  bind_mode: setting(z.enum(["create_new", "replace_stale"]), "What to do about a socket that is there.", { default: "create_new" }),
  registration: setting(
    z.strictObject({
      enabled: setting(z.boolean(), "Whether the target registers.", { default: false }),
      relay_registration_path: setting(word, "Socket of the relay, absolute.", { example: "/run/shop/relay.sock" }),
      display_name: setting(z.string(), "Name for people.", { example: "Shop 1" }),
      lease_seconds: setting(positiveSecs, "How long a registration lasts, in seconds.", { example: 45 }),
      registration_heartbeat_interval_seconds: setting(positiveSecs, "Seconds between two registrations.", { default: 15 }),
    }),
    "Registration at a relay.",
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
          high_risk_commands: setting(z.array(word), "Commands that need an allowed user.", { example: ["command.shutdown_tree"] }),
          allowed_uids: setting(z.array(natural), "Users allowed.", { example: [0] }),
        }),
        "Who may command.",
      ),
      replay_protection: setting(
        z.strictObject({
          enabled: setting(z.boolean(), "Whether repeated requests are noticed.", { default: true }),
          window_size: setting(positive, "Requests remembered.", { default: 1024 }),
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
        }),
        "Rate of requests.",
      ),
      idempotency: setting(
        z.strictObject({
          enabled: setting(z.boolean(), "Whether answers are remembered.", { default: true }),
          result_cache_ttl_seconds: setting(positiveSecs, "For this many seconds.", { default: 60 }),
          max_cached_results: setting(positive, "Answers remembered.", { default: 1024 }),
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
