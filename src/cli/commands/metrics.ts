/** `reeve metrics`: what a run measures, as Prometheus reads it. */
import { cleanText } from "../../base/mod.ts";
import { type CommandIo, EXIT } from "../io.ts";
import { lineJson } from "../plain_json.ts";
import { Printer } from "../printer.ts";
import { type TargetArgs, withTarget } from "../target.ts";

/** Arguments of {@linkcode metrics}. */
export interface MetricsArgs extends TargetArgs {
  /** Whether to print a JSON object for each value. */
  readonly json: boolean;
}

/** Prints what is measured; returns 0, 1 when the run measures nothing, 2 when no run answers. */
export async function metrics({ json, ...target }: MetricsArgs, io: CommandIo): Promise<number> {
  return await withTarget(target, io, async (client) => {
    using printer = new Printer(io);
    for (const line of (await client.metrics()).split("\n")) {
      if (line === "") continue;
      const sample = json ? sampleIn(line) : undefined;
      const text = json ? sample === undefined ? "" : lineJson(sample) : `${cleanText(line, LONGEST)}\n`;
      if (!await printer.add(text)) break;
    }
    return EXIT.clean;
  });
}

/** Longest line in characters. */
const LONGEST = 65_536;

/** One value. */
interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** A text where JSON has no such number. */
  readonly value: number | string;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/u;
const LABEL = /([a-zA-Z_]\w*)="((?:\\.|[^"\\])*)"/gu;

function sampleIn(line: string): Sample | undefined {
  const [, name, labels = "", text = ""] = LINE.exec(line) ?? [];
  if (name === undefined) return undefined;
  const value = Number(text);
  const pairs = [...labels.matchAll(LABEL)].map(([, label = "", escaped = ""]) => [label, unescaped(escaped)]);
  return { name, labels: Object.fromEntries(pairs), value: Number.isFinite(value) ? value : text };
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gu, (_, character: string) => character === "n" ? "\n" : character);
}
