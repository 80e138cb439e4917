/** Every example runs: a folder with a tree in a file by the command, a program by itself. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { freePort } from "./fixtures/command/free_port.ts";
import { type Outcome, reeveMarked, runMarked, withoutWarnings } from "./fixtures/command/marked.ts";

const EXAMPLES = new URL("../examples/", import.meta.url);

const entries = [...Deno.readDirSync(EXAMPLES)].sort((a, b) => a.name.localeCompare(b.name));

function assertClean({ code, err, leftovers, temporary }: Outcome): void {
  assertEquals(code, 0, err);
  assertEquals([leftovers, temporary], [[], []]);
}

Deno.test("examples: there are some, and each is a folder with a supervisor.yaml or a program", () => {
  assert(entries.length > 0);
  for (const { name, isDirectory } of entries) {
    if (isDirectory) assert(Deno.statSync(new URL(`${name}/supervisor.yaml`, EXAMPLES)).isFile, name);
    else assertMatch(name, /\.(ts|md)$/);
  }
});

for (const { name, isDirectory } of entries) {
  const path = new URL(name, EXAMPLES).pathname;
  if (isDirectory) {
    Deno.test(`examples: ${name} is valid, becomes ready, and stops in order`, async () => {
      const env = { SHOP_PORT: await freePort() };
      const checked = await reeveMarked(["check", `${path}/supervisor.yaml`], { env });
      assertEquals([checked.code, withoutWarnings(checked.err)], [0, ""]);
      const outcome = await reeveMarked(["run", `${path}/supervisor.yaml`, "--for", "2.5"], { env });
      assertClean(outcome);
      assertEquals(withoutWarnings(outcome.err), "");
      assertMatch(outcome.out, /● \/ +everything is ready after/);
      const table = outcome.out.slice(outcome.out.indexOf("\nCHILD "));
      assertEquals(/by force|left behind|was down/.exec(table), null, table);
    });

    Deno.test(`examples: ${name} has no file that nothing uses`, async () => {
      const folder = new URL(`${name}/`, EXAMPLES);
      const files = [...Deno.readDirSync(folder)].map((entry) => entry.name);
      const texts = new Map(await Promise.all(files.map(async (file) => [file, await Deno.readTextFile(new URL(file, folder))] as const)));
      for (const file of files) {
        if (file === "supervisor.yaml" || file === "README.md") continue;
        assert([...texts].some(([other, text]) => other !== file && text.includes(`./${file}`)), `nothing uses ${name}/${file}`);
      }
    });
  } else if (name.endsWith(".ts")) {
    Deno.test(`examples: ${name} runs and ends by itself`, async () => {
      const config = new URL("../deno.json", import.meta.url).pathname;
      assertClean(await runMarked(["run", "-A", "--config", config, path]));
    });
  }
}
