// What only a browser can show of the page: nodes that are dragged, a theme that changes by itself, filters in the address, times of two zones.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { besideIn, finish, HERE, launch, on, sees, start, STORM, test, until } from "./kit.mjs";

/** Nine hours ahead of UTC, all the year. */
const [ZONE, AHEAD_H] = ["Asia/Tokyo", 9];

const trees = await start([join(HERE, "crowd.ts"), "1", "2"], /served/);
const { match: [url] } = await start(["src/cli/bin.ts", "dashboard", "--no-open", "--port", "0"], /http:\S+token=\S+/);
const { origin } = new URL(url);
const browser = await launch();
const context = await browser.newContext({
  viewport: { width: 1440, height: 900 },
  locale: "en-US",
  colorScheme: "light",
  timezoneId: ZONE,
});
await context.grantPermissions(["clipboard-read", "clipboard-write"]);
context.setDefaultTimeout(10_000);
const page = await context.newPage();
const complaints = [];
page.on("pageerror", (error) => complaints.push(error.message));
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));

const { id, row, violations, target: named } = on(page);
const target = (number) => named(`tree-00${number}`);
const node = (path) => page.locator(`[data-testid="topology-canvas"] [data-path="${path}"]`);
const placeOf = async (path) => /translate\((\S+) (\S+)\)/.exec(await node(path).getAttribute("transform")).slice(1).map(Number);
const rows = () => id("timeline-record");

/** The graph just large enough for its nodes to be read: what is smaller is no node of its own. */
const readableGraph = async () => {
  await page.waitForSelector('[data-testid="topology-canvas"][data-nodes="51"]');
  await id("graph-fit").click();
  const transform = () => id("topology-canvas").locator("svg > g").getAttribute("transform");
  while (await page.locator('[data-testid="topology-canvas"] .node').count() === 0) {
    const before = await transform();
    await page.locator('[aria-label="Zoom in"]').click();
    await until(async () => await transform() !== before, "nearer");
  }
};

const beside = besideIn(context);

/** A page with a clock of its own, which pages of one context would share. */
const apart = async (use) => {
  const other = await browser.newContext({ storageState: await context.storageState(), colorScheme: "light", timezoneId: ZONE });
  try {
    await use(await other.newPage());
  } finally {
    await other.close();
  }
};

await page.goto(url);
await until(async () => await id("target").count() === 2, "two trees");
// Something fails now and then, so that there is something to find.
trees.child.kill(STORM.begins);
await until(async () => /\d+ of \d{3}/.test(await id("timeline-count").innerText()), "a hundred rows", 30_000);
trees.child.kill(STORM.ends);

await test("a node goes where the mouse drags it, and stays there when the page is opened anew", async () => {
  await target(1).click();
  await id("view-graph").click();
  await readableGraph();
  await sees.equal(() => id("graph-relayout").isDisabled(), true);
  const before = await placeOf("/group-3");
  const box = await node("/group-3").boundingBox();
  await page.mouse.move(box.x + 20, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x - 20, box.y - 30, { steps: 5 });
  await page.mouse.move(box.x - 40, box.y - 50, { steps: 5 });
  await page.mouse.up();
  let after = before;
  // It follows the mouse picture by picture.
  await until(async () => {
    const last = after;
    after = await placeOf("/group-3");
    return after[0] < before[0] - 50 && after[1] < before[1] - 50 && `${last}` === `${after}`;
  }, "it is where the mouse left it");
  const others = await placeOf("/group-2");
  await page.reload();
  await readableGraph();
  await sees.deepEqual(() => placeOf("/group-3"), after);
  await sees.deepEqual(() => placeOf("/group-2"), others);
  await target(2).click();
  await readableGraph();
  await sees.deepEqual(() => placeOf("/group-3"), before, "the other tree has its own places");
  await target(1).click();
});

await test("what is moved with Alt and the arrows is told, and all is laid out anew at a word", async () => {
  await readableGraph();
  const [x, y] = await placeOf("/group-1");
  await node("/group-1").click();
  await id("topology-canvas").focus();
  // There is less room beside the details: a node that is moved comes into sight.
  for (let turn = 0; turn < 3; turn++) await page.keyboard.press("+");
  await page.keyboard.press("Alt+ArrowDown");
  await page.keyboard.press("Alt+Shift+ArrowRight");
  await sees.deepEqual(() => placeOf("/group-1"), [x + 80, y + 16]);
  await sees.match(() => id("graph-said").innerText(), new RegExp(`/group-1 was moved to ${x + 80}, ${y + 16}`));
  await sees.deepEqual(violations, [], "graph");
  await id("detail-close").click();
  await id("graph-relayout").click();
  await readableGraph();
  await sees.deepEqual(() => placeOf("/group-1"), [x, y]);
  await sees.equal(() => id("graph-relayout").isDisabled(), true);
  await sees.equal(() => page.evaluate(() => localStorage.getItem("reeve.places")), "{}");
});

await test("places that mean nothing are left out", async () => {
  await page.evaluate(() =>
    localStorage.setItem("reeve.places", '{"tree-001":{"/group-1":["x",{}],"/group-2":[1e300,null]},"tree-002":7}')
  );
  await page.reload();
  await readableGraph();
  await sees.equal(() => id("graph-relayout").isDisabled(), true);
});

await test("the wheel zooms only while the graph has the focus, and Esc leaves it", async () => {
  const canvas = id("topology-canvas");
  const transform = () => canvas.locator("svg > g").getAttribute("transform");
  await id("graph-fit").click();
  await page.evaluate(() => document.activeElement?.blur());
  const fitted = await transform();
  await canvas.hover();
  await page.mouse.wheel(0, -300);
  await page.waitForTimeout(150);
  assert.equal(await transform(), fitted);
  await canvas.focus();
  await page.mouse.wheel(0, -300);
  await until(async () => await transform() !== fitted, "zoomed");
  await page.keyboard.press("Escape");
  await sees.equal(() => page.evaluate(() => document.activeElement === document.body), true);
  // Another size of the window fits it anew.
  await page.setViewportSize({ width: 1300, height: 900 });
  await page.setViewportSize({ width: 1440, height: 900 });
  await until(async () => await transform() === fitted, "fitted anew");
});

await test("Esc puts a node back that is being dragged", async () => {
  await readableGraph();
  const before = await placeOf("/group-3");
  const box = await node("/group-3").boundingBox();
  await page.mouse.move(box.x + 20, box.y + 10);
  await page.mouse.down();
  await page.mouse.move(box.x + 80, box.y + 60, { steps: 4 });
  await sees.notDeepEqual(() => placeOf("/group-3"), before);
  await page.keyboard.press("Escape");
  await page.mouse.up();
  await sees.deepEqual(() => placeOf("/group-3"), before);
});

await test("the theme changes over by itself at seven in the evening and at six in the morning", () =>
  apart(async (other) => {
    await other.clock.install({ time: new Date("2026-03-04T18:30:00+09:00") });
    await other.goto(`${origin}/`);
    const theme = () => other.evaluate(() => document.documentElement.dataset.theme ?? null);
    await sees.equal(theme, null);
    await other.locator('[data-testid="choice-theme"]').selectOption("time");
    await sees.equal(theme, "light");
    await other.clock.fastForward(31 * 60_000);
    await sees.equal(theme, "dark");
    await sees.notEqual(() => other.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(245, 246, 248)");
    await other.clock.fastForward(11 * 3_600_000);
    await until(async () => await theme() === "light", "light in the morning");
    await other.reload();
    await until(async () => await other.locator('[data-testid="choice-theme"]').inputValue() === "time", "it is kept");
    await other.locator('[data-testid="choice-theme"]').selectOption("system");
    await sees.equal(theme, null);
  }));

await test("who is faster than the page loses no filter, and gets none back that was cleared", async () => {
  await id("filter-text").fill("child");
  await until(() => /text=child/.test(page.url()), "the text in the address");
  // All in one turn: nothing is drawn in between.
  await page.evaluate(() => {
    const press = (name) => document.querySelector(`[data-testid="${name}"]`).click();
    for (const name of ["filter-clear", "kind-log", "kind-audit"]) press(name);
  });
  await until(() => /kinds=/.test(page.url()), "the kinds in the address");
  await sees.equal(() => id("filter-text").inputValue(), "");
  for (const [kind, isOn] of [["event", "true"], ["log", "false"], ["audit", "false"]]) {
    await sees.equal(() => id(`kind-${kind}`).getAttribute("aria-pressed"), isOn, kind);
  }
  await id("filter-clear").click();
});

await test("each filter counts at once and stands in the address, and all are cleared at once", async () => {
  await id("filter-more").click();
  await sees.equal(() => id("filter-more").getAttribute("aria-expanded"), "true");
  await sees.deepEqual(violations, [], "filters");
  const all = () => id("timeline-count").innerText().then((text) => text.split(" of "));
  const only = async (what, pattern) => {
    await until(() => pattern.test(page.url()), `${what} in the address`);
    const areSome = ([shown, of]) => Number(shown) > 0 && Number(shown) < Number(of);
    await until(async () => areSome(await all()), `some of all, by the ${what}`);
  };
  const clear = async () => {
    await id("filter-clear").click();
    await until(async () => new Set(await all()).size === 1, "all of all");
    await sees.equal(() => id("filter-clear").count(), 0);
  };
  await id("filter-target").selectOption("tree-002");
  await only("target", /in=tree-002/);
  await clear();
  await id("filter-path").fill("/group-0/child-0");
  await only("path", /under=%2Fgroup-0%2Fchild-0/);
  await sees.equal(() => rows().first().locator(".line-path").innerText().then((text) => text.includes("/group-0/child-0")), true);
  await clear();
  await id("filter-state").selectOption("failed");
  await only("state", /state=failed/);
  await sees.equal(() => rows().evaluateAll((found) => found.every(({ textContent }) => textContent.includes("child failed"))), true);
  await clear();
  await id("filter-type").fill("BackoffSched");
  await only("type", /type=BackoffSched/);
  await sees.equal(() => rows().evaluateAll((found) => found.every(({ textContent }) => textContent.includes("backoff scheduled"))), true);
  await clear();
  await id("filter-severity").selectOption("error");
  await only("severity", /severity=error/);
  await clear();
  await id("filter-least").fill("100");
  await only("least sequence", /from=100/);
  await clear();
  await id("filter-text").fill("storm");
  await only("text", /text=storm/);
  await rows().last().click();
  await id("related").click();
  await only("correlation", /chain=\w+/);
  await sees.equal(() => id("filter-text").inputValue(), "");
  await sees.match(() => id("filter-correlation").inputValue(), /^[0-9a-f-]{36}$/);
  const kept = await all();
  await page.locator('[aria-label="Close this row"]').click();
  await page.reload();
  await id("filter-correlation").waitFor();
  await sees.match(() => id("filter-more").innerText(), /\(1\)/);
  let now = [];
  const isSame = async () => (now = await all())[0] === kept[0];
  await until(isSame, "the same rows after a reload").catch(({ message }) => assert.fail(`${message}: ${now} after ${kept}`));
  await id("filter-state").selectOption("failed");
  await clear();
  await sees.equal(() => id("filter-correlation").inputValue(), "");
  await id("filter-more").click();
  await sees.equal(() => id("more-filters").count(), 0);
  await sees.equal(() => page.url().includes("chain"), false);
});

await test("events say in Chinese what they say, what is searched in Chinese is found, and English shows what was sent", async () => {
  await id("filter-text").fill("storm took");
  await until(async () => /failed: the storm took it after/.test(await rows().last().innerText()), "as it was sent");
  await id("choice-language").selectOption("zh");
  await until(async () => /运行 .*失败：the storm took it（第/.test(await rows().last().innerText()), "in Chinese");
  await id("filter-text").fill("秒后恢复");
  await until(async () => await rows().count() > 0 && /恢复/.test(await rows().last().innerText()), "found in Chinese");
  await rows().last().click();
  await sees.match(() => id("row-detail").innerText(), /恢复/);
  await id("filter-text").fill("storm took");
  await id("choice-language").selectOption("en");
  await sees.match(() => id("row-detail").innerText(), /back in/);
  await page.locator('[aria-label="Close this row"]').click();
  await id("filter-clear").click();
  await id("follow").click();
});

await test("times are right in both zones, also those of audits, by the relay and by the tree", async () => {
  await target(1).click();
  await id("view-tree").click();
  await row("/group-1/child-1").click();
  await id("command-restart_child").click();
  await id("dialog-reason").fill("what time is it");
  await id("command-send").click();
  await until(async () => /done/.test(await id("toasts").innerText()), "restarted");
  await id("view-audit").click();
  const cells = () => page.locator('[data-testid="audit"] tbody tr', { hasText: "what time is it" }).locator("td.when");
  // By the relay before and after it, by the tree before and after it.
  await until(async () => await cells().count() === 4, "both audits");
  const titles = () => cells().evaluateAll((found) => found.map(({ title }) => title));
  const local = await titles();
  for (const title of local) {
    assert.match(title, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \+09:00$/);
    assert.ok(Math.abs(Date.parse(title.replace(" ", "T").replace(" ", "")) - Date.now()) < 60_000, title);
  }
  const shown = await cells().first().innerText();
  await id("choice-zone").selectOption("utc");
  await sees.deepEqual(
    async () => (await titles()).map(Date.parse),
    local.map((title) => Date.parse(title.replace(" ", "T").replace(" ", ""))),
  );
  const hours = (text) => Number(/(\d\d):\d\d/.exec(text)[1]);
  await sees.equal(async () => (hours(await cells().first().innerText()) + AHEAD_H) % 24, hours(shown));
  const audited = await page.locator('[data-testid="timeline-record"][data-kind="audit"] time').last().getAttribute("title");
  assert.ok(Math.abs(Date.parse(audited) - Date.now()) < 60_000, audited);
  await id("choice-zone").selectOption("local");
});

await test("a child has an address, which can be copied and opened elsewhere", async () => {
  await id("view-tree").click();
  await row("/group-1/child-3").click();
  await id("copy-link").click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  await beside(async (other) => {
    await other.goto(link);
    await until(async () => /\/group-1\/child-3/.test(await other.innerText('[data-testid="node-detail"]')), "the same child");
  });
});

await test("a command of which nobody tells any more what became of it is not pending for ever", () =>
  beside(async (other) => {
    let socket;
    await other.routeWebSocket(/\/session$/, (route) => {
      socket = route;
      const server = route.connectToServer();
      server.onMessage((message) => !String(message).includes('"command_result"') && route.send(message));
    });
    await other.goto(`${origin}/#target=tree-001&path=%2Fgroup-1%2Fchild-2`);
    await other.click('[data-testid="command-restart_child"]');
    await other.fill('[data-testid="dialog-reason"]', "nobody answers");
    await other.click('[data-testid="command-send"]');
    await other.waitForSelector('[data-testid="command-restart_child"][aria-busy="true"]');
    await socket.close({ code: 1011 });
    await until(async () => /may have been carried out/.test(await other.innerText('[data-testid="toasts"]')), "a word of it");
    await other.waitForSelector('[data-testid="command-restart_child"]:not([aria-busy]):enabled');
  }));

await test("after a break the page goes on where it was: no row is missing, and none is there twice", () =>
  beside(async (other) => {
    const [said, heard] = [[], []];
    let socket;
    await other.routeWebSocket(/\/session$/, (route) => {
      socket = route;
      const server = route.connectToServer();
      server.onMessage((message) => {
        heard.push(JSON.parse(String(message)));
        route.send(message);
      });
      route.onMessage((message) => {
        said.push(JSON.parse(String(message)));
        server.send(message);
      });
    });
    await other.goto(`${origin}/`);
    await other.waitForSelector('[data-testid="relay-link"][data-state="open"]');
    await until(async () => await other.locator('[data-testid="timeline-record"]').count() > 0, "rows");
    const both = ["tree-001", "tree-002"];
    const eventsOf = (tree) => heard.filter(({ type, target_id }) => type === "event" && target_id === tree).length;
    const hearsMore = (what) => {
      const before = both.map(eventsOf);
      return until(() => both.every((tree, index) => eventsOf(tree) > before[index] + 10), what);
    };
    trees.child.kill(STORM.begins);
    await hearsMore("events of both trees");
    await socket.close({ code: 1012 });
    await until(() => said.filter(({ type }) => type === "client_hello").length === 2, "hello again");
    await hearsMore("events of both trees after that");
    trees.child.kill(STORM.ends);
    const { resume_cursor: { events } } = said.findLast(({ type }) => type === "client_hello");
    assert.deepEqual(Object.keys(events).sort(), both);
    const [download] = await Promise.all([other.waitForEvent("download"), other.click('[data-testid="export"]')]);
    const rows = readFileSync(await download.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
    for (const tree of both) {
      const numbers = rows.filter(({ kind, target_id }) => kind === "event" && target_id === tree).map(({ record }) => record.sequence);
      assert.ok(numbers.length > 20, `${numbers.length}`);
      assert.deepEqual(numbers, numbers.map((_, index) => numbers[0] + index), tree);
    }
    assert.equal(await other.locator('[data-testid="dropped"]').count(), 0);
  }));

await test("whoever wants no motion gets none", async () => {
  const duration = () => page.locator(".row .badge").first().evaluate((badge) => getComputedStyle(badge).transitionDuration);
  await sees.notEqual(duration, "0s");
  await page.emulateMedia({ reducedMotion: "reduce" });
  await sees.equal(duration, "0s");
  await page.emulateMedia({ reducedMotion: null });
});

await test("axe finds nothing wrong with any of it in dark, nor on a narrow screen", async () => {
  await id("choice-theme").selectOption("dark");
  await id("filter-more").click();
  await id("view-graph").click();
  await sees.deepEqual(violations, [], "dark graph");
  await id("view-tree").click();
  await sees.deepEqual(violations, [], "dark tree");
  await page.setViewportSize({ width: 390, height: 800 });
  await id("detail-close").click();
  await sees.ok(() => page.evaluate(() => document.documentElement.scrollWidth <= 390));
  await sees.deepEqual(violations, [], "narrow");
  await id("choice-theme").selectOption("system");
});

await test("nothing was complained about", () => {
  assert.deepEqual(complaints, []);
  return Promise.resolve();
});

await browser.close();
await finish();
