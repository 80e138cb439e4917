/** Serves the package as JSR would, over HTTP, with what publishing changes in it. */

const ROOT = new URL("../../", import.meta.url);

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
}

/** Packs what `deno publish` would publish and serves it; other packages come from where this process gets them. */
export async function serveAsJsr(): Promise<JsrServer> {
  const config: PackageConfig = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  const files = await pack(config);
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const [path, bytes] of files) manifest[path] = { size: bytes.length, checksum: `sha256-${await sha256(bytes)}` };
  const [scope = "", name = ""] = config.name.slice(1).split("/");
  const base = `/${config.name}`;
  const answers = new Map<string, Uint8Array<ArrayBuffer>>([
    [`${base}/meta.json`, json({ scope, name, latest: config.version, versions: { [config.version]: {} } })],
    [`${base}/${config.version}_meta.json`, json({ manifest, exports: config.exports })],
    ...[...files].map(([path, bytes]): [string, Uint8Array<ArrayBuffer>] => [`${base}/${config.version}${path}`, bytes]),
  ]);
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const bytes = answers.get(pathname);
    return bytes === undefined ? await elsewhere(pathname) : new Response(bytes, { headers: { "content-type": typeOf(pathname) } });
  });
  return { url: `http://127.0.0.1:${server.addr.port}/`, [Symbol.asyncDispose]: () => server.shutdown() };
}

/** The files that `deno publish --dry-run` lists, with bare specifiers rewritten as publishing does. */
async function pack({ imports }: PackageConfig): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const listing = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [, url = ""] of listing.matchAll(/^\s+(file:\/\/\S+) \(/gm)) {
    const path = `/${url.slice(ROOT.href.length)}`;
    const bytes = await Deno.readFile(new URL(url));
    files.set(path, path.endsWith(".ts") ? rewrite(bytes, imports) : bytes);
  }
  if (!files.has("/mod.ts")) throw new Error(`deno publish listed no files:\n${listing}`);
  return files;
}

function rewrite(bytes: Uint8Array<ArrayBuffer>, imports: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  const text = new TextDecoder().decode(bytes).replace(
    /(\bfrom |\bimport |\bimport\()"([^"./][^"]*)"/g,
    (whole, start: string, specifier: string) => {
      const target = imports[specifier];
      return target === undefined || target.startsWith(".") ? whole : `${start}"${target}"`;
    },
  );
  return new TextEncoder().encode(text);
}

async function elsewhere(pathname: string): Promise<Response> {
  const registry = Deno.env.get("JSR_URL") ?? "https://jsr.io/";
  const url = new URL(pathname.slice(1), registry);
  if (url.protocol !== "file:") return await fetch(url);
  try {
    return new Response(await Deno.readFile(url), { headers: { "content-type": typeOf(pathname) } });
  } catch {
    return new Response("not found", { status: 404 });
  }
}

function typeOf(path: string): string {
  return path.endsWith(".json") ? "application/json" : "text/typescript";
}

function json(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
