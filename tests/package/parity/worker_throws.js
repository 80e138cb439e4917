import { serveWorker } from "@reeve/supervisor/worker";

serveWorker(() => {
  throw new RangeError("in a worker");
});
