/** Sends mail until the mail server hangs up, which it does. */
import { pause } from "./pause.js";

/** @param {import("@reeve/supervisor").TaskContext} context */
export async function sendMail({ signal, log, attempt }) {
  for (let mail = 1; !signal.aborted; mail++) {
    await pause(1500, signal);
    if (mail === 3) throw new Error("the mail server hung up");
    log(`mail ${mail} of attempt ${attempt} sent`);
  }
}
