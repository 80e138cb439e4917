/** Every example runs: a folder with a tree in a file by the command, a program by itself. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readdirSync, readFileSync, statSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { freePort } from "../support/free_port.ts";
import { type Outcome, reeveMarked, runMarked, withoutWarnings } from "../support/marked.ts";
import { programArgs, ROOT } from "../support/runtime.ts";

const EXAMPLES = new URL("examples/", ROOT);
const entries = readdirSync(EXAMPLES).sort();
const READY = /● \/ +everything is ready after/;

function assertClean({ code, err, leftovers, temporary }: Outcome): void {
  assertEquals(code, 0, err);
  assertEquals([leftovers, temporary], [[], []]);
}

Deno.test("examples: there are some, and each is a folder with a supervisor.yaml or a program", () => {
  assert(entries.length > 0);
  for (const name of entries) {
    if (!/\.(js|md)$/.test(name)) assert(statSync(new URL(`${name}/supervisor.yaml`, EXAMPLES)).isFile(), name);
  }
});

for (const name of entries) {
  const path = fileURLToPath(new URL(name, EXAMPLES));
  if (name.endsWith(".js")) {
    Deno.test(`examples: ${name} runs and ends by itself`, async () => {
      assertClean(await runMarked(process.execPath, programArgs(path, ["-A"])));
    });
  } else if (statSync(path).isDirectory()) {
    Deno.test(`examples: ${name} is valid, becomes ready, and stops in order`, async () => {
      const env = { SHOP_PORT: await freePort() };
      const checked = await reeveMarked(["check", `${path}/supervisor.yaml`], { env });
      assertEquals([checked.code, withoutWarnings(checked.err)], [0, ""]);
      const outcome = await reeveMarked(["run", `${path}/supervisor.yaml`], { env, endAfter: READY });
      assertClean(outcome);
      assertEquals(withoutWarnings(outcome.err), "");
      assertMatch(outcome.out, READY);
      const table = outcome.out.slice(outcome.out.indexOf("\nCHILD "));
      assertEquals(/by force|left behind|was down/.exec(table), null, table);
    });

    Deno.test(`examples: ${name} has no file that nothing uses`, () => {
      const folder = new URL(`${name}/`, EXAMPLES);
      const files = readdirSync(folder);
      const texts = new Map(files.map((file) => [file, readFileSync(new URL(file, folder), "utf8")]));
      for (const file of files) {
        if (file === "supervisor.yaml" || file === "README.md") continue;
        assert([...texts].some(([other, text]) => other !== file && text.includes(`./${file}`)), `nothing uses ${name}/${file}`);
      }
    });
  }
}
