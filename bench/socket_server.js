/**
 * The server of the socket's benchmark: a tree on its socket beside a bare echo server of the same runtime.
 *
 * Arguments: folder of the package's modules, their extension, folder of the sockets, number of children. Runs in Deno and in Node.
 */
import { createServer } from "node:net";
import process from "node:process";

const [modules, extension, folder, count] = process.argv.slice(2);
const { child, supervise } = await import(`${modules}/mod.${extension}`);
const { serveDashboard } = await import(`${modules}/src/ipc/mod.${extension}`);

const idle = ({ signal }) => new Promise((resolve) => signal.addEventListener("abort", resolve));
const children = Array.from({ length: Number(count) }, (_, index) => child.task(`child${index}`, idle));

/** Prints when it is told to: line by line, two thousand in a second by the clock. */
let wanted = 0;
const talker = child.task("talker", async ({ signal, log }) => {
  let [printed, sinceMs] = [0, 0];
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    if (printed === wanted) sinceMs = performance.now() - printed / 2;
    for (const due = Math.min(wanted, 2 * (performance.now() - sinceMs)); printed < due; printed++) log(`line ${printed}`);
  }
});

const tree = await supervise({ children: [...children, talker] });
await tree.ready();
await serveDashboard(tree, {
  targetId: "bench",
  path: `${folder}/tree.sock`,
  maxConnections: 200,
  securityConfig: { rateLimit: { enabled: false } },
});

/** Answers each line with one as long as that of `hello`, and does nothing else. */
const answer = `${"x".repeat(1_190)}\n`;
if (typeof Deno === "undefined") {
  createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (block) => socket.write(answer.repeat(linesIn(block))));
  }).listen(`${folder}/echo.sock`);
} else {
  const listener = Deno.listen({ transport: "unix", path: `${folder}/echo.sock` });
  (async () => {
    for await (const connection of listener) echo(connection).catch(() => {});
  })();
}

async function echo(connection) {
  const block = new Uint8Array(65_536);
  const encoder = new TextEncoder();
  for (let size = await connection.read(block); size !== null; size = await connection.read(block)) {
    const bytes = encoder.encode(answer.repeat(linesIn(block.subarray(0, size))));
    for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
  }
}

function linesIn(block) {
  let found = 0;
  for (let at = block.indexOf(10); at !== -1; at = block.indexOf(10, at + 1)) found++;
  return found;
}

process.stdin.on("data", (text) => {
  if (String(text).startsWith("exit")) process.exit();
  else if (String(text).startsWith("taken")) {
    const { user, system } = process.cpuUsage();
    console.log(`taken ${process.memoryUsage().rss} ${user + system}`);
  } else wanted += Number(text);
});
console.log("listening");
