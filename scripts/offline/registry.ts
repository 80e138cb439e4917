/** Lays out a miniature JSR from the stand-ins in this folder. */
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** The stand-ins: name, version and entry file. */
const PACKAGES = [
  { scope: "std", name: "assert", version: "1.0.0", files: ["mod.ts"] },
  { scope: "deno", name: "dnt", version: "0.43.0", files: ["mod.ts", "options.ts", "transform.ts"] },
] as const;

/** Writes the registry below the cache folder of the user (in the project it would count as part of the package), once per content, and returns its URL. */
export async function layOutRegistry(): Promise<string> {
  const sources = await Promise.all(
    PACKAGES.flatMap((pack) =>
      pack.files.map(async (file) => ({ pack, file, bytes: await Deno.readFile(new URL(`./${pack.name}/${file}`, import.meta.url)) }))
    ),
  );
  const fingerprint = await sha256(new Blob([JSON.stringify(PACKAGES), ...sources.map(({ bytes }) => bytes)]));
  const cache = pathToFileURL(`${join(Deno.env.get("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "reeve-offline")}/`);
  const final = new URL(`jsr-${fingerprint.slice(0, 16)}/`, cache);
  if (await exists(final)) return final.href;

  const draft = new URL(`draft-${crypto.randomUUID()}/`, cache);
  for (const { pack, file, bytes } of sources) {
    const { scope, name, version } = pack;
    const base = new URL(`@${scope}/${name}/`, draft);
    await Deno.mkdir(new URL(`${version}/`, base), { recursive: true });
    await Deno.writeFile(new URL(`${version}/${file}`, base), bytes);
    const manifest = { [`/${file}`]: { size: bytes.length, checksum: `sha256-${await sha256(new Blob([bytes]))}` } };
    await writeJson(new URL("meta.json", base), { scope, name, latest: version, versions: { [version]: {} } });
    await writeJson(new URL(`${version}_meta.json`, base), { manifest, exports: { ".": "./mod.ts" } });
  }
  try {
    await Deno.rename(draft, final);
  } catch (error) {
    // Somebody else was quicker; what they made is the same.
    await Deno.remove(draft, { recursive: true });
    if (!(await exists(final))) throw error;
  }
  return final.href;
}

async function writeJson(url: URL, value: unknown): Promise<void> {
  await Deno.writeTextFile(url, JSON.stringify(value));
}

async function exists(url: URL): Promise<boolean> {
  try {
    await Deno.stat(url);
    return true;
  } catch {
    return false;
  }
}

async function sha256(blob: Blob): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
