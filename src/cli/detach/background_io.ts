/** The outputs of a process in the background: a file that begins anew when it is large. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { RotatingFile } from "../../observe/mod.ts";
import type { CommandIo } from "../io.ts";

/** When the log begins anew, and how many older ones stay. */
export const LOG_BYTES = 10 * 1024 * 1024;
export const LOG_KEEP = 5;

/** So much may wait to be written, in characters: a disk that hangs must not fill the memory. */
const MOST_WAITING = 4 * 1024 * 1024;

/** Outputs that go to a file. */
export interface BackgroundIo {
  readonly io: CommandIo;
  /** What was complained of so far, at most so much of it. */
  readonly said: () => string;
  readonly close: () => Promise<void>;
}

const MOST_SAID = 64 * 1024;

/** Opens the file; rejects where it cannot be written. */
export async function openBackgroundIo(path: string, options: { readonly maxBytes?: number } = {}): Promise<BackgroundIo> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const { maxBytes = LOG_BYTES } = options;
  const file = new RotatingFile({ path, maxBytes, keep: LOG_KEEP, compress: false, fsync: "never" });
  await file.append("");
  let [waiting, lost, said] = [0, 0, ""];
  const write = (text: string): void => {
    if (waiting + text.length > MOST_WAITING) return void lost++;
    const note = lost === 0 ? "" : `reeve: ${lost} lines of this log are lost: they could not be written\n`;
    const whole = note + text;
    waiting += whole.length;
    const told = lost;
    lost = 0;
    file.append(whole).then(() => waiting -= whole.length, () => {
      waiting -= whole.length;
      lost += told + 1;
    });
  };
  const stderr = (text: string): void => {
    if (said.length < MOST_SAID) said += text;
    write(text);
  };
  return {
    io: { stdout: write, stderr, color: false, columns: Infinity, ask: () => Promise.resolve(null) },
    said: () => said,
    close: () => file.close().catch(() => {}),
  };
}
