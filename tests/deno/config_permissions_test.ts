/** What a file needs in Deno, where every program starts without permissions. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const ROOT = new URL("../../", import.meta.url);

const PROGRAM = `
import { ConfigError, loadFile } from ${JSON.stringify(new URL("src/config/mod.ts", ROOT).href)};
try {
  const { spec } = await loadFile(Deno.args[0]);
  console.log(JSON.stringify({ names: spec.children.map((child) => child.name) }));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  console.log(JSON.stringify({ code: error.code, message: error.message, problems: error.problems }));
}
`;

interface Told {
  readonly names?: readonly string[];
  readonly code?: string;
  readonly message?: string;
  readonly problems?: readonly { readonly rule: string; readonly hint?: string; readonly line?: number }[];
}

async function run(text: string, flags: readonly string[]): Promise<Told> {
  const folder = await Deno.makeTempDir();
  try {
    const program = `${folder}/program.ts`;
    await Deno.writeTextFile(program, PROGRAM);
    await Deno.writeTextFile(`${folder}/a.yaml`, text);
    const args = ["run", "--no-prompt", "--config", new URL("deno.json", ROOT).pathname, ...flags, program, `${folder}/a.yaml`];
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), { args }).output();
    assert(success, new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("loadFile() needs nothing but --allow-read for a good file", async () => {
  assertEquals(await run("children: [{ name: a, run: { process: { command: x } } }]", ["--allow-read"]), { names: ["a"] });
});

Deno.test("loadFile() without --allow-env names the flag where a placeholder needs it, and every line", async () => {
  const { code, problems } = await run('colour: red\nchildren: [{ name: a, run: { process: { command: "${HOME}" } } }]', ["--allow-read"]);
  assertEquals(code, "invalid_config");
  assertEquals(problems?.map(({ rule }) => rule).sort(), ["unknown_key", "variable_unreadable"]);
  assert(problems?.some(({ hint }) => hint === "Add --allow-env=HOME"));
  assertEquals(problems?.map(({ line }) => line), [1, 2]);
});

Deno.test("loadFile() without --allow-read names the flag", async () => {
  const { code, message } = await run("children: []", []);
  assertEquals(code, "config_unreadable");
  assertStringIncludes(message ?? "", "--allow-read");
});
