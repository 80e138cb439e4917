/** A collector of OpenTelemetry, as far as a test needs one: it takes OTLP in JSON over HTTP. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import { at } from "./at.ts";

/** One span. */
export interface TakenSpan {
  readonly name: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Names of what happened in it. */
  readonly events: readonly string[];
  /** Whose it is. */
  readonly resource: Readonly<Record<string, unknown>>;
}

/** One value of a metric. */
export interface TakenPoint {
  readonly name: string;
  readonly labels: Readonly<Record<string, unknown>>;
  /** The value of a counter or a gauge. */
  readonly value: number;
  /** Whose it is. */
  readonly resource: Readonly<Record<string, unknown>>;
}

/** A collector that listens. */
export interface Collector {
  readonly url: string;
  readonly spans: TakenSpan[];
  readonly points: TakenPoint[];
  /** Headers of each request. */
  readonly headers: IncomingHttpHeaders[];
}

/** How it behaves. */
export interface CollectorOptions {
  /** Takes everything, and never answers. */
  readonly hangs?: boolean;
}

/** Runs something beside a collector. */
export async function withCollector(use: (collector: Collector) => Promise<void>, { hangs = false }: CollectorOptions = {}): Promise<void> {
  const taken: Omit<Collector, "url"> = { spans: [], points: [], headers: [] };
  const server = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (chunk: string) => text += chunk).on("end", () => {
      if (hangs) return;
      taken.headers.push(request.headers);
      const body: unknown = JSON.parse(text);
      if (request.url === "/v1/traces") taken.spans.push(...spansIn(body));
      else if (request.url === "/v1/metrics") taken.points.push(...pointsIn(body));
      else return void response.writeHead(404).end();
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  try {
    await use({ url: `http://127.0.0.1:${port}`, ...taken });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function spansIn(body: unknown): TakenSpan[] {
  return list(body, "resourceSpans").flatMap((owner) =>
    list(owner, "scopeSpans").flatMap((scope) =>
      list(scope, "spans").map((span) => ({
        name: String(at(span, "name")),
        attributes: attributesOf(span),
        events: list(span, "events").map((event) => String(at(event, "name"))),
        resource: attributesOf(at(owner, "resource")),
      }))
    )
  );
}

function pointsIn(body: unknown): TakenPoint[] {
  return list(body, "resourceMetrics").flatMap((owner) =>
    list(owner, "scopeMetrics").flatMap((scope) =>
      list(scope, "metrics").flatMap((metric) =>
        ["sum", "gauge"].flatMap((kind) => list(at(metric, kind), "dataPoints")).map((point) => ({
          name: String(at(metric, "name")),
          labels: attributesOf(point),
          value: Number(at(point, "asDouble") ?? at(point, "asInt")),
          resource: attributesOf(at(owner, "resource")),
        }))
      )
    )
  );
}

/** Attributes are a list of keys and values, with the type of each value as its name. */
function attributesOf(owner: unknown): Record<string, unknown> {
  return Object.fromEntries(
    list(owner, "attributes").map((attribute) => {
      const [value] = Object.values(Object(at(attribute, "value")));
      return [String(at(attribute, "key")), value];
    }),
  );
}

function list(owner: unknown, name: string): unknown[] {
  const found = at(owner, name);
  return Array.isArray(found) ? found : [];
}
