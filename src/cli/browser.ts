/** The browser of whoever sits there. */
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { clearTimeout, setTimeout } from "node:timers";
import { pathToFileURL } from "node:url";
import { cleanText, thrownMessage } from "../base/mod.ts";
import type { CommandIo } from "./io.ts";

/** So long a browser may take to read where it should go, in milliseconds. */
const OPENING_MS = 60_000;

/** Where this system opens things. */
const OPENER = process.platform === "darwin" ? "open" : "xdg-open";

/** Opens a browser at an address that nobody else may know: what a program is started with can be read by all users, so it is in a file of ours. Resolves with what takes that file away. */
export async function openBrowser(url: string, io: Pick<CommandIo, "stderr">, opener = OPENER): Promise<() => Promise<void>> {
  const failed = (error: unknown): void => io.stderr(`reeve: no browser was opened: ${cleanText(thrownMessage(error))}\n`);
  let folder: string | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  // Where it stays, it is of no use to anybody any more.
  const forget = async (): Promise<void> => {
    clearTimeout(timer);
    if (folder !== null) await rm(folder, { recursive: true, force: true }).catch(() => {});
  };
  try {
    folder = await mkdtemp(join(tmpdir(), "reeve-open-"));
    const file = join(folder, "reeve.html");
    await writeFile(file, `<!doctype html><meta http-equiv="refresh" content="0; url=${url}"><title>Reeve</title>`, { mode: 0o600 });
    const browser = spawn(opener, [pathToFileURL(file).href], { stdio: "ignore", detached: true });
    browser.on("error", failed);
    browser.unref();
    timer = setTimeout(() => void forget(), OPENING_MS).unref();
    io.stderr("reeve: a browser from snap or flatpak may not open files; give it the address yourself\n");
  } catch (error) {
    failed(error);
  }
  return forget;
}
