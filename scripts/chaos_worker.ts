/** A worker that dies of itself, sooner or later, in one way or another. */
import { serveWorker } from "../src/worker/mod.ts";

serveWorker(async ({ signal }) => {
  const endsAfterMs = 200 + Math.random() * 2_000;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, endsAfterMs);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
  if (!signal.aborted) throw new Error("the worker had enough");
});
