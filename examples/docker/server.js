/** Answers over HTTP until it is asked to stop; runs in Deno and in Node. */
import { createServer } from "node:http";
import { once } from "node:events";

export default async function serve({ signal, args, ready, log }) {
  const server = createServer((_, response) => response.end("hello\n"));
  server.listen(args.port, args.host);
  await once(server, "listening");
  log(`listening on ${args.host}:${args.port}`);
  ready();
  if (!signal.aborted) await once(signal, "abort");
  server.closeIdleConnections();
  await new Promise((closed) => server.close(closed));
}
