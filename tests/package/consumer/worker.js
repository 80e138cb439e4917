/** A worker that says that it is there. */
import { serveWorker } from "@reeve/supervisor/worker";

serveWorker(({ signal, log }) => {
  log("worker is up");
  return new Promise((resolve) => signal.addEventListener("abort", resolve));
});
