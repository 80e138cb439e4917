import { assertEquals, assertStringIncludes } from "@std/assert";
import { chmod, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { environmentSecrets, fileSecrets, type SecretAnswer } from "../../src/config/mod.ts";
import { inFolder } from "../support/folder.ts";
import { until } from "../support/until.ts";

const ON_WINDOWS = process.platform === "win32";

function reasonOf(answer: SecretAnswer): string {
  return answer.status === "unavailable" ? answer.reason : `${answer.status}, but it must be unavailable`;
}

// ----- Variables -----

Deno.test("environmentSecrets() has the variables that it is given, an empty one too", async () => {
  const store = environmentSecrets({ A: "a", EMPTY: "", NONE: undefined });
  assertEquals(await store.get("A"), { status: "found", value: "a" });
  assertEquals(await store.get("EMPTY"), { status: "found", value: "" });
  for (const key of ["NONE", "B", "__proto__", "toString"]) {
    assertEquals(await store.get(key), { status: "missing", hint: `Set environment variable ${key}` });
  }
});

Deno.test("environmentSecrets() has a secret by its key where that can be a variable, else by its name", () => {
  const store = environmentSecrets({});
  assertEquals(store.keyOf?.({ name: "NAME", key: "KEY_2" }), "KEY_2");
  for (const key of ["prod/dsn", "2nd", "a-b", "a b"]) assertEquals(store.keyOf?.({ name: "NAME", key }), "NAME", key);
});

Deno.test("environmentSecrets() is unavailable where a variable may not be read", async () => {
  const closed = new Proxy({}, {
    get(): never {
      throw new Error("Requires env access");
    },
  });
  assertEquals(await environmentSecrets(closed).get("A"), {
    status: "unavailable",
    reason: 'environment variable "A" cannot be read: Requires env access',
    hint: "Add --allow-env=A",
  });
});

Deno.test("environmentSecrets() reads the program's variables when it is asked, not before", async () => {
  const store = environmentSecrets();
  process.env["REEVE_TEST_SECRET"] = "now";
  try {
    assertEquals(await store.get("REEVE_TEST_SECRET"), { status: "found", value: "now" });
  } finally {
    delete process.env["REEVE_TEST_SECRET"];
  }
});

// ----- Files -----

Deno.test("fileSecrets() reads a file for each key, without one line break at its end", () =>
  inFolder(async (folder) => {
    await mkdir(join(folder, "prod", "store"), { recursive: true });
    const texts = { "prod/store/dsn": "db://x\n", "token": "a\r\n", "two": "a\n\n", "none": "a ", "empty": "", "bom": "\ufeffa" };
    for (const [key, text] of Object.entries(texts)) await writeFile(join(folder, key), text);
    const store = fileSecrets(folder);
    const values = await Promise.all(Object.keys(texts).map((key) => store.get(key)));
    assertEquals(values, ["db://x", "a", "a\n", "a ", "", "\ufeffa"].map((value): SecretAnswer => ({ status: "found", value })));
    assertEquals(store.name, `folder "${folder}"`);
    for (const key of ["nothing", "prod/nothing", "token/inside"]) assertEquals(await store.get(key), { status: "missing" }, key);
  }));

Deno.test("fileSecrets() reads nothing outside of its folder, whatever the key is", () =>
  inFolder(async (outer) => {
    const folder = join(outer, "secrets");
    await mkdir(folder, { mode: 0o700 });
    await writeFile(join(outer, "other"), "not yours");
    await writeFile(join(folder, "own"), "yours");
    const store = fileSecrets(folder);
    for (
      const key of ["../other", "a/../../other", "..", ".", "", "/", join(outer, "other"), "./own", "a//b", "own/", "..\\other", "own\0"]
    ) {
      assertStringIncludes(reasonOf(await store.get(key)), "the key is no path inside of the folder", JSON.stringify(key));
    }
    assertEquals(await store.get("own"), { status: "found", value: "yours" });
    assertEquals(await store.get("..other"), { status: "missing" });
  }));

Deno.test({
  name: "fileSecrets() follows links inside of its folder, as Kubernetes makes them, and none out of it",
  ignore: ON_WINDOWS,
  fn: () =>
    inFolder(async (outer) => {
      const folder = join(outer, "secrets");
      await mkdir(join(folder, "..2026_11_28"), { recursive: true, mode: 0o700 });
      await writeFile(join(folder, "..2026_11_28", "dsn"), "db://x");
      await symlink("..2026_11_28", join(folder, "..data"));
      await symlink("..data/dsn", join(folder, "dsn"));
      await writeFile(join(outer, "other"), "not yours");
      await mkdir(join(outer, "secrets-too"));
      await writeFile(join(outer, "secrets-too", "other"), "not yours");
      await symlink("../other", join(folder, "link"));
      await symlink(join(outer, "secrets-too"), join(folder, "folder"));
      await symlink("nowhere", join(folder, "dangling"));
      await symlink(folder, join(outer, "mounted"));
      for (const store of [fileSecrets(folder), fileSecrets(join(outer, "mounted"))]) {
        assertEquals(await store.get("dsn"), { status: "found", value: "db://x" });
        for (const key of ["link", "folder/other"]) {
          assertEquals(reasonOf(await store.get(key)), "the file is a link to somewhere outside of the folder", key);
        }
        assertEquals(await store.get("dangling"), { status: "missing" });
      }
    }),
});

Deno.test({
  name: "fileSecrets() finds what is there while all files of the folder are replaced again and again",
  ignore: ON_WINDOWS,
  fn: () =>
    inFolder(async (folder) => {
      await symlink("..data/dsn", join(folder, "dsn"));
      const replace = async (version: number): Promise<void> => {
        await mkdir(join(folder, `..${version}`));
        await writeFile(join(folder, `..${version}`, "dsn"), "db://x");
        await symlink(`..${version}`, join(folder, "..new"));
        await rename(join(folder, "..new"), join(folder, "..data"));
        await rm(join(folder, `..${version - 1}`), { recursive: true, force: true });
      };
      await replace(1);
      const store = fileSecrets(folder);
      let reads = 0;
      let isOver = false;
      const replacing = (async () => {
        for (let version = 2; version <= 200; version++) {
          const before = reads;
          await replace(version);
          // Faster than anybody replaces them, but not so fast that a reader never sees one.
          await until(() => reads > before, () => "nothing is read");
        }
      })().finally(() => isOver = true);
      for (; !isOver; reads++) assertEquals(await store.get("dsn"), { status: "found", value: "db://x" });
      await replacing;
    }),
});

Deno.test("fileSecrets() is unavailable, with the reason, where it cannot tell", () =>
  inFolder(async (folder) => {
    assertEquals(reasonOf(await fileSecrets(join(folder, "nowhere")).get("a")), "the folder does not exist");
    const store = fileSecrets(folder);
    await mkdir(join(folder, "inner"));
    assertEquals((await store.get("inner")).status, "unavailable");
    await writeFile(join(folder, "bytes"), new Uint8Array([0x61, 0xff]));
    assertEquals(reasonOf(await store.get("bytes")), "the file is not UTF-8");
    await writeFile(join(folder, "most"), "x".repeat(1_048_576));
    await writeFile(join(folder, "more"), "x".repeat(1_048_577));
    assertEquals((await store.get("most")).status, "found");
    assertEquals(reasonOf(await store.get("more")), "the file has 1048577 bytes, must have at most 1048576");
  }));

Deno.test({
  name: "fileSecrets() waits for no pipe, and reads no device",
  ignore: ON_WINDOWS,
  fn: () =>
    inFolder(async (folder) => {
      const { spawnSync } = await import("node:child_process");
      assertEquals(spawnSync("mkfifo", [join(folder, "pipe")]).status, 0);
      assertEquals(reasonOf(await fileSecrets(folder).get("pipe")), "it is not a file");
      assertEquals(reasonOf(await fileSecrets("/dev").get("zero")), "it is not a file");
    }),
});

Deno.test({
  name: "fileSecrets() says that everybody may read a file, where they can get at it",
  ignore: ON_WINDOWS,
  fn: () =>
    inFolder(async (folder) => {
      await writeFile(join(folder, "a"), "x");
      const answerWith = async (ofFolder: number, ofFile: number): Promise<string | undefined> => {
        await chmod(folder, ofFolder);
        await chmod(join(folder, "a"), ofFile);
        const answer = await fileSecrets(folder).get("a");
        return answer.status === "found" ? answer.warning : answer.status;
      };
      assertEquals(await answerWith(0o755, 0o644), "others may read its file (mode 0644)");
      assertEquals(await answerWith(0o755, 0o640), undefined);
      assertEquals(await answerWith(0o700, 0o644), undefined);
    }),
});
