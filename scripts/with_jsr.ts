/**
 * Runs a command so that `jsr:` packages resolve: as it is where JSR answers, else with a miniature registry of our own stand-ins.
 *
 * Usage: `deno run -A scripts/with_jsr.ts COMMAND ARGS…`; a command named `deno` is the very deno
 * that runs this script, here and in everything the command starts.
 */
import { delimiter, dirname } from "node:path";
import { layOutRegistry } from "./offline/registry.ts";

const PROBE_MS = 2_000;

async function jsrAnswers(): Promise<boolean> {
  try {
    const response = await fetch("https://jsr.io/@std/assert/meta.json", { signal: AbortSignal.timeout(PROBE_MS) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

async function registryFor(): Promise<{ url?: string; note: string }> {
  const given = Deno.env.get("JSR_URL");
  if (given !== undefined) return { note: `jsr: using JSR_URL as it is set` };
  if (await jsrAnswers()) return { note: "jsr: using the genuine packages" };
  return { url: await layOutRegistry(), note: "jsr: not reachable, using the stand-ins of scripts/offline" };
}

const [command, ...args] = Deno.args;
if (command === undefined) {
  console.error("Usage: deno run -A scripts/with_jsr.ts COMMAND ARGS…");
  Deno.exit(2);
}
const { url, note } = await registryFor();
if (url !== undefined || !Deno.env.has("REEVE_QUIET_JSR")) console.error(note);
const child = new Deno.Command(command === "deno" ? Deno.execPath() : command, {
  args,
  env: {
    REEVE_QUIET_JSR: "1",
    PATH: `${dirname(Deno.execPath())}${delimiter}${Deno.env.get("PATH") ?? ""}`,
    ...(url === undefined ? {} : { JSR_URL: url }),
  },
  stdin: "inherit",
  stdout: "inherit",
  stderr: "inherit",
}).spawn();

// Ctrl-C reaches the child by itself, since it is in the same terminal group; another process's SIGTERM does not.
Deno.addSignalListener("SIGINT", () => {});
Deno.addSignalListener("SIGTERM", () => {
  try {
    child.kill("SIGTERM");
  } catch {
    // It ended in this moment.
  }
});
const { code } = await child.status;
Deno.exit(code);
