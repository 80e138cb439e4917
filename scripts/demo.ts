/** Runs the example shop for 20 seconds, or until Ctrl-C with `--forever`. */
import { fileURLToPath } from "node:url";
import { main } from "../src/cli/main.ts";

const file = fileURLToPath(new URL("../examples/shop/supervisor.yaml", import.meta.url));
const time = Deno.args.includes("--forever") ? [] : ["--for", "20"];
const write = (to: typeof Deno.stdout) => (text: string): void => {
  to.writeSync(new TextEncoder().encode(text));
};
const color = Deno.stdout.isTerminal() && Deno.env.get("NO_COLOR") === undefined;
Deno.exit(
  await main(["run", file, ...time], {
    stdout: write(Deno.stdout),
    stderr: write(Deno.stderr),
    color,
    columns: Infinity,
    ask: () => Promise.resolve(null),
  }),
);
