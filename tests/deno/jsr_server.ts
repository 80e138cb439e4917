/** Serves the package as JSR would, over HTTP, with what publishing changes in it. */
import { importsOf } from "./architecture.ts";

const ROOT = new URL("../../", import.meta.url);

/** Longest time for packing, and for one answer of the registry that has the other packages. */
const LIMIT_MS = 30_000;

type Bytes = Uint8Array<ArrayBuffer>;

interface PackageConfig {
  readonly name: string;
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly imports: Readonly<Record<string, string>>;
}

/** A server that runs. */
export interface JsrServer extends AsyncDisposable {
  /** What to set `JSR_URL` to. */
  readonly url: string;
  /** The files of our package that were asked for so far. */
  readonly served: ReadonlySet<string>;
}

/** Packs what `deno publish` would publish and serves it; other packages come from where this process gets them. */
export async function serveAsJsr(): Promise<JsrServer> {
  const config: PackageConfig = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const files = await packOnce(config);
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const [path, bytes] of files) manifest[path] = { size: bytes.length, checksum: `sha256-${await sha256(bytes)}` };
  const [scope = "", name = ""] = config.name.slice(1).split("/");
  const base = `/${config.name}`;
  const answers = new Map<string, Bytes>([
    [`${base}/meta.json`, json({ scope, name, latest: config.version, versions: { [config.version]: {} } })],
    [`${base}/${config.version}_meta.json`, json({ manifest, exports: config.exports })],
    ...[...files].map(([path, bytes]): [string, Bytes] => [`${base}/${config.version}${path}`, bytes]),
  ]);
  const served = new Set<string>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const bytes = answers.get(pathname);
    if (bytes !== undefined) served.add(pathname.slice(`${base}/${config.version}`.length));
    return answer(pathname, bytes ?? (pathname.startsWith(`${base}/`) ? undefined : await elsewhere(pathname)));
  });
  return { url: `http://127.0.0.1:${server.addr.port}/`, served, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** The sources stay as they are during a run, and listing them takes longer than serving them. */
let packed: Promise<ReadonlyMap<string, Bytes>> | undefined;

function packOnce(config: PackageConfig): Promise<ReadonlyMap<string, Bytes>> {
  return packed ??= pack(config);
}

/** The files that `deno publish --dry-run` lists, with bare specifiers rewritten as publishing does. */
async function pack({ imports }: PackageConfig): Promise<ReadonlyMap<string, Bytes>> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    signal: AbortSignal.timeout(LIMIT_MS),
  }).output();
  const listing = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  if (code !== 0) throw new Error(`deno publish failed with exit code ${code}:\n${listing}`);
  const files = new Map<string, Bytes>();
  for (const [, url = ""] of listing.matchAll(/^\s+(file:\/\/\S+) \(/gm)) {
    const path = `/${url.slice(ROOT.href.length)}`;
    const bytes = await Deno.readFile(new URL(url));
    files.set(path, path.endsWith(".ts") ? rewrite(path, bytes, imports) : bytes);
  }
  if (!files.has("/mod.ts")) throw new Error(`deno publish listed no files:\n${listing}`);
  return files;
}

function rewrite(path: string, bytes: Bytes, imports: Readonly<Record<string, string>>): Bytes {
  const text = new TextDecoder().decode(bytes);
  let result = "";
  let done = 0;
  for (const { specifier, start, end } of importsOf(text)) {
    if (/^(\.|[a-z]+:)/.test(specifier)) continue;
    const target = imports[specifier];
    if (target === undefined || target.startsWith(".")) throw new Error(`${path} imports "${specifier}", which publishing cannot resolve`);
    result += `${text.slice(done, start)}"${target}"`;
    done = end;
  }
  return new TextEncoder().encode(result + text.slice(done));
}

async function elsewhere(pathname: string): Promise<Bytes | undefined> {
  const url = new URL(pathname.slice(1), Deno.env.get("JSR_URL") ?? "https://jsr.io/");
  if (url.protocol === "file:") return await Deno.readFile(url).catch(() => undefined);
  const response = await fetch(url, { signal: AbortSignal.timeout(LIMIT_MS) });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return response.ok ? bytes : undefined;
}

function answer(path: string, bytes: Bytes | undefined): Response {
  if (bytes === undefined) return new Response("not found", { status: 404 });
  return new Response(bytes, { headers: { "content-type": path.endsWith(".json") ? "application/json" : "text/typescript" } });
}

function json(value: unknown): Bytes {
  return new TextEncoder().encode(JSON.stringify(value));
}

async function sha256(bytes: Bytes): Promise<string> {
  return [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
