/** A disk that is full soon. */
import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { codeOf } from "../../src/base/mod.ts";
import { inFolder } from "./folder.ts";

/** Why there is none where root is not what it is elsewhere, as in some containers: nothing that could be installed would change that. */
export const NO_MOUNT = "root may not mount here";

/** A file system of its own, with a file that takes all that is left of it. */
export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Why there cannot be one here; empty where there can. */
  static lack(): string {
    if (process.platform !== "linux") return "there is no tmpfs";
    if (process.getuid?.() !== 0) return "only root may mount";
    const folder = mkdtempSync(join(tmpdir(), "reeve-disk-"));
    try {
      return mounted(folder, 64) === "" ? "" : NO_MOUNT;
    } finally {
      spawnSync("umount", [folder]);
      rmdirSync(folder);
    }
  }

  /** Mounts one, with a folder beside it on which there is room, and takes it away. */
  static use(kib: number, run: (disk: SmallDisk, beside: string) => Promise<void>): Promise<void> {
    return inFolder(async (beside) => {
      const folder = join(beside, "disk");
      mkdirSync(folder);
      const problem = mounted(folder, kib);
      if (problem !== "") throw new Error(`Cannot mount: ${problem}`);
      try {
        await run(new SmallDisk(folder), beside);
      } finally {
        // Who still has a file open keeps it from nobody else.
        spawnSync("umount", ["--lazy", folder]);
      }
    });
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  /** Takes all room. */
  fill(): void {
    const file = openSync(this.at("ballast"), "a");
    try {
      for (const block = new Uint8Array(4_096);;) writeSync(file, block);
    } catch (error) {
      if (codeOf(error) !== "ENOSPC") throw error;
    } finally {
      closeSync(file);
    }
  }

  /** Gives it back. */
  free(): void {
    rmSync(this.at("ballast"), { force: true });
  }
}

/** Why it was not mounted; empty where it was. */
function mounted(folder: string, kib: number): string {
  const options = ["-t", "tmpfs", "-o", `size=${kib}k,mode=700`, "reeve-test", folder];
  const { status, stderr, error } = spawnSync("mount", options, { encoding: "utf8" });
  return status === 0 ? "" : error?.message ?? stderr;
}
