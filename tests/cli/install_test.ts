import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spawnSync } from "node:child_process";
import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { install, type InstallArgs, type InstallSurroundings } from "../../src/cli/commands/install.ts";
import { stopBudgetMs } from "../../src/cli/install/budget.ts";
import { unitText } from "../../src/cli/install/unit.ts";
import { withFolder } from "../support/folder.ts";
import { RecordingIo } from "./helpers.ts";

const TREE = "name: shop\nchildren:\n  - name: web\n    run: { process: { command: sh } }\n";

interface Installed {
  readonly code: number;
  readonly io: RecordingIo;
  readonly calls: string[];
}

/** Installs a tree as a runtime would that lies in the same folder. */
async function installed(
  folder: string,
  args: Partial<InstallArgs> = {},
  surroundings: Partial<InstallSurroundings> = {},
): Promise<Installed> {
  const io = new RecordingIo();
  const calls: string[] = [];
  await writeFile(join(folder, "bin.js"), "");
  const code = await install({ file: join(folder, "tree.yaml"), user: false, print: false, enable: false, ...args }, io, {
    system: "linux",
    runtime: "node",
    runtimePath: "/usr/bin/node",
    entry: join(folder, "bin.js"),
    path: "/usr/bin:/bin",
    systemFolder: join(folder, "system"),
    userFolder: join(folder, "user"),
    systemctl: (words) => Promise.resolve(void calls.push(words.join(" "))),
    ...surroundings,
  });
  return { code, io, calls };
}

/** The words of a line of a unit. */
function value(unit: string, key: string): string[] {
  return [...unit.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, text = ""]) => text);
}

Deno.test("install() writes a unit of the system with mode 0644, and says what to do next", async () => {
  await withFolder({ "tree.yaml": TREE }, async (folder) => {
    const { code, io, calls } = await installed(folder);
    assertEquals([code, calls], [0, []]);
    const path = join(folder, "system", "shop.service");
    const unit = await readFile(path, "utf8");
    assertEquals((await stat(path)).mode & 0o777, 0o644);
    assertEquals(value(unit, "ExecStart"), [`/usr/bin/node ${folder}/bin.js run ${folder}/tree.yaml`]);
    assertEquals([value(unit, "Type"), value(unit, "NotifyAccess"), value(unit, "KillMode"), value(unit, "Restart")], [
      ["notify"],
      ["all"],
      ["mixed"],
      ["on-failure"],
    ]);
    // Five seconds to stop, one after forcing, ten for the rest.
    assertEquals([value(unit, "TimeoutStopSec"), value(unit, "WatchdogSec"), value(unit, "WorkingDirectory")], [["16"], ["30"], [folder]]);
    assertEquals(value(unit, "WantedBy"), ["multi-user.target"]);
    assertStringIncludes(io.out, `${path} is written.\nNext:\n  systemctl daemon-reload\n  systemctl enable --now shop\n`);
    assertEquals(await readdir(join(folder, "system")), ["shop.service"]);
  });
});

Deno.test("install() runs the unit as whoever owns the file, and as root only where a child needs it", async () => {
  const child = "name: shop\nchildren:\n  - name: web\n    run: { process: { command: sh, uid: 1001, gid: 1002 } }\n";
  for (const [text, wantsRoot] of [[TREE, false], [child, true]] as const) {
    await withFolder({ "tree.yaml": text }, async (folder) => {
      const { uid, gid } = await stat(join(folder, "tree.yaml"));
      const { io } = await installed(folder, { print: true });
      const isRoot = wantsRoot || uid === 0;
      assertEquals(value(io.out, "User"), [isRoot ? "root" : String(uid)]);
      assertEquals(value(io.out, "Group"), isRoot ? [] : [String(gid)]);
    });
  }
});

Deno.test("install() with --user writes into the folder of the user, without what only the system can do", async () => {
  await withFolder({ "tree.yaml": TREE }, async (folder) => {
    const { code, io, calls } = await installed(folder, { user: true, enable: true, name: "mine.service" });
    assertEquals(code, 0);
    const unit = await readFile(join(folder, "user", "mine.service"), "utf8");
    assertEquals([value(unit, "WantedBy"), value(unit, "User"), value(unit, "ProtectKernelModules")], [["default.target"], [], []]);
    assertEquals(calls, ["--user daemon-reload", "--user enable mine.service"]);
    assertStringIncludes(io.out, "systemctl --user start mine\n");
    assertStringIncludes(io.out, "loginctl enable-linger");
  });
});

Deno.test("install() prints the unit and writes nothing with --print", async () => {
  await withFolder({ "tree.yaml": TREE }, async (folder) => {
    const { code, io } = await installed(folder, { print: true }, { system: "darwin" });
    assertEquals([code, io.err, (await readdir(folder)).sort()], [0, "", ["bin.js", "tree.yaml"]]);
    assertMatch(io.out, /^# Made by reeve install/);
    assertMatch(io.out, /^\[Service\]$/m);
  });
});

Deno.test("install() replaces what it made itself, and nothing else without --force", async () => {
  await withFolder({ "tree.yaml": TREE }, async (folder) => {
    const path = join(folder, "system", "shop.service");
    assertEquals((await installed(folder)).code, 0);
    assertEquals((await installed(folder)).code, 0);
    await chmod(path, 0o600);
    await writeFile(path, "[Service]\nExecStart=/mine\n");
    const refused = await installed(folder);
    assertEquals(refused.code, 2);
    assertMatch(refused.io.err, /is there and was not made by reeve install; --force replaces it/);
    assertEquals(await readFile(path, "utf8"), "[Service]\nExecStart=/mine\n");
    assertEquals((await installed(folder, { force: true })).code, 0);
    assertMatch(await readFile(path, "utf8"), /^# Made by reeve install/);
    assertEquals((await stat(path)).mode & 0o777, 0o644);
  });
});

Deno.test("install() writes a unit that everybody may read, whatever the umask", async () => {
  await withFolder({ "tree.yaml": TREE }, async (folder) => {
    const before = process.umask(0o077);
    try {
      assertEquals((await installed(folder)).code, 0);
    } finally {
      process.umask(before);
    }
    assertEquals((await stat(join(folder, "system", "shop.service"))).mode & 0o777, 0o644);
  });
});

Deno.test("install() does not follow a link that lies in its place, such as that of a masked unit", async () => {
  await withFolder({ "tree.yaml": TREE, precious: "mine" }, async (folder) => {
    await mkdir(join(folder, "system"));
    const path = join(folder, "system", "shop.service");
    await symlink(join(folder, "precious"), path);
    assertEquals((await installed(folder)).code, 2);
    assertEquals((await installed(folder, { force: true })).code, 0);
    assertEquals([(await lstat(path)).isSymbolicLink(), await readFile(join(folder, "precious"), "utf8")], [false, "mine"]);
  });
});

Deno.test("install() says why not: a file with violations, a name that is none, another system, a folder that cannot be", async () => {
  await withFolder({ "tree.yaml": "children: [{ name: a, colour: red }]\n" }, async (folder) => {
    const { code, io } = await installed(folder);
    assertEquals(code, 1);
    assertMatch(io.err, /unknown key "colour"/);
    assertEquals((await installed(folder, { file: join(folder, "none.yaml") })).code, 2);
  });
  await withFolder({ "tree.yaml": TREE, file: "" }, async (folder) => {
    for (
      const [args, surroundings, reason] of [
        [{ name: "../x" }, {}, /"\.\.\/x" is no name of a unit/],
        [{}, { system: "darwin" }, /systemd is for Linux; --print shows the unit/],
        [{}, { systemFolder: join(folder, "file") }, /Cannot install/],
      ] as const
    ) {
      const { code, io } = await installed(folder, args, surroundings);
      assertEquals([code, io.out], [2, ""]);
      assertMatch(io.err, reason);
    }
  });
});

Deno.test("install() gives Deno the permissions that the file needs, and no more", async () => {
  const quiet =
    'name: t\nchildren:\n  - name: a\n    run: { module: { url: ./code/a.js } }\n    args: ["${MODE:-x}"]\n    logs: { file: ./log/a.log }\n';
  const flags = async (text: string): Promise<string[]> => {
    let words: string[] = [];
    await withFolder({ "tree.yaml": text }, async (folder) => {
      const { io } = await installed(folder, { print: true }, {
        runtime: "deno",
        runtimePath: "/usr/bin/deno",
        entry: "jsr:@reeve/supervisor/cli",
      });
      words = (value(io.out, "ExecStart")[0] ?? "").replaceAll(folder, "F").split(" ");
    });
    return words;
  };
  const few = await flags(quiet);
  assertEquals(few.slice(0, 5), ["/usr/bin/deno", "run", "--no-prompt", "--allow-read=F", "--allow-write=F/log"]);
  assertMatch(few[5] ?? "", /^--allow-env=NOTIFY_SOCKET,.*,MODE$/);
  assertEquals(few.slice(6), ["--allow-run=systemd-notify", "jsr:@reeve/supervisor/cli", "run", "F/tree.yaml", "--no-socket"]);
  const many = await flags(`name: t
observability: { journal: { path: ./var/events.jsonl } }
dashboard: { enabled: true, target_id: t, path: /run/t/t.sock }
children:
  - name: a
    run: { process: { command: sh, cwd: /srv } }
    readiness: { mode: http, port: 80 }
    health_check: { mode: tcp, host: "::1", port: 81 }
`);
  assertEquals(many.slice(2), [
    "--no-prompt",
    "--allow-read",
    "--allow-write=/run/t,F/var",
    "--allow-env",
    "--allow-run",
    "--allow-net=127.0.0.1:80,[::1]:81,unix:/run/t/.t.sock.d/s",
    "jsr:@reeve/supervisor/cli",
    "run",
    "F/tree.yaml",
  ]);
});

Deno.test("install() reloads and stops by the signals of the file", async () => {
  for (
    const [signals, reload, stop] of [
      ["", ["kill -HUP $MAINPID"], []],
      ["signals: { SIGHUP: ignore, SIGTERM: ignore, SIGQUIT: graceful, SIGINT: force, SIGUSR2: reload }\n", ["kill -USR2 $MAINPID"], [
        "SIGQUIT",
      ]],
      ["signals: { SIGHUP: ignore }\n", [], []],
    ] as const
  ) {
    await withFolder({ "tree.yaml": `${signals}${TREE}` }, async (folder) => {
      const { io } = await installed(folder, { print: true });
      assertEquals([value(io.out, "ExecReload"), value(io.out, "KillSignal")], [[...reload], [...stop]]);
    });
  }
});

Deno.test("install() gives what shares of a processor, other users and secrets in files take", async () => {
  const deno = { runtime: "deno", runtimePath: "/usr/bin/deno", entry: "jsr:@reeve/supervisor/cli" } as const;
  const child = "name: shop\nchildren:\n  - name: web\n    run: { process: { command: sh, uid: 1, gid: 1 } }\n";
  await withFolder({ "tree.yaml": `${child}    resource_limits: { max_cpu_percent: 50 }\n` }, async (folder) => {
    const { io } = await installed(folder, { print: true }, deno);
    assertEquals([value(io.out, "Delegate"), value(io.out, "DelegateSubgroup"), value(io.out, "ProtectControlGroups")], [
      ["cpu"],
      ["reeve"],
      [],
    ]);
    assertMatch(io.out, /^ExecStart=\/usr\/bin\/deno run --no-prompt --allow-all jsr:/m);
  });
  await withFolder({ "tree.yaml": `secret_store: { kind: files, path: /run/keys }\n${child}` }, async (folder) => {
    const { io } = await installed(folder, { print: true }, deno);
    assertStringIncludes(io.out, ` --allow-read=/run/keys,${folder} `);
    assertStringIncludes(io.out, " --allow-sys=uid ");
  });
});

Deno.test("install() says which variables of yours the unit lacks", async () => {
  const text = `${TREE}    environment: [{ name: A, value: "\${REEVE_TEST_MINE} \${PATH} $\${REEVE_TEST_OTHER}" }]\n`;
  await withFolder({ "tree.yaml": text }, async (folder) => {
    for (const name of ["REEVE_TEST_MINE", "REEVE_TEST_OTHER"]) process.env[name] = "x";
    try {
      assertMatch(
        (await installed(folder)).io.err,
        /^reeve: a unit has no variables of yours: give it REEVE_TEST_MINE by Environment= in a drop-in$/m,
      );
    } finally {
      for (const name of ["REEVE_TEST_MINE", "REEVE_TEST_OTHER"]) delete process.env[name];
    }
  });
});

Deno.test("install() adds folders to PATH only where a command would not be found", async () => {
  await withFolder({ "tree.yaml": TREE.replace("command: sh", "command: only-here-command"), "only-here-command": "" }, async (folder) => {
    await chmod(join(folder, "only-here-command"), 0o755);
    const found = await installed(folder, { print: true }, { path: `${folder}:/usr/bin` });
    assertEquals(value(found.io.out, "Environment").filter((line) => line.startsWith("PATH=")), [
      `PATH=${folder}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    ]);
    const usual = await withFolder({ "tree.yaml": TREE }, (other) => installed(other, { print: true }));
    assertEquals(value(usual.io.out, "Environment").filter((line) => line.startsWith("PATH=")), []);
  });
});

Deno.test("install() warns where the runtime lies in the cache of npx", async () => {
  await withFolder({ "tree.yaml": TREE }, async (folder) => {
    const { io } = await installed(folder, {}, { runtimePath: "/home/x/.npm/_npx/1/node" });
    assertMatch(io.err, /out of the cache of npx/);
  });
});

Deno.test("stopBudgetMs() adds up what stops after each other, and takes the longest of what stops together", () => {
  const run = { kind: "process", command: "sh" } as const;
  const child = (name: string, timeoutMs: number | null, dependencies: string[] = []) =>
    ({ name, run, dependencies, stop: { timeoutMs, killWaitMs: 1 } }) as const;
  assertEquals(stopBudgetMs({ children: [] }), 0);
  assertEquals(stopBudgetMs({ children: [child("a", 10), child("b", 30), child("c", 20, ["a"])] }), 32);
  assertEquals(stopBudgetMs({ children: [child("a", null)] }), null);
  assertEquals(stopBudgetMs({ children: [child("a", null)], shutdown: { totalTimeoutMs: 50, abortWaitMs: 5 } }), 55);
  const nested = { name: "n", run: { kind: "supervisor", children: [child("a", 10), child("b", 10, ["a"])] } } as const;
  assertEquals(stopBudgetMs({ children: [nested, child("z", 1)] }), 22);
  const hooked = { ...child("a", 10), hooks: { afterExit: { command: "x", timeoutMs: 100 } } };
  assertEquals(stopBudgetMs({ children: [hooked] }), 111);
});

const isThere = process.platform === "linux" && spawnSync("systemd-analyze", ["--version"]).status === 0;
const OPTIONS = {
  reloadSignal: "SIGHUP",
  stopSignal: "SIGINT",
  description: '100% "good"',
  folder: "/srv/a b%",
  name: "t",
  stopMs: null,
  limitsCpu: false,
};

Deno.test({
  name: `install: systemd takes the units, whatever is in their paths${isThere ? "" : " (there is no systemd-analyze)"}`,
  ignore: !isThere,
  fn(): void {
    const command = ["/bin/sh", "run", '/srv/a b%n$HOME"\\.yaml'];
    for (const user of [false, true]) {
      const unit = unitText({ ...OPTIONS, command, user, ids: { uid: 1001, gid: 1002 }, path: "/opt/a b:/usr/bin" });
      assertStringIncludes(unit, String.raw`ExecStart=/bin/sh run "/srv/a b%%n$$HOME\"\\.yaml"`);
      assertStringIncludes(unit, "TimeoutStopSec=infinity\n");
      assertEquals(verified(unit, user), "");
    }
    assert(
      verified(unitText({ ...OPTIONS, command, user: false, ids: null, path: null }).replace("KillMode=mixed", "KillMode=mixt"), false) !==
        "",
    );
  },
});

/** What systemd says of the unit. */
function verified(unit: string, user: boolean): string {
  const folder = spawnSync("mktemp", ["-d"], { encoding: "utf8" }).stdout.trim();
  try {
    spawnSync("sh", ["-c", 'cat > "$1/t.service"', "sh", folder], { input: unit });
    const args = ["verify", ...user ? ["--user"] : [], "--man=no", `${folder}/t.service`];
    const { status, stdout, stderr } = spawnSync("systemd-analyze", args, {
      encoding: "utf8",
      env: { ...process.env, XDG_RUNTIME_DIR: folder },
    });
    const lines = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("t.service:"));
    return [...lines, ...status === 0 ? [] : [`status ${status} ${stdout}${stderr}`]].join("\n");
  } finally {
    spawnSync("rm", ["-r", folder]);
  }
}
