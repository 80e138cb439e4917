/**
 * Measures a relay: `deno task bench:relay`, with `--quick` for a short run, `--targets`, `--sessions`, `--events` (in a second), `--all` (every session wants
 * everything) and `--node` (the relay and all others run in Node; the package must have been built).
 *
 * The relay, its targets, those who read and the one who asks are processes of their own; everything goes over TLS on the loopback address, and one target takes what
 * is asked and never answers. Without `--all` each session has a filter on its share of the targets.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { Authority } from "../tests/support/certificates.ts";

const args = process.argv.slice(2);
const isQuick = args.includes("--quick");

function numberOf(name: string, fallback: number): number {
  const index = args.indexOf(`--${name}`);
  return index === -1 ? fallback : Number(args[index + 1]);
}

const SETTINGS = {
  targets: numberOf("targets", 200),
  sessions: numberOf("sessions", 100),
  events: numberOf("events", 5_000),
  seconds: numberOf("seconds", isQuick ? 5 : 20),
  all: args.includes("--all"),
};

const ROOT = new URL("../", import.meta.url);
const isNode = args.includes("--node");

/** Starts a part of the measurement; it says one JSON object a line. */
function start(part: string, folder: string): ChildProcessWithoutNullStreams {
  const file = fileURLToPath(new URL("bench/relay_parts.js", ROOT));
  const modules = isNode ? new URL("npm/esm", ROOT).href : ROOT.href.slice(0, -1);
  const more = [part, modules, isNode ? "js" : "ts", folder, JSON.stringify(SETTINGS)];
  const command = isNode ? "node" : process.execPath;
  const child = spawn(command, [
    ...isNode ? ["--expose-gc"] : ["run", "-A", "--v8-flags=--expose-gc", "--config", fileURLToPath(new URL("deno.json", ROOT))],
    file,
    ...more,
  ]);
  child.stderr.pipe(process.stderr);
  return child;
}

function nextLine(child: ChildProcessWithoutNullStreams): Promise<Record<string, number>> {
  return new Promise((resolve, reject) => {
    let text = "";
    const read = (data: unknown): void => {
      text += String(data);
      const end = text.indexOf("\n");
      if (end === -1) return;
      child.stdout.off("data", read);
      resolve(JSON.parse(text.slice(0, end)));
    };
    child.stdout.on("data", read);
    child.once("exit", (code) => reject(new Error(`a part ended with ${code}`)));
  });
}

const folder = await mkdtemp(join(tmpdir(), "reeve-bench-relay-"));
const children: ChildProcessWithoutNullStreams[] = [];
try {
  const authority = new Authority();
  const files = { "relay": authority.issue([["CN", "localhost"]]), "operator": authority.issue([["CN", "operator"]]) };
  for (const [name, { cert, key }] of Object.entries(files)) {
    await writeFile(join(folder, `${name}.pem`), cert);
    await writeFile(join(folder, `${name}.key`), key);
  }
  await writeFile(join(folder, "ca.pem"), authority.cert);
  const relay = start("relay", folder);
  children.push(relay);
  const { port } = await nextLine(relay);
  await writeFile(join(folder, "port"), String(port));
  const echo = start("echo", folder);
  children.push(echo);
  await writeFile(join(folder, "echo_port"), String((await nextLine(echo))["port"]));
  const targets = start("targets", folder);
  children.push(targets);
  await nextLine(targets);
  const readers = start("readers", folder);
  children.push(readers);
  await nextLine(readers);
  const operator = start("operator", folder);
  children.push(operator);
  await nextLine(operator);
  readers.stdin.write("begin\n");
  const figures = await nextLine(operator);
  readers.stdin.write("figures\n");
  const seen = await nextLine(readers);
  relay.stdin.write("figures\n");
  const own = await nextLine(relay);
  const { targets: count, sessions, events, seconds, all } = SETTINGS;
  console.log(
    `${isNode ? "Node" : "Deno"}: ${count} targets (one hangs), ${sessions} sessions over TLS, ${events} events/s for ${seconds} s, ${
      all ? "all to all" : "each session its share"
    }`,
  );
  const took = Number(figures["seconds"]);
  const each = (count: number | undefined): number => Math.round(Number(count) / took);
  console.log(
    `  sessions read ${each(seen["events"])} events/s, ${Math.round(each(seen["bytes"]) / 2 ** 20)} MiB/s in all; told as dropped: ${
      seen["dropped"]
    }`,
  );
  console.log(
    `  command to result: median ${figures["p50"]} ms, p99 ${figures["p99"]} ms, longest ${figures["longest"]} ms (${
      figures["commands"]
    } commands, ${figures["lost"]} not answered within 5 s)`,
  );
  console.log(`  a bare echo server over TLS, asked in turn: median ${figures["echo50"]} ms, p99 ${figures["echo99"]} ms`);
  console.log(
    `  relay: resident ${own["rssBefore"]} MiB before, ${own["rssHalf"]} MiB in the middle, ${own["rssPeak"]} MiB at most, ${
      own["rssAfter"]
    } MiB at the end; heap in use after a collection ${own["heapBefore"]} → ${own["heapAfter"]} MiB; CPU ${own["cpu"]} %`,
  );
} finally {
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
}
