import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { ConfigError, loadFile } from "../../src/config/mod.ts";
import { errorsOf } from "./helpers.ts";

const RUN = "run: { process: { command: x } }";

/** Writes files into a fresh folder, and removes it afterwards. */
async function withFiles(files: Readonly<Record<string, string | Uint8Array>>, run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "reeve-config-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), content);
    }
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function refusalOf(path: string): Promise<ConfigError> {
  try {
    await loadFile(path, { env: {} });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error(`Expected a refusal of ${path}`);
}

Deno.test("loadFile() merges maps deeply, the including file wins, and children come one after the other", async () => {
  await withFiles({
    "main.yaml":
      `include: [parts/a.yaml, parts/b.yml]\npolicy: { max_backoff_ms: 100 }\nchildren: [{ name: own, ${RUN}, dependencies: [a, b] }]`,
    "parts/a.yaml":
      `include: [deep.yaml]\npolicy: { max_backoff_ms: 200, jitter_ratio: 0.5, initial_backoff_ms: 10 }\nchildren: [{ name: a, run: { module: { url: ./a.ts } } }]`,
    "parts/b.yml": `policy: { jitter_ratio: 0.75 }\nchildren: [{ name: b, ${RUN} }]`,
    "parts/deep.yaml": `policy: { initial_backoff_ms: 5, child_restart_limit: 7 }\nchildren: [{ name: deep, ${RUN} }]`,
  }, async (folder) => {
    const { spec, files } = await loadFile(join(folder, "main.yaml"), { env: {} });
    assertEquals(spec.name, "main");
    assertEquals(spec.policy, { initialBackoffMs: 10, childRestartLimit: 7, maxBackoffMs: 100, jitterRatio: 0.75 });
    assertEquals(spec.children.map(({ name }) => name), ["deep", "a", "b", "own"]);
    const [, a] = spec.children;
    assert(a?.run.kind === "module" && a.run.url.endsWith("/parts/a.ts"));
    assertEquals(files.map((file) => file.slice(folder.length + 1)), ["main.yaml", "parts/b.yml", "parts/a.yaml", "parts/deep.yaml"]);
  });
});

Deno.test("loadFile() includes a file once, however many ask for it", async () => {
  await withFiles({
    "main.yaml": "include: [a.yaml, b.yaml]",
    "a.yaml": "include: [c.yaml]",
    "b.yaml": "include: [c.yaml]",
    "c.yaml": `children: [{ name: c, ${RUN} }]`,
  }, async (folder) => assertEquals((await loadFile(join(folder, "main.yaml"))).spec.children.length, 1));
});

Deno.test("loadFile() refuses a cycle of includes and shows the chain", async () => {
  await withFiles({ "a.yaml": "include: [b.yaml]", "b.yaml": "include: [c.yaml]", "c.yaml": "include: [a.yaml]" }, async (folder) => {
    const { problems } = await refusalOf(join(folder, "a.yaml"));
    assertEquals(errorsOf(problems).map(({ rule }) => rule), ["include_cycle"]);
    assertEquals(errorsOf(problems)[0]?.reason.replaceAll(`${folder}/`, ""), "includes form a cycle: a.yaml → b.yaml → c.yaml → a.yaml");
    assertEquals(errorsOf(problems)[0]?.line, 1);
  });
});

Deno.test("loadFile() refuses a file that includes itself", async () => {
  await withFiles(
    { "a.yaml": "include: [./a.yaml]" },
    async (folder) => assertStringIncludes((await refusalOf(join(folder, "a.yaml"))).message, "cycle"),
  );
});

Deno.test("loadFile() refuses more than 64 files", async () => {
  const files = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`i${index}.yaml`, `severity_defaults: []`]));
  await withFiles({ ...files, "main.yaml": `include: [${Object.keys(files).join(",")}]` }, async (folder) => {
    assertEquals(
      errorsOf((await refusalOf(join(folder, "main.yaml"))).problems).map(({ rule, pointer }) => `${rule} ${pointer}`)[0],
      "too_many_files /include/63",
    );
  });
});

Deno.test("loadFile() refuses children of the same name in two files, and says where", async () => {
  await withFiles(
    { "main.yaml": `include: [a.yaml]\nchildren:\n  - { name: x, ${RUN} }`, "a.yaml": `children: [{ name: x, ${RUN} }]` },
    async (folder) => {
      const [problem] = (await refusalOf(join(folder, "main.yaml"))).problems;
      assertEquals([problem?.rule, problem?.pointer, problem?.file, problem?.line], [
        "duplicate_name",
        "/children/1/name",
        join(folder, "main.yaml"),
        3,
      ]);
    },
  );
});

Deno.test("loadFile() reports problems of an included file with its own name and line", async () => {
  await withFiles(
    { "main.yaml": `include: [a.yaml]\nchildren: [{ name: x, ${RUN} }]`, "a.yaml": `# one\npolicy:\n  jitter_ratio: 2\n` },
    async (folder) => {
      const [problem] = (await refusalOf(join(folder, "main.yaml"))).problems;
      assertEquals([problem?.rule, problem?.file, problem?.line], ["out_of_range", join(folder, "a.yaml"), 3]);
    },
  );
});

Deno.test("loadFile() refuses what cannot be read as a file", async () => {
  await withFiles({
    "a.json": "{}",
    "d.yaml/x": "",
    "big.yaml": `# ${"x".repeat(10 * 1024 * 1024)}`,
    "latin.yaml": new Uint8Array([0x61, 0x3a, 0x20, 0xe4]),
  }, async (folder) => {
    for (
      const [name, rule, code] of [
        ["a.json", "not_yaml", "config_unreadable"],
        ["none.yaml", "unreadable", "config_unreadable"],
        ["d.yaml", "not_a_file", "config_unreadable"],
        ["big.yaml", "too_large", "config_unreadable"],
        ["latin.yaml", "not_utf8", "invalid_config"],
      ] as const
    ) {
      const error = await refusalOf(join(folder, name));
      assertEquals([error.problems.map((problem) => problem.rule), error.code], [[rule], code], name);
    }
  });
});

Deno.test({
  name: "loadFile() refuses a device without reading it",
  ignore: process.platform === "win32",
  fn: async () => {
    await withFiles({}, async (folder) => {
      await symlink("/dev/zero", join(folder, "zero.yaml"));
      assertEquals((await refusalOf(join(folder, "zero.yaml"))).problems[0]?.rule, "not_a_file");
    });
  },
});

/** A file that even root may not read, in Linux. */
const FOR_NOBODY = "/proc/sys/vm/compact_memory";
const isRoot = process.getuid?.() === 0;

Deno.test({
  name: "loadFile() refuses a file that it may not read",
  ignore: process.platform === "win32" || (isRoot && !existsSync(FOR_NOBODY)),
  fn: async () => {
    await withFiles({ "a.yaml": "children: []" }, async (folder) => {
      const own = join(folder, "a.yaml");
      await chmod(own, 0);
      assertEquals((await refusalOf(isRoot ? FOR_NOBODY : own)).code, "config_unreadable");
    });
  },
});

Deno.test("loadFile() gives the same version whether the content is in one file or in two", async () => {
  await withFiles({
    "one.yaml": `name: t\nchildren: [{ name: a, ${RUN} }]`,
    "two.yaml": "name: t\ninclude: [part.yaml]",
    "part.yaml": `children: [{ name: a, ${RUN} }]`,
  }, async (folder) => {
    assertEquals((await loadFile(join(folder, "one.yaml"))).configVersion, (await loadFile(join(folder, "two.yaml"))).configVersion);
  });
});
