/** Whole pictures, at several sizes: what stands where, and that it is never wider or higher than the screen. */
import { assert, assertEquals } from "@std/assert";
import { view } from "../../../src/cli/top/view.ts";
import { widthOf, withoutColors } from "../../../src/cli/top/text.ts";
import { described, event, line, NOON_MS, Play, pushed, shop, states } from "./models.ts";

/** Pictures without the spaces at the ends of lines; empty lines at the end of a part are counted. */
const PICTURES: readonly (readonly [name: string, play: () => Play, lines: readonly string[]])[] = [
  ["a wide terminal, with a folded supervisor", () => shop(140, 14).press("end", "left", "left"), [
    "● shop ready, up 1 min 12 s  5 children: 3 ready, 1 restarting, 1 paused                                                              ● live",
    "  CPU 14 %  memory 51 MiB  2 restarts  3 failures",
    "      NAME         STATE       SINCE       RESTARTS LAST 5 MIN    CPU   MEMORY     PID",
    "    ● catalog      ready       12 s               0              13 %   50 MiB     100",
    "    ↻ mailer       restarting  12 s               2                 -        -       -  exited with code 1; starts in 18 s",
    "› + ● pollers      ready       12 s               0               1 %    1 MiB       -  2 inside, 1 not ready",
    "",
    "",
    "──[events] output  of all                                                                                                           follows",
    "  12:00:01 · /catalog          ready after 1.6 s",
    "  12:00:02 ✗ /mailer           failed: exited with code 1",
    "",
    "",
    "? help  q quit  Enter details  w why  / filter  Tab pane  r restart  s start  x stop  p pause  u resume  Space fold  o order  a all/one",
  ]],
  ["a usual terminal", () => shop(80, 16), [
    "● shop ready, up 1 min 12 s  5 children: 3 ready, 1 restarting, 1 paused  ● live",
    "  CPU 14 %  memory 51 MiB  2 restarts  3 failures",
    "      NAME         STATE       SINCE       RESTARTS    CPU   MEMORY",
    "›   ● catalog      ready       12 s               0   13 %   50 MiB",
    "    ↻ mailer       restarting  12 s               2      -        -  exited wit…",
    "  - ● pollers      ready       12 s               0    1 %    1 MiB",
    "      ● prices     ready       12 s               0    1 %    1 MiB",
    "      ‖ reviews    paused      12 s               0      -        -",
    "──[events] output  of all                                               follows",
    "  12:00:01 · /catalog          ready after 1.6 s",
    "  12:00:02 ✗ /mailer           failed: exited with code 1",
    "",
    "",
    "",
    "",
    "? help  q quit  Enter details  w why  / filter  Tab pane  r restart  s start",
  ]],
  ["a narrow terminal", () => shop(40, 10), [
    "● shop ready, up 1 min 12 s  5 …  ● live",
    "  CPU 14 %  memory 51 MiB  2 restarts  …",
    "      NAME         STATE",
    "›   ● catalog      ready",
    "    ↻ mailer       restarting",
    "  - ● pollers      ready",
    "      ● prices     ready",
    "      ‖ reviews    paused",
    "",
    "? help  q quit  Enter details  w why",
  ]],
  ["a narrow terminal, in a pane", () => shop(40, 10).press("tab"), [
    "● shop ready, up 1 min 12 s  5 …  ● live",
    "  CPU 14 %  memory 51 MiB  2 restarts  …",
    "      NAME         STATE",
    "›   ● catalog      ready",
    "━━[events] output  of all       follows",
    "  · /catalog    ready after 1.6 s",
    "  ✗ /mailer     failed: exited with cod…",
    "",
    "",
    "? help  q quit  w why  / search",
  ]],
  ["a terminal that is too small", () => shop(39, 10), [
    "39x10 is too small",
    "it takes 40x10",
    "q quits",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
  ]],
  ["what is looked for while it is typed", () => shop(80, 16).press("/").type("pa"), [
    "● shop ready, up 1 min 12 s  5 children: 3 ready, 1 restarting, 1 paused  ● live",
    '  CPU 14 %  memory 51 MiB  2 restarts  3 failures  "pa": 1 found',
    "      NAME         STATE       SINCE       RESTARTS    CPU   MEMORY",
    "  - ● pollers      ready       12 s               0    1 %    1 MiB",
    "›     ‖ reviews    paused      12 s               0      -        -",
    "",
    "",
    "",
    "──[events] output  of all                                               follows",
    "  12:00:01 · /catalog          ready after 1.6 s",
    "  12:00:02 ✗ /mailer           failed: exited with code 1",
    "",
    "",
    "",
    "Only with: pa▏",
    "Enter ok  Esc cancel  Ctrl-U clear",
  ]],
  ["nobody who is found", () => shop(80, 12).press("/").type("zzz").press("enter"), [
    "● shop ready, up 1 min 12 s  5 children: 3 ready, 1 restarting, 1 paused  ● live",
    '  CPU 14 %  memory 51 MiB  2 restarts  3 failures  "zzz": 0 found',
    "      NAME         STATE       SINCE       RESTARTS    CPU   MEMORY",
    '  nobody has "zzz": Esc shows all',
    "",
    "",
    "──[events] output  of all                                               follows",
    "  12:00:01 · /catalog          ready after 1.6 s",
    "  12:00:02 ✗ /mailer           failed: exited with code 1",
    "",
    "",
    "? help  q quit  Enter details  w why  / filter  Tab pane  r restart  s start",
  ]],
  ["a question for the reason", () => shop(80, 12).press("p"), [
    "● shop ready, up 1 min 12 s  5 children: 3 ready, 1 restarting, 1 paused  ● live",
    "  CPU 14 %  memory 51 MiB  2 restarts  3 failures",
    "      NAME         STATE       SINCE       RESTARTS    CPU   MEMORY",
    "›   ● catalog      ready       12 s               0   13 %   50 MiB",
    "    ↻ mailer       restarting  12 s               2      -        -  exited wit…",
    "  - ● pollers      ready       12 s               0    1 %    1 MiB",
    "──[events] output  of all                                               follows",
    "  12:00:01 · /catalog          ready after 1.6 s",
    "  12:00:02 ✗ /mailer           failed: exited with code 1",
    "",
    "Why pause /catalog? ▏ Enter: asked for in reeve top",
    "Enter ok  Esc cancel  Ctrl-U clear",
  ]],
  ["a question for the name", () => shop(80, 12).press("D", "enter").type("cat"), [
    "● shop ready, up 1 min 12 s  5 children: 3 ready, 1 restarting, 1 paused  ● live",
    "  CPU 14 %  memory 51 MiB  2 restarts  3 failures",
    "      NAME         STATE       SINCE       RESTARTS    CPU   MEMORY",
    "›   ● catalog      ready       12 s               0   13 %   50 MiB",
    "    ↻ mailer       restarting  12 s               2      -        -  exited wit…",
    "  - ● pollers      ready       12 s               0    1 %    1 MiB",
    "──[events] output  of all                                               follows",
    "  12:00:01 · /catalog          ready after 1.6 s",
    "  12:00:02 ✗ /mailer           failed: exited with code 1",
    "",
    "To remove /catalog, type its name (catalog): cat▏",
    "Enter ok  Esc cancel  Ctrl-U clear",
  ]],
  ["the output of the selected child", () => shop(80, 16).press("tab", "tab", "a", "/").type("list").press("enter"), [
    "● shop ready, up 1 min 12 s  5 children: 3 ready, 1 restarting, 1 paused  ● live",
    "  CPU 14 %  memory 51 MiB  2 restarts  3 failures",
    "      NAME         STATE       SINCE       RESTARTS    CPU   MEMORY",
    "›   ● catalog      ready       12 s               0   13 %   50 MiB",
    "    ↻ mailer       restarting  12 s               2      -        -  exited wit…",
    "  - ● pollers      ready       12 s               0    1 %    1 MiB",
    "      ● prices     ready       12 s               0    1 %    1 MiB",
    "      ‖ reviews    paused      12 s               0      -        -",
    '━━ events [output] of /catalog                                     "list" stays',
    "› 12:00:01 │ listening",
    "",
    "",
    "",
    "",
    "",
    "? help  q quit  w why  / search  Tab pane  r restart  s start  x stop  p pause",
  ]],
  ["a pane over the whole screen", () => shop(80, 12).press("tab", "m", "k"), [
    "● shop ready, up 1 min 12 s  5 children: 3 ready, 1 restarting, 1 paused  ● live",
    "  CPU 14 %  memory 51 MiB  2 restarts  3 failures",
    "      NAME         STATE       SINCE       RESTARTS    CPU   MEMORY",
    "›   ● catalog      ready       12 s               0   13 %   50 MiB",
    "━━[events] output  of all                                               follows",
    "  12:00:01 · /catalog          ready after 1.6 s",
    "  12:00:02 ✗ /mailer           failed: exited with code 1",
    "",
    "",
    "",
    "",
    "? help  q quit  w why  / search  Tab pane  r restart  s start  x stop  p pause",
  ]],
  ["everything about a child", () => shop(80, 12).press("down", "enter"), [
    "── details of /mailer ──",
    "↻ /mailer  restarting since 2026-11-28 12:00:00; 12 s",
    "        kind  task, critical",
    "     attempt  3 of generation 0; 2 restarts, 3 failures",
    "   last exit  exited with code 1",
    "  next start  2026-11-28 12:00:30, in 18 s",
    "",
    "",
    "",
    "",
    "",
    "? help  Esc q back  w why/details  r restart  s start  x stop  p pause  u resume",
  ]],
  ["why a child is as it is", () => shop(80, 12).press("down", "w"), [
    "── why /mailer ──",
    "↻ /mailer is restarting since 2026-11-28 12:00:00 (12 s)",
    "  Last time it exited with code 1.",
    "  It starts by itself in 18 s, at 12:00:30.",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "? help  Esc q back  w why/details  r restart  s start  x stop  p pause  u resume",
  ]],
  ["a connection that was lost", () =>
    shop(80, 16).take(
      { type: "connection", state: "reconnecting", reason: "it closed the connection", nowMs: NOON_MS + 13_000 },
      { type: "retry", atMs: NOON_MS + 18_000 },
      { type: "tick", nowMs: NOON_MS + 16_000 },
    ), [
    "● shop ready, up 1 min 13 s  5 children: 3 ready,…  ✗ lost 3 s ago, again in 2 s",
    "  CPU 14 %  memory 51 MiB  2 restarts  3 failures",
    "      NAME         STATE       SINCE       RESTARTS    CPU   MEMORY",
    "›~  ● catalog      ready       13 s               0   13 %   50 MiB",
    " ~  ↻ mailer       restarting  13 s               2      -        -  exited wit…",
    " ~- ● pollers      ready       13 s               0    1 %    1 MiB",
    " ~    ● prices     ready       13 s               0    1 %    1 MiB",
    " ~    ‖ reviews    paused      13 s               0      -        -",
    "──[events] output  of all                                               follows",
    "  12:00:01 · /catalog          ready after 1.6 s",
    "  12:00:02 ✗ /mailer           failed: exited with code 1",
    "",
    "",
    "",
    "it closed the connection",
    "? help  q quit  Enter details  w why  / filter  Tab pane  r restart  s start",
  ]],
  ["restarts over the last minutes", () =>
    shop(100, 12).take(
      pushed(states([described("/catalog", { restartsTotal: 3, attempt: 4 })])),
      { type: "tick", nowMs: NOON_MS + 75_000 },
      pushed(states([described("/catalog", { restartsTotal: 12, attempt: 13, phase: "running" })])),
    ), [
    "● shop ready, up 2 min 15 s  5 children: 2 ready, 1 not ready, 1 restarting, 1 paused         ● live",
    "  CPU 14 %  memory 51 MiB  14 restarts  3 failures",
    "      NAME         STATE       SINCE       RESTARTS LAST 5 MIN    CPU   MEMORY",
    "›   ◐ catalog      not ready   1 min 15 s        12 ·······▃·█   13 %   50 MiB",
    "    ↻ mailer       restarting  1 min 15 s         2                 -        -  exited with code 1;…",
    "  - ● pollers      ready       1 min 15 s         0               1 %    1 MiB",
    "──[events] output  of all                                                                   follows",
    "  12:00:01 · /catalog          ready after 1.6 s",
    "  12:00:02 ✗ /mailer           failed: exited with code 1",
    "",
    "",
    "? help  q quit  Enter details  w why  / filter  Tab pane  r restart  s start  x stop  p pause",
  ]],
  ["a screen before anything is known", () => new Play(60, 12), [
    "? reeve not known yet  0 children       … connected, waiting",
    "  0 restarts  0 failures",
    "      NAME         STATE        RESTARTS",
    "  waiting for the children",
    "",
    "",
    "──[events] output  of all                           follows",
    "  no events",
    "",
    "",
    "",
    "? help  q quit  Enter details  w why  / filter  Tab pane",
  ]],
];

for (const [name, play, lines] of PICTURES) {
  Deno.test(`view() shows ${name}`, () => assertEquals(play().screen(), lines));
}

Deno.test("view() has as many lines as there are rows, none wider than there are columns, at every size", () => {
  const play = shop().take(
    pushed(event("/catalog", "日本語のイベント".repeat(20)), states([described("/日本語のサービス日本語のサービス")])),
  );
  play.take(line("/catalog", "\u001b[31mred\u001b[0m \u001b[2Jand \u0007 more\t".repeat(20)));
  const pages: readonly (readonly string[])[] = [[], ["tab"], ["tab", "tab"], ["enter"], ["w"], ["?"], ["/", "日"], ["X", "enter", "s"]];
  for (const keys of pages) {
    const { model } = new Play().take({ type: "tick", nowMs: NOON_MS }).with(play.model).press(...keys);
    for (const columns of [1, 8, 39, 40, 41, 57, 63, 80, 101, 250]) {
      for (const rows of [1, 3, 10, 11, 17, 24, 60]) {
        for (const color of [false, true]) {
          const shown = view(model, { columns, rows, color });
          assertEquals(shown.length, rows);
          for (const text of shown) {
            const plain = withoutColors(text);
            assert(widthOf(plain) <= columns, `${columns}x${rows} after ${keys}: ${plain}`);
            assert(!/\p{Cc}/u.test(plain), JSON.stringify(plain));
          }
        }
      }
    }
  }
});

Deno.test("view() without colours has no sequence at all, and tells the same", () => {
  const { model } = shop();
  const plain = view(model, { columns: 100, rows: 24, color: false });
  const colored = view(model, { columns: 100, rows: 24, color: true });
  assert(colored.join("").includes("\u001b[31m"));
  assertEquals(colored.map((text) => withoutColors(text).trimEnd()), plain.map((text) => text.trimEnd()));
});

Deno.test("view() looks only at the children that are in sight", () => {
  const many = Array.from({ length: 10_000 }, (_, index) => described(`/child-${index}`));
  const play = new Play(120, 40).take(pushed(states(many, { whole: true }))).press("end");
  play.screen();
  let asked = 0;
  const children = new Proxy(play.model.children, {
    get(target, name): unknown {
      const value: unknown = Reflect.get(target, name, target);
      if (name === "get") asked++;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  play.with({ ...play.model, children }).screen();
  play.screen();
  assert(asked < 200, `${asked} children were looked at`);
  assertEquals(play.screen().filter((text) => text.includes("child-")).length, 22);
});
