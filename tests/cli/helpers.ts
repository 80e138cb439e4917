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
  readonly columns: number;
  /** What was asked. */
  readonly questions: string[] = [];
  /** What a person answers, one after the other; nobody sits there where there is none. */
  readonly answers: string[];

  constructor(
    color = false,
    { columns = Infinity, answers = [] }: { readonly columns?: number; readonly answers?: readonly string[] } = {},
  ) {
    this.color = color;
    this.columns = columns;
    this.answers = [...answers];
  }

  ask(question: string): Promise<string | null> {
    this.questions.push(question);
    return Promise.resolve(this.answers.shift() ?? null);
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
