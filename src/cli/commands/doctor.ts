/** `reeve doctor [FILE]`: whether machine, runtime, file and run are as they must be. */
import { existsSync } from "node:fs";
import { cleanText, thrownMessage } from "../../base/mod.ts";
import { ConfigError, loadFile } from "../../config/mod.ts";
import { platform } from "../../platform/mod.ts";
import { checkFiles } from "../../runtime/mod.ts";
import { MACHINE } from "../doctor/machine.ts";
import { permissions } from "../doctor/permissions.ts";
import { leftBehind, paths, socketFolder } from "../doctor/places.ts";
import { run } from "../doctor/running.ts";
import { type Check, type Finding, fine, type Patient, unknown, type Verdict, wrong } from "../doctor/types.ts";
import { type Color, type CommandIo, EXIT, paint } from "../io.ts";
import { USUAL_FILES } from "../target.ts";

/** Arguments of {@linkcode doctor}. */
export interface DoctorArgs {
  /** The file; one with a usual name in this folder where absent. */
  readonly file?: string | undefined;
  readonly json: boolean;
}

const [RUNTIME, ...OTHERS] = MACHINE;
const CHECKS: readonly Check[] = [...RUNTIME === undefined ? [] : [RUNTIME], permissions, ...OTHERS, socketFolder, paths, leftBehind, run];

/** What checks are called that could not even begin. */
const NAMES: ReadonlyMap<Check, string> = new Map([[permissions, "permissions"], [socketFolder, "socket"], [paths, "paths"], [
  leftBehind,
  "left behind",
], [
  run,
  "run",
]]);

/** Looks at everything; returns 0 when nothing is wrong, 1 when something is, 2 when the file cannot be read. */
export async function doctor({ file, json }: DoctorArgs, io: CommandIo, checks: readonly Check[] = CHECKS): Promise<number> {
  const path = file ?? USUAL_FILES.find(isHere);
  const { patient, findings } = path === undefined ? { patient: { file: null }, findings: [] } : await loaded(path);
  const found = [...findings, ...(await Promise.all(checks.map((check) => carefully(check, patient)))).flat()];
  const counts = countsOf(found);
  if (json) io.stdout(`${JSON.stringify({ ok: counts.wrong === 0, file: path ?? null, counts, findings: found }, null, 2)}\n`);
  else {
    for (const finding of found) io.stdout(lineOf(finding, io));
    io.stdout(`\n${sumOf(counts)}${path === undefined ? "; no file was looked at: reeve doctor FILE" : ""}\n`);
  }
  return path !== undefined && patient.file === null && isUnreadable(findings)
    ? EXIT.unusable
    : counts.wrong > 0
    ? EXIT.problems
    : EXIT.clean;
}

function isHere(name: string): boolean {
  return platform.permits("read", name) && existsSync(name);
}

function isUnreadable(findings: readonly Finding[]): boolean {
  return findings.some(({ verdict }) => verdict === "unknown");
}

async function loaded(path: string): Promise<{ readonly patient: Patient; readonly findings: readonly Finding[] }> {
  const fix = `reeve check ${path}`;
  try {
    const file = await loadFile(path);
    const missing = await checkFiles(file.spec);
    const [count, warnings] = [missing.length, file.warnings.length];
    const finding = count > 0
      ? wrong(
        "file",
        `"${path}" names ${count === 1 ? "something" : `${count} things`} that cannot be run: ${missing[0]?.reason ?? ""}`,
        fix,
      )
      : fine("file", `"${path}" is valid${warnings === 0 ? "" : `, with ${warnings} warnings: ${fix}`}`);
    return { patient: { file: { path, loaded: file } }, findings: [finding] };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const isUnreadable = error.code === "config_unreadable";
    const finding = isUnreadable
      ? unknown("file", `"${path}" cannot be read: ${error.problems[0]?.reason ?? thrownMessage(error)}`, platform.permissionHint(error))
      : wrong("file", `"${path}" is refused: ${error.problems.length} problems`, fix);
    return { patient: { file: null }, findings: [finding] };
  }
}

/** One check that breaks says nothing, and the others go on. */
async function carefully(check: Check, patient: Patient): Promise<readonly Finding[]> {
  try {
    const found = await check(patient);
    return "check" in found ? [found] : found;
  } catch (error) {
    return [unknown(NAMES.get(check) ?? "check", thrownMessage(error), platform.permissionHint(error))];
  }
}

const LOOKS: Readonly<Record<Verdict, readonly [string, Color]>> = {
  fine: ["fine", "green"],
  warning: ["warning", "yellow"],
  wrong: ["WRONG", "red"],
  unknown: ["unknown", "dim"],
};

function lineOf({ check, verdict, found, fix }: Finding, io: CommandIo): string {
  const [word, color] = LOOKS[verdict];
  const line = `${paint(io, color, word.padEnd(8))} ${cleanText(check, 64).padEnd(12)} ${cleanText(found, 1_024)}\n`;
  return fix === undefined ? line : `${line}${" ".repeat(9)}${" ".repeat(12)} → ${cleanText(fix, 512)}\n`;
}

type Counts = Readonly<Record<Verdict, number>>;

function countsOf(findings: readonly Finding[]): Counts {
  const count = (wanted: Verdict): number => findings.filter(({ verdict }) => verdict === wanted).length;
  return { fine: count("fine"), warning: count("warning"), wrong: count("wrong"), unknown: count("unknown") };
}

function sumOf({ fine: good, warning, wrong: bad, unknown: unsaid }: Counts): string {
  const unknowns = unsaid === 0 ? "" : `, ${unsaid} unknown`;
  return `${bad} wrong, ${warning} ${warning === 1 ? "warning" : "warnings"}, ${good} fine${unknowns}`;
}
