/** Files of an audit for tests: written by the real thing, in folders of their own. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AuditFact, type AuditMeans, AuditTrail } from "../../src/observe/mod.ts";
import type { AuditOptions } from "../../src/spec/mod.ts";

/** The file of an audit in a folder. */
export function auditIn(folder: string): string {
  return join(folder, "audit.jsonl");
}

/** A command that somebody asked for. */
export function asked(correlationId: string, more: Partial<AuditFact> = {}): AuditFact {
  return {
    kind: "intent",
    origin: "program",
    method: "command.pause_child",
    initiatorHash: "program",
    correlationId,
    allowed: true,
    requestedBy: "ops",
    reason: "because",
    targetPath: "/web",
    ...more,
  };
}

/** An audit that writes to a file. */
export function trailTo(filePath: string, options: AuditOptions = {}, means: AuditMeans = {}): AuditTrail {
  return new AuditTrail({ backend: "file", filePath, fsync: "never", ...options }, { wallNow: () => 1_700_000_000_000, ...means });
}

/** One run of a program, which records so many commands one after the other. */
export async function record(filePath: string, ids: readonly string[], options: AuditOptions = {}, means: AuditMeans = {}): Promise<void> {
  const trail = trailTo(filePath, options, means);
  await trail.probe();
  for (const id of ids) await trail.intend(asked(id));
  await trail.close();
}

/** The lines of a file, without their ends. */
export function linesIn(path: string): string[] {
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").filter((line) => line !== "") : [];
}

/** Puts lines into a file. */
export function putLines(path: string, lines: readonly string[]): void {
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
}

/** Something of each line. */
export function eachIn(path: string, member: string): unknown[] {
  return linesIn(path).map((line) => JSON.parse(line)[member]);
}

/** Names of so many records. */
export function ids(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => `c${from + index}`);
}
