/** Makes thumbnails in a thread of its own. */
import { serveWorker } from "@reeve/supervisor/worker";
import { pause } from "./pause.js";

serveWorker(async ({ signal, heartbeat, log }) => {
  for (let picture = 1; !signal.aborted; picture++) {
    heartbeat();
    if (picture % 4 === 0) log(`${picture} thumbnails made`);
    await pause(1000, signal);
  }
});
