// The page in a real browser, against a real `reeve relay` over TLS: who gets in, for what, and what becomes of them when something ends.
import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, request as ask } from "node:https";
import { join } from "node:path";
import process from "node:process";
import { connect as connectTls } from "node:tls";
import { finish, freePort, HERE, HIDDEN, inFolder, kill, launch, on, REBOUND, reeve, sees, start, test, until } from "./kit.mjs";

const TOKENS = { ada: "a-token-of-ada-that-is-long", rea: "a-token-of-rea-that-is-long" };
const ports = await Promise.all([freePort(), freePort(), freePort(), freePort()]);
const [port, tokenPort, proxyPort, behindPort] = ports;
const address = (of) => `https://localhost:${of}`;

/** Every YAML of these tests is JSON as well. */
const write = (name, value) => writeFileSync(inFolder(name), typeof value === "string" ? value : JSON.stringify(value));

await start([join(HERE, "programs", "certificates.ts"), inFolder("")], /written/);
for (const kind of ["pem", "key"]) copyFileSync(inFolder(`relay.${kind}`), inFolder(`served.${kind}`));
for (const [name, token] of Object.entries(TOKENS)) write(`token-${name}`, token);

const tls = { certificate_path: inFolder("served.pem"), private_key_path: inFolder("served.key") };
const targets = ["shop", "depot"].map((name) => ({ path: inFolder(`${name}.sock`) }));
write("relay.yaml", {
  listen: { bind: `127.0.0.1:${port}`, public_url: `wss://localhost:${port}/session` },
  tls: { ...tls, client_ca_path: inFolder("ca.pem") },
  roles: { dangerous: ["O=ops, CN=*"], control: ["*, CN=kim"], read: ["*, CN=rea"] },
  registration: { listen_path: inFolder("relay.sock"), allowed_ipc_path_prefixes: [inFolder("")], grace_seconds: 8 },
  audit: { path: inFolder("audit.ndjson") },
});
write("tokens.yaml", {
  listen: { bind: `127.0.0.1:${tokenPort}`, public_url: `wss://localhost:${tokenPort}/session` },
  tls,
  tokens: Object.keys(TOKENS).map((name) => ({ name, file: inFolder(`token-${name}`) })),
  roles: { dangerous: ["ada"], read: ["token:rea"] },
  targets,
});
write("behind.yaml", {
  listen: { bind: `127.0.0.1:${behindPort}`, public_url: `wss://localhost:${proxyPort}/session` },
  tls,
  trusted_proxy: { enabled: true, allowed_remote_addrs: ["127.0.0.0/8"], identity_header: "x-who" },
  targets,
});

/** A tree that registers; the end of a short lease nobody has to wait for long. */
const writeTree = (name, leaseSeconds, children) =>
  write(`${name}.yaml`, {
    name,
    children: children.map(([child, script, more = {}]) => ({
      name: child,
      ...more,
      run: { process: { command: "sh", args: ["-c", `echo begun; ${script}`] } },
      readiness: { mode: "log_line", pattern: "begun" },
    })),
    templates: [{ name: "porter", run: { process: { command: "sleep", args: ["600"] } } }],
    dashboard: {
      security_config: { allowlist: { allowed_paths: ["/bin/sh"] } },
      target_id: name,
      path: inFolder(`${name}.sock`),
      bind_mode: "replace_stale",
      registration: {
        enabled: true,
        relay_registration_path: inFolder("relay.sock"),
        display_name: `the ${name}`,
        lease_seconds: leaseSeconds,
        registration_heartbeat_interval_seconds: 1,
        registration_connect_timeout_secs: 1,
        registration_io_timeout_secs: 1,
      },
    },
  });
writeTree("shop", 4, [
  ["stock", "while true; do echo 'stock: 1204 items'; sleep 3; done"],
  ["catalog", "exec sleep 600"],
  ["orders", "exec sleep 600"],
]);
writeTree("depot", 60, [
  ["belt", "exec sleep 600", { instances: 2 }],
  ["gate", "exec sleep 600"],
  ["crane", "exec sleep 600"],
]);

const relayOf = (name) => reeve(["relay", "--config", inFolder(name)], /relay listening/);
const treeOf = (name) => reeve(["run", inFolder(`${name}.yaml`)], /\/(?:orders|crane) +ready/);
let relay = await relayOf("relay.yaml");
let [shop, depot] = await Promise.all(["shop", "depot"].map(treeOf));
const browser = await launch();
const complaints = [];
const elsewhere = [];

/** Somebody with a browser of their own, and a certificate or none. */
const somebody = async (who) => {
  const certificate = { origin: address(port), certPath: inFolder(`${who}.pem`), keyPath: inFolder(`${who}.key`) };
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: "en-US",
    ignoreHTTPSErrors: true,
    ...who === null ? {} : { clientCertificates: [certificate] },
  });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  page.on("pageerror", (error) => complaints.push(`${who}: ${error.message}`));
  page.on("request", (request) => !ports.includes(Number(new URL(request.url()).port)) && elsewhere.push(request.url()));
  return { page, context, leave: () => context.close(), ...on(page) };
};

/** Somebody who looks at a child of a tree. */
const looking = async (who, target = "shop", path = "/orders") => {
  const one = await somebody(who);
  await one.page.goto(`${address(port)}/#target=${target}&path=${encodeURIComponent(path)}`);
  await one.row(path).waitFor();
  return one;
};

let ada;

/** Ada looks at a child of a tree, whatever she looked at before; her page and its session stay. */
const at = async (target, path) => {
  await ada.page.goto(`${address(port)}/#target=${target}&path=${encodeURIComponent(path)}`);
  await ada.row(path).waitFor();
};

/** Gives a command to the child that is chosen, with what else it asks for. */
const give = async ({ id }, command, reason, more = {}) => {
  await id(`command-${command}`).click();
  await id("dialog-reason").fill(reason);
  for (const [name, value] of Object.entries(more)) await id(`dialog-${name}`).fill(value);
  if (await id("confirm-command").count() > 0) await id("confirm-command").check();
  await id("command-send").click();
};

/** Waits until somebody has read something. */
const reads = (locator, pattern, what, patienceMs) => until(async () => pattern.test(await locator.innerText()), what, patienceMs);
const isIn = ({ id }) => until(async () => await id("relay-link").getAttribute("data-state") === "open", "a session", 30_000);

await test("without a certificate, or with one of somebody else, TLS lets nobody in; without a role the relay does not", async () => {
  for (const who of [null, "eve"]) {
    const other = await somebody(who);
    // How it is called depends on what is read first, why or that the connection is over; Playwright, which has the certificates, may say it in a page of its own.
    const refused = /ERR_(?:BAD_SSL_CLIENT_AUTH_CERT|SOCKET_NOT_CONNECTED|CONNECTION_(?:RESET|CLOSED)|EMPTY_RESPONSE)/;
    const said = await other.page.goto(address(port)).then(() => other.page.innerText("body"), ({ message }) => message);
    assert.ok(refused.test(said) || (who !== null && said.startsWith("Playwright client-certificate error: ")), said);
    await other.leave();
  }
  const sam = await somebody("sam");
  assert.equal((await sam.page.goto(address(port))).status(), 403);
  await sees.match(() => sam.page.innerText("body"), /you have no role here/);
  await sam.leave();
});

await test("a certificate lets in whom it names, and trees that registered are there", async () => {
  ada = await looking("ada");
  const { id, target } = ada;
  await sees.match(() => id("who").innerText(), /ada\s+may do everything/);
  await sees.match(() => id("who").getAttribute("title"), /^mtls_cert_fingerprint:[0-9a-f]{64}$/);
  await until(async () => await id("target").count() === 2, "both trees");
  for (const name of ["shop", "depot"]) await sees.match(() => target(name).innerText(), new RegExp(`the ${name}[^]*connected`));
  await reads(target("shop"), /3 ready/, "counts of the shop");
  await reads(id("event-log"), /1204 items/, "output as it comes");
});

await test("a command goes out in the name of the certificate, and whoever looks sees it at once", async () => {
  const grace = await looking("grace");
  await grace.id("view-audit").click();
  await at("shop", "/orders");
  await give(ada, "pause_child", "counted by hand");
  await reads(ada.row("/orders"), /paused/, "paused");
  await reads(grace.id("audit"), /ada[^]*counted by hand/, "her audit");
  await reads(grace.id("event-log"), /ada: counted by hand → completed/, "her timeline");
  await give(ada, "resume_child", "counted");
  await reads(ada.row("/orders"), /ready/, "ready again");
  const records = () => readFileSync(inFolder("audit.ndjson"), "utf8").trim().split("\n").map((line) => JSON.parse(line));
  await sees.deepEqual(() => records().map(({ command, reason, result }) => `${command} ${reason} ${result}`), [
    "pause_child counted by hand accepted",
    "pause_child counted by hand completed",
    "resume_child counted accepted",
    "resume_child counted completed",
  ]);
  assert.ok(records().every(({ identity }) => identity.principal === "O=ops, CN=ada"));
  await grace.leave();
});

await test("every command is carried out, and says why when it is not", async () => {
  const { id, row } = ada;
  const manifest = (command) => JSON.stringify({ name: "late", run: { process: { command, args: ["-c", "exec sleep 600"] } } });
  await at("depot", "/crane");
  await sees.equal(() => id("command-reset_fuse").isDisabled(), true);
  for (
    const [command, outcome] of [
      ["terminate_child", /stopped/],
      ["start_child", /ready/],
      ["quarantine_child", /quarantined/],
      ["release_child", /stopped|ready/],
    ]
  ) {
    await give(ada, command, `to try ${command}`);
    await reads(id("event-log"), new RegExp(`to try ${command} → completed`), command);
    await reads(row("/crane"), outcome, `the crane after ${command}`);
  }
  assert.equal(await id("command-rolling_restart").count(), 0, "what is no set has no copies");
  await row("/belt").click();
  await give(ada, "rolling_restart", "it has copies");
  await reads(id("event-log"), /it has copies → completed/, "each copy is new");
  await row("/").click();
  await give(ada, "add_child", "help", { manifest: manifest("/usr/bin/env") });
  await reads(id("toasts"), /✗[^]*\/usr\/bin\/env/, "why it is refused");
  await give(ada, "add_child", "help", { manifest: manifest("/bin/sh") });
  await row("/late").waitFor();
  await give(ada, "start_template", "a porter", { template: "porter" });
  await row("/porter:1").waitFor();
  await give(ada, "scale", "many porters", { template: "porter", count: "3" });
  await row("/porter:3").waitFor();
  await row("/late").click();
  await give(ada, "remove_child", "no more help", { typed: "late" });
  await until(async () => await row("/late").count() === 0, "removed");
});

await test("who may only look is offered no command, and gets none in another way", async () => {
  const rea = await looking("rea");
  await sees.match(() => rea.id("who").innerText(), /rea\s+may look/);
  await sees.match(() => rea.id("node-detail").innerText(), /You may only look here/);
  assert.equal(await rea.id("commands").count(), 0);
  const answer = await rea.page.evaluate(() =>
    new Promise((resolve) => {
      const socket = new WebSocket(`wss://${location.host}/session`);
      const command = { command_id: "x", target_id: "shop", command: "pause_child", target: { child_path: "/orders" } };
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "server_hello") socket.send(JSON.stringify({ type: "client_hello", client_store_id: "x" }));
        if (message.type === "target_list") socket.send(JSON.stringify({ type: "command", ...command, reason: "x", confirmed: true }));
        if (message.type === "error") resolve(message.error.code);
      };
    })
  );
  assert.equal(answer, "not_permitted");
  await reads(ada.id("event-log"), /rea: x → rejected/, "a record of it");
  await rea.leave();
});

await test("who may control gets no command that is dangerous", async () => {
  const kim = await looking("kim");
  await sees.match(() => kim.id("who").innerText(), /kim\s+may control/);
  await give(kim, "restart_child", "it seems to hang");
  await reads(kim.id("toasts"), /done/, "restarted");
  await at("shop", "/orders");
  assert.equal(await kim.id("command-remove_child").count(), 0);
  await sees.equal(() => ada.id("command-remove_child").count(), 1);
  for (const one of [ada, kim]) {
    await one.row("/").click();
    await reads(one.id("node-detail"), /the shop/, "the tree itself");
  }
  for (const name of ["shutdown_tree", "add_child", "reload"]) {
    assert.equal(await kim.id(`command-${name}`).count(), 0, name);
    await sees.equal(() => ada.id(`command-${name}`).count(), 1, name);
  }
  await kim.leave();
});

await test("a page of somebody else can neither use the certificate nor show the page", async () => {
  const other = await ada.context.newPage();
  await other.route("https://evil.example/", (route) => route.fulfill({ contentType: "text/html", body: "<p>look here</p>" }));
  await other.goto("https://evil.example/");
  const outcome = await other.evaluate((url) =>
    new Promise((resolve) => {
      const socket = new WebSocket(url);
      socket.onopen = () => resolve("open");
      socket.onerror = () => resolve("refused");
    }), `wss://localhost:${port}/session`);
  assert.equal(outcome, "refused");
  await other.evaluate((url) => {
    const frame = document.createElement("iframe");
    frame.src = url;
    document.body.append(frame);
    return new Promise((resolve) => frame.onload = resolve);
  }, address(port));
  assert.equal(other.frames().length, 2);
  assert.equal(await other.frames()[1].locator('[data-testid="dashboard-layout"]').count(), 0);
  await other.close();
});

await test("a tree that is killed and one that hangs cost the others nothing, and both come back", async () => {
  const { id, page, row, target } = ada;
  await at("shop", "/orders");
  depot.child.kill("SIGSTOP");
  await kill(shop);
  await reads(target("shop"), /reconnecting|unavailable/, "the loss of the shop shows", 10_000);
  await reads(target("shop"), /expired/, "its lease ends");
  await until(async () => await target("shop").count() === 0, "its name is free");
  await sees.match(() => page.innerText("main"), /This tree is gone/);
  await reads(target("depot"), /unavailable/, "the depot answers nothing", 10_000);
  await at("depot", "/gate");
  await sees.equal(() => id("command-restart_child").isDisabled(), true);
  await sees.match(() => id("command-restart_child").getAttribute("title"), /cannot be reached/);
  shop = await treeOf("shop");
  await reads(target("shop"), /connected/, "the shop is back");
  await at("shop", "/orders");
  await reads(row("/orders"), /ready/, "with its children");
  await give(ada, "restart_child", "while another one hangs");
  await reads(id("toasts"), /done/, "carried out meanwhile");
  await sees.match(() => target("depot").innerText(), /unavailable/);
  depot.child.kill("SIGCONT");
  await reads(target("depot"), /connected/, "the depot is back");
});

await test("names, events, lines, reasons and audits that mean harm are text and nothing else", async () => {
  await start([join(HERE, "programs", "odd_target.ts"), inFolder("odd.sock"), inFolder("relay.sock")], /registered/);
  const odd = await somebody("odd");
  const { id, page } = odd;
  const reason = '<img src=x onerror="document.title=1">\u202e\u200b';
  const isHarmless = async (where) => {
    assert.doesNotMatch(await page.locator("body").innerText(), HIDDEN, where);
    assert.equal(await page.locator("img, iframe, b, script:not([src])").count(), 0, where);
  };
  await page.goto(address(port));
  await id("target").nth(2).waitFor();
  const card = odd.target("odd <b>id</b>");
  await sees.match(() => card.innerText(), /<img src=x/);
  await isHarmless("alarms");
  await card.click();
  await until(async () => await id("tree-row").count() >= 4, "its children");
  await id("view-graph").click();
  await until(async () => Number(await id("topology-canvas").getAttribute("data-nodes")) >= 4, "its graph");
  await isHarmless("graph");
  await id("view-tree").click();
  for (const index of [1, 2, 3, 4]) {
    await id("tree-row").nth(index).click();
    await isHarmless(`child ${index}`);
  }
  await id("tree-row").nth(1).click();
  await give(odd, "restart_child", reason);
  await reads(id("toasts"), /done/, "the answer");
  await give(odd, "quarantine_child", reason);
  await reads(id("toasts"), /✗[^]*<img/, "why it was refused");
  await isHarmless("messages");
  for (const view of ["diagnostics", "audit"]) {
    await id(`view-${view}`).click();
    await reads(page.locator("main"), /<img/, view);
    await isHarmless(view);
  }
  await reads(id("event-log"), /long y+…/, "a line that is far too long, cut");
  await id("kind-log").click();
  await reads(id("event-log"), /<script>/, "an event as text");
  await isHarmless("timeline");
  await sees.match(() => page.title(), /^(?:\(\d+\) )?Reeve$/);
  assert.ok((await page.innerText("body")).length < 60_000, "nothing that is long fills the page");
  await sees.deepEqual(odd.violations, []);
  // Whoever else looks reads the same reason.
  await reads(ada.id("event-log"), /<img/, "the audit of it");
  assert.doesNotMatch(await ada.page.locator("body").innerText(), HIDDEN);
  assert.equal(await ada.page.locator("img").count(), 0);
  await odd.leave();
});

await test("the relay takes new certificates while a session goes on", async () => {
  const nameOfRelay = () =>
    new Promise((resolve, reject) => {
      const [cert, key, ca] = ["ada.pem", "ada.key", "ca.pem"].map((name) => readFileSync(inFolder(name)));
      const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca, cert, key }, () => {
        resolve(socket.getPeerCertificate().subject.CN);
        socket.destroy();
      });
      socket.on("error", reject);
    });
  assert.equal(await nameOfRelay(), "localhost");
  for (const kind of ["key", "pem"]) copyFileSync(inFolder(`renewed.${kind}`), inFolder(`served.${kind}`));
  relay.child.kill("SIGHUP");
  await until(async () => await nameOfRelay() === "renewed", "the new one");
  await ada.id("view-diagnostics").click();
  assert.match(await ada.id("diagnostics-panel").innerText(), /Sessions so far\s+1\n/);
  await at("shop", "/orders");
  await give(ada, "restart_child", "in a session from before");
  await reads(ada.id("event-log"), /in a session from before → completed/, "it goes on");
  const grace = await looking("grace");
  await isIn(grace);
  await grace.leave();
});

await test("when the relay is killed, the page comes back by itself or at a word, and misses nothing", async () => {
  const { id, row } = ada;
  const grace = await looking("grace", "depot", "/gate");
  await at("depot", "/gate");
  const pidOf = async () => Number(/Process\s+(\d+)/.exec(await id("node-detail").innerText())?.[1]);
  await until(async () => await pidOf() > 0, "the process of the gate");
  const before = await pidOf();
  await kill(relay);
  await id("stale").waitFor();
  await reads(id("relay-link"), /reconnecting in \d+ s/, "the countdown");
  process.kill(before, "SIGKILL");
  assert.equal(await row("/gate").count(), 1);
  // Where time stands still, only she herself ends the countdown.
  await grace.page.clock.install();
  const { clock } = grace.page;
  await until(
    async () => {
      if (!/reconnecting in (?:[3-9]|\d\d) s/.test(await grace.id("relay-link").innerText())) return false;
      const now = await grace.page.evaluate(() => Date.now());
      // Where that was over when it was asked, time goes on until another countdown.
      return clock.pauseAt(now + 1_000).then(() => true, () => clock.resume().then(() => false));
    },
    "time stands still within a countdown",
    60_000,
  );
  relay = await relayOf("relay.yaml");
  const session = grace.page.waitForEvent("websocket");
  await grace.page.getByRole("button", { name: "Reconnect now" }).click();
  await session;
  await clock.resume();
  await isIn(grace);
  await grace.leave();
  await isIn(ada);
  await until(async () => await id("stale").count() === 0, "nothing is old any more");
  await until(async () => await pidOf() > 0 && await pidOf() !== before, "the process that came meanwhile");
  await reads(id("detail-history"), /SIGKILL/, "what happened meanwhile");
  assert.deepEqual((await id("dropped").allInnerTexts()).filter((text) => text !== ""), []);
  await give(ada, "restart_child", "after all that");
  await reads(id("event-log"), /after all that → completed/, "commands as before");
});

/** Says a token at the page that asks for one. */
const login = async ({ page }, token) => {
  await page.getByLabel("Token").fill(token);
  await page.getByRole("button", { name: "Log in" }).click();
};

const tokens = await relayOf("tokens.yaml");

await test("a browser without a certificate says a token, which lets in for what its role may", async () => {
  const rea = await somebody(null);
  const { page, context, id } = rea;
  await page.goto(address(tokenPort));
  assert.equal(new URL(page.url()).pathname, "/login");
  await sees.deepEqual(rea.violations, []);
  await login(rea, "a-token-that-nobody-has");
  await sees.match(() => page.getByRole("alert").innerText(), /not known here/);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    await sees.deepEqual(rea.violations, [], colorScheme);
  }
  await login(rea, TOKENS.rea);
  await isIn(rea);
  await sees.match(() => id("who").innerText(), /rea\s+may look/);
  await reads(id("target-list"), /connected[^]*connected/, "trees that the file of the relay names");
  const [cookie] = await context.cookies();
  assert.deepEqual([cookie.httpOnly, cookie.secure, cookie.sameSite], [true, true, "Strict"]);
  assert.equal(await page.evaluate(() => document.cookie), "");
  await page.reload();
  await isIn(rea);
  await page.goto(`${address(tokenPort)}/login`);
  await sees.deepEqual(rea.violations, []);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.goto(address(tokenPort));
  assert.equal(new URL(page.url()).pathname, "/login");
  assert.deepEqual(await context.cookies(), []);
  await rea.leave();
});

await test("a token that was replaced ends the sessions that it opened, and no others", async () => {
  const [bob, rea] = await Promise.all([somebody(null), somebody(null)]);
  for (const [one, token] of [[bob, TOKENS.ada], [rea, TOKENS.rea]]) {
    await one.page.goto(address(tokenPort));
    await login(one, token);
    await isIn(one);
  }
  write("token-ada", "another-token-of-ada-that-is-long");
  tokens.child.kill("SIGHUP");
  await bob.id("stale").waitFor();
  await bob.page.reload();
  assert.equal(new URL(bob.page.url()).pathname, "/login");
  await login(bob, TOKENS.ada);
  await sees.match(() => bob.page.getByRole("alert").innerText(), /not good any more/);
  await login(bob, "another-token-of-ada-that-is-long");
  await isIn(bob);
  assert.equal(await rea.id("stale").count(), 0);
  await Promise.all([bob.leave(), rea.leave()]);
});

await test("a name that somebody made for the address of the relay is none of its own", async () => {
  const { page, leave } = await somebody(null);
  assert.equal((await page.goto(`https://${REBOUND}:${tokenPort}/login`)).status(), 403);
  await sees.match(() => page.innerText("body"), /does not go by that name/);
  await leave();
});

/** A proxy that says who asks, whatever they say themselves. */
const proxy = () => {
  const [cert, key, ca] = ["relay.pem", "relay.key", "ca.pem"].map((name) => readFileSync(inFolder(name)));
  const onward = ({ url: path, method, headers }) =>
    ask({ port: behindPort, host: "127.0.0.1", servername: "localhost", ca, path, method, headers: { ...headers, "x-who": "lin" } });
  const server = createServer({ cert, key }, (request, response) => {
    const asked = onward(request);
    asked.on("response", (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    request.pipe(asked);
  });
  server.on("upgrade", (request, socket) => {
    const asked = onward(request);
    asked.on("upgrade", ({ headers }, onwards) => {
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
      socket.pipe(onwards).pipe(socket);
      for (const end of [socket, onwards]) end.on("error", () => end.destroy());
    });
    asked.end();
  });
  return new Promise((resolve) => server.listen(proxyPort, "127.0.0.1", () => resolve(server)));
};

await test("behind a proxy everybody is whom the proxy names, and nobody gets in beside it", async () => {
  await relayOf("behind.yaml");
  const server = await proxy();
  const lin = await somebody(null);
  await lin.context.setExtraHTTPHeaders({ "x-who": "root" });
  await lin.page.goto(`${address(proxyPort)}/#target=shop&path=/orders`);
  await isIn(lin);
  await sees.match(() => lin.id("who").innerText(), /lin\s+may do everything/);
  await give(lin, "restart_child", "through the proxy");
  await reads(lin.id("event-log"), /lin: through the proxy → completed/, "a record in that name");
  const direct = await somebody(null);
  assert.equal((await direct.page.goto(`https://127.0.0.1:${behindPort}`)).status(), 401);
  await Promise.all([lin.leave(), direct.leave()]);
  server.close();
});

await test("no page complained, and none asked anybody else", () => {
  assert.deepEqual(complaints, []);
  assert.deepEqual(elsewhere.filter((url) => !/^(?:data|blob):|^https:\/\/rebound\.example/.test(url)), []);
  return Promise.resolve();
});

await browser.close();
await finish();
