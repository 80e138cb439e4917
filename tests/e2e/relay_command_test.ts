/** `reeve relay` as a user runs it. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { lstat, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { relay } from "../../src/cli/commands/relay.ts";
import type { CommandIo } from "../../src/cli/io.ts";
import { Authority } from "../support/certificates.ts";
import { reeve } from "../support/command.ts";
import { freePort } from "../support/free_port.ts";
import { inFolder } from "../support/folder.ts";
import { RelayClient } from "../support/relay_client.ts";
import { certificateOf } from "../support/relays.ts";
import { socketTest } from "../support/sockets.ts";
import { until } from "../support/until.ts";

async function write(folder: string, port: string, authority: Authority): Promise<void> {
  const { cert, key } = authority.issue([["CN", "localhost"]]);
  const files = {
    "relay.pem": cert,
    "relay.key": key,
    "ca.pem": authority.cert,
    "relay.yaml": `listen: { bind: "127.0.0.1:${port}", public_url: "wss://localhost:${port}/session" }
tls: { certificate_path: relay.pem, private_key_path: relay.key, client_ca_path: ca.pem }
registration: { listen_path: ${join(folder, "relay.sock")}, allowed_ipc_path_prefixes: [${folder}] }
log: { format: json }
`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  socketTest(
    `reeve relay serves, reads its certificates again at SIGHUP, and goes without a trace at ${signal}`,
    () =>
      inFolder(async (folder) => {
        const port = await freePort();
        const authority = new Authority();
        await write(folder, port, authority);
        const check = reeve(["relay", "--config", "relay.yaml", "--check"], { cwd: folder });
        assertEquals(await check.ended, 0, check.output());
        assertEquals(check.output(), "relay config validated\n");
        await assertRejects(() => lstat(join(folder, "relay.sock")), Error, "ENOENT");
        const command = reeve(["relay", "--config", "relay.yaml"], { cwd: folder });
        await command.until(`relay listening on wss://localhost:${port}/session`);
        const client = await RelayClient.open(`wss://localhost:${port}/session`, certificateOf(authority, "operator one"));
        assertEquals((await client.hello())["targets"], []);
        command.signal("SIGHUP");
        await until(() => command.output().includes('"certificates_reloaded"'), () => command.output());
        assert((await lstat(join(folder, "relay.sock"))).isSocket());
        command.signal(signal);
        assertEquals(await client.closed(), 1001);
        assertEquals(await command.ended, 0, command.output());
        await assertRejects(() => lstat(join(folder, "relay.sock")), Error, "ENOENT");
      }),
  );
}

socketTest("reeve relay hears SIGHUP from its first moment to its last", () =>
  inFolder(async (folder) => {
    const port = await freePort();
    await write(folder, port, new Authority());
    const lines: string[] = [];
    const io: CommandIo = {
      stdout: (text) => void lines.push(text),
      stderr: (text) => void lines.push(text),
      color: false,
      columns: Infinity,
      ask: () => Promise.resolve(null),
    };
    const before = process.listenerCount("SIGHUP");
    const config = join(folder, "absolute.yaml");
    const text = await readFile(join(folder, "relay.yaml"), "utf8");
    await writeFile(config, text.replace(/(relay|ca)\.(pem|key)/g, (name) => join(folder, name)));
    const over = relay({ config, check: false }, io);
    process.emit("SIGHUP");
    await until(() => lines.some((line) => line.includes('"certificates_reloaded"')), () => lines.join(""));
    process.emit("SIGTERM");
    assertEquals(process.listenerCount("SIGHUP"), before + 1);
    assertEquals(await over, 0);
    assertEquals([process.listenerCount("SIGHUP"), lines.at(-1)?.includes('"relay_ended"')], [before, true]);
  }));

Deno.test("reeve relay says everything that is wrong, with places and codes, and does not start", () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, "relay.yaml"), "listen: { bind: nowhere, colour: red }\n");
    const wrong = reeve(["relay", "--config", "relay.yaml"], { cwd: folder });
    assertEquals(await wrong.ended, 1, wrong.output());
    assertStringIncludes(wrong.output(), "relay.yaml:1:11  /listen/bind: ");
    assertStringIncludes(wrong.output(), "(invalid_bind_address)");
    assertStringIncludes(wrong.output(), 'unknown key "colour"');
    assertStringIncludes(wrong.output(), "(missing_tls_identity)");
    const missing = reeve(["relay", "--config", "no.yaml"], { cwd: folder });
    assertEquals(await missing.ended, 1, missing.output());
    assertStringIncludes(missing.output(), "(config_read_failed)");
  }));

Deno.test("reeve relay --check opens what the relay would open", () =>
  inFolder(async (folder) => {
    const authority = new Authority();
    await write(folder, "9443", authority);
    await writeFile(join(folder, "relay.key"), authority.issue([["CN", "another"]]).key);
    await writeFile(join(folder, "relay.sock"), "no socket");
    const check = reeve(["relay", "--config", "relay.yaml", "--check"], { cwd: folder });
    assertEquals(await check.ended, 1, check.output());
    assertStringIncludes(check.output(), "tls_config_failed at tls");
    assertStringIncludes(check.output(), "is no socket");
  }));
