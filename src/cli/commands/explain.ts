/** `reeve explain FILE CHILD`: what counts for a child in the end, and which line says so. */
import { cleanText, ReeveError } from "../../base/mod.ts";
import { ConfigError, explain as explainRows, type ExplainedSetting, loadFile } from "../../config/mod.ts";
import { exitCodeOf, printRefusal } from "../file_problems.ts";
import { type CommandIo, EXIT, paint } from "../io.ts";
import { renderTable } from "../table.ts";

/** Arguments of {@linkcode explain}. */
export interface ExplainArgs {
  /** The file. */
  readonly file: string;
  /** Path of the child, such as `/pollers/mail`. */
  readonly child: string;
  /** Whether to print JSON instead of a table. */
  readonly json: boolean;
}

/** Prints the effective values of a child; returns 0, 1 when the file has violations, 2 when the file or the child is not there. */
export async function explain({ file, child, json }: ExplainArgs, io: CommandIo): Promise<number> {
  try {
    const rows = await explainRows(await loadFile(file), child);
    io.stdout(json ? `${JSON.stringify({ file, child, values: rows }, null, 2)}\n` : table(rows, io));
    return EXIT.clean;
  } catch (error) {
    if (error instanceof ConfigError) {
      printRefusal(error, file, io);
      return exitCodeOf(error);
    }
    if (!(error instanceof ReeveError)) throw error;
    io.stderr(`${cleanText(error.message)}\n`);
    return EXIT.unusable;
  }
}

function table(rows: readonly ExplainedSetting[], io: CommandIo): string {
  const cells = rows.map(({ key, value, source, place }) => [key, cleanText(String(value)), source, cleanText(place ?? "")]);
  return renderTable(["KEY", "VALUE", "SOURCE", "PLACE"].map((title) => paint(io, "bold", title)), cells);
}
