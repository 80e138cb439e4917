/** The Dockerfile of the example; nothing is built, its instructions are looked at. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { existsSync, readFileSync } from "node:fs";
import { VERSION } from "../../src/base/mod.ts";
import { ROOT } from "../support/runtime.ts";

const FOLDER = new URL("examples/docker/", ROOT);

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** Joins continued lines, and leaves comments out. */
function instructionsOf(text: string): Instruction[] {
  const lines = text.split("\n").filter((line) => !/^\s*(?:#|$)/.test(line)).join("\n").replace(/\\\n\s*/g, "").split("\n");
  return lines.map((line) => {
    const [, name = "", rest = ""] = /^([A-Z]+)\s+(.+)$/.exec(line) ?? [];
    return { name, rest };
  });
}

function stagesOf(instructions: readonly Instruction[]): Map<string, Instruction[]> {
  const stages = new Map<string, Instruction[]>();
  let current: Instruction[] = [];
  for (const instruction of instructions) {
    const [, name] = instruction.name === "FROM" ? /^\S+:\S+ AS (\w+)$/.exec(instruction.rest) ?? [] : [];
    if (name !== undefined) stages.set(name, current = []);
    else current.push(instruction);
  }
  return stages;
}

const text = readFileSync(new URL("Dockerfile", FOLDER), "utf8");
const KNOWN = ["FROM", "WORKDIR", "RUN", "COPY", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT"];

Deno.test("docker: every instruction is one, and each stage has a name and a version", () => {
  const instructions = instructionsOf(text);
  assertEquals(instructions.filter(({ name }) => !KNOWN.includes(name)), []);
  assertEquals([...stagesOf(instructions).keys()], ["node", "deno"]);
});

for (const [stage, instructions] of stagesOf(instructionsOf(text))) {
  const only = (name: string): string => {
    const found = instructions.filter((instruction) => instruction.name === name);
    assertEquals(found.length, 1, `${stage} ${name}`);
    return found[0]?.rest ?? "";
  };

  Deno.test(`docker: ${stage} copies files that are there, and all that the tree needs`, () => {
    const words = only("COPY").split(" ");
    assertEquals(words.at(-1), "/app/");
    for (const file of words.slice(0, -1)) assert(existsSync(new URL(file, FOLDER)), file);
    const tree = readFileSync(new URL("supervisor.yaml", FOLDER), "utf8");
    for (const [, file = ""] of tree.matchAll(/\.\/([\w.]+)/g)) assert(words.includes(file), file);
  });

  Deno.test(`docker: ${stage} starts Reeve itself, by a list, and asks its health at the place where it is told`, () => {
    const entry: unknown = JSON.parse(only("ENTRYPOINT"));
    assert(Array.isArray(entry) && entry.every((word) => typeof word === "string"));
    assertEquals(entry.slice(-5), ["run", "/app/supervisor.yaml", "--no-socket", "--health", "127.0.0.1:8086"]);
    assert(!entry.includes("sh") && !entry.includes("-c"));
    const [, list = ""] = /^(?:--\S+ )+CMD (\[.*\])$/.exec(only("HEALTHCHECK")) ?? [];
    const check: unknown = JSON.parse(list);
    assert(Array.isArray(check));
    assertMatch(String(check[2]), /^fetch\('http:\/\/127\.0\.0\.1:8086\/livez'\)/);
    assertEquals(only("STOPSIGNAL"), "SIGTERM");
    assert(["node", "deno"].includes(only("USER")), "it does not run as root");
  });

  Deno.test(`docker: ${stage} takes this version`, () => {
    const versions = instructions.flatMap(({ rest }) => [...rest.matchAll(/@reeve\/supervisor@([\d.]+)/g)].map(([, version]) => version));
    assert(versions.length > 0);
    assertEquals(versions.filter((version) => version !== VERSION), []);
  });
}
