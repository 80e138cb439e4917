/** The words with which a process in the background is started. */
import type { RunArgs } from "../commands/run.ts";
import { placeText } from "../place.ts";

/** Where a process in the background has its files. */
export interface BackgroundFiles {
  readonly pidFile: string;
  readonly logFile: string;
}

/** What follows the command itself; every option of `run` goes along. */
export function backgroundWords(args: RunArgs, files: BackgroundFiles, waitSecs: number, report: string): string[] {
  const { file, forSecs, verbose, output, socket, json, health, metrics, watchdogSecs } = args;
  return [
    "run",
    ...forSecs === undefined ? [] : [`--for=${forSecs}`],
    ...verbose ? ["--verbose"] : [],
    ...output ? [] : ["--no-output"],
    ...socket ? [] : ["--no-socket"],
    ...health === undefined ? [] : [`--health=${placeText({ host: health.host ?? "127.0.0.1", port: health.port })}`],
    ...metrics === undefined ? [] : [`--metrics=${placeText(metrics)}`],
    ...watchdogSecs === undefined ? [] : [`--watchdog=${watchdogSecs}`],
    ...json ? ["--json"] : [],
    `--pid-file=${files.pidFile}`,
    `--log-file=${files.logFile}`,
    `--wait=${waitSecs}`,
    `--background=${report}`,
    "--",
    file,
  ];
}
