// What the browser tests use: programs in the runtime under test, a browser, the page, and counting.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

const need = createRequire(join(process.env.REEVE_BROWSER_MODULES, "none.js"));
export const { chromium } = need("playwright-core");
const axeSource = need("axe-core").source;

export const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** The command in Deno; in Node it is that of the package. */
const COMMAND = "src/cli/bin.ts";
const isNode = process.env.REEVE_RUNTIME === "node";
const folder = mkdtempSync(join(tmpdir(), "reeve-browser-"));
const children = new Set();

/** Where a program of the tests finds the package. */
const door = (name) => pathToFileURL(join(ROOT, isNode ? join("npm", "esm", `${name}.js`) : `${name}.ts`)).href;

/** What begins a storm in crowd.ts, and what ends it. */
export const STORM = { begins: "SIGHUP", ends: "SIGUSR2" };

export const inFolder = (name) => join(folder, name);

/** What is started, and with which arguments; what is in TypeScript stands beside what is tested, and Deno runs it. */
const programOf = ([file, ...args]) => {
  if (!isNode || (file.endsWith(".ts") && file !== COMMAND)) return [process.env.REEVE_DENO, ["run", "-A", "--no-check", file, ...args]];
  if (file !== COMMAND) return [process.execPath, [file, ...args]];
  const { bin } = JSON.parse(readFileSync(join(ROOT, "npm", "package.json"), "utf8"));
  return [process.execPath, [join(ROOT, "npm", bin.reeve), ...args]];
};

/** Starts a program of the project in the runtime under test; resolves when it has written what matches. */
export const start = (args, pattern) => {
  const [command, all] = programOf(args);
  const child = spawn(command, all, {
    cwd: ROOT,
    env: {
      ...process.env,
      XDG_RUNTIME_DIR: folder,
      NO_COLOR: "1",
      REEVE_DOOR: door("mod"),
      REEVE_IPC_DOOR: door(join("src", "ipc", "mod")),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.add(child);
  let text = "";
  const ended = new Promise((resolve) => child.once("exit", resolve)).finally(() => children.delete(child));
  return new Promise((resolve, reject) => {
    const limit = setTimeout(() => reject(new Error(`${args.join(" ")} did not write ${pattern}:\n${text}`)), 30_000);
    const look = (chunk) => {
      text += chunk;
      const match = pattern.exec(text);
      if (match === null) return;
      clearTimeout(limit);
      resolve({ child, match, ended, output: () => text });
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.once("exit", () => reject(new Error(`${args.join(" ")} ended:\n${text}`)));
  });
};

/** Starts the command. */
export const reeve = (args, pattern) => start([COMMAND, ...args], pattern);

/** Starts the dashboard; resolves with its address. */
export const dashboard = async (port, ...more) => {
  const { match, child, ended } = await reeve(["dashboard", "--no-open", "--port", String(port), ...more], /http:\S+token=\S+/);
  return { url: match[0], child, ended };
};

/** Kills a program, and waits until it is gone. */
export const kill = async ({ child, ended }) => {
  child.kill("SIGKILL");
  await ended;
};

/** A port that is free now. */
export const freePort = () =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });

/** The name that somebody else has made for the address of this machine. */
export const REBOUND = "rebound.example";

export const launch = () => {
  return chromium.launch({
    executablePath: process.env.REEVE_CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      `--host-resolver-rules=MAP ${REBOUND} 127.0.0.1`,
    ],
  });
};

/** Where things are on a page, and what axe finds wrong there, in one line each. */
export const on = (page) => ({
  id: (name) => page.locator(`[data-testid="${name}"]`),
  row: (path) => page.locator(`[data-testid="tree-row"][data-path=${JSON.stringify(path)}]`),
  target: (name) => page.locator(`[data-testid="target"][data-target=${JSON.stringify(name)}]`),
  violations: async () => {
    if (await page.evaluate(() => globalThis.axe === undefined)) await page.evaluate(axeSource);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} ${failureSummary}`));
  },
});

/** A page beside others, which goes in any case: it would slow them down. */
export const besideIn = (context) => async (use) => {
  const other = await context.newPage();
  try {
    await use(other);
  } finally {
    await other.close();
  }
};

/** What nobody would see, and what would turn the rest around. */
export const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}]/u;

let [passed, failed] = [0, 0];

/** Runs one test; the next runs also when it fails. */
export const test = async (name, run) => {
  const begin = performance.now();
  try {
    await run();
    passed += 1;
    console.log(`${name} ... ok (${Math.round(performance.now() - begin)}ms)`);
  } catch (error) {
    failed += 1;
    console.log(`${name} ... FAILED\n${error.stack}`);
  }
};

/** A test of what the page does by itself, whoever serves it: it runs once, with Deno. */
export const pageTest = (name, run) => isNode ? Promise.resolve() : test(name, run);

/** Waits until something holds. */
export const until = async (holds, what, patienceMs = 15_000) => {
  for (const giveUpAt = Date.now() + patienceMs; !(await holds());) {
    if (Date.now() > giveUpAt) throw new Error(`it did not come about: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

/** What `assert` asserts, of what a page shows: that comes with one of its next pictures, so it is read again until it is right. */
export const sees = Object.fromEntries(
  ["ok", "equal", "notEqual", "deepEqual", "notDeepEqual", "match"].map((name) => [name, async (read, ...expected) => {
    for (const giveUpAt = Date.now() + 10_000;; await new Promise((resolve) => setTimeout(resolve, 50))) {
      const found = await read();
      try {
        return assert[name](found, ...expected);
      } catch (error) {
        if (Date.now() > giveUpAt) throw error;
      }
    }
  }]),
);

/** Ends what was started and tells the sum. */
export const finish = async () => {
  const running = [...children];
  for (const child of running) child.kill("SIGTERM");
  await Promise.race([
    Promise.all(running.map((child) => new Promise((resolve) => child.exitCode === null ? child.once("exit", resolve) : resolve()))),
    new Promise((resolve) => setTimeout(resolve, 8_000)),
  ]);
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
};

// Whatever ends the tests, nothing of theirs stays.
process.once("SIGTERM", () => process.exit(143));
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});
