/** The run itself, where one answers. */
import { thrownMessage, VERSION } from "../../base/mod.ts";
import { type ChildDescription, connect, type TreeStatus } from "../../client/mod.ts";
import { SILENT } from "../io.ts";
import { reasonsOf } from "../render/child.ts";
import { lookOf } from "../render/words.ts";
import { socketOf } from "../target.ts";
import { type Check, type Finding, fine, unknown, warning } from "./types.ts";

/** A loop that was so late, in milliseconds, keeps children waiting. */
const LATE_MS = 1_000;
/** So many messages do not wait where all is well. */
const CROWDED = 1_000;
/** More are not told one by one. */
const MOST_CHILDREN = 20;

/** How it is. */
export const run: Check = async ({ file }) => {
  const socket = await socketOf({ file: file?.path }, SILENT);
  if (typeof socket === "number") return fine("run", "none answers");
  try {
    await using client = await connect(socket);
    const status = await client.status();
    return [answer(status, socket), load(status), ...children(status)];
  } catch (error) {
    return unknown("run", `${socket}: ${thrownMessage(error)}`);
  }
};

function answer({ tree: { name, version, runtime, pid } }: TreeStatus, socket: string): Finding {
  const found = `${name} answers on ${socket}: reeve ${version}, ${runtime}, process ${pid}`;
  return version === VERSION
    ? fine("run", found)
    : warning("run", found, `This is reeve ${VERSION}: start the run anew, or use its version`);
}

function load({ tree: { loopLagMs, loopLagMaxMs, mailboxDepth } }: TreeStatus): Finding {
  const found = `its loop was ${Math.round(loopLagMaxMs)} ms late at most in the last minute, ${
    Math.round(loopLagMs)
  } ms now; ${mailboxDepth} messages wait`;
  if (loopLagMaxMs < LATE_MS && mailboxDepth < CROWDED) return fine("loop", found);
  return warning("loop", found, "Move what computes for long into workers or processes; give the machine more processors");
}

function children({ tree, children }: TreeStatus): Finding[] {
  const unready = children.filter((child) => !isWell(child));
  if (unready.length === 0) return [fine("children", `all ${children.length} are as they should be`)];
  const all = new Map(children.map((child) => [child.childPath, child]));
  const told = unready.slice(0, MOST_CHILDREN).map((child) => {
    const why = reasonsOf(child, all, tree.atUnixNanos, new Set()).join(" ");
    return warning("children", `${child.childPath} is ${lookOf(child).word}. ${why}`.trim(), `reeve describe ${child.childPath}`);
  });
  const more = unready.length - told.length;
  return more > 0 ? [...told, warning("children", `${more} more are not ready`, "reeve status")] : told;
}

/** Ready, done, or down because somebody wants it so. */
function isWell({ phase, operation, lints }: ChildDescription): boolean {
  return lints.length === 0 && (["ready", "succeeded", "declared"].includes(phase) || operation !== "active");
}
