/** Reads what is told to Prometheus, and asks its tool about it. */
import { execFile, spawnSync } from "node:child_process";

/** The values in a text, by name and labels as they are written: `a_total{b="c"}`. */
export function samplesIn(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const at = line.lastIndexOf(" ");
    samples.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return samples;
}

/** Whether the tool of Prometheus is here. */
export const HAS_PROMTOOL: boolean = spawnSync("promtool", ["--version"]).status === 0;

/** Runs the tool of Prometheus with a text on its input; returns what it complains of, line by line. */
export function promtool(args: readonly string[], input = ""): Promise<string[]> {
  return new Promise((resolve) => {
    const child = execFile("promtool", [...args], (error, out, err) => {
      const lines = `${out}\n${err}`.split("\n").map((line) => line.trim()).filter((line) => line !== "");
      resolve(error === null ? [] : lines);
    });
    child.stdin?.end(input);
  });
}
