import { assert, assertEquals, assertMatch } from "@std/assert";
import { visible } from "../../src/web/model/clean.ts";
import { COMMANDS, commandsFor, makesSense, mayGive } from "../../src/web/model/commands.ts";
import { bytes, clock, lasting, moment, percent, stamp } from "../../src/web/model/format.ts";
import { numberOf, timeOf } from "../../src/web/model/read.ts";
import { readCount, readRoute, writeRoute } from "../../src/web/model/route.ts";
import { addSample, lineOf, MOST_SAMPLES, type Sample } from "../../src/web/model/series.ts";
import { ALL_ROWS } from "../../src/web/model/timeline.ts";
import { PAGE } from "../../src/relay/mod.ts";
import { childOf } from "./helpers.ts";

Deno.test("what would hide in a text shows, and what is too long is cut", () => {
  assertEquals(visible("a\u001b[31m\nb\u007f"), "a␛[31m␊b␡");
  assertEquals(visible("\u202eabc\u200b\u2028\u0085"), "⟨U+202E⟩abc⟨U+200B⟩⟨U+2028⟩⟨U+0085⟩");
  assertEquals(visible("\ud800x"), "\ufffdx");
  assertEquals(visible("x".repeat(3_000), 10), "xxxxxxxxxx… (3,000)");
  assertEquals(visible("<b>&amp;</b>"), "<b>&amp;</b>");
});

Deno.test("times, sizes and shares in letters", () => {
  assertEquals([0, 59_999, 61_000, 3_600_000, 90_061_000, -5].map(lasting), ["0s", "59s", "1m 1s", "1h", "1d 1h", "0s"]);
  assertEquals([512, 1_536, 120 * 1_024 * 1_024].map(bytes), ["512 B", "1.5 KiB", "120 MiB"]);
  assertEquals([0, 0.26, 12.6].map(percent), ["0%", "0.3%", "13%"]);
  assertEquals(clock(Date.UTC(2026, 0, 2, 3, 4, 5, 6), true), "03:04:05.006");
  assertEquals(moment(NaN, true), "–");
});

Deno.test("a time of another day says which, and a whole one how far the clock is from UTC", () => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5, 6);
  assertEquals(stamp(now - 3_600_000, true, now), "02:04:05.006");
  assertEquals(stamp(now - 4 * 3_600_000, true, now), "01-01 23:04");
  assertEquals(stamp(1e300, true, now), "–");
  const local = moment(now, false);
  assertMatch(local, /^2026-01-0\d \d\d:\d\d:05\.006 [+−]\d\d:\d\d$/);
  assertEquals(Date.parse(local.replace(" ", "T").replace(" ", "").replace("−", "-")), now);
});

Deno.test("a moment is read from its text, else from its nanoseconds", () => {
  assertEquals(timeOf({ since: "2026-01-01T00:00:00Z", since_unix_nanos: 1 }, "since"), Date.UTC(2026, 0, 1));
  assertEquals(timeOf({ since_unix_nanos: "1795891591859842000" }, "since"), 1_795_891_591_859);
  assertEquals(timeOf({ since_unix_nanos: null }, "since"), null);
  assertEquals(timeOf({ since: "never" }, "since"), null);
  assertEquals(timeOf({ since_unix_nanos: "9".repeat(30) }, "since"), null);
  assertEquals(timeOf({ since_unix_nanos: 1e300 }, "since"), null);
  assertEquals(numberOf(Infinity), null);
});

Deno.test("where somebody is stands in the address, and what stands there otherwise is left out", () => {
  const route = {
    target: "shop & co",
    view: "graph",
    path: "/a b",
    filter: {
      target: "shop & co",
      path: "/a b",
      state: "failed",
      type: "Child#",
      severity: "error",
      least: 0,
      correlation: "ab-1",
      kinds: ["log"],
      text: "x=1#2",
    },
  } as const;
  assertEquals(readRoute(writeRoute(route)), route);
  assertEquals(writeRoute({ target: null, view: "overview", path: null, filter: ALL_ROWS }), "#");
  assertEquals(readRoute("#view=nowhere&severity=loud&kinds=log,none&target=a").view, "tree");
  assertEquals(readRoute("#%E0%A4%A&&&=").target, null);
  assertEquals(readRoute("#state=constructor&from=-1&from=2").filter, ALL_ROWS);
  assertEquals(["12", "", "1e3", "9".repeat(16)].map(readCount), [12, null, null, null]);
});

Deno.test("only commands that the target takes, and that the role may give, are there", () => {
  const target = { commands: new Set(COMMANDS.map(({ name }) => name)) };
  const names = (role: string, kind: string | null): string[] =>
    commandsFor(target, role, kind === null ? null : { kind }).map(({ name }) => name);
  assertEquals(names("read", "process"), []);
  assert(names("control", "process").includes("restart_child") && !names("control", "process").includes("remove_child"));
  assert(names("dangerous", "process").includes("remove_child") && !names("dangerous", "process").includes("scale"));
  assert(names("dangerous", "supervisor").includes("scale"));
  assertEquals(names("dangerous", null), ["start_template", "scale", "add_child", "reload", "shutdown_tree"]);
  assertEquals(commandsFor({ commands: new Set(["pause_child"]) }, "dangerous", { kind: "task" }).map(({ name }) => name), ["pause_child"]);
  assertEquals(mayGive("somebody", COMMANDS[0]!), false);
});

Deno.test("a command that would change nothing cannot be given", () => {
  const can = (name: string, more: Readonly<Record<string, unknown>>): boolean =>
    makesSense(COMMANDS.find((command) => command.name === name)!, childOf("/x", more));
  assertEquals([can("pause_child", {}), can("resume_child", {}), can("start_child", {}), can("reset_fuse", {})], [
    true,
    false,
    false,
    false,
  ]);
  assertEquals([can("resume_child", { operation: "paused" }), can("start_child", { phase: "stopped" })], [true, true]);
  assertEquals(can("reset_fuse", { fuse: { state: "open" } }), true);
});

Deno.test("the last values are a line in a box", () => {
  const samples: Sample[] = [];
  assertEquals(lineOf(samples, 10, 10).points, "");
  for (let index = 0; index < MOST_SAMPLES + 50; index++) addSample(samples, index, index);
  assertEquals(samples.length, MOST_SAMPLES);
  assertEquals(lineOf([{ at: 0, value: 0 }, { at: 10, value: 4 }], 100, 20, 8), { points: "0.0,20.0 100.0,10.0", most: 8 });
});

Deno.test("the page that is served is built, has nothing inline, and asks nobody else", () => {
  const html = PAGE.get("/")?.text ?? "";
  assert(html.includes('src="/app.js"') && html.includes('href="/style.css"'));
  assertEquals(/<style|<script(?![^>]*src=)|\son\w+=|\sstyle=/.test(html), false);
  const script = PAGE.get("/app.js")?.text ?? "";
  assert(script.startsWith("/*! Preact"));
  assertEquals(/\beval\(|new Function\(/.test(script), false);
  assertEquals([...script.matchAll(/https?:\/\/[\w.-]+/g)].map(([url]) => url).filter((url) => url !== "http://www.w3.org"), []);
});

Deno.test("no part of the page takes foreign text for markup", async () => {
  const { readdir, readFile } = await import("node:fs/promises");
  const folder = new URL("../../src/web/", import.meta.url);
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".ts"));
  assert(files.length > 20);
  for (const name of files) {
    assertEquals(
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write/i.test(await readFile(new URL(name, folder), "utf8")),
      false,
      name,
    );
  }
});
