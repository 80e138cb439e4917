/**
 * Supervision trees in files.
 *
 * @example
 * ```ts ignore
 * import { supervise } from "@reeve/supervisor";
 * import { loadFile } from "@reeve/supervisor/config";
 *
 * const { spec, warnings } = await loadFile("supervisor.yaml");
 * for (const warning of warnings) console.warn(warning.reason);
 * await using tree = await supervise(spec);
 * await tree.finished;
 * ```
 *
 * @module
 */
export { type ManifestOptions, parseChildManifest } from "./child_manifest.ts";
export { type ForeignDocument, readForeignDocument } from "./document.ts";
export { ConfigError, describeFileProblem, type FileProblem } from "./errors.ts";
export { explain, type ExplainedSetting } from "./explain.ts";
export { jsonSchema, SCHEMA_ID, type SchemaNode } from "./json_schema.ts";
export type { DashboardSettings } from "./dashboard.ts";
export type { ExporterSettings } from "./exporters.ts";
export { type LoadedConfig, loadFile, loadJournalOptions, type LoadOptions, loadText } from "./load.ts";
export type { SignalSettings } from "./signals.ts";
export { keyReference } from "./reference.ts";
export { type LoadedRelay, loadRelayFile, relayKeyReference, type RelaySettings, relaySettings } from "./relay.ts";
export { type DeclaredSecret, environmentSecrets, fileSecrets, type SecretAnswer, type SecretProvider } from "./secret_providers.ts";
export { template } from "./template.ts";
export type { ValueSource } from "../spec/mod.ts";
