/** Recorded registrations: the line of the target is the recorded one, and what follows the relay's answer is at least as good. */
import { assert, assertEquals } from "@std/assert";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { child, supervise } from "../../mod.ts";
import { serveDashboard } from "../../src/ipc/mod.ts";
import { socketTest } from "../support/sockets.ts";
import { inFolder } from "../support/folder.ts";
import { untilAborted } from "../support/tasks.ts";
import { REGISTRATION } from "../transcripts/recorded_registration.ts";
import { until } from "../support/until.ts";

interface Case {
  readonly case: string;
  readonly send: string;
  readonly expect: readonly unknown[];
}

/** How it stands after the relay's answers, and how often the target came in so many milliseconds, at least and at most. */
interface Follows {
  readonly why: string;
  readonly state: string;
  readonly times: readonly [least: number, most: number];
}

const WATCHED_MS = 3_400;

const BETTER = "section 12, 17";
const RETRIED: Follows = {
  why: `${BETTER}: with growing delays, and told as unavailable when the lease is over`,
  state: "unavailable",
  times: [2, 12],
};
const FOLLOWS: Readonly<Record<string, Follows>> = {
  "register": { why: "as recorded: again with every heartbeat", state: "registered", times: [3, 5] },
  "refused-for-good": { why: `${BETTER}: tried again, but slowly`, state: "rejected", times: [1, 1] },
  "refused-for-now": RETRIED,
  "ack-not-json": RETRIED,
  "ack-missing": RETRIED,
  "ack-without-retryable": RETRIED,
  "refusal-without-retryable": RETRIED,
  "relay-hangs": { why: `${BETTER}: a silent relay is given up after a third of the lease`, state: "unavailable", times: [2, 4] },
};

socketTest("transcript registration: every recorded case", async () => {
  const cases: Case[] = REGISTRATION.map((line) => JSON.parse(line));
  assertEquals(cases.map(({ case: name }) => name).sort(), Object.keys(FOLLOWS).sort());
  await Promise.all(cases.map((recorded) => inFolder((folder) => replay(recorded, folder))));
});

async function replay(recorded: Case, folder: string): Promise<void> {
  const { state, times: [least, most], why } = FOLLOWS[recorded.case]!;
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  const relay = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (data) => {
      lines.push(String(data));
      if (recorded.case === "relay-hangs") return;
      for (const answer of recorded.expect) socket.write(`${typeof answer === "string" ? answer : JSON.stringify(answer)}\n`);
      socket.end();
    });
  });
  const relayRegistrationPath = join(folder, "relay.sock");
  await new Promise<void>((resolve) => relay.listen(relayRegistrationPath, resolve));
  const path = join(folder, "target.sock");
  const begunAtMs = performance.now();
  const tookMs = (): number => performance.now() - begunAtMs;
  let longer = 1;
  {
    await using tree = await supervise({ children: [child.task("api", untilAborted)] });
    await using _dashboard = await serveDashboard(tree, {
      targetId: "example-target",
      displayName: "example target",
      path,
      registration: { relayRegistrationPath, leaseSeconds: 3, registrationHeartbeatIntervalSeconds: 1 },
    });
    await until(() => lines.length >= least && tookMs() >= WATCHED_MS, () => `${recorded.case}: ${lines.length} times`);
    longer = tookMs() / WATCHED_MS;
    const told: string[] = [];
    for await (const event of tree.events()) {
      if (event.type === "registration_changed") told.push(event.to);
      if (event.type === "gap" || event.seq === tree.snapshot().seq) break;
    }
    assertEquals(told.at(-1), state, recorded.case);
  }
  for (const line of lines) assertEquals(JSON.parse(line), { ...JSON.parse(recorded.send), ipc_path: path }, recorded.case);
  assert(lines.every((line) => line.endsWith("}\n")), recorded.case);
  assert(lines.length >= least && lines.length <= most * longer, `${recorded.case}: ${lines.length} times (${why})`);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => relay.close(resolve));
}
