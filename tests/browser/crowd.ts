/**
 * Many trees in one process, where `reeve dashboard` finds them; the arguments are the number of the first one, that of the last one, and how
 * many groups of ten children each has.
 *
 * SIGHUP begins a storm, in which one child of each tree fails about once a second, and SIGUSR2 ends it: two signals, since two of one that
 * come close together are one to whom they are sent.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { child, supervise } from "../../mod.ts";
import { serveDashboard } from "../../src/ipc/mod.ts";

const [first = 1, last = 1, count = 5] = process.argv.slice(2).map(Number);
const folder = join(process.env["XDG_RUNTIME_DIR"] ?? "", "reeve");
const failing = new EventTarget();
let isStormy = false;
process.on("SIGHUP", () => {
  isStormy = true;
  failing.dispatchEvent(new Event("storm"));
});
process.on("SIGUSR2", () => isStormy = false);

const untilAborted = ({ signal }: { readonly signal: AbortSignal }): Promise<void> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));

/** Runs well, but in a storm. */
const weather = async ({ signal }: { readonly signal: AbortSignal }): Promise<void> => {
  if (!isStormy) {
    await new Promise<void>((resolve) => {
      failing.addEventListener("storm", () => resolve(), { once: true });
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
  await new Promise((resolve) => setTimeout(resolve, 400 + Math.random() * 800));
  if (!signal.aborted) throw new Error("the storm took it");
};

await mkdir(folder, { recursive: true, mode: 0o700 });
for (let number = first; number <= last; number++) {
  const name = `tree-${String(number).padStart(3, "0")}`;
  const groups = Array.from({ length: count }, (_, group) =>
    child.supervisor(`group-${group}`, {
      children: Array.from({ length: 9 }, (_, index) =>
        child.task(`child-${index}`, group === 0 && index === 0 ? weather : untilAborted, {
          dependencies: index === 5 ? ["child-4"] : [],
          limit: { maxRestarts: 1_000_000 },
          backoff: { initialMs: 200, maxMs: 400 },
        })),
    }));
  const tree = await supervise({ name, children: groups });
  await serveDashboard(tree, { targetId: name, displayName: `Tree ${number}`, path: join(folder, `${name}-${process.pid}.sock`) });
}
process.stdout.write("served\n");
process.once("SIGTERM", () => process.exit(0));
