/** A nested supervisor as a child: a node of the same tree. */
import type { ParentReport } from "../../core/mod.ts";
import type { ShutdownCause } from "../../event/mod.ts";
import type { AttemptContext, ChildAdapter, RunningChild } from "./types.ts";

/** How the adapter talks to its node. */
export interface NodeLink {
  begin(stamp: number): void;
  stop(stamp: number, cause: ShutdownCause, forced: boolean): void;
}

/** Starts a node, and passes on what it tells its parent. */
export interface SupervisorAdapter extends ChildAdapter {
  /** The node reports about the incarnation with this stamp. */
  report(stamp: number, report: ParentReport): void;
}

const BY_PARENT: ShutdownCause = { kind: "shutdown", requestedBy: "supervisor", reason: "the parent supervisor stops" };

/** Returns the adapter of a nested supervisor; `nextStamp` numbers its incarnations. */
export function supervisorAdapter(link: NodeLink, nextStamp: () => number): SupervisorAdapter {
  let live: { readonly stamp: number; readonly context: AttemptContext } | null = null;
  return {
    start(context): RunningChild {
      const stamp = nextStamp();
      live = { stamp, context };
      link.begin(stamp);
      return {
        cancel: () => link.stop(stamp, BY_PARENT, false),
        kill: () => link.stop(stamp, BY_PARENT, true),
      };
    },
    report(stamp, report): void {
      if (live?.stamp !== stamp) return;
      switch (report.type) {
        case "running":
          return live.context.running();
        case "ready":
          return live.context.ready(true);
        case "abandoned":
          return live.context.abandoned();
        case "exited":
          return live.context.exited(report.exit);
      }
    },
  };
}
