/** What the tests of commands share. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandIo } from "../../src/cli/io.ts";

/** Outputs that remember what was written. */
export class RecordingIo implements CommandIo {
  /** Results. */
  out = "";
  /** Complaints. */
  err = "";
  readonly color: boolean;

  constructor(color = false) {
    this.color = color;
  }

  stdout(text: string): void {
    this.out += text;
  }

  stderr(text: string): void {
    this.err += text;
  }
}

/** Writes a file into a fresh folder, and removes it afterwards. */
export async function withFile(text: string, run: (path: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "reeve-cli-"));
  try {
    const path = join(folder, "supervisor.yaml");
    await writeFile(path, text);
    await run(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}
