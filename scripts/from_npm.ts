/** Packages from npm that only scripts need, each set in a folder of its own. */
import { homedir } from "node:os";
import { join } from "node:path";

const CACHE = join(Deno.env.get("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "reeve-offline", "packages");

/** Installs packages, named with their versions, once; returns their `node_modules`. Rejects where npm cannot. */
export async function fromNpm(names: readonly string[]): Promise<string> {
  const folder = join(CACHE, names.join("_").replace(/[^\w.-]/g, "_"));
  const done = join(folder, "done");
  if (!(await Deno.stat(done).then(() => true, () => false))) {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(join(folder, "package.json"), "{}");
    const args = ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...names];
    const { success, stderr } = await new Deno.Command("npm", { args, cwd: folder }).output();
    if (!success) throw new Error(`npm cannot install ${names.join(" and ")}: ${new TextDecoder().decode(stderr).slice(0, 500)}`);
    await Deno.writeTextFile(done, "");
  }
  return join(folder, "node_modules");
}
