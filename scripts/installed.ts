/** Packages of npm that scripts need and the project does not: in a cache folder, installed once. */
import { homedir } from "node:os";
import { join } from "node:path";

const CACHE = join(Deno.env.get("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "reeve-offline", "runtimes");

/** Installs a package into a folder of its own, once; returns its `node_modules`. */
export async function installed(name: string): Promise<string> {
  const folder = join(CACHE, name.replace(/[^\w.-]/g, "_"));
  const done = join(folder, "done");
  if (!(await exists(done))) {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "package.json"), "{}");
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", name];
    const { success, stderr } = await new Deno.Command("npm", { args, cwd: folder }).output();
    if (!success) throw new Error(`Cannot install ${name}: ${new TextDecoder().decode(stderr)}`);
    await Deno.writeTextFile(done, "");
  }
  return join(folder, "node_modules");
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
