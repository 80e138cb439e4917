/** Asks for news again and again. */
import { pause } from "./pause.js";

/** @param {import("@reeve/supervisor").TaskContext} context */
export default async function poll({ signal, log, args }) {
  while (!signal.aborted) {
    await pause(args.everyMs, signal);
    log(`${args.what} are up to date`);
  }
}
