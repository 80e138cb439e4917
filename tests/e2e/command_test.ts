import { chmod, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { isAlive, reeve } from "../support/command.ts";
import { withFolder } from "../support/folder.ts";
import { LineClient } from "../support/lines.ts";
import { until } from "../support/until.ts";

/** Two processes of which one depends on the other, and a module. */
const TREE = `name: small
children:
  - name: db
    run: { process: { command: sh, args: [-c, "echo db is up; exec sleep 60"] } }
    readiness: { mode: log_line, pattern: is up }
  - name: api
    run: { process: { command: sh, args: [-c, "echo api is up; exec sleep 60"] } }
    dependencies: [db]
  - name: task
    run: { module: { url: ./task.mjs } }
`;

const TASK = `export default ({ signal, log }) => {
  log("task is up");
  return new Promise((resolve) => signal.addEventListener("abort", resolve));
};
`;

const DEAF = `children:
  - name: deaf
    run: { process: { command: sh, args: [-c, "trap '' TERM INT; echo deaf is up $$; while true; do sleep 0.2; done"] } }
    stop: { timeout_ms: 60000, kill_wait_ms: 15000 }
`;

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`reeve run stops in order and exits 0 on ${signal}`, async () => {
    await withFolder({ "tree.yaml": TREE, "task.mjs": TASK }, async (folder) => {
      const command = reeve(["run", "tree.yaml"], { cwd: folder });
      await command.until("everything is ready");
      command.signal(signal);
      assertEquals(await command.ended, 0, command.output());
      const text = command.output();
      assertStringIncludes(text, `shutdown by signal: ${signal}`);
      const stopped = [...text.matchAll(/(\/\w+)\s+stopped in/g)].map(([, path]) => path);
      assert(stopped.indexOf("/api") < stopped.indexOf("/db"), stopped.join());
      for (const child of ["/db", "/api", "/task"]) assertMatch(text, new RegExp(`${child} .* in order`));
    });
  });
}

Deno.test("reeve run --health answers over HTTP how the tree is, and does not run where it cannot", async () => {
  await withFolder({ "tree.yaml": TREE, "task.mjs": TASK }, async (folder) => {
    const command = reeve(["run", "tree.yaml", "--health", "127.0.0.1:0"], { cwd: folder });
    await command.until("everything is ready");
    await command.until("health on");
    const port = Number(/health on 127\.0\.0\.1:(\d+)/.exec(command.output())?.[1]);
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
    assertEquals([answer.status, await answer.json()], [200, { ready: true, phase: "running", waitingFor: [], more: 0 }]);
    const second = reeve(["run", "tree.yaml", "--no-socket", "--health", `127.0.0.1:${port}`], { cwd: folder });
    assertEquals(await second.ended, 2, second.output());
    assertStringIncludes(second.output(), `reeve: Cannot listen on 127.0.0.1:${port}`);
    command.signal("SIGTERM");
    assertEquals(await command.ended, 0, command.output());
    const wrong = reeve(["run", "tree.yaml", "--health", "8086"], { cwd: folder });
    assertEquals(await wrong.ended, 2);
    assertStringIncludes(wrong.output(), "It must be an address and a port");
  });
});

Deno.test("reeve run forces everything on a second signal, and leaves no process behind", async () => {
  await withFolder({ "tree.yaml": DEAF }, async (folder) => {
    const command = reeve(["run", "tree.yaml"], { cwd: folder });
    await command.until("deaf is up");
    command.signal("SIGINT");
    await command.until("shutdown by signal: SIGINT");
    await new Promise((resolve) => setTimeout(resolve, 500));
    command.signal("SIGINT");
    assertEquals(await command.ended, 0, command.output());
    assertMatch(command.output(), /\/deaf .* by force/);
    const pid = Number(/deaf is up (\d+)/.exec(command.output())?.[1]);
    assertEquals(isAlive(pid), false, `process ${pid} is alive`);
  });
});

Deno.test("reeve run takes signals that come together for one", async () => {
  await withFolder({ "tree.yaml": TREE, "task.mjs": TASK }, async (cwd) => {
    const command = reeve(["run", "tree.yaml"], { cwd });
    await command.until("everything is ready");
    for (const signal of ["SIGINT", "SIGINT", "SIGTERM"] as const) command.signal(signal);
    assertEquals(await command.ended, 0, command.output());
    assert(!command.output().includes("by force"), command.output());
  });
});

Deno.test("reeve run exits 70 after an escalation at the root, or with the code of the policy", async () => {
  const escalating = (policy: string): string =>
    `${policy}children:
  - name: wild
    run: { process: { command: "false" } }
    backoff: { initial_ms: 10 }
    limit: { max_restarts: 2, window_ms: 10000, on_exceeded: escalate }
`;
  await withFolder({ "a.yaml": escalating(""), "b.yaml": escalating("policy: { escalation: { exit_code: 9 } }\n") }, async (cwd) => {
    const [first, second] = [reeve(["run", "a.yaml"], { cwd }), reeve(["run", "b.yaml"], { cwd })];
    assertEquals([await first.ended, await second.ended], [70, 9]);
    assertStringIncludes(first.output(), 'gives up because of "/wild"');
    assertStringIncludes(first.output(), "exited with code 1");
  });
});

Deno.test("reeve run refuses what is missing before anything starts", async () => {
  const tree = `children:
  - name: witness
    run: { process: { command: sh, args: [-c, "touch started; sleep 60"], cwd: . } }
  - name: module
    run: { module: { url: ./nope.mjs } }
  - name: command
    run: { process: { command: no-such-command } }
`;
  await withFolder({ "tree.yaml": tree }, async (cwd) => {
    const command = reeve(["run", "tree.yaml"], { cwd });
    assertEquals(await command.ended, 1);
    assertMatch(command.output(), /tree\.yaml:5:5 {2}\/children\/1\/run: Cannot read module/);
    assertMatch(command.output(), /tree\.yaml:7:5 {2}\/children\/2\/run: Cannot run "no-such-command"/);
    assertEquals(await readdir(cwd), ["tree.yaml"]);
  });
});

Deno.test("reeve run --for fails when the tree was never ready", async () => {
  const tree = "children:\n  - name: a\n    run: { process: { command: sleep, args: ['60'] } }\n    readiness: { mode: tcp, port: 1 }\n";
  await withFolder({ "tree.yaml": tree }, async (cwd) => {
    const command = reeve(["run", "tree.yaml", "--for", "0.5"], { cwd });
    assertEquals(await command.ended, 1, command.output());
    assertStringIncludes(command.output(), "never ready as a whole in 0.5 s");
  });
});

Deno.test("reeve exits with 2 for wrong usage and for a file that is not there", async () => {
  const commands = [["bogus"], ["run"], ["run", "/no/such/file.yaml"], ["check", "/no/such/file.yaml"], ["run", "x.yaml", "--for", "-1"]]
    .map((args) => reeve(args));
  for (const command of commands) assertEquals(await command.ended, 2, command.output());
});

Deno.test("reeve run --json writes events, lines and the report as JSON", async () => {
  await withFolder({ "tree.yaml": TREE, "task.mjs": TASK }, async (cwd) => {
    const command = reeve(["run", "tree.yaml", "--json", "--no-socket"], { cwd });
    for (const said of ['"path":"/","correlation":0,"type":"supervisor_ready"', "task is up"]) await command.until(said);
    command.signal("SIGTERM");
    assertEquals(await command.ended, 0, command.output());
    const items = command.output().trim().split("\n").map((line) => JSON.parse(line));
    assertEquals([items[0].type, items.at(-1).type, items.at(-1).exitCode], ["supervisor_started", "report", 0]);
    assert(items.some((item) => item.line === "task is up" && item.path === "/task"));
    assertEquals(items.at(-1).children.length, 3);
  });
});

Deno.test("a stray rejection of one child's code does not end the others", async () => {
  const stray =
    "export default ({ signal }) => { Promise.reject(new Error('stray')); return new Promise((resolve) => signal.addEventListener('abort', resolve)); };\n";
  await withFolder(
    { "tree.yaml": "children:\n  - name: a\n    run: { module: { url: ./stray.mjs } }\n", "stray.mjs": stray },
    async (cwd) => {
      const command = reeve(["run", "tree.yaml"], { cwd });
      await command.until("an error outside of any child was caught: stray");
      command.signal("SIGTERM");
      assertEquals(await command.ended, 0, command.output());
    },
  );
});

Deno.test("reeve run ends by itself, with 0, when its significant child is done", async () => {
  const tree = `supervisor: { auto_shutdown: any_significant }
children:
  - name: migrate
    run: { process: { command: sh, args: [-c, "echo migrated"] } }
    readiness: { mode: completed }
  - name: helper
    run: { process: { command: sh, args: [-c, "echo helping; exec sleep 60"] } }
    readiness: { mode: log_line, pattern: helping }
    requires: [migrate]
  - name: job
    task_role: job
    significant: true
    run: { process: { command: sh, args: [-c, "sleep 0.3; echo job is done"] } }
    binds_to: [helper]
`;
  await withFolder({ "tree.yaml": tree }, async (cwd) => {
    const command = reeve(["run", "tree.yaml"], { cwd });
    assertEquals(await command.ended, 0, command.output());
    const text = command.output();
    const order = ["migrated", "helping", "job is done", 'shutdown by supervisor: "/job" is done'].map((part) => text.indexOf(part));
    assert(order.every((place, index) => place > (order[index - 1] ?? 0)), text);
    assertMatch(text, /\/helper .* in order/);
  });
});

Deno.test("reeve run restarts siblings together, as the file says", async () => {
  const tree = `supervisor: { strategy: RestForOne }
children:
  - name: first
    run: { process: { command: sh, args: [-c, "echo first is up; exec sleep 60"] } }
  - name: fails
    run: { process: { command: sh, args: [-c, "echo fails is up; until [ -e up ]; do sleep 0.05; done; test -e failed || { touch failed; exit 3; }; exec sleep 60"], cwd: . } }
    backoff: { initial_ms: 10 }
  - name: last
    run: { process: { command: sh, args: [-c, "trap 'echo last stops; exit 0' TERM; echo last is up; touch up; while true; do sleep 0.05; done"], cwd: . } }
`;
  await withFolder({ "tree.yaml": tree }, async (cwd) => {
    const command = reeve(["run", "tree.yaml"], { cwd });
    await command.until("first is up");
    await until(() => command.output().split("last is up").length > 2, command.output);
    command.signal("SIGTERM");
    assertEquals(await command.ended, 0, command.output());
    const said = [...command.output().matchAll(/│ \/\w+ +(\w+ (?:is up|stops))/g)].map(([, line]) => line);
    assertEquals(said.filter((line) => line?.startsWith("last ")).slice(0, 3), ["last is up", "last stops", "last is up"]);
    assertEquals(said.filter((line) => line === "first is up").length, 1);
    assertMatch(command.output(), /\/last +restarting after sibling|\/last .* 1 +0 /);
  });
});

Deno.test("reeve run serves the dashboard of the file; a shutdown over the socket is answered, and ends the command", async () => {
  await withFolder({}, async (folder) => {
    const path = `${folder}/d.sock`;
    const text = `${TREE.split("  - name: task")[0]}dashboard: { target_id: small-1, path: ${path} }\n`;
    await writeFile(`${folder}/tree.yaml`, text);
    const command = reeve(["run", "tree.yaml"], { cwd: folder });
    await command.until("everything is ready");
    const client = await LineClient.open(path);
    const target = { command: "shutdown_tree", target: {}, reason: "deploy", requested_by: "ops", confirmed: true };
    client.ask({
      request_id: "1",
      method: "command.shutdown_tree",
      params: { command_id: "c", target_id: "small-1", requested_at_unix_nanos: 1, ...target },
    });
    assertStringIncludes(await client.line() ?? "", '"phase":"Completed"');
    client.close();
    assertEquals(await command.ended, 0, command.output());
    assertStringIncludes(command.output(), "shutdown by ops: deploy");
    assertEquals((await readdir(folder)).toSorted(), ["tree.yaml"]);
  });
});

Deno.test("reeve run does not run a tree whose dashboard cannot be served", async () => {
  await withFolder({ "in_the_way": "" }, async (folder) => {
    await writeFile(`${folder}/tree.yaml`, `${DEAF.replace("60000", "100")}dashboard: { target_id: a, path: ${folder}/in_the_way }\n`);
    const command = reeve(["run", "tree.yaml"], { cwd: folder });
    assertEquals(await command.ended, 2, command.output());
    assertStringIncludes(command.output(), "something is there already");
  });
});

/** Asks for a command and returns the whole answer. */
async function answerTo(client: LineClient, kind: string, target: object, targetId = "small-1"): Promise<string> {
  const params = {
    command_id: "c",
    target_id: targetId,
    command: kind,
    target,
    reason: "deploy",
    requested_by: "ops",
    confirmed: true,
    requested_at_unix_nanos: 1,
  };
  client.ask({ request_id: `${kind} ${JSON.stringify(target)}`, method: `command.${kind}`, params });
  return await client.line() ?? "";
}

Deno.test("reeve run adds a child over the socket as if it were in the file, and removes it again", async () => {
  await withFolder({ "task.mjs": TASK }, async (folder) => {
    const path = `${folder}/d.sock`;
    const allowed = `security_config: { allowlist: { allowed_paths: ["${folder}/task.mjs"] } }`;
    const text = `${TREE.split("  - name: task")[0]}dashboard: { target_id: small-1, path: ${path}, ${allowed} }\n`;
    await writeFile(`${folder}/tree.yaml`, text);
    const command = reeve(["run", "tree.yaml"], { cwd: folder });
    await command.until("everything is ready");
    const client = await LineClient.open(path);
    const added = await answerTo(client, "add_child", {
      child_manifest: "name: late\nrun: { module: { url: ./task.mjs } }\ndependencies: [db]\n",
    });
    assertStringIncludes(added, '"status":"completed"');
    await command.until("task is up");
    assertStringIncludes(await answerTo(client, "remove_child", { child_path: "/late" }), '"managed_child_state_after":"removed"');
    for (
      const [manifest, why] of [
        ["name: [", "configuration error: Failed to parse child manifest: "],
        ["{ name: x, run: { process: { command: '${HOME}/x' } } }", "Child validation failed at run.process.command: "],
        ["{ name: x, run: { process: { command: /bin/sh } } }", "allowlist_denied"],
      ] as const
    ) assertStringIncludes(await answerTo(client, "add_child", { child_manifest: manifest }), why);
    client.close();
    command.signal("SIGTERM");
    assertEquals(await command.ended, 0, command.output());
  });
});

/** The path that the command says it listens on. */
function pathIn(output: string): string {
  return /^reeve: dashboard on (.*)$/m.exec(output)?.[1] ?? "";
}

const QUIET = `${TREE.split("  - name: api")[0]}`;

Deno.test("reeve run without a dashboard section opens a socket of its own, and clears away those of killed runs", async () => {
  await withFolder({ "tree.yaml": QUIET }, async (folder) => {
    const killed = reeve(["run", "tree.yaml"], { cwd: folder, runtimeDir: folder });
    await killed.until("everything is ready");
    killed.signal("SIGKILL");
    await killed.ended;
    const commands = [0, 1].map(() => reeve(["run", "tree.yaml"], { cwd: folder, runtimeDir: folder }));
    for (const command of commands) {
      for (const said of ["everything is ready", "dashboard on "]) await command.until(said);
    }
    const paths = commands.map((command) => pathIn(command.output()));
    for (const path of paths) {
      assertMatch(path.slice(folder.length), /^\/reeve\/small-\d+\.sock$/);
      const modes = await Promise.all([path, `${folder}/reeve`].map(async (place) => (await stat(place)).mode & 0o777));
      assertEquals(modes, [0o600, 0o700]);
    }
    assertEquals((await readdir(`${folder}/reeve`)).toSorted(), paths.map((path) => path.slice(`${folder}/reeve/`.length)).toSorted());
    const [first, second] = commands;
    const client = await LineClient.open(paths[0]!);
    assertStringIncludes(await answerTo(client, "shutdown_tree", {}, "small"), '"phase":"Completed"');
    client.close();
    second!.signal("SIGTERM");
    assertEquals([await first!.ended, await second!.ended], [0, 0]);
    assertEquals(await readdir(`${folder}/reeve`), []);
  });
});

Deno.test("reeve run opens no socket of its own where it is told not to", async () => {
  for (const [options, section] of [[["--no-socket"], ""], [[], "dashboard: { enabled: false }\n"]] as const) {
    await withFolder({ "tree.yaml": `${QUIET}${section}` }, async (folder) => {
      const command = reeve(["run", "tree.yaml", ...options], { cwd: folder, runtimeDir: folder });
      await command.until("everything is ready");
      assertEquals([await readdir(folder), pathIn(command.output())], [["tree.yaml"], ""]);
      command.signal("SIGTERM");
      assertEquals(await command.ended, 0, command.output());
    });
  }
});

Deno.test("reeve run warns and runs on where its own socket cannot be had", async () => {
  await withFolder({ "tree.yaml": QUIET }, async (folder) => {
    await mkdir(`${folder}/reeve`);
    await chmod(`${folder}/reeve`, 0o770);
    const command = reeve(["run", "tree.yaml", "--json"], { cwd: folder, runtimeDir: folder });
    for (const said of ['"type":"supervisor_ready"', "the tree runs without a socket"]) await command.until(said);
    assertStringIncludes(
      command.output(),
      `reeve: the tree runs without a socket: "${folder}/reeve" is open to others, must have mode 0700. --no-socket does without\n`,
    );
    assertEquals(await readdir(`${folder}/reeve`), []);
    command.signal("SIGTERM");
    assertEquals(await command.ended, 0, command.output());
  });
});
