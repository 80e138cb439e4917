import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type RunningCommand, withProgram } from "../support/command.ts";
import { moduleUrl } from "../support/runtime.ts";

/** Ignores its signal, and has so much time that only force ends the tree. */
const DEAF = `child.task("deaf", () => new Promise(() => {}), { stop: { timeoutMs: 60_000, killWaitMs: 50 } })`;
const IDLE = `child.task("idle", ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve)))`;

/** Runs a program that says how its tree ended, without any permission. */
function withTree(children: string, options: string, use: (command: RunningCommand) => Promise<void>): Promise<void> {
  const program = `import { child, handleSignals, supervise } from "${moduleUrl("mod")}";
const tree = await supervise({ children: [${children}] });
const handle = handleSignals(tree, ${options});
tree.finished.then(({ cause, exitCode, abandoned }) => console.log("END", cause.reason, exitCode, abandoned.join()));
for await (const event of tree.events()) {
  if (event.type === "supervisor_ready") console.log("UP");
  if (event.type === "shutdown_requested") console.log(event.forced ? "FORCED" : "ASKED");
}
`;
  return withProgram(program, use);
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

Deno.test("handleSignals() stops the tree on the first signal, needs no permission, and lets the program end", async () => {
  await withTree(IDLE, "{}", async (command) => {
    await command.until("UP");
    command.signal("SIGTERM");
    assertEquals(await command.ended, 0, command.output());
    assertMatch(command.output(), /ASKED\nEND SIGTERM 0 \n$/);
  });
});

/** A program that says when signals are heard, a second before its tree is there, or for ever. */
function early(whenThere: string): string {
  return `import { child, handleSignals, supervise } from "${moduleUrl("mod")}";
const starting = new Promise((resolve) => ${whenThere}).then(() => supervise({ children: [${IDLE}] }));
handleSignals(starting);
console.log("HEARS");
const { cause, exitCode } = await (await starting).finished;
console.log("END", cause.reason, exitCode);
`;
}

Deno.test("handleSignals() keeps a signal that comes before the tree is there, and stops it in order then", async () => {
  await withProgram(early("setTimeout(resolve, 1_000)"), async (command) => {
    await command.until("HEARS");
    command.signal("SIGTERM");
    assertEquals(await command.ended, 0, command.output());
    assertStringIncludes(command.output(), "END SIGTERM 0\n");
  });
});

Deno.test("handleSignals() lets a second signal end a program whose tree never comes to be", async () => {
  await withProgram(early("setInterval(() => {}, 1_000)"), async (command) => {
    await command.until("HEARS");
    command.signal("SIGINT");
    await pause(400);
    command.signal("SIGINT");
    assertEquals(await command.ended, 130, command.output());
  });
});

Deno.test("handleSignals() listens no more to a tree that was not started", async () => {
  const program = `import { handleSignals } from "${moduleUrl("mod")}";
import process from "node:process";
handleSignals(Promise.reject(new Error("no")));
await new Promise((resolve) => setTimeout(resolve, 10));
console.log("LISTENERS", process.listenerCount("SIGTERM"));
`;
  await withProgram(program, async (command) => {
    assertEquals(await command.ended, 0, command.output());
    assertStringIncludes(command.output(), "LISTENERS 0\n");
  });
});

Deno.test("handleSignals() forces the tree on the second signal", async () => {
  await withTree(DEAF, "{}", async (command) => {
    await command.until("UP");
    command.signal("SIGINT");
    await command.until("ASKED");
    await pause(400);
    command.signal("SIGTERM");
    assertEquals(await command.ended, 0, command.output());
    assertStringIncludes(command.output(), "FORCED\n");
    assertStringIncludes(command.output(), "END SIGINT 0 /deaf\n");
  });
});

Deno.test("handleSignals() takes two signals at the same time for one", async () => {
  await withTree(DEAF, "{}", async (command) => {
    await command.until("UP");
    // Both wait for it, so that it hears them together.
    process.kill(command.pid, "SIGSTOP");
    command.signal("SIGINT");
    command.signal("SIGTERM");
    process.kill(command.pid, "SIGCONT");
    await command.until("ASKED");
    await pause(400);
    assertEquals(command.output().includes("FORCED"), false);
    command.signal("SIGINT");
    assertEquals(await command.ended, 0, command.output());
  });
});

Deno.test("handleSignals() hears somebody who presses Ctrl-C again and again", async () => {
  await withTree(DEAF, "{}", async (command) => {
    await command.until("UP");
    let isOver = false;
    const ended = command.ended.then(() => isOver = true);
    for (let press = 0; press < 150 && !isOver; press++) {
      try {
        command.signal("SIGINT");
      } catch {
        // It has ended, which is not told yet.
      }
      await pause(100);
    }
    const heard = isOver;
    if (!isOver) command.signal("SIGKILL");
    await ended;
    assertEquals(heard, true, "whoever presses again and again must force the tree");
  });
});

Deno.test("handleSignals() listens to the signals it is given, and to no others", async () => {
  await withTree(IDLE, '{ actions: { "SIGHUP": "graceful" } }', async (command) => {
    await command.until("UP");
    command.signal("SIGHUP");
    assertEquals(await command.ended, 0, command.output());
    assertStringIncludes(command.output(), "END SIGHUP");
  });
  await withTree(IDLE, '{ actions: { "SIGHUP": "graceful" } }', async (command) => {
    await command.until("UP");
    command.signal("SIGTERM");
    assertEquals(await command.ended, 143, command.output());
  });
});

Deno.test("handleSignals() no longer listens when it was disposed of", async () => {
  await withTree(IDLE, "{}); handle[Symbol.dispose](", async (command) => {
    await command.until("UP");
    command.signal("SIGTERM");
    assertEquals(await command.ended, 143, command.output());
    assertEquals(command.output().includes("ASKED"), false);
  });
});
