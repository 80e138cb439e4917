/** Sends mail until the mail server hangs up, which it does. */
import type { TaskContext } from "@reeve/supervisor";
import { pause } from "./pause.ts";

export async function sendMail({ signal, log, attempt }: TaskContext): Promise<void> {
  for (let mail = 1; !signal.aborted; mail++) {
    await pause(1500, signal);
    if (mail === 3) throw new Error("the mail server hung up");
    log(`mail ${mail} of attempt ${attempt} sent`);
  }
}
