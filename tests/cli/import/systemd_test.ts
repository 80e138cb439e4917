import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spanMs, unitEntries, unitWords } from "../../../src/cli/import/unit_file.ts";
import { childOf, environmentOf, imported, processOf, refused } from "./helpers.ts";

const MINIMAL = "[Service]\nExecStart=/bin/sleep 60\n";

Deno.test("import of a unit takes command, folder, stop, restarts, limits, hooks and environment over", async () => {
  const unit = `[Unit]
Description=Takes orders
StartLimitIntervalSec=1min
StartLimitBurst=4

[Service]
Type=simple
ExecStartPre=/bin/mkdir -p /var/orders
ExecStartPost=/bin/sh -c 'echo up'
ExecStart=/usr/bin/orders --port 80 "two words"
ExecStop=/usr/bin/orders-drain
ExecStopPost=/bin/rm -f /run/orders
WorkingDirectory=/srv/orders
Environment=MODE=live "NOTE=a b" DOLLAR=$HOME
Environment=MODE=test
EnvironmentFile=/etc/orders.env
User=1001
Group=1002
Restart=on-failure
RestartSec=1500ms
SuccessExitStatus=143 TEMPFAIL
RestartPreventExitStatus=3 4
TimeoutStartSec=20
TimeoutStopSec=1min 5s
KillSignal=SIGQUIT
SendSIGHUP=yes
LimitNOFILE=8192:16384
MemoryMax=1G
CPUQuota=50%
StandardOutput=append:/var/log/orders.log
StandardError=inherit

[Install]
WantedBy=multi-user.target
`;
  const made = await imported({ "orders.service": unit }, "orders.service");
  assertEquals([made.code, made.gaps], [0, []]);
  const child = childOf(made, "orders");
  assertEquals(processOf(child), {
    kind: "process",
    command: "/usr/bin/orders",
    args: ["--port", "80", "two words"],
    cwd: "/srv/orders",
    envFile: "/etc/orders.env",
    uid: 1001,
    gid: 1002,
  } as unknown);
  assertEquals(environmentOf(child), { MODE: "test", NOTE: "a b", DOLLAR: "$HOME" });
  assertEquals(child.restartPolicy, "transient");
  assertEquals(child.backoff, { initialMs: 1_500, maxMs: 1_500, factor: 1, jitter: "none" });
  // Four starts in a time are allowed there: three failures here, and the fourth is too many.
  assertEquals(child.limit, { maxRestarts: 3, windowMs: 60_000, onExceeded: "give_up" });
  assertEquals(child.stop, { signal: "SIGQUIT", timeoutMs: 65_000, thenSignals: [{ signal: "SIGHUP", afterMs: 1 }] });
  assertEquals(child.timeouts, { startMs: 20_000 });
  assertEquals(child.successExitCodes, [0, 143, 75]);
  assertEquals(child.neverRestartOn, [3, 4]);
  assertEquals(child.resourceLimits, { maxMemoryMb: 1_024, maxFileDescriptors: 8_192, maxCpuPercent: 50 });
  assertEquals(child.logs, { file: "/var/log/orders.log" });
  assertEquals(child.hooks, {
    beforeStart: { command: "/bin/mkdir", args: ["-p", "/var/orders"], timeoutMs: 20_000 },
    afterStart: { command: "/bin/sh", args: ["-c", "echo up"], timeoutMs: 20_000 },
    beforeStop: { command: "/usr/bin/orders-drain", timeoutMs: 90_000 },
    afterExit: { command: "/bin/rm", args: ["-f", "/run/orders"], timeoutMs: 90_000 },
  });
  assertStringIncludes(made.yaml, "# orders.service: Takes orders");
});

Deno.test("import of a unit that says little keeps what systemd would do: no restart, its folder, its time to stop", async () => {
  const made = await imported({ "a.service": MINIMAL }, "a.service");
  const child = childOf(made, "a");
  assertEquals([child.restartPolicy, child.stop, processOf(child).cwd], ["temporary", { timeoutMs: 90_000 }, "/"]);
  assertEquals([child.limit, child.backoff], [undefined, undefined]);
});

Deno.test("import of a unit lets an empty value take away what stood before", async () => {
  const text = "[Service]\nExecStart=/bin/a\nExecStart=\nExecStart=/bin/b\nEnvironment=A=1\nEnvironment=\nEnvironment=B=2\n";
  const child = childOf(await imported({ "a.service": text }, "a.service"), "a");
  assertEquals([processOf(child).command, environmentOf(child)], ["/bin/b", { B: "2" }]);
});

Deno.test("import of a unit reads each rule of Restart=", async () => {
  for (
    const [rule, policy, gaps] of [
      ["always", "permanent", 0],
      ["on-failure", "transient", 0],
      ["no", "temporary", 0],
      ["on-abnormal", "transient", 1],
      ["on-success", "temporary", 1],
    ] as const
  ) {
    const made = await imported({ "a.service": `${MINIMAL}Restart=${rule}\n` }, "a.service");
    assertEquals([childOf(made, "a").restartPolicy, made.gaps.length], [policy, gaps], rule);
  }
  const unlimited = await imported({ "a.service": `${MINIMAL}Restart=always\nStartLimitIntervalSec=0\n` }, "a.service");
  assertEquals(childOf(unlimited, "a").limit, { onExceeded: "slow_down" });
  const growing = `${MINIMAL}Restart=always\nRestartSec=1\nRestartSteps=3\nRestartMaxDelaySec=8\n`;
  assertEquals(childOf(await imported({ "a.service": growing }, "a.service"), "a").backoff, {
    initialMs: 1_000,
    maxMs: 8_000,
    factor: 2,
    jitter: "none",
  });
});

Deno.test("import of a folder of units makes siblings of them, tied as they say", async () => {
  const files = {
    "units/db.service": `[Service]\nExecStart=/bin/sleep 1\nUser=root\n`,
    "units/cache.service": `[Unit]\nBefore=web.service\n${MINIMAL}`,
    "units/web.service":
      `[Unit]\nRequires=db.service\nAfter=db.service metrics.service network-online.target\nWants=metrics.service\nBindsTo=bus.service\n${MINIMAL}`,
    "units/metrics.service": MINIMAL,
    "units/bus.service": MINIMAL,
    "units/migrate.service": `[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true\nExecStart=-/bin/false\n`,
  };
  const made = await imported(files, "units");
  assertEquals([made.code, made.spec.children.map(({ name }) => name)], [0, ["bus", "cache", "db", "metrics", "migrate", "web"]]);
  const { dependencies, wants, bindsTo } = childOf(made, "web");
  assertEquals([dependencies, wants, bindsTo], [["db"], ["metrics", "cache"], ["bus"]]);
  const once = childOf(made, "migrate");
  assertEquals([once.readiness, once.restartPolicy], [{ mode: "completed" }, "temporary"]);
  assertEquals([processOf(once).shell, processOf(once).command], [true, "/bin/true && { /bin/false || true; }"]);
  assertEquals([processOf(childOf(made, "db")).uid, processOf(childOf(made, "db")).gid], [0, 0]);
});

Deno.test("import of units tells of units, timers and drop-ins that are not read", async () => {
  const made = await imported({
    "u/a.service": `[Unit]\nRequires=gone.service\nAfter=gone.service\n${MINIMAL}`,
    "u/a.timer": "[Timer]\nOnCalendar=daily\n",
    "u/a.service.d/more.conf": "[Service]\nNice=1\n",
  }, "u");
  assertEquals([...made.gaps].sort(), ["1 a.service.d", "1 a.timer", "2 Requires=gone.service", "3 After=gone.service"]);
  assertEquals(made.code, 1);
});

Deno.test("import of a unit tells by line what has no equivalent, why, and what to do instead", async () => {
  const unit = `[Service]
Type=notify
ExecStart=/bin/sleep 60
ExecReload=/bin/kill -HUP $MAINPID
ExecStop=/bin/kill $MAINPID
WatchdogSec=20
User=www-data
EnvironmentFile=-/etc/default/a
Environment=UNIT=%n PLAIN=100%%
KillMode=mixed
RestartPreventExitStatus=SIGABRT
ProtectSystem=full
Nice=3
Strange=1
no line of a unit
`;
  const made = await imported({ "a.service": unit }, "a.service");
  assertEquals(made.gaps.map((gap) => gap.split(/[ =]/).slice(0, 2).join(" ")), [
    "2 Type",
    "4 ExecReload",
    "5 ExecStop",
    "6 WatchdogSec",
    "7 User",
    "8 EnvironmentFile",
    "9 Environment",
    "10 KillMode",
    "11 RestartPreventExitStatus",
    "12 ProtectSystem",
    "13 Nice",
    "14 Strange",
    "15 no",
  ]);
  assertStringIncludes(made.told, "the specifier %n");
  assertStringIncludes(made.told, "id -u www-data");
  for (const gap of JSON.parse(made.told)) {
    assert(gap.why.length > 5 && gap.instead.length > 5, gap.what);
    assertStringIncludes(made.yaml, `:${gap.line}  ${gap.what}: `);
  }
});

Deno.test("import of a unit whose command has variables makes a line for a shell, and nothing in it means something else", async () => {
  const unit = "[Service]\nExecStart=/usr/bin/run --to ${TO} $MORE $$HOME a'b c'd ;\nEnvironment=TO=x\n";
  const made = await imported({ "a.service": unit }, "a.service");
  const { command, shell } = processOf(childOf(made, "a"));
  assertEquals([command, shell], [`exec /usr/bin/run --to "$\{TO}" $MORE '$HOME' 'ab cd'`, true]);
});

Deno.test("import of a unit without a command that can be run leaves it out, and refuses where nothing is left", async () => {
  const files = { "u/a.service": MINIMAL, "u/b.service": "[Service]\nExecStart=/bin/echo %i\n" };
  const made = await imported(files, "u");
  assertEquals([made.spec.children.map(({ name }) => name), made.gaps], [["a"], ["1 b.service", "2 ExecStart=/bin/echo %i"]]);
  assertMatch(await refused({ "b.service": "[Service]\nExecStart=/bin/echo %i\n" }, "b.service"), /nothing in it can be run/);
  assertMatch(await refused({ "b.service": "[Unit]\nDescription=x\n" }, "b.service"), /no section \[Service\]/);
});

Deno.test("unitEntries() joins continued lines, keeps the line of the first, and leaves comments out", () => {
  const strays: string[] = [];
  const entries = unitEntries("\ufeff[A]\n# c\nx=1 \\\n; inside\n  2\n\ny=\nz\n", (line, text) => strays.push(`${line} ${text}`));
  assertEquals(entries.map(({ section, key, value, line }) => [section, key, value.replace(/\s+/g, " "), line]), [["A", "x", "1 2", 3], [
    "A",
    "y",
    "",
    7,
  ]]);
  assertEquals(strays, ["8 z"]);
});

Deno.test("unitWords() follows quotes, escapes and doubled signs, and refuses what is not closed", () => {
  const texts = (text: string): string[] | undefined => unitWords(text, { withVariables: true })?.map((word) => word.text);
  assertEquals(texts(`a "b c" 'd'\\x41 e\\tf %% $$ ""`), ["a", "b c", "dA", "e\tf", "%", "$", ""]);
  assertEquals(texts("a${B}c $D e$F"), ["a${B}c", "$D", "e$F"]);
  assertEquals([texts('"a'), texts("a\\q")], [undefined, undefined]);
});

Deno.test("spanMs() reads what systemd reads", () => {
  const table = [["5", 5_000], ["1min 30s", 90_000], ["2h", 7_200_000], ["500ms", 500], ["1.5s", 1_500], ["infinity", null], ["0", 0], [
    "5 parsecs",
    undefined,
  ], ["", undefined]] as const;
  for (const [text, ms] of table) assertEquals(spanMs(text), ms, text);
});
