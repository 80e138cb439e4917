import { assertEquals, assertStringIncludes, fail } from "@std/assert";
import { parseChildManifest } from "../../src/config/mod.ts";
import { ReeveError } from "../../src/base/mod.ts";
import { PLACE } from "./helpers.ts";

const RUN = "run: { process: { command: ./bin/ping, args: ['$${HOME}'], cwd: data } }";

function refused(text: string): string {
  try {
    parseChildManifest(text, { path: PLACE });
  } catch (error) {
    if (error instanceof ReeveError && error.code === "invalid_manifest") return error.message;
    throw error;
  }
  return fail(`Expected a refusal of\n${text}`);
}

Deno.test("parseChildManifest() reads a child as the file of the tree would, siblings unseen", () => {
  const spec = parseChildManifest(`name: ping\n${RUN}\ndependencies: [db]\nwants: [cache]\nrestart_policy: transient\n`, { path: PLACE });
  assertEquals(spec, {
    name: "ping",
    restartPolicy: "transient",
    dependencies: ["db"],
    wants: ["cache"],
    run: { kind: "process", command: "/srv/shop/bin/ping", args: ["${HOME}"], cwd: "/srv/shop/data" },
  });
});

Deno.test("parseChildManifest() resolves modules beside the file and factories by name", () => {
  assertEquals(parseChildManifest("{ name: a, run: { module: { url: ./a.ts } } }", { path: PLACE }).run, {
    kind: "module",
    url: "file:///srv/shop/a.ts",
  });
  const task = (): void => {};
  const { run } = parseChildManifest("name: a", { path: PLACE, factories: { a: task } });
  assertEquals(run.kind === "task" && run.task === task, true);
});

const INNER = "name: s\nrun: { supervisor: { children: [{ name: a, secrets: [{ name: TOKEN }] }] } }";
for (
  const [input, text, message] of [
    ["an empty text", "", "configuration error: Failed to parse child manifest: it is empty"],
    ["no YAML", "name: [", "configuration error: Failed to parse child manifest: it is not valid YAML"],
    ["a list", "- name: a", "Failed to parse child manifest: it must be a map"],
    ["too many bytes", `name: a # ${"ä".repeat(33_000)}`, "must have at most 65536"],
    ["a reserved key", "{ name: a, args: { __proto__: { b: 1 } } }", "Failed to parse child manifest: "],
    ["no name", RUN, 'configuration error: Child validation failed at name: "name" is missing'],
    ["an unknown key", `name: a\nenvironmnt: []\n${RUN}`, 'failed at environmnt: unknown key "environmnt". Did you mean "environment"?'],
    ["a wrong type deep inside", "{ name: a, run: { process: { command: 5 } } }", "failed at run.process.command: is 5, must be a text"],
    ["two ways to run", "{ name: a, run: { factory: a, worker: { url: ./a.ts } } }", "failed at run: has 2 keys"],
    ["a rule of the declaration", `name: a\ndependencies: [b, b]\n${RUN}\nrestart_policy: maybe`, "failed at restart_policy: "],
    ["a placeholder", "{ name: a, run: { process: { command: '${SHELL}' } } }", "failed at run.process.command: has a placeholder"],
    ["a placeholder with a default", `name: a\nargs: { x: ["\${TOKEN:-none}"] }\n${RUN}`, "failed at args.x.0: has a placeholder"],
    [
      "a secret reference",
      `name: a\nenvironment: [{ name: T, secret_ref: "\${TOKEN}" }]\n${RUN}`,
      "failed at environment.0.secret_ref: has a placeholder",
    ],
    ["a secret of a nested child", INNER, "failed at run.supervisor.children.0.secrets: a manifest has no secrets"],
    [
      "a limit that nobody can keep",
      "{ name: a, run: { worker: { url: ./a.ts } }, resource_limits: { max_memory_mb: 5 } }",
      "failed at resource_limits: max_memory_mb: not kept",
    ],
    ["an include", `name: a\ninclude: [/etc/passwd.yaml]\n${RUN}`, "failed at include: unknown key"],
  ] as const
) {
  Deno.test(`parseChildManifest() refuses ${input}`, () => assertStringIncludes(refused(text), message));
}

Deno.test("parseChildManifest() renders what it was given harmless, and says little of much", () => {
  const message = refused(`name: a\n"\\e[2J${"x".repeat(5_000)}": 1\n${RUN}`);
  assertEquals([message.includes("\u001b"), message.length < 1_100], [false, true]);
});
