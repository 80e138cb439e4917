/** The tree of the recorded traffic, served on a socket of its own. */
import { join } from "node:path";
import { child, supervise, type SuperviseOptions, type Tree, type TreeSpec } from "../../mod.ts";
import { type Dashboard, type DashboardOptions, serveDashboard } from "../../src/ipc/mod.ts";
import { inFolder } from "./folder.ts";
import { untilAborted } from "./tasks.ts";

/** A tree and its socket. */
export interface Served {
  readonly tree: Tree;
  readonly dashboard: Dashboard;
  readonly path: string;
}

/** What is served, and how. */
export type ServedOptions =
  & Partial<DashboardOptions>
  & Partial<Pick<TreeSpec, "children" | "shutdown" | "audit" | "templates">>
  & Pick<SuperviseOptions, "configVersion">
  & { readonly journal?: number };

const CHILDREN: TreeSpec["children"] = [
  child.task("api", untilAborted, { tags: ["core", "http"], severity: "critical" }),
  child.task("billing", untilAborted, { dependencies: ["api"], severity: "optional" }),
  child.task("once", () => {}, { restartPolicy: "transient" }),
];

/** Runs something beside a tree that is served. */
export function whileServed(
  run: (served: Served) => Promise<void>,
  { children = CHILDREN, shutdown, journal, audit, templates, configVersion, ...options }: ServedOptions = {},
): Promise<void> {
  return inFolder(async (folder) => {
    const path = join(folder, "target.sock");
    const tree = await supervise({ children, shutdown, audit, templates, observability: { eventJournalCapacity: journal } }, {
      configVersion,
    });
    try {
      // Tests ask faster than people do; what limits them has tests of its own.
      const securityConfig = { rateLimit: { enabled: false } };
      const dashboard = await serveDashboard(tree, {
        targetId: "example-target",
        displayName: "example target",
        path,
        securityConfig,
        ...options,
      });
      try {
        await run({ tree, dashboard, path });
      } finally {
        await dashboard.close();
      }
    } finally {
      await tree.shutdown();
    }
  });
}
