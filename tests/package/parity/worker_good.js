import { serveWorker } from "@reeve/supervisor/worker";

serveWorker(({ signal, log }) => {
  log("a line");
  return new Promise((resolve) => signal.addEventListener("abort", resolve));
});
