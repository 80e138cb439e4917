import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { check } from "../../src/cli/commands/check.ts";
import { init, type InitArgs } from "../../src/cli/commands/init.ts";
import { firstFile } from "../../src/cli/init/text.ts";
import { loadFile, loadText } from "../../src/config/mod.ts";
import { inFolder, withFolder } from "../support/folder.ts";
import { RecordingIo } from "./helpers.ts";

async function made(file: string, args: Partial<InitArgs> = {}, answers: readonly string[] = []): Promise<[number, RecordingIo]> {
  const io = new RecordingIo(false, { answers });
  return [await init({ file, yes: false, force: false, ...args }, io), io];
}

Deno.test("init() writes a file that check finds nothing wrong with, and says what to do next", () =>
  inFolder(async (folder) => {
    const file = join(folder, "supervisor.yaml");
    const [code, io] = await made(file);
    assertEquals([code, io.err], [0, ""]);
    assertStringIncludes(io.out, `reeve run ${file}`);
    assertStringIncludes(io.out, "reeve status");
    const checked = new RecordingIo();
    assertEquals(await check({ file, json: false }, checked), 0);
    assertEquals(checked.out, `${file} is valid: 1 child, no warnings\n`);
    assertEquals((await loadFile(file)).spec.name, basename(folder));
  }));

Deno.test("init() asks for what was not given, and for nothing with --yes", () =>
  inFolder(async (folder) => {
    const [, asked] = await made(join(folder, "a.yaml"), {}, ["shop", "sleep 10"]);
    assertEquals(asked.questions.length, 2);
    const { spec } = await loadFile(join(folder, "a.yaml"));
    assertEquals([spec.name, spec.children[0]?.name], ["shop", "sleep"]);
    const [, silent] = await made(join(folder, "b.yaml"), { yes: true }, ["never"]);
    assertEquals(silent.questions, []);
    const [, given] = await made(join(folder, "c.yaml"), { name: "x", command: "sleep 1" }, ["never"]);
    assertEquals(given.questions, []);
  }));

Deno.test("init() never overwrites without --force", () =>
  withFolder({ "mine.yaml": "mine" }, async (folder) => {
    const file = join(folder, "mine.yaml");
    const [code, io] = await made(file);
    assertEquals([code, io.out], [2, ""]);
    assertMatch(io.err, /is there already; --force replaces it/);
    assertEquals(await readFile(file, "utf8"), "mine");
    assertEquals((await made(file, { force: true }))[0], 0);
    assertMatch(await readFile(file, "utf8"), /children:/);
  }));

Deno.test("init() says why a file cannot be written, and what to do", () =>
  inFolder(async (folder) => {
    const [code, io] = await made(join(folder, "nowhere/supervisor.yaml"));
    assertEquals(code, 2);
    assertMatch(io.err, /cannot write .*Make its folder first/);
    await mkdir(join(folder, "full"));
    const [refused, why] = await made(join(folder, "full/a.yaml"), { command: "reeve-no-such-command" });
    assertEquals(refused, 1);
    assertMatch(why.err, /reeve-no-such-command/);
    assertMatch(why.err, /nothing is written/);
  }));

Deno.test("firstFile() is valid whatever the name and the command are", async () => {
  for (
    const [name, command] of [
      ["shop", "node server.js --port=80"],
      ["no", "yes"],
      ['with "quotes" # and: more', "echo 'a: b' | cat # \" $HOME"],
      ["x", "./run.sh a b"],
      ["x", "sh -c true"],
      ["ünïcode 🦊", "FOO=1 make"],
    ] as const
  ) {
    const { spec, warnings } = await loadText(firstFile({ name, command, file: "a.yaml" }), "a.yaml");
    assertEquals([spec.name, warnings], [name, []], command);
    const [first] = spec.children;
    assert(first?.run.kind === "process");
    const { command: program, args = [], shell } = first.run;
    const words = shell === true ? program : [program.replace(/^.*\/(?=run\.sh$)/, "./"), ...args].join(" ");
    assertEquals(words, command);
  }
});

Deno.test("firstFile() has comments that are valid when they are uncommented", () =>
  inFolder(async (folder) => {
    const text = firstFile({ name: "shop", command: "sleep 100", file: "a.yaml" });
    const examples = [...text.matchAll(/^ {4}# ((readiness|health_check|logs): .*)$/gm)];
    assertEquals(examples.map(([, , key]) => key), ["readiness", "readiness", "readiness", "health_check", "health_check", "logs"]);
    for (const [line, example = ""] of examples) {
      const uncommented = text.replace(line, `    ${example}`).replace(
        /^ {2}# (- name: second|[ ]{2}(?:task_role|run|dependencies): .*)$/gm,
        "  $1",
      );
      const { spec, warnings } = await loadText(uncommented, join(folder, "a.yaml"));
      assertEquals([spec.children.length, warnings], [2, []], example);
    }
    await writeFile(join(folder, "a.yaml"), text);
  }));
