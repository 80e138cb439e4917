/** One attempt, one timer, one process and one socket are left behind on purpose: the end of the tree names each. */
import { assert, assertEquals } from "@std/assert";
import { connect, createServer, type Socket } from "node:net";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { child, type Reconciliation, supervise } from "../../mod.ts";
import type { SupervisorEvent } from "../../src/event/mod.ts";
import { Bus, type LogRecord } from "../../src/observe/mod.ts";
import { Interpreter, planTree, reconcile, systemClock } from "../../src/runtime/mod.ts";
import { adapterFor } from "../../src/runtime/children/mod.ts";
import { deaf } from "../support/tasks.ts";
import { until } from "../support/until.ts";

const UNIX = process.platform !== "win32";

Deno.test({
  name: "reconcile: an attempt, a timer, a process and a socket that are left on purpose are named, each with its owner",
  ignore: !UNIX,
  async fn(): Promise<void> {
    const accepted: Socket[] = [];
    const server = createServer((socket) => accepted.push(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert(typeof address === "object" && address !== null);
    const { port } = address;
    const sockets: Socket[] = [];
    let cancelTimer = (): void => {};
    const short = { stop: { timeoutMs: 100, killWaitMs: 100 } };
    const idle = child.task("idle", () => {});
    const children = [
      child.task("handle", deaf, short),
      child.process("timer", { command: "sleep", args: ["300"] }),
      child.process("process", { command: "sh", args: ["-c", "sleep 300 & echo up; wait"], stop: { killTree: false } }),
      child.process("socket", { command: "sleep", args: ["300"] }),
    ];
    const clock = systemClock();
    const keepAlive = setInterval(() => {}, 1_000);
    let measured: Reconciliation | undefined;
    const events = new Bus<SupervisorEvent>(64);
    const logs = new Bus<LogRecord>(16);
    const finished = new Promise<void>((resolve) => {
      const interpreter: Interpreter = new Interpreter({
        plan: planTree({ children }, 70),
        adapterFor: (spec, policy) => adapterFor(spec, policy, new Map([[children[0]!, deaf], [idle, () => {}]])),
        // The planted faults: what was begun for an attempt is not ended with it.
        startProbes: (attempt) => {
          if (attempt.name === "timer") cancelTimer = attempt.clock.setTimer(() => {}, 60_000);
          if (attempt.name === "socket") {
            const socket = connect({ host: "127.0.0.1", port });
            sockets.push(socket);
            attempt.opened("socket", "a connection that nobody closes", () => !socket.destroyed);
          }
          return null;
        },
        clock,
        random: () => 0.5,
        events,
        eventsPerSlice: 64,
        logs,
        onFinished: () => {
          measured = reconcile(interpreter);
          resolve();
        },
      });
      interpreter.post({ type: "begin", node: 0, stamp: 0 });
      const isReady = (): boolean => events.recent(64).some(({ type }) => type === "supervisor_ready");
      const hasForked = (): boolean => logs.recent(16).some(({ line }) => line === "up");
      until(() => isReady() && hasForked() && accepted.length > 0, () => JSON.stringify(events.recent(64))).then(() => {
        const cause = { kind: "shutdown", requestedBy: "test", reason: "end" } as const;
        interpreter.post({ type: "stop", node: 0, stamp: 0, cause, forced: false });
      });
    });
    await finished;
    clearInterval(keepAlive);
    const left = measured!.left.map(({ kind, owner, detail }) => `${kind} of ${owner}: ${detail.replace(/\d{3,}/, "N")}`).toSorted();
    const group = Number(/\d+/.exec(measured!.left.find(({ kind }) => kind === "process")?.detail ?? "")?.[0]);
    cancelTimer();
    for (const socket of [...sockets, ...accepted]) socket.destroy();
    server.close();
    if (group > 1) process.kill(-group, "SIGKILL");
    assertEquals(left, [
      "attempt of /handle: attempt 1 of a task, abandoned",
      "process of /process: process group N",
      "socket of /socket: a connection that nobody closes",
      "timer of /timer: a timer of N ms",
    ]);
    assertEquals([measured!.verifiedClean, measured!.checked, measured!.more], [false, 4, 0]);
  },
});

Deno.test({
  name: "reconcile: a process that ended with all that it started, and one that is asked about its health, leave nothing",
  ignore: !UNIX,
  async fn(): Promise<void> {
    const tree = await supervise({
      children: [
        child.process("tree", { command: "sh", args: ["-c", "sleep 300 & sleep 300"] }),
        child.process("asked", {
          command: "sleep",
          args: ["300"],
          healthCheck: { mode: "exec", command: "sleep", args: ["300"], checkIntervalSecs: 1, timeoutSecs: 60, maxRetries: 3 },
        }),
      ],
    });
    await setTimeout(1_500);
    const { reconcile: measured } = await tree.shutdown();
    assertEquals(measured, { verifiedClean: true, checked: 2, left: [], more: 0 });
  },
});
