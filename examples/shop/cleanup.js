/** Cleans up once, then is done. */
import { pause } from "./pause.js";

/** @param {import("@reeve/supervisor").TaskContext} context */
export default async function cleanup({ signal, log }) {
  await pause(1200, signal);
  log("three old baskets removed");
}
