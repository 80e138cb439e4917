// A tree of a thousand children, of which some restart all the time; the path of its socket is the argument.
import process from "node:process";

const { child, supervise } = await import(process.env.REEVE_DOOR);
const { serveDashboard } = await import(process.env.REEVE_IPC_DOOR);

const untilAborted = ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
const failing = async ({ signal }) => {
  await new Promise((resolve) => setTimeout(resolve, 300));
  if (!signal.aborted) throw new Error("it fails now and then");
};
const groups = Array.from({ length: 10 }, (_, group) =>
  child.supervisor(`group-${group}`, {
    children: Array.from({ length: 99 }, (_, index) => {
      const dependencies = index > 0 && index % 10 === 0 ? [`child-${index - 1}`] : [];
      const run = index === 50 ? failing : untilAborted;
      return child.task(`child-${index}`, run, { dependencies, backoff: { initialMs: 1_000, maxMs: 2_000 } });
    }),
  }));
const tree = await supervise({ name: "many", children: groups });
await serveDashboard(tree, { targetId: "many", displayName: "many children", path: process.argv[2] });
process.stdout.write("served\n");
process.once("SIGTERM", () => process.exit(0));
