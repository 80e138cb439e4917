import { assert, assertEquals, assertMatch } from "@std/assert";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { freePort } from "../support/free_port.ts";
import { reeveMarked, runMarked, withoutWarnings } from "../support/marked.ts";
import { ROOT } from "../support/runtime.ts";

const SHOP = fileURLToPath(new URL("examples/shop/supervisor.yaml", ROOT));
const CHILDREN = ["catalog", "stock", "orders", "mailer", "thumbnails", "cleanup", "pollers", "pollers/prices", "pollers/reviews"];

Deno.test("demo: the shop runs, sums up every child, and leaves no process and no file behind", async () => {
  const { code, out, err, leftovers, temporary } = await reeveMarked(["run", SHOP], {
    env: { SHOP_PORT: await freePort() },
    endAfter: /\/ +everything is ready [^]*order 1: |order 1: [^]*\/ +everything is ready /,
  });
  assertEquals([code, withoutWarnings(err)], [0, ""]);
  for (const name of CHILDREN) {
    assertMatch(out, new RegExp(`^/${name} +(task|worker|process|supervisor) +\\d+ +\\d+ +\\d+ .*(in order|was not running)$`, "m"));
  }
  assertMatch(out, /│ \/stock +stock is put away\n/);
  assertMatch(out, /│ \/catalog +closing\n/);
  assertMatch(out, /│ \/orders +order 1: /);
  assertEquals([leftovers, temporary], [[], []]);
});

Deno.test("demo: its events have no hole, and stop it in reverse order of its dependencies", async () => {
  const { code, out, leftovers } = await reeveMarked(["run", SHOP, "--json"], {
    env: { SHOP_PORT: await freePort() },
    endAfter: /"path":"\/","correlation":\d+,"type":"supervisor_ready"/,
  });
  assertEquals([code, leftovers], [0, []]);
  const items = out.trimEnd().split("\n").map((line) => JSON.parse(line));
  const events = items.filter((item) => "correlation" in item);
  assertEquals(events.map(({ seq }) => seq), events.map((_, index) => index + 1));
  const stopped = events.filter(({ type }) => type === "child_shutdown").map(({ path }) => path);
  assertEquals([...stopped].sort(), CHILDREN.map((name) => `/${name}`).sort());
  for (
    const [later, earlier] of [["/mailer", "/orders"], ["/orders", "/catalog"], ["/orders", "/stock"], [
      "/pollers/reviews",
      "/pollers/prices",
    ]]
  ) {
    assert(stopped.indexOf(later) < stopped.indexOf(earlier), `${later} must stop before ${earlier}: ${stopped}`);
  }
});

Deno.test("demo: what is refused leaves no process and no file behind", async () => {
  const folder = await mkdtemp(join(tmpdir(), "reeve-demo-"));
  const files: readonly [name: string, text: string, code: number][] = [
    ["not_yaml.yaml", "children: [", 1],
    ["wrong.yaml", "children:\n  - name: a\n    run: { process: { command: sleep, args: [60] } }\n    dependencies: [b]\n", 1],
    [
      "missing.yaml",
      "children:\n  - name: a\n    run: { process: { command: sleep, args: ['60'] } }\n  - name: b\n    run: { module: { url: ./nope.mjs } }\n",
      1,
    ],
  ];
  try {
    for (const [name, text, expected] of files) {
      await writeFile(join(folder, name), text);
      const { code, out, err, leftovers, temporary } = await reeveMarked(["run", name], { cwd: folder });
      assertEquals([code, out, leftovers, temporary], [expected, "", [], []], `${name}\n${err}`);
      assertMatch(err, new RegExp(`${name} is refused: \\d+ violations?, no warnings\n$`));
    }
    assertEquals((await readdir(folder)).sort(), files.map(([name]) => name).sort());
  } finally {
    await rm(folder, { recursive: true });
  }
});

Deno.test("demo: runMarked() sees a process that was left behind", async () => {
  const { out, leftovers } = await runMarked("sh", ["-c", "sleep 5 >/dev/null 2>&1 & echo $!"]);
  const pid = Number(out.trim());
  try {
    assertEquals(leftovers.map((line) => Number.parseInt(line)), [pid]);
  } finally {
    process.kill(pid, "SIGKILL");
  }
});
