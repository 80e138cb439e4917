/** Uses every door with its types; it is compiled, not run. */
import { child, type ChildSpec, handleSignals, type Report, supervise, type SupervisorEvent, type TaskContext } from "@reeve/supervisor";
import { ConfigError, type LoadedConfig, loadFile } from "@reeve/supervisor/config";
import { simulate, VirtualClock } from "@reeve/supervisor/testing";
import { serveWorker } from "@reeve/supervisor/worker";

async function work({ signal, log, ready }: TaskContext): Promise<void> {
  ready();
  while (!signal.aborted) {
    log("working");
    await new Promise<void>((resolve) => setTimeout(resolve, 10));
  }
}

/** A tree of all kinds. */
export async function program(): Promise<Report> {
  const children: ChildSpec[] = [
    child.task("task", work, { restartPolicy: "permanent", limit: { maxRestarts: 3, onExceeded: "give_up" } }),
    child.process("process", { command: "sleep", args: ["1"], dependencies: ["task"] }),
    child.worker("worker", new URL("file:///worker.js")),
    child.supervisor("inner", { children: [child.task("leaf", work)] }),
  ];
  const tree = await supervise({ name: "types", children }, { clock: new VirtualClock(), keepAlive: false });
  handleSignals(tree)[Symbol.dispose]();
  for await (const event of tree.events({ since: "start" })) {
    if (event.type !== "gap") seen(event);
  }
  return await tree.finished;
}

function seen(event: SupervisorEvent): string {
  return event.type === "child_failed" ? event.exit.kind : event.path;
}

/** A tree from a file. */
export async function load(): Promise<LoadedConfig | string> {
  try {
    return await loadFile("supervisor.yaml");
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ pointer }) => pointer).join();
    throw error;
  }
}

/** What a worker's file says. */
export function worker(): void {
  serveWorker(async ({ signal }) => {
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  });
}

/** A simulation. */
export const violations: number = simulate(1).violations.length;

// @ts-expect-error: the types know the restart policies.
child.task("wrong", work, { restartPolicy: "sometimes" });
