// The page in a real browser, against a real `reeve dashboard` and real trees; run by `deno task test:browser`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  besideIn,
  dashboard,
  finish,
  HERE,
  HIDDEN,
  inFolder,
  kill,
  launch,
  on,
  pageTest,
  reeve,
  sees,
  start,
  test,
  until,
} from "./kit.mjs";

const PICTURES = process.env.REEVE_PICTURES;
/** The pictures of the documentation; the others are only to look at. */
const SHOWN = ["details", "graph", "dark", "many"];
const many = inFolder("many.sock");
const startShop = () => reeve(["run", join(HERE, "supervisor.yaml")], /\/orders +ready/);
const [firstShop, firstRelay, browser] = await Promise.all([
  startShop(),
  dashboard(0, "--socket", many),
  launch(),
  start([join(HERE, "programs", "many.mjs"), many], /served/),
]);
let [shop, relay] = [firstShop, firstRelay];
const port = Number(new URL(relay.url).port);
const context = await browser.newContext({
  viewport: { width: 1440, height: 900 },
  locale: "en-US",
  timezoneId: "Asia/Tokyo",
  colorScheme: "light",
  permissions: ["clipboard-read", "clipboard-write"],
});
context.setDefaultTimeout(10_000);
const page = await context.newPage();
const complaints = [];
page.on("pageerror", (error) => complaints.push(error.message));
page.on("console", (message) => message.type() === "error" && complaints.push(`${message.text()} ${message.location().url}`));
const elsewhere = [];
page.on("request", (request) => new URL(request.url()).host !== new URL(relay.url).host && elsewhere.push(request.url()));

const { id, row, target, violations } = on(page);
const picture = async (name) => {
  const folder = SHOWN.includes(name) ? PICTURES : process.env.REEVE_ALL_PICTURES;
  if (folder === undefined) return;
  const isCalm = ["details", "graph", "dark"].includes(name);
  if (isCalm) await id("filter-target").selectOption("shop");
  if (isCalm) await id("kind-log").click();
  if (isCalm && await id("more-filters").count() > 0) await id("filter-more").click();
  if (isCalm) await page.evaluate(() => document.activeElement?.blur());
  for (const toast of await id("toasts").getByRole("button").all()) await toast.click({ timeout: 1_000 }).catch(() => {});
  await page.waitForTimeout(200);
  await page.screenshot({ path: join(folder, `dashboard-${name}.png`) });
  if (isCalm) await id("filter-clear").click();
};
await test("the address lets in, and both trees show with their counts", async () => {
  await page.goto(relay.url);
  await until(async () => await id("target").count() === 2, "two targets");
  await sees.equal(() => id("relay-link").getAttribute("data-state"), "open");
  await until(async () => /\d+ ready/.test(await target("shop").innerText()), "counts of the shop");
  await sees.match(() => target("many").innerText(), /many children/);
  assert.equal(page.url().includes("token"), false);
  await sees.match(() => id("who").innerText(), /may do everything/);
  await sees.match(() => id("target-list").innerText(), /^Trees\s+2\n/);
  await until(async () => /^\d+ of \d+$/.test(await id("timeline-count").innerText()), "how many rows there are");
});

await test("what is wrong in any tree shows at once", async () => {
  await page.waitForSelector('[data-testid="alarms"] [data-path="/mailer"]');
  await sees.match(() => id("target-all").innerText(), /\d+ problems?/);
  await sees.match(() => page.title(), /^\(\d+\) Reeve$/);
  await picture("alarms");
  await page.click('[data-testid="alarms"] [data-path="/mailer"]');
  await sees.equal(() => row("/mailer").getAttribute("aria-selected"), "true");
  await sees.match(() => id("node-detail").innerText(), /^mailer/);
});

await test("the tree shows who belongs to whom, folds, and goes by the keyboard", async () => {
  await target("shop").click();
  await row("/pollers/prices").waitFor();
  await sees.equal(() => row("/pollers/prices").getAttribute("aria-level"), "3");
  await id("tree").focus();
  // What is typed slowly begins a new word.
  await until(async () => {
    await page.keyboard.press("Home");
    await page.waitForTimeout(1_000);
    await page.keyboard.type("pol", { delay: 20 });
    return await row("/pollers").getAttribute("aria-selected") === "true";
  }, "what is typed is found");
  await page.keyboard.press("ArrowLeft");
  await sees.equal(() => row("/pollers").getAttribute("aria-expanded"), "false");
  await sees.equal(() => row("/pollers/prices").count(), 0);
  await page.keyboard.press("ArrowRight");
  await page.getByRole("button", { name: "Fold all" }).click();
  await until(async () => await row("/pollers/prices").count() === 0, "all is folded");
  await page.getByRole("button", { name: "Unfold all" }).click();
  await row("/pollers/prices").waitFor();
  await id("tree").focus();
  await page.keyboard.press("ArrowRight");
  await sees.equal(() => row("/pollers/prices").getAttribute("aria-selected"), "true");
  const active = await id("tree").getAttribute("aria-activedescendant");
  await sees.equal(() => page.locator(`#${active}`).getAttribute("data-path"), "/pollers/prices");
});

await pageTest("the tree is searched, shows problems alone, and says when nothing fits", async () => {
  await id("tree-search").fill("rev");
  await until(async () => await row("/stock").count() === 0, "what does not fit is away");
  await sees.equal(() => row("/pollers/reviews").count(), 1);
  await id("tree-search").fill("nobody");
  await page.getByText("No child fits").waitFor();
  await page.getByRole("button", { name: "Clear search" }).click();
  await row("/stock").waitFor();
  await id("only-problems").click();
  await until(async () => await row("/stock").count() === 0, "problems alone");
  // It is well now and then, for a moment.
  await row("/mailer").waitFor();
  await id("only-problems").click();
});

await test("of a child everything is told that the tree knows", async () => {
  await row("/stock").click();
  const facts = async () => (await id("node-detail").innerText()).replace(/\s+/g, " ");
  for (
    const fact of [
      "/stock",
      "● ready",
      "Severity critical",
      "Labels core",
      "Readiness ready",
      "Health",
      "Attempt 1",
      "Generation",
      "Restarts 0",
    ]
  ) {
    await sees.ok(async () => (await facts()).includes(fact), fact);
  }
  await sees.match(facts, /Limit used 0 of \d+ in/);
  await sees.match(facts, /Needed by \/catalog/);
  await id("node-detail").getByRole("button", { name: "/catalog", exact: true }).click();
  await sees.equal(() => row("/catalog").getAttribute("aria-selected"), "true");
  await sees.match(() => id("node-detail").innerText(), /Waits for\s+stock|Needs\s+stock|stock/);
  await row("/stock").click();
  const charts = id("node-detail").locator("figure");
  await until(async () => /Memory\s*[\d.]+ [KM]/.test(await charts.nth(1).innerText()), "what its process takes");
  await row("/").click();
  const runtime = process.env.REEVE_RUNTIME === "node" ? /Runtime\s+Node/i : /Runtime\s+Deno/i;
  await until(async () => runtime.test(await id("node-detail").innerText()), "in what it runs");
});

await test("a child that is killed is seen restarting, with its countdown", async () => {
  await row("/mailer").click();
  await id("detail-countdown").waitFor({ timeout: 15_000 });
  await sees.match(() => id("detail-countdown").innerText(), /Next start (?:in \d+s|at once)/);
  await sees.match(() => id("node-detail").innerText(), /exited with code 3/);
  await sees.match(() => id("node-detail").innerText(), /no such host: smtp/);
  await picture("details");
  const pidOf = async () => /Process\s+(\d+)/.exec(await id("node-detail").innerText())?.[1];
  await row("/catalog").click();
  await until(async () => await pidOf() !== undefined, "the process of the catalog");
  const before = await pidOf();
  process.kill(Number(before), "SIGKILL");
  await until(async () => (await pidOf() ?? before) !== before, "another process");
  await until(async () => /killed|signal/i.test(await id("detail-history").innerText()), "its history");
});

await test("a command asks for a reason, is carried out, and shows up as what it is", async () => {
  await row("/orders").click();
  await id("command-pause_child").click();
  await page.waitForSelector("dialog[open]");
  await sees.equal(() => id("command-send").isDisabled(), true);
  await page.keyboard.press("Escape");
  await until(async () => await page.locator("dialog[open]").count() === 0, "Esc closes");
  await sees.equal(() => page.evaluate(() => document.activeElement?.getAttribute("data-testid")), "command-pause_child");
  await id("command-pause_child").click();
  await page.getByRole("button", { name: "Maintenance" }).click();
  await sees.equal(() => id("dialog-reason").inputValue(), "Maintenance");
  await id("dialog-reason").fill("the browser tries it");
  await picture("command");
  await page.keyboard.press("Enter");
  await until(async () => /paused/.test(await row("/orders").innerText()), "paused");
  await until(async () => /done/.test(await id("toasts").innerText()), "a word of what became of it");
  await sees.equal(() => id("command-pause_child").isDisabled(), true);
  await id("view-audit").click();
  await until(async () => /the browser tries it/.test(await id("audit").innerText()), "the audit");
  await picture("audit");
  await id("view-tree").click();
  await id("command-resume_child").click();
  await id("dialog-reason").fill("tried");
  await id("command-send").click();
  await until(async () => /ready/.test(await row("/orders").innerText()), "ready again");
});

await test("what is dangerous wants a tick and the name", async () => {
  await row("/cleanup").click();
  await id("command-remove_child").click();
  await id("dialog-reason").fill("not needed");
  await sees.equal(() => id("command-send").isDisabled(), true);
  await id("confirm-command").check();
  await sees.equal(() => id("command-send").isDisabled(), true);
  await id("dialog-typed").fill("cleanup");
  await sees.equal(() => id("command-send").isDisabled(), false);
  await id("command-send").click();
  await until(async () => await row("/cleanup").count() === 0, "removed");
});

await test("lines that mean harm are text and nothing else", async () => {
  await row("/imports").click();
  await until(async () => (await id("detail-output").innerText()).includes("javascript:"), "all of the lines, as text");
  const output = await id("detail-output").innerText();
  assert.doesNotMatch(await page.locator("body").innerText(), HIDDEN);
  assert.match(output, /<script>[^]*long x{200,}…/);
  assert.match(output, /(?:␛|\\u\{1b\})\[31malert/);
  assert.match(output, /(?:⟨U\+202E⟩|\\u\{202e\})reversed/);
  assert.ok(output.length < 10_000);
  await sees.match(() => page.title(), /^\(\d+\) Reeve$|^Reeve$/);
});

const beside = besideIn(context);

/** Says something more to a page when the relay has told of the trees; `changed` may change what the relay says. */
const alsoTold = (other, messages, changed = (text) => text) =>
  other.routeWebSocket(/\/session$/, (socket) => {
    const server = socket.connectToServer();
    let isTold = false;
    server.onMessage((message) => {
      const text = isTold ? null : changed(String(message));
      if (text !== null) socket.send(text);
      if (isTold || JSON.parse(String(message)).type !== "target_list") return;
      isTold = true;
      for (const value of messages) socket.send(typeof value === "string" ? value : JSON.stringify(value));
    });
  });

await pageTest("states that lack parts, and names that mean harm, break nothing", () =>
  beside(async (bad) => {
    const errors = [];
    bad.on("pageerror", (error) => errors.push(error.message));
    await alsoTold(bad, [
      {
        type: "target_list",
        targets: [{ target_id: "odd", display_name: "<b>odd</b>\u202e", connection_state: "??", extensions: 7 }, {}, null],
      },
      { type: "state", target_id: "odd" },
      {
        type: "state",
        target_id: "odd",
        state: { topology: { nodes: [null, { path: 3 }, { path: "/a" }], edges: "none" }, runtime_state: 1 },
      },
      {
        type: "state_delta",
        target_id: "odd",
        delta: {
          whole: true,
          children: [
            { child_path: '/<img src=x onerror="document.title=1">' },
            {
              child_path: "/__proto__",
              phase: "__proto__",
              operation: "constructor",
              fuse: null,
              liveness: [],
              lints: [1, "constructor"],
              usage: { cpu_percent: "much" },
            },
            5,
            {},
          ],
        },
      },
      { type: "event", target_id: "odd", event: null },
      { type: "event", target_id: "odd", event: { sequence: "x", event_type: {}, occurred_at: "never" } },
      { type: "log", target_id: "odd", log: { message: 5, occurred_at: "99999-99-99" } },
      { type: "log", target_id: "odd", log: { message: "raw \u001b[31m \u202e end", fields: { target_path: "/a" } } },
      { type: "usage", target_id: "odd", children: { a: 1 } },
      { type: "audit_event", audit: null },
      { type: "command_result" },
      { type: "error" },
      { type: "what is that" },
      "no JSON",
      "[]",
      { type: "dropped_count", target_id: "odd", dropped_event_count: 3 },
    ]);
    await bad.goto(`http://127.0.0.1:${port}/#target=odd&path=%2F__proto__&in=odd`);
    await bad.waitForSelector('[data-testid="tree-row"][data-path="/__proto__"]');
    await bad.click('[data-testid="view-graph"]');
    await bad.click('[data-testid="view-diagnostics"]');
    await sees.match(() => bad.innerText('[data-testid="diagnostics-panel"]'), /invalid_server_message/);
    assert.equal(await bad.locator(".pane-broken").count(), 0);
    await sees.match(() => bad.innerText('[data-testid="event-log"]'), /raw ␛\[31m ⟨U\+202E⟩ end/);
    await sees.match(() => bad.title(), /^(?:\(\d+\) )?Reeve$/);
    await sees.match(() => on(bad).id("dropped").innerText(), /3 missed/);
    assert.deepEqual(errors, []);
  }));

await pageTest(
  "a target is offered what it declares, and how the connection to it is has a mark and a word",
  () =>
    beside(async (other) => {
      const words = ["registered", "connecting", "connected", "reconnecting", "disconnected", "unavailable", "expired"];
      const commands = [{ name: "restart_child", idempotent: false, timeout_seconds: 30 }];
      const targets = words.map((word) => ({ target_id: word, display_name: word, connection_state: word, supported_commands: commands }));
      const topology = { nodes: [{ path: "/a", kind: "child_task" }], edges: [] };
      const state = { topology, runtime_state: [{ child_path: "/a", lifecycle_state: "running" }] };
      await alsoTold(other, [{ type: "target_list", targets }, { type: "state", target_id: "connected", state }]);
      await other.goto(`http://127.0.0.1:${port}/#target=connected&path=%2Fa`);
      await other.waitForSelector('[data-testid="command-restart_child"]');
      await sees.equal(() => other.locator('[data-testid="commands"] button').count(), 1);
      const marks = new Set();
      for (const word of words) {
        const badge = await on(other).target(word).locator(".badge").innerText();
        assert.match(badge, new RegExp(`^\\S\\s*${word}$`));
        marks.add(badge);
      }
      assert.equal(marks.size, words.length);
      await on(other).target("registered").click();
      await other.getByText("Nothing is known of this tree yet").waitFor();
      // A command that has no answer yet cannot be given again.
      await on(other).target("connected").click();
      await on(other).row("/a").click();
      await other.click('[data-testid="command-restart_child"]');
      await other.fill('[data-testid="dialog-reason"]', "it hangs");
      await other.keyboard.press("Enter");
      await other.waitForSelector('[data-testid="command-restart_child"][aria-busy="true"][aria-disabled="true"]');
    }),
);

await pageTest("where there is no tree, the page says how to start one", () =>
  beside(async (other) => {
    await alsoTold(other, [{ type: "target_list", targets: [] }]);
    await other.goto(`http://127.0.0.1:${port}/`);
    await other.getByText("reeve run supervisor.yaml").first().waitFor();
  }));

await pageTest("the policy of the page lets nothing in that is not its own", () =>
  beside(async (other) => {
    await other.goto(`http://127.0.0.1:${port}/`);
    await other.evaluate(() => {
      globalThis.blocked = [];
      addEventListener("securitypolicyviolation", ({ effectiveDirective }) => globalThis.blocked.push(effectiveDirective));
      const script = document.createElement("script");
      script.textContent = "globalThis.owned = true";
      const image = document.createElement("img");
      image.src = "https://evil.example/x.png";
      const form = document.createElement("form");
      form.action = "https://evil.example/";
      document.body.append(script, image, form);
      form.requestSubmit();
      return fetch("https://evil.example/").catch(() => {});
    });
    const blocked = () => other.evaluate(() => globalThis.blocked);
    for (const what of ["script-src-elem", "img-src", "form-action", "connect-src"]) {
      await until(async () => (await blocked()).includes(what), `${what} is blocked`);
    }
    assert.equal(await other.evaluate(() => globalThis.owned), undefined);
  }));

await test("the timeline is searched and filtered, and the address keeps how", async () => {
  await id("filter-text").fill("1204 items");
  await until(async () => /stock: 1204 items/.test(await id("timeline-record").last().innerText()), "the line that is searched");
  const kinds = await id("timeline-record").evaluateAll((rows) => [...new Set(rows.map((row) => row.dataset.kind))]);
  assert.deepEqual(kinds, ["log"]);
  await sees.match(() => page.url(), /text=1204/);
  await page.reload();
  await until(async () => await id("filter-text").inputValue() === "1204 items", "the filter is back");
  await id("filter-clear").click();
  await id("kind-log").click();
  await id("filter-severity").selectOption("error");
  const areErrors = (rows) => rows.length > 0 && rows.every((row) => row.classList.contains("level-error"));
  await until(() => id("timeline-record").evaluateAll(areErrors), "errors alone");
  const [file] = await Promise.all([page.waitForEvent("download"), id("export").click()]);
  const records = readFileSync(await file.path(), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  assert.ok(records.length > 0 && records.every(({ record }) => record.severity === "error"));
  await id("filter-clear").click();
});

await pageTest("the timeline is filtered by tree, path and type, says when nothing fits, and tells times as somebody wants", async () => {
  const also = (name, value) =>
    page.evaluate(([name, value]) => {
      const asked = new URLSearchParams(location.hash.slice(1));
      asked.set(name, value);
      location.hash = `#${asked}`;
    }, [name, value]);
  const areAll = (pattern, what) =>
    until(async () => {
      const texts = await id("timeline-record").allInnerTexts();
      return texts.length > 2 && texts.every((text) => pattern.test(text));
    }, what);
  await id("filter-target").selectOption("shop");
  await sees.match(() => page.url(), /in=shop/);
  await also("under", "/pollers");
  await areAll(/\/pollers/, "rows of the pollers");
  await also("type", "ready");
  await areAll(/ready/i, "one type");
  const time = id("timeline-record").first().locator("time");
  const [local, exact] = [await time.innerText(), await time.getAttribute("title")];
  assert.match(exact, /^\d{4}-\d\d-\d\d/);
  await id("choice-zone").selectOption("utc");
  const hours = (text) => Number(text.slice(0, 2));
  await sees.equal(async () => (hours(local) - hours(await time.innerText()) + 24) % 24, 9);
  await id("choice-zone").selectOption("local");
  await id("timeline-record").first().hover();
  await id("timeline-record").first().getByRole("button", { name: /JSON/ }).click();
  await until(async () => /Copied/.test(await id("toasts").innerText()), "it is copied");
  await sees.match(async () => JSON.parse(await page.evaluate(() => navigator.clipboard.readText())).target_path, /^\/pollers/);
  await also("type", "no such thing");
  await page.getByText("Nothing fits these filters").waitFor();
  await id("event-log").getByRole("button", { name: "Clear filters" }).last().click();
  await until(async () => await id("timeline-record").count() > 2, "all of them");
});

await test("the timeline follows, and stands still for whoever looks back", async () => {
  await id("event-log").locator(".lines").hover();
  await page.mouse.wheel(0, -4_000);
  await page.mouse.wheel(0, -4_000);
  await until(async () => await id("follow").getAttribute("aria-pressed") === "false", "paused");
  // The wheel turns on for a moment.
  let [first, looks] = ["", 0];
  await until(async () => {
    const before = first;
    first = await id("timeline-record").first().innerText();
    looks = first === before ? looks + 1 : 0;
    return looks === 20;
  }, "it stands still");
  await until(async () => /[1-9]\d* new/.test(await id("follow").innerText()), "new rows are counted");
  assert.equal(await id("timeline-record").first().innerText(), first);
  await id("event-log").locator(".lines").focus();
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowUp");
  await sees.equal(() => page.locator(".line-row.is-chosen").count(), 1);
  await sees.match(() => id("row-detail").innerText(), /#\d+/);
  await sees.deepEqual(violations, [], "a row");
  await id("event-log").locator(".lines").focus();
  await page.keyboard.press("Escape");
  await sees.equal(() => id("follow").getAttribute("aria-pressed"), "true");
});

await test("the graph shows the same children, and goes by hand and by keyboard", async () => {
  await id("view-graph").click();
  const canvas = id("topology-canvas");
  await page.locator('[data-testid="topology-canvas"] [data-path="/stock"]').click();
  await sees.match(() => canvas.getAttribute("aria-label"), /\/stock, ready/);
  await canvas.focus();
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowRight");
  await sees.match(() => page.url(), /path=%2Fstock/);
  await page.waitForTimeout(300);
  await picture("graph");
  const before = Number(await canvas.getAttribute("data-nodes"));
  await page.locator('[data-testid="topology-canvas"] [data-path="/pollers"]').dblclick();
  await until(async () => Number(await canvas.getAttribute("data-nodes")) === before - 3, "folded");
  await page.locator('[data-testid="topology-canvas"] [data-path="/pollers"]').dblclick();
  await id("only-problems").click();
  await until(async () => Number(await canvas.getAttribute("data-nodes")) < before, "problems only");
  await id("only-problems").click();
});

await pageTest("the graph tells kinds, states and needs apart without colours, zooms, fits, and finds", async () => {
  const canvas = id("topology-canvas");
  const node = (path) => canvas.locator(`[data-path="${path}"]`);
  const cornerOf = async (path) => Number(await node(path).locator("rect").first().getAttribute("rx"));
  const scale = async () => Number(/scale\(([\d.]+)\)/.exec(await canvas.locator("svg > g").getAttribute("transform"))[1]);
  await target("shop").click();
  await id("view-graph").click();
  await id("graph-fit").click();
  await sees.match(() => page.locator(".legend").innerText(), /keeps\s+must be ready before/);
  await sees.notEqual(() => cornerOf("/pollers"), await cornerOf("/stock"));
  await sees.match(() => node("/stock").textContent(), /●stock[^]*ready/);
  await until(
    async () => /mailer[^]*(?:in \d+s|at once|starting|running)[^]*↻[1-9]/.test(await node("/mailer").textContent()),
    "its restarts",
  );
  const edges = await canvas.locator("path.edge").evaluateAll((all) =>
    all.map((edge) => ({
      isDrawn: (edge.getAttribute("d") ?? "") !== "",
      isDependency: edge.classList.contains("is-dependency"),
      dashes: getComputedStyle(edge).strokeDasharray,
    }))
  );
  for (const isDependency of [true, false]) {
    const same = edges.filter((edge) => edge.isDependency === isDependency && edge.isDrawn);
    assert.ok(same.length > 0 && same.every(({ dashes }) => (dashes !== "none") === isDependency), JSON.stringify(edges));
  }
  const fitting = await scale();
  const isAt = (holds, what) => until(async () => holds(await scale()), what);
  await page.getByRole("button", { name: "Zoom in" }).click();
  await isAt((now) => now > fitting, "nearer");
  await id("graph-fit").click();
  await isAt((now) => now === fitting, "it fits again");
  await canvas.focus();
  await page.keyboard.press("-");
  await isAt((now) => now < fitting, "farther, by the keyboard");
  await page.keyboard.press("0");
  await isAt((now) => now === fitting, "it fits again, by the keyboard");
  await canvas.hover();
  await page.mouse.wheel(0, -300);
  await isAt((now) => now > fitting, "nearer, by the wheel");
  await id("graph-fit").click();
  await page.setViewportSize({ width: 1100, height: 900 });
  await isAt((now) => now < fitting, "it fits a smaller window");
  await page.setViewportSize({ width: 1440, height: 900 });
  await id("tree-search").fill("rev");
  await until(async () => await node("/stock").count() === 0 && await node("/pollers/reviews").count() === 1, "what is searched");
  await id("tree-search").fill("");
  await node("/stock").waitFor();
});

await pageTest("a command is given by the keyboard alone, and where it stands can always be seen", async () => {
  await page.goto(`http://127.0.0.1:${port}/#target=shop`);
  await page.reload();
  await row("/catalog").waitFor();
  const focus = () =>
    page.evaluate(() => {
      const { activeElement: active } = document;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(active);
      const isSeen = (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
      return {
        id: active.dataset.testid ?? active.id,
        text: active.textContent.slice(0, 40),
        isSeen,
        isInDialog: active.closest("dialog") !== null,
      };
    });
  const press = async (key) => {
    await page.keyboard.press(key);
    const now = await focus();
    assert.ok(now.isSeen, `${key}: nobody sees ${JSON.stringify(now)}`);
    return now;
  };
  assert.match((await press("Tab")).text, /Skip to the tree/);
  await page.keyboard.press("Enter");
  for (let turn = 0; (await focus()).id !== "tree"; turn++) {
    assert.ok(turn < 12, "the tree is near");
    await press("Tab");
  }
  await page.keyboard.type("cat", { delay: 20 });
  await sees.equal(() => row("/catalog").getAttribute("aria-selected"), "true");
  await id("command-restart_child").waitFor();
  for (let turn = 0; (await focus()).id !== "command-restart_child"; turn++) {
    assert.ok(turn < 12, "its commands are near");
    await press("Tab");
  }
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog[open]");
  // The browser itself has its turn between the last and the first.
  for (let turn = 0; turn < 16; turn++) {
    await page.keyboard.press(turn < 8 ? "Tab" : "Shift+Tab");
    const now = await focus();
    assert.ok(now.isInDialog ? now.isSeen : now.id === "" && now.text !== "", JSON.stringify(now));
  }
  for (let turn = 0; (await focus()).id !== "dialog-reason"; turn++) {
    assert.ok(turn < 12, "the reason is near");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.type("by hand");
  await page.keyboard.press("Enter");
  await until(async () => /done/.test(await id("toasts").innerText()), "it is carried out");
  await sees.equal(async () => (await focus()).id, "command-restart_child");
});

await pageTest("what breaks one part of the page leaves the others", async () => {
  await id("view-tree").click();
  await row("/stock").click();
  await page.evaluate(() => {
    globalThis.kept = Date.prototype.toISOString;
    Date.prototype.toISOString = () => {
      throw new Error("broken on purpose");
    };
  });
  await page.waitForSelector(".pane-broken");
  await sees.match(() => page.locator(".pane-broken").innerText(), /broken on purpose/);
  assert.ok(await id("tree-row").count() > 3 && await id("timeline-record").count() > 3);
  await page.evaluate(() => Date.prototype.toISOString = globalThis.kept);
  await page.locator(".pane-broken button").click();
  await id("node-detail").waitFor();
});

await pageTest("the language is the one that the browser prefers, or that somebody chose", async () => {
  const other = await browser.newContext({ locale: "zh-CN", viewport: { width: 1440, height: 900 } });
  await other.addCookies(await context.cookies());
  const chinese = await other.newPage();
  const { id: idOf } = on(chinese);
  await chinese.goto(`http://127.0.0.1:${port}/`);
  const isChinese = async () => /[\p{Script=Han}]/u.test(await idOf("target-all").innerText());
  await until(isChinese, "the browser prefers it");
  await sees.equal(() => chinese.evaluate(() => document.documentElement.lang), "zh-CN");
  await idOf("choice-language").selectOption("en");
  await idOf("choice-theme").selectOption("dark");
  await chinese.reload();
  await idOf("target-all").waitFor();
  await sees.equal(isChinese, false);
  await sees.equal(() => idOf("choice-theme").inputValue(), "dark");
  await other.close();
});

await pageTest("axe finds nothing wrong, in light and in dark, in both languages", async () => {
  // Half way from one theme to the other a colour is neither.
  await page.emulateMedia({ reducedMotion: "reduce" });
  const brightness = () =>
    page.evaluate(() =>
      getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0)
    );
  for (const language of ["zh", "en"]) {
    await id("choice-language").selectOption(language);
    await sees.equal(() => page.evaluate(() => document.documentElement.lang), language === "zh" ? "zh-CN" : "en");
    for (const theme of ["light", "dark"]) {
      const where = `${language} ${theme}`;
      await id("choice-theme").selectOption(theme);
      await sees.equal(async () => await brightness() > 384, theme === "light", where);
      for (const view of ["graph", "tree", "audit", "diagnostics"]) {
        await id(`view-${view}`).click();
        if (view === "tree") {
          await row("/mailer").click();
          if (where === "zh light") await picture("chinese");
          await id("command-pause_child").click();
          await sees.deepEqual(violations, [], `${where} dialog`);
          await page.keyboard.press("Escape");
          if (where === "en dark") await picture("dark");
        }
        await sees.deepEqual(violations, [], `${where} ${view}`);
      }
      await id("target-all").click();
      await sees.deepEqual(violations, [], `${where} alarms`);
      await target("shop").click();
    }
  }
  await id("choice-theme").selectOption("light");
  await page.emulateMedia({ reducedMotion: null });
});

await pageTest("a narrow screen shows everything one below the other", async () => {
  await page.setViewportSize({ width: 390, height: 800 });
  await id("view-tree").click();
  await row("/catalog").click();
  await id("node-detail").waitFor();
  const isAsWideAsTheScreen = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
  await sees.ok(isAsWideAsTheScreen);
  await sees.deepEqual(violations, [], "narrow");
  await picture("narrow");
  await id("detail-close").click();
  const heights = () => Promise.all(["main", ".timeline"].map(async (part) => (await page.locator(part).boundingBox()).height));
  const small = await heights();
  await page.getByRole("button", { name: "Make the timeline larger" }).click();
  let large;
  const isLarger = async () => (large = await heights())[0] < small[0] && large[1] > small[1] && large[0] > 60;
  await sees.ok(isLarger, "the timeline is larger");
  await page.getByRole("button", { name: "Make the timeline smaller" }).click();
  // A usual screen, four times as large, for whoever sees badly.
  await page.setViewportSize({ width: 320, height: 256 });
  for (const view of ["graph", "audit", "diagnostics", "tree"]) {
    await id(`view-${view}`).click();
    await sees.ok(isAsWideAsTheScreen, view);
    await sees.ok(async () => (await page.locator("main").boundingBox()).height > 250, `${view} has room`);
  }
  await row("/catalog").click();
  await id("command-remove_child").click();
  await id("dialog-reason").fill("it is not needed");
  await id("command-send").scrollIntoViewIfNeeded();
  await sees.ok(isAsWideAsTheScreen, "a dialog");
  await page.keyboard.press("Escape");
  await id("detail-close").click();
  await sees.equal(() => id("node-detail").count(), 0);
  await page.setViewportSize({ width: 1440, height: 900 });
});

await test("a thousand children are scrolled as a tree, and zoomed and dragged as a graph", async () => {
  const most = 80;
  await target("many").click();
  await id("view-tree").click();
  await until(async () => /1000 children/.test(await page.innerText("main")), "all children");
  await id("tree").hover();
  const first = await id("tree-row").first().innerText();
  for (let turn = 0; turn < 30; turn++) {
    await page.mouse.wheel(0, 900);
    assert.ok(await id("tree-row").count() < most, "only what shows is there");
  }
  await sees.notEqual(() => id("tree-row").first().innerText(), first);
  await id("view-graph").click();
  const canvas = id("topology-canvas");
  await until(async () => Number(await canvas.getAttribute("data-nodes")) === 1001, "all nodes");
  await picture("many");
  const place = () => canvas.locator("svg > g").getAttribute("transform");
  const box = await canvas.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await canvas.focus();
  const fitted = await place();
  for (let turn = 0; turn < 12; turn++) await page.mouse.wheel(0, -150);
  await sees.notEqual(place, fitted);
  await page.mouse.down();
  const zoomed = await place();
  for (let turn = 0; turn < 30; turn++) await page.mouse.move(box.x + box.width / 2 - turn * 8, box.y + box.height / 2 - turn * 3);
  await page.mouse.up();
  await sees.notEqual(place, zoomed);
});

await test("a tree that is killed goes, and is back with its next run", async () => {
  await target("shop").click();
  await id("view-tree").click();
  await kill(shop);
  await until(async () => !/● connected/.test(await target("shop").innerText()), "it is told", 10_000);
  await until(async () => await target("shop").count() === 0, "it is gone", 20_000);
  shop = await startShop();
  await target("shop").waitFor();
  await until(async () => /ready/.test(await row("/stock").innerText()), "it is back");
});

await test("when the relay goes, the page says so, keeps what it has, and comes back with it", async () => {
  await target("shop").click();
  await id("view-tree").click();
  await row("/stock").waitFor();
  await kill(relay);
  await id("stale").waitFor();
  await until(async () => /reconnecting in \d+ s|not let in/.test(await id("relay-link").innerText()), "the countdown");
  assert.equal(await row("/stock").count(), 1);
  await row("/stock").click();
  await sees.equal(() => id("command-restart_child").isDisabled(), true);
  await sees.match(() => id("stale").innerText(), /as it was .+ ago/);
  await picture("away");
  relay = await dashboard(port, "--socket", many);
  await until(async () => await id("relay-link").getAttribute("data-state") === "refused", "another relay does not know us", 30_000);
  const other = await context.newPage();
  await other.goto(relay.url);
  await until(async () => await id("relay-link").getAttribute("data-state") === "open", "open again", 30_000);
  await until(async () => await id("stale").count() === 0, "nothing is old any more");
  await until(async () => /ready/.test(await row("/stock").innerText()), "the tree is there");
  await other.close();
});

await test("a tree is reloaded for show, and shut down by whoever types its name", async () => {
  await row("/").click();
  await id("command-reload").click();
  await id("dialog-reason").fill("what would it do");
  await id("command-send").click();
  await until(async () => /Reload declaration of \/: /.test(await id("toasts").innerText()), "the reload is answered");
  await id("view-diagnostics").click();
  await sees.match(() => id("last-command").innerText(), /Reload declaration/);
  await page.getByRole("button", { name: "Copy as JSON" }).click();
  await until(async () => /Copied/.test(await id("toasts").innerText()), "it is copied");
  const { link, commands } = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  assert.deepEqual([link.state, commands[0].command], ["open", "reload"]);
  await id("view-tree").click();
  await id("command-shutdown_tree").click();
  await id("dialog-reason").fill("the tests end");
  await id("confirm-command").check();
  await id("dialog-typed").fill("shop");
  await id("command-send").click();
  await until(async () => await id("target").count() === 1, "the tree is gone", 20_000);
  await sees.match(() => page.innerText("main"), /This tree is gone/);
});

await test("nothing was asked of anybody else, and nothing was complained about", () => {
  assert.deepEqual(elsewhere.filter((url) => !url.startsWith("data:") && !url.startsWith("blob:")), []);
  // What the browser itself says of a connection that is refused, or where nobody logs in, is no fault of the page.
  assert.deepEqual(complaints.filter((text) => !/WebSocket|ERR_(?:CONNECTION|SOCKET|EMPTY_RESPONSE)|401|404.*\/login$/.test(text)), []);
  return Promise.resolve();
});

await browser.close();
await finish();
