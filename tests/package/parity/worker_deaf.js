import { serveWorker } from "@reeve/supervisor/worker";

serveWorker(() => new Promise(() => {}));
