/** What a run came to, as a table. */
import { cleanText } from "../base/mod.ts";
import { describe, describeExit, duration } from "../event/mod.ts";
import type { ChildReport, Reconciliation, Report, Unwritten } from "../runtime/mod.ts";
import { type CommandIo, paint } from "./io.ts";
import { renderTable } from "./table.ts";

/** Renders the report of a tree. */
export function summary(name: string, report: Report, io: CommandIo): string {
  const rows = report.children.map((child) =>
    [
      child.path,
      child.kind,
      String(child.starts),
      String(child.restarts),
      String(child.failures),
      child.lastExit === null ? "-" : describeExit(child.lastExit),
      howItStopped(child),
    ].map((cell) => cleanText(cell))
  );
  const { cause, summary: { failures, restarts, recentFailures } } = report;
  const end = cause.kind === "shutdown" ? `ended by ${cause.requestedBy} (${cause.reason})` : `ended by ${cause.kind}: ${cause.reason}`;
  const table = renderTable(["CHILD", "KIND", "STARTS", "RESTARTS", "FAILURES", "LAST EXIT", "STOPPED"], rows);
  const last = recentFailures.at(-1);
  const counts = last === undefined
    ? ""
    : `\n${failures} ${failures === 1 ? "failure" : "failures"}, ${restarts} ${
      restarts === 1 ? "restart" : "restarts"
    }; the last failure: ${cleanText(`${last.path} ${describe(last)}`)}\n`;
  return `\n${paint(io, "bold", cleanText(name))} ran ${duration(report.durationMs)}, ${
    cleanText(end)
  }, exit code ${report.exitCode}\n${counts}\n${table}${whatIsLeft(report.reconcile)}${whatIsMissing(report.unwritten)}`;
}

function whatIsLeft({ left, more }: Reconciliation): string {
  if (left.length === 0 && more === 0) return "";
  const lines = left.map(({ owner, detail }) => `  ${cleanText(owner)}: ${cleanText(detail)}`);
  return ["\nstill there:", ...lines, ...(more === 0 ? [] : [`  and ${more} more`]), ""].join("\n");
}

const SINKS = {
  journal: "events in the journal",
  audit: "records in the audit",
  logs: "lines of output",
  state: "changes in the state",
} as const;

function whatIsMissing(unwritten: readonly Unwritten[]): string {
  if (unwritten.length === 0) return "";
  const lines = unwritten.map(({ sink, lost, reason }) => `  ${lost} ${SINKS[sink]}: ${cleanText(reason)}`);
  return ["\nnot written:", ...lines, ""].join("\n");
}

function howItStopped({ status, phase }: ChildReport): string {
  switch (status) {
    case "already_exited":
      return phase === "failed" ? "was down" : "was not running";
    case "graceful":
      return "in order";
    case "aborted":
      return "by force";
    case "abort_failed":
      return "not at all, left behind";
    case "late_report":
      return "late";
  }
}
