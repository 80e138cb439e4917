import { assert, assertEquals } from "@std/assert";
import { ERROR_CODES } from "../../mod.ts";
import { EXIT_CODES } from "../../src/cli/exit_codes.ts";
import { keyReference, relayKeyReference } from "../../src/config/mod.ts";
import { EVENT_TYPES, severityOf } from "../../src/event/mod.ts";
import { METRICS } from "../../src/observe/mod.ts";
import { METHODS, STAGES } from "../../src/protocol/mod.ts";
import { SCENES } from "../support/scenes.ts";

/** What every event has, and every one about an attempt. */
const OF_ALL = ["type", "seq", "atMs", "path", "correlation"];
const OF_ATTEMPTS = ["generation", "attempt"];

const ROOT = new URL("../../", import.meta.url);

async function pages(folder = "docs/"): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(new URL(folder, ROOT))) {
    if (entry.isDirectory) found.push(...await pages(`${folder}${entry.name}/`));
    else if (entry.name.endsWith(".md")) found.push(`${folder}${entry.name}`);
  }
  return found;
}

Deno.test("the page of errors has every error code, and no other", async () => {
  const page = await Deno.readTextFile(new URL("docs/reference/errors.md", ROOT));
  const [table = ""] = page.split("\n## ");
  const codes = [...table.matchAll(/^\| `(\w+)`\s+\|/gm)].map((match) => match[1]);
  assertEquals(codes, Object.keys(ERROR_CODES));
});

Deno.test("the page of errors has every exit code of the command", async () => {
  const page = await Deno.readTextFile(new URL("docs/reference/errors.md", ROOT));
  const rows = [...page.matchAll(/^\| `(\d+)`\s+\| (.*?)\s*\| (.*?)\s*\|$/gm)].map(([, ...cells]) => cells);
  assertEquals(rows, EXIT_CODES.map(({ code, means, afterRun }) => [`${code}`, means, afterRun]));
});

Deno.test("the page of the socket has every method with its risk, and every error with its stage", async () => {
  const page = await Deno.readTextFile(new URL("docs/reference/socket.md", ROOT));
  const section = (name: string): string => page.split(`\n## ${name}\n`)[1]?.split("\n## ")[0] ?? "";
  const methods = [...section("Methods").matchAll(/^\| `([a-z_.]+)`\s+\| (read|write|destructive)\s+\|/gm)];
  assertEquals(Object.fromEntries(methods.map(([, method, risk]) => [method, risk])), { ...METHODS });
  const errors = [...section("Errors").matchAll(/^\| `(\w+)`\s+\| `(\w+)`\s+\|/gm)];
  assertEquals(Object.fromEntries(errors.map(([, code, stage]) => [code, stage])), { ...STAGES, validation_failed: "command_validate" });
});

Deno.test("the page of events has every event, with what real ones have", async () => {
  const page = await Deno.readTextFile(new URL("docs/reference/events.md", ROOT));
  const rows = [...page.matchAll(/^\| `(\w+)`\s+\| (\w+)\s+\| (yes|no)\s+\| .*?[.)] +\| (.*?)\s*\|$/gm)];
  const told = new Map<string, Set<string>>();
  for (const play of Object.values(SCENES)) {
    for (const event of await play()) told.set(event.type, new Set([...told.get(event.type) ?? [], ...Object.keys(event)]));
  }
  const expected = EVENT_TYPES.map((type) => {
    const fields = [...told.get(type) ?? []].filter((name) => !OF_ALL.includes(name));
    const own = fields.filter((name) => !OF_ATTEMPTS.includes(name)).sort();
    return [type, severityOf(type), fields.includes("attempt") ? "yes" : "no", own.join(" ")];
  });
  const written = rows.map(([, type, severity, attempt, fields = ""]) => {
    const own = [...fields.matchAll(/`(\w+)`/g)].map(([, name]) => name).sort();
    return [type, severity, attempt, own.join(" ")];
  });
  assertEquals(written, expected);
});

Deno.test("the page of metrics has every metric, with what it tells", async () => {
  const page = await Deno.readTextFile(new URL("docs/reference/metrics.md", ROOT));
  const rows = [...page.matchAll(/^\| `(\w+)`\s+\| (?:counter|histogram|gauge)\s+\|.*\| (.*?)\s*\|$/gm)];
  assertEquals(Object.fromEntries(rows.map(([, name, tells]) => [name, tells])), { ...METRICS });
});

Deno.test("every link between the pages leads somewhere", async () => {
  for (const page of ["README.md", "CHANGELOG.md", ...await pages()]) {
    const text = await Deno.readTextFile(new URL(page, ROOT));
    for (const [, target = ""] of text.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)) {
      const found = await Deno.stat(new URL(target, new URL(page, ROOT))).then((stat) => stat.isFile, () => false);
      assert(found, `${page} links to ${target}, which does not exist`);
    }
  }
});

Deno.test("every page of the guide is linked from the README or another page", async () => {
  const texts = await Promise.all(["README.md", ...await pages()].map((page) => Deno.readTextFile(new URL(page, ROOT))));
  const linked = texts.join("\n");
  const lonely = (await pages("docs/guide/")).filter((page) => !linked.includes(page.split("/").at(-1)!));
  assertEquals(lonely, []);
});

Deno.test("docs: the pages of all keys are what the schemas say", async () => {
  for (const [name, keys] of [["configuration", keyReference()], ["relay", relayKeyReference()]] as const) {
    const page = await Deno.readTextFile(new URL(`docs/reference/${name}.md`, ROOT));
    const [, table] = /<!-- deno-fmt-ignore-start -->\n([^]*?)<!-- deno-fmt-ignore-end -->/.exec(page) ?? [];
    assertEquals(table?.trim(), keys.trim(), `docs/reference/${name}.md is out of date, run: deno task reference`);
  }
});
