import process from "node:process";
import { serveWorker } from "@reeve/supervisor/worker";

serveWorker(() => process.exit(4));
