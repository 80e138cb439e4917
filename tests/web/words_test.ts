import { assert, assertEquals } from "@std/assert";
import type { ChildPhase, FuseState, Health, NodePhase, Operation } from "../../src/core/mod.ts";
import type { Decision, FuseReason, LintRule, StopCause } from "../../src/event/mod.ts";
import type { Severity, TaskRole } from "../../src/spec/mod.ts";
import { COMMANDS } from "../../src/web/model/commands.ts";
import { STATES } from "../../src/web/model/lifecycle.ts";
import { choose, duration, eventWord, languageFor, t, word, WORDS } from "../../src/web/text/mod.ts";
import { zhEvents } from "../../src/web/text/zh_events.ts";

const slotsOf = (text: string): string[] => [...text.matchAll(/\{(\w+)/g)].map(([, name = ""]) => name).sort();

Deno.test("both languages have the same words, with the same slots, and none is empty", () => {
  const { en, zh } = WORDS;
  assertEquals(Object.keys(zh).sort(), Object.keys(en).sort());
  for (const [key, text] of Object.entries(en)) {
    const other: string = Reflect.get(zh, key);
    assert(text.trim() !== "" && other.trim() !== "", key);
    assertEquals(slotsOf(other), slotsOf(text), key);
  }
});

Deno.test("Chinese has the marks of Chinese", async () => {
  const folder = new URL("../../src/web/text/", import.meta.url);
  for (const name of ["zh.ts", "zh_events.ts", "zh_sentences.ts"]) {
    const text = await readText(new URL(name, folder));
    const said = [...text.matchAll(/"[^"]*\p{Script=Han}[^"]*"/gu)].map(String);
    assertEquals(said.filter((part) => /[\p{Script=Han}}”）][,:;?!(]|[),:;?!][\p{Script=Han}{“（]/u.test(part)), [], name);
  }
});

Deno.test("every key that the page asks for is there", async () => {
  const { en } = WORDS;
  const folder = new URL("../../src/web/view/", import.meta.url);
  for await (const { name } of readFolder(folder)) {
    const text = await readText(new URL(name, folder));
    for (const [, key = ""] of text.matchAll(/\bt\("([\w.]+)"/g)) assert(Object.hasOwn(en, key), `${name}: ${key}`);
  }
});

/** All words of a kind; one that is missing, or too many, does not compile. */
function all<Word extends string>(words: Readonly<Record<Word, true>>): string[] {
  return Object.keys(words);
}

const PROTOCOL: Readonly<Record<string, readonly string[]>> = {
  state: [
    ...all<ChildPhase | NodePhase | Exclude<Operation, "active">>({
      declared: true,
      waiting: true,
      backoff: true,
      queued: true,
      starting: true,
      running: true,
      ready: true,
      draining: true,
      stopping: true,
      killing: true,
      abandoned: true,
      stopped: true,
      failed: true,
      idle: true,
      paused: true,
      quarantined: true,
      removed: true,
    }),
    ...STATES,
  ],
  operation: all<Operation>({ active: true, paused: true, quarantined: true, removed: true }),
  health: all<Health>({ unknown: true, healthy: true, stale: true, unhealthy: true }),
  fuse: all<FuseState | FuseReason>({
    closed: true,
    open: true,
    half_open: true,
    hot_loop_detected: true,
    cold_start_budget_exhausted: true,
    meltdown_child_fuse: true,
    meltdown_group_fuse: true,
  }),
  lint: all<LintRule>({ never_ready: true, beats_but_never_ready: true, ignores_signal: true, fails_on_a_period: true }),
  cause: all<StopCause>({
    shutdown: true,
    start_timeout: true,
    run_timeout: true,
    unhealthy: true,
    sibling: true,
    dependency: true,
    restart: true,
    terminate: true,
    pause: true,
    quarantine: true,
    remove: true,
  }),
  decision: [
    ...all<Decision["action"]>({ restart: true, stop: true, give_up: true, escalate: true, shutdown_tree: true }),
    ...all<Decision["reason"]>({
      within_restart_budget: true,
      restart_limit_slow_down: true,
      restart_limit_exhausted: true,
      role_success_restart: true,
      role_success_stop: true,
      restart_policy_temporary: true,
      external_cancel_or_manual_stop: true,
      fatal_config: true,
      fatal_bug: true,
      never_restart_on: true,
      optional_child_never_escalates: true,
      restarted_by_command: true,
      restarted_with_siblings: true,
      waits_for_dependency: true,
      restart_budget_exhausted: true,
      meltdown_group_fuse: true,
      meltdown_supervisor_fuse: true,
      supervisor_failure_limit: true,
      decided_by_function: true,
      hot_loop_detected: true,
      cold_start_budget_exhausted: true,
      meltdown_child_fuse: true,
      supervisor_stopping: true,
    }),
  ],
  task_role: all<TaskRole>({ service: true, worker: true, job: true, sidecar: true, supervisor: true }),
  severity: all<Severity>({ critical: true, standard: true, optional: true }),
  command: COMMANDS.map(({ name }) => name),
};

Deno.test("every word that a target of ours can say has its translations", () => {
  const missing = Object.entries(PROTOCOL).flatMap(([kind, words]) => words.map((name) => `${kind}.${name}`))
    .filter((key) => !Object.hasOwn(WORDS.en, key));
  assertEquals(missing, []);
});

Deno.test("every word of the page is used somewhere", async () => {
  let source = "";
  for (const part of ["view/", "model/", "text/mod.ts"]) {
    const at = new URL(`../../src/web/${part}`, import.meta.url);
    if (!part.endsWith("/")) source += await readText(at);
    else for await (const { name } of readFolder(at)) source += await readText(new URL(name, at));
  }
  const kinds = [...Object.keys(PROTOCOL), ...["readiness", "connection", "kind", "level", "result", "role", "unit"]];
  const unused = Object.keys(WORDS.en).filter((key) =>
    !source.includes(`"${key}"`) && !kinds.includes(key.split(".")[0]!) && !source.includes(`\`${key.replace(/\.[^.]*$/, ".")}\${`)
  );
  assertEquals(unused, []);
});

Deno.test("every event of the reference has a Chinese name", async () => {
  const page = await readText(new URL("../../docs/reference/events.md", import.meta.url));
  const names = [...page.matchAll(/^\| `([a-z_]+)` +\| (?:info|warning|error)/gm)].map(([, name = ""]) => name);
  assert(names.length > 40);
  assertEquals(names.filter((name) => !Object.hasOwn(zhEvents, name)), []);
});

Deno.test("how long something lasts is told in the language that is chosen", () => {
  const ms = 26 * 3_600_000 + 61_000;
  assertEquals([duration(0), duration(61_000), duration(ms)], ["0s", "1m 1s", "1d 2h"]);
  choose("zh");
  try {
    assertEquals([duration(0), duration(61_000), duration(ms)], ["0 秒", "1 分 1 秒", "1 天 2 小时"]);
  } finally {
    choose("en");
  }
});

Deno.test("a number has the word that fits it", () => {
  assertEquals(t("count.restarts", { count: 1 }), "1 restart");
  assertEquals(t("count.restarts", { count: 2 }), "2 restarts");
  assertEquals(t("count.ready", {}), "{count} ready");
});

Deno.test("words of the protocol are translated, and those that nobody knows are made readable", () => {
  assertEquals(word("state", "backoff"), "restarting");
  assertEquals(word("state", "half_gone\u0007"), "half gone␇");
  assertEquals(word("state", "__proto__"), "proto");
  assertEquals(eventWord("ChildFailed"), "child failed");
  choose("zh");
  try {
    assertEquals(word("state", "ready"), "就绪");
    assertEquals(eventWord("ChildFailed"), "子项失败");
    assertEquals(eventWord("SomethingNew"), "something new");
  } finally {
    choose("en");
  }
});

Deno.test("the first language that the browser wants and the page has is taken", () => {
  assertEquals(languageFor(["zh-TW", "en"]), "zh");
  assertEquals(languageFor(["de-CH", "en-GB", "zh"]), "en");
  assertEquals(languageFor([]), "en");
});

async function* readFolder(folder: URL): AsyncGenerator<{ readonly name: string }> {
  const { readdir } = await import("node:fs/promises");
  for (const name of await readdir(folder)) yield { name };
}

async function readText(file: URL): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  return await readFile(file, "utf8");
}
