/** What a run answers over HTTP: how the tree is, and its metrics; at one place where both are asked for there. */
import { type HealthOptions, type HealthServer, serveHealth, type Tree } from "../../../mod.ts";
import { cleanText } from "../../base/mod.ts";
import { type HttpAnswer, serveHttp } from "../../observe/mod.ts";
import type { CommandIo } from "../io.ts";
import { type Place, placeText } from "../place.ts";

/** What is asked for, and where. */
export interface Asked {
  readonly health: HealthOptions | undefined;
  readonly prometheus: Place | null;
  /** Makes the text of metrics; `null` where nobody wants it. */
  readonly metrics: (() => Promise<HttpAnswer>) | null;
}

const PATH = "/metrics";

/** Serves what is asked for, and says where; rejects with `health_not_started` and `telemetry_not_started`, and then serves nothing. */
export async function serveAsked(tree: Tree, { health, prometheus, metrics }: Asked, io: CommandIo): Promise<AsyncDisposable> {
  const say = (what: string, host: string, { port }: HealthServer): void =>
    io.stderr(`reeve: ${what} on ${cleanText(placeText({ host, port }))}\n`);
  const routes = new Map(metrics === null ? [] : [[PATH, metrics]]);
  const host = health?.host ?? "127.0.0.1";
  const isShared = health?.port === prometheus?.port && host === prometheus?.host;
  const servers: HealthServer[] = [];
  const close = async (): Promise<void> => void await Promise.all(servers.map((server) => server.close()));
  try {
    if (health !== undefined) {
      const server = await serveHealth(tree, { ...health, also: isShared ? Object.fromEntries(routes) : {} });
      servers.push(server);
      say("health", host, server);
      if (isShared && metrics !== null) say("metrics", host, server);
    }
    if (prometheus !== null && metrics !== null && !isShared) {
      const server = await serveHttp({ ...prometheus, routes, code: "telemetry_not_started" });
      servers.push(server);
      say("metrics", prometheus.host, server);
    }
    return { [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
