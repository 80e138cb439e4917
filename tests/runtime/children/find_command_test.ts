import { assert, assertEquals, assertMatch } from "@std/assert";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findCommand } from "../../../src/runtime/children/find_command.ts";

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "reeve-find-"));
  try {
    await mkdir(join(folder, "bin"));
    await mkdir(join(folder, "other"));
    await writeFile(join(folder, "bin", "tool"), "#!/bin/sh\n");
    await writeFile(join(folder, "other", "tool"), "#!/bin/sh\n");
    await chmod(join(folder, "other", "tool"), 0o755);
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

Deno.test("findCommand() searches the child's PATH in order and passes over files that are not executable", () =>
  withFolder(async (folder) => {
    const path = `${join(folder, "bin")}::${join(folder, "other")}`;
    assertEquals(await findCommand("tool", undefined, new Map([["PATH", path]])), { path: join(folder, "other", "tool") });
  }));

Deno.test("findCommand() uses the program's PATH when the child has none", async () => {
  const found = await findCommand("sh", undefined, new Map());
  assert("path" in found);
  assertMatch(found.path, /\/sh$/);
});

Deno.test("findCommand() takes a command with a slash relative to the working directory", () =>
  withFolder(async (folder) => {
    assertEquals(await findCommand("other/tool", folder, new Map()), { path: join(folder, "other", "tool") });
    assertEquals(await findCommand("./other/tool", folder, new Map()), { path: join(folder, "other", "tool") });
  }));

Deno.test("findCommand() says why a command cannot be run", () =>
  withFolder(async (folder) => {
    const tool = join(folder, "bin", "tool");
    const cases: readonly (readonly [string, string, string | undefined])[] = [
      ["nowhere", 'Cannot run "nowhere": it is not in PATH', undefined],
      ["tool", `Cannot run "tool": "${tool}" is not executable`, `Make it executable: chmod +x ${tool}`],
      ["./nowhere", `Cannot run "./nowhere": "${join(folder, "nowhere")}" is not a file`, undefined],
      ["./bin", `Cannot run "./bin": "${join(folder, "bin")}" is not a file`, undefined],
    ];
    for (const [command, reason, hint] of cases) {
      const found = await findCommand(command, folder, new Map([["PATH", join(folder, "bin")]]));
      assertEquals(found, hint === undefined ? { reason } : { reason, hint });
    }
  }));
