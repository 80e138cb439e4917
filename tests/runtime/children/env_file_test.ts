import { assert, assertEquals } from "@std/assert";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnvFile, readEnvFile } from "../../../src/runtime/children/env_file.ts";
import { inFolder } from "../../support/folder.ts";

const GOOD: readonly (readonly [text: string, variables: Readonly<Record<string, string>>])[] = [
  ["", {}],
  ["# nothing\n\n   \n\t# indented", {}],
  ["A=1\nB=2", { A: "1", B: "2" }],
  ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
  ["  export A=1\nexport\tB=2", { A: "1", B: "2" }],
  ["export=1", { export: "1" }],
  ["A=\nB=''\nC=\"\"", { A: "", B: "", C: "" }],
  ["A=  spaced out  ", { A: "spaced out" }],
  ["A=1 # comment\nB=a#b\nC=# comment\nD=a #", { A: "1", B: "a#b", C: "", D: "a" }],
  ["A='  kept # \\n $X `id` '  # comment", { A: "  kept # \\n $X `id` " }],
  ['A="one\\ntwo"\nB="say \\"hi\\""\nC="\\\\n\\t\\r\\$"', { A: "one\ntwo", B: 'say "hi"', C: "\\n\t\r$" }],
  ["A=$HOME $(id) `id` ${A}", { A: "$HOME $(id) `id` ${A}" }],
  ["A=C:\\new\nB=it's\nC=a=b", { A: "C:\\new", B: "it's", C: "a=b" }],
  ["A=1\nA=2", { A: "2" }],
  ["__proto__=1\nconstructor=2", Object.fromEntries([["__proto__", "1"], ["constructor", "2"]])],
  ["A=ü€😀", { A: "ü€😀" }],
];

for (const [text, variables] of GOOD) {
  Deno.test(`parseEnvFile() takes ${JSON.stringify(text)}`, () => {
    const parsed = parseEnvFile(text);
    assert(parsed instanceof Map);
    assertEquals([...parsed], Object.entries(variables));
  });
}

const BAD: readonly (readonly [text: string, line: number, reason: string])[] = [
  ["s3cret", 1, "is not NAME=value"],
  ["A=1\n\n=s3cret", 3, "is not NAME=value"],
  ["1A=s3cret", 1, "is not NAME=value"],
  ["A =s3cret", 1, "is not NAME=value"],
  ["A-B=s3cret", 1, "is not NAME=value"],
  ["export s3cret", 1, "is not NAME=value"],
  ["A=s3cret\0", 1, "is not NAME=value"],
  ["A='s3cret", 1, "has a quote that is not closed"],
  ['A="s3cret', 1, "has a quote that is not closed"],
  ['A="s3cret\\"', 1, "has a quote that is not closed"],
  ['A="one\ntwo"', 1, "has a quote that is not closed"],
  ['A="s3"cret', 1, "goes on after the closing quote"],
  ["A='s3'cret", 1, "goes on after the closing quote"],
  ['A="s3\\cret"', 1, "has an escape that is not known"],
];

for (const [text, line, reason] of BAD) {
  Deno.test(`parseEnvFile() refuses ${JSON.stringify(text)} and does not show it`, () => {
    const parsed = parseEnvFile(text);
    assert(!(parsed instanceof Map));
    assertEquals([parsed.line, parsed.reason], [line, reason]);
    assert(!JSON.stringify(parsed).includes("s3"));
  });
}

Deno.test("parseEnvFile() takes long lines in a time that grows with their length", () => {
  const long = 1_000_000;
  for (
    const value of [" ".repeat(long) + "x", `"${"\\n".repeat(long / 2)}"`, "#".repeat(long), "x ".repeat(long / 2), '"' + "a".repeat(long)]
  ) {
    // As its square it would take hours.
    const before = performance.now();
    parseEnvFile(`A=x${value}\nB=${value}`);
    assert(performance.now() - before < 30_000, `${performance.now() - before} ms`);
  }
});

Deno.test("readEnvFile() says what is wrong with the file itself", () =>
  inFolder(async (folder) => {
    const place = join(folder, "web.env");
    const reasonOf = async (path: string): Promise<string | null> => {
      const found = await readEnvFile(path);
      return "problem" in found ? found.problem.reason : null;
    };
    assertEquals(await reasonOf(place), `Cannot read environment file "${place}": it does not exist`);
    assertEquals(await reasonOf(folder), `Cannot read environment file "${folder}": it is not a file`);
    await writeFile(place, "A=1\nwhat\n");
    assertEquals(await reasonOf(place), `Cannot read environment file "${place}": line 2 is not NAME=value`);
    await writeFile(place, new Uint8Array([0x41, 0x3d, 0xff]));
    assertEquals(await reasonOf(place), `Cannot read environment file "${place}": it is not in UTF-8`);
    await writeFile(place, `A=${"x".repeat(1024 * 1024 - 2)}`);
    assertEquals(await reasonOf(place), null);
    await writeFile(place, `A=${"x".repeat(1024 * 1024 - 1)}`);
    assertEquals(await reasonOf(place), `Cannot read environment file "${place}": it has more than 1048576 bytes`);
  }));

Deno.test("readEnvFile() reads files that begin with a byte order mark", async () => {
  await inFolder(async (folder) => {
    const place = join(folder, "web.env");
    await writeFile(place, "\uFEFFA=1\n");
    const found = await readEnvFile(place);
    assert("variables" in found);
    assertEquals([...found.variables], [["A", "1"]]);
  });
});
