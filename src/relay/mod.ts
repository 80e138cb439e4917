/**
 * A relay: many targets, many operators, or one person and a browser.
 *
 * @example
 * ```ts ignore
 * import { loadRelayFile } from "@reeve/supervisor/config";
 * import { startRelay } from "@reeve/supervisor/relay";
 *
 * const { settings } = await loadRelayFile("relay.yaml");
 * await using relay = await startRelay(settings, { log: (line) => console.error(line.trimEnd()) });
 * console.log(relay.targets);
 * ```
 *
 * @module
 */
export { checkRelay } from "./check.ts";
export { type LocalRelay, type LocalRelayOptions, startLocalRelay } from "./local.ts";
export { PAGE } from "./page.ts";
export { type Relay, type RelayOptions, startRelay } from "./relay.ts";
export type { Asset } from "./server.ts";
