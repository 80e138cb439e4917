/** Who asked for what: told to all who look, and kept in a file where that is wanted. */
import { Buffer } from "node:buffer";
import { type Clock, thrownMessage } from "../base/mod.ts";
import { RotatingFile } from "../observe/mod.ts";
import type { AuditedCommand, RelayAudit } from "./commander.ts";
import type { RelayLog } from "./log.ts";

/** A record as sessions get it. */
export interface ToldRecord {
  readonly target_id: string;
  readonly audit: object;
}

/** Records that are kept in memory, for sessions that come later: so many, and so many characters of them. */
const MOST_RECENT = 1_000;
const MOST_CHARACTERS = 1_048_576;

/** Where records go. */
export interface RelayAuditOptions {
  readonly clock: Clock;
  readonly log: RelayLog;
  /** The file; `null` keeps the last ones in memory alone. */
  readonly file: { readonly path: string; readonly maxBytes: number; readonly keep: number } | null;
  /** Told of each record, whether it could be kept or not. */
  readonly told: (record: ToldRecord) => void;
}

/** The audit of one relay. */
export class AuditTrail implements RelayAudit {
  readonly #options: RelayAuditOptions;
  readonly #file: RotatingFile | null;
  /** Records that could not be kept. */
  lost = 0;
  /** Whether the last record could not be kept. */
  isFailing = false;
  readonly #recent: { readonly record: ToldRecord; readonly length: number }[] = [];
  #characters = 0;

  constructor(options: RelayAuditOptions) {
    this.#options = options;
    const { file } = options;
    this.#file = file === null ? null : new RotatingFile({ ...file, fsync: "interval", compress: false });
  }

  /** The last records, oldest first. */
  get recent(): readonly ToldRecord[] {
    return this.#recent.map(({ record }) => record);
  }

  /** Opens the file; rejects when it cannot be written. */
  async open(): Promise<void> {
    await this.#file?.append("");
  }

  async record(
    { clientIdentity, principal, source, correlationId, targetId, commandId, command, childPath, reason, result, detail, count }:
      AuditedCommand,
  ): Promise<string | null> {
    const audit = {
      audit_id: crypto.randomUUID(),
      identity: { client_identity: clientIdentity, principal, source },
      target_id: targetId,
      command_id: commandId,
      correlation_id: correlationId,
      command,
      target: { child_path: childPath },
      reason,
      result,
      detail,
      ...count === null ? {} : { count },
      occurred_at: new Date(this.#options.clock.wallNow()).toISOString(),
    };
    const line = `${JSON.stringify(audit)}\n`;
    const why = await this.#keep(line);
    const record = { target_id: targetId, audit };
    this.#remember(record, line.length);
    this.#options.told(record);
    return why;
  }

  /** Writes what waits. */
  async close(): Promise<void> {
    await this.#file?.close();
  }

  #remember(record: ToldRecord, length: number): void {
    this.#recent.push({ record, length });
    this.#characters += length;
    while (this.#recent.length > MOST_RECENT || this.#characters > MOST_CHARACTERS) this.#characters -= this.#recent.shift()?.length ?? 0;
  }

  async #keep(line: string): Promise<string | null> {
    try {
      await this.#file?.append(line);
      this.isFailing = false;
      return null;
    } catch (error) {
      this.lost++;
      this.isFailing = true;
      const why = thrownMessage(error, 256);
      this.#options.log.warn("audit_write_failed", { reason: why, bytes: Buffer.byteLength(line) });
      return why;
    }
  }
}
